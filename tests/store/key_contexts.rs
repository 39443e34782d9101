//! What a key's context, an update and an entry carry is about that key: it does not grow with what is missing elsewhere.

use distributed_data_consistency::store::{Context, Envelope, Node};

use crate::common::{actor, carry_all, cluster, dot, letters, reborn, shown, sync_all, take, told};

/// Two nodes; node 1 has missed every second one of node 0's first writes, each of a key of its own.
fn with_gaps(gaps: usize) -> Vec<Node> {
    let mut nodes = cluster(2);
    for number in 0..gaps * 2 {
        _ = nodes[0].put(format!("k{number}"), *b"v");
    }
    for update in letters(&mut nodes[0], 1).into_iter().skip(1).step_by(2) {
        nodes[1].deliver(update).expect("expect: there is room");
    }
    nodes[1].process_messages();
    assert_eq!(nodes[1].seen().gap_count(), gaps);
    nodes
}

fn bytes(envelopes: &[Envelope]) -> usize {
    envelopes.iter().map(|envelope| envelope.to_bytes().len()).sum()
}

#[test]
fn updates_and_contexts_do_not_grow_with_gaps_elsewhere() {
    let sizes = [0, 10, 1_000].map(|gaps| {
        let mut nodes = with_gaps(gaps);
        _ = nodes[1].put("new", *b"v");
        let read = nodes[1].get_with_context("new").context.to_bytes().as_bytes().len();
        let written = nodes[1].put("new", *b"w").unwrap().context.to_bytes().as_bytes().len();
        (bytes(&letters(&mut nodes[1], 0)), read, written)
    });
    let few = sizes[0];
    for many in sizes {
        // A base takes a few bytes more than none.
        assert!(many.0 <= few.0 + 20 && many.1 <= few.1 + 20 && many.2 <= few.2 + 20, "{sizes:?}");
    }
}

/// A node that comes back empty holds of each key what is about that key.
#[test]
fn what_comes_back_is_linear_in_the_keys() {
    let debug_bytes = [100, 400].map(|keys| {
        let mut nodes = cluster(2);
        for number in 0..keys {
            _ = nodes[0].put(format!("k{number:04}"), *b"1");
            _ = nodes[0].put(format!("k{number:04}"), *b"2");
        }
        nodes[0].drain_outbox();
        nodes[1] = reborn(1, 2, 1);
        _ = nodes[1].start_sync(0);
        let pull = letters(&mut nodes[1], 0).remove(0);
        take(&mut nodes[0], pull);
        for reply in letters(&mut nodes[0], 1) {
            take(&mut nodes[1], reply);
        }
        sync_all(&mut nodes);
        assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
        assert_eq!(nodes[1].retained().pending_keys, 0);
        format!("{:?}", nodes[1]).len()
    });
    assert!(debug_bytes[1] < debug_bytes[0] * 5, "{debug_bytes:?}");
}

/// Three nodes. Node 0 writes j, then k twice; node 1 misses j and the first of k.
fn with_a_gap_below() -> (Vec<Node>, Vec<Envelope>) {
    let mut nodes = cluster(3);
    _ = nodes[0].put("j", *b"x");
    _ = nodes[0].put("k", *b"a");
    _ = nodes[0].put("k", *b"b");
    let updates = letters(&mut nodes[0], 1);
    take(&mut nodes[1], updates[2].clone());
    (nodes, updates)
}

#[test]
fn what_lies_above_a_gap_is_known_to_who_reads_it_there() {
    let (mut nodes, updates) = with_a_gap_below();
    let read = nodes[1].get_with_context("k").context;
    assert!(read.covers(dot(actor(0, 0), 3)) && read.covers(dot(actor(0, 0), 2)), "{read:?}");
    // Written elsewhere with that context, it overwrites both.
    take(&mut nodes[2], {
        let mut to = updates[1].clone();
        to.to = 2.into();
        to
    });
    _ = nodes[2].put_with_context("k", *b"c", &read);
    assert_eq!(told(&nodes[2], "k"), "c[3,0,1]");
    take(&mut nodes[1], updates[1].clone());
    assert_eq!(told(&nodes[1], "k"), "b[3,0,0]", "the first comes late");
}

#[test]
fn a_gap_is_not_known_to_who_reads_another_key() {
    let (mut nodes, updates) = with_a_gap_below();
    let read = nodes[1].get_with_context("j").context;
    assert!(!read.covers(dot(actor(0, 0), 1)), "{read:?}");
    _ = nodes[1].put("j", *b"y");
    take(&mut nodes[1], updates[0].clone());
    assert_eq!(told(&nodes[1], "j"), "y[0,1,0] x[1,0,0]");
    sync_all(&mut nodes);
    assert!(nodes.iter().all(|node| node.get("j").len() == 2 && node.get("k").len() == 1));
}

/// A write that nobody has any more leaves a gap for good. What its actor wrote to a key behind it stays in one stretch.
#[test]
fn a_context_that_stays_open_does_not_grow() {
    let mut nodes = cluster(3);
    _ = nodes[0].put("lost", *b"x");
    nodes[0].drain_outbox();
    let size = |nodes: &[Node]| nodes[1].get_with_context("k").context.to_bytes().as_bytes().len();
    let mut sizes = Vec::new();
    for round in 0..200_u32 {
        _ = nodes[0].put("k", round.to_string().into_bytes());
        _ = nodes[0].put_with_context(format!("j{round}"), *b"v", &Context::empty());
        for letter in nodes[0].drain_outbox().collect::<Vec<_>>() {
            let to = letter.to.index();
            take(&mut nodes[to], letter);
        }
        sizes.push(size(&nodes));
    }
    nodes[0] = reborn(0, 3, 1);
    for _ in 0..3 {
        sync_all(&mut nodes);
    }
    assert!(sizes.iter().all(|size| *size <= 30), "{sizes:?}");
    for node in &nodes {
        assert_eq!((told(node, "k"), node.seen().gap_count()), ("199[400,0,0]".to_owned(), 1));
        assert_eq!(node.retained().pending_keys, 0, "all have seen the same");
    }
    _ = nodes[1].delete("k");
    carry_all(&mut nodes);
    sync_all(&mut nodes);
    sync_all(&mut nodes);
    assert!(nodes.iter().all(|node| node.get("k").is_empty() && node.retained().tombstones == 0));
}
