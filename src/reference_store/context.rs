//! What a client has read, as bytes that it carries around.
//!
//! One byte for the format, the length of the key and the key, then the dots, each as incarnation, node and counter; all
//! numbers big-endian. Written by hand, so that nothing is shared with the fast store.

use std::collections::BTreeSet;

use super::clock::COUNTER_LIMIT;
use crate::causality::{Actor, Dot};
use crate::kv::ClientContext;

/// The first byte.
const FORMAT: u8 = 1;
/// Incarnation, node and counter.
const DOT_BYTES: usize = 4 + 4 + 8;

/// The context of a client that has seen these writes of `key`.
pub(super) fn encode(key: &str, dots: &BTreeSet<Dot>) -> ClientContext {
    if dots.is_empty() {
        return ClientContext::empty();
    }
    let mut bytes = vec![FORMAT];
    bytes.extend((key.len() as u64).to_be_bytes());
    bytes.extend(key.as_bytes());
    for dot in dots {
        bytes.extend(dot.actor.incarnation.to_be_bytes());
        bytes.extend(dot.actor.node.to_be_bytes());
        bytes.extend(dot.counter.get().to_be_bytes());
    }
    ClientContext::from_bytes(bytes)
}

/// The writes of `key` that a context tells of; `None` if it is none, or is of another key.
pub(super) fn decode(key: &str, context: &ClientContext) -> Option<BTreeSet<Dot>> {
    if context.as_bytes().is_empty() {
        return Some(BTreeSet::new());
    }
    let rest = context.as_bytes().strip_prefix(&[FORMAT])?;
    let rest = rest.strip_prefix(&(key.len() as u64).to_be_bytes())?.strip_prefix(key.as_bytes())?;
    let (dots, leftover) = rest.as_chunks::<DOT_BYTES>();
    if !leftover.is_empty() {
        return None;
    }
    dots.iter().map(decode_dot).collect()
}

fn decode_dot(bytes: &[u8; DOT_BYTES]) -> Option<Dot> {
    let (incarnation, rest) = bytes.split_first_chunk()?;
    let (node, counter) = rest.split_first_chunk()?;
    let actor = Actor { incarnation: u32::from_be_bytes(*incarnation), node: u32::from_be_bytes(*node) };
    let counter = u64::from_be_bytes(counter.try_into().ok()?);
    if counter >= COUNTER_LIMIT {
        return None;
    }
    Dot::new(actor, counter)
}
