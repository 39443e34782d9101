//! Typed values, resolvers, and the limits of each codec.

use std::collections::BTreeSet;

use distributed_data_consistency::Node;
use distributed_data_consistency::store::{
    Bincode, Candidate, Codec, CodecError, Context, Json, LastWriter, Protobuf, Typed, TypedError, Union,
};
use serde::{Deserialize, Serialize};

type Cart = BTreeSet<String>;

/// As deep as bytes say.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nested(Option<Box<Nested>>);

/// The same as a message.
#[derive(Clone, PartialEq, prost::Message)]
struct Nest {
    #[prost(message, optional, boxed, tag = "1")]
    inside: Option<Box<Nest>>,
}

fn cart(items: &[&str]) -> Cart {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |open: &str, close: &str| [open.repeat(100_000), close.repeat(100_000)].concat();
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[", "")] {
        let refused: Result<serde_json::Value, _> = Json::default().decode(deep(open, close).as_bytes());
        assert!(matches!(&refused, Err(CodecError::Malformed { why, .. }) if why.contains("recursion")), "{refused:?}");
    }
    // One byte for each level.
    let bytes = [vec![1_u8; 1_000_000], vec![0]].concat();
    let refused: Result<Nested, _> = Bincode::default().decode(&bytes);
    assert!(matches!(&refused, Err(CodecError::Malformed { why, .. }) if why.contains("too deep")), "{refused:?}");
    let taken: Result<Nested, _> = Bincode::default().decode(&[1, 1, 1, 0]);
    assert_eq!(taken, Ok(Nested(Some(Box::new(Nested(Some(Box::new(Nested(None)))))))));
    let nest = (0..1_000).fold(Nest::default(), |inside, _| Nest { inside: Some(Box::new(inside)) });
    let bytes = Protobuf::default().encode(&nest).unwrap();
    let refused: Result<Nest, _> = Protobuf::default().decode(&bytes);
    assert!(matches!(&refused, Err(CodecError::Malformed { why, .. }) if why.contains("recursion")), "{refused:?}");
}

#[test]
fn lengths_are_limited_both_ways() {
    let text = "x".repeat(100);
    let json = Json { bytes_max: 50, ..Json::default() };
    assert!(matches!(json.encode(&text), Err(CodecError::TooLong { bytes: 102, .. })));
    assert!(matches!(Codec::<String>::decode(&json, text.as_bytes()), Err(CodecError::TooLong { .. })));
    let bincode = Bincode { bytes_max: 50, ..Bincode::default() };
    assert!(matches!(bincode.encode(&text), Err(CodecError::TooLong { bytes: 102, .. })));
    let protobuf = Protobuf { bytes_max: 50, ..Protobuf::default() };
    assert!(matches!(Codec::<String>::encode(&protobuf, &text), Err(CodecError::TooLong { bytes: 102, .. })));
    // A few bytes that claim 2^40 more.
    let claim = [1, 253, 0, 0, 0, 0, 0, 1, 0, 0];
    assert!(Codec::<String>::decode(&Bincode::default(), &claim).is_err());
    assert!(Codec::<Vec<u64>>::decode(&Bincode::default(), &claim).is_err());
}

#[test]
fn leftovers_are_refused() {
    let left = |bytes| CodecError::Leftover { codec: "json", bytes };
    assert_eq!(
        Codec::<u8>::decode(&Json::default(), b"[1]"),
        Err(CodecError::malformed("json", "invalid type: sequence, expected u8 at line 1 column 0"))
    );
    assert_eq!(Codec::<Vec<u8>>::decode(&Json::default(), b"[1] [2]"), Err(left(3)));
    assert_eq!(Codec::<Vec<u8>>::decode(&Json::default(), b"[1] \n"), Ok(vec![1]));
    let left = CodecError::Leftover { codec: "bincode", bytes: 2 };
    assert_eq!(Codec::<u8>::decode(&Bincode::default(), &[1, 7, 0, 0]), Err(left));
    let left = CodecError::Leftover { codec: "protobuf", bytes: 2 };
    assert_eq!(Codec::<Nest>::decode(&Protobuf::default(), &[0x10, 1]), Err(left));
    let lenient = Protobuf { unknown_fields: true, ..Protobuf::default() };
    assert_eq!(Codec::<Nest>::decode(&lenient, &[0x10, 1]), Ok(Nest::default()));
}

