//! Anti-entropy: a node pulls from its peers until they all have seen the same.
//!
//! A node that has unfinished business with a peer asks it now and then: "this is what I have seen". The peer answers, in
//! several parts, with the versions that are missing, and with what it knows itself. The asker takes in the versions as they
//! come. When all parts of the answer to one pull are here it adopts *all* that the peer has seen. That is safe: each dot
//! that the peer has seen is a version of the peer's, so it is in the answer or was seen before; or it is obsolete. In turn
//! what the peer has seen and does not hold is obsolete here as well. But it holds only for the incarnation that asked.
//!
//! A delete is a version like any other, so far. It is forgotten once every peer is known to have seen it: then its name
//! is all that is needed to keep out what it covers, and whoever lost its memory learns that name by a pull.
//!
//! When everybody has seen the same and knows it of the others, no timer is set and no message is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::message::{Known, Seen};
use super::{Bug, Clock, ReferenceMessage, ReferenceStore, ReferenceVersion, Timer};
use crate::causality::{Actor, Dot};
use crate::kv::Key;
use crate::protocol::{Env, NodeId};

/// How long a node waits before it asks, or asks again.
pub(super) const SYNC_AFTER: Duration = Duration::from_millis(20);

/// How long [`Bug::EarlyForget`] waits.
const FORGET_AFTER: Duration = Duration::from_millis(30);

/// How many versions there are in one part of an answer. So few that small worlds have answers of several parts.
pub(super) const PART_LENGTH: u64 = 2;

/// What a node has seen, and what it knows that its peers have seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    /// The dots that came by, and those that they build on. invariant: each is of a version held here, or is obsolete.
    seen: Seen,
    /// None for a peer that was never heard of.
    peers: BTreeMap<NodeId, Peer>,
    /// The number of answers that this incarnation has given.
    answer_count: u64,
    /// The parts that have arrived of each answer to this incarnation, by peer and number, until it is whole.
    arrived: BTreeMap<(Actor, u64), BTreeSet<usize>>,
    /// True while the timer is set.
    is_timer_pending: bool,
    /// The same for the timer of [`Bug::EarlyForget`].
    is_forget_pending: bool,
    /// The latest update of each actor. Nothing but [`Bug::FifoOnly`] and [`Bug::ReplayWindow`] looks at it.
    latest_updates: Clock,
    /// Whose answers are awaited before anybody is asked again. Nothing but [`Bug::WaitsForAll`] looks at it.
    round: BTreeSet<NodeId>,
}

/// What is known of a peer.
#[derive(Clone, Debug, Default)]
struct Peer {
    /// Its latest incarnation heard of.
    incarnation: u32,
    /// What that incarnation said it has seen.
    seen: Seen,
    /// It has answered a pull of this incarnation of ours, so it knows that the former one is over.
    has_answered: bool,
    /// A pull to it is not answered yet. Nothing but [`Bug::StuckSync`] looks at it.
    is_asked: bool,
    /// What this node had seen when it last asked. Nothing but [`Bug::SyncReplaces`] looks at it.
    asked_with: Seen,
}

impl Knowledge {
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(super) fn has_seen(&self, dot: Dot) -> bool {
        self.seen.contains_key(&dot)
    }

    /// The latest incarnation of a peer that was heard of.
    pub(super) fn incarnation_of(&self, peer: NodeId) -> u32 {
        self.peers.get(&peer).map_or(0, |peer| peer.incarnation)
    }

    /// A peer told what it has seen.
    fn hear(&mut self, from: Actor, seen: &Seen) {
        let peer = self.peers.entry(node_of(from)).or_default();
        if from.incarnation < peer.incarnation {
            return; // What a former incarnation had seen is lost.
        }
        if from.incarnation > peer.incarnation {
            peer.incarnation = from.incarnation;
            peer.seen.clear();
        }
        // What an incarnation has seen only grows, but its messages may arrive in any order.
        peer.seen.extend(seen.iter().map(|(dot, key)| (*dot, key.clone())));
    }
}

/// The node whose incarnation this is.
pub(super) fn node_of(actor: Actor) -> NodeId {
    NodeId::new(actor.node as usize)
}

impl ReferenceStore {
    /// Marks dots of `key` as seen.
    pub(super) fn see(&mut self, key: &Key, dots: impl IntoIterator<Item = Dot>) {
        self.sync.seen.extend(dots.into_iter().map(|dot| (dot, key.clone())));
    }

