//! The boxes of a node are bounded, and so are its incarnations.

use std::sync::Arc;

use distributed_data_consistency::causality::DotSet;
use distributed_data_consistency::protocol::NodeId;
use distributed_data_consistency::store::{Config, Envelope, Message, Node, Pull, StoreError};

use crate::common::{actor, carry_all, cluster, dot, lay_open, letters, take, told};

fn with(config: Config) -> Node {
    Node::with_config(0, 2, 0, config).expect("expect: a node")
}

#[test]
fn what_a_full_inbox_refused_was_never_seen_and_may_come_again() {
    let mut nodes = [with(Config { inbox_max: 2, ..Config::default() }), Node::new(1, 2)];
    for key in ["a", "b", "c"] {
        _ = nodes[1].put(key, *b"1");
    }
    let mut updates = letters(&mut nodes[1], 0);
    let last = updates.pop().expect("expect: three updates");
    updates.into_iter().for_each(|update| nodes[0].deliver(update).unwrap());
    assert_eq!(nodes[0].deliver(last.clone()), Err(StoreError::InboxFull { waiting: 2 }));
    assert_eq!(nodes[0].process_messages().stored, 2);
    assert_eq!((nodes[0].seen().last(actor(1, 0)), told(&nodes[0], "c")), (2, String::new()));
    take(&mut nodes[0], last);
    assert_eq!((nodes[0].seen().base(actor(1, 0)), told(&nodes[0], "c")), (3, "1[0,3]".to_owned()));
}

#[test]
fn a_full_outbox_forgets_its_oldest() {
    for outbox_max in 0..4 {
        let mut node = with(Config { outbox_max, ..Config::default() });
        for key in ["a", "b", "c", "d"] {
            _ = node.put(key, *b"1");
        }
        let left = node.drain_outbox().map(|envelope| match envelope.message {
            Message::Update(update) => update.key.to_string(),
            other => panic!("expect: an update, not {other:?}"),
        });
        assert_eq!(left.collect::<Vec<_>>(), ["a", "b", "c", "d"][4 - outbox_max..]);
    }
}

/// A value of a million bytes.
fn large() -> Vec<u8> {
    vec![b'v'; 1_000_000]
}

#[test]
fn an_inbox_is_bounded_by_bytes_too() {
    let mut nodes = [with(Config { inbox_bytes_max: 2_500_000, ..Config::default() }), Node::new(1, 2)];
    for key in ["a", "b", "c"] {
        _ = nodes[1].put(key, large());
    }
    let mut updates = letters(&mut nodes[1], 0);
    let last = updates.pop().expect("expect: three updates");
    updates.into_iter().for_each(|update| nodes[0].deliver(update).unwrap());
    let refused = nodes[0].deliver(last.clone()).expect_err("expect: no room");
    assert!(matches!(refused, StoreError::InboxBytesFull { bytes_max: 2_500_000, .. }), "{refused:?}");
    assert!(refused.to_string().contains("inbox_bytes_max"), "{refused}");
    assert_eq!(nodes[0].process_messages().stored, 2);
    take(&mut nodes[0], last);
    assert_eq!(nodes[0].seen().base(actor(1, 0)), 3, "what was refused may come again");
}

/// Or it would never come in.
#[test]
fn an_empty_inbox_takes_a_message_of_any_size() {
    let mut nodes = [with(Config { inbox_bytes_max: 1, ..Config::default() }), Node::new(1, 2)];
    _ = nodes[1].put("a", large());
    _ = nodes[1].put("b", large());
    let updates = letters(&mut nodes[1], 0);
    updates.into_iter().for_each(|update| take(&mut nodes[0], update));
    assert_eq!(nodes[0].keys().count(), 2);
}

#[test]
fn an_outbox_is_bounded_by_bytes_too() {
    for (outbox_bytes_max, left_max) in [(0, 1), (1_500_000, 1), (2_500_000, 2), (1 << 30, 4)] {
        let mut node = with(Config { outbox_bytes_max, ..Config::default() });
        for key in ["a", "b", "c", "d"] {
            _ = node.put(key, large());
        }
        let left = node.drain_outbox().map(|envelope| match envelope.message {
            Message::Update(update) => update.key.to_string(),
            other => panic!("expect: an update, not {other:?}"),
        });
        assert_eq!(left.collect::<Vec<_>>(), ["a", "b", "c", "d"][4 - left_max..], "{outbox_bytes_max}");
    }
}

