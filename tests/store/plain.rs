//! The interface that was asked for, with the argument types that were asked for. Results may be ignored.
#![deny(unused_must_use)]
#![expect(clippy::unnecessary_to_owned, reason = "keys are `String`s in the interface that was asked for")]

use distributed_data_consistency::Node;
use distributed_data_consistency::store::{Change, StoreError};

use crate::common::{reborn, told};

#[test]
fn the_five_methods_work_as_they_were_asked_for() {
    let mut node = Node::new(0, 3);
    _ = node.put("k".to_string(), b"v".to_vec());
    let versions: Vec<(Vec<u8>, Vec<usize>)> = node.get("k".to_string());
    assert_eq!(versions, [(b"v".to_vec(), vec![1, 0, 0])]);
    _ = node.receive_update("k".to_string(), b"w".to_vec(), vec![0, 1, 0]);
    node.process_messages();
    assert_eq!(node.get("k".to_string()), [(b"v".to_vec(), vec![1, 0, 0]), (b"w".to_vec(), vec![0, 1, 0])]);
}

#[test]
fn literals_need_no_type_annotations() {
    let mut node = Node::new(0, 1);
    _ = node.put("k".to_string(), vec![1, 2, 3]);
    _ = node.put("empty".to_string(), vec![]);
    _ = node.put(String::new(), Vec::new());
    _ = node.receive_update("k".to_string(), vec![4], vec![2]);
    assert_eq!((node.get("k"), node.get("empty")), (vec![(vec![4], vec![2])], vec![(vec![], vec![2])]));
    assert_eq!(node.get(""), [(vec![], vec![3])]);
}

#[test]
fn a_key_that_was_never_written_has_no_versions() {
    let node = Node::new(0, 3);
    let versions: Vec<(Vec<u8>, Vec<usize>)> = node.get("k".to_string());
    assert_eq!((versions, node.get("k"), node.versions("k")), (vec![], vec![], [].as_slice()));
}

#[test]
fn the_counter_is_the_nodes_and_not_the_keys() {
    let mut node = Node::new(0, 3);
    _ = node.put("k".to_string(), b"a".to_vec());
    assert_eq!(told(&node, "k"), "a[1,0,0]");
    _ = node.put("j".to_string(), b"b".to_vec());
    assert_eq!(told(&node, "j"), "b[2,0,0]");
}

#[test]
fn a_put_replaces_all_siblings() {
    let mut node = Node::new(0, 3);
    _ = node.put("k".to_string(), b"a".to_vec());
    _ = node.put("j".to_string(), b"b".to_vec());
    _ = node.receive_update("k".to_string(), b"c".to_vec(), vec![0, 1, 0]);
    assert_eq!(told(&node, "k"), "a[1,0,0] c[0,1,0]");
    _ = node.put("k".to_string(), b"d".to_vec());
    assert_eq!(told(&node, "k"), "d[3,1,0]");
}

#[test]
fn a_stamp_knows_of_its_own_key_only() {
    let mut node = Node::new(0, 3);
    _ = node.put("k".to_string(), b"a".to_vec());
    _ = node.receive_update("j".to_string(), b"x".to_vec(), vec![0, 5, 0]);
    _ = node.put("k".to_string(), b"b".to_vec());
    assert_eq!(told(&node, "k"), "b[2,0,0]");
}

#[test]
fn an_own_entry_above_what_was_issued_moves_the_counter_up() {
    let mut node = Node::new(0, 3);
    _ = node.receive_update("k".to_string(), b"a".to_vec(), vec![2, 0, 0]);
    _ = node.put("k".to_string(), b"b".to_vec());
    assert_eq!(told(&node, "k"), "b[3,0,0]");
}

#[test]
fn the_counter_moves_up_even_for_an_update_that_is_obsolete() {
    let mut node = Node::new(0, 2);
    _ = node.receive_update("k".to_string(), b"new".to_vec(), vec![4, 1]);
    _ = node.receive_update("j".to_string(), b"newer".to_vec(), vec![7, 2]);
    assert_eq!(node.receive_update("j".to_string(), b"old".to_vec(), vec![6, 1]).ok(), Some(Change::Obsolete));
    _ = node.put("k".to_string(), b"next".to_vec());
    assert_eq!(told(&node, "k"), "next[8,1]");
}

