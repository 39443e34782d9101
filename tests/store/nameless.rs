//! Versions that came in by hand, which have a clock but no name, beside those that came natively.

use distributed_data_consistency::store::{Change, Node};

use crate::common::{actor, carry_all, cluster, dot, letters, shown, sync_all, take, told};

/// Two nodes; node 1 has been handed k=a of node 0, whose update is still under way.
fn handed() -> Vec<Node> {
    let mut nodes = cluster(2);
    _ = nodes[0].put("k", *b"a");
    _ = nodes[1].receive_update("k", *b"a", vec![1, 0]);
    nodes
}

#[test]
fn a_nameless_version_gets_its_name_when_it_comes_natively() {
    let mut nodes = handed();
    assert_eq!((nodes[1].versions("k")[0].dot, nodes[1].seen().is_empty()), (None, true));
    carry_all(&mut nodes);
    assert_eq!(nodes[1].versions("k")[0].dot, Some(dot(actor(0, 0), 1)));
    assert_eq!((told(&nodes[1], "k"), nodes[1].seen().base(actor(0, 0))), ("a[1,0]".to_owned(), 1));
}

#[test]
fn a_name_is_not_lost_to_a_duplicate_without_one() {
    let mut nodes = handed();
    carry_all(&mut nodes);
    assert_eq!(nodes[1].receive_update("k", *b"a", vec![1, 0]).ok(), Some(Change::Duplicate));
    assert_eq!(nodes[1].versions("k")[0].dot, Some(dot(actor(0, 0), 1)));
}

#[test]
fn a_nameless_version_gets_its_name_by_sync() {
    let mut nodes = handed();
    nodes[0].drain_outbox();
    sync_all(&mut nodes);
    assert_eq!(nodes[1].versions("k"), nodes[0].versions("k"));
    assert_eq!(sync_all(&mut nodes), 0);
    assert!(nodes[0].is_settled_with(1.into()) && nodes[1].is_settled_with(0.into()));
}

#[test]
fn a_nameless_version_spreads_by_sync() {
    let mut nodes = cluster(3);
    _ = nodes[1].receive_update("k", *b"a", vec![1, 0, 0]);
    _ = nodes[2].start_sync(1);
    assert_eq!(carry_all(&mut nodes), 1);
    assert_eq!((told(&nodes[2], "k"), nodes[2].versions("k")[0].dot), ("a[1,0,0]".to_owned(), None));
}

#[test]
fn a_nameless_version_is_not_sent_to_who_has_seen_it() {
    let mut nodes = handed();
    let update = nodes[0].drain_outbox().next();
    _ = nodes[0].start_sync(1);
    assert_eq!(carry_all(&mut nodes), 0);
    assert!(update.is_some());
}

#[test]
fn a_nameless_version_is_sent_to_who_has_seen_only_one_of_its_writers() {
    let mut nodes = cluster(3);
    _ = nodes[0].put("k", *b"a");
    carry_all(&mut nodes);
    _ = nodes[1].receive_update("k", *b"b", vec![1, 0, 1]);
    _ = nodes[0].start_sync(1);
    assert_eq!((carry_all(&mut nodes), told(&nodes[0], "k")), (1, "b[1,0,1]".to_owned()));
}

#[test]
fn a_put_over_a_nameless_version_ends_it() {
    let mut nodes = handed();
    _ = nodes[1].put("k", *b"b");
    carry_all(&mut nodes);
    assert_eq!((told(&nodes[0], "k"), told(&nodes[1], "k")), ("b[1,1]".to_owned(), "b[1,1]".to_owned()));
    assert_eq!((sync_all(&mut nodes), sync_all(&mut nodes)), (0, 0));
    assert!(nodes.iter().all(|node| node.seen().gap_count() == 0));
}

#[test]
fn a_native_version_ends_a_nameless_one_that_it_builds_on() {
    let mut nodes = cluster(3);
    _ = nodes[0].put("k", *b"a");
    carry_all(&mut nodes);
    _ = nodes[0].put("k", *b"b");
    let late = letters(&mut nodes[0], 2).remove(0);
    _ = nodes[2].receive_update("k", *b"x", vec![1, 0, 0]);
    take(&mut nodes[2], late);
    assert_eq!((told(&nodes[2], "k"), nodes[2].versions("k").len()), ("b[2,0,0]".to_owned(), 1));
    assert!(nodes[2].versions("k")[0].dot.is_some());
}

#[test]
fn an_update_by_hand_is_neither_seen_nor_passed_on_by_itself() {
    let mut nodes = cluster(2);
    _ = nodes[0].receive_update("k", *b"a", vec![0, 1]);
    assert!(nodes[0].seen().is_empty());
    assert_eq!((nodes[0].drain_outbox().count(), shown(&nodes[1]).len()), (0, 0));
}
