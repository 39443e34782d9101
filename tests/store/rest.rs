//! When everybody has asked everybody, all are equal and there is nothing left to say.

use proptest::prelude::*;

use crate::common::{carry_all, cases, cluster, shown, sync_all, told};
use crate::world::{World, mixed_scripts, scripts};

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn after_syncing_all_pairs_every_node_shows_what_survived(script in mixed_scripts()) {
        let mut world = World::run(&script, |_, _| Ok(()))?;
        sync_all(&mut world.nodes);
        for key in 0..world.keys().len() {
            let survivors = world.survivors(key);
            for node in 0..world.nodes.len() {
                prop_assert_eq!(world.shown(node, key), survivors.clone(), "key {} at node {}", key, node);
            }
        }
        prop_assert!(world.nodes.windows(2).all(|pair| shown(&pair[0]) == shown(&pair[1])));
    }

    #[test]
    fn at_rest_there_are_no_gaps_and_nothing_left_to_send(script in scripts()) {
        let mut world = World::run(&script, |_, _| Ok(()))?;
        sync_all(&mut world.nodes);
        // Those who asked first have learnt more since; one more round tells everybody so.
        prop_assert_eq!(sync_all(&mut world.nodes), 0);
        let node_count = world.nodes.len();
        for node in &world.nodes {
            prop_assert_eq!(node.seen().gap_count(), 0);
            prop_assert_eq!(node.seen(), world.nodes[0].seen());
            prop_assert!((0..node_count).all(|peer| node.is_settled_with(peer.into())));
        }
    }

    #[test]
    fn every_write_is_seen_by_all_in_the_end(script in scripts()) {
        let mut world = World::run(&script, |_, _| Ok(()))?;
        sync_all(&mut world.nodes);
        for node in &world.nodes {
            prop_assert!(world.writes.iter().all(|write| node.seen().contains(write.dot)));
        }
    }
}

#[test]
fn a_pull_brings_only_what_is_missing() {
    let mut nodes = cluster(2);
    for key in ["a", "b", "c"] {
        _ = nodes[0].put(key, *b"1");
    }
    for (place, update) in nodes[0].drain_outbox().enumerate() {
        if place != 1 {
            nodes[1].deliver(update).unwrap();
        }
    }
    nodes[1].process_messages();
    assert_eq!((nodes[1].seen().gap_count(), sync_all(&mut nodes)), (1, 1));
    assert_eq!((nodes[1].seen().gap_count(), told(&nodes[1], "b")), (0, "1[2,0]".to_owned()));
}

#[test]
fn a_hole_that_a_later_write_covers_closes_without_a_version() {
    let mut nodes = cluster(2);
    _ = nodes[0].put("k", *b"a");
    nodes[0].drain_outbox();
    _ = nodes[0].put("k", *b"b");
    carry_all(&mut nodes);
    assert_eq!(nodes[1].seen().gap_count(), 1);
    assert_eq!((sync_all(&mut nodes), nodes[1].seen().gap_count()), (0, 0));
}

#[test]
fn asking_a_node_that_never_wrote_costs_nothing() {
    let mut nodes = cluster(3);
    assert_eq!(sync_all(&mut nodes), 0);
    assert!(nodes[0].is_settled_with(1.into()) && nodes[2].is_settled_with(0.into()));
}

#[test]
fn a_node_is_unsettled_until_its_peer_has_told_that_it_has_seen_the_same() {
    let mut nodes = cluster(2);
    _ = nodes[0].put("k", *b"a");
    carry_all(&mut nodes);
    assert!(nodes[1].is_settled_with(0.into()), "the writer has certainly seen its own write");
    assert!(!nodes[0].is_settled_with(1.into()), "the update may have been lost");
    _ = nodes[0].start_sync(1);
    carry_all(&mut nodes);
    assert!(nodes[0].is_settled_with(1.into()));
}
