//! One copy of each value, however many peers and versions there are.

use std::sync::Arc;

use distributed_data_consistency::kv::{Key, Value};
use distributed_data_consistency::store::{Envelope, Message};

use crate::common::{carry_all, cluster};

#[test]
fn a_value_put_as_it_is_kept_is_not_copied() {
    let mut nodes = cluster(1);
    // A key of up to 23 bytes lies within, and has nothing to share.
    let (key, value): (Key, Value) = ("k".repeat(24).into(), b"a long value".as_slice().into());
    _ = nodes[0].put(key.clone(), value.clone());
    assert!(Arc::ptr_eq(&nodes[0].versions(&key)[0].value, &value));
    assert!(nodes[0].keys().all(|kept| std::ptr::eq(kept.as_str(), key.as_str())));
}

#[test]
fn fanning_out_copies_no_value() {
    let mut nodes = cluster(5);
    let value: Value = b"a long value".as_slice().into();
    _ = nodes[0].put("k", value.clone());
    let envelopes: Vec<Envelope> = nodes[0].drain_outbox().collect();
    assert_eq!(envelopes.len(), 4);
    for envelope in envelopes.iter().cloned() {
        let Message::Update(update) = &envelope.message else { panic!("expect: an update: {envelope:?}") };
        assert!(update.write.value.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, &value)));
        let node = &mut nodes[envelope.to.index()];
        node.deliver(envelope).unwrap();
        node.process_messages();
        assert!(Arc::ptr_eq(&node.versions("k")[0].value, &value));
    }
}

#[test]
fn anti_entropy_copies_no_value() {
    let mut nodes = cluster(2);
    let value: Value = b"a long value".as_slice().into();
    _ = nodes[0].put("k", value.clone());
    nodes[0].drain_outbox();
    _ = nodes[1].start_sync(0);
    assert_eq!(carry_all(&mut nodes), 1);
    assert!(Arc::ptr_eq(&nodes[1].versions("k")[0].value, &value));
}

#[test]
fn an_update_that_came_by_hand_is_not_copied_either() {
    let mut nodes = cluster(2);
    let value: Value = b"a long value".as_slice().into();
    _ = nodes[0].receive_update("k", value.clone(), vec![0, 1]);
    assert!(Arc::ptr_eq(&nodes[0].versions("k")[0].value, &value));
}
