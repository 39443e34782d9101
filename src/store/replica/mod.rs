//! What one node holds of all keys, and how writes come in.
//!
//! A local write takes the next dot and overwrites what its client has seen; a remote one overwrites what it says. Either way its
//! dot is then seen, and what it overwrites is remembered for as long as it has not come.

mod dirty;
mod entry;
mod key_table;
mod log;
mod pending;
mod snapshot;
mod writer;

use std::mem;
use std::sync::Arc;

use super::context::Context;
use super::error::StoreError;
use super::marks::{Mark, Marks};
use super::message::Update;
use super::version::{Change, Version, Write};
use crate::causality::{Actor, Dot, DotSet, VectorClock};
use crate::kv::{Key, Value};
pub(super) use dirty::DirtyActors;
use entry::Entry;
use key_table::KeyTable;
use log::Log;
use pending::PendingOverwrites;
use writer::Writer;

/// What one node holds: the versions of each key, all that it has seen, and what some other node may still need of it.
#[derive(Debug)]
pub(super) struct Replica {
    node_count: usize,
    /// invariant: issues no dot twice.
    writer: Writer,
    /// invariant: a key is in here as long as there is something to remember of it. In the order in which keys came, so that nothing a
    /// run can see depends on the hasher.
    keys: KeyTable,
    /// How many versions in `keys` have no dot, and so are not in `seen`.
    dotless: usize,
    /// invariant: each dot in here is of a write that is held, or was overwritten by something that is.
    seen: DotSet,
    /// invariant: knows each key that has pending overwrites.
    pending: PendingOverwrites,
    /// invariant: tells of each dot in `seen` its key, or that it no longer knows it.
    log: Log,
    /// Of whose writes there was news since this node last looked what every node has seen.
    dirty: DirtyActors,
    marks: Marks,
}

/// A write that was made here.
pub(super) struct LocalWrite {
    pub(super) dot: Dot,
    pub(super) update: Arc<Update>,
    /// What its client has seen now.
    pub(super) context: Context,
    /// How many versions the key has now.
    pub(super) sibling_count: usize,
}

/// What is held beside versions, because some other node may not have seen it yet.
#[derive(Default)]
pub(super) struct Residue {
    pub(super) tombstones: usize,
    pub(super) log_entries: usize,
    pub(super) pending_keys: usize,
    /// The tombstones of those keys.
    pub(super) pending_tombstones: usize,
    pub(super) gaps: usize,
}

/// Reads.
impl Replica {
    pub(super) fn new(actor: Actor, node_count: usize) -> Self {
        Self {
            node_count,
            writer: Writer::new(actor),
            keys: KeyTable::default(),
            dotless: 0,
            seen: DotSet::new(),
            pending: PendingOverwrites::default(),
            log: Log::default(),
            dirty: DirtyActors::None,
            marks: Marks::default(),
        }
    }

    pub(super) fn node_count(&self) -> usize {
        self.node_count
    }

    pub(super) fn actor(&self) -> Actor {
        self.writer.actor()
    }

    /// This incarnation, and the counter of its last write.
    pub(super) fn last_write(&self) -> (Actor, u64) {
        self.writer.last()
    }

    pub(super) fn seen(&self) -> &DotSet {
        &self.seen
    }

    pub(super) fn versions(&self, key: &str) -> &[Version] {
        self.keys.get(key).map_or(&[], Entry::versions)
    }

