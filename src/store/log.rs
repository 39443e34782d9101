//! Which key each write was about, for as long as some peer may not have seen it.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::ops::Bound;

use indexmap::IndexSet;

use crate::causality::{Dot, DotSet};
use crate::kv::Key;

/// From names of writes to their keys. What every node has seen is cut off: at rest it is empty.
#[derive(Debug, Default)]
pub(super) struct Log {
    keys: BTreeMap<Dot, Key>,
    /// All that was seen and is not in `keys`, because it was cut off or its key was never told: to whoever lacks any of it
    /// the log cannot tell what it misses.
    untold: DotSet,
    /// All that was cut off: every node has seen it.
    cut: DotSet,
}

impl Log {
    pub(super) fn insert(&mut self, dot: Dot, key: Key) {
        self.keys.insert(dot, key);
    }

    /// Notes what was seen of which no key was told.
    pub(super) fn note_untold(&mut self, dots: &DotSet) {
        self.untold.insert_all(dots);
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys of the writes that are not in `seen`, each once, in the order of the log; `None` if the log no longer knows. Costs
    /// what is missing, and a look at each actor and gap.
    pub(super) fn missing_from(&self, seen: &DotSet) -> Option<IndexSet<Key>> {
        if !seen.contains_all(&self.untold) {
            return None;
        }
        let mut missing = IndexSet::new();
        let mut next = self.keys.first_key_value();
        while let Some((&Dot { actor, .. }, _)) = next {
            for (first, last) in seen.gaps(actor) {
                missing.extend(self.keys.range(first..=last).map(|(_, key)| key.clone()));
            }
            let end = Dot { actor, counter: NonZeroU64::MAX };
            next = self.keys.range((Bound::Excluded(end), Bound::Unbounded)).next();
        }
        Some(missing)
    }

    /// True if every node has seen the write of this name.
    pub(super) fn is_cut(&self, dot: Dot) -> bool {
        self.cut.contains(dot)
    }

    /// Cuts off what all nodes have seen: this one `mine`, its peers each one of `theirs`. Returns the keys of what was cut
    /// off. Costs that, and a look at each actor.
    pub(super) fn cut<'a>(&mut self, mine: &DotSet, theirs: impl Iterator<Item = &'a DotSet> + Clone) -> Vec<Key> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        if theirs.clone().all(|seen| seen == mine) {
            // With what lies above gaps, which the bases do not tell of.
            self.cut.insert_all(mine);
            self.untold.insert_all(mine);
            return std::mem::take(&mut self.keys).into_values().collect();
        }
        let mut keys = Vec::new();
        for actor in mine.actors() {
            let everywhere = theirs.clone().map(|seen| seen.base(actor)).fold(mine.base(actor), u64::min);
            if everywhere <= self.cut.base(actor) {
                continue;
            }
            let (Some(first), Some(last)) = (Dot::new(actor, 1), Dot::new(actor, everywhere)) else { continue };
            while let Some((&dot, _)) = self.keys.range(first..=last).next() {
                keys.extend(self.keys.remove(&dot));
            }
            self.cut.insert_up_to(actor, everywhere);
            self.untold.insert_up_to(actor, everywhere);
        }
        keys
    }
}
