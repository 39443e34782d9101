//! Messages as bytes: nothing that comes from a wire may panic, and what is refused has changed nothing.

use std::sync::Arc;

use distributed_data_consistency::causality::{Actor, COUNTER_MAX, Dot, DotSet, VectorClock};
use distributed_data_consistency::protocol::NodeId;
use distributed_data_consistency::store::{
    Config, Envelope, KeyState, Message, Node, Pull, Reply, StoreError, Update, Version, Write,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{actor, cases, clock, dot, letters, look, take, version};

const BYTES_MAX: usize = 1 << 20;

/// Node 0 of three, with something of everything. Clocks have room for few incarnations, so that what is forged stays small.
fn receiver() -> Node {
    let config = Config { clock_slots_max: 30, message_bytes_max: BYTES_MAX, ..Config::default() };
    let mut node = Node::with_config(0, 3, 0, config).expect("expect: a node");
    let mut peer = Node::new(1, 3);
    _ = node.put("k", *b"a");
    for value in *b"xyz" {
        _ = peer.put("k", [value]);
    }
    take(&mut node, letters(&mut peer, 0).remove(1));
    _ = node.receive_update("j", *b"plain", vec![0, 0, 7]);
    node.drain_outbox();
    node
}

/// One message of each kind, with all that it may hold.
fn messages() -> Vec<Envelope> {
    let seen: DotSet = [dot(actor(1, 0), 1), dot(actor(1, 0), 300), dot(actor(2, 1), 2)].into_iter().collect();
    let nameless = Version { dot: None, clock: clock(&[0, 3, 0, 1]), value: b"n".as_slice().into() };
    let update = version(dot(actor(1, 0), 300), &[1, 300], b"value");
    let reply = Reply {
        actor: actor(1, 1),
        asked_by: actor(0, 0),
        number: 7,
        batch: 1,
        batch_count: 2,
        full: true,
        keys: vec![state("k", update.clone().into()), state("schlüssel", nameless.into())],
        seen: seen.clone(),
    };
    let message = |message| Envelope { from: NodeId::new(1), to: NodeId::new(0), message };
    vec![
        message(Message::Update(Arc::new(Update { key: "key".into(), write: update.into(), past: seen.clone() }))),
        message(Message::Pull(Arc::new(Pull { actor: actor(1, 0), seen }))),
        message(Message::Reply(Arc::new(reply))),
    ]
}

fn state(key: &str, write: Write) -> KeyState {
    KeyState { key: key.into(), writes: vec![write], kept: vec![dot(actor(1, 0), 1)], covered: DotSet::new() }
}

/// Delivers, and checks that it was either refused without a trace or can be processed.
#[track_caller]
fn deliver(bytes: &[u8]) -> Result<(), StoreError> {
    let mut node = receiver();
    let result = node.deliver_bytes(bytes);
    let processed = node.process_messages();
    if result.is_err() {
        assert_eq!((processed.messages, node.drain_outbox().count()), (0, 0), "{bytes:?}");
        assert_eq!(look(&node), look(&receiver()), "{bytes:?}");
    } else {
        assert_eq!(processed.messages, 1, "{bytes:?}");
        _ = node.put("k", *b"next");
        _ = node.put("new", *b"next");
        _ = node.start_sync(1);
        for envelope in node.drain_outbox() {
            let bytes = envelope.to_bytes();
            assert_eq!(Envelope::from_bytes(&bytes, BYTES_MAX), Ok(envelope), "{bytes:?}");
        }
    }
    result
}

#[test]
fn messages_arrive_as_they_were_sent() {
    for envelope in messages() {
        let bytes = envelope.to_bytes();
        assert_eq!(Envelope::from_bytes(&bytes, bytes.len()), Ok(envelope.clone()));
        assert_eq!(deliver(&bytes), Ok(()), "{envelope:?}");
        let (mut by_hand, mut by_bytes) = (receiver(), receiver());
        take(&mut by_hand, envelope);
        by_bytes.deliver_bytes(&bytes).unwrap();
        by_bytes.process_messages();
        assert_eq!(look(&by_hand), look(&by_bytes));
    }
}

#[test]
fn every_truncation_is_refused() {
    for envelope in messages() {
        let bytes = envelope.to_bytes();
        for length in 0..bytes.len() {
            let result = deliver(&bytes[..length]);
            assert!(
                matches!(result, Err(StoreError::Undecodable { .. })),
                "{length} bytes of {envelope:?}: {result:?}"
            );
        }
    }
}

#[test]
fn leftover_bytes_are_refused() {
    for envelope in messages() {
        for leftover in [&[0][..], &[1], &[0; 100], &envelope.to_bytes()] {
            let bytes = [&envelope.to_bytes(), leftover].concat();
            let why = deliver(&bytes).map_err(|error| error.to_string());
            assert_eq!(why, Err(format!("undecodable message: bincode: {} bytes left over", leftover.len())));
        }
    }
}

#[test]
fn other_formats_are_refused_by_their_first_byte() {
    let good = messages()[0].to_bytes();
    assert_eq!(good[0], 1);
    for format in (0..=u8::MAX).filter(|format| *format != 1) {
        let why = deliver(&[&[format], &good[1..]].concat()).map_err(|error| error.to_string());
        assert_eq!(why, Err(format!("undecodable message: bincode: format {format}: expected 1")));
    }
}

#[test]
fn no_mutation_of_a_byte_panics() {
    for envelope in messages() {
        let good = envelope.to_bytes();
        for place in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut bytes = good.clone();
                bytes[place] = byte;
                let _ = deliver(&bytes);
            }
        }
    }
}

