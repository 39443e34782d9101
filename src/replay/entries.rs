//! Entries of a plan file as they are written: a key and a value.

use std::time::Duration;

use super::quote::push_string;
use super::values::reads_node;
use crate::protocol::{NodeId, show_duration};

pub(super) fn node(node: NodeId) -> Result<String, String> {
    match reads_node(node) {
        true => Ok(node.to_string()),
        false => Err(format!("expected a node number from 0 to {}, found {node}", u16::MAX)),
    }
}

/// Time is 64 bits of nanoseconds: a longer span ends where that does.
pub(super) fn span(span: Duration) -> String {
    format!("\"{}\"", show_duration(span.min(Duration::from_nanos(u64::MAX))))
}

pub(super) fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_string(&mut out, text);
    out
}

pub(super) fn push_entry(out: &mut String, key: &str, value: &str) {
    out.push_str(key);
    out.push_str(" = ");
    out.push_str(value);
    out.push('\n');
}
