//! In plan files: what clients do when nobody answers.

use super::entries::{node, push_entry, span};
use super::error::Wrong;
use super::fields::{Field, Table};
use super::values::{DURATION, NODE, node_number};
use crate::sim::Retry;

const RETRIES: &str = "an array like [{ after = \"30ms\", node = 2 }]";

/// Of a request.
pub(super) fn read(table: Table<'_>) -> Result<Vec<Retry>, Wrong> {
    let Some(field) = table.get("retries") else { return Ok(Vec::new()) };
    field.items(RETRIES)?.map(retry).collect()
}

fn retry(field: Field<'_>) -> Result<Retry, Wrong> {
    let table = field.table("a table like { after = \"30ms\", node = 2 }")?;
    table.only(&["after", "node"])?;
    let after = table.need("after", DURATION)?.duration()?;
    Ok(Retry { after, node: node_number(table.need("node", NODE)?)? })
}

pub(super) fn push(out: &mut String, retries: &[Retry]) -> Result<(), String> {
    if retries.is_empty() {
        return Ok(());
    }
    let retries = retries
        .iter()
        .map(|retry| Ok::<_, String>(format!("{{ after = {}, node = {} }}", span(retry.after), node(retry.node)?)));
    push_entry(out, "retries", &format!("[{}]", retries.collect::<Result<Vec<_>, _>>()?.join(", ")));
    Ok(())
}
