//! Dotted version vector sets and multi-value registers: what merging must be, whatever was merged before.

use distributed_data_consistency::Node;
use distributed_data_consistency::causality::{Actor, ClockOrder, Dot};
use distributed_data_consistency::store::{Context, Envelope, Version};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{cluster, delete, laws_of, pull, put, put_over, settle, take, values, view, write};

const NODE_COUNT: usize = 3;
const KEYS: [&str; 2] = ["k", "j"];

/// One step of a history. `client` is one of two, which carry what they were last given for each key.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read { client: usize, at: usize, key: usize },
    Write { client: usize, at: usize, key: usize, how: How },
    Pull { asker: usize, peer: usize },
}

#[derive(Clone, Copy, Debug)]
enum How {
    OverAll,
    OverContext,
    DeleteAll,
    DeleteContext,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![
        3 => Just(How::OverContext),
        2 => Just(How::OverAll),
        1 => Just(How::DeleteAll),
        1 => Just(How::DeleteContext),
    ];
    let place = (0..2_usize, 0..NODE_COUNT, 0..KEYS.len());
    prop_oneof![
        2 => place.clone().prop_map(|(client, at, key)| Step::Read { client, at, key }),
        5 => (place, how).prop_map(|((client, at, key), how)| Step::Write { client, at, key, how }),
        2 => (0..NODE_COUNT, 1..NODE_COUNT)
            .prop_map(|(asker, ahead)| Step::Pull { asker, peer: (asker + ahead) % NODE_COUNT }),
    ]
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 0..24)
}

/// The nodes after a history, in which every update is lost; and all updates. Every time the same.
fn lived(history: &[Step]) -> (Vec<Node>, Vec<Envelope>) {
    let (mut nodes, mut updates) = (cluster(NODE_COUNT), Vec::new());
    let mut contexts = vec![Context::empty(); 2 * KEYS.len()];
    for (number, &step) in history.iter().enumerate() {
        match step {
            Step::Read { client, at, key } => {
                contexts[client * KEYS.len() + key] = nodes[at].get_with_context(KEYS[key]).context;
            }
            Step::Write { client, at, key, how } => {
                let (value, known) = (format!("v{number}"), &mut contexts[client * KEYS.len() + key]);
                let (value, context) = match how {
                    How::OverAll => (Some(value.as_str()), None),
                    How::OverContext => (Some(value.as_str()), Some(&*known)),
                    How::DeleteAll => (None, None),
                    How::DeleteContext => (None, Some(&*known)),
                };
                let (written, sent) = write(&mut nodes[at], KEYS[key], value, context);
                *known = written.context;
                updates.extend(sent);
            }
            Step::Pull { asker, peer } => drop(pull(&mut nodes, asker, peer)),
        }
    }
    (nodes, updates)
}

proptest! {
    #![proptest_config(laws_of(400))]

    #[test]
    fn merging_is_idempotent(history in history()) {
        let (mut nodes, _) = lived(&history);
        pull(&mut nodes, 0, 1);
        let once = (view(&nodes[0]), nodes[0].seen().clone());
        prop_assert_eq!(pull(&mut nodes, 0, 1), 0);
        prop_assert_eq!((view(&nodes[0]), nodes[0].seen().clone()), once);
    }

    #[test]
    fn merging_is_commutative(history in history()) {
        let (mut left, mut right) = (lived(&history).0, lived(&history).0);
        pull(&mut left, 0, 1);
        pull(&mut right, 1, 0);
        prop_assert_eq!(view(&left[0]), view(&right[1]));
        prop_assert_eq!(left[0].seen(), right[1].seen());
    }

    #[test]
    fn merging_is_associative(history in history()) {
        let (mut left, mut right) = (lived(&history).0, lived(&history).0);
        pull(&mut left, 0, 1);
        pull(&mut left, 0, 2);
        pull(&mut right, 1, 2);
        pull(&mut right, 0, 1);
        prop_assert_eq!(view(&left[0]), view(&right[0]));
        prop_assert_eq!(left[0].seen(), right[0].seen());
    }

    /// Operations and states are two ways to the same end.
    #[test]
    fn delivering_updates_is_merging_states(
        (history, order) in history().prop_flat_map(|history| {
            let updates = 2 * history.len();
            (Just(history), Just((0..updates).collect::<Vec<_>>()).prop_shuffle())
        }),
        twice in any::<bool>(),
    ) {
        let (mut by_states, updates) = lived(&history);
        let (mut by_updates, _) = lived(&history);
        settle(&mut by_states);
        for _ in 0..=usize::from(twice) {
            for update in order.iter().filter_map(|&place| updates.get(place)) {
                take(&mut by_updates[update.to.index()], update);
            }
        }
        for (states, updates) in by_states.iter().zip(&by_updates) {
            prop_assert_eq!(view(states), view(updates));
            prop_assert_eq!(states.seen(), updates.seen());
        }
    }

    #[test]
    fn siblings_have_names_of_their_own_and_none_has_seen_another(history in history()) {
        let (mut nodes, _) = lived(&history);
        settle(&mut nodes);
        for versions in view(&nodes[0]).values() {
            for (place, version) in versions.iter().enumerate() {
                prop_assert!(nodes[0].seen().contains(version.dot.unwrap()));
                for other in &versions[place + 1..] {
                    prop_assert_ne!(version.dot, other.dot);
                }
            }
        }
    }

    #[test]
    fn at_rest_nothing_is_left_over_and_one_more_round_moves_nothing(history in history()) {
        let (mut nodes, _) = lived(&history);
        settle(&mut nodes);
        prop_assert_eq!(settle(&mut nodes), 0);
        super::assert_nothing_is_left_over(&nodes);
        prop_assert!(nodes.iter().all(|node| node.retained().gaps == 0));
        prop_assert!(nodes.iter().all(|node| view(node) == view(&nodes[0])));
    }
}

