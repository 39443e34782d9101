//! All interleavings of a few threads with one shared node.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`
#![cfg(all(loom, feature = "store"))]

use distributed_data_consistency::SharedNode;
use distributed_data_consistency::causality::{Actor, Dot};
use distributed_data_consistency::store::Message;
use loom::thread;

fn dot(counter: u64) -> Dot {
    Dot::new(Actor::first(0), counter).unwrap()
}

/// The names that a read of `k` shows.
fn shown(node: &SharedNode) -> Vec<Dot> {
    node.read("k", |versions| versions.iter().filter_map(|version| version.dot).collect())
}

#[test]
fn two_writers_have_names_of_their_own_and_one_overwrites_the_other() {
    loom::model(|| {
        let node = SharedNode::new(0, 2);
        let other = node.clone();
        let writer = thread::spawn(move || other.put("k", *b"a").unwrap().dot);
        let mine = node.put("k", *b"b").unwrap().dot;
        let theirs = writer.join().unwrap();
        assert_ne!(mine, theirs);
        assert_eq!(shown(&node), [mine.max(theirs)]);
        assert_eq!(node.drain_outbox().len(), 2);
    });
}

#[test]
fn a_reader_sees_the_old_or_the_new_and_never_goes_back() {
    loom::model(|| {
        let node = SharedNode::new(0, 2);
        node.put("k", *b"a").unwrap();
        let other = node.clone();
        let writer = thread::spawn(move || drop(other.put("k", *b"b")));
        let (first, second) = (shown(&node), shown(&node));
        assert!(first.len() == 1 && second.len() == 1 && first <= second, "{first:?} and then {second:?}");
        writer.join().unwrap();
        assert_eq!(shown(&node), [dot(2)]);
    });
}

/// Whoever has seen the name of a write, in what the node says to have seen, sees the write.
fn seen_is_shown(make: impl Fn() -> SharedNode + Sync + Send + 'static) {
    loom::model(move || {
        let node = make();
        let other = node.clone();
        let writer = thread::spawn(move || drop(other.put("k", *b"a")));
        let has_seen = node.with(|node| node.seen().contains(dot(1)));
        let shown = shown(&node);
        assert!(!has_seen || shown == [dot(1)], "seen and not shown");
        writer.join().unwrap();
    });
}

#[test]
fn what_is_seen_is_shown() {
    seen_is_shown(|| SharedNode::new(0, 2));
}

#[test]
#[should_panic(expected = "seen and not shown")]
fn a_write_in_two_steps_is_found() {
    seen_is_shown(|| SharedNode::torn(0, 2));
}

#[test]
fn a_question_tells_of_no_write_that_is_not_there() {
    loom::model(|| {
        let node = SharedNode::new(0, 2);
        let other = node.clone();
        let writer = thread::spawn(move || drop(other.put("k", *b"a")));
        node.start_sync(1).unwrap();
        let envelopes: Vec<_> = node.drain_outbox().collect();
        let tells = envelopes.iter().any(|envelope| match &envelope.message {
            Message::Pull(pull) => pull.seen.contains(dot(1)),
            _ => false,
        });
        assert!(!tells || shown(&node) == [dot(1)]);
        writer.join().unwrap();
    });
}

#[test]
fn an_update_and_a_write_leave_both_or_what_overwrites_both() {
    loom::model(|| {
        let (node, mut peer) = (SharedNode::new(0, 2), distributed_data_consistency::Node::new(1, 2));
        peer.put("k", *b"theirs").unwrap();
        for envelope in peer.drain_outbox() {
            node.deliver(envelope).unwrap();
        }
        let other = node.clone();
        let taker = thread::spawn(move || other.process_messages().stored);
        let mine = node.put("k", *b"mine").unwrap();
        assert_eq!(taker.join().unwrap(), 1);
        let theirs = Dot::new(Actor::first(1), 1).unwrap();
        let expected = if mine.context.covers(theirs) { vec![mine.dot] } else { vec![mine.dot, theirs] };
        assert_eq!(shown(&node), expected);
    });
}

/// A reader that writes, and reads what it has written, while another one writes: nobody waits for ever.
#[test]
fn a_reader_may_read_and_write_while_it_looks() {
    loom::model(|| {
        let node = SharedNode::new(0, 2);
        let other = node.clone();
        let writer = thread::spawn(move || other.put("k", *b"a").unwrap().dot);
        let mine = node.read("k", |_| {
            let mine = node.put("k", *b"b").unwrap().dot;
            assert!(shown(&node).iter().all(|dot| *dot >= mine), "it reads its own write, or what is over it");
            mine
        });
        let theirs = writer.join().unwrap();
        assert_eq!(shown(&node), [mine.max(theirs)]);
    });
}