#[test]
fn messages_longer_than_the_limit_are_refused_unread() {
    let bytes = messages()[2].to_bytes();
    let config = |message_bytes_max| Config { message_bytes_max, ..Config::default() };
    let node = |message_bytes_max| Node::with_config(0, 3, 0, config(message_bytes_max)).expect("expect: a node");
    assert_eq!(node(bytes.len()).deliver_bytes(&bytes), Ok(()));
    let why = node(bytes.len() - 1).deliver_bytes(&bytes).map_err(|error| error.to_string());
    let expected = format!("undecodable message: bincode: {} bytes: expected at most {}", bytes.len(), bytes.len() - 1);
    assert_eq!(why, Err(expected));
}

#[test]
fn sets_and_clocks_that_break_their_rules_are_refused() {
    let put = |bytes: &mut Vec<u8>, numbers: &[u64]| {
        for &number in numbers {
            match number {
                0..=250 => bytes.push(number as u8),
                _ => {
                    bytes.push(253);
                    bytes.extend(number.to_le_bytes());
                }
            }
        }
    };
    // A pull of node 1 to node 0 whose set has these actors, each (incarnation, node, base, runs), and each run as how much is
    // left out before it and how much is in.
    let pull = |seen: &[u64]| {
        let mut bytes = vec![1];
        put(&mut bytes, &[1, 0, 1, 0, 1]);
        put(&mut bytes, seen);
        bytes
    };
    let good: [(&str, &[u64]); 3] =
        [("nothing", &[0]), ("a base", &[1, 0, 2, 5, 0]), ("a base and a run", &[1, 0, 2, 5, 1, 1, 3])];
    for (what, seen) in good {
        assert_eq!(deliver(&pull(seen)), Ok(()), "{what}");
    }
    let bad: [(&str, &[u64]); 9] = [
        ("an actor with nothing", &[1, 0, 2, 0, 0]),
        ("actors out of order", &[2, 0, 2, 1, 0, 0, 1, 1, 0]),
        ("an actor twice", &[2, 0, 2, 1, 0, 0, 2, 1, 0]),
        ("a run that touches the base", &[1, 0, 2, 5, 1, 0, 3]),
        ("a run of nothing", &[1, 0, 2, 5, 1, 2, 0]),
        ("runs that touch", &[1, 0, 2, 5, 2, 1, 2, 0, 1]),
        ("a base of 2^53", &[1, 0, 2, COUNTER_MAX + 1, 0]),
        ("a run to 2^53", &[1, 0, 2, 5, 1, 1, COUNTER_MAX]),
        ("a run beyond the end of u64", &[1, 0, 2, 5, 1, 1, u64::MAX]),
    ];
    for (what, seen) in bad {
        assert!(matches!(deliver(&pull(seen)), Err(StoreError::Undecodable { .. })), "{what}");
    }
    // An update of node 1 to node 0 with key "", without a name, and with this clock.
    let update = |counters: &[u64]| {
        let mut bytes = vec![1];
        put(&mut bytes, &[1, 0, 0, 0, 0, counters.len() as u64]);
        put(&mut bytes, counters);
        // An empty value, and an empty past.
        put(&mut bytes, &[1, 0, 0]);
        bytes
    };
    assert_eq!(deliver(&update(&[0, COUNTER_MAX])), Ok(()));
    assert!(matches!(deliver(&update(&[0, COUNTER_MAX + 1])), Err(StoreError::Undecodable { .. })));
    assert_eq!(deliver(&update(&[0, 0])), Err(StoreError::ClockZero));
}

