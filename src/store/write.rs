//! Writes: how they are stamped and what they overwrite.

use std::sync::Arc;

use super::entry::Entry;
use super::marks::Mark;
use super::{Change, Context, Message, Node, Outcome, StoreError, Update, Version, Write};
use crate::causality::{Actor, COUNTER_MAX, Dot, DotSet, VectorClock};
use crate::kv::{Key, Value};

/// What a write was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub dot: Dot,
    /// What its client has seen now: what it had seen before, and this write.
    pub context: Context,
    /// How many versions the key has now; see [`is_crowded`](Self::is_crowded).
    pub sibling_count: usize,
    crowded: bool,
}

impl Written {
    /// True if the key has so many siblings ([`Config::siblings_warn`](super::Config::siblings_warn)) that its clients should
    /// begin to read before they write.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }
}

/// What a read returns to a client that will write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// All versions; nothing if there are none, or all were deleted.
    pub versions: Vec<Version>,
    /// What to write with, to overwrite just these.
    pub context: Context,
}

impl Node {
    /// Writes `value` over all versions of `key` that this node has, and leaves an update for every other node in the
    /// outbox.
    ///
    /// A `String` and a `Vec<u8>` are copied once, and a key that is known not at all; a [`Key`] and a [`Value`] are never copied.
    /// No peer costs another copy.
    ///
    /// Refused, with no change: a key or value that is too long, and any write once the counter is used up.
    pub fn put(&mut self, key: impl AsRef<str> + Into<Key>, value: impl Into<Value>) -> Outcome<Written> {
        self.write(key, Some(value.into()), None).into()
    }

    /// Writes `value` over just what the client has seen: what it has not seen stays beside it, here and everywhere.
    ///
    /// Refused, with no change: as [`put`](Self::put); a context of another key; a key that would have more siblings than
    /// [`Config::siblings_max`](super::Config::siblings_max).
    pub fn put_with_context(
        &mut self,
        key: impl AsRef<str> + Into<Key>,
        value: impl Into<Value>,
        context: &Context,
    ) -> Outcome<Written> {
        self.write(key, Some(value.into()), Some(context)).into()
    }

    /// Deletes all versions of `key` that this node has. A delete is a write: it takes a name, travels like any other, and
    /// is forgotten once every node has it. Refused as [`put`](Self::put).
    pub fn delete(&mut self, key: impl AsRef<str> + Into<Key>) -> Outcome<Written> {
        self.write(key, None, None).into()
    }

    /// Deletes just what the client has seen. Refused as [`put_with_context`](Self::put_with_context).
    pub fn delete_with_context(&mut self, key: impl AsRef<str> + Into<Key>, context: &Context) -> Outcome<Written> {
        self.write(key, None, Some(context)).into()
    }

    /// All versions of `key`, and the context that a client needs to overwrite just these.
    #[must_use]
    pub fn get_with_context(&self, key: &str) -> Read {
        Read { versions: self.versions(key).to_vec(), context: self.context(key) }
    }

    /// What a client has seen that reads `key` now: all that this node has seen of it.
    pub(super) fn context(&self, key: &str) -> Context {
        let entry = self.keys.get(key);
        Context::new(key, self.past(entry), entry.map_or_else(VectorClock::new, Entry::clock))
    }

    /// The names of all that a write may overwrite that builds on all that is here. Gap-aware, so names of other keys' writes
    /// do no harm; a vector clock of all keys would claim to have seen what never came here.
    fn past(&self, entry: Option<&Entry>) -> DotSet {
        let mut past = self.seen.clone();
        let Some(entry) = entry else { return past };
        if let Some(covered) = entry.covered() {
            past.insert_all(covered);
        }
        // What has no name has a clock of this key, which covers all that it counts.
        for nameless in entry.versions().iter().filter(|version| version.dot.is_none()) {
            for (slot, counter) in nameless.clock.entries() {
                past.insert_up_to(Actor::at_slot(slot, self.node_count), counter);
            }
        }
        past
    }

