//! Contexts: what a client carries from one write to the next.

use distributed_data_consistency::Node;
use distributed_data_consistency::causality::{Actor, Dot};
use distributed_data_consistency::kv;
use distributed_data_consistency::store::{Context, StoreError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{assert_all, cluster, laws_of, pull, put_over, settle, take, values, write};

const BYTES_MAX: usize = 1 << 20;

fn own(counter: u64) -> Dot {
    Dot::new(Actor::first(0), counter).unwrap()
}

#[test]
fn an_acknowledged_context_holds_the_write_and_not_what_came_before_it() {
    let mut nodes = cluster(2);
    put_over(&mut nodes[0], "k", "unread", &Context::empty());
    let second = put_over(&mut nodes[0], "k", "a", &Context::empty());
    assert!(second.context.covers(own(2)) && !second.context.covers(own(1)), "{:?}", second.context);
    let third = put_over(&mut nodes[0], "k", "b", &second.context);
    assert_eq!((third.sibling_count, values(&nodes[0], "k")), (2, vec!["b".to_owned(), "unread".to_owned()]));
    put_over(&mut nodes[0], "k", "other", &Context::empty());
    let fifth = put_over(&mut nodes[0], "k", "c", &third.context);
    assert_eq!([1, 2, 3, 4, 5].map(|counter| fifth.context.covers(own(counter))), [false, true, true, false, true]);
    settle(&mut nodes);
    assert_all(&nodes, "k", &["c", "other", "unread"]);
}

#[test]
fn a_context_may_outrun_replication() {
    let mut nodes = cluster(3);
    let (first, updates) = write(&mut nodes[0], "k", Some("a"), Some(&Context::empty()));
    let second = put_over(&mut nodes[1], "k", "b", &first.context);
    assert!(second.context.covers(first.dot));
    // What was overwritten before it came does not come back, whichever way it comes.
    let late = updates.iter().find(|update| update.to.index() == 1).unwrap();
    assert_eq!(take(&mut nodes[1], late), 0);
    pull(&mut nodes, 2, 0);
    assert_eq!(values(&nodes[2], "k"), ["a"]);
    pull(&mut nodes, 2, 1);
    assert_eq!(values(&nodes[2], "k"), ["b"]);
    settle(&mut nodes);
    assert_all(&nodes, "k", &["b"]);
}

#[test]
fn a_context_is_of_one_key() {
    let mut node = Node::new(0, 2);
    let written = put_over(&mut node, "k", "a", &Context::empty());
    let refused = node.put_with_context("j", b"b".to_vec(), &written.context).err();
    assert_eq!(refused, Some(StoreError::ContextOfAnotherKey));
    assert!(node.versions("j").is_empty());
}

#[test]
fn a_read_returns_a_context_over_all_it_shows() {
    let mut nodes = cluster(2);
    put_over(&mut nodes[0], "k", "a", &Context::empty());
    put_over(&mut nodes[1], "k", "b", &Context::empty());
    settle(&mut nodes);
    let read = nodes[1].get_with_context("k");
    assert_eq!(read.versions, nodes[1].versions("k"));
    assert!(read.versions.iter().all(|version| read.context.covers(version.dot.unwrap())));
    assert!(nodes[0].get_with_context("nothing").versions.is_empty());
}

/// A context after any writes, by clients that carry it on or begin anew, at nodes that have lost some of the updates.
fn carried(steps: &[(usize, bool, bool)]) -> (Vec<Node>, Context) {
    let (mut nodes, mut context) = (cluster(3), Context::empty());
    for (number, &(at, begins_anew, reads)) in steps.iter().enumerate() {
        if begins_anew {
            context = Context::empty();
        }
        if reads {
            pull(&mut nodes, at, (at + 1) % 3);
            context = nodes[at].get_with_context("k").context;
        }
        context = put_over(&mut nodes[at], "k", &number.to_string(), &context).context;
    }
    (nodes, context)
}

fn steps() -> impl Strategy<Value = Vec<(usize, bool, bool)>> {
    vec((0..3_usize, any::<bool>(), prop::bool::weighted(0.2)), 0..20)
}

fn decoded(bytes: &[u8]) -> Result<Context, StoreError> {
    Context::from_bytes(&kv::ClientContext::from_bytes(bytes), BYTES_MAX)
}

proptest! {
    #![proptest_config(laws_of(256))]

    #[test]
    fn contexts_survive_encoding(steps in steps(), cut in any::<Index>()) {
        let (_, context) = carried(&steps);
        let bytes = context.to_bytes();
        let bytes = bytes.as_bytes();
        prop_assert_eq!(decoded(bytes), Ok(context.clone()));
        prop_assert_eq!(bytes.is_empty(), context.is_empty());
        if !bytes.is_empty() {
            prop_assert!(decoded(&[bytes, &[0]].concat()).is_err(), "a byte left over");
            let cut = 1 + cut.index(bytes.len());
            prop_assert!(cut == bytes.len() || decoded(&bytes[..cut]).is_err(), "cut to {} bytes", cut);
            let too_long = Context::from_bytes(&context.to_bytes(), bytes.len() - 1);
            prop_assert!(too_long.is_err());
            prop_assert!(decoded(&[&[bytes[0] + 1], &bytes[1..]].concat()).is_err(), "another format");
        }
    }

    #[test]
    fn a_context_that_travelled_overwrites_the_same(steps in steps(), at in 0..3_usize) {
        let (mut one, context) = carried(&steps);
        let (mut other, _) = carried(&steps);
        put_over(&mut one[at], "k", "last", &context);
        put_over(&mut other[at], "k", "last", &decoded(context.to_bytes().as_bytes()).unwrap());
        prop_assert_eq!(values(&one[at], "k"), values(&other[at], "k"));
    }

    #[test]
    fn random_bytes_are_a_context_or_refused(bytes in vec(prop_oneof![0..4_u8, any::<u8>()], 0..60)) {
        let mut node = Node::new(0, 3);
        let bytes = [&[1], &bytes[..]].concat();
        if let Ok(context) = decoded(&bytes) {
            prop_assert_eq!(decoded(context.to_bytes().as_bytes()), Ok(context.clone()));
            if node.put_with_context("k", b"v".to_vec(), &context).is_err() {
                prop_assert!(node.versions("k").is_empty());
            }
        }
    }
}

// The cap.

#[test]
fn from_25_siblings_on_a_key_is_crowded_and_beyond_100_a_write_is_refused() {
    let mut node = Node::new(0, 2);
    for siblings in 1..=100 {
        let written = put_over(&mut node, "k", &siblings.to_string(), &Context::empty());
        assert_eq!((written.sibling_count, written.is_crowded()), (siblings, siblings >= 25));
    }
    let before = (values(&node, "k"), node.seen().clone());
    let refused = node.put_with_context("k", b"one more".to_vec(), &Context::empty()).err();
    assert_eq!(refused, Some(StoreError::TooManySiblings { siblings: 100, siblings_max: 100 }));
    assert_eq!((values(&node, "k"), node.seen().clone()), before, "a refused write changes nothing");
    // A client that has read may write; so may one that deletes, and one that writes over all.
    let read = node.get_with_context("k");
    let written = put_over(&mut node, "k", "read", &read.context);
    assert_eq!((written.sibling_count, written.is_crowded()), (1, false));
}

#[test]
fn no_replicated_sibling_is_dropped() {
    let mut nodes = cluster(3);
    for number in 0..100 {
        for node in &mut nodes {
            put_over(node, "k", &format!("{:?} {number}", node.id()), &Context::empty());
        }
    }
    settle(&mut nodes);
    for node in &mut nodes {
        assert_eq!(node.versions("k").len(), 300);
        assert!(node.put_with_context("k", b"v".to_vec(), &Context::empty()).is_err());
    }
    let (written, updates) = write(&mut nodes[0], "k", Some("all"), None);
    assert_eq!((written.sibling_count, written.is_crowded()), (1, false));
    for update in &updates {
        take(&mut nodes[update.to.index()], update);
    }
    assert_all(&nodes, "k", &["all"]);
}
