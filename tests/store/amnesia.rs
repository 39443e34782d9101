//! Nodes that lose their memory.

use distributed_data_consistency::store::{Envelope, Message, Node};

use crate::common::{actor, carry_all, cluster, dot, letters, reborn, shown, sync_all, take, told};

/// Two nodes that both hold k=a and j=b of node 0, and u=c of node 1; then node 0 forgets all, its incarnation included.
fn forgetful() -> Vec<Node> {
    let mut nodes = cluster(2);
    _ = nodes[0].put("k", *b"a");
    _ = nodes[0].put("j", *b"b");
    _ = nodes[1].put("u", *b"c");
    carry_all(&mut nodes);
    nodes[0] = Node::new(0, 2);
    nodes
}

#[test]
fn whoever_is_answered_with_its_own_later_writes_begins_a_new_life() {
    let mut nodes = forgetful();
    _ = nodes[0].start_sync(1);
    carry_all(&mut nodes);
    assert_eq!(nodes[0].actor(), actor(0, 1));
    assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
    assert_eq!(nodes[0].put("k", *b"d").ok().map(|written| written.dot), Some(dot(actor(0, 1), 1)));
    assert_eq!(told(&nodes[0], "k"), "d[1,0,1,0]");
}

#[test]
fn whoever_is_asked_by_one_that_has_seen_its_later_writes_begins_a_new_life() {
    let mut nodes = forgetful();
    _ = nodes[1].start_sync(0);
    let pull = letters(&mut nodes[1], 0).remove(0);
    take(&mut nodes[0], pull);
    assert_eq!(nodes[0].actor(), actor(0, 1));
    assert_eq!(nodes[0].put("new", *b"d").ok().map(|written| written.dot), Some(dot(actor(0, 1), 1)));
}

#[test]
fn whoever_is_sent_a_write_that_builds_on_its_own_later_writes_begins_a_new_life() {
    let mut nodes = forgetful();
    _ = nodes[1].put("j", *b"d");
    let update = letters(&mut nodes[1], 0).remove(0);
    take(&mut nodes[0], update);
    assert_eq!((nodes[0].actor(), told(&nodes[0], "j")), (actor(0, 1), "d[2,2]".to_owned()));
}

#[test]
fn whoever_is_answered_what_a_later_life_has_asked_begins_a_life_after_that() {
    let mut nodes = forgetful();
    // The incarnation after the first asks, and the answer is under way twice when the node forgets all, its incarnation included, once more.
    nodes[0] = reborn(0, 2, 1);
    _ = nodes[0].start_sync(1);
    let pull = letters(&mut nodes[0], 1).remove(0);
    take(&mut nodes[1], pull);
    let answer = letters(&mut nodes[1], 0).remove(0);
    nodes[0] = Node::new(0, 2);
    for _ in 0..2 {
        take(&mut nodes[0], answer.clone());
        assert_eq!(nodes[0].actor(), actor(0, 2));
    }
    _ = nodes[0].start_sync(1);
    carry_all(&mut nodes);
    assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
}

#[test]
fn a_new_life_counts_from_one() {
    let mut nodes = forgetful();
    _ = nodes[0].put("new", *b"d");
    nodes[0].drain_outbox();
    _ = nodes[1].start_sync(0);
    let pull = letters(&mut nodes[1], 0).remove(0);
    take(&mut nodes[0], pull);
    assert_eq!(nodes[0].put("new", *b"e").ok().map(|written| written.dot), Some(dot(actor(0, 1), 1)));
}

#[test]
fn news_of_no_more_than_it_has_written_leaves_a_node_as_it_is() {
    let mut nodes = cluster(2);
    _ = nodes[0].put("k", *b"a");
    carry_all(&mut nodes);
    _ = nodes[1].put("k", *b"b");
    carry_all(&mut nodes);
    sync_all(&mut nodes);
    assert_eq!(nodes[0].actor(), actor(0, 0));
    assert_eq!(nodes[0].put("k", *b"c").ok().map(|written| written.dot), Some(dot(actor(0, 0), 2)));
}

