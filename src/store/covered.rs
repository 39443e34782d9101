//! Which keys remember writes that were overwritten before they came, and which of them to look at again once more is seen.

use std::collections::BTreeMap;

use crate::causality::{Dot, DotSet};
use crate::kv::Key;

/// A key, and when it was first covered: keys are looked at in that order, so that nothing depends on what they wait for.
pub(super) type Covered = (u64, Key);

/// Each covered key waits for the last dot that it covers. Until that is seen nothing can uncover it, so a look at what was seen
/// finds the keys that it may uncover, and no others. Writes come in order for the most part, so the last comes last.
#[derive(Debug, Default)]
pub(super) struct CoveredKeys {
    waiting: BTreeMap<Dot, Vec<Covered>>,
    /// What they waited for has been seen.
    due: Vec<Covered>,
    /// How many keys were ever covered.
    count: u64,
}

impl CoveredKeys {
    /// Takes in a key that was not covered, and now waits for `dot`.
    pub(super) fn insert(&mut self, key: Key, dot: Dot) {
        self.count += 1;
        self.wait((self.count, key), dot);
    }

    /// A key that was due waits on.
    pub(super) fn wait(&mut self, covered: Covered, dot: Dot) {
        self.waiting.entry(dot).or_default().push(covered);
    }

    pub(super) fn note_seen(&mut self, dot: Dot) {
        if !self.waiting.is_empty() {
            self.due.extend(self.waiting.remove(&dot).into_iter().flatten());
        }
    }

    /// Costs the runs of `news`, and what waited for them.
    pub(super) fn note_all_seen(&mut self, news: &DotSet) {
        for (actor, base, runs) in news.parts() {
            for (first, last) in std::iter::once((1, base)).chain(runs) {
                let (Some(first), Some(last)) = (Dot::new(actor, first), Dot::new(actor, last)) else { continue };
                while let Some((&dot, _)) = self.waiting.range(first..=last).next() {
                    self.note_seen(dot);
                }
            }
        }
    }

    /// The keys that something may have uncovered, in the order in which they were first covered.
    pub(super) fn take_due(&mut self) -> Vec<Covered> {
        if self.due.is_empty() {
            return Vec::new();
        }
        let mut due = std::mem::take(&mut self.due);
        due.sort_unstable();
        due
    }
}
