//! What one node holds of all keys, and how writes come in.
//!
//! **What is known of a key.** A write overwrites the writes of its key that its client knew of, and nothing else. So of each key
//! a node must tell which writes it knows of: it has seen them, or it has seen something that overwrites them. Let `K` be the dots of
//! those, `B` the contiguous part of what the node has seen of all keys (per actor all up to a counter), and `C` the key's context. The
//! invariant is, of this key's dots:
//!
//! > `K` = `B` ∪ `C`
//!
//! *Stripping.* A dot in `B` may be taken out of `C`: the node has seen it, so it is in `K`. At rest `B` is all that was seen, and
//! `C` is empty. *Filling.* `B` ∪ `C` is what a read hands out, what a write without a context builds on, and what an update carries as
//! its past. `B` has an entry per actor and no gaps, and `C` is about this key only: no gap of another key's writes is in there. `B`
//! may hold dots of other keys: no write of this key has such a dot. The textbook's mistake, a clock of all keys, is not of that kind:
//! it claims dots in gaps, and one of those may be this key's.
//!
//! *Nothing is lost.* A version goes only if its dot is in the past of a write of its key. Of this key's dots that past is `K` at the node
//! where its client has read, so the client knew of the version, or of something that overwrites it. *Nothing comes back.* A write that
//! comes late and was overwritten is in `K`: what overwrites it came with its past, and that went to `C`, or was in `B`. Who takes
//! over what a peer has seen is first told `K` of each key that has any dot in the difference; dots of keys that the peer no longer remembers
//! are in the peer's `B`, or it would remember them, and so in the node's own `B` from then on.
//!
//! A key is remembered as long as `C` is not empty. Where a write died with its node, the gap in its actor's dots never closes; keys that
//! the actor wrote behind it, in that incarnation, keep their `C` for good.

mod dirty;
mod entry;
mod key_table;
mod log;
mod open_contexts;
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
use open_contexts::OpenContexts;
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
    /// invariant: each dot in here is of a write that is held, or was overwritten by something that is.
    seen: DotSet,
    /// invariant: knows each key whose context is not empty.
    open: OpenContexts,
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
            seen: DotSet::new(),
            open: OpenContexts::default(),
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
        self.keys.tombstone_count()
    }

    /// Costs a look at each key.
    pub(super) fn residue(&self) -> Residue {
        let (log_entries, gaps) = (self.log.len(), self.seen.gap_count());
        let mut residue = Residue { log_entries, gaps, ..Residue::default() };
        for (_, entry) in self.keys.iter() {
            if entry.context().is_some() {
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

    /// The dots of all that a write may overwrite that builds on all that is known of a key here.
    fn past(&self, entry: Option<&Entry>) -> DotSet {
        let mut past = self.seen.contiguous();
        let Some(entry) = entry else { return past };
        if let Some(context) = entry.context() {
            past.insert_all(context);
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
        self.keys.change(place, |entry| {
            entry.overwrite(past, &write.clock);
            entry.push(write.clone());
        });
        self.see(dot, key, write.value.is_none());
        self.learn(key, Some(dot), past);
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
        self.learn(key, write.dot, past);
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
        let (change, has_siblings, had_tombstones) = self.keys.change(place, |entry| {
            let had_tombstones = !entry.tombstones().is_empty();
            (entry.merge(write, past), entry.versions().len() > 1, had_tombstones)
        });
        match change {
            Change::Stored { .. } if has_siblings => self.marks.note(Mark::SiblingMade),
            Change::Obsolete => {
                self.marks.note(if had_tombstones { Mark::TombstoneMetOlder } else { Mark::Overtaken });
            }
            Change::Stored { .. } | Change::Duplicate => {}
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
            if !self.open.is_empty() {
                // All up to this one are in now, or what they waited for is still missing.
                self.open.note_base(dot.actor, dot.counter.get() - 1, self.seen.base(dot.actor));
            }
            if fills_gap {
                self.marks.note(Mark::GapFilled);
            }
            self.dirty.add(DirtyActors::One(dot.actor));
            self.log.insert(dot, key.clone(), is_delete);
        }
        is_new
    }

    /// Adds a write of `key` that was seen, and what is known of the key with it, to what is known of the key. Most often all that is in
    /// the contiguous part of what was seen, and there is nothing to do.
    fn learn(&mut self, key: &Key, dot: Option<Dot>, past: &DotSet) {
        let dot = dot.filter(|dot| dot.counter.get() > self.seen.base(dot.actor));
        let has_all = self.seen.contains_contiguously(past);
        if dot.is_none() && has_all {
            return;
        }
        let place = self.place_of(key);
        let entry = self.keys.at_mut(place);
        let was_open = entry.context().is_some();
        if !has_all {
            entry.learn_all(past, &self.seen);
        }
        if let Some(dot) = dot {
            entry.learn(dot, &self.seen);
        }
        if !was_open && let Some(last) = entry.context().and_then(DotSet::last_dot) {
            self.open.insert(key.clone(), last);
        }
    }
}

/// Forgetting.
impl Replica {
    pub(super) fn note_dirty(&mut self, dirty: DirtyActors) {
        self.dirty.add(dirty);
    }

    /// Forgets what every node has seen, where `seen_by` tells what each other one is known to have: the log's entries; tombstones, once
    /// what they overwrite has been seen here as well, so that it is known when it comes late; and of contexts what has been seen
    /// without a gap. Costs what changes, and a look at each dirty actor.
    pub(super) fn collect<'p>(&mut self, seen_by: impl Fn(usize) -> &'p DotSet) {
        let me = self.actor().node as usize;
        let (dirty, me) = (mem::take(&mut self.dirty), (me, &self.seen));
        let mut changed = self.log.cut(dirty, me, self.node_count, |node| seen_by(node));
        for open in self.open.take_due() {
            let entry = self.keys.get_mut(&open.1).expect("expect: a key with an open context has an entry");
            match entry.strip(&self.seen) {
                Some(last) => self.open.wait(open, last),
                None => changed.push(open.1),
            }
        }
        for key in changed {
            let Some(place) = self.keys.place_of(&key) else { continue };
            let (seen, log) = (&self.seen, &self.log);
            self.keys.change(place, |entry| {
                if !entry.knows_unseen(seen) {
                    entry.keep_tombstones(|tombstone| !log.is_cut(tombstone.dot));
                }
            });
        }
    }
}
