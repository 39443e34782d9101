//! Codecs: what a node takes from any of them, what each refuses, typed values, resolvers.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![cfg(all(feature = "json", feature = "protobuf"))]

#[path = "codecs/envelopes.rs"]
mod envelopes;
#[path = "codecs/values.rs"]
mod values;

use distributed_data_consistency::Node;
use distributed_data_consistency::causality::Actor;
use distributed_data_consistency::protocol::{Observe, Rng};
use distributed_data_consistency::store::{Bincode, Codec, CodecError, Envelope, Json, Message, Protobuf, StoreError};
use proptest::prelude::*;

use envelopes::{any_envelope, mutate, seed_envelopes};

/// Hostile inputs for each codec. All is linear in it: `cargo bench --bench hostile_bytes` takes a million, and tells what
/// they cost.
const HOSTILE_INPUTS: u64 = 20_000;

/// A user's own: bincode with a checksum behind it.
#[derive(Default)]
struct Summed(Bincode);

impl Codec<Envelope> for Summed {
    fn name(&self) -> &'static str {
        "summed"
    }
    fn encode(&self, value: &Envelope) -> Result<Vec<u8>, CodecError> {
        let mut bytes = self.0.encode(value)?;
        bytes.push(bytes.iter().fold(0, |sum, byte| sum ^ byte));
        Ok(bytes)
    }
    fn decode(&self, bytes: &[u8]) -> Result<Envelope, CodecError> {
        match bytes.split_last() {
            Some((sum, body)) if body.iter().fold(0, |sum, byte| sum ^ byte) == *sum => self.0.decode(body),
            _ => Err(CodecError::malformed("summed", "the checksum is wrong")),
        }
    }
}

/// A cluster whose messages all go through a codec and a bad network.
struct Cluster<'a, C> {
    codec: &'a C,
    nodes: Vec<Node>,
    rng: Rng,
}

impl<'a, C: Codec<Envelope>> Cluster<'a, C> {
    fn new(codec: &'a C, node_count: usize, seed: u64) -> Self {
        let nodes = (0..node_count).map(|id| Node::new(id, node_count)).collect();
        Self { codec, nodes, rng: Rng::new(seed, 0) }
    }

    /// Carries what waits: each message is lost with `loss` percent, doubled as often, and they come in any order.
    fn carry(&mut self, loss: u64) {
        let mut on_the_way: Vec<(usize, Vec<u8>)> = Vec::new();
        for node in &mut self.nodes {
            for envelope in node.drain_outbox() {
                let bytes = self.codec.encode(&envelope).expect("an envelope can be encoded");
                assert_eq!(self.codec.decode(&bytes).as_ref(), Ok(&envelope));
                let copies = if self.rng.below(100) < loss { 0 } else { 1 + u64::from(self.rng.below(100) < loss) };
                on_the_way.extend((0..copies).map(|_| (envelope.to.index(), bytes.clone())));
            }
        }
        while !on_the_way.is_empty() {
            let (to, bytes) = on_the_way.swap_remove(self.rng.below(on_the_way.len() as u64) as usize);
            self.nodes[to].deliver_with(self.codec, &bytes).expect("a right message is taken");
            self.nodes[to].process_messages();
        }
    }

    /// Lets all nodes pull from all others until nothing changes.
    fn settle(&mut self) {
        for _ in 0..4 {
            let node_count = self.nodes.len();
            for (node, peer) in (0..node_count * node_count).map(|pair| (pair / node_count, pair % node_count)) {
                if node != peer {
                    self.nodes[node].start_sync(peer).unwrap();
                }
            }
            self.carry(0);
            self.carry(0);
        }
        let first = self.nodes[0].view();
        assert!(self.nodes.iter().all(|node| node.view() == first), "{}: nodes differ", self.codec.name());
        for node in &self.nodes {
            assert_eq!(node.retained().tombstones, 0, "{}: tombstones are left", self.codec.name());
        }
    }
}

