//! Put, get, replicate, forget: what survives are the values whose names no put's context covers.

use std::collections::BTreeSet;

use distributed_data_consistency::Node;
use distributed_data_consistency::store::{Context, Envelope};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{assert_nothing_is_left_over, cluster, laws_of, pull, reborn, settle, take, values, write};

const NODE_COUNT: usize = 3;
const CLIENT_COUNT: usize = 2;
const KEYS: [&str; 2] = ["k", "j"];

#[derive(Clone, Debug)]
enum Op {
    Get {
        client: usize,
        at: usize,
        key: usize,
    },
    Put {
        client: usize,
        at: usize,
        key: usize,
        is_delete: bool,
        over_all: bool,
    },
    /// An update comes, maybe not for the first time.
    Deliver(Index),
    Replicate {
        asker: usize,
        peer: usize,
    },
    Forget {
        at: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let place = (0..CLIENT_COUNT, 0..NODE_COUNT, 0..KEYS.len());
    prop_oneof![
        2 => place.clone().prop_map(|(client, at, key)| Op::Get { client, at, key }),
        6 => (place, prop::bool::weighted(0.2), prop::bool::weighted(0.2)).prop_map(
            |((client, at, key), is_delete, over_all)| Op::Put { client, at, key, is_delete, over_all }
        ),
        5 => any::<Index>().prop_map(Op::Deliver),
        3 => (0..NODE_COUNT, 1..NODE_COUNT)
            .prop_map(|(asker, ahead)| Op::Replicate { asker, peer: (asker + ahead) % NODE_COUNT }),
        1 => (0..NODE_COUNT).prop_map(|at| Op::Forget { at }),
    ]
}

/// A write, by its number.
type Id = usize;

/// What is known of a write beyond any clock.
struct Known {
    key: usize,
    value: Option<String>,
    /// The writes of the same key that its client had seen.
    context: BTreeSet<Id>,
}

#[derive(Default)]
struct Model {
    writes: Vec<Known>,
    /// Which writes each node has taken in, itself or through others.
    at: [BTreeSet<Id>; NODE_COUNT],
    /// What each client was last given for each key.
    clients: [[BTreeSet<Id>; KEYS.len()]; CLIENT_COUNT],
}

impl Model {
    /// The writes of a key that a node knows of, itself or from contexts.
    fn heard(&self, at: usize, key: usize) -> BTreeSet<Id> {
        let taken = self.at[at].iter().copied().filter(|&id| self.writes[id].key == key);
        taken.flat_map(|id| self.writes[id].context.iter().copied().chain([id])).collect()
    }

    fn put(&mut self, at: usize, key: usize, value: Option<String>, context: BTreeSet<Id>) -> BTreeSet<Id> {
        let id = self.writes.len();
        let after = context.iter().copied().chain([id]).collect();
        self.writes.push(Known { key, value, context });
        self.at[at].insert(id);
        after
    }

    fn survivors(&self, at: usize, key: usize) -> Vec<String> {
        let of_key = || self.at[at].iter().filter(|&&id| self.writes[id].key == key);
        let covered: BTreeSet<Id> = of_key().flat_map(|&id| self.writes[id].context.iter().copied()).collect();
        let left = of_key().filter(|id| !covered.contains(id));
        let mut left: Vec<String> = left.filter_map(|&id| self.writes[id].value.clone()).collect();
        left.sort();
        left
    }
}

struct Run {
    model: Model,
    nodes: Vec<Node>,
    contexts: Vec<Context>,
    /// All updates that were ever sent, and of which write each is.
    updates: Vec<(Id, Envelope)>,
}

impl Run {
    fn new() -> Self {
        let contexts = vec![Context::empty(); CLIENT_COUNT * KEYS.len()];
        Self { model: Model::default(), nodes: cluster(NODE_COUNT), contexts, updates: Vec::new() }
    }

    fn apply(&mut self, op: &Op) {
        let model = &mut self.model;
        match *op {
            Op::Get { client, at, key } => {
                self.contexts[client * KEYS.len() + key] = self.nodes[at].get_with_context(KEYS[key]).context;
                model.clients[client][key] = model.heard(at, key);
            }
            Op::Put { client, at, key, is_delete, over_all } => {
                let value = (!is_delete).then(|| format!("v{}", model.writes.len()));
                let context = &mut self.contexts[client * KEYS.len() + key];
                let given = (!over_all).then_some(&*context);
                let (written, updates) = write(&mut self.nodes[at], KEYS[key], value.as_deref(), given);
                *context = written.context;
                let seen = if over_all { model.heard(at, key) } else { model.clients[client][key].clone() };
                let id = model.writes.len();
                model.clients[client][key] = model.put(at, key, value, seen);
                self.updates.extend(updates.into_iter().map(|update| (id, update)));
            }
            Op::Deliver(which) => {
                if !self.updates.is_empty() {
                    let (id, update) = which.get(&self.updates);
                    let at = update.to.index();
                    take(&mut self.nodes[at], update);
                    model.at[at].insert(*id);
                }
            }
            Op::Replicate { asker, peer } => {
                pull(&mut self.nodes, asker, peer);
                let told = model.at[peer].clone();
                model.at[asker].extend(told);
            }
            Op::Forget { at } => {
                self.nodes[at] = reborn(&self.nodes[at]);
                model.at[at].clear();
            }
        }
    }

    fn check(&self, after: &dyn std::fmt::Debug) {
        for (at, node) in self.nodes.iter().enumerate() {
            for (key, name) in KEYS.iter().enumerate() {
                assert_eq!(values(node, name), self.model.survivors(at, key), "{name} at node {at} after {after:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(laws_of(5_000))]

    #[test]
    fn what_no_context_covers_survives(ops in vec(op(), 0..40)) {
        let mut run = Run::new();
        for op in &ops {
            run.apply(op);
            run.check(op);
        }
        settle(&mut run.nodes);
        let all: BTreeSet<Id> = run.model.at.iter().flatten().copied().collect();
        run.model.at = [all.clone(), all.clone(), all];
        run.check(&"the end");
        // Where a write died with its node, a context that tells of it is remembered for ever: it may still be on its way.
        if !ops.iter().any(|op| matches!(op, Op::Forget { .. })) {
            assert_nothing_is_left_over(&run.nodes);
        }
        prop_assert_eq!(settle(&mut run.nodes), 0);
    }
}
