//! Anti-entropy: a node asks a peer for what it misses, by telling what it has seen.
//!
//! The answer holds the current writes of each key about which the asker misses something, and all that the answering node
//! had seen when it read them. Whatever that node has seen is thereby sent, or overwritten by something that is sent, or
//! overwritten by something the asker has: so the asker may take the whole set for its own, once it has all batches.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use super::hints::Hints;
use super::log::About;
use super::marks::Mark;
use super::{Change, Message, Node, Outcome, Pull, Reply, Update};
use crate::causality::{Actor, Dot, DotSet};
use crate::kv::Key;
use crate::machine::NodeId;

/// An unanswered pull is repeated after so many ticks, then twice as many, and so on …
const PATIENCE_MIN: u32 = 2;
/// … up to so many.
const PATIENCE_MAX: u32 = 64;

/// What a peer has told of itself, and what it is asked.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// The latest life it has told of.
    pub(super) actor: Option<Actor>,
    /// All that it has said, in that life, to have seen.
    pub(super) seen: DotSet,
    /// It has answered this life of this node.
    pub(super) answered: bool,
    /// Ticks until it is asked again; `None` if no question waits for its answer.
    waiting: Option<u32>,
    /// How many ticks the next question will wait for its answer.
    patience: u32,
    /// The answer of which not all batches have come.
    pub(super) answer: Option<Answer>,
    /// It was asked again, because it did not answer, and has not been heard of since.
    pub(super) silent: bool,
    /// What it shall have when it is heard of. invariant: empty if it is not silent.
    pub(super) hints: Hints,
}

/// An answer of which not all batches have come.
#[derive(Debug)]
pub(super) struct Answer {
    /// The life of the peer that answers.
    actor: Actor,
    /// Which of its answers; a question that the network doubled has two, and their batches do not go together.
    number: u32,
    /// Which batches have come.
    batches: BTreeSet<u32>,
    /// The names of all current writes that they told of; only of a full answer.
    pub(super) told: DotSet,
}

impl Answer {
    /// The batch `reply`, and what `answer` has of the same answer.
    pub(super) fn with(answer: Option<Self>, reply: &Reply) -> Self {
        let mut answer = answer.filter(|answer| answer.is_same(reply)).unwrap_or(Self {
            actor: reply.actor,
            number: reply.number,
            batches: BTreeSet::new(),
            told: DotSet::new(),
        });
        answer.batches.insert(reply.batch);
        if reply.full {
            for state in &reply.keys {
                answer.told.extend(state.kept.iter().copied());
                answer.told.extend(state.writes.iter().filter_map(|write| write.dot));
            }
        }
        answer
    }

    /// True if `reply` is a batch of it.
    pub(super) fn is_same(&self, reply: &Reply) -> bool {
        (self.actor, self.number) == (reply.actor, reply.number)
    }

    /// True if all batches have come, of which `reply` is one.
    pub(super) fn is_whole(&self, reply: &Reply) -> bool {
        self.batches.len() == reply.batch_count as usize
    }
}

impl Node {
    /// Asks `peer` for what this node misses: leaves a pull in the outbox. Asking again is always safe.
    ///
    /// Refused, with no change: a peer that is not there, or this node itself.
    pub fn start_sync(&mut self, peer: impl Into<NodeId>) -> Outcome<()> {
        let peer = peer.into();
        let checked = self.check_peer(peer);
        if checked.is_ok() {
            self.ask(peer, self.question());
        }
        checked.into()
    }

    fn question(&self) -> Arc<Pull> {
        Arc::new(Pull { actor: self.actor, seen: self.seen.clone() })
    }

    fn ask(&mut self, peer: NodeId, question: Arc<Pull>) {
        let asked = &mut self.peers[peer.index()];
        asked.silent |= asked.waiting.is_some();
        let ticks = asked.patience.max(PATIENCE_MIN);
        asked.patience = (ticks * 2).min(PATIENCE_MAX);
        asked.waiting = Some(ticks);
        self.post(Some(peer), Message::Pull(question));
    }

    /// True when, for all this node knows, `peer` and it have seen the same; of a peer that is not there nothing is known.
    ///
    /// A node that has lost its memory cannot know before the peer has answered it.
    #[must_use]
    pub fn is_settled_with(&self, peer: NodeId) -> bool {
        let has_seen_the_same =
            |known: &Peer| known.seen == self.seen && (self.actor.incarnation == 0 || known.answered);
        peer == self.id() || self.peers.get(peer.index()).is_some_and(has_seen_the_same)
    }

