//! The crate `crdts` on what both define: vector clocks, and registers that keep concurrent values.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crdts::mvreg::Op as Put;
use crdts::{CmRDT, CvRDT, MVReg, VClock};
use distributed_data_consistency::Node;
use distributed_data_consistency::causality::VectorClock;
use distributed_data_consistency::store::{Context, Envelope};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{cluster, laws_of, pull, settle, take, values, write};

// Clocks.

fn entries() -> impl Strategy<Value = Vec<u64>> {
    vec(0..4_u64, 0..8)
}

fn ours(entries: &[u64]) -> VectorClock {
    VectorClock::try_from(entries).unwrap()
}

fn theirs<'a>(entries: impl IntoIterator<Item = &'a u64>) -> VClock<usize> {
    let dots = entries.into_iter().enumerate().filter(|(_, counter)| **counter > 0);
    dots.map(|(slot, &counter)| crdts::Dot::new(slot, counter)).collect()
}

fn translated(clock: &VectorClock) -> VClock<usize> {
    theirs(&clock.iter().collect::<Vec<u64>>())
}

proptest! {
    #![proptest_config(laws_of(1_000))]

    #[test]
    fn clocks_compare_alike(a in entries(), b in entries()) {
        let order: Option<Ordering> = ours(&a).partial_cmp(&ours(&b));
        prop_assert_eq!(order, theirs(&a).partial_cmp(&theirs(&b)));
        prop_assert_eq!(order.is_none(), theirs(&a).concurrent(&theirs(&b)));
        prop_assert_eq!(ours(&a).is_zero(), theirs(&a).is_empty());
    }

    #[test]
    fn clocks_join_alike(a in entries(), b in entries()) {
        let (mut our, mut their) = (ours(&a), theirs(&a));
        our.join(&ours(&b));
        their.merge(theirs(&b));
        prop_assert_eq!(translated(&our), their);
    }

    #[test]
    fn clocks_count_alike(a in entries(), slot in 0..10_usize) {
        let (mut our, mut their) = (ours(&a), theirs(&a));
        prop_assert_eq!(our.get(slot), their.get(&slot));
        our.raise(slot, our.get(slot) + 1);
        their.apply(their.inc(slot));
        prop_assert_eq!(translated(&our), their);
    }
}

// Registers.

const NODE_COUNT: usize = 3;
const CLIENT_COUNT: usize = 2;

/// Writers are replicas, and write over all they have: the clocks are the same.
type ByReplica = MVReg<String, usize>;

/// Each write is its own writer, and so its clock is just its past: what contexts must amount to.
type ByWrite = MVReg<String, usize>;

#[derive(Clone, Debug)]
enum Step {
    Read { client: usize, at: usize },
    Put { client: usize, at: usize },
    Deliver(Index),
    Merge { into: usize, from: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = (0..CLIENT_COUNT, 0..NODE_COUNT);
    let step = prop_oneof![
        2 => place.clone().prop_map(|(client, at)| Step::Read { client, at }),
        4 => place.prop_map(|(client, at)| Step::Put { client, at }),
        4 => any::<Index>().prop_map(Step::Deliver),
        2 => (0..NODE_COUNT, 1..NODE_COUNT)
            .prop_map(|(into, ahead)| Step::Merge { into, from: (into + ahead) % NODE_COUNT }),
    ];
    vec(step, 0..40)
}

fn sorted(register: &MVReg<String, usize>) -> Vec<String> {
    let mut values = register.read().val;
    values.sort();
    values
}

fn merge(registers: &mut [MVReg<String, usize>], into: usize, from: usize) {
    let other = registers[from].clone();
    registers[into].merge(other);
}

fn deliver(nodes: &mut [Node], registers: &mut [MVReg<String, usize>], sent: &(Envelope, Put<String, usize>)) {
    let at = sent.0.to.index();
    take(&mut nodes[at], &sent.0);
    registers[at].apply(sent.1.clone());
}

proptest! {
    #![proptest_config(laws_of(600))]

    #[test]
    fn registers_that_write_over_all_they_have_agree_in_values_and_clocks(steps in steps()) {
        let (mut nodes, mut registers) = (cluster(NODE_COUNT), vec![ByReplica::new(); NODE_COUNT]);
        let mut sent = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Read { .. } => {}
                Step::Put { at, .. } => {
                    let value = format!("v{number}");
                    let (_, updates) = write(&mut nodes[at], "k", Some(&value), None);
                    let put = registers[at].write(value, registers[at].read_ctx().derive_add_ctx(at));
                    registers[at].apply(put.clone());
                    sent.extend(updates.into_iter().map(|update| (update, put.clone())));
                }
                Step::Deliver(which) if !sent.is_empty() => deliver(&mut nodes, &mut registers, which.get(&sent)),
                Step::Deliver(_) => {}
                Step::Merge { into, from } => {
                    pull(&mut nodes, into, from);
                    merge(&mut registers, into, from);
                }
            }
            for (node, register) in nodes.iter().zip(&registers) {
                prop_assert_eq!(values(node, "k"), sorted(register));
                let mut joined = VectorClock::new();
                node.versions("k").iter().for_each(|version| joined.join(&version.clock));
                prop_assert_eq!(translated(&joined), register.read_ctx().add_clock);
            }
        }
    }

    #[test]
    fn registers_that_write_over_what_a_client_has_read_agree_in_values(steps in steps()) {
        let (mut nodes, mut registers) = (cluster(NODE_COUNT), vec![ByWrite::new(); NODE_COUNT]);
        let mut contexts = vec![(Context::empty(), VClock::<usize>::new()); CLIENT_COUNT];
        let mut sent = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Read { client, at } => {
                    contexts[client] =
                        (nodes[at].get_with_context("k").context, registers[at].read_ctx().add_clock);
                }
                Step::Put { client, at } => {
                    let (context, clock) = &mut contexts[client];
                    let value = format!("v{number}");
                    let (written, updates) = write(&mut nodes[at], "k", Some(&value), Some(context));
                    *context = written.context;
                    clock.apply(crdts::Dot::new(number, 1));
                    let put = Put::Put { clock: clock.clone(), val: value };
                    registers[at].apply(put.clone());
                    sent.extend(updates.into_iter().map(|update| (update, put.clone())));
                }
                Step::Deliver(which) if !sent.is_empty() => deliver(&mut nodes, &mut registers, which.get(&sent)),
                Step::Deliver(_) => {}
                Step::Merge { into, from } => {
                    pull(&mut nodes, into, from);
                    merge(&mut registers, into, from);
                }
            }
            for (node, register) in nodes.iter().zip(&registers) {
                prop_assert_eq!(values(node, "k"), sorted(register));
            }
        }
        settle(&mut nodes);
        let distinct: BTreeSet<Vec<String>> = nodes.iter().map(|node| values(node, "k")).collect();
        prop_assert_eq!(distinct.len(), 1);
    }
}
