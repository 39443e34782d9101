//! Anti-entropy: a node asks a peer for what it misses, by telling what it has seen.
//!
//! The answer holds the current versions of everything the asker had not seen, and all that the answering node had seen
//! when it read them. Whatever that node has seen is thereby sent, or overwritten by something that is sent, or
//! overwritten by something the asker has: so the asker may take the whole set for its own.

use std::sync::Arc;

use super::{Change, Envelope, Message, Node, Reply, StoreError, Version};
use crate::causality::{Actor, Dot, DotSet};
use crate::kv::Key;
use crate::machine::NodeId;

/// What a peer has told of itself.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// The latest life it has told of.
    actor: Option<Actor>,
    /// All that it has said, in that life, to have seen.
    seen: DotSet,
    /// It has answered this life of this node.
    answered: bool,
}

impl Node {
    /// Asks `peer` for what this node misses: leaves a pull in the outbox. Asking again is always safe.
    ///
    /// Refused, with no change: a peer that is not there, or this node itself.
    pub fn start_sync(&mut self, peer: impl Into<NodeId>) -> super::Outcome<()> {
        let peer = peer.into();
        let checked = self.check_peer(peer);
        if checked.is_ok() {
            self.post(Some(peer), Message::Pull { actor: self.actor, seen: self.seen.clone() });
        }
        checked.into()
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

    /// Returns how many versions were stored, as the two below do.
    pub(super) fn take_update(&mut self, from: NodeId, key: Key, version: Version) -> usize {
        if let Some(dot) = version.dot.filter(|dot| dot.actor.node as usize == from.index()) {
            self.hear_of(from, dot.actor, &DotSet::from_iter([dot]));
        }
        self.take_version(key, version)
    }

    pub(super) fn take_pull(&mut self, from: NodeId, actor: Actor, seen: &DotSet) -> usize {
        self.hear_of(from, actor, seen);
        let reply =
            Reply { actor: self.actor, asked_by: actor, versions: self.missing_from(seen), seen: self.seen.clone() };
        self.post(Some(from), Message::Reply(Arc::new(reply)));
        0
    }

    pub(super) fn take_reply(&mut self, from: NodeId, reply: &Reply) -> usize {
        let versions = reply.versions.iter().cloned();
        let stored = versions.map(|(key, version)| self.take_version(key, version)).sum();
        self.hear_of(from, reply.actor, &reply.seen);
        if reply.asked_by == self.actor {
            self.seen.insert_all(&reply.seen);
            self.peers[from.index()].answered = true;
        }
        stored
    }

    fn take_version(&mut self, key: Key, version: Version) -> usize {
        if let Some(later) = self.latest_own(&version.clock) {
            self.outlive(later);
        }
        // What was seen is here, or overwritten by something that is here: no need to compare.
        if version.dot.is_some_and(|dot| self.seen.contains(dot)) {
            return 0;
        }
        self.seen.extend(version.dot);
        match self.merge(key, version) {
            Change::Stored { .. } => 1,
            Change::Duplicate | Change::Obsolete => 0,
        }
    }

    /// Notes what a peer has seen. What an earlier life of it had seen is no longer true, however late it is told.
    fn hear_of(&mut self, from: NodeId, actor: Actor, seen: &DotSet) {
        if let Some(own) = self.own_actor_in(seen) {
            self.outlive((own, seen.last(own)));
        }
        let peer = &mut self.peers[from.index()];
        if peer.actor < Some(actor) {
            peer.actor = Some(actor);
            peer.seen = DotSet::new();
        }
        if peer.actor == Some(actor) {
            peer.seen.insert_all(seen);
        }
    }

    /// Whoever is told of writes of its own that it does not know of has lost its memory, and begins a new life: names that
    /// others remember must not be used again.
    fn outlive(&mut self, told: (Actor, u64)) {
        if told > (self.actor, self.counter) {
            self.actor = told.0.next();
            self.counter = 0;
            for peer in &mut self.peers {
                peer.answered = false;
            }
        }
    }

    /// The latest life of this node of which `seen` tells.
    fn own_actor_in(&self, seen: &DotSet) -> Option<Actor> {
        seen.actors().filter(|actor| actor.node == self.actor.node).max()
    }

    /// The current versions that a node has not seen that has seen `seen`.
    fn missing_from(&self, seen: &DotSet) -> Vec<(Key, Version)> {
        if self.nameless == 0 && seen.contains_all(&self.seen) {
            return Vec::new();
        }
        let versions = self.keys.iter().flat_map(|(key, siblings)| siblings.versions().iter().map(move |v| (key, v)));
        let missing = versions.filter(|(_, version)| !self.is_seen(version, seen));
        missing.map(|(key, version)| (key.clone(), version.clone())).collect()
    }

    /// True if whoever has seen `seen` has certainly seen `version`. A nameless version is one of the writes that its clock
    /// counts last; only who has seen all of those has certainly seen it.
    fn is_seen(&self, version: &Version, seen: &DotSet) -> bool {
        match version.dot {
            Some(dot) => seen.contains(dot),
            None => {
                let names = version.clock.iter().enumerate();
                let mut names =
                    names.filter_map(|(slot, counter)| Dot::new(Actor::at_slot(slot, self.node_count), counter));
                names.all(|dot| seen.contains(dot))
            }
        }
    }

    /// Refuses what no right node would send, so that nothing malformed ever reaches the state.
    pub(super) fn check_envelope(&self, envelope: &Envelope) -> Result<(), StoreError> {
        let Envelope { from, to, message } = envelope;
        if *to != self.id() {
            return Err(StoreError::WrongReceiver { to: *to });
        }
        self.check_peer(*from)?;
        match message {
            Message::Update { key, version } => self.check_version(key, version),
            Message::Pull { actor, seen } => self.check_seen(*from, *actor, seen),
            Message::Reply(reply) => {
                self.check_actor(reply.asked_by)?;
                self.check_seen(*from, reply.actor, &reply.seen)?;
                reply.versions.iter().try_for_each(|(key, version)| self.check_version(key, version))
            }
        }
    }

    fn check_version(&self, key: &str, version: &Version) -> Result<(), StoreError> {
        self.check_sizes(key, &version.value)?;
        self.check_clock(&version.clock)?;
        if let Some(told) = self.latest_own(&version.clock) {
            self.check_told(told)?;
        }
        let Some(dot) = version.dot else { return Ok(()) };
        self.check_actor(dot.actor)?;
        if version.clock.get(dot.actor.slot(self.node_count)) != dot.counter.get() {
            return Err(StoreError::DotNotInClock);
        }
        Ok(())
    }

    fn check_seen(&self, from: NodeId, actor: Actor, seen: &DotSet) -> Result<(), StoreError> {
        self.check_actor(actor)?;
        if actor.node as usize != from.index() {
            return Err(StoreError::WrongSender { from, actor });
        }
        if let Some(own) = self.own_actor_in(seen) {
            self.check_told((own, seen.last(own)))?;
        }
        seen.actors().try_for_each(|actor| self.check_actor(actor))
    }

    fn check_peer(&self, peer: NodeId) -> Result<(), StoreError> {
        if peer.index() >= self.node_count {
            return Err(StoreError::NoSuchNode { node: peer.index(), node_count: self.node_count });
        }
        if peer == self.id() { Err(StoreError::NotAPeer { node: peer.index() }) } else { Ok(()) }
    }

    /// To be told of own writes that this node does not know of begins the life after theirs: there must be room for it.
    fn check_told(&self, told: (Actor, u64)) -> Result<(), StoreError> {
        if told > (self.actor, self.counter) { self.check_actor(told.0.next()) } else { Ok(()) }
    }

    /// Clocks must have room for the actor.
    fn check_actor(&self, actor: Actor) -> Result<(), StoreError> {
        if actor.node as usize >= self.node_count {
            return Err(StoreError::NoSuchNode { node: actor.node as usize, node_count: self.node_count });
        }
        let lives = (actor.incarnation as usize).saturating_add(1);
        let (entries, entries_max) = (self.node_count.saturating_mul(lives), self.config.clock_slots_max);
        if entries > entries_max { Err(StoreError::ClockTooLong { entries, entries_max }) } else { Ok(()) }
    }
}