    pub(super) fn unsettled_peers(&self) -> impl Iterator<Item = NodeId> + '_ {
        let peers = (0..self.node_count).map(NodeId::new);
        peers.filter(|&peer| !self.is_settled_with(peer))
    }

    /// Time has passed: asks the peers with whom this node is not settled, unless they may still answer. Those for whose questions
    /// the outbox has no room come next time: it would forget the first for the last, always the same.
    pub(super) fn tick(&mut self) {
        let mut question = None;
        for peer in (0..self.node_count).map(NodeId::new) {
            if self.is_settled_with(peer) {
                continue;
            }
            let is_full = self.is_outbox_full();
            match &mut self.peers[peer.index()].waiting {
                Some(ticks) if *ticks > 1 => *ticks -= 1,
                _ if is_full => {}
                // It says the same to all of them.
                _ => self.ask(peer, Arc::clone(question.get_or_insert_with(|| self.question()))),
            }
        }
    }

    /// Returns how many versions were stored, as the next two do.
    pub(super) fn take_update(&mut self, from: NodeId, update: &Update) -> usize {
        let Update { key, write, past } = update;
        if let Some(dot) = write.dot.filter(|dot| dot.actor.node as usize == from.index())
            && let Some(peer) = self.peer_in_life(from, dot.actor)
        {
            peer.seen.insert(dot);
            self.news.note(About::One(dot.actor));
        }
        let told = [self.latest_own(&write.clock), self.own_told(past)];
        told.into_iter().flatten().for_each(|told| self.outlive(told));
        // What was seen is here, or overwritten by something that is here.
        if write.dot.is_some_and(|dot| !self.see(dot, key, write.value.is_none())) {
            self.marks.note(Mark::DuplicateDropped);
            return 0;
        }
        let change = self.merge(key, write.clone(), past);
        self.cover(key, past);
        usize::from(matches!(change, Change::Stored { .. }))
    }

    /// Marks the write of this name as seen; false if it was.
    pub(super) fn see(&mut self, dot: Dot, key: &Key, is_delete: bool) -> bool {
        let fills_gap = dot.counter.get() < self.seen.last(dot.actor);
        let is_new = self.seen.insert(dot);
        if is_new {
            if fills_gap {
                self.marks.note(Mark::GapFilled);
            }
            self.news.note(About::One(dot.actor));
            self.log.insert(dot, key.clone(), is_delete);
            self.covered_keys.note_seen(dot);
        }
        is_new
    }

    /// Remembers that what is in `past` and was never seen is overwritten in `key`.
    pub(super) fn cover(&mut self, key: &Key, past: &DotSet) {
        if self.seen.contains_all(past) {
            return;
        }
        let unseen = past.without(&self.seen);
        let Some(last) = unseen.last_dot() else { return };
        let place = self.place_of(key);
        let entry = self.keys.at_mut(place);
        if entry.covered().is_none() {
            self.covered_keys.insert(key.clone(), last);
        }
        entry.cover(&unseen, &self.seen);
    }

    /// Notes what a peer has seen.
    pub(super) fn hear_of(&mut self, from: NodeId, actor: Actor, seen: &DotSet) {
        if let Some(told) = self.own_told(seen) {
            self.outlive(told);
        }
        if let Some(peer) = self.peer_in_life(from, actor)
            && peer.seen.insert_all(seen)
        {
            self.news.note(About::Everybody);
        }
    }

    /// The peer, if this is the latest life that it has told of. What an earlier life of it had seen is no longer true, however
    /// late it is told.
    fn peer_in_life(&mut self, from: NodeId, actor: Actor) -> Option<&mut Peer> {
        let peer = &mut self.peers[from.index()];
        if peer.actor < Some(actor) {
            peer.actor = Some(actor);
            peer.seen = DotSet::new();
        }
        (peer.actor == Some(actor)).then_some(peer)
    }

    /// Whoever is told of writes of its own that it does not know of has lost its memory, and begins a new life: names that
    /// others remember must not be used again.
    pub(super) fn outlive(&mut self, told: (Actor, u64)) {
        if told > (self.actor, self.counter) {
            self.marks.note(Mark::IncarnationRaised);
            self.actor = told.0.next();
            self.counter = 0;
            for peer in &mut self.peers {
                peer.answered = false;
                peer.waiting = None;
                peer.answer = None;
            }
        }
    }

    /// Part of an answer has come: as long as that goes on there is no need to ask again.
    pub(super) fn wait_on(&mut self, from: NodeId) {
        if let Some(ticks) = &mut self.peers[from.index()].waiting {
            *ticks = (*ticks).max(PATIENCE_MIN);
        }
    }

    /// An answer has come whole.
    pub(super) fn settle_pull(&mut self, from: NodeId, seen: &DotSet) {
        let peer = &mut self.peers[from.index()];
        peer.answered = true;
        peer.waiting = None;
        peer.patience = PATIENCE_MIN;
        if !self.seen.contains_all(seen) {
            let news = seen.without(&self.seen);
            self.news.note(About::Everybody);
            self.log.note_untold(&news);
            self.seen.insert_all(&news);
            self.covered_keys.note_all_seen(&news);
        }
    }

    /// Forgets what every node has: the log's entries; tombstones, once what they overwrite has been seen here as well, so
    /// that it is known when it comes late; and what was covered and has been seen since. Costs what changes, and a look at each
    /// actor of whom there was news.
    pub(super) fn forget(&mut self) {
        let me = self.actor.node as usize;
        let mut changed = self.log.cut(mem::take(&mut self.news), me, &self.seen, &self.peers);
        for covered in self.covered_keys.take_due() {
            let entry = self.keys.get_mut(&covered.1).expect("expect: a covered key has an entry");
            match entry.uncover(&self.seen) {
                Some(last) => self.covered_keys.wait(covered, last),
                None => changed.push(covered.1),
            }
        }
        for key in changed {
            let Some(place) = self.keys.place_of(&key) else { continue };
            let entry = self.keys.at_mut(place);
            if entry.covered().is_none() {
                entry.keep_tombstones(|tombstone| !self.log.is_cut(tombstone.dot));
            }
            if entry.is_empty() {
                self.keys.remove_at(place);
            }
        }
    }
}