#[test]
fn a_new_life_loses_nothing_of_the_survivors_writes() {
    let mut nodes = forgetful();
    _ = nodes[1].put("k", *b"d");
    nodes[1].drain_outbox();
    sync_all(&mut nodes);
    _ = nodes[0].put("u", *b"e");
    carry_all(&mut nodes);
    sync_all(&mut nodes);
    for node in &nodes {
        assert_eq!((told(node, "k"), told(node, "j")), ("d[1,2]".to_owned(), "b[2,0]".to_owned()));
        assert_eq!((told(node, "u"), node.seen().gap_count()), ("e[0,1,1,0]".to_owned(), 0));
    }
    assert_eq!(sync_all(&mut nodes), 0);
    assert!(nodes[0].is_settled_with(1.into()) && nodes[1].is_settled_with(0.into()));
}

#[test]
fn writes_of_two_lives_are_siblings_unless_one_has_seen_the_other() {
    let mut nodes = cluster(2);
    _ = nodes[0].put("k", *b"a");
    carry_all(&mut nodes);
    nodes[0] = reborn(0, 2, 1);
    _ = nodes[0].put("k", *b"b");
    carry_all(&mut nodes);
    assert_eq!(told(&nodes[1], "k"), "a[1,0] b[0,0,1,0]");
}

/// The answer to a pull of node 0's first incarnation, in which that incarnation had seen k=a, and nodes in which it is forgotten.
fn stale_reply() -> (Vec<Node>, Envelope) {
    let mut nodes = cluster(2);
    _ = nodes[1].put("k", *b"a");
    carry_all(&mut nodes);
    _ = nodes[1].put("j", *b"b");
    nodes[1].drain_outbox();
    _ = nodes[0].start_sync(1);
    let pull = letters(&mut nodes[0], 1).remove(0);
    take(&mut nodes[1], pull);
    let reply = letters(&mut nodes[1], 0).remove(0);
    nodes[0] = reborn(0, 2, 1);
    (nodes, reply)
}

#[test]
fn an_answer_to_an_earlier_life_is_not_adopted() {
    let (mut nodes, reply) = stale_reply();
    take(&mut nodes[0], reply);
    assert_eq!(told(&nodes[0], "j"), "", "it leaves out what that incarnation had, so it is passed over");
    assert!(!nodes[0].seen().contains(dot(actor(1, 0), 1)), "this incarnation has never heard of k=a");
    assert!(!nodes[0].is_settled_with(1.into()));
    sync_all(&mut nodes);
    assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
}

#[test]
fn an_answer_to_an_earlier_life_does_not_settle_a_later_one() {
    let mut nodes = cluster(2);
    _ = nodes[0].start_sync(1);
    let pull = letters(&mut nodes[0], 1).remove(0);
    take(&mut nodes[1], pull);
    let reply = letters(&mut nodes[1], 0).remove(0);
    nodes[0] = reborn(0, 2, 1);
    assert!(!nodes[0].is_settled_with(1.into()), "it cannot know before it is answered");
    take(&mut nodes[0], reply);
    assert!(!nodes[0].is_settled_with(1.into()));
    sync_all(&mut nodes);
    assert!(nodes[0].is_settled_with(1.into()));
}

#[test]
fn an_answer_that_itself_ends_a_life_is_not_adopted() {
    let mut nodes = forgetful();
    _ = nodes[0].start_sync(1);
    carry_all(&mut nodes);
    assert!(!nodes[0].is_settled_with(1.into()), "the answer was to the incarnation that it ended");
    sync_all(&mut nodes);
    assert!(nodes[0].is_settled_with(1.into()));
}

