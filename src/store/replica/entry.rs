//! What a node holds of one key, and the rules by which one version makes way for another.

use smallvec::SmallVec;

use crate::causality::{ClockOrder, Dot, DotSet, VectorClock};
use crate::store::version::{Change, Version, Write};

/// What a node holds of one key.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Entry {
    /// What a read shows. invariant: none with a dot was overwritten by anything this node knows of.
    versions: SmallVec<[Version; 1]>,
    /// What most keys do without.
    rest: Option<Box<Rest>>,
}

#[derive(Clone, Debug, Default)]
struct Rest {
    /// Deletes that may not be forgotten yet.
    tombstones: Vec<Tombstone>,
    /// invariant: with the contiguous part of what the node has seen, it holds of this key's dots just those of writes that the node
    /// knows of: it has seen them, or something that overwrites them. Dots of other keys' writes do no harm.
    context: DotSet,
}

/// A delete.
#[derive(Clone, Debug)]
pub(in crate::store) struct Tombstone {
    pub(in crate::store) dot: Dot,
    pub(in crate::store) clock: VectorClock,
}

impl Entry {
    pub(in crate::store) fn versions(&self) -> &[Version] {
        &self.versions
    }

    pub(in crate::store) fn tombstones(&self) -> &[Tombstone] {
        self.rest.as_ref().map_or(&[], |rest| &rest.tombstones)
    }

    /// What is known of this key beyond what the node has seen without a gap, where there is something.
    pub(super) fn context(&self) -> Option<&DotSet> {
        self.rest.as_ref().map(|rest| &rest.context).filter(|context| !context.is_empty())
    }

