//! Anti-entropy: a node pulls from its peers until they all have seen the same.
//!
//! A node that has unfinished business with a peer asks it now and then: "this is what I have seen". The peer answers
//! with the versions that are missing, and with what it has seen itself. The asker takes in the versions, and then
//! adopts *all* that the peer has seen. That is safe: each dot that the peer has seen is a version of the peer's, so it
//! is in the answer or was seen before; or it is covered by such a version. But it holds only for the life that asked.
//!
//! When everybody has seen the same and knows it of the others, no timer is set and no message is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Bug, Message, Textbook, Timer, Version};
use crate::causality::{Actor, Dot};
use crate::kv::Key;
use crate::machine::{Env, NodeId};

/// How long a node waits before it asks, or asks again.
const SYNC_AFTER: Duration = Duration::from_millis(20);

/// What a node has seen, and what it knows that its peers have seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    /// The dots that came by. invariant: each is a version held here, or is covered by one.
    seen: BTreeSet<Dot>,
    /// None for a peer that was never heard of.
    peers: BTreeMap<NodeId, Peer>,
    /// True while the timer is set.
    is_timer_pending: bool,
}

/// What is known of a peer.
#[derive(Clone, Debug, Default)]
struct Peer {
    /// Its latest life heard of.
    incarnation: u32,
    /// What that life said it has seen.
    seen: BTreeSet<Dot>,
    /// It has answered a pull of this life of ours, so it knows that the former one is over.
    has_answered: bool,
}

impl Knowledge {
    pub(super) fn has_seen(&self, dot: Dot) -> bool {
        self.seen.contains(&dot)
    }

    /// A peer told what it has seen.
    fn hear(&mut self, from: Actor, seen: &BTreeSet<Dot>) {
        let peer = self.peers.entry(node_of(from)).or_default();
        if from.incarnation < peer.incarnation {
            return; // What a former life had seen is lost.
        }
        if from.incarnation > peer.incarnation {
            peer.incarnation = from.incarnation;
            peer.seen.clear();
        }
        // What a life has seen only grows, but its messages may arrive in any order.
        peer.seen.extend(seen);
    }

    /// True when `me` and the peer, as far as known, have seen the same.
    fn is_settled(&self, me: Actor, peer: NodeId) -> bool {
        let is_first_life = me.incarnation == 0;
        match self.peers.get(&peer) {
            Some(peer) => (is_first_life || peer.has_answered) && peer.seen == self.seen,
            None => is_first_life && self.seen.is_empty(),
        }
    }
}

/// The node whose life this is.
fn node_of(actor: Actor) -> NodeId {
    NodeId::new(actor.node as usize)
}

impl Textbook {
    /// Marks a dot as seen: a version with it came by, or one that covers it.
    pub(super) fn see(&mut self, dot: Dot) {
        if self.bug == Some(Bug::DigestMax) {
            // One number per actor: whoever has seen the fifth says that it has seen the first four.
            let below = (1..dot.counter.get()).rev().filter_map(|counter| Dot::new(dot.actor, counter));
            for below in below {
                if !self.sync.seen.insert(below) {
                    break; // From here on all are in.
                }
            }
        }
        self.sync.seen.insert(dot);
    }

    /// Sends a peer what it has not seen.
    pub(super) fn on_pull(&mut self, from: NodeId, asker: Actor, asker_seen: &BTreeSet<Dot>, env: &mut Env<'_, Self>) {
        self.sync.hear(asker, asker_seen);
        let is_news = |version: &Version| version.dot.is_none_or(|dot| !asker_seen.contains(&dot));
        let versions = self.keys.iter().flat_map(|(key, siblings)| {
            let news = siblings.iter().filter(|version| is_news(version));
            news.map(|version| (key.clone(), version.clone()))
        });
        let versions = versions.collect();
        let seen = self.sync.seen.clone();
        env.send(from, Message::Reply { from_actor: self.actor, to_actor: asker, versions, seen });
    }

    /// Takes in what a peer sent upon a pull.
    pub(super) fn on_reply(
        &mut self,
        from_actor: Actor,
        to_actor: Actor,
        versions: Vec<(Key, Version)>,
        seen: &BTreeSet<Dot>,
    ) {
        for (key, version) in versions {
            self.apply(key, version);
        }
        self.sync.hear(from_actor, seen);
        if to_actor == self.actor {
            seen.iter().for_each(|&dot| self.see(dot));
            self.sync.peers.entry(node_of(from_actor)).or_default().has_answered = true;
        }
    }

    /// The timer is due: asks every peer that may have seen something else.
    pub(super) fn on_sync_timer(&mut self, env: &mut Env<'_, Self>) {
        self.sync.is_timer_pending = false;
        for peer in env.peers().filter(|&peer| !self.sync.is_settled(self.actor, peer)) {
            env.send(peer, Message::Pull { from_actor: self.actor, seen: self.sync.seen.clone() });
        }
    }

    /// After each step: keeps the timer set as long as there is something to ask.
    pub(super) fn stay_awake_until_settled(&mut self, env: &mut Env<'_, Self>) {
        let is_settled = env.peers().all(|peer| self.sync.is_settled(self.actor, peer));
        if !is_settled && !self.sync.is_timer_pending {
            self.sync.is_timer_pending = true;
            env.set_timer(Timer::Sync, SYNC_AFTER);
        }
    }
}