    /// What this node tells its peers that it has seen.
    fn digest(&self) -> Seen {
        let mut told = self.sync.seen.clone();
        if self.bug == Some(Bug::DigestMax) {
            // One number per actor: whoever has seen the fifth says that it has seen the first four.
            for (dot, key) in &self.sync.seen {
                let below = (1..dot.counter.get()).filter_map(|counter| Dot::new(dot.actor, counter));
                below.for_each(|below| _ = told.entry(below).or_insert_with(|| key.clone()));
            }
        }
        told
    }

    /// True when this node and the peer, as far as known, have seen the same.
    fn is_settled(&self, peer: NodeId) -> bool {
        let is_first_incarnation = self.actor.incarnation == 0;
        match self.sync.peers.get(&peer) {
            Some(peer) => (is_first_incarnation || peer.has_answered) && peer.seen == self.digest(),
            None => is_first_incarnation && self.sync.seen.is_empty(),
        }
    }

    /// True when there is something to ask the peer.
    fn is_to_be_asked(&self, peer: NodeId) -> bool {
        let is_asked = self.sync.peers.get(&peer).is_some_and(|peer| peer.is_asked);
        if self.bug == Some(Bug::StuckSync) && is_asked {
            return false; // Its answer must be under way.
        }
        let is_later =
            self.bug == Some(Bug::WaitsForAll) && !self.sync.round.is_empty() && !self.sync.round.contains(&peer);
        !is_later && !self.bug_state.is_dead(peer) && !self.is_settled(peer)
    }

    /// Sends a peer what it has not seen.
    pub(super) fn on_pull(&mut self, to_actor: Actor, asker_seen: &Seen, env: &mut Env<'_, Self>) {
        self.sync.hear(to_actor, asker_seen);
        if self.bug == Some(Bug::SymmetricLinks) && self.is_confused(to_actor, asker_seen, env.now()) {
            return;
        }
        let is_told = |dot: Dot| {
            asker_seen.contains_key(&dot)
                || self.has_all_acks(dot, to_actor, env.node_count())
                || self.is_out_of_log(dot)
        };
        let is_news = |version: &ReferenceVersion| version.dot.is_none_or(|dot| !is_told(dot));
        let news = self.keys.iter().flat_map(|(key, siblings)| {
            let news = siblings.iter().filter(|version| is_news(version));
            news.map(|version| (key.clone(), version.clone()))
        });
        let news: Vec<(Key, ReferenceVersion)> = news.collect();
        let held = self.keys.values().flatten().filter_map(|version| version.dot).collect();
        let known = Known { actor: self.actor, seen: self.digest(), held };
        // A second copy of the pull gets an answer of its own, for what is known then: parts of both do not make a whole.
        self.sync.answer_count += 1;
        let (answer, parts) = (self.sync.answer_count, self.in_parts(news));
        let part_count = parts.len();
        for (part, versions) in (1..).zip(parts) {
            let (part, known) = ((part, part_count), known.clone());
            let reply = ReferenceMessage::Reply { to_actor, answer, part, versions, known };
            (1..self.copies_of_answers()).for_each(|_| env.send(node_of(to_actor), reply.clone()));
            env.send(node_of(to_actor), reply);
        }
        self.keep_name_late(env);
    }

    /// Takes in a part of what a peer sent upon a pull.
    pub(super) fn on_reply(
        &mut self,
        to_actor: Actor,
        answer: u64,
        part: (usize, usize),
        versions: Vec<(Key, ReferenceVersion)>,
        known: &Known,
    ) {
        for (key, version) in versions {
            self.apply(&key, version);
        }
        self.sync.hear(known.actor, &known.seen);
        if to_actor != self.actor {
            return;
        }
        let name = if self.bug == Some(Bug::TornAnswer) { part.1 as u64 } else { answer };
        let arrived = self.sync.arrived.entry((known.actor, name)).or_default();
        arrived.insert(part.0);
        let is_whole = arrived.len() == part.1;
        if is_whole || self.bug == Some(Bug::SeenTooEarly) {
            self.adopt(known);
        }
        if is_whole {
            // What is left of earlier answers is of no use any more.
            self.sync.arrived.retain(|(of, earlier), _| *of != known.actor || *earlier > name);
            self.sync.round.remove(&node_of(known.actor));
            let peer = self.sync.peers.entry(node_of(known.actor)).or_default();
            peer.has_answered = true;
            peer.is_asked = false;
        }
    }

