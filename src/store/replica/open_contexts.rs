//! Which keys have an open context: one that reaches beyond what the node has seen without a gap; and which of them to look at again
//! once less is missing.

use std::collections::BTreeMap;

use crate::causality::{Actor, Dot};
use crate::kv::Key;

/// A key, and when its context became open: keys are looked at in that order, so that nothing depends on what they wait for.
pub(super) type OpenKey = (u64, Key);

/// Each such key waits for the last dot of its context. Until all up to that is seen the context stays open, so a look at what was
/// seen finds the keys whose contexts may be closed, and no others. Writes come in order for the most part, so the last comes last.
#[derive(Debug, Default)]
pub(super) struct OpenContexts {
    /// invariant: each key whose context is open is in here once, or in `due`.
    waiting: BTreeMap<Dot, Vec<OpenKey>>,
    /// What they waited for has been seen.
    due: Vec<OpenKey>,
    /// How many contexts were ever opened.
    count: u64,
}

impl OpenContexts {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes in a key whose context was not open, and now waits for `dot`.
    pub(super) fn insert(&mut self, key: Key, dot: Dot) {
        self.count += 1;
        self.wait((self.count, key), dot);
    }

    /// A key that was due waits on.
    pub(super) fn wait(&mut self, key: OpenKey, dot: Dot) {
        self.waiting.entry(dot).or_default().push(key);
    }

    /// All writes of an actor were seen up to `before`, and now are up to `base`. Costs what waited for it.
    pub(super) fn note_base(&mut self, actor: Actor, before: u64, base: u64) {
        let (Some(first), Some(last)) = (Dot::new(actor, before + 1), Dot::new(actor, base)) else { return };
        if self.waiting.is_empty() || last < first {
            return;
        }
        while let Some((&dot, _)) = self.waiting.range(first..=last).next() {
            self.due.extend(self.waiting.remove(&dot).into_iter().flatten());
        }
    }

    /// The keys whose contexts may be closed, in the order in which they became open.
    pub(super) fn take_due(&mut self) -> Vec<OpenKey> {
        if self.due.is_empty() {
            return Vec::new();
        }
        let mut due = std::mem::take(&mut self.due);
        due.sort_unstable();
        due
    }
}
