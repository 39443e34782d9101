//! Things that must happen now and then, and how much of a system a sweep has shown.
#![cfg(feature = "builtin")]

use std::num::NonZeroUsize;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::strategy::Profile;
use distributed_data_consistency::sweep::{Coverage, REACH_WORLDS_MIN, Seeds, Sweep, SweepOptions};

/// Marks what it is asked, and that it has heard of it.
struct Marker;

impl StateMachine for Marker {
    type Message = ();
    type Timer = ();
    type Request = bool;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, _message: (), env: &mut Env<'_, Self>) {
        env.mark("heard");
    }

    fn on_request(&mut self, _id: RequestId, rare: bool, env: &mut Env<'_, Self>) {
        env.mark(if rare { "rare" } else { "common" });
        env.broadcast(&());
    }
}

/// One request in so many thousands is the rare one.
fn marker(rare_permille: u32) -> Harness<Marker> {
    Harness::new("marker", |_| Marker).requests(move |rng| rng.chance(rare_permille)).profile(Profile::calm())
}

fn sweep(harness: &Harness<Marker>, worlds: u64, jobs: usize) -> Sweep {
    let jobs = NonZeroUsize::new(jobs).expect("expect: above 0");
    harness.sweep_with(&SweepOptions { jobs, ..SweepOptions::new(Seeds::first(worlds)) }, &|_| {})
}

#[test]
fn a_mark_that_is_never_hit_is_told() {
    let check = |marks: &[&'static str], worlds, expected: Option<&str>| {
        let swept = sweep(&marker(0).must_reach(marks.iter().copied()), worlds, 2);
        assert_eq!(swept.tell_unreached().as_deref(), expected, "{marks:?}");
        assert_eq!(swept.is_clean(), expected.is_none());
    };
    let enough = REACH_WORLDS_MIN;
    check(&[], enough, None);
    check(&["common", "heard"], enough, None);
    check(&["common", "rare"], enough, Some("none of 1000 worlds of \"marker\" reached the mark \"rare\""));
    check(&["rare", "odd"], enough, Some("none of 1000 worlds of \"marker\" reached the marks \"rare\", \"odd\""));
    // So few may have had bad luck.
    check(&["rare"], enough - 1, None);
    check(&["rare"], 1, None);
}

#[test]
#[should_panic(expected = "none of 1000 worlds of \"marker\" reached the mark \"rare\"")]
fn a_sweep_that_misses_a_mark_is_not_clean() {
    marker(0).must_reach(["rare"]).sweep(REACH_WORLDS_MIN).assert_clean();
}

#[test]
fn what_was_seen_once_tells_how_likely_something_new_is() {
    let same = sweep(&marker(0), 200, 1).coverage;
    assert_eq!(same.worlds_alone, 0, "all worlds are alike: {same:?}");
    let rare = sweep(&marker(1), 200, 1).coverage;
    assert!(rare.worlds_alone > 0 && rare.transitions > same.transitions, "{rare:?} after {same:?}");
    assert_eq!(rare, sweep(&marker(1), 200, 3).coverage);
    assert_eq!(sweep(&marker(1), 0, 2).coverage, Coverage::default());
}

/// The estimate holds: it is about as many worlds as go on to show something new.
#[test]
#[cfg(feature = "cli")]
fn the_estimate_is_about_right() {
    use distributed_data_consistency::builtin::store;
    let part = |range| SweepOptions::new(Seeds { range, shard_count: 1, shard: 0 });
    let moves = |end| store().sweep_with(&part(0..end), &|_| {}).coverage;
    let (before, mut new) = (moves(400), 0);
    let mut known = before.transitions;
    for end in (410..=500).step_by(10) {
        let moves = moves(end).transitions;
        new += u64::from(moves > known);
        known = moves;
    }
    // Of ten times ten worlds: with a chance of 30 % in each, hardly any ten show nothing new.
    assert!(before.worlds_alone * 100 / 400 > 20 && new >= 8, "{before:?}: {new} of 10");
}
