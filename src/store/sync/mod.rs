//! Anti-entropy: a node asks a peer for what it misses, by telling what it has seen.
//!
//! The answer holds the current writes of each key about which the asker misses something, and all that the answering node
//! had seen when it read them. Whatever that node has seen is thereby sent, or overwritten by something that is sent, or
//! overwritten by something the asker has: so the asker may take the whole set for its own, once it has all batches.

mod hints;
mod reply;

use std::sync::Arc;

use super::config::Config;
use super::marks::{Mark, Marks};
use super::message::{Reply, Update};
use super::replica::DirtyActors;
use crate::causality::{Actor, Dot, DotSet};
use crate::protocol::NodeId;
use hints::Hints;
use reply::PartialReply;
pub(super) use reply::batches;

/// An unanswered pull is repeated after so many ticks, then twice as many, and so on …
const PATIENCE_MIN: u32 = 2;
/// … up to so many.
const PATIENCE_MAX: u32 = 64;

/// What a node knows of its peers, what it has asked them, and what it keeps for them.
#[derive(Debug)]
pub(super) struct Peers {
    /// By node; this node's own place stays empty.
    peers: Vec<Peer>,
    /// How many pulls this node has answered. invariant: no two answers have the same number.
    answers: u32,
    marks: Marks,
}

/// What a peer has said of itself, and what it is asked.
#[derive(Debug, Default)]
struct Peer {
    /// The latest incarnation that it has spoken as.
    actor: Option<Actor>,
    /// invariant: `actor` has seen all of it.
    seen: DotSet,
    /// It has answered this incarnation of this node.
    answered: bool,
    /// Ticks until it is asked again; `None` if no question waits for its answer.
    waiting: Option<u32>,
    /// How many ticks the next question will wait for its answer.
    patience: u32,
    /// The answer of which not all batches have come.
    partial: Option<PartialReply>,
    /// It was asked again, because it did not answer, and has not been heard of since.
    silent: bool,
    /// What it shall have when it is heard of. invariant: empty if it is not silent.
    hints: Hints,
}

/// What has come of an answer, now that one batch more is here.
pub(super) enum Progress {
    /// Other batches are still missing.
    Part,
    /// All of it; the dots that a full answer has listed.
    Whole(Option<DotSet>),
}

impl Peers {
    pub(super) fn new(node_count: usize) -> Self {
        Self { peers: (0..node_count).map(|_| Peer::default()).collect(), answers: 0, marks: Marks::default() }
    }

    /// All that a peer is known to have seen.
    pub(super) fn seen_by(&self, node: usize) -> &DotSet {
        &self.peers[node].seen
    }

    pub(super) fn hint_count(&self) -> usize {
        self.peers.iter().map(|peer| peer.hints.len()).sum()
    }

    pub(super) fn take_marks(&mut self) -> Marks {
        std::mem::take(&mut self.marks)
    }

    /// A peer that sends its own write has seen it.
    pub(super) fn observe_write(&mut self, from: NodeId, dot: Option<Dot>) -> DirtyActors {
        if let Some(dot) = dot.filter(|dot| dot.actor.node as usize == from.index())
            && let Some(peer) = self.peer_as(from, dot.actor)
        {
            peer.seen.insert(dot);
            return DirtyActors::One(dot.actor);
        }
        DirtyActors::None
    }

    /// Notes what a peer says to have seen.
    pub(super) fn observe(&mut self, from: NodeId, actor: Actor, seen: &DotSet) -> DirtyActors {
        let is_news = self.peer_as(from, actor).is_some_and(|peer| peer.seen.insert_all(seen));
        if is_news { DirtyActors::All } else { DirtyActors::None }
    }

    /// The peer, if this is the latest incarnation that it has spoken as. What an earlier one had seen is no longer true, however
    /// late it is said.
    fn peer_as(&mut self, from: NodeId, actor: Actor) -> Option<&mut Peer> {
        let peer = &mut self.peers[from.index()];
        if peer.actor < Some(actor) {
            peer.actor = Some(actor);
            peer.seen = DotSet::new();
        }
        (peer.actor == Some(actor)).then_some(peer)
    }

