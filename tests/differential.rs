//! The store against the textbook: two that share no rules must answer the same.
#![cfg(all(feature = "builtin", feature = "proptest"))]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use distributed_data_consistency::check::{Convergence, Siblings};
use distributed_data_consistency::harness::Harness;
use distributed_data_consistency::kv::{Replica, StoreAction, StoreWorkload};
use distributed_data_consistency::protocol::{NodeId, Observe, Time};
use distributed_data_consistency::reference_store::ReferenceStore;
use distributed_data_consistency::sim::{Fault, Plan};
use distributed_data_consistency::store::Node;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;

fn cases(count: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/proptest.txt");
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..ProptestConfig::with_cases(count)
    }
}

/// The siblings of a key, as `get` tells them.
type Plain = Vec<(Vec<u8>, Vec<usize>)>;

// One node, fed the same.

const KEYS: [&str; 3] = ["cart", "user", "page"];

/// One thing that both nodes are told to do, or that happens elsewhere.
#[derive(Clone, Debug)]
enum Op {
    Put {
        key: usize,
    },
    /// Another node, in one of its incarnations, writes over some of the versions that there are of the key.
    Elsewhere {
        key: usize,
        node: usize,
        incarnation: usize,
        over: Vec<Index>,
    },
    /// A version that was written somewhere arrives, perhaps not for the first time.
    Arrive {
        which: Index,
    },
    /// A clock that nobody has written.
    Forged {
        key: usize,
        clock: Vec<usize>,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..KEYS.len();
    let incarnation = prop_oneof![4 => Just(0), 1 => 1..3_usize];
    let over = vec(any::<Index>(), 0..3);
    prop_oneof![
        3 => key().prop_map(|key| Op::Put { key }),
        4 => (key(), 0..5_usize, incarnation, over).prop_map(|(key, node, incarnation, over)| Op::Elsewhere { key, node, incarnation, over }),
        6 => any::<Index>().prop_map(|which| Op::Arrive { which }),
        2 => (key(), forged()).prop_map(|(key, clock)| Op::Forged { key, clock }),
    ]
}

/// Any length, so that most fit no cluster; mostly small entries, so that clocks meet.
fn forged() -> impl Strategy<Value = Vec<usize>> {
    let large = prop_oneof![Just((1 << 53) - 2), Just((1 << 53) - 1), Just(1 << 53), Just(usize::MAX)];
    vec(prop_oneof![12 => 0..4_usize, 1 => large], 0..12)
}

/// A real write: its key, value and clock.
type Write = (usize, Vec<u8>, Vec<usize>);

fn join(left: &mut Vec<usize>, right: &[usize]) {
    left.resize(left.len().max(right.len()), 0);
    left.iter_mut().zip(right).for_each(|(left, right)| *left = (*left).max(*right));
}

/// A write of another node over some versions of a key, counted by a naive vector clock.
fn write_elsewhere(writes: &[Write], key: usize, slot: usize, node_count: usize, over: &[Index]) -> Write {
    let of_key: Vec<&Write> = writes.iter().filter(|write| write.0 == key).collect();
    let mut clock = vec![0; (slot + 1).next_multiple_of(node_count)];
    if !of_key.is_empty() {
        over.iter().for_each(|which| join(&mut clock, &which.get(&of_key).2));
    }
    // The largest of its counters that there is: names are never used twice.
    let made = writes.iter().filter_map(|write| write.2.get(slot)).max().copied().unwrap_or(0);
    clock[slot] = made + 1;
    (key, format!("{slot}#{}", made + 1).into_bytes(), clock)
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn the_store_and_the_textbook_answer_every_get_alike(
        node_count in 1..=5_usize,
        me in any::<Index>(),
        ops in vec(op(), 0..80),
    ) {
        let me = me.index(node_count);
        let (mut store, mut textbook) = (Node::new(me, node_count), ReferenceStore::new(me, node_count));
        let mut writes: Vec<Write> = Vec::new();
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Put { key } => {
                    let value = format!("put {number}").into_bytes();
                    let dot = store.put(KEYS[key], value.clone()).ok().map(|written| written.dot);
                    prop_assert_eq!(dot, textbook.put(KEYS[key], value));
                    if dot.is_some() {
                        let (value, clock) = store.get(KEYS[key]).remove(0);
                        writes.push((key, value, clock));
                    }
                }
                Op::Elsewhere { key, node, incarnation, over } => {
                    let slot = incarnation * node_count + node % node_count;
                    if node % node_count != me {
                        writes.push(write_elsewhere(&writes, key, slot, node_count, &over));
                    }
                }
                Op::Arrive { which } if !writes.is_empty() => {
                    let (key, value, clock) = which.get(&writes);
                    _ = store.receive_update(KEYS[*key], value.clone(), clock.clone());
                    textbook.receive_update(KEYS[*key], value.clone(), clock.clone());
                }
                Op::Arrive { .. } => {}
                Op::Forged { key, clock } => {
                    let value = format!("forged {number}").into_bytes();
                    _ = store.receive_update(KEYS[key], value.clone(), clock.clone());
                    textbook.receive_update(KEYS[key], value, clock);
                }
            }
            for key in KEYS {
                prop_assert_eq!(store.get(key), textbook.get(key), "after op {} of node {} of {}", number, me, node_count);
            }
        }
    }
}

