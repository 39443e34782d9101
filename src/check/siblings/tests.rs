//! What the oracle's work costs, counted, at two lengths of a run: a step must not cost more the longer the run.

use super::compare;
use super::explain::Difference;
use super::history::History;
use super::places::LOOKS;
use super::write_set::WriteId;
use crate::causality::{Actor, Dot};
use crate::kv::{Key, Value};
use crate::protocol::{NodeId, Time};

const NODES: usize = 3;

/// How a long run goes.
#[derive(Clone, Copy, Debug)]
struct Run {
    keys: usize,
    /// Each write comes to the other nodes after so many more.
    lag: usize,
    /// A node loses its memory after so many writes, and gets the newest of each key back.
    incarnation: usize,
}

/// Looks into sets of writes for each of so many writes.
fn looks(run: Run, writes: usize) -> f64 {
    let before = LOOKS.get();
    let (mut history, mut all) = (History::default(), Vec::new());
    let nodes = || (0..NODES).map(NodeId::new);
    for number in 0..writes {
        let (at, node) = (Time::from_millis(number as u64), NodeId::new(number % NODES));
        let key = Key::from(format!("k{}", number % run.keys));
        let value = Value::from(number.to_le_bytes());
        let write = history.write(at, node, &key, Some(value), None);
        let dot = Dot::new(Actor::first(node.index() as u32), number as u64 / NODES as u64 + 1);
        history.name(write, dot.expect("expect: counters begin at 1"));
        history.process(at, node, write);
        all.push(write);
        if let Some(late) = number.checked_sub(run.lag) {
            nodes().for_each(|node| history.process(at, node, all[late]));
        }
        if number % run.incarnation == run.incarnation - 1 {
            history.forget(at, node);
            for newest in all.iter().rev().take(run.keys.max(run.lag)).rev() {
                history.process(at, node, *newest);
            }
        }
        for node in nodes() {
            assert!(history.new_claims(node, |_| false).is_empty());
        }
    }
    for node in nodes() {
        all.iter().for_each(|write| history.process(Time::ZERO, node, *write));
    }
    let nodes: Vec<NodeId> = nodes().collect();
    for key in 0..history.key_count() {
        let survivors = history.survivors(&nodes, key);
        assert!(nodes.iter().all(|node| history.siblings(*node, key).len() == survivors.len()));
    }
    (LOOKS.get() - before) as f64 / writes as f64
}

#[test]
fn a_step_costs_the_same_however_long_the_run() {
    for keys in [1, 20] {
        for lag in [0, 7] {
            let run = Run { keys, lag, incarnation: usize::MAX };
            let [short, long] = [500, 8_000].map(|writes| looks(run, writes));
            assert!(long < 1.5 * short, "{short:.1} looks a write, then {long:.1}: {run:?}");
        }
    }
}

/// A node that has lost its memory lacks all there was, for a moment.
#[test]
fn a_crash_costs_a_look_at_each_write() {
    let run = Run { keys: 1, lag: 3, incarnation: 250 };
    let (writes, rare) = (8_000, Run { incarnation: usize::MAX, ..run });
    let (with, without) = (looks(run, writes), looks(rare, writes));
    let crashes = (writes / run.incarnation) as f64;
    assert!(with < without + 2.0 * crashes, "{with:.1} looks a write with {crashes} crashes, {without:.1} without");
}

#[test]
fn many_writers_of_a_key_that_do_not_hear_of_each_other() {
    let survive = |writers: usize| {
        let (before, mut history) = (LOOKS.get(), History::default());
        let nodes: Vec<NodeId> = (0..writers).map(NodeId::new).collect();
        for node in &nodes {
            let value = Value::from(node.index().to_le_bytes());
            let write = history.write(Time::ZERO, *node, &Key::from("k"), Some(value), None);
            history.process(Time::ZERO, *node, write);
        }
        assert_eq!(history.survivors(&nodes, 0).len(), writers);
        (LOOKS.get() - before) as f64 / writers as f64
    };
    let [few, many] = [64, 1_024].map(survive);
    assert!(many < 1.5 * few, "{few:.1} looks a writer, then {many:.1}");
}

#[test]
fn what_is_shown_is_held_against_what_should_be() {
    let check = |expected: &[usize], shown: &[Option<usize>], difference: Option<Difference>| {
        let expected: Vec<WriteId> = expected.iter().copied().map(WriteId).collect();
        let shown: Vec<Option<WriteId>> = shown.iter().map(|write| write.map(WriteId)).collect();
        assert_eq!(compare(&expected, &shown), difference, "{expected:?} {shown:?}");
    };
    check(&[], &[], None);
    check(&[3, 1, 2], &[Some(2), Some(3), Some(1)], None);
    check(&[3, 1, 2], &[Some(2), Some(1)], Some(Difference::Lost(WriteId(3))));
    check(&[3, 2, 1], &[], Some(Difference::Lost(WriteId(3))));
    check(&[3], &[Some(5), Some(3), Some(4)], Some(Difference::Stale(WriteId(5))));
    check(&[3, 1], &[Some(5), Some(3)], Some(Difference::Lost(WriteId(1))));
    check(&[1], &[Some(2), Some(1), Some(1), Some(2), None], Some(Difference::Twice(WriteId(1))));
    check(&[1], &[Some(2), Some(1), None, Some(1)], Some(Difference::Invented));
}