    pub(super) fn write(
        &mut self,
        key: impl AsRef<str> + Into<Key>,
        value: Option<Value>,
        context: Option<&Context>,
    ) -> Result<Written, StoreError> {
        self.check_sizes(key.as_ref(), value.as_deref().unwrap_or_default())?;
        // Each look at the map may wait for memory, so there is but one.
        let place = self.keys.place_of(key.as_ref());
        let entry = place.map(|place| self.keys.at(place));
        // To write over all that is here is to write as if one had just read it.
        let (past, mut clock) = match context {
            None => (self.past(entry), entry.map_or_else(VectorClock::new, Entry::clock)),
            Some(context) => {
                self.check_context(key.as_ref(), context)?;
                (context.dots.clone(), context.clock.clone())
            }
        };
        let Some(dot) = Dot::new(self.actor, self.counter + 1).filter(|dot| dot.counter.get() <= COUNTER_MAX) else {
            return Err(StoreError::CounterSpent);
        };
        clock.raise(self.actor.slot(self.node_count), dot.counter.get());
        let beside = entry.map_or(0, |entry| entry.beside_count(&past, &clock));
        let sibling_count = beside + usize::from(value.is_some());
        if context.is_some() {
            if value.is_some() && sibling_count > self.config.siblings_max {
                return Err(StoreError::TooManySiblings { siblings: beside, siblings_max: self.config.siblings_max });
            }
            self.marks.note(Mark::ContextUsed);
            if beside > 0 {
                self.marks.note(Mark::ContextStale);
            }
        }
        self.counter = dot.counter.get();
        let place = place.unwrap_or_else(|| self.keys.add(key.into()));
        let key = Key::clone(self.keys.key_at(place));
        let mut seen = past.clone();
        seen.insert(dot);
        let context = Context::new(&key, seen, clock.clone());
        let update = Arc::new(Update { key, write: Write { dot: Some(dot), clock, value }, past });
        self.commit(place, dot, &update);
        self.hint(&update);
        self.post(None, Message::Update(update));
        let crowded = sibling_count >= self.config.siblings_warn;
        Ok(Written { dot, context, sibling_count, crowded })
    }

    /// Puts an own write into its key, which has this place.
    fn commit(&mut self, place: usize, dot: Dot, update: &Update) {
        let Update { key, write, past } = update;
        self.change(place, |entry| {
            entry.overwrite(past, &write.clock);
            entry.push(write.clone());
        });
        self.touch(key);
        self.see(dot, key, write.value.is_none());
        self.cover(key, past);
        if self.node_count == 1 {
            self.forget();
        }
    }

    /// The place of a key; one that is not there takes one.
    pub(super) fn place_of(&mut self, key: &Key) -> usize {
        self.keys.place_of(key).unwrap_or_else(|| self.keys.add(key.clone()))
    }

    /// Takes in an update that came some other way than through [`deliver`](Self::deliver).
    ///
    /// A clock greater than a local one replaces that version, a smaller one is obsolete, an equal one is a duplicate,
    /// and versions whose clocks are concurrent stay side by side. An own entry above what this node ever issued is taken
    /// for its own former write handed back: the counter moves up to it.
    ///
    /// Refused, with no change: a clock whose length is no multiple of the number of nodes, or of zeros, or with an entry
    /// of 2^53 or more; a key or value that is too long.
    pub fn receive_update(
        &mut self,
        key: impl Into<Key>,
        value: impl Into<Value>,
        clock: Vec<usize>,
    ) -> Outcome<Change> {
        self.try_receive_update(key.into(), value.into(), &clock).into()
    }

    fn try_receive_update(&mut self, key: Key, value: Value, clock: &[usize]) -> Result<Change, StoreError> {
        self.check_sizes(&key, &value)?;
        if !clock.len().is_multiple_of(self.node_count) {
            return Err(StoreError::ClockLength { entries: clock.len(), node_count: self.node_count });
        }
        let clock: Vec<u64> = clock.iter().map(|&counter| counter as u64).collect();
        let clock = VectorClock::try_from(clock.as_slice())?;
        self.check_clock(&clock)?;
        if let Some(own) = self.latest_own(&clock).filter(|own| *own > (self.actor, self.counter)) {
            (self.actor, self.counter) = own;
        }
        Ok(self.merge(&key, Write { dot: None, clock, value: Some(value) }, &DotSet::new()))
    }

    /// Merges a write that is new to this node into its key.
    pub(super) fn merge(&mut self, key: &Key, write: Write, past: &DotSet) -> Change {
        let place = self.place_of(key);
        let (change, has_siblings, had_tombstones) = self.change(place, |entry| {
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
        self.touch(key);
        change
    }
}
