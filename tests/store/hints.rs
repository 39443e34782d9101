//! What a peer that does not answer is sent as soon as it is heard of.

use distributed_data_consistency::causality::Dot;
use distributed_data_consistency::store::{Config, Envelope, Message, Node};

use crate::common::{carry_all, letters, shown, take, told};

/// Two nodes that both hold k=a; then node 0 has asked node 1 twice and was not answered.
fn parted(hints_max: usize) -> Vec<Node> {
    parted_with(Config { hints_max, ..Config::default() })
}

fn parted_with(config: Config) -> Vec<Node> {
    let node = |node| Node::with_config(node, 2, 0, config.clone()).expect("expect: a node");
    let mut nodes = vec![node(0), node(1)];
    _ = nodes[0].put("k", *b"a");
    carry_all(&mut nodes);
    for _ in 0..2 {
        _ = nodes[0].start_sync(1);
        nodes[0].drain_outbox();
    }
    nodes
}

/// Node 0 writes a key for each of `values`, and no update arrives. The names of the writes, as they were stamped.
fn write_unheard(nodes: &mut [Node], values: &[&str]) -> Vec<Dot> {
    let dots = values.iter().map(|value| nodes[0].put(*value, value.as_bytes().to_vec()).unwrap().dot).collect();
    nodes[0].drain_outbox();
    dots
}

fn updates(envelopes: &[Envelope]) -> Vec<Dot> {
    let dots = envelopes.iter().filter_map(|envelope| match &envelope.message {
        Message::Update(update) => update.write.dot,
        Message::Pull(_) | Message::Reply(_) => None,
    });
    dots.collect()
}

/// Something of node 1's that is no question.
fn sign_of_life(nodes: &mut [Node]) {
    _ = nodes[1].put("life", *b"1");
    let update = letters(&mut nodes[1], 0).remove(0);
    take(&mut nodes[0], update);
}

#[test]
fn a_silent_peer_is_sent_what_it_missed_once_it_is_heard_of() {
    let mut nodes = parted(8);
    let dots = write_unheard(&mut nodes, &["x", "y"]);
    assert_eq!(nodes[0].retained().hints, 2);
    sign_of_life(&mut nodes);
    assert_eq!(nodes[0].retained().hints, 0);
    let sent: Vec<Envelope> = nodes[0].drain_outbox().collect();
    assert_eq!(updates(&sent), dots, "as they were stamped, in order");
    sent.into_iter().for_each(|envelope| take(&mut nodes[1], envelope));
    assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
}

#[test]
fn what_does_not_fit_is_left_to_anti_entropy() {
    let mut nodes = parted(1);
    let dots = write_unheard(&mut nodes, &["x", "y"]);
    sign_of_life(&mut nodes);
    let sent: Vec<Envelope> = nodes[0].drain_outbox().collect();
    assert_eq!(updates(&sent), dots[..1]);
    sent.into_iter().for_each(|envelope| take(&mut nodes[1], envelope));
    assert_eq!(told(&nodes[1], "y"), "");
    _ = nodes[1].start_sync(0);
    carry_all(&mut nodes);
    assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
}

#[test]
fn hints_are_bounded_by_bytes_too() {
    let mut nodes = parted_with(Config { hints_bytes_max: 2_500_000, ..Config::default() });
    for key in ["x", "y", "z"] {
        _ = nodes[0].put(key, vec![b'v'; 1_000_000]);
    }
    assert_eq!(nodes[0].retained().hints, 2);
}

#[test]
fn a_question_is_answered_and_not_hinted_at() {
    let mut nodes = parted(8);
    write_unheard(&mut nodes, &["x", "y"]);
    _ = nodes[1].start_sync(0);
    let pull = letters(&mut nodes[1], 0).remove(0);
    take(&mut nodes[0], pull);
    let sent: Vec<Envelope> = nodes[0].drain_outbox().collect();
    assert_eq!((updates(&sent), nodes[0].retained().hints), (vec![], 0));
    sent.into_iter().for_each(|envelope| take(&mut nodes[1], envelope));
    assert_eq!(shown(&nodes[0]), shown(&nodes[1]));
}

#[test]
fn a_peer_that_answers_is_not_hinted_at() {
    let mut nodes = parted(8);
    sign_of_life(&mut nodes);
    nodes[0].drain_outbox();
    write_unheard(&mut nodes, &["x"]);
    assert_eq!(nodes[0].retained().hints, 0);
}

#[test]
fn a_hint_keeps_the_name_of_a_former_life() {
    let mut nodes = parted(8);
    let dots = write_unheard(&mut nodes, &["x"]);
    // Node 1 tells of a later life of node 0, which so begins one more.
    let mut later = Node::with_config(0, 2, 3, Config::default()).unwrap();
    _ = later.put("later", *b"1");
    for update in letters(&mut later, 1) {
        take(&mut nodes[1], update);
    }
    _ = nodes[1].put("later", *b"2");
    let update = letters(&mut nodes[1], 0).remove(0);
    take(&mut nodes[0], update);
    assert_eq!(nodes[0].actor().incarnation, 4);
    let sent: Vec<Envelope> = nodes[0].drain_outbox().collect();
    assert_eq!(updates(&sent), dots);
    sent.into_iter().for_each(|envelope| take(&mut nodes[1], envelope));
    assert_eq!(told(&nodes[1], "x"), told(&nodes[0], "x"));
}
