//! Answers to pulls: how they are cut into batches, and how they are taken in.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::entry::Entry;
use super::marks::Mark;
use super::sync::Answer;
use super::{Change, KeyState, Message, Node, Pull, Reply, Write};
use crate::causality::{Actor, Dot, DotSet};
use crate::kv::Key;
use crate::machine::NodeId;

impl Node {
    pub(super) fn take_pull(&mut self, from: NodeId, pull: &Pull) -> usize {
        self.hear_of(from, pull.actor, &pull.seen);
        let (states, full) = self.missing_from(&pull.seen);
        let batches = self.batches(states);
        self.answers = self.answers.wrapping_add(1);
        let batch_count = u32::try_from(batches.len()).expect("expect: a node has less than 2^32 keys");
        let (actor, asked_by, number, seen) = (self.actor, pull.actor, self.answers, self.seen.clone());
        // Most answers are one batch, which takes the set as it is.
        let seen = std::iter::repeat_n(seen, batches.len());
        let batches = batches.into_iter().zip(seen).enumerate().map(|(batch, (keys, seen))| {
            let batch = batch as u32;
            Message::Reply(Arc::new(Reply { actor, asked_by, number, batch, batch_count, full, keys, seen }))
        });
        self.post_answer(from, batches.collect());
        0
    }

    /// What a node misses that has seen `seen`, and whether that is every key there is.
    fn missing_from(&self, seen: &DotSet) -> (Vec<KeyState>, bool) {
        let state = |(key, entry): (&Key, &Entry)| self.state(key, Some(entry), seen);
        match self.log.missing_from(seen) {
            None => (self.keys.iter().map(state).collect(), true),
            Some(mut keys) => {
                if self.nameless > 0 {
                    // They have no names for the log to tell.
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
        if let Some(covered) = entry.covered() {
            state.covered.insert_all(covered);
        }
        state
    }

    /// True if whoever has seen `seen` has certainly seen a nameless write. It is one of those that its clock counts last;
    /// only who has seen all of those has certainly seen it.
    fn is_seen(&self, write: &Write, seen: &DotSet) -> bool {
        let mut names = write
            .clock
            .entries()
            .filter_map(|(slot, counter)| Dot::new(Actor::at_slot(slot, self.node_count), counter));
        names.all(|dot| seen.contains(dot))
    }

    /// At least one batch, which may be empty: that nothing is missing is an answer too.
    fn batches(&self, states: Vec<KeyState>) -> SmallVec<[Vec<KeyState>; 1]> {
        let size_of = |state: &KeyState| {
            let values = state.writes.iter().filter_map(|write| write.value.as_ref()).map(|value| value.len());
            state.key.len() + values.sum::<usize>()
        };
        let fits = states.iter().map(size_of).sum::<usize>() <= self.config.batch_bytes;
        if fits && states.len() <= self.config.batch_keys_max {
            return smallvec![states];
        }
        let mut batches: SmallVec<[Vec<KeyState>; 1]> = smallvec![Vec::new()];
        let mut bytes = 0;
        for state in states {
            let size = size_of(&state);
            let last = batches.last_mut().expect("expect: there is a batch from the start");
            let full = last.len() >= self.config.batch_keys_max || bytes + size > self.config.batch_bytes;
            if full && !last.is_empty() {
                batches.push(vec![state]);
                bytes = size;
            } else {
                last.push(state);
                bytes += size;
            }
        }
        batches
    }

    /// An answer to an earlier life of this node is passed over: it leaves out what that life had.
    pub(super) fn is_answer(&self, reply: &Reply) -> bool {
        reply.asked_by == self.actor
    }

    pub(super) fn take_reply(&mut self, from: NodeId, reply: &Reply) -> usize {
        // Before it tells of a life that this one does not know of: the memory is that of the one that asked.
        let is_answer = self.is_answer(reply);
        if reply.asked_by.node == self.actor.node && reply.asked_by > self.actor {
            // A life that has asked may not come again, though it wrote nothing: it had what the answer leaves out.
            self.outlive((reply.asked_by, 0));
        }
        self.hear_of(from, reply.actor, &reply.seen);
        if !is_answer {
            return 0;
        }
        let stored = reply.keys.iter().map(|state| self.take_state(state, &reply.seen)).sum();
        if self.is_answer(reply) && self.peers[from.index()].actor == Some(reply.actor) {
            self.take_batch(from, reply);
        }
        stored
    }

    /// Takes in what a node that has seen `seen` has of one key. Returns how many versions were stored.
    fn take_state(&mut self, state: &KeyState, seen: &DotSet) -> usize {
        let KeyState { key, writes, kept, covered } = state;
        for write in writes {
            if let Some(told) = self.latest_own(&write.clock) {
                self.outlive(told);
            }
        }
        self.keep(key, seen, covered, |dot| kept.contains(&dot) || writes.iter().any(|write| write.dot == Some(dot)));
        let mut stored = 0;
        for write in writes {
            if write.dot.is_none_or(|dot| self.see(dot, key, write.value.is_none())) {
                let change = self.merge(key, write.clone(), &DotSet::new());
                stored += usize::from(matches!(change, Change::Stored { .. }));
            }
        }
        self.cover(key, seen);
        self.cover(key, covered);
        stored
    }

    /// Drops what a peer that has seen `seen` and `covered` of a key no longer has.
    fn keep(&mut self, key: &Key, seen: &DotSet, covered: &DotSet, kept: impl Fn(Dot) -> bool) {
        let Some(place) = self.keys.place_of(key) else { return };
        let entry = self.keys.at_mut(place);
        entry.keep(seen, &kept);
        entry.keep(covered, &kept);
        if entry.is_empty() {
            self.keys.remove_at(place);
        }
        self.touch(key);
    }

    /// Once all batches of an answer are here, what the peer has seen is seen here as well.
    fn take_batch(&mut self, from: NodeId, reply: &Reply) {
        let peer = &mut self.peers[from.index()];
        let before = peer.answer.take();
        if before.as_ref().is_some_and(|before| !before.is_same(reply)) {
            self.marks.note(Mark::SyncCut);
        }
        if reply.batch_count == 1 && !reply.full {
            // Most are, and nothing needs to be kept of them.
            self.settle_pull(from, &reply.seen);
            return;
        }
        let answer = Answer::with(before, reply);
        if !answer.is_whole(reply) {
            peer.answer = Some(answer);
            self.wait_on(from);
            return;
        }
        if reply.full {
            self.marks.note(Mark::SyncFull);
            self.drop_untold(&reply.seen, &answer.told);
        }
        self.settle_pull(from, &reply.seen);
    }

    /// A full answer has told of every current write: what its sender has seen and did not tell of is overwritten, even
    /// where the write that did it is long forgotten.
    fn drop_untold(&mut self, seen: &DotSet, told: &DotSet) {
        let none = DotSet::new();
        let keys: Vec<Key> = self.keys.iter().map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.keep(&key, seen, &none, |dot| told.contains(dot));
        }
    }
}