// Events, by example.

fn named(node: u32, counter: u64) -> Dot {
    Dot::new(Actor::first(node), counter).unwrap()
}

fn dots(node: &Node, key: &str) -> Vec<Dot> {
    let mut dots: Vec<Dot> = node.versions(key).iter().filter_map(|version: &Version| version.dot).collect();
    dots.sort();
    dots
}

#[test]
fn an_event_takes_the_next_name_and_raises_its_own_entry_only() {
    let mut nodes = cluster(2);
    put(&mut nodes[0], "k", "a");
    pull(&mut nodes, 1, 0);
    let read = nodes[1].get_with_context("k");
    let written = put_over(&mut nodes[1], "k", "b", &read.context);
    assert_eq!((written.dot, written.sibling_count), (named(1, 1), 1));
    assert_eq!(nodes[1].get("k"), [(b"b".to_vec(), vec![1, 1])]);
}

/// Writes at two nodes, by clients that know nothing or all; then how many siblings, whose, and with what.
#[test]
fn size_ids_and_values() {
    let mut nodes = cluster(2);
    let none = Context::empty();
    assert_eq!((values(&nodes[0], "k"), dots(&nodes[0], "k")), (vec![], vec![]));
    put_over(&mut nodes[0], "k", "a", &none);
    put_over(&mut nodes[0], "k", "b", &none);
    put_over(&mut nodes[1], "k", "c", &none);
    assert_eq!((values(&nodes[0], "k").len(), values(&nodes[1], "k").len()), (2, 1));
    pull(&mut nodes, 0, 1);
    assert_eq!(values(&nodes[0], "k"), ["a", "b", "c"]);
    assert_eq!(dots(&nodes[0], "k"), [named(0, 1), named(0, 2), named(1, 1)]);
    let read = nodes[0].get_with_context("k");
    put_over(&mut nodes[0], "k", "d", &read.context);
    assert_eq!((values(&nodes[0], "k"), dots(&nodes[0], "k")), (vec!["d".to_owned()], vec![named(0, 3)]));
}

#[test]
fn concurrent_equal_values_do_not_collapse() {
    let mut nodes = cluster(2);
    put(&mut nodes[0], "k", "same");
    put(&mut nodes[1], "k", "same");
    put_over(&mut nodes[1], "k", "same", &Context::empty());
    settle(&mut nodes);
    super::assert_all(&nodes, "k", &["same", "same", "same"]);
}

#[test]
fn one_is_less_where_it_was_seen_and_equal_where_it_is_itself() {
    let mut nodes = cluster(2);
    let (_, first) = write(&mut nodes[0], "k", Some("a"), None);
    let (_, second) = write(&mut nodes[0], "k", Some("b"), None);
    assert_eq!(take(&mut nodes[1], &second[0]), 1);
    assert_eq!(take(&mut nodes[1], &first[0]), 0, "what was overwritten comes too late");
    assert_eq!(take(&mut nodes[1], &second[0]), 0, "what is there comes again");
    assert_eq!(values(&nodes[1], "k"), ["b"]);
    put(&mut nodes[1], "k", "c");
    let [above, below] = [&nodes[1], &nodes[0]].map(|node| node.versions("k")[0].clock.clone());
    assert_eq!(above.compare(&below), ClockOrder::Greater);
}

#[test]
fn a_delete_takes_what_its_client_has_seen_and_nothing_else() {
    let mut nodes = cluster(2);
    let seen = put_over(&mut nodes[0], "k", "a", &Context::empty());
    put_over(&mut nodes[0], "k", "b", &Context::empty());
    let (_, updates) = write(&mut nodes[0], "k", None, Some(&seen.context));
    assert_eq!(values(&nodes[0], "k"), ["b"]);
    take(&mut nodes[1], &updates[0]);
    settle(&mut nodes);
    super::assert_all(&nodes, "k", &["b"]);
    delete(&mut nodes[1], "k");
    settle(&mut nodes);
    super::assert_all(&nodes, "k", &[]);
    super::assert_nothing_is_left_over(&nodes);
}