    /// True if the peer is known to have seen just `seen`, and, where it `must_answer`, has answered this incarnation.
    pub(super) fn is_settled(&self, peer: NodeId, seen: &DotSet, must_answer: bool) -> bool {
        self.peers.get(peer.index()).is_some_and(|known| known.seen == *seen && (!must_answer || known.answered))
    }

    /// This node has begun a new incarnation: nobody has answered it yet.
    pub(super) fn begin_new_incarnation(&mut self) {
        for peer in &mut self.peers {
            peer.answered = false;
            peer.waiting = None;
            peer.partial = None;
        }
    }

    /// A peer is asked now.
    pub(super) fn note_asked(&mut self, peer: NodeId) {
        let asked = &mut self.peers[peer.index()];
        asked.silent |= asked.waiting.is_some();
        let ticks = asked.patience.max(PATIENCE_MIN);
        asked.patience = (ticks * 2).min(PATIENCE_MAX);
        asked.waiting = Some(ticks);
    }

    /// Time has passed: true if a peer is to be asked, and no question waits for its answer, or has waited long enough.
    pub(super) fn is_due(&mut self, peer: NodeId) -> bool {
        match &mut self.peers[peer.index()].waiting {
            Some(ticks) if *ticks > 1 => {
                *ticks -= 1;
                false
            }
            _ => true,
        }
    }

    /// A number for the next answer.
    pub(super) fn number_answer(&mut self) -> u32 {
        self.answers = self.answers.wrapping_add(1);
        self.answers
    }

    /// True if this is the latest incarnation that a peer has spoken as.
    pub(super) fn is_latest(&self, peer: NodeId, actor: Actor) -> bool {
        self.peers[peer.index()].actor == Some(actor)
    }

    /// A batch of an answer has come, and its keys were taken in.
    pub(super) fn take_batch(&mut self, from: NodeId, reply: &Reply) -> Progress {
        let peer = &mut self.peers[from.index()];
        let before = peer.partial.take();
        if before.as_ref().is_some_and(|before| !before.is_same(reply)) {
            self.marks.note(Mark::SyncCut);
        }
        let mut listed = None;
        // Most are one batch, and nothing needs to be kept of them.
        if reply.batch_count > 1 || reply.full {
            let partial = PartialReply::with(before, reply);
            if !partial.is_whole(reply) {
                peer.partial = Some(partial);
                // As long as that goes on there is no need to ask again.
                if let Some(ticks) = &mut peer.waiting {
                    *ticks = (*ticks).max(PATIENCE_MIN);
                }
                return Progress::Part;
            }
            if reply.full {
                self.marks.note(Mark::SyncFull);
                listed = Some(partial.listed);
            }
        }
        peer.answered = true;
        peer.waiting = None;
        peer.patience = PATIENCE_MIN;
        Progress::Whole(listed)
    }

    /// Keeps an update of this node for each peer that is not heard of.
    pub(super) fn keep_hint(&mut self, update: &Arc<Update>, config: &Config) {
        for peer in self.peers.iter_mut().filter(|peer| peer.silent) {
            if !peer.hints.keep(update, config) {
                self.marks.note(Mark::HintDropped);
            }
        }
    }

    /// A peer is heard of: returns the updates that were kept for it, as they were stamped. None if it `was_answered`: it has just been
    /// sent all that it misses.
    pub(super) fn note_heard_of(&mut self, from: NodeId, was_answered: bool) -> Vec<Arc<Update>> {
        let peer = &mut self.peers[from.index()];
        peer.silent = false;
        let mut updates = peer.hints.take();
        let is_news = |update: &Arc<Update>| update.write.dot.is_none_or(|dot| !peer.seen.contains(dot));
        updates.retain(|update| !was_answered && is_news(update));
        if !updates.is_empty() {
            self.marks.note(Mark::HintReplayed);
        }
        updates
    }
}