    /// All keys that there is something to remember of, with their versions, in the order in which they came.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Key, &[Version])> {
        self.keys.iter().map(|(key, entry)| (key, entry.versions()))
    }

    pub(super) fn tombstone_count(&self) -> usize {
        self.keys.iter().map(|(_, entry)| entry.tombstones().len()).sum()
    }

    /// Costs a look at each key.
    pub(super) fn residue(&self) -> Residue {
        let (log_entries, gaps) = (self.log.len(), self.seen.gap_count());
        let mut residue = Residue { log_entries, gaps, ..Residue::default() };
        for (_, entry) in self.keys.iter() {
            if entry.pending().is_some() {
                residue.pending_keys += 1;
                residue.pending_tombstones += entry.tombstones().len();
            }
            residue.tombstones += entry.tombstones().len();
        }
        residue
    }

    /// What a client has seen that reads `key` now: all that this node has seen of it.
    pub(super) fn context(&self, key: &str) -> Context {
        let entry = self.keys.get(key);
        Context::new(key, self.past(entry), entry.map_or_else(VectorClock::new, Entry::clock))
    }

    /// The dots of all that a write may overwrite that builds on all that is here. Gap-aware, so dots of other keys' writes
    /// do no harm; a vector clock of all keys would claim to have seen what never came here.
    fn past(&self, entry: Option<&Entry>) -> DotSet {
        let mut past = self.seen.clone();
        let Some(entry) = entry else { return past };
        if let Some(pending) = entry.pending() {
            past.insert_all(pending);
        }
        // What has no dot has a clock of this key, which covers all that it counts.
        for dotless in entry.versions().iter().filter(|version| version.dot.is_none()) {
            for (slot, counter) in dotless.clock.entries() {
                past.insert_up_to(Actor::at_slot(slot, self.node_count), counter);
            }
        }
        past
    }

    /// The latest incarnation of this node that a clock counts writes of, and how many.
    pub(super) fn latest_own(&self, clock: &VectorClock) -> Option<(Actor, u64)> {
        let node = self.actor().node;
        if clock.slot_count() <= self.node_count {
            // Of first incarnations, as nearly all are, there is but one to look at.
            let (first, counter) = (Actor::first(node), clock.get(node as usize));
            return (counter > 0).then_some((first, counter));
        }
        let counted = clock.entries().map(|(slot, counter)| (Actor::at_slot(slot, self.node_count), counter));
        counted.filter(|(actor, _)| actor.node == node).last()
    }

    /// The latest incarnation of this node that has dots in a set, and its last one there.
    pub(super) fn latest_own_dot(&self, dots: &DotSet) -> Option<(Actor, u64)> {
        let own = dots.actors().rfind(|actor| actor.node == self.actor().node)?;
        Some((own, dots.last(own)))
    }

    /// The node begins to run. Whoever is not in its first incarnation has been through a crash.
    pub(super) fn note_start(&mut self) {
        if self.actor().incarnation > 0 {
            self.marks.note(Mark::IncarnationRaised);
        }
    }

    pub(super) fn take_marks(&mut self) -> Marks {
        mem::take(&mut self.marks)
    }
}

/// Writes.
impl Replica {
    /// Applies a write that a client makes here: over what the client has seen, or over all that is here.
    pub(super) fn write(
        &mut self,
        key: impl AsRef<str> + Into<Key>,
        value: Option<Value>,
        context: Option<&Context>,
        siblings_max: usize,
    ) -> Result<LocalWrite, StoreError> {
        // Each look at the table may wait for memory, so there is but one.
        let place = self.keys.place_of(key.as_ref());
        let entry = place.map(|place| self.keys.at(place));
        // To write over all that is here is to write as if one had just read it.
        let (past, mut clock) = match context {
            None => (self.past(entry), entry.map_or_else(VectorClock::new, Entry::clock)),
            Some(context) => (context.dots.clone(), context.clock.clone()),
        };
        let Some(dot) = self.writer.next() else { return Err(StoreError::CounterSpent) };
        clock.raise(dot.actor.slot(self.node_count), dot.counter.get());
        let beside = entry.map_or(0, |entry| entry.beside_count(&past, &clock));
        let sibling_count = beside + usize::from(value.is_some());
        if context.is_some() {
            if value.is_some() && sibling_count > siblings_max {
                return Err(StoreError::TooManySiblings { siblings: beside, siblings_max });
            }
            self.marks.note(Mark::ContextUsed);
            if beside > 0 {
                self.marks.note(Mark::ContextStale);
            }
        }
        self.writer.issue(dot);
        let place = place.unwrap_or_else(|| self.keys.add(key.into()));
        let key = Key::clone(self.keys.key_at(place));
        let mut seen = past.clone();
        seen.insert(dot);
        let context = Context::new(&key, seen, clock.clone());
        let update = Arc::new(Update { key, write: Write { dot: Some(dot), clock, value }, past });
        self.commit(place, dot, &update);
        Ok(LocalWrite { dot, update, context, sibling_count })
    }

    /// Puts an own write into its key, which has this place.
    fn commit(&mut self, place: usize, dot: Dot, update: &Update) {
        let Update { key, write, past } = update;
        let entry = self.keys.at_mut(place);
        let dotless = entry.dotless_count();
        entry.overwrite(past, &write.clock);
        self.dotless = self.dotless + entry.dotless_count() - dotless;
        entry.push(write.clone());
        self.see(dot, key, write.value.is_none());
        self.add_pending(key, past);
    }

    /// Applies a write that another node has made. Returns how many versions were stored.
    pub(super) fn apply(&mut self, update: &Update) -> usize {
        let Update { key, write, past } = update;
        let own = [self.latest_own(&write.clock), self.latest_own_dot(past)];
        own.into_iter().flatten().for_each(|own| self.observe_own(own));
        // What was seen is here, or overwritten by something that is here.
        if write.dot.is_some_and(|dot| !self.see(dot, key, write.value.is_none())) {
            self.marks.note(Mark::DuplicateDropped);
            return 0;
        }
        let change = self.merge(key, write.clone(), past);
        self.add_pending(key, past);
        usize::from(matches!(change, Change::Stored { .. }))
    }

