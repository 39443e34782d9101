//! What nodes say to each other, and what they are after a crash, by example.

use super::world::World;
use crate::causality::{Actor, Dot};
use crate::kv::{Replica, Response};
use crate::protocol::{Digest, StateMachine};
use crate::reference_store::{ReferenceMessage, ReferenceStore};

#[test]
fn messages_are_short_in_traces() {
    let dots = |counters: &[u64]| {
        let dots = counters.iter().filter_map(|&counter| Dot::new(Actor::first(0), counter));
        dots.chain(Dot::new(Actor::first(1).next(), 1)).map(|dot| (dot, "cart".into())).collect()
    };
    let pull = ReferenceMessage::Pull { from_actor: Actor::first(0), seen: dots(&[1, 2, 4, 6, 7, 8, 9]) };
    assert_eq!(format!("{pull:?}"), "pull {0:1,2,4,6..9 1'1:1}");

    let mut world = World::new(2, None);
    world.put(0, "cart", "a");
    let update = world.take(1);
    assert_eq!(format!("{:?}", update.message), "cart=a {0:1}");
    assert_eq!(format!("{:?}", world.response), "Some(written 0#1)");
    world.restart(1);
    world.wake(1);
    let pull = world.take(0);
    assert_eq!(format!("{:?}", pull.message), "pull as 1'1 {}");
    world.deliver(&pull);
    assert_eq!(format!("{:?}", world.take(1).message), "reply to 1'1 [cart=a {0:1}] {0:1}");
}

#[test]
fn a_cluster_where_nothing_happened_is_at_rest() {
    let mut world = World::new(3, None);
    world.rest();
    assert!(world.letters.is_empty());
}

#[test]
fn a_restarted_node_gets_everything_back_under_a_new_name() {
    let mut world = World::new(3, None);
    world.put(0, "cart", "a");
    world.rest();
    world.restart(0);
    assert_eq!(world.get(0, "cart"), "{}");
    world.rest();
    assert_eq!(world.get(0, "cart"), "{a}");
    world.put(0, "cart", "b");
    world.rest();
    assert_eq!(world.nodes[2].get("cart"), [(b"b".to_vec(), vec![1, 0, 0, 1, 0, 0])]);
}

/// The answer to a pull of a former incarnation must not be taken for what this incarnation has seen.
#[test]
fn a_reply_to_a_former_life_is_not_adopted() {
    let mut world = World::new(2, None);
    world.put(0, "cart", "a");
    world.rest();
    world.put(1, "user", "b");
    let _lost = world.take(0);
    world.wake(1);
    let pull = world.take(0);
    world.deliver(&pull);
    let _lost = world.take(1);
    world.wake(0);
    let pull = world.take(1);
    world.deliver(&pull);
    let late = world.take(0);
    assert_eq!(format!("{:?}", late.message), "reply [user=b {1:1}] {0:1 1:1}");
    world.restart(0);
    world.deliver(&late);
    world.rest();
    assert_eq!(world.get(0, "cart"), "{a}");
}

/// A peer may take a restarted node for its former incarnation, and be content with what that had seen. So the new incarnation asks,
/// even though both seem to have seen nothing.
#[test]
fn a_restarted_node_asks_a_peer_that_seems_to_have_nothing() {
    let mut world = World::new(2, None);
    world.put(0, "cart", "a");
    let late = world.take(1);
    world.wake(0);
    let pull = world.take(1);
    world.deliver(&pull);
    world.letters.clear();
    world.restart(0);
    world.wake(1);
    let pull = world.take(0);
    world.deliver(&pull);
    let _lost = world.take(1);
    world.deliver(&late);
    world.rest();
    assert_eq!(world.get(0, "cart"), "{a}");
}

#[test]
fn a_crash_before_the_first_effect_leaves_no_trace() {
    let mut world = World::new(2, None);
    world.step(0, 0, |node, env| node.start(env));
    world.restart(0);
    world.put(0, "cart", "a");
    let Some(Response::Written { dot, .. }) = world.response else { panic!("expect: it is written") };
    assert_eq!(Some(dot), Dot::new(Actor::first(0).next(), 1));
}

#[test]
fn checks_see_what_a_reply_carries() {
    let mut world = World::new(2, None);
    world.put(0, "cart", "a");
    world.restart(1);
    world.wake(1);
    let mut carried = Vec::new();
    for letter in world.letters.clone() {
        ReferenceStore::carried(&letter.message, &mut |key, sibling| {
            carried.push(format!("{key} {:?} {:?}", sibling.value, sibling.dot));
        });
        world.deliver(&letter);
    }
    assert_eq!(carried, ["cart Some([97]) Some(0#1)"]);
}

#[test]
fn the_digest_sees_what_a_node_holds() {
    let digest = |node: &ReferenceStore| {
        let mut digest = Digest::new();
        node.fold(&mut digest);
        digest.value()
    };
    let (empty, mut node) = (ReferenceStore::new(0, 3), ReferenceStore::new(0, 3));
    assert_eq!(digest(&empty), digest(&node));
    node.put("k", *b"a");
    let once = digest(&node);
    assert_ne!(digest(&empty), once);
    node.put("k", *b"a");
    assert_ne!(digest(&node), once);
}
