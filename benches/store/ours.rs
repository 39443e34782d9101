//! The node, read with and without a copy.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use distributed_data_consistency::Node;
use distributed_data_consistency::causality::{Actor, Dot};
use distributed_data_consistency::protocol::NodeId;
use distributed_data_consistency::store::{Envelope, Message, Pull, Update, Write};

use super::Subject;

/// Node 0 of three; the others take in at once whatever it sends.
pub(super) struct Shared {
    node: Node,
    incoming: VecDeque<Envelope>,
    sent: u64,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { node: Node::new(0, 3), incoming: VecDeque::new(), sent: 0 }
    }
}

impl Subject for Shared {
    fn put(&mut self, key: &str, value: &[u8]) {
        self.node.put(key, value).expect("expect: it is within the limits");
    }

    fn get(&self, key: &str) -> u64 {
        self.node.versions(key).iter().flat_map(|version| version.value.iter()).map(|byte| u64::from(*byte)).sum()
    }

    fn prepare(&mut self, keys: &[&str], value: &[u8]) {
        let actor = Actor::first(1);
        for key in keys {
            self.sent += 1;
            let read = self.node.get_with_context(key);
            let mut clock = read.versions[0].clock.clone();
            clock.raise(1, self.sent);
            let write = Write { dot: Dot::new(actor, self.sent), clock, value: Some(value.into()) };
            let update = Update { key: (*key).into(), write, past: self.node.seen().clone() };
            let message = Message::Update(Arc::new(update));
            self.incoming.push_back(Envelope { from: NodeId::new(1), to: NodeId::new(0), message });
        }
    }

    fn merge(&mut self, count: usize) -> usize {
        for envelope in self.incoming.drain(..count.min(self.incoming.len())) {
            self.node.deliver(envelope).expect("it is well-formed");
        }
        self.node.process_messages().stored
    }

    fn rest(&mut self) {
        self.node.drain_outbox();
        for peer in [1, 2] {
            let pull = Pull { actor: Actor::first(peer), seen: self.node.seen().clone() };
            let (from, message) = (NodeId::new(peer as usize), Message::Pull(Arc::new(pull)));
            self.node.deliver(Envelope { from, to: self.node.id(), message }).expect("it is well-formed");
        }
        self.node.process_messages();
        self.node.drain_outbox();
    }
}

/// The same, read through `get`, which copies values and clocks.
pub(super) struct Copied(Shared);

impl Copied {
    pub(super) fn new() -> Self {
        Self(Shared::new())
    }
}

impl Subject for Copied {
    fn put(&mut self, key: &str, value: &[u8]) {
        self.0.put(key, value);
    }

    fn get(&self, key: &str) -> u64 {
        let read = black_box(self.0.node.get(key));
        read.iter().flat_map(|(value, _)| value).map(|byte| u64::from(*byte)).sum()
    }

    fn prepare(&mut self, keys: &[&str], value: &[u8]) {
        self.0.prepare(keys, value);
    }

    fn merge(&mut self, count: usize) -> usize {
        self.0.merge(count)
    }

    fn rest(&mut self) {
        self.0.rest();
    }
}
