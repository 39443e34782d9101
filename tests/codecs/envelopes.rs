//! Envelopes: any, a few right ones, and bytes that are nearly some.

use std::sync::Arc;

use distributed_data_consistency::Node;
use distributed_data_consistency::causality::{Actor, COUNTER_MAX, Dot, DotSet, VectorClock};
use distributed_data_consistency::kv::Key;
use distributed_data_consistency::protocol::{NodeId, Rng};
use distributed_data_consistency::store::{Envelope, KeyState, Message, Pull, Reply, Update, Write};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn any_actor() -> impl Strategy<Value = Actor> {
    (prop_oneof![0..3_u32, any::<u32>()], 0..5_u32).prop_map(|(incarnation, node)| Actor { incarnation, node })
}

fn any_counter() -> impl Strategy<Value = u64> {
    prop_oneof![1..40_u64, 1..=COUNTER_MAX]
}

fn any_dot() -> impl Strategy<Value = Dot> {
    (any_actor(), any_counter()).prop_map(|(actor, counter)| Dot::new(actor, counter).expect("counters start at 1"))
}

fn any_dots() -> impl Strategy<Value = DotSet> {
    vec(any_dot(), 0..12).prop_map(DotSet::from_iter)
}

fn any_write() -> impl Strategy<Value = Write> {
    let clock = vec(prop_oneof![Just(0), any_counter()], 0..9);
    let value = option::of(vec(any::<u8>(), 0..40));
    (option::of(any_dot()), clock, value).prop_map(|(dot, clock, value)| Write {
        dot,
        clock: VectorClock::try_from(clock).expect("no counter is too large"),
        value: value.map(Arc::from),
    })
}

fn any_key() -> impl Strategy<Value = Key> {
    ".{0,12}".prop_map(Into::into)
}

/// A write of one of few writers whose clock counts it, as nearly all are: messages have a short form for it.
fn plain_write() -> impl Strategy<Value = Write> {
    let slot = prop_oneof![4 => 0..6_usize, 1 => 14..18_usize, 2 => 300..310_usize];
    let others = vec(prop_oneof![3 => Just(0), 1 => any_counter()], 0..18);
    (slot, any_counter(), others, option::of(vec(any::<u8>(), 0..40))).prop_map(|(slot, counter, others, value)| {
        let mut clock = VectorClock::try_from(others).expect("no counter is too large");
        clock.raise(slot, counter);
        let dot = Dot::new(Actor::at_slot(slot, 3), clock.get(slot));
        Write { dot, clock, value: value.map(Arc::from) }
    })
}

/// A key's state has nothing to show itself with, so only a message is made of it.
fn any_state() -> impl Strategy<Value = (Key, Vec<Write>, Vec<Dot>, DotSet)> {
    let plain = (any_key(), plain_write()).prop_map(|(key, write)| (key, vec![write], vec![], DotSet::new()));
    prop_oneof![3 => plain, 1 => (any_key(), vec(any_write(), 0..4), vec(any_dot(), 0..4), any_dots())]
}

fn any_message() -> impl Strategy<Value = Message> {
    let update = (any_key(), any_write(), any_dots())
        .prop_map(|(key, write, past)| Message::Update(Arc::new(Update { key, write, past })));
    let pull = (any_actor(), any_dots()).prop_map(|(actor, seen)| Message::Pull(Arc::new(Pull { actor, seen })));
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>());
    let reply = (any_actor(), any_actor(), numbers, vec(any_state(), 0..8), any_dots());
    let reply = reply.prop_map(|(actor, asked_by, (number, batch, batch_count, full), states, seen)| {
        let state = |(key, writes, kept, covered)| KeyState { key, writes, kept, covered };
        let keys = states.into_iter().map(state).collect();
        Message::Reply(Arc::new(Reply { actor, asked_by, number, batch, batch_count, full, keys, seen }))
    });
    prop_oneof![update, pull, reply]
}

/// Any envelope that can be written down, right or wrong.
pub(crate) fn any_envelope() -> impl Strategy<Value = Envelope> {
    let node = || prop_oneof![0..5_usize, 0..=u32::MAX as usize].prop_map(NodeId::new);
    (node(), node(), any_message()).prop_map(|(from, to, message)| Envelope { from, to, message })
}

/// Right messages of each kind for node 1 of 3.
pub(crate) fn seed_envelopes() -> Vec<Envelope> {
    let mut nodes = [Node::new(0, 3), Node::new(1, 3)];
    nodes[0].put("cart", b"bread".to_vec()).unwrap();
    nodes[0].put("user", vec![7; 40]).unwrap();
    nodes[0].delete("cart").unwrap();
    let mut envelopes: Vec<Envelope> = nodes[0].drain_outbox().filter(|sent| sent.to.index() == 1).collect();
    nodes[0].start_sync(1_usize).unwrap();
    envelopes.extend(nodes[0].drain_outbox());
    nodes[1].start_sync(0_usize).unwrap();
    for pull in nodes[1].drain_outbox() {
        nodes[0].deliver(pull).unwrap();
    }
    nodes[0].process_messages();
    envelopes.extend(nodes[0].drain_outbox());
    assert!(envelopes.iter().any(|sent| matches!(&sent.message, Message::Reply(reply) if !reply.keys.is_empty())));
    envelopes
}

/// A right message with a few bytes changed, cut, doubled or put in; now and then bytes that never were one.
pub(crate) fn mutate(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    if rng.below(8) == 0 {
        return (0..rng.below(120)).map(|_| rng.below(256) as u8).collect();
    }
    let mut bytes = seeds[rng.below(seeds.len() as u64) as usize].clone();
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len() as u64 + 1) as usize;
        match rng.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.below(256) as u8),
            2 => bytes.extend_from_within(at..),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = if rng.below(2) == 0 { *byte ^ (1 << rng.below(8)) } else { rng.below(256) as u8 };
                }
            }
        }
    }
    bytes
}
