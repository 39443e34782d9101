//! A set of writes of one run.

use smallvec::SmallVec;

/// A write, by its place among all writes of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WriteId(pub(super) usize);

/// Writes, a bit for each of the run.
#[derive(Clone, Debug, Default)]
pub(super) struct WriteSet(SmallVec<[u64; 2]>);

impl WriteSet {
    pub(super) fn insert(&mut self, write: WriteId) {
        let word = write.0 / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (write.0 % 64);
    }

    pub(super) fn contains(&self, write: WriteId) -> bool {
        self.0.get(write.0 / 64).is_some_and(|word| word >> (write.0 % 64) & 1 == 1)
    }

    pub(super) fn insert_all(&mut self, other: &Self) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }
}
