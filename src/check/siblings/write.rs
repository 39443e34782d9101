//! One write, and one message that never arrived, as the history knows them.

use super::places::PlaceSet;
use super::write_set::WriteId;
use crate::causality::Dot;
use crate::kv::Value;
use crate::protocol::{NodeId, Time};
use crate::sim::{LostWhy, MessageName};

#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) key: usize,
    /// How many writes of the key came before it.
    pub(super) place: usize,
    /// `None` for a delete.
    pub(super) value: Option<Value>,
    /// The name that the store gave it, as far as it has told.
    pub(super) dot: Option<Dot>,
    pub(super) node: NodeId,
    pub(super) at: Time,
    /// Its client said what it had seen; else it is over all that the node had.
    pub(super) has_context: bool,
    /// *H* without itself: the writes of the same key that it builds on.
    pub(super) past: PlaceSet,
}

#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) at: Time,
    pub(super) to: NodeId,
    pub(super) write: WriteId,
    pub(super) message: MessageName,
    pub(super) why: LostWhy,
}