    /// True if nothing is left to remember.
    pub(super) fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.rest.is_none()
    }

    pub(super) fn dotless_count(&self) -> usize {
        self.versions.iter().filter(|version| version.dot.is_none()).count()
    }

    /// All that is here, deletes included, as it travels.
    pub(super) fn writes(&self) -> impl Iterator<Item = Write> + '_ {
        let live = self.versions.iter().cloned().map(Write::from);
        live.chain(self.tombstones().iter().map(|Tombstone { dot, clock }| Write {
            dot: Some(*dot),
            clock: clock.clone(),
            value: None,
        }))
    }

    /// The clock of a write that builds on all that is here: the join over *this key* only. Joining what the node knows of
    /// other keys would claim to have seen writes of this key that never came here.
    pub(super) fn clock(&self) -> VectorClock {
        let mut joined = VectorClock::new();
        self.versions.iter().for_each(|version| joined.join(&version.clock));
        self.tombstones().iter().for_each(|tombstone| joined.join(&tombstone.clock));
        joined
    }

    /// How many versions would stay beside a write that builds on `past` and whose clock will be `clock`.
    pub(super) fn beside_count(&self, past: &DotSet, clock: &VectorClock) -> usize {
        self.versions.iter().filter(|version| !is_overwritten(version, past, clock)).count()
    }

    /// Takes away what a write overwrites that builds on `past` and whose clock is `clock`.
    pub(super) fn overwrite(&mut self, past: &DotSet, clock: &VectorClock) -> usize {
        let before = self.versions.len();
        self.versions.retain(|version| !is_overwritten(version, past, clock));
        self.keep_tombstones(|tombstone| !past.contains(tombstone.dot));
        before - self.versions.len()
    }

    /// Whoever has seen `context` still has `kept` of it: the rest of it is overwritten.
    pub(super) fn keep(&mut self, context: &DotSet, kept: impl Fn(Dot) -> bool) {
        let stays = |dot: Dot| !context.contains(dot) || kept(dot);
        self.versions.retain(|version| version.dot.is_none_or(stays));
        self.keep_tombstones(|tombstone| stays(tombstone.dot));
    }

    /// Puts in a write that nothing here overwrites, and that has taken away what it overwrites.
    pub(super) fn push(&mut self, write: Write) {
        match (write.value, write.dot) {
            (Some(value), dot) => self.versions.push(Version { dot, clock: write.clock, value }),
            (None, Some(dot)) => self.rest().tombstones.push(Tombstone { dot, clock: write.clock }),
            (None, None) => unreachable!("expect: a delete has a dot"),
        }
    }

    /// Takes in a version from elsewhere that builds on `past`. Its dot, if it has one, is new to this node.
    pub(super) fn merge(&mut self, write: Write, past: &DotSet) -> Change {
        if write.dot.is_some_and(|dot| self.context().is_some_and(|context| context.contains(dot))) {
            return Change::Obsolete;
        }
        for mine in &mut self.versions {
            // Dots tell exactly what builds on what; clocks are for writes that have none.
            if write.dot.is_some() && mine.dot.is_some() {
                continue;
            }
            match write.clock.compare(&mine.clock) {
                ClockOrder::Equal => {
                    mine.dot = mine.dot.or(write.dot);
                    return Change::Duplicate;
                }
                ClockOrder::Less => return Change::Obsolete,
                ClockOrder::Greater | ClockOrder::Concurrent => {}
            }
        }
        let replaced = match write.dot {
            Some(_) => self.overwrite(past, &write.clock),
            None => self.overwrite_by_clock(&write.clock),
        };
        self.push(write);
        Change::Stored { replaced }
    }

    /// A write without a dot overwrites whatever has a smaller clock.
    fn overwrite_by_clock(&mut self, clock: &VectorClock) -> usize {
        let before = self.versions.len();
        self.versions.retain(|mine| mine.clock.compare(clock) != ClockOrder::Less);
        before - self.versions.len()
    }

    /// Adds a write of this key, which a node has seen that has seen `seen`, to the context, and what lies between it and others of
    /// this key without a gap: so the context does not grow with each write.
    pub(super) fn learn(&mut self, dot: Dot, seen: &DotSet) {
        if let Some(stretch) = seen.stretch(dot) {
            self.rest().context.insert_within(dot, stretch);
        }
    }

    /// Adds to the context what lies beyond what the node has seen without a gap. Strips it as well, so that a context that stays open
    /// for ever does not grow for ever.
    pub(super) fn learn_all(&mut self, past: &DotSet, seen: &DotSet) {
        let context = &mut self.rest().context;
        if !context.is_empty() {
            *context = context.beyond(seen);
        }
        context.insert_all(&past.beyond(seen));
    }

    /// Takes out of the context what a node has seen without a gap. Returns the last dot that is left; `None` if it is closed now.
    pub(super) fn strip(&mut self, seen: &DotSet) -> Option<Dot> {
        let rest = self.rest.as_mut()?;
        rest.context = rest.context.beyond(seen);
        let last = rest.context.last_dot();
        self.tidy();
        last
    }

    /// True if something is known of this key that is not in `seen`.
    pub(super) fn knows_unseen(&self, seen: &DotSet) -> bool {
        self.context().is_some_and(|context| !seen.contains_all(context))
    }

    /// Forgets the tombstones that `stays` does not hold on to.
    pub(super) fn keep_tombstones(&mut self, stays: impl Fn(&Tombstone) -> bool) {
        if let Some(rest) = &mut self.rest {
            rest.tombstones.retain(stays);
            self.tidy();
        }
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    /// No box for nothing.
    fn tidy(&mut self) {
        if self.rest.as_ref().is_some_and(|rest| rest.tombstones.is_empty() && rest.context.is_empty()) {
            self.rest = None;
        }
    }
}

/// True if a write with a dot, this past and clock overwrites `version`.
fn is_overwritten(version: &Version, past: &DotSet, clock: &VectorClock) -> bool {
    match version.dot {
        Some(dot) => past.contains(dot),
        None => version.clock.compare(clock) == ClockOrder::Less,
    }
}