// Whole worlds, of the same plan.

/// What each node shows of each key at rest, sorted.
type Shown = BTreeMap<(NodeId, &'static str), Plain>;

/// A system, and what its last world showed at rest.
struct Watched<M: Replica> {
    harness: Harness<M>,
    shown: Arc<Mutex<Option<Shown>>>,
}

impl<M: Replica + Observe + 'static> Watched<M> {
    fn new(harness: Harness<M>, get: fn(&M, &str) -> Plain) -> Self {
        let shown: Arc<Mutex<Option<Shown>>> = Arc::default();
        let seen = Arc::clone(&shown);
        let harness = harness.nodes(1..=5).workload(StoreWorkload::default());
        let harness = harness.check(Siblings::new()).check(Convergence::new()).at_rest("export", move |nodes| {
            let shown = nodes.up().flat_map(|(node, machine)| KEYS.map(|key| ((node, key), sorted(get(machine, key)))));
            *seen.lock().expect("expect: nobody panics here") = Some(shown.collect());
            Ok(())
        });
        Self { harness, shown }
    }

    /// What the world of a plan shows at rest.
    fn run(&self, plan: &Plan) -> Result<Shown, TestCaseError> {
        self.harness.run(plan).prop_assert_clean()?;
        let shown = self.shown.lock().expect("expect: nobody panics here").take();
        shown.ok_or_else(|| TestCaseError::fail("the world has not come to rest"))
    }
}

fn sorted(mut siblings: Plain) -> Plain {
    siblings.sort();
    siblings
}

fn store() -> Watched<Node> {
    Watched::new(Harness::new("store", Node::boot), |node, key| node.get(key))
}

fn textbook() -> Watched<ReferenceStore> {
    Watched::new(Harness::new("textbook", |boot| ReferenceStore::boot(boot, None)), |node, key| node.get(key))
}

/// Nobody loses its memory. The two may ask each other at different times, and what a client writes over depends on that;
/// so all writes are made before the first of them asks, which it does after 20 ms.
fn without_crashes_and_with_early_writes(mut plan: Plan) -> Plan {
    plan.faults.retain(|fault| !matches!(fault.fault, Fault::Crash { .. }));
    // The two say other things at other times: what waits for that strikes them at different moments.
    plan.armed.clear();
    plan.timers.clear();
    for request in &mut plan.requests {
        request.at = Time::from_nanos(request.at.as_nanos() % 19_000_000);
    }
    plan
}

fn has_deletes(plan: &Plan) -> bool {
    let mut actions = plan.requests.iter().map(|request| &request.action);
    actions.any(|action| matches!(action.downcast(), Some(StoreAction::Delete { .. })))
}

/// The clock of a write counts the deletes before it that its node has not forgotten yet, and each of the two may forget at
/// another time.
fn without_clocks(shown: &mut Shown) {
    shown.values_mut().flatten().for_each(|(_, clock)| clock.clear());
}

#[test]
fn the_same_worlds_come_to_the_same_rest() {
    let (store, textbook) = (store(), textbook());
    let mut runner = proptest::test_runner::TestRunner::new(cases(500));
    let plans = store.harness.plans().prop_map(without_crashes_and_with_early_writes);
    let result = runner.run(&plans, |plan| {
        let (mut store, mut textbook) = (store.run(&plan)?, textbook.run(&plan)?);
        if has_deletes(&plan) {
            [&mut store, &mut textbook].into_iter().for_each(without_clocks);
        }
        prop_assert_eq!(store, textbook);
        Ok(())
    });
    result.unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn drawn_worlds_come_to_the_same_rest() {
    let (store, textbook) = (store(), textbook());
    let mut siblings = 0;
    for seed in 0..500 {
        let plan = without_crashes_and_with_early_writes(store.harness.record_seed(seed).plan);
        let comparable = |mut shown: Shown| {
            if has_deletes(&plan) {
                without_clocks(&mut shown);
            }
            shown
        };
        let left = comparable(store.run(&plan).expect("expect: clean"));
        let right = comparable(textbook.run(&plan).expect("expect: clean"));
        assert_eq!(left, right, "seed {seed}");
        siblings += left.values().filter(|siblings| siblings.len() > 1).count();
    }
    assert!(siblings > 100, "only {siblings} keys had siblings: these worlds prove little");
}
