//! Which versions of a key live: what a write builds on, and what an arriving version replaces.
//!
//! A node remembers which dots it has *seen*: those that came by, and those that something that came by builds on. So a dot
//! that was seen and that is not held here is of an obsolete version, and stays out for good.

use std::collections::BTreeSet;

use super::clock::COUNTER_LIMIT;
use super::{Bug, Clock, ReferenceStore, ReferenceVersion};
use crate::causality::{Actor, Dot};
use crate::kv::{Key, Value};

/// A key may have this many values; no write of this node's own makes more of them.
const SIBLING_COUNT_MAX: usize = 100;

/// The number of actors that [`Bug::PrunedClock`] leaves in a clock.
const PRUNED_CLOCK_LENGTH: usize = 2;

impl ReferenceStore {
    /// Makes a write of this node, a delete if there is no `value`. It takes the place of the versions in `context`, or
    /// without one of all that are here. Changes nothing and says why when it cannot be.
    pub(super) fn write(
        &mut self,
        key: &Key,
        value: Option<Value>,
        context: Option<BTreeSet<Dot>>,
    ) -> Result<(Dot, ReferenceVersion), &'static str> {
        let dot = Dot::new(self.actor, self.issued + 1).filter(|dot| dot.counter.get() < COUNTER_LIMIT);
        let dot = dot.ok_or("this incarnation of the node has no counter left")?;
        let is_future = |seen: &Dot| seen.actor == self.actor && *seen >= dot;
        if context.as_ref().is_some_and(|dots| dots.iter().any(is_future)) {
            return Err("the context tells of writes that were never made");
        }
        let context = self.context_as_taken(key, value.is_some(), context);
        let is_plain = context.is_none();
        let past = context.unwrap_or_else(|| self.past_of_plain(key));
        let clock = self.stamp(key, &past, is_plain, dot);
        let mut version = ReferenceVersion { dot: Some(dot), clock, past, value };
        let kept = self.versions(key).iter().filter(|local| local.value.is_some() && !covers(&version, local, None));
        if version.value.is_some() && kept.count() >= SIBLING_COUNT_MAX {
            return Err("the key has too many siblings");
        }
        self.issued += 1;
        self.place(key, version.clone(), is_plain);
        if self.bug == Some(Bug::PrunedClock) {
            prune(&mut version, self.actor);
        }
        Ok((dot, version))
    }

    /// What the node makes of a client's context; right without a bug: takes it as it is.
    fn context_as_taken(&self, key: &str, is_put: bool, context: Option<BTreeSet<Dot>>) -> Option<BTreeSet<Dot>> {
        let mut dots = context?;
        match self.bug {
            Some(Bug::ServerContext) if is_put => return None,
            Some(Bug::DeleteDropsSiblings) if !is_put => return None,
            Some(Bug::NoDots) => {
                // One clock stands for all siblings: a client that has not read all of them has read none.
                let held: Vec<Dot> = self.versions(key).iter().filter_map(|local| local.dot).collect();
                if held.iter().any(|dot| !dots.contains(dot)) {
                    held.iter().for_each(|dot| _ = dots.remove(dot));
                }
            }
            _ => {}
        }
        Some(dots)
    }

    /// What a write without a context builds on: all that is known of *this key*.
    fn past_of_plain(&self, key: &str) -> BTreeSet<Dot> {
        let mut past = self.seen_of(key);
        if self.bug == Some(Bug::BlindPut) {
            past.retain(|dot| dot.actor == self.actor);
        }
        if self.bug == Some(Bug::NodeWideStamp) {
            for (actor, counter) in self.node_clock.entries() {
                past.extend((1..=counter).filter_map(|counter| Dot::new(actor, counter)));
            }
        }
        past
    }

    /// The clock of the write `dot`: for each actor the latest of its writes in the past, and the write itself.
    fn stamp(&self, key: &str, past: &BTreeSet<Dot>, is_plain: bool, dot: Dot) -> Clock {
        let mut clock = Clock::default();
        if is_plain && self.bug != Some(Bug::BlindPut) {
            // A version without a name is known by its clock alone.
            self.versions(key).iter().for_each(|version| clock.join(&version.clock));
        }
        for seen in past {
            clock.set(seen.actor, seen.counter.get().max(clock.get(seen.actor)));
        }
        clock.set(dot.actor, dot.counter.get());
        clock
    }

    /// Puts a write of this node's own in the place of what it covers.
    fn place(&mut self, key: &Key, version: ReferenceVersion, is_plain: bool) {
        self.node_clock.join(&version.clock);
        self.see(key, version.dot);
        if is_plain || self.bug != Some(Bug::ValueNotContext) {
            self.see(key, version.past.iter().copied());
        }
        let siblings = self.keys.entry(key.clone()).or_default();
        siblings.retain(|local| !covers(&version, local, None));
        siblings.push(version);
    }

    /// Takes in a version from elsewhere: it replaces all that it covers, and is dropped if it is not news.
    pub(super) fn apply(&mut self, key: &Key, version: ReferenceVersion) {
        let bug = self.bug;
        let was_seen = version.dot.is_some_and(|dot| self.sync.has_seen(dot) && !self.bug_state.has_forgotten(dot));
        self.node_clock.join(&version.clock);
        self.see(key, version.dot);
        self.see(key, version.past.iter().copied());
        let local = self.versions(key);
        if local.iter().any(|local| is_same(local, &version)) {
            if bug == Some(Bug::EqualIsConcurrent) {
                self.keys.entry(key.clone()).or_default().push(version);
            }
            return;
        }
        let replaces = local.iter().any(|local| covers(&version, local, bug));
        let is_covered = local.iter().any(|local| covers(local, &version, bug)) && bug != Some(Bug::ValueNotContext);
        if (was_seen || is_covered) && !replaces {
            return;
        }
        let siblings = self.keys.entry(key.clone()).or_default();
        siblings.retain(|local| !covers(&version, local, bug));
        siblings.push(version);
    }

    /// Drops the versions for which `is_gone` holds.
    pub(super) fn drop_versions(&mut self, is_gone: impl Fn(&ReferenceVersion) -> bool) {
        for siblings in self.keys.values_mut() {
            siblings.retain(|version| !is_gone(version));
        }
        self.keys.retain(|_, siblings| !siblings.is_empty());
    }

    /// The dots of `key` that this node has seen.
    pub(super) fn seen_of(&self, key: &str) -> BTreeSet<Dot> {
        let seen = self.sync.seen().iter().filter(|(_, of)| &***of == key);
        seen.map(|(dot, _)| *dot).collect()
    }
}

