//! What several modules need.

use std::collections::BTreeMap;

use distributed_data_consistency::causality::{Actor, Dot, DotSet, VectorClock};
use distributed_data_consistency::kv::Key;
use distributed_data_consistency::protocol::NodeId;
use distributed_data_consistency::store::{Config, Envelope, Message, Node, Processed, Version};
use proptest::prelude::ProptestConfig;
use proptest::test_runner::FileFailurePersistence;

/// So many cases; those that fail are kept.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/proptest.txt");
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..ProptestConfig::with_cases(count)
    }
}

/// A cluster of empty nodes in their first incarnations.
pub(crate) fn cluster(node_count: usize) -> Vec<Node> {
    (0..node_count).map(|node| Node::new(node, node_count)).collect()
}

/// A node in an incarnation of its own choosing.
pub(crate) fn reborn(node: usize, node_count: usize, incarnation: u32) -> Node {
    Node::with_config(node, node_count, incarnation, Config::default()).expect("expect: such a node can be")
}

/// The writer `node` in its incarnation `incarnation`.
pub(crate) fn actor(node: u32, incarnation: u32) -> Actor {
    Actor { incarnation, node }
}

pub(crate) fn dot(actor: Actor, counter: u64) -> Dot {
    Dot::new(actor, counter).expect("expect: a counter above 0")
}

pub(crate) fn clock(counters: &[u64]) -> VectorClock {
    VectorClock::try_from(counters).expect("expect: a clock")
}

/// A version as it travels.
pub(crate) fn version(dot: Dot, counters: &[u64], value: &[u8]) -> Version {
    Version { dot: Some(dot), clock: clock(counters), value: value.into() }
}

/// What `sender` has to send to `receiver`; what it has for others is lost.
pub(crate) fn letters(sender: &mut Node, receiver: usize) -> Vec<Envelope> {
    sender.drain_outbox().filter(|envelope| envelope.to.index() == receiver).collect()
}

/// Delivers and processes one message.
pub(crate) fn take(node: &mut Node, envelope: Envelope) {
    node.deliver(envelope).expect("expect: a message of a right node is taken");
    node.process_messages();
}

/// Carries everything that is in the outboxes to and fro until nothing is left. Returns how many versions travelled.
pub(crate) fn carry_all(nodes: &mut [Node]) -> usize {
    let mut travelled = 0;
    loop {
        let under_way: Vec<Envelope> = nodes.iter_mut().flat_map(Node::drain_outbox).collect();
        if under_way.is_empty() {
            return travelled;
        }
        for envelope in under_way {
            travelled += match &envelope.message {
                Message::Update(_) => 1,
                Message::Pull(_) => 0,
                Message::Reply(reply) => reply.keys.iter().map(|state| state.writes.len()).sum(),
            };
            let to = envelope.to.index();
            take(&mut nodes[to], envelope);
        }
    }
}

/// Every node asks every other one, one after the other. Returns how many versions travelled.
pub(crate) fn sync_all(nodes: &mut [Node]) -> usize {
    let mut travelled = 0;
    for asker in 0..nodes.len() {
        for asked in (0..nodes.len()).filter(|asked| *asked != asker) {
            _ = nodes[asker].start_sync(asked);
            travelled += carry_all(nodes);
        }
    }
    travelled
}

/// A value and its clock, as [`Node::get`] tells them.
pub(crate) type Plain = (Vec<u8>, Vec<usize>);

/// All keys with what `get` says of them, sorted.
pub(crate) fn shown(node: &Node) -> BTreeMap<Key, Vec<Plain>> {
    let sorted = |key: &Key| {
        let mut siblings = node.get(key);
        siblings.sort();
        siblings
    };
    node.keys().map(|key| (key.clone(), sorted(key))).collect()
}

/// What `get` says of `key`, as text: `a[1,0] b[0,1]`.
pub(crate) fn told(node: &Node, key: &str) -> String {
    let tell = |(value, clock): Plain| {
        let clock: Vec<String> = clock.iter().map(ToString::to_string).collect();
        format!("{}[{}]", value.escape_ascii(), clock.join(","))
    };
    node.get(key).into_iter().map(tell).collect::<Vec<_>>().join(" ")
}

/// All of a node that can be seen without touching it.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    versions: Vec<(Key, Vec<Version>)>,
    plain: Vec<Vec<Plain>>,
    seen: DotSet,
    actor: Actor,
    is_settled: Vec<bool>,
}

pub(crate) fn look(node: &Node) -> Seen {
    let nodes = (0..node.node_count()).map(NodeId::new);
    Seen {
        versions: node.keys().map(|key| (key.clone(), node.versions(key).to_vec())).collect(),
        plain: node.keys().map(|key| node.get(key)).collect(),
        seen: node.seen().clone(),
        actor: node.actor(),
        is_settled: nodes.filter(|peer| *peer != node.id()).map(|peer| node.is_settled_with(peer)).collect(),
    }
}

/// All of a node that can be seen, and what it does next: what waits in its boxes, how it stamps, what it asks.
#[derive(Debug, PartialEq)]
pub(crate) struct Laid {
    before: Seen,
    left: Vec<Envelope>,
    processed: Processed,
    answered: Vec<Envelope>,
    puts: Vec<Option<Dot>>,
    asked: Vec<Envelope>,
    after: Seen,
}

/// Lays a node open, for comparison with a twin.
pub(crate) fn lay_open(mut node: Node) -> Laid {
    let before = look(&node);
    let left = node.drain_outbox().collect();
    let processed = node.process_messages();
    let answered = node.drain_outbox().collect();
    let keys: Vec<Key> = node.keys().cloned().chain(["another key".into()]).collect();
    let puts = keys.into_iter().map(|key| node.put(key, *b"next").ok().map(|written| written.dot)).collect();
    for peer in 0..node.node_count() {
        _ = node.start_sync(peer);
    }
    let asked = node.drain_outbox().collect();
    Laid { before, left, processed, answered, puts, asked, after: look(&node) }
}