    /// Applies a write that has a clock but no dot. An own entry above what this node ever issued is taken for its own former write
    /// handed back.
    pub(super) fn apply_dotless(&mut self, key: &Key, value: Value, clock: VectorClock) -> Change {
        if let Some(own) = self.latest_own(&clock) {
            self.writer.take_back(own);
        }
        self.merge(key, Write { dot: None, clock, value: Some(value) }, &DotSet::new())
    }

    /// Others know of own writes up to this one. If this node does not, it begins a new incarnation.
    pub(super) fn observe_own(&mut self, own: (Actor, u64)) {
        if self.writer.outgrow(own) {
            self.marks.note(Mark::IncarnationRaised);
        }
    }

    /// Merges a write that is new to this node into its key.
    fn merge(&mut self, key: &Key, write: Write, past: &DotSet) -> Change {
        let place = self.place_of(key);
        let entry = self.keys.at_mut(place);
        let (dotless, had_tombstones) = (entry.dotless_count(), !entry.tombstones().is_empty());
        let change = entry.merge(write, past);
        self.dotless = self.dotless + entry.dotless_count() - dotless;
        match change {
            Change::Stored { .. } if entry.versions().len() > 1 => self.marks.note(Mark::SiblingMade),
            Change::Obsolete => {
                self.marks.note(if had_tombstones { Mark::TombstoneMetOlder } else { Mark::Overtaken });
            }
            Change::Stored { .. } | Change::Duplicate => {}
        }
        if entry.is_empty() {
            self.keys.remove_at(place);
        }
        change
    }

    /// The place of a key; one that is not there takes one.
    fn place_of(&mut self, key: &Key) -> usize {
        self.keys.place_of(key).unwrap_or_else(|| self.keys.add(key.clone()))
    }

    /// Marks the write of this dot as seen; false if it was.
    fn see(&mut self, dot: Dot, key: &Key, is_delete: bool) -> bool {
        let fills_gap = dot.counter.get() < self.seen.last(dot.actor);
        let is_new = self.seen.insert(dot);
        if is_new {
            if fills_gap {
                self.marks.note(Mark::GapFilled);
            }
            self.dirty.add(DirtyActors::One(dot.actor));
            self.log.insert(dot, key.clone(), is_delete);
            self.pending.note_seen(dot);
        }
        is_new
    }

    /// Remembers that what is in `past` and was never seen is overwritten in `key`.
    fn add_pending(&mut self, key: &Key, past: &DotSet) {
        if self.seen.contains_all(past) {
            return;
        }
        let unseen = past.without(&self.seen);
        let Some(last) = unseen.last_dot() else { return };
        let place = self.place_of(key);
        let entry = self.keys.at_mut(place);
        if entry.pending().is_none() {
            self.pending.insert(key.clone(), last);
        }
        entry.add_pending(&unseen, &self.seen);
    }
}

/// Forgetting.
impl Replica {
    pub(super) fn note_dirty(&mut self, dirty: DirtyActors) {
        self.dirty.add(dirty);
    }

    /// Forgets what every node has seen, where `seen_by` tells what each other one is known to have: the log's entries; tombstones, once
    /// what they overwrite has been seen here as well, so that it is known when it comes late; and pending overwrites of what has been
    /// seen since. Costs what changes, and a look at each dirty actor.
    pub(super) fn collect<'p>(&mut self, seen_by: impl Fn(usize) -> &'p DotSet) {
        let me = self.actor().node as usize;
        let (dirty, me) = (mem::take(&mut self.dirty), (me, &self.seen));
        let mut changed = self.log.cut(dirty, me, self.node_count, |node| seen_by(node));
        for pending in self.pending.take_due() {
            let entry = self.keys.get_mut(&pending.1).expect("expect: a key with pending overwrites has an entry");
            match entry.settle_pending(&self.seen) {
                Some(last) => self.pending.wait(pending, last),
                None => changed.push(pending.1),
            }
        }
        for key in changed {
            let Some(place) = self.keys.place_of(&key) else { continue };
            let entry = self.keys.at_mut(place);
            if entry.pending().is_none() {
                entry.keep_tombstones(|tombstone| !self.log.is_cut(tombstone.dot));
            }
            if entry.is_empty() {
                self.keys.remove_at(place);
            }
        }
    }
}
