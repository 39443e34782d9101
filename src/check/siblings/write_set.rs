//! Sets of writes that only grow, or begin anew all the time.

use indexmap::IndexMap;

use smallvec::SmallVec;

/// Looked up in every step, and never by what an enemy chose.
pub(super) type Map<K, V> = IndexMap<K, V, foldhash::fast::FixedState>;

/// A write, by its place among all writes of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WriteId(pub(super) usize);

/// Writes of one key, a bit for each by its place among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(SmallVec<[u64; 2]>);

impl Taken {
    /// Adds what has this place; false if it was there.
    pub(super) fn insert(&mut self, place: usize) -> bool {
        let word = place / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let before = self.0[word];
        self.0[word] |= 1 << (place % 64);
        self.0[word] != before
    }

    pub(super) fn contains(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }
}

/// What was met since the last [`clear`](Self::clear), which costs nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Met {
    round: u64,
    /// In which round each was met last, counted from 0; what was never met has 0.
    last: Vec<u64>,
}

impl Met {
    pub(super) fn clear(&mut self) {
        self.round += 1;
    }

    /// True if it was not met before.
    pub(super) fn meet(&mut self, place: usize) -> bool {
        if place >= self.last.len() {
            self.last.resize(place + 1, 0);
        }
        // Round 0 would be that of all that was never met.
        std::mem::replace(&mut self.last[place], self.round + 1) != self.round + 1
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.last.get(place).is_some_and(|last| *last == self.round + 1)
    }
}
