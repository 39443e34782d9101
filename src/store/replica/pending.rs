//! Which keys have pending overwrites, of writes that have not come yet, and which of them to look at again once more is seen.

use std::collections::BTreeMap;

use crate::causality::{Dot, DotSet};
use crate::kv::Key;

/// A key, and when it first had one: keys are looked at in that order, so that nothing depends on what they wait for.
pub(super) type PendingKey = (u64, Key);

/// Each such key waits for the last dot of its pending overwrites. Until that is seen they cannot all be settled, so a look at what
/// was seen finds the keys where they may be, and no others. Writes come in order for the most part, so the last comes last.
#[derive(Debug, Default)]
pub(super) struct PendingOverwrites {
    /// invariant: each key that has pending overwrites is in here once, or in `due`.
    waiting: BTreeMap<Dot, Vec<PendingKey>>,
    /// What they waited for has been seen.
    due: Vec<PendingKey>,
    /// How many keys ever had some.
    count: u64,
}

impl PendingOverwrites {
    /// Takes in a key that had none, and now waits for `dot`.
    pub(super) fn insert(&mut self, key: Key, dot: Dot) {
        self.count += 1;
        self.wait((self.count, key), dot);
    }

    /// A key that was due waits on.
    pub(super) fn wait(&mut self, key: PendingKey, dot: Dot) {
        self.waiting.entry(dot).or_default().push(key);
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

    /// The keys that may have none any more, in the order in which they first had some.
    pub(super) fn take_due(&mut self) -> Vec<PendingKey> {
        if self.due.is_empty() {
            return Vec::new();
        }
        let mut due = std::mem::take(&mut self.due);
        due.sort_unstable();
        due
    }
}