/// True if both are one and the same write.
fn is_same(left: &ReferenceVersion, right: &ReferenceVersion) -> bool {
    match (left.dot, right.dot) {
        (Some(left), Some(right)) => left == right,
        _ => left.clock == right.clock,
    }
}

/// True when whoever wrote `new` knew of the write `old`.
fn covers(new: &ReferenceVersion, old: &ReferenceVersion, bug: Option<Bug>) -> bool {
    if bug == Some(Bug::ZipCompare) {
        return new.clock.descends_where_both_know(&old.clock);
    }
    match (new.dot, old.dot) {
        (Some(_), Some(old)) => new.past.contains(&old),
        _ => new.clock.descends(&old.clock),
    }
}

/// The mistake of [`Bug::PrunedClock`]: leaves the writer and the actors with the highest counters.
fn prune(version: &mut ReferenceVersion, writer: Actor) {
    let mut entries: Vec<(Actor, u64)> = version.clock.entries().collect();
    entries.sort_by_key(|&(actor, counter)| (actor != writer, std::cmp::Reverse((counter, actor))));
    entries.truncate(PRUNED_CLOCK_LENGTH);
    version.clock = Clock::default();
    entries.iter().for_each(|&(actor, counter)| version.clock.set(actor, counter));
    version.past.retain(|dot| entries.iter().any(|(actor, _)| *actor == dot.actor));
}