/// The next answer would have as many batches: if one of them had no room, it would never come.
#[test]
fn an_answer_has_room_as_a_whole_in_any_outbox() {
    let mut node = with(Config { outbox_max: 2, batch_keys_max: 1, ..Config::default() });
    ["a", "b", "c", "d"].iter().for_each(|key| _ = node.put(*key, *b"1"));
    let asks = Pull { actor: actor(1, 0), seen: DotSet::new() };
    take(&mut node, Envelope { from: NodeId::new(1), to: NodeId::new(0), message: Message::Pull(Arc::new(asks)) });
    let left = node.drain_outbox().map(|envelope| match envelope.message {
        Message::Reply(reply) => (reply.batch, reply.batch_count),
        other => panic!("expect: an answer, not {other:?}"),
    });
    assert_eq!(left.collect::<Vec<_>>(), [(0, 4), (1, 4), (2, 4), (3, 4)]);
}

#[test]
fn a_node_without_peers_keeps_nothing_to_send() {
    let mut node = Node::new(0, 1);
    _ = node.put("k", *b"v");
    assert_eq!(format!("{node:?}").matches("Outgoing").count(), 0);
    assert_eq!(node.drain_outbox().count(), 0);
}

#[test]
fn a_node_without_counters_left_refuses_to_write_and_still_takes_in() {
    let last = (1 << 53) - 1;
    let spent = || {
        let mut node = Node::new(0, 2);
        _ = node.receive_update("k", *b"a", vec![last, 0]);
        node
    };
    let mut node = spent();
    assert_eq!(node.put("k", *b"b").err(), Some(StoreError::CounterSpent));
    assert_eq!(node.put("new", *b"b").err(), Some(StoreError::CounterSpent));
    assert_eq!(lay_open(node), lay_open(spent()));
    let mut node = spent();
    _ = node.receive_update("k", *b"c", vec![0, 1]);
    assert_eq!(told(&node, "k"), format!("a[{last},0] c[0,1]"));
}

#[test]
fn the_last_write_of_a_life_can_be_made() {
    let last = (1 << 53) - 1;
    let mut nodes = cluster(2);
    _ = nodes[0].receive_update("k", *b"a", vec![last - 1, 0]);
    assert_eq!(nodes[0].put("k", *b"b").ok().map(|written| written.dot), Some(dot(actor(0, 0), last as u64)));
    carry_all(&mut nodes);
    assert_eq!((told(&nodes[1], "k"), nodes[1].seen().last(actor(0, 0))), (format!("b[{last},0]"), last as u64));
}

/// Two nodes whose clocks have room for three incarnations.
fn in_life(node: usize, incarnation: u32) -> Result<Node, StoreError> {
    Node::with_config(node, 2, incarnation, Config { clock_slots_max: 6, ..Config::default() })
}

#[test]
fn there_are_as_many_lives_as_clocks_have_room_for() {
    assert!(in_life(0, 2).is_ok() && in_life(1, 2).is_ok());
    for incarnation in [3, 4, u32::MAX] {
        let refused = in_life(1, incarnation).err();
        assert!(matches!(refused, Some(StoreError::ClockTooLong { entries_max: 6, .. })), "{incarnation}: {refused:?}");
    }
}

#[test]
fn the_last_life_still_hears_of_its_own_writes() {
    let mut nodes = [in_life(0, 2).unwrap(), in_life(1, 0).unwrap()];
    _ = nodes[0].put("k", *b"a");
    carry_all(&mut nodes);
    _ = nodes[1].put("k", *b"b");
    carry_all(&mut nodes);
    assert_eq!(told(&nodes[0], "k"), "b[0,1,0,0,1,0]");
    _ = nodes[1].start_sync(0);
    _ = nodes[0].start_sync(1);
    carry_all(&mut nodes);
    assert!(nodes[0].is_settled_with(1.into()) && nodes[1].is_settled_with(0.into()));
}

#[test]
fn a_clock_has_room_for_whole_lives_only() {
    // Seven entries: three incarnations of two nodes, and a half.
    let config = || Config { clock_slots_max: 7, ..Config::default() };
    assert!(Node::with_config(0, 2, 3, config()).is_err());
    let mut node = with(config());
    let outcome = node.receive_update("k", *b"a", vec![0, 0, 0, 0, 0, 0, 1, 0]);
    assert!(matches!(outcome.err(), Some(StoreError::ClockTooLong { entries: 8, entries_max: 7 })));
}
