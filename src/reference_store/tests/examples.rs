//! The rules of the plain interface, by example.

use crate::protocol::{Boot, NodeId};
use crate::reference_store::{Bug, Clock, ReferenceDurable, ReferenceStore};

/// The siblings of `key`, as `a[1,0,0] c[0,1,0]`.
fn shown(node: &ReferenceStore, key: &str) -> String {
    let siblings = node.get(key).into_iter().map(|(value, clock)| {
        let clock: Vec<String> = clock.iter().map(ToString::to_string).collect();
        format!("{}[{}]", value.escape_ascii(), clock.join(","))
    });
    siblings.collect::<Vec<_>>().join(" ")
}

fn node() -> ReferenceStore {
    ReferenceStore::new(0, 3)
}

#[test]
fn the_counter_is_the_nodes_and_not_the_keys() {
    let mut node = node();
    node.put("k".to_string(), b"a".to_vec());
    assert_eq!(shown(&node, "k"), "a[1,0,0]");
    node.put("j".to_string(), b"b".to_vec());
    assert_eq!(shown(&node, "j"), "b[2,0,0]");
    assert_eq!(shown(&node, "never written"), "");
}

#[test]
fn a_put_replaces_all_siblings() {
    let mut node = node();
    node.put("k", *b"a");
    node.put("j", *b"b");
    node.receive_update("k", *b"c", vec![0, 1, 0]);
    assert_eq!(shown(&node, "k"), "a[1,0,0] c[0,1,0]");
    node.put("k", *b"d");
    assert_eq!(shown(&node, "k"), "d[3,1,0]");
}

#[test]
fn a_stamp_knows_of_its_own_key_only() {
    let mut node = node();
    node.put("k", *b"a");
    node.receive_update("j", *b"x", vec![0, 5, 0]);
    node.put("k", *b"b");
    assert_eq!(shown(&node, "k"), "b[2,0,0]");
}

#[test]
fn an_own_entry_above_what_was_issued_moves_the_counter_up() {
    let mut node = node();
    node.receive_update("k", *b"a", vec![2, 0, 0]);
    node.put("k", *b"b");
    assert_eq!(shown(&node, "k"), "b[3,0,0]");
}

#[test]
fn a_greater_clock_replaces_every_version_that_it_dominates() {
    let mut node = ReferenceStore::new(3, 4);
    for (value, clock) in [(b"a", [1, 0, 0, 0]), (b"b", [0, 1, 0, 0]), (b"c", [0, 0, 1, 0])] {
        node.receive_update("k", *value, clock.to_vec());
    }
    node.receive_update("k", *b"d", vec![1, 1, 0, 0]);
    assert_eq!(shown(&node, "k"), "c[0,0,1,0] d[1,1,0,0]");
}

#[test]
fn what_is_less_or_equal_changes_nothing() {
    let mut node = node();
    node.receive_update("k", *b"a", vec![2, 1, 0]);
    for clock in [vec![2, 1, 0], vec![1, 1, 0], vec![0, 1, 0], vec![2, 1, 0, 0, 0, 0]] {
        node.receive_update("k", *b"x", clock);
        assert_eq!(shown(&node, "k"), "a[2,1,0]");
    }
}

#[test]
fn malformed_clocks_change_nothing() {
    let mut node = node();
    node.put("k", *b"a");
    let huge = 1_usize << 53;
    let malformed =
        [vec![], vec![1], vec![0, 0, 0], vec![1, 1, 1, 1], vec![0, huge, 0], vec![huge, 0, 0], vec![usize::MAX; 3]];
    for clock in malformed {
        node.receive_update("k", *b"x", clock.clone());
        node.receive_update("new", *b"x", clock);
    }
    assert_eq!((shown(&node, "k"), shown(&node, "new")), ("a[1,0,0]".to_owned(), String::new()));
    node.put("k", *b"b");
    assert_eq!(shown(&node, "k"), "b[2,0,0]");
}

#[test]
fn a_node_without_counters_left_refuses_to_write() {
    let last = (1 << 53) - 1;
    let mut node = node();
    node.receive_update("k", *b"a", vec![last, 0, 0]);
    assert_eq!(node.put("k", *b"b"), None);
    assert_eq!(node.get("k"), [(b"a".to_vec(), vec![last, 0, 0])]);
}

#[test]
fn the_clock_of_a_later_life_is_a_longer_one() {
    let boot = Boot::new(NodeId::new(1), 3, ReferenceDurable { next_incarnation: 1 });
    let mut node = ReferenceStore::boot(boot, None);
    node.receive_update("k", *b"a", vec![0, 1, 0]);
    node.put("k", *b"b");
    assert_eq!(shown(&node, "k"), "b[0,1,0,0,1,0]");
}

#[test]
#[should_panic(expected = "node 3 is one of 3 nodes")]
fn a_node_outside_of_the_cluster_cannot_be_made() {
    let _ = ReferenceStore::new(3, 3);
}

#[test]
fn bugs_are_known_by_their_names() {
    for bug in Bug::all() {
        assert_eq!(bug.name().parse(), Ok(bug));
    }
    let unknown = "zip".parse::<Bug>().unwrap_err().to_string();
    assert!(unknown.starts_with("unknown bug \"zip\": expected one of node-wide-stamp, blind-put, "), "{unknown}");
}

#[test]
fn clocks_stand_to_each_other_by_the_actors_that_they_know() {
    let clock = |plain: &[usize]| Clock::from_plain(plain, 2).expect("expect: a clock");
    let (old, new) = (clock(&[1, 0]), clock(&[1, 0, 0, 2]));
    assert!(new.descends(&old) && !old.descends(&new) && old.descends(&old));
    assert!(!clock(&[0, 1]).descends(&old));
    assert_eq!(new.to_plain(2), [1, 0, 0, 2]);
}