#[test]
fn typed_nodes_say_what_is_wrong() {
    let mut node = Node::new(0, 2);
    node.put("cart", b"no cart".to_vec()).unwrap();
    let mut carts: Typed<Cart, Json, &mut Node> = Typed::new(&mut node, Json::default());
    let error = carts.get("cart").unwrap_err();
    assert!(error.to_string().starts_with("value: json: expected ident"), "{error}");
    assert!(matches!(carts.resolve_and_put("cart", &Union), Err(TypedError::Value(_))));
    carts.put("cart", &cart(&["bread"])).unwrap();
    assert_eq!(carts.get("cart"), Ok(vec![cart(&["bread"])]));
    let read = carts.get_with_context("cart").unwrap();
    carts.put_with_context("cart", &cart(&["milk"]), &Context::empty()).unwrap();
    carts.delete_with_context("cart", &read.context).unwrap();
    assert_eq!(carts.get("cart"), Ok(vec![cart(&["milk"])]));
    let refused = carts.put_with_context("user", &cart(&[]), &read.context).unwrap_err();
    assert_eq!(refused.to_string(), "refused: context of another key");
    carts.delete("cart").unwrap();
    assert_eq!(carts.get("cart"), Ok(Vec::new()));
    assert_eq!(Typed::<Cart, _, _>::new(&node, Json::default()).resolve("cart", &Union), Ok(None));
}

/// Whatever order siblings came in, every node resolves them to the same; and the resolution overwrites them everywhere.
#[test]
fn nodes_agree_on_a_resolution() {
    let codec = Bincode::default();
    let mut nodes: Vec<Node> = (0..3).map(|id| Node::new(id, 3)).collect();
    nodes[0].put("other", Vec::new()).unwrap();
    nodes.iter_mut().for_each(|node| drop(node.drain_outbox()));
    for (node, item) in ["bread", "milk", "eggs"].into_iter().enumerate() {
        Typed::new(&mut nodes[node], codec).put("cart", &cart(&[item])).unwrap();
    }
    exchange(&mut nodes);
    let most = |siblings: Vec<Candidate<Cart>>| siblings.into_iter().map(|it| it.value).max().unwrap_or_default();
    for node in &nodes {
        let carts: Typed<Cart, _, _> = Typed::new(node, codec);
        assert_eq!(carts.get("cart").unwrap().len(), 3);
        assert_eq!(carts.resolve("cart", &Union), Ok(Some(cart(&["bread", "eggs", "milk"]))));
        // Node 0 has made one write more.
        assert_eq!(carts.resolve("cart", &LastWriter), Ok(Some(cart(&["bread"]))));
        assert_eq!(carts.resolve("cart", &most), Ok(Some(cart(&["milk"]))));
    }
    let mut carts: Typed<Cart, _, _> = Typed::new(&mut nodes[1], codec);
    carts.resolve_and_put("cart", &Union).unwrap();
    carts.resolve_and_put("cart", &Union).unwrap(); // nothing is left to resolve, and nothing is written
    assert_eq!(
        nodes[1].drain_outbox().map(|sent| nodes[sent.to.index()].deliver(sent)).filter(Result::is_ok).count(),
        2
    );
    for node in &mut nodes {
        node.process_messages();
        assert_eq!(Typed::<Cart, _, _>::new(&*node, codec).get("cart"), Ok(vec![cart(&["bread", "eggs", "milk"])]));
    }
}

fn exchange(nodes: &mut [Node]) {
    let sent: Vec<_> = nodes.iter_mut().flat_map(|node| node.drain_outbox().collect::<Vec<_>>()).collect();
    for envelope in sent.into_iter().rev() {
        nodes[envelope.to.index()].deliver(envelope).unwrap();
    }
    for node in nodes {
        node.process_messages();
    }
}