fn siblings_survive<C: Codec<Envelope>>(codec: &C) {
    let mut cluster = Cluster::new(codec, 3, 1);
    cluster.nodes[0].put("cart", b"bread".to_vec()).unwrap();
    cluster.nodes[1].put("cart", vec![0, 255, 128]).unwrap();
    cluster.carry(0);
    assert!(cluster.nodes.iter().all(|node| node.get("cart").len() == 2));
    cluster.nodes[2].put("cart", b"both".to_vec()).unwrap();
    cluster.carry(0);
    assert!(cluster.nodes.iter().all(|node| node.get("cart") == [(b"both".to_vec(), vec![1, 1, 1])]));
}

fn loss_is_repaired<C: Codec<Envelope>>(codec: &C) {
    for seed in 0..8 {
        let mut cluster = Cluster::new(codec, 4, seed);
        for write in 0..40_u64 {
            let (node, key) = (cluster.rng.below(4) as usize, format!("key {}", cluster.rng.below(3)));
            cluster.nodes[node].put(key, write.to_le_bytes().to_vec()).unwrap();
            cluster.carry(40);
        }
        cluster.settle();
        assert_eq!(cluster.nodes[0].keys().count(), 3);
    }
}

fn deletes_are_forgotten<C: Codec<Envelope>>(codec: &C) {
    for seed in 0..8 {
        let mut cluster = Cluster::new(codec, 3, seed);
        for write in 0..30_u64 {
            let (node, key) = (cluster.rng.below(3) as usize, format!("key {}", cluster.rng.below(2)));
            if cluster.rng.below(3) == 0 {
                cluster.nodes[node].delete(key).unwrap();
            } else {
                cluster.nodes[node].put(key, write.to_le_bytes().to_vec()).unwrap();
            }
            cluster.carry(30);
        }
        for key in ["key 0", "key 1"] {
            cluster.settle();
            cluster.nodes[0].delete(key).unwrap();
        }
        cluster.settle();
        assert_eq!(cluster.nodes[2].keys().count(), 0);
    }
}

fn contexts_overwrite_what_was_read<C: Codec<Envelope>>(codec: &C) {
    let mut cluster = Cluster::new(codec, 3, 9);
    cluster.nodes[0].put("cart", b"bread".to_vec()).unwrap();
    let read = cluster.nodes[0].get_with_context("cart");
    cluster.nodes[1].put("cart", b"milk".to_vec()).unwrap();
    // The client outruns replication: node 2 has not heard of what it overwrites.
    cluster.nodes[2].put_with_context("cart", b"rye bread".to_vec(), &read.context).unwrap();
    cluster.carry(50);
    cluster.settle();
    let mut values: Vec<_> = cluster.nodes[0].get("cart").into_iter().map(|(value, _)| value).collect();
    values.sort();
    assert_eq!(values, [b"milk".to_vec(), b"rye bread".to_vec()]);
}

/// Cut anywhere, or with anything behind it, no message is one; and nothing that is refused leaves a trace.
fn what_is_refused_changes_nothing<C: Codec<Envelope>>(codec: &C) {
    let mut node = Node::new(1, 3);
    node.put("cart", b"bread".to_vec()).unwrap();
    drop(node.drain_outbox());
    let before = format!("{node:?}");
    for envelope in seed_envelopes() {
        let bytes = codec.encode(&envelope).unwrap();
        for end in 0..bytes.len() {
            assert_ne!(codec.decode(&bytes[..end]).as_ref(), Ok(&envelope), "{}: cut", codec.name());
        }
        for tail in [&b"\0"[..], b"x", b"\x50\x01", &bytes] {
            let longer = [&bytes, tail].concat();
            assert!(codec.decode(&longer).is_err(), "{}: {} bytes left over", codec.name(), tail.len());
            assert!(matches!(node.deliver_with(codec, &longer), Err(StoreError::Undecodable { .. })));
        }
    }
    for bytes in [&b""[..], b"\xff", b"[[[[", b"{}", b"\x01\xff\xff\xff\xff\xff", &[0; 64]] {
        assert!(node.deliver_with(codec, bytes).is_err(), "{}: {bytes:?}", codec.name());
    }
    assert_eq!(format!("{node:?}"), before);
}

