//! Bugs of faults by their shortest stories, as far as these need no time.

use super::stories::{Shown, in_order, shown_everywhere, told};
use super::world::World;
use crate::reference_store::Bug;

#[test]
fn loopback_trust_waits_for_its_own_word() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "x");
        world.letters.clear();
        world.wake(0);
        world.letters.clear();
        world.rest();
        shown_everywhere(world, "cart")
    }
    let (right, wrong) = told(story, Bug::LoopbackTrust);
    assert_eq!((right, wrong), (vec!["{x}".to_owned(); 2], vec!["{x}".to_owned(), "{}".to_owned()]));
}

#[test]
fn ack_count_takes_two_of_one_for_one_of_each() {
    fn story(bug: Option<Bug>) -> Shown {
        let world = &mut World::new(3, bug);
        world.put(0, "cart", "x");
        let update = world.take(1);
        let _lost = world.take(2);
        world.deliver(&update);
        let acks = world.letters.clone();
        world.letters.clear();
        acks.iter().chain(&acks).for_each(|ack| world.deliver(ack));
        world.wake(0);
        world.rest();
        vec![world.get(2, "cart")]
    }
    assert_eq!((story(None), story(Some(Bug::AckCount))), (vec!["{x}".to_owned()], vec!["{}".to_owned()]));
}

#[test]
fn persist_after_send_writes_a_second_time_under_the_same_name() {
    fn story(world: &mut World) -> Shown {
        world.put_within(0, "cart", "x", 1);
        let update = world.take(1);
        world.deliver(&update);
        world.restart(0);
        world.put(0, "cart", "y");
        world.rest();
        shown_everywhere(world, "cart").into_iter().map(in_order).collect()
    }
    let (right, wrong) = told(story, Bug::PersistAfterSend);
    assert_eq!((right, wrong), (vec!["{x y}".to_owned(); 2], vec!["{y}".to_owned(), "{x}".to_owned()]));
}

#[test]
fn replay_window_drops_what_four_have_overtaken() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "a");
        ["b", "c", "d", "e"].iter().for_each(|value| world.put(0, "user", value));
        let late = world.take(1);
        for _ in 0..4 {
            let update = world.take(1);
            world.deliver(&update);
        }
        world.deliver(&late);
        vec![world.get(1, "cart")]
    }
    let (right, wrong) = told(story, Bug::ReplayWindow);
    assert_eq!((right, wrong), (vec!["{a}".to_owned()], vec!["{}".to_owned()]));
}

#[test]
fn trusted_stream_sees_no_hole_in_what_was_whole() {
    fn story(world: &mut World) -> Shown {
        for value in ["a", "b", "c", "d", "e"] {
            world.put(0, "cart", value);
            let update = world.take(1);
            world.deliver(&update);
        }
        world.put(0, "user", "f");
        let _lost = world.take(1);
        world.put(0, "cart", "g");
        world.rest();
        shown_everywhere(world, "user")
    }
    let (right, wrong) = told(story, Bug::TrustedStream);
    assert_eq!((right, wrong), (vec!["{f}".to_owned(); 2], vec!["{}".to_owned(); 2]));
}
