//! Versions of a key, and the rule by which one makes way for another.

use std::fmt;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::causality::{ClockOrder, Dot, VectorClock};
use crate::kv::{Shown, Value};

/// One write of one key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The name of the write. `None` for one that came in through
    /// [`receive_update`](super::Node::receive_update), which tells a clock but no name.
    pub dot: Option<Dot>,
    /// All writes of this key that it builds on, and itself.
    pub clock: VectorClock,
    /// What was written.
    pub value: Value,
}

/// `b [0,1]`
impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", Shown(&self.value), self.clock)
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

/// The versions of one key. Most keys have one, which lives inline.
#[derive(Clone, Debug, Default)]
pub(super) struct Siblings {
    /// invariant: pairwise concurrent.
    versions: SmallVec<[Version; 1]>,
}

impl Siblings {
    pub(super) fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The clock that a write must have that builds on all that is here: the join over *this key* only. Joining what
    /// the node knows of other keys would claim to have seen writes of this key that never came here.
    pub(super) fn clock(&self) -> VectorClock {
        let mut joined = VectorClock::new();
        for version in &self.versions {
            joined.join(&version.clock);
        }
        joined
    }

    /// Puts `version`, which builds on all that is here, in the place of it.
    pub(super) fn replace(&mut self, version: Version) {
        debug_assert!(
            self.versions.iter().all(|old| old.clock.compare(&version.clock) == ClockOrder::Less),
            "expect: a local write builds on all local versions"
        );
        self.versions.clear();
        self.versions.push(version);
    }

    /// Takes in a version from elsewhere.
    pub(super) fn merge(&mut self, version: Version) -> Change {
        for mine in &mut self.versions {
            match version.clock.compare(&mine.clock) {
                ClockOrder::Equal => {
                    mine.dot = mine.dot.or(version.dot);
                    return Change::Duplicate;
                }
                // Siblings are pairwise concurrent, so nothing here can be older than `version` as well.
                ClockOrder::Less => return Change::Obsolete,
                ClockOrder::Greater | ClockOrder::Concurrent => {}
            }
        }
        let before = self.versions.len();
        self.versions.retain(|mine| mine.clock.compare(&version.clock) != ClockOrder::Less);
        let replaced = before - self.versions.len();
        self.versions.push(version);
        Change::Stored { replaced }
    }
}
