//! What a thread tells of itself.

use super::{Doing, Made, Running};
use crate::protocol::{NodeId, Time};

#[test]
fn a_word_holds_whose_code_is_run() {
    let [one, most] = [1, 4_095].map(NodeId::new);
    for doing in [
        Doing::Nothing,
        Doing::Boot(most),
        Doing::Start(one),
        Doing::Message(most, one),
        Doing::Message(one, most),
        Doing::Request(one),
        Doing::Timer(most),
        Doing::Drop(one),
        Doing::Fold(one),
        Doing::Check(70_000),
        Doing::Clients,
        Doing::Draw,
        Doing::Leave,
    ] {
        assert_eq!(Doing::of(doing.word()), doing);
    }
}

#[test]
fn what_a_thread_runs_is_told() {
    let running = Running::current();
    let world = running.enter("store", Made::Seed, 0x2a);
    running.step(7, Time::from_millis(12));
    running.doing(Doing::Message(NodeId::new(1), NodeId::new(0)));
    let told = running.tell();
    assert!(told.contains("step 7 at 12ms: node 1, as it took a message from node 0"), "{told}");
    assert!(told.contains("\"store\", seed 0x2a"), "{told}");
    assert!(running.is_in_world());
    drop(world);
    assert!(!running.is_in_world());
}