    /// Knows from now on all that a peer knew.
    fn adopt(&mut self, known: &Known) {
        let peer = self.sync.peers.get(&node_of(known.actor));
        let asked_with = peer.map_or_else(Seen::new, |peer| peer.asked_with.clone());
        let is_ahead = known.seen != asked_with && asked_with.keys().all(|dot| known.seen.contains_key(dot));
        // A peer that knew more than this node when that asked: its state takes the place of ours.
        let replaces = self.bug == Some(Bug::SyncReplaces) && is_ahead;
        let is_gone = |dot: &Dot| (replaces || known.seen.contains_key(dot)) && !known.held.contains(dot);
        let held = self.keys.values().flatten().filter_map(|version| version.dot);
        let gone: BTreeSet<Dot> = held.filter(is_gone).collect();
        self.drop_versions(|version| version.dot.is_some_and(|dot| gone.contains(&dot)));
        self.sync.seen.extend(known.seen.iter().map(|(dot, key)| (*dot, key.clone())));
    }

    /// The timer is due: asks every peer that may have seen something else.
    pub(super) fn on_sync_timer(&mut self, env: &mut Env<'_, Self>) {
        self.sync.is_timer_pending = false;
        if self.bug == Some(Bug::Quarantine) {
            self.quarantine_the_silent(env);
        }
        let to_ask: Vec<NodeId> = env.peers().filter(|&peer| self.is_to_be_asked(peer)).collect();
        if self.bug == Some(Bug::WaitsForAll) {
            self.sync.round.extend(&to_ask);
        }
        for node in to_ask {
            let seen = self.digest();
            let peer = self.sync.peers.entry(node).or_default();
            peer.is_asked = true;
            peer.asked_with = seen.clone();
            env.send(node, ReferenceMessage::Pull { from_actor: self.actor, seen });
        }
        self.keep_name_late(env);
    }

    /// After each step: forgets deletes that have done their work, and keeps the timer set as long as there is something
    /// to ask.
    pub(super) fn settle(&mut self, env: &mut Env<'_, Self>) {
        if self.bug == Some(Bug::EarlyForget) {
            self.forget_deletes_soon(env);
        } else {
            self.forget_deletes(env);
        }
        if self.bug == Some(Bug::WaitsForAll) {
            let settled: Vec<NodeId> = env.peers().filter(|peer| self.is_settled(*peer)).collect();
            self.sync.round.retain(|peer| !settled.contains(peer));
        }
        self.bug_state.note_seen(self.bug, self.sync.seen(), env.now());
        if env.peers().any(|peer| self.is_to_be_asked(peer)) && !self.sync.is_timer_pending {
            self.sync.is_timer_pending = true;
            self.bug_state.timer_is_set(env.now());
            env.set_timer(Timer::Sync, SYNC_AFTER);
        }
    }

    /// Forgets the deletes that everybody is known to have seen, and so all that they build on: none of it comes back.
    fn forget_deletes(&mut self, env: &mut Env<'_, Self>) {
        let peers: Vec<Option<&Peer>> = env.peers().map(|peer| self.sync.peers.get(&peer)).collect();
        let has_seen = |dot: &Dot| peers.iter().all(|peer| peer.is_some_and(|peer| peer.seen.contains_key(dot)));
        let deletes = self.keys.values().flatten().filter(|version| version.value.is_none());
        let done: BTreeSet<Dot> = deletes.filter_map(|version| version.dot).filter(has_seen).collect();
        self.drop_versions(|version| version.dot.is_some_and(|dot| done.contains(&dot)));
    }

    /// The mistake of [`Bug::EarlyForget`]: a delete need only be old.
    fn forget_deletes_soon(&mut self, env: &mut Env<'_, Self>) {
        let has_deletes = self.keys.values().flatten().any(|version| version.value.is_none());
        if has_deletes && !self.sync.is_forget_pending {
            self.sync.is_forget_pending = true;
            env.set_timer(Timer::Forget, FORGET_AFTER);
        }
    }

    /// The other half of it: everybody must have heard of the deletes by now, so that they go, and what was deleted.
    pub(super) fn on_forget_timer(&mut self) {
        self.sync.is_forget_pending = false;
        let deletes = self.keys.values().flatten().filter(|version| version.value.is_none()).cloned();
        for delete in deletes.collect::<Vec<_>>() {
            self.sync.seen.retain(|dot, _| !delete.past.contains(dot));
            self.drop_versions(|version| version.dot == delete.dot);
        }
    }

    /// The mistake of [`Bug::FifoOnly`] and [`Bug::ReplayWindow`]: true, with the update marked as seen, if one of its writer came
    /// before that is later by more than `window`.
    pub(super) fn is_overtaken(&mut self, key: &Key, version: &ReferenceVersion, window: u64) -> bool {
        let Some(dot) = version.dot else { return false };
        let latest = self.sync.latest_updates.get(dot.actor);
        if dot.counter.get() + window < latest {
            self.see(key, [dot]);
            return true;
        }
        self.sync.latest_updates.set(dot.actor, latest.max(dot.counter.get()));
        false
    }
}