fn any_actor() -> impl Strategy<Value = Actor> {
    let incarnation = prop_oneof![4 => 0..3_u32, 1 => any::<u32>()];
    let node = prop_oneof![8 => 0..3_u32, 1 => any::<u32>()];
    (incarnation, node).prop_map(|(incarnation, node)| Actor { incarnation, node })
}

fn any_dot() -> impl Strategy<Value = Dot> {
    (any_actor(), prop_oneof![4 => 1..9_u64, 1 => 1..=COUNTER_MAX]).prop_map(|(actor, counter)| dot(actor, counter))
}

fn any_version() -> impl Strategy<Value = Version> {
    let counters = vec(prop_oneof![4 => 0..9_u64, 1 => 0..=COUNTER_MAX], 0..12);
    (any::<Option<()>>(), any_dot(), counters, vec(any::<u8>(), 0..12)).prop_map(|(named, dot, counters, value)| {
        let clock = VectorClock::try_from(counters).expect("expect: counters are small enough");
        Version { dot: named.map(|()| dot), clock, value: value.into() }
    })
}

fn any_envelope() -> impl Strategy<Value = Envelope> {
    let seen = || vec(any_dot(), 0..8).prop_map(DotSet::from_iter);
    let key = || "[a-c\u{e9}]{0,3}".prop_map(Into::into);
    let state =
        (key(), vec(any_version(), 0..3), vec(any_dot(), 0..3), seen()).prop_map(|(key, versions, kept, covered)| {
            KeyState { key, writes: versions.into_iter().map(Write::from).collect(), kept, covered }
        });
    let counts = (any::<u32>(), 0..3_u32, 0..3_u32, any::<bool>());
    let message = prop_oneof![
        (key(), any_version(), seen()).prop_map(|(key, version, past)| {
            Message::Update(Arc::new(Update { key, write: version.into(), past }))
        }),
        (any_actor(), seen()).prop_map(|(actor, seen)| Message::Pull(Arc::new(Pull { actor, seen }))),
        (any_actor(), any_actor(), counts, vec(state, 0..4), seen()).prop_map(
            |(actor, asked_by, counts, keys, seen)| {
                let (number, batch, batch_count, full) = counts;
                Message::Reply(Arc::new(Reply { actor, asked_by, number, batch, batch_count, full, keys, seen }))
            }
        ),
    ];
    (prop_oneof![8 => 0..3_usize, 1 => 0..=u32::MAX as usize], prop_oneof![8 => Just(0), 1 => 1..4_usize], message)
        .prop_map(|(from, to, message)| Envelope { from: NodeId::new(from), to: NodeId::new(to), message })
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn any_message_arrives_as_it_was_sent(envelope in any_envelope()) {
        prop_assert_eq!(Envelope::from_bytes(&envelope.to_bytes(), BYTES_MAX), Ok(envelope));
    }

    #[test]
    fn any_message_is_taken_or_refused_without_a_trace(envelope in any_envelope()) {
        let _ = deliver(&envelope.to_bytes());
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..80), is_our_format in any::<bool>()) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut().filter(|_| is_our_format) {
            *first = 1;
        }
        let _ = deliver(&bytes);
    }

    #[test]
    fn no_mutations_panic(
        which in any::<Index>(),
        changes in vec((any::<Index>(), any::<u8>(), 0..4_u8), 1..6),
    ) {
        let mut bytes = which.get(&messages()).to_bytes();
        for (place, byte, how) in changes {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 if bytes.len() > 1 => drop(bytes.remove(place)),
                // The markers of numbers that take several bytes, and so the lengths that nobody has.
                _ => bytes[place] = 251 + byte % 5,
            }
        }
        let _ = deliver(&bytes);
    }
}