#[test]
fn a_life_that_ends_takes_the_answers_it_was_given_with_it() {
    let mut nodes = cluster(2);
    nodes[0] = reborn(0, 2, 1);
    sync_all(&mut nodes);
    assert!(nodes[0].is_settled_with(1.into()));
    // A later incarnation of node 0 has written, and asked; but it is the earlier one that hears the answer.
    let mut later = reborn(0, 2, 2);
    _ = later.put("k", *b"a");
    _ = later.start_sync(1);
    letters(&mut later, 1).into_iter().for_each(|letter| take(&mut nodes[1], letter));
    _ = nodes[1].put("j", *b"b");
    let mut asks_with_nothing = reborn(0, 2, 2);
    _ = asks_with_nothing.start_sync(1);
    let pull = letters(&mut asks_with_nothing, 1).remove(0);
    take(&mut nodes[1], pull);
    let reply = letters(&mut nodes[1], 0).pop().expect("expect: the last pull was answered last");
    take(&mut nodes[0], reply);
    assert_eq!(nodes[0].actor(), actor(0, 3));
    assert!(!nodes[0].is_settled_with(1.into()), "nobody has answered this incarnation yet");
}

/// Node 1 knows what node 0 had seen in its first incarnation; node 0 has forgotten it.
fn stale_pull() -> (Vec<Node>, Envelope) {
    let mut nodes = cluster(2);
    _ = nodes[1].put("k", *b"a");
    carry_all(&mut nodes);
    _ = nodes[0].start_sync(1);
    let pull = letters(&mut nodes[0], 1).remove(0);
    take(&mut nodes[1], pull.clone());
    nodes[1].drain_outbox();
    assert!(nodes[1].is_settled_with(0.into()));
    nodes[0] = reborn(0, 2, 1);
    (nodes, pull)
}

#[test]
fn what_an_earlier_life_had_seen_is_forgotten_when_a_later_one_is_heard_of() {
    let (mut nodes, _) = stale_pull();
    _ = nodes[0].start_sync(1);
    let pull = letters(&mut nodes[0], 1).remove(0);
    take(&mut nodes[1], pull);
    assert!(!nodes[1].is_settled_with(0.into()));
    let reply = letters(&mut nodes[1], 0).remove(0);
    let Message::Reply(told) = &reply.message else { panic!("expect: a reply: {reply:?}") };
    assert_eq!(told.keys.len(), 1);
    take(&mut nodes[0], reply);
    assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
}

#[test]
fn a_late_pull_of_an_earlier_life_is_not_believed() {
    let (mut nodes, stale) = stale_pull();
    _ = nodes[0].start_sync(1);
    let pull = letters(&mut nodes[0], 1).remove(0);
    take(&mut nodes[1], pull);
    take(&mut nodes[1], stale);
    assert!(!nodes[1].is_settled_with(0.into()));
}

#[test]
fn an_update_of_a_later_life_ends_the_belief_in_an_earlier_one() {
    let (mut nodes, stale) = stale_pull();
    _ = nodes[0].put("j", *b"b");
    carry_all(&mut nodes);
    take(&mut nodes[1], stale);
    assert!(!nodes[1].is_settled_with(0.into()));
    sync_all(&mut nodes);
    assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
}

#[test]
fn a_node_can_forget_again_and_again() {
    let mut nodes = cluster(3);
    for round in 0..6_u32 {
        let value = round.to_string().into_bytes();
        _ = nodes[0].put("k", value.clone());
        _ = nodes[0].put("j", value);
        _ = nodes[1].put("u", round.to_string().into_bytes());
        sync_all(&mut nodes);
        nodes[0] = Node::new(0, 3);
        sync_all(&mut nodes);
        assert_eq!(nodes[0].actor(), actor(0, round + 1));
    }
    assert_eq!(told(&nodes[2], "k"), "5[1,0,0,1,0,0,1,0,0,1,0,0,1,0,0,1,0,0]");
    sync_all(&mut nodes);
    assert!(nodes.iter().all(|node| shown(node) == shown(&nodes[0]) && node.seen().gap_count() == 0));
}

#[test]
fn many_lives_make_no_clock_longer() {
    let mut node = reborn(0, 5, 1_000);
    _ = node.put("k", *b"a");
    let bytes: usize = letters(&mut node, 1).iter().map(|envelope| envelope.to_bytes().len()).sum();
    assert!(bytes <= 48, "{bytes} bytes");
    assert_eq!(node.get("k")[0].1.len(), 5 * 1_001, "the plain clock has an entry for each incarnation of each node");
}
