//! What a replica tells a peer of its keys, and how it takes in what a peer tells.

use super::entry::Entry;
use super::{DirtyActors, Replica};
use crate::causality::{Actor, Dot, DotSet};
use crate::kv::Key;
use crate::store::key_state::KeyState;
use crate::store::version::{Change, Write};

impl Replica {
    /// The states of the keys about which a node misses something that has seen `seen`, and whether that is every key there is.
    pub(in crate::store) fn missing_from(&self, seen: &DotSet) -> (Vec<KeyState>, bool) {
        let state = |(key, entry): (&Key, &Entry)| self.state(key, Some(entry), seen);
        match self.log.missing_from(seen) {
            None => (self.keys.iter().map(state).collect(), true),
            Some(mut keys) => {
                if self.keys.dotless_count() > 0 {
                    // The log knows only dots.
                    let is_missing = |entry: &Entry| entry.versions().iter().any(|version| version.dot.is_none());
                    self.keys.iter().filter(|(_, entry)| is_missing(entry)).for_each(|(key, _)| keys.insert(key));
                }
                (keys.iter().map(|key| self.state(key, self.keys.get(key), seen)).collect(), false)
            }
        }
    }

    fn state(&self, key: &Key, entry: Option<&Entry>, seen: &DotSet) -> KeyState {
        let mut state = KeyState { key: key.clone(), writes: Vec::new(), kept: Vec::new(), covered: DotSet::new() };
        let Some(entry) = entry else { return state };
        for write in entry.writes() {
            match write.dot {
                Some(dot) if seen.contains(dot) => state.kept.push(dot),
                None if self.is_seen(&write, seen) => {}
                _ => state.writes.push(write),
            }
        }
        if let Some(context) = entry.context() {
            let sent = state.writes.iter().filter_map(|write| write.dot);
            state.covered = context.without(&sent.chain(state.kept.iter().copied()).collect());
        }
        state
    }

    /// True if whoever has seen `seen` has certainly seen a write without a dot. It is one of those that its clock counts last;
    /// only who has seen all of those has certainly seen it.
    fn is_seen(&self, write: &Write, seen: &DotSet) -> bool {
        let mut dots = write
            .clock
            .entries()
            .filter_map(|(slot, counter)| Dot::new(Actor::at_slot(slot, self.node_count), counter));
        dots.all(|dot| seen.contains(dot))
    }

    /// Others know of own writes that these clocks count; see [`observe_own`](Self::observe_own).
    pub(in crate::store) fn observe_clocks(&mut self, states: &[KeyState]) {
        for write in states.iter().flat_map(|state| &state.writes) {
            if let Some(own) = self.latest_own(&write.clock) {
                self.observe_own(own);
            }
        }
    }

    /// Takes in what a node that has seen `seen` has of one key; `contiguous` is the contiguous part of that, if this node will not
    /// [`adopt`](Self::adopt) it at once. Returns how many versions were stored.
    pub(in crate::store) fn apply_state(
        &mut self,
        state: &KeyState,
        seen: &DotSet,
        contiguous: Option<&DotSet>,
    ) -> usize {
        let KeyState { key, writes, kept, covered } = state;
        self.keep(key, seen, covered, |dot| kept.contains(&dot) || writes.iter().any(|write| write.dot == Some(dot)));
        let (mut stored, none) = (0, DotSet::new());
        for write in writes {
            if write.dot.is_none_or(|dot| self.see(dot, key, write.value.is_none())) {
                let change = self.merge(key, write.clone(), &none);
                self.learn(key, write.dot, &none);
                stored += usize::from(matches!(change, Change::Stored { .. }));
            }
        }
        self.learn(key, None, covered);
        if let Some(contiguous) = contiguous {
            self.learn(key, None, contiguous);
        }
        stored
    }

    /// Drops what a peer that has seen `seen` and `covered` of a key no longer has.
    fn keep(&mut self, key: &Key, seen: &DotSet, covered: &DotSet, kept: impl Fn(Dot) -> bool) {
        let Some(place) = self.keys.place_of(key) else { return };
        self.keys.change(place, |entry| {
            entry.keep(seen, &kept);
            entry.keep(covered, &kept);
        });
    }

    /// Of each key: what a peer has seen and does not list among the dots of all its current writes is overwritten, even where the
    /// write that did it is long forgotten. Shows `changed` each key that may have changed.
    pub(in crate::store) fn drop_unlisted(&mut self, seen: &DotSet, listed: &DotSet, changed: &mut impl FnMut(&Key)) {
        let none = DotSet::new();
        let keys: Vec<Key> = self.keys.iter().map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.keep(&key, seen, &none, |dot| listed.contains(dot));
            changed(&key);
        }
    }

    /// All that a peer has seen is seen here as well, now that this node has taken in what it had missed of it.
    pub(in crate::store) fn adopt(&mut self, seen: &DotSet) {
        if self.seen.contains_all(seen) {
            return;
        }
        let (before, news) = (self.seen.contiguous(), seen.without(&self.seen));
        self.note_dirty(DirtyActors::All);
        self.log.note_unlogged(&news);
        self.seen.insert_all(&news);
        for actor in news.actors() {
            self.open.note_base(actor, before.base(actor), self.seen.base(actor));
        }
    }
}
