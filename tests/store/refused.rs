//! Bad input changes nothing and never panics.

use std::sync::Arc;

use distributed_data_consistency::causality::{COUNTER_MAX, Dot, DotSet};
use distributed_data_consistency::protocol::NodeId;
use distributed_data_consistency::store::{Config, Envelope, KeyState, Message, Node, Pull, Reply, StoreError, Update};

use crate::common::{actor, clock, dot, lay_open, letters, look, take, version};

/// Node 0 of three, with siblings, a gap, a full inbox but for one place, and something in the outbox.
fn busy() -> Node {
    let config = Config { key_bytes_max: 8, value_bytes_max: 8, clock_slots_max: 9, inbox_max: 3, ..Config::default() };
    let mut node = Node::with_config(0, 3, 0, config).expect("expect: a node");
    let mut peer = Node::new(1, 3);
    _ = node.put("k", *b"a");
    _ = node.put("j", *b"b");
    for value in *b"xyzuv" {
        _ = peer.put("k", [value]);
    }
    let mut updates = letters(&mut peer, 0);
    take(&mut node, updates.remove(2));
    _ = node.receive_update("k", *b"plain", vec![0, 0, 7]);
    updates.truncate(2);
    updates.into_iter().for_each(|update| node.deliver(update).expect("expect: there is room"));
    node
}

