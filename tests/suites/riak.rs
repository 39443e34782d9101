//! Riak's stories of lost and risen data, by the names that its tests gave them.

use distributed_data_consistency::Node;
use distributed_data_consistency::store::Context;

use super::{
    assert_all, assert_nothing_is_left_over, cluster, delete, pull, put, put_over, reborn, settle, take, values, write,
};

/// A node loses its memory, and its next write gets a name that others take for an old one's.
#[test]
fn dataloss() {
    let mut nodes = cluster(3);
    for value in ["a", "b", "c"] {
        put(&mut nodes[0], "k", value);
    }
    settle(&mut nodes);
    nodes[0] = reborn(&nodes[0]);
    put_over(&mut nodes[0], "k", "d", &Context::empty());
    settle(&mut nodes);
    assert_all(&nodes, "k", &["c", "d"]);
    assert_nothing_is_left_over(&nodes);
}

/// The same at a node that stands in for others, twice, and has nobody to tell in between.
#[test]
fn dataloss_fallback() {
    let mut nodes = cluster(3);
    put(&mut nodes[0], "k", "a");
    settle(&mut nodes);
    nodes[2] = reborn(&nodes[2]);
    put_over(&mut nodes[2], "k", "b", &Context::empty());
    pull(&mut nodes, 1, 2);
    nodes[2] = reborn(&nodes[2]);
    put_over(&mut nodes[2], "k", "c", &Context::empty());
    settle(&mut nodes);
    assert_all(&nodes, "k", &["a", "b", "c"]);
    assert_nothing_is_left_over(&nodes);
}

/// A key is deleted and forgotten here, and the delete is still known elsewhere: it must not take the next write.
#[test]
fn tombstone() {
    let mut nodes = cluster(3);
    put(&mut nodes[0], "k", "a");
    settle(&mut nodes);
    delete(&mut nodes[0], "k");
    pull(&mut nodes, 1, 0);
    put_over(&mut nodes[1], "k", "b", &Context::empty());
    settle(&mut nodes);
    assert_all(&nodes, "k", &["b"]);
    assert_nothing_is_left_over(&nodes);
}

/// A node that is cut off has an old value, and writes over it, while all others delete and forget.
#[test]
fn tombstone_2() {
    let mut nodes = cluster(3);
    put(&mut nodes[0], "k", "a");
    settle(&mut nodes);
    let read = nodes[2].get_with_context("k");
    delete(&mut nodes[0], "k");
    pull(&mut nodes, 1, 0);
    pull(&mut nodes, 0, 1);
    put_over(&mut nodes[2], "k", "b", &read.context);
    settle(&mut nodes);
    assert_all(&nodes, "k", &["b"]);
    assert_nothing_is_left_over(&nodes);
    // The update of the first write comes once more, long after.
    let mut nodes = cluster(2);
    let (_, updates) = write(&mut nodes[0], "k", Some("a"), None);
    settle(&mut nodes);
    delete(&mut nodes[1], "k");
    settle(&mut nodes);
    assert_nothing_is_left_over(&nodes);
    assert_eq!(take(&mut nodes[1], &updates[0]), 0);
    assert_all(&nodes, "k", &[]);
}

/// Whoever comes back writes under a new name, even if it does not know that it was away.
#[test]
fn uid() {
    let mut nodes = cluster(2);
    let before: Vec<_> = (0..3).map(|number| put(&mut nodes[0], "k", &number.to_string()).dot).collect();
    settle(&mut nodes);
    nodes[0] = reborn(&nodes[0]);
    let after = put(&mut nodes[0], "k", "new");
    assert!(!before.contains(&after.dot), "{}", after.dot);
    settle(&mut nodes);
    // Begun again as if in its first incarnation: it hears of its own writes, and asks again under the name of another.
    nodes[0] = Node::new(0, 2);
    pull(&mut nodes, 0, 1);
    assert_eq!(nodes[0].actor().incarnation, 2);
    pull(&mut nodes, 0, 1);
    let after = put(&mut nodes[0], "k", "newer");
    assert!(!before.contains(&after.dot), "{}", after.dot);
    settle(&mut nodes);
    assert_all(&nodes, "k", &["newer"]);
}

/// Two clients write in turns, each over its own last write; the one has never seen the other's.
#[test]
fn sibling_explosion() {
    for (node_count, at) in [(1, [0, 0]), (2, [0, 1])] {
        let mut nodes = cluster(node_count);
        let mut contexts = [Context::empty(), Context::empty()];
        for round in 0..101 {
            let client = round % 2;
            let node = &mut nodes[at[client]];
            contexts[client] = put_over(node, "k", &format!("{round:03}"), &contexts[client]).context;
            if node_count > 1 && round % 3 == 0 {
                pull(&mut nodes, 0, 1);
            }
            assert!(nodes[0].versions("k").len() <= 2, "round {round}");
        }
        settle(&mut nodes);
        assert_all(&nodes, "k", &["099", "100"]);
    }
}

/// Both halves go on writing; what they wrote meets, and is resolved by whoever has read both.
#[test]
fn partitioned_cluster() {
    let mut nodes = cluster(4);
    put(&mut nodes[0], "k", "before");
    settle(&mut nodes);
    let (left, right) = nodes.split_at_mut(2);
    put(&mut left[0], "k", "left");
    pull(left, 1, 0);
    put(&mut left[1], "k", "left again");
    put(&mut right[1], "k", "right");
    settle(&mut nodes);
    assert_all(&nodes, "k", &["left again", "right"]);
    let read = nodes[3].get_with_context("k");
    put_over(&mut nodes[0], "k", "both", &read.context);
    settle(&mut nodes);
    assert_all(&nodes, "k", &["both"]);
    assert_nothing_is_left_over(&nodes);
}

/// One half deletes, the other writes, or does nothing.
#[test]
fn partitioned_delete() {
    for (writes, expected) in [(true, &["new"][..]), (false, &[])] {
        let mut nodes = cluster(4);
        put(&mut nodes[0], "k", "old");
        settle(&mut nodes);
        delete(&mut nodes[0], "k");
        pull(&mut nodes, 1, 0);
        assert_eq!(nodes[1].retained().tombstones, 1, "the other half has not seen it");
        if writes {
            put(&mut nodes[2], "k", "new");
        }
        settle(&mut nodes);
        assert_all(&nodes, "k", expected);
        assert_nothing_is_left_over(&nodes);
    }
}

/// A node comes back empty and gets all there is, in more than one batch; a second round moves nothing.
#[test]
fn full_sync() {
    let mut nodes = cluster(3);
    for number in 0..3_000 {
        put(&mut nodes[number % 2], &format!("k{number}"), &format!("v{number}"));
    }
    settle(&mut nodes);
    (0..3_000).step_by(10).for_each(|number| drop(delete(&mut nodes[1], &format!("k{number}"))));
    settle(&mut nodes);
    assert_eq!(nodes[0].keys().count(), 2_700);
    nodes[2] = reborn(&nodes[2]);
    assert_eq!(pull(&mut nodes, 2, 0), 2_700);
    assert_eq!(super::view(&nodes[2]), super::view(&nodes[0]));
    settle(&mut nodes);
    assert_eq!(settle(&mut nodes), 0);
    assert_nothing_is_left_over(&nodes);
    assert_eq!(values(&nodes[2], "k11"), ["v11"]);
}
