//! Bytes as messages, in the form of each codec.

use std::sync::Arc;

use distributed_data_consistency::Node;
use distributed_data_consistency::protocol::Observe;
use distributed_data_consistency::store::{Bincode, Codec, Envelope, Json, Protobuf};

/// So much memory may what a codec decodes take.
const MEMORY_MAX: usize = 4 << 20;

/// The first byte chooses the codec, the others are a message for node 1 of 3.
///
/// # Panics
/// If the codec decodes what it does not encode to the same, if a refused message changes the node, or one that comes twice
/// changes it twice.
pub fn wire_decode(data: &[u8]) {
    let Some((codec, bytes)) = data.split_first() else { return };
    match codec % 3 {
        0 => decode(&Bincode { memory_max: MEMORY_MAX, ..Bincode::default() }, bytes),
        1 => decode(&Json { memory_max: MEMORY_MAX, ..Json::default() }, bytes),
        _ => decode(&Protobuf { memory_max: MEMORY_MAX, ..Protobuf::default() }, bytes),
    }
}

fn decode<C: Codec<Envelope>>(codec: &C, bytes: &[u8]) {
    let Ok(envelope) = codec.decode(bytes) else { return };
    let again = codec.encode(&envelope).expect("expect: what was decoded can be encoded");
    assert_eq!(codec.decode(&again).as_ref(), Ok(&envelope), "{} does not read what it writes", codec.name());
    let mut node = receiver();
    let before = format!("{node:?}");
    if let Err(refused) = node.deliver(envelope.clone()) {
        assert_eq!(format!("{node:?}"), before, "refused ({refused}), and yet something has changed");
        return;
    }
    node.process_messages();
    let (view, seen) = (node.view(), node.seen().clone());
    node.deliver(envelope).expect("expect: what was taken once is taken twice");
    node.process_messages();
    assert_eq!(node.view(), view, "the second copy of a message changes what is read");
    assert_eq!(*node.seen(), seen, "the second copy of a message changes what was seen");
    for sent in node.drain_outbox() {
        let bytes = codec.encode(&sent).expect("expect: what a node sends can be encoded");
        assert_eq!(codec.decode(&bytes).as_ref(), Ok(&sent), "{} does not read what a node sends", codec.name());
    }
}

/// A node that has something to lose.
fn receiver() -> Node {
    let mut node = Node::new(1, 3);
    let put =
        |node: &mut Node, key: &str| _ = node.put(key, b"bread".to_vec()).expect("expect: there are counters left");
    put(&mut node, "cart");
    put(&mut node, "user");
    node.receive_update("cart", b"milk".to_vec(), vec![1, 0, 0]).expect("expect: a right clock is taken");
    node
}

/// Right messages in the form of each codec: seeds.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut nodes = [Node::new(0, 3), Node::new(1, 3)];
    for (key, value) in [("cart", "bread"), ("user", "ann"), ("cart", "milk")] {
        nodes[0].put(key, value.as_bytes().to_vec()).expect("expect: there are counters left");
    }
    nodes[0].delete("cart").expect("expect: there are counters left");
    let mut sent: Vec<Envelope> = nodes[0].drain_outbox().filter(|sent| sent.to.index() == 1).collect();
    nodes[0].start_sync(1_usize).expect("expect: there is a node 1");
    sent.extend(nodes[0].drain_outbox());
    nodes[1].start_sync(0_usize).expect("expect: there is a node 0");
    for pull in nodes[1].drain_outbox() {
        nodes[0].deliver(pull).expect("expect: a right message is taken");
    }
    nodes[0].process_messages();
    sent.extend(nodes[0].drain_outbox());
    let codecs: [Arc<dyn Codec<Envelope>>; 3] =
        [Arc::new(Bincode::default()), Arc::new(Json::default()), Arc::new(Protobuf::default())];
    let bytes = |(codec, envelope): (u8, &Envelope)| {
        let encoded = codecs[usize::from(codec)].encode(envelope).expect("expect: a message can be encoded");
        [&[codec], encoded.as_slice()].concat()
    };
    sent.iter().flat_map(|envelope| (0..3).map(move |codec| (codec, envelope))).map(bytes).collect()
}