#[test]
fn an_own_entry_of_a_later_life_is_taken_for_ones_own_as_well() {
    let mut node = Node::new(0, 2);
    _ = node.receive_update("k".to_string(), b"a".to_vec(), vec![5, 0, 2, 0]);
    _ = node.put("k".to_string(), b"b".to_vec());
    assert_eq!(told(&node, "k"), "b[5,0,3,0]");
}

/// What it is about, the clocks of the versions here, the clock of the one that comes, and what becomes of them.
type Merge = (&'static str, &'static [&'static [usize]], &'static [usize], Change, &'static str);

#[test]
fn clocks_decide_between_what_comes_and_what_is_here() {
    let cases: [Merge; 8] = [
        ("greater", &[&[1, 0, 0]], &[1, 1, 0], Change::Stored { replaced: 1 }, "x[1,1,0]"),
        ("less", &[&[1, 1, 0]], &[1, 0, 0], Change::Obsolete, "0[1,1,0]"),
        ("equal", &[&[1, 1, 0]], &[1, 1, 0], Change::Duplicate, "0[1,1,0]"),
        ("equal but for zeros", &[&[1, 1, 0]], &[1, 1, 0, 0, 0, 0], Change::Duplicate, "0[1,1,0]"),
        ("concurrent", &[&[2, 1, 0]], &[1, 2, 0], Change::Stored { replaced: 0 }, "0[2,1,0] x[1,2,0]"),
        (
            "greater than two of three",
            &[&[0, 0, 2], &[0, 2, 0], &[2, 0, 0]],
            &[0, 2, 2],
            Change::Stored { replaced: 2 },
            "2[2,0,0] x[0,2,2]",
        ),
        (
            "greater than all",
            &[&[0, 0, 2], &[0, 2, 0], &[2, 0, 0]],
            &[2, 2, 2],
            Change::Stored { replaced: 3 },
            "x[2,2,2]",
        ),
        ("less than the last", &[&[0, 0, 2], &[0, 2, 0]], &[0, 1, 0], Change::Obsolete, "0[0,0,2] 1[0,2,0]"),
    ];
    for (what, here, comes, change, shown) in cases {
        let mut node = Node::new(0, 3);
        for (place, clock) in here.iter().enumerate() {
            _ = node.receive_update("k".to_string(), place.to_string().into_bytes(), clock.to_vec());
        }
        let outcome = node.receive_update("k".to_string(), b"x".to_vec(), comes.to_vec());
        assert_eq!((outcome.ok(), told(&node, "k")), (Some(change), shown.to_owned()), "{what}");
    }
}

#[test]
fn the_clock_of_a_later_life_is_a_longer_one() {
    let mut node = reborn(1, 3, 1);
    _ = node.receive_update("k", *b"a", vec![0, 1, 0]);
    assert_eq!(told(&node, "k"), "a[0,1,0]");
    _ = node.put("k", *b"b");
    assert_eq!(told(&node, "k"), "b[0,1,0,0,1,0]");
}

#[test]
fn a_put_queues_an_update_for_every_other_node() {
    let mut node = Node::new(1, 4);
    _ = node.put("k".to_string(), b"v".to_vec());
    let to: Vec<usize> = node.drain_outbox().map(|envelope| envelope.to.index()).collect();
    assert_eq!((to, node.drain_outbox().count()), (vec![0, 2, 3], 0));
}

#[test]
#[should_panic(expected = "Node::new: node 3 of a cluster of 3: expected an id from 0 to 2")]
fn a_node_outside_of_the_cluster_cannot_be_made() {
    let _ = Node::new(3, 3);
}

#[test]
#[should_panic(expected = "Node::new: cluster of 0 nodes: expected at least 1")]
fn a_cluster_without_nodes_cannot_be_made() {
    let _ = Node::new(0, 0);
}

#[test]
fn try_new_returns_what_new_panics_with() {
    for (node, node_count) in [(3, 3), (0, 0), (usize::MAX, 3), (usize::MAX, usize::MAX)] {
        let error = Node::try_new(node, node_count).err();
        assert_eq!(error, Some(StoreError::NoSuchNode { node, node_count }), "{node} of {node_count}");
    }
    let too_many = Node::try_new(0, usize::MAX).err();
    assert!(matches!(too_many, Some(StoreError::ClockTooLong { .. })), "{too_many:?}");
    assert!(Node::try_new(2, 3).is_ok());
}

#[test]
fn a_node_can_be_shared_and_sent_between_threads() {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_send_and_sync::<Node>();
}
