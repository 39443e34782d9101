//! A message may be called anything.

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::sweep::{Seeds, SweepOptions};
use distributed_data_consistency::testing::save;

/// Two messages of a kind called `KINDS[K]`; wrong if the second comes first.
struct Named<const K: usize>(Vec<u8>);

const KINDS: [&str; 5] =
    ["append entries", "", "tab\there \u{1b}[31m\nline", "\"quoted\" \\ #1", "\u{202e}right to left"];

impl<const K: usize> StateMachine for Named<K> {
    type Message = u8;
    type Timer = ();
    type Request = ();
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, number: u8, _env: &mut Env<'_, Self>) {
        self.0.push(number);
    }

    fn on_request(&mut self, id: RequestId, (): (), env: &mut Env<'_, Self>) {
        env.broadcast(&1);
        env.broadcast(&2);
        env.respond(id, ());
    }

    fn kind(_message: &u8) -> &'static str {
        KINDS[K]
    }
}

/// The failure needs a fate, so its plan names a message. The requests are `()`, for which TOML has no word.
fn check<const K: usize>() {
    let directory = tempfile::tempdir().unwrap();
    let harness = Harness::new("named", |_| Named::<K>(Vec::new())).nodes(2..=2).request_counts(1..=1).requests(|_| ());
    let harness = harness.always("in order", |nodes| match nodes.up().any(|(_, node)| node.0.starts_with(&[2])) {
        true => Err("the second came first".to_owned()),
        false => Ok(()),
    });
    let sweep = harness.sweep_with(&SweepOptions::new(Seeds::first(200)), &|_| {});
    let failure = sweep.failures.first().expect("expect: messages overtake each other");
    assert!(!failure.shrunk.plan.fates.is_empty());
    let path = save(failure, directory.path()).unwrap();
    let replayed = harness.replay_file(&path).unwrap();
    assert_eq!(replayed.file.plan, failure.shrunk.plan);
    assert!(replayed.is_as_expected() && replayed.divergence().is_none() && replayed.unmet.is_empty(), "{replayed:?}");
    let lines = replayed.trace.lines().join("\n");
    assert!(!lines.contains(crate::common::is_hostile), "{lines:?}");
}

#[test]
fn a_kind_of_any_text_is_saved_and_replayed() {
    check::<0>();
    check::<1>();
    check::<2>();
    check::<3>();
    check::<4>();
}
