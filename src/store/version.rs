//! Versions of a key.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::causality::{Dot, VectorClock};
use crate::kv::{Shown, Value};

/// One value of one key, as a node holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Version {
    /// The dot of the write. `None` for one that came in through
    /// [`receive_update`](super::Node::receive_update), which has a clock but no dot.
    pub dot: Option<Dot>,
    /// How many writes of each actor it builds on, and itself.
    pub clock: VectorClock,
    /// What was written.
    pub value: Value,
}

impl Version {
    /// The value and the clock as [`Node::get`](super::Node::get) tells them: an entry for each incarnation of each node up to the
    /// latest that counts.
    pub(crate) fn to_plain(&self, node_count: usize) -> (Vec<u8>, Vec<usize>) {
        let mut clock: Vec<usize> = self.clock.iter().map(|counter| counter as usize).collect();
        clock.resize(self.clock.slot_count().max(1).next_multiple_of(node_count), 0);
        (self.value.to_vec(), clock)
    }
}

/// `b [0,1]`
impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", Shown(&self.value), self.clock)
    }
}

/// One write of one key, as it travels: a version, or a delete.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Its dot; see [`Version::dot`].
    pub dot: Option<Dot>,
    /// How many writes of each actor it builds on, and itself.
    pub clock: VectorClock,
    /// What was written; `None` for a delete.
    pub value: Option<Value>,
}

impl Write {
    /// How many bytes it takes in memory, beside its own.
    pub(super) fn bytes(&self) -> usize {
        self.clock.heap_bytes() + self.value.as_ref().map_or(0, |value| value.len())
    }
}

impl From<Version> for Write {
    fn from(Version { dot, clock, value }: Version) -> Self {
        Self { dot, clock, value: Some(value) }
    }
}

/// `b [0,1]`, `deleted [0,2]`
impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} {:?}", Shown(value), self.clock),
            None => write!(f, "deleted {:?}", self.clock),
        }
    }
}

/// What became of a version that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is stored.
    Stored {
        /// How many versions made way for it.
        replaced: usize,
    },
    /// It was here already.
    Duplicate,
    /// What is here builds on it.
    Obsolete,
}
