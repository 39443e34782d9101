//! What holds after every step of any script, whatever the network does.

use distributed_data_consistency::causality::DotSet;
use distributed_data_consistency::store::{Envelope, Node};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{cases, shown, take};
use crate::world::{Script, World, is_within, mixed_scripts, scripts};

fn shows_exactly_the_latest(world: &World, node: usize) -> Result<(), TestCaseError> {
    for key in 0..world.keys().len() {
        prop_assert_eq!(world.shown(node, key), world.latest(world.processed(node, key)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_node_shows_exactly_the_latest_of_what_it_has_processed(script in scripts()) {
        World::run(&script, shows_exactly_the_latest)?;
    }

    #[test]
    fn the_same_holds_when_some_of_it_comes_by_hand(script in mixed_scripts()) {
        World::run(&script, shows_exactly_the_latest)?;
    }

    #[test]
    fn one_clock_is_within_another_exactly_when_its_write_is_in_the_others_past(script in mixed_scripts()) {
        let world = World::run(&script, |_, _| Ok(()))?;
        for (later, write) in world.writes.iter().enumerate() {
            for (earlier, other) in world.writes.iter().enumerate().filter(|(_, other)| other.key == write.key) {
                let (is_past, is_within) = (write.past.contains(&earlier), is_within(&other.clock, &write.clock));
                prop_assert_eq!(is_past, is_within, "{} {:?} and {} {:?}", earlier, other, later, write);
            }
        }
    }

    #[test]
    fn siblings_are_concurrent_and_no_more_than_the_nodes(script in mixed_scripts()) {
        World::run(&script, |world, node| {
            for key in 0..world.keys().len() {
                let siblings = world.get(node, key);
                prop_assert!(siblings.len() <= world.nodes.len(), "{siblings:?}");
                for (place, (_, left)) in siblings.iter().enumerate() {
                    let others = &siblings[place + 1..];
                    let related = |right: &[usize]| is_within(left, right) || is_within(right, left);
                    prop_assert!(!others.iter().any(|(_, right)| related(right)), "{siblings:?}");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_own_entry_of_a_stamp_counts_the_writes_of_its_node(script in mixed_scripts()) {
        let world = World::run(&script, |_, _| Ok(()))?;
        let mut counts = vec![0; world.nodes.len()];
        for write in &world.writes {
            counts[write.node] += 1;
            prop_assert_eq!(write.clock[write.node], counts[write.node]);
            prop_assert_eq!(write.dot.counter.get() as usize, counts[write.node]);
            prop_assert_eq!(write.dot.actor, world.nodes[write.node].actor());
        }
    }

    #[test]
    fn what_was_seen_stays_seen(script in mixed_scripts()) {
        let mut before = vec![DotSet::new(); script.node_count];
        World::run(&script, |world, node| {
            let seen = world.nodes[node].seen();
            prop_assert!(seen.contains_all(&before[node]), "{:?} after {:?}", seen, before[node]);
            prop_assert!(before[node].actors().all(|actor| seen.base(actor) >= before[node].base(actor)));
            before[node] = seen.clone();
            Ok(())
        })?;
    }

    #[test]
    fn what_is_seen_is_known_and_what_came_is_seen(script in scripts()) {
        World::run(&script, |world, node| {
            for (id, write) in world.writes.iter().enumerate() {
                let is_seen = world.nodes[node].seen().contains(write.dot);
                let is_known = world.past_of(node, write.key).contains(&id);
                prop_assert!(is_known || !is_seen, "node {} never heard of {} {:?}", node, id, write);
                let came = world.processed(node, write.key).contains(&id);
                prop_assert!(is_seen || !came, "node {} has not seen {} {:?}", node, id, write);
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_is_seen_is_known_even_when_some_of_it_comes_by_hand(script in mixed_scripts()) {
        World::run(&script, |world, node| {
            for (id, write) in world.writes.iter().enumerate() {
                let is_seen = world.nodes[node].seen().contains(write.dot);
                let is_known = world.past_of(node, write.key).contains(&id);
                prop_assert!(is_known || !is_seen, "node {} never heard of {} {:?}", node, id, write);
            }
            Ok(())
        })?;
    }
}

/// All that can reach a node that writes nothing: the updates that were sent to it, and the answers that all others give
/// it at the end, when it asks them for everything.
fn deliveries(script: &Script, me: usize) -> Vec<Envelope> {
    let mut world = World::run(script, |_, _| Ok(())).expect("expect: nothing is checked");
    let mut deliveries: Vec<Envelope> = world.sent.iter().filter(|sent| sent.to.index() == me).cloned().collect();
    let mut fresh = Node::new(me, script.node_count);
    (0..me).for_each(|peer| _ = fresh.start_sync(peer));
    for pull in fresh.drain_outbox() {
        let peer = &mut world.nodes[pull.to.index()];
        // What an earlier pull of the same incarnation had asked for is not an answer to one who has seen nothing.
        peer.process_messages();
        peer.drain_outbox();
        take(peer, pull);
        deliveries.extend(peer.drain_outbox().filter(|reply| reply.to.index() == me));
    }
    deliveries
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn the_same_deliveries_in_any_order_and_number_give_the_same_state(
        script in scripts(),
        chosen in vec(any::<Index>(), 1..30),
        again in vec((any::<Index>(), any::<bool>()), 0..60),
    ) {
        let script = script.with_a_silent_last_node();
        let me = script.node_count - 1;
        let all = deliveries(&script, me);
        let mut chosen: Vec<usize> = chosen.iter().map(|place| place.index(all.len())).collect();
        chosen.sort_unstable();
        chosen.dedup();

        let mut once = Node::new(me, script.node_count);
        for place in &chosen {
            take(&mut once, all[*place].clone());
        }
        let mut often = Node::new(me, script.node_count);
        for (which, is_processed) in again {
            often.deliver(all[*which.get(&chosen)].clone()).unwrap();
            if is_processed {
                often.process_messages();
            }
        }
        for place in chosen.iter().rev() {
            often.deliver(all[*place].clone()).unwrap();
        }
        often.process_messages();
        prop_assert_eq!(shown(&once), shown(&often));
        prop_assert_eq!(once.seen(), often.seen());
        for peer in 0..me {
            prop_assert_eq!(once.is_settled_with(peer.into()), often.is_settled_with(peer.into()));
        }
    }
}
