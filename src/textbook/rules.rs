//! Which versions of a key live: how a write is stamped, and what an arriving version replaces.

use super::clock::COUNTER_LIMIT;
use super::{Bug, Clock, Textbook, Version};
use crate::causality::Dot;
use crate::kv::{Key, Value};

impl Textbook {
    /// Makes a write of this node, and puts it in the place of all siblings here. `None` when no counter is left.
    pub(super) fn write(&mut self, key: &Key, value: Value) -> Option<(Dot, Version)> {
        if self.issued + 1 >= COUNTER_LIMIT {
            return None;
        }
        let dot = Dot::new(self.actor, self.issued + 1)?;
        self.issued += 1;
        let version = Version { dot: Some(dot), clock: self.stamp(key), value };
        if self.bug == Some(Bug::BlindPut) {
            self.apply(key.clone(), version.clone());
        } else {
            self.learn(&version);
            self.keys.insert(key.clone(), vec![version.clone()]);
        }
        Some((dot, version))
    }

    /// The clock of a new write: everything that is known of *this key*, and the write itself.
    fn stamp(&self, key: &str) -> Clock {
        let mut clock = Clock::default();
        if self.bug != Some(Bug::BlindPut) {
            self.versions(key).iter().for_each(|version| clock.join(&version.clock));
        }
        if self.bug == Some(Bug::NodeWideStamp) {
            clock.join(&self.node_clock);
        }
        clock.set(self.actor, self.issued);
        clock
    }

    /// Takes in a version from elsewhere: it replaces all that it descends from, and is dropped if it is not news.
    pub(super) fn apply(&mut self, key: Key, version: Version) {
        self.learn(&version);
        let bug = self.bug;
        let siblings = self.keys.entry(key).or_default();
        // Duplicates are told by their clocks, as the textbook does, not by the dots seen.
        if siblings.iter().any(|local| local.clock == version.clock) {
            if bug == Some(Bug::EqualIsConcurrent) {
                siblings.push(version);
            }
            return;
        }
        let replaces = siblings.iter().any(|local| descends(&version.clock, &local.clock, bug));
        if !replaces && siblings.iter().any(|local| descends(&local.clock, &version.clock, bug)) {
            return;
        }
        siblings.retain(|local| !descends(&version.clock, &local.clock, bug));
        siblings.push(version);
    }

    /// Remembers that `version` came by, whatever becomes of it.
    fn learn(&mut self, version: &Version) {
        self.node_clock.join(&version.clock);
        if let Some(dot) = version.dot {
            self.see(dot);
        }
    }
}

/// True when whoever wrote with clock `new` knew of the write with clock `old`.
fn descends(new: &Clock, old: &Clock, bug: Option<Bug>) -> bool {
    if bug == Some(Bug::ZipCompare) {
        return new.descends_where_both_know(old);
    }
    new.descends(old)
}