/// What is wrong, the input, and how it should be refused.
type Case<Input> = (&'static str, Input, fn(&StoreError) -> bool);

#[track_caller]
fn changes_nothing(what: &str, bad: impl FnOnce(&mut Node) -> Option<StoreError>, why: fn(&StoreError) -> bool) {
    let mut node = busy();
    let before = look(&node);
    let error = bad(&mut node).unwrap_or_else(|| panic!("{what}: should have been refused"));
    assert!(why(&error), "{what}: refused as {error:?}");
    assert!(!error.to_string().is_empty(), "{what}");
    assert_eq!(look(&node), before, "{what}");
    assert_eq!(lay_open(node), lay_open(busy()), "{what}");
}

#[test]
fn a_node_that_is_not_touched_is_like_its_twin() {
    assert_eq!(lay_open(busy()), lay_open(busy()));
}

#[test]
fn puts_that_are_too_long_change_nothing() {
    let cases: [Case<(&str, &[u8])>; 3] = [
        ("key", ("123456789", b"v"), |e| *e == StoreError::KeyTooLong { bytes: 9, bytes_max: 8 }),
        ("value", ("k", b"123456789"), |e| *e == StoreError::ValueTooLong { bytes: 9, bytes_max: 8 }),
        ("both", ("123456789", b"123456789"), |e| matches!(e, StoreError::KeyTooLong { .. })),
    ];
    for (what, (key, value), why) in cases {
        changes_nothing(what, |node| node.put(key, value).err(), why);
    }
    assert!(busy().put("12345678", *b"12345678").is_ok());
}

/// A key, a value and a clock, as `receive_update` takes them.
type ByHand = (&'static str, &'static [u8], Vec<usize>);

#[test]
fn updates_that_are_malformed_change_nothing() {
    let over = 1_usize << 53;
    let is_length = |e: &StoreError| matches!(e, StoreError::ClockLength { node_count: 3, .. });
    let is_large = |e: &StoreError| matches!(e, StoreError::CounterTooLarge { .. });
    let is_zero = |e: &StoreError| *e == StoreError::ClockZero;
    let cases: [Case<ByHand>; 15] = [
        ("one entry", ("k", b"v", vec![9]), is_length),
        ("two entries", ("k", b"v", vec![9, 9]), is_length),
        ("four entries", ("k", b"v", vec![9, 9, 9, 9]), is_length),
        ("four entries, new key", ("new", b"v", vec![9, 9, 9, 9]), is_length),
        ("no entries", ("k", b"v", vec![]), is_zero),
        ("zeros", ("k", b"v", vec![0, 0, 0]), is_zero),
        ("zeros, new key", ("new", b"v", vec![0; 6]), is_zero),
        ("2^53", ("k", b"v", vec![0, over, 0]), |e| {
            *e == StoreError::CounterTooLarge { slot: 1, counter: COUNTER_MAX + 1 }
        }),
        ("2^53 of its own", ("k", b"v", vec![over, 1, 1]), is_large),
        ("2^63", ("k", b"v", vec![1, 1, 1 << 63]), is_large),
        ("all that usize holds", ("new", b"v", vec![usize::MAX; 3]), is_large),
        ("too many incarnations", ("k", b"v", vec![1; 12]), |e| {
            *e == StoreError::ClockTooLong { entries: 12, entries_max: 9 }
        }),
        ("very many incarnations", ("k", b"v", vec![1; 300_000]), |e| matches!(e, StoreError::ClockTooLong { .. })),
        ("key", ("123456789", b"v", vec![0, 9, 0]), |e| matches!(e, StoreError::KeyTooLong { .. })),
        ("value", ("k", b"123456789", vec![0, 9, 0]), |e| matches!(e, StoreError::ValueTooLong { .. })),
    ];
    for (what, (key, value, clock), why) in cases {
        changes_nothing(what, |node| node.receive_update(key, value, clock).err(), why);
    }
}

fn envelope(from: usize, to: usize, message: Message) -> Envelope {
    Envelope { from: NodeId::new(from), to: NodeId::new(to), message }
}

fn update(dot: Dot, counters: &[u64]) -> Message {
    Message::Update(Arc::new(Update {
        key: "k".into(),
        write: version(dot, counters, b"v").into(),
        past: DotSet::new(),
    }))
}

fn pull(asker: (u32, u32), seen: &[Dot]) -> Message {
    Message::Pull(Arc::new(Pull { actor: actor(asker.0, asker.1), seen: seen.iter().copied().collect() }))
}

fn reply(answerer: (u32, u32), asker: (u32, u32), seen: &[Dot], versions: &[Message]) -> Message {
    let keys = versions.iter().map(|message| match message {
        Message::Update(update) => KeyState {
            key: update.key.clone(),
            writes: vec![update.write.clone()],
            kept: Vec::new(),
            covered: DotSet::new(),
        },
        other => panic!("expect: an update, not {other:?}"),
    });
    Message::Reply(Arc::new(Reply {
        actor: actor(answerer.0, answerer.1),
        asked_by: actor(asker.0, asker.1),
        number: 1,
        batch: 0,
        batch_count: 1,
        full: false,
        keys: keys.collect(),
        seen: seen.iter().copied().collect::<DotSet>(),
    }))
}

/// The first incarnation of node 1, which sends what is delivered here.
const GOOD: (u32, u32) = (1, 0);

/// The first write of an incarnation.
fn first(node: u32, incarnation: u32) -> Dot {
    dot(actor(node, incarnation), 1)
}

#[test]
fn messages_that_went_astray_change_nothing() {
    let good = || update(first(1, 0), &[0, 1, 0]);
    let cases: [Case<Envelope>; 7] = [
        ("for another", envelope(1, 2, good()), |e| *e == StoreError::WrongReceiver { to: NodeId::new(2) }),
        ("for nobody", envelope(1, 3, good()), |e| matches!(e, StoreError::WrongReceiver { .. })),
        ("from nobody", envelope(3, 0, good()), |e| *e == StoreError::NoSuchNode { node: 3, node_count: 3 }),
        ("from far away", envelope(u32::MAX as usize, 0, good()), |e| matches!(e, StoreError::NoSuchNode { .. })),
        ("from itself", envelope(0, 0, good()), |e| *e == StoreError::NotAPeer { node: 0 }),
        ("another's pull", envelope(1, 0, pull((2, 0), &[])), |e| {
            *e == StoreError::WrongSender { from: NodeId::new(1), actor: actor(2, 0) }
        }),
        ("another's reply", envelope(1, 0, reply((2, 0), (0, 0), &[], &[])), |e| {
            matches!(e, StoreError::WrongSender { .. })
        }),
    ];
    for (what, envelope, why) in cases {
        changes_nothing(what, |node| node.deliver(envelope).err(), why);
    }
}

#[test]
fn messages_that_name_writers_that_cannot_be_change_nothing() {
    let is_nobody = |e: &StoreError| *e == StoreError::NoSuchNode { node: 3, node_count: 3 };
    let is_long = |e: &StoreError| matches!(e, StoreError::ClockTooLong { entries_max: 9, .. });
    let far = u32::MAX;
    let cases: [Case<Message>; 14] = [
        ("update by nobody", update(first(3, 0), &[0, 0, 0, 1]), is_nobody),
        ("update in an incarnation too late", update(first(1, 3), &[1]), is_long),
        ("update in an incarnation far too late", update(first(1, far), &[1]), is_long),
        (
            "update whose clock is of an incarnation too late",
            update(first(1, 0), &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            is_long,
        ),
        ("pull by nobody", pull((3, 0), &[]), is_nobody),
        ("pull in an incarnation too late", pull((1, 3), &[]), is_long),
        ("pull in an incarnation far too late", pull((1, far), &[]), is_long),
        ("pull that saw nobody", pull(GOOD, &[first(0, 0), first(3, 0)]), is_nobody),
        ("pull that saw an incarnation too late", pull(GOOD, &[first(2, 3)]), is_long),
        ("pull that saw an incarnation far too late", pull(GOOD, &[first(2, far)]), is_long),
        ("reply to nobody", reply(GOOD, (3, 0), &[], &[]), is_nobody),
        ("reply to an incarnation too late", reply(GOOD, (0, 3), &[], &[]), is_long),
        ("reply that saw nobody", reply(GOOD, (0, 0), &[first(3, 0)], &[]), is_nobody),
        (
            "reply whose second version is bad",
            reply(GOOD, (0, 0), &[], &[update(first(1, 0), &[0, 1]), update(first(3, 0), &[0, 0, 0, 1])]),
            is_nobody,
        ),
    ];
    for (what, message, why) in cases {
        changes_nothing(what, |node| node.deliver(envelope(1, 0, message)).err(), why);
    }
}

#[test]
fn messages_that_tell_of_a_last_life_of_ones_own_change_nothing() {
    // Clocks have room for incarnations 0, 1 and 2; whoever hears of writes of its own incarnation 2 would have to begin incarnation 3.
    let is_long = |e: &StoreError| matches!(e, StoreError::ClockTooLong { entries: 12, entries_max: 9 });
    let cases: [Case<Message>; 6] = [
        ("update", update(first(0, 2), &[0, 0, 0, 0, 0, 0, 1]), is_long),
        ("update that builds on it", update(first(1, 0), &[0, 1, 0, 0, 0, 0, 1]), is_long),
        ("pull", pull(GOOD, &[first(0, 2)]), is_long),
        ("pull beside an earlier one", pull(GOOD, &[first(0, 0), first(0, 2), first(1, 2)]), is_long),
        ("reply", reply(GOOD, (0, 0), &[first(0, 2)], &[]), is_long),
        ("reply that carries it", reply(GOOD, (0, 0), &[], &[update(first(1, 0), &[0, 1, 0, 0, 0, 0, 1])]), is_long),
    ];
    for (what, message, why) in cases {
        changes_nothing(what, |node| node.deliver(envelope(1, 0, message)).err(), why);
    }
    let told_of_the_last_but_one = envelope(1, 0, pull(GOOD, &[first(0, 1)]));
    assert_eq!(busy().deliver(told_of_the_last_but_one), Ok(()));
}

#[test]
fn messages_whose_versions_contradict_themselves_change_nothing() {
    let is_contradiction = |e: &StoreError| *e == StoreError::DotNotInClock;
    let cases: [Case<Message>; 6] = [
        ("the clock has less", update(dot(actor(1, 0), 2), &[0, 1, 0]), is_contradiction),
        ("the clock has more", update(dot(actor(1, 0), 2), &[0, 3, 0]), is_contradiction),
        ("the clock has none", update(dot(actor(1, 0), 2), &[2, 0, 2]), is_contradiction),
        ("the clock has another life", update(dot(actor(1, 1), 2), &[0, 2, 0]), is_contradiction),
        ("2^53 or more", update(dot(actor(1, 0), COUNTER_MAX + 1), &[0, COUNTER_MAX, 0]), is_contradiction),
        ("the clock is zero", update(first(1, 0), &[]), |e| *e == StoreError::ClockZero),
    ];
    for (what, message, why) in cases {
        let in_reply = reply(GOOD, (0, 0), &[], std::slice::from_ref(&message));
        changes_nothing(what, |node| node.deliver(envelope(1, 0, message)).err(), why);
        changes_nothing(what, |node| node.deliver(envelope(1, 0, in_reply)).err(), why);
    }
}

#[test]
fn messages_whose_versions_are_too_long_change_nothing() {
    let sized = |key: usize, value: usize| {
        let version = version(first(1, 0), &[0, 1], &vec![b'v'; value]);
        Message::Update(Arc::new(Update { key: "k".repeat(key).into(), write: version.into(), past: DotSet::new() }))
    };
    let cases: [Case<Message>; 2] = [
        ("key", sized(9, 8), |e| *e == StoreError::KeyTooLong { bytes: 9, bytes_max: 8 }),
        ("value", sized(8, 9), |e| *e == StoreError::ValueTooLong { bytes: 9, bytes_max: 8 }),
    ];
    for (what, message, why) in cases {
        let in_reply = reply(GOOD, (0, 0), &[], std::slice::from_ref(&message));
        changes_nothing(what, |node| node.deliver(envelope(1, 0, message)).err(), why);
        changes_nothing(what, |node| node.deliver(envelope(1, 0, in_reply)).err(), why);
    }
    assert_eq!(busy().deliver(envelope(1, 0, sized(8, 8))), Ok(()));
}

#[test]
fn a_full_inbox_changes_nothing() {
    let full = || {
        let mut node = busy();
        node.deliver(envelope(2, 0, pull((2, 0), &[]))).expect("expect: one place is left");
        node
    };
    let mut node = full();
    for message in [update(first(1, 0), &[0, 1, 0]), pull(GOOD, &[]), reply(GOOD, (0, 0), &[first(2, 0)], &[])] {
        assert_eq!(node.deliver(envelope(1, 0, message)), Err(StoreError::InboxFull { waiting: 3 }));
    }
    assert_eq!(lay_open(node), lay_open(full()));
}

#[test]
fn syncing_with_nobody_changes_nothing() {
    changes_nothing("nobody", |node| node.start_sync(3).err(), |e| matches!(e, StoreError::NoSuchNode { .. }));
    changes_nothing("itself", |node| node.start_sync(0).err(), |e| *e == StoreError::NotAPeer { node: 0 });
    let node = busy();
    assert!(!node.is_settled_with(NodeId::new(3)));
    assert!(node.is_settled_with(NodeId::new(0)));
}

#[test]
fn counters_up_to_the_largest_are_taken() {
    let mut node = busy();
    node.process_messages();
    take(&mut node, envelope(1, 0, update(dot(actor(1, 0), COUNTER_MAX), &[0, COUNTER_MAX, 0])));
    assert_eq!(node.seen().last(actor(1, 0)), COUNTER_MAX);
    assert!(node.versions("k").iter().any(|version| version.clock == clock(&[0, COUNTER_MAX])));
}
