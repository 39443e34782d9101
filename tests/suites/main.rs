//! What other stores and other people's data types are tested with, translated: dotted version vector sets, server-wide
//! clocks, multi-value registers, and the stories of lost data that Riak's tests are named after.
#![cfg(feature = "builtin")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod contexts;
mod laws;
mod model;
mod oracle;
mod riak;
mod server_wide;

use std::collections::BTreeMap;

use distributed_data_consistency::Node;
use distributed_data_consistency::kv::Key;
use distributed_data_consistency::protocol::Observe;
use distributed_data_consistency::store::{Config, Context, Envelope, Version, Written};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

fn laws_of(cases: u32) -> ProptestConfig {
    let file = FileFailurePersistence::Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/proptest.txt"));
    ProptestConfig { failure_persistence: Some(Box::new(file)), ..ProptestConfig::with_cases(cases) }
}

fn cluster(node_count: usize) -> Vec<Node> {
    (0..node_count).map(|node| Node::new(node, node_count)).collect()
}

/// The node after a crash in which it lost its memory.
fn reborn(node: &Node) -> Node {
    let incarnation = node.actor().incarnation + 1;
    Node::with_config(node.id().index(), node.node_count(), incarnation, Config::default()).unwrap()
}

/// Writes, and loses the updates.
fn put(node: &mut Node, key: &str, value: &str) -> Written {
    write(node, key, Some(value), None).0
}

fn put_over(node: &mut Node, key: &str, value: &str, context: &Context) -> Written {
    write(node, key, Some(value), Some(context)).0
}

fn delete(node: &mut Node, key: &str) -> Written {
    write(node, key, None, None).0
}

/// Writes; the updates are the caller's to deliver, or to lose.
fn write(node: &mut Node, key: &str, value: Option<&str>, context: Option<&Context>) -> (Written, Vec<Envelope>) {
    let written = match (value, context) {
        (Some(value), None) => node.put(key, value.as_bytes()),
        (Some(value), Some(context)) => node.put_with_context(key, value.as_bytes(), context),
        (None, None) => node.delete(key),
        (None, Some(context)) => node.delete_with_context(key, context),
    };
    (written.unwrap(), node.drain_outbox().collect())
}

fn take(node: &mut Node, envelope: &Envelope) -> usize {
    node.deliver_bytes(&envelope.to_bytes()).unwrap();
    node.process_messages().stored
}

/// One node asks another, and is answered. Returns how many versions it took.
fn pull(nodes: &mut [Node], asker: usize, peer: usize) -> usize {
    nodes[asker].start_sync(peer).unwrap();
    let mut stored = 0;
    for (from, to) in [(asker, peer), (peer, asker)] {
        let envelopes: Vec<Envelope> = nodes[from].drain_outbox().collect();
        stored += envelopes.iter().map(|envelope| take(&mut nodes[to], envelope)).sum::<usize>();
    }
    stored
}

/// Each node asks each other one, as often as it takes until all know that all have all; returns the versions taken in the
/// last round.
fn settle(nodes: &mut [Node]) -> usize {
    let mut stored = 0;
    for _ in 0..3 {
        let pairs = (0..nodes.len()).flat_map(|asker| (0..nodes.len()).map(move |peer| (asker, peer)));
        let pairs: Vec<_> = pairs.filter(|(asker, peer)| asker != peer).collect();
        stored = pairs.into_iter().map(|(asker, peer)| pull(nodes, asker, peer)).sum();
    }
    stored
}

fn values(node: &Node, key: &str) -> Vec<String> {
    let text = |version: &Version| String::from_utf8_lossy(&version.value).into_owned();
    let mut values: Vec<String> = node.versions(key).iter().map(text).collect();
    values.sort();
    values
}

/// All that reads of a node can show.
fn view(node: &Node) -> BTreeMap<Key, Vec<Version>> {
    node.view()
}

fn assert_all(nodes: &[Node], key: &str, expected: &[&str]) {
    for node in nodes {
        assert_eq!(values(node, key), expected, "at {:?}", node.id());
    }
}

fn assert_nothing_is_left_over(nodes: &[Node]) {
    for node in nodes {
        let left = node.retained();
        assert_eq!((left.tombstones, left.log_entries, left.pending_keys), (0, 0, 0), "at {:?}", node.id());
    }
}