/// No bytes make a node panic; those that it refuses change nothing.
fn hostile_bytes_do_no_harm<C: Codec<Envelope>>(codec: &C) {
    let seeds: Vec<Vec<u8>> = seed_envelopes().iter().map(|envelope| codec.encode(envelope).unwrap()).collect();
    let (mut node, mut rng) = (Node::new(1, 3), Rng::new(7, 0));
    let (mut taken, mut before) = (0_u64, format!("{node:?}"));
    for input in 0..HOSTILE_INPUTS {
        let bytes = mutate(&seeds, &mut rng);
        match node.deliver_with(codec, &bytes) {
            Ok(()) => {
                taken += 1;
                node.process_messages();
                drop(node.drain_outbox());
                if taken % 256 == 0 {
                    node = Node::new(1, 3);
                }
                before = format!("{node:?}");
            }
            Err(_) if input % 16 == 0 => assert_eq!(format!("{node:?}"), before, "{}: {bytes:?}", codec.name()),
            Err(_) => {}
        }
    }
    assert!(taken < HOSTILE_INPUTS, "{}: all was taken", codec.name());
}

/// A name that counts further than sets do.
fn kept_names_are_checked<C: Codec<Envelope>>(codec: &C) {
    let mut node = Node::new(1, 3);
    for mut envelope in seed_envelopes() {
        let Message::Reply(reply) = &mut envelope.message else { continue };
        let reply = std::sync::Arc::make_mut(reply);
        reply.keys[0].kept.push(distributed_data_consistency::causality::Dot::new(Actor::first(0), 1 << 60).unwrap());
        let refused = node.deliver_with(codec, &codec.encode(&envelope).unwrap());
        assert!(matches!(refused, Err(StoreError::CounterTooLarge { .. })), "{refused:?}");
    }
}

macro_rules! suite {
    ($($name:ident: $codec:expr;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn siblings_survive() {
                super::siblings_survive(&$codec);
            }

            #[test]
            fn loss_is_repaired() {
                super::loss_is_repaired(&$codec);
            }

            #[test]
            fn deletes_are_forgotten() {
                super::deletes_are_forgotten(&$codec);
            }

            #[test]
            fn contexts_overwrite_what_was_read() {
                super::contexts_overwrite_what_was_read(&$codec);
            }

            #[test]
            fn what_is_refused_changes_nothing() {
                super::what_is_refused_changes_nothing(&$codec);
            }

            #[test]
            fn hostile_bytes_do_no_harm() {
                super::hostile_bytes_do_no_harm(&$codec);
            }

            #[test]
            fn kept_names_are_checked() {
                super::kept_names_are_checked(&$codec);
            }

            proptest! {
                #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
                #[test]
                fn envelopes_come_back(envelope in any_envelope()) {
                    let bytes = $codec.encode(&envelope).unwrap();
                    prop_assert_eq!($codec.decode(&bytes), Ok(envelope));
                    let longer: Result<Envelope, _> = $codec.decode(&[&bytes[..], b"\x01"].concat());
                    prop_assert!(longer.is_err());
                }
            }
        })*
    };
}

suite! {
    json: Json::default();
    bincode: Bincode::default();
    protobuf: Protobuf::default();
    summed: Summed::default();
}

#[test]
fn bincode_is_what_envelopes_have_of_themselves() {
    for envelope in seed_envelopes() {
        assert_eq!(Bincode::default().encode(&envelope), Ok(envelope.to_bytes()));
        assert_eq!(Envelope::from_bytes(&envelope.to_bytes(), 1 << 20), Ok(envelope));
    }
}
