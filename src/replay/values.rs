//! Values that stand in many places of a plan file: moments, nodes.

use super::error::Wrong;
use super::fields::{Field, Table};
use crate::protocol::{NodeId, Time};

pub(super) const NODE: &str = "a node number from 0 to 65535";
pub(super) const DURATION: &str = "a duration like \"9ms\"";

pub(super) fn moment(table: Table<'_>) -> Result<Time, Wrong> {
    Ok(Time::ZERO + table.need("at", DURATION)?.duration()?)
}

pub(super) fn node(table: Table<'_>) -> Result<NodeId, Wrong> {
    node_number(table.need("node", NODE)?)
}

pub(super) fn node_number(field: Field<'_>) -> Result<NodeId, Wrong> {
    Ok(NodeId::new(field.whole(0, u64::from(u16::MAX), NODE)? as usize))
}

/// Whether the number of `node` is one that is read.
pub(super) fn reads_node(node: NodeId) -> bool {
    u16::try_from(node.index()).is_ok()
}
