//! A node: the plain interface, and what it holds.

use super::covered::CoveredKeys;
use super::entry::Entry;
use super::keys::Keys;
use super::log::{About, Log};
use super::mailbox::{Inbox, Outbox, Outgoing};
use super::marks::{Mark, Marks};
use super::sync::Peer;
use super::{Config, Envelope, Message, StoreError, Version};
use crate::causality::{Actor, DotSet, VectorClock};
use crate::kv::Key;
use crate::machine::NodeId;

/// One node of the replicated store.
///
/// It does no I/O: [`put`](Self::put) leaves an update for every other node in the outbox, a transport carries what
/// [`drain_outbox`](Self::drain_outbox) yields to [`deliver`](Self::deliver) of its receiver, and
/// [`process_messages`](Self::process_messages) takes in what was delivered. The network may lose, double, delay and
/// reorder; [`start_sync`](Self::start_sync) repairs. Under a simulator or real threads the node is a
/// [`StateMachine`](crate::machine::StateMachine) and syncs by itself.
#[derive(Debug)]
pub struct Node {
    pub(super) config: Config,
    pub(super) node_count: usize,
    /// This life of this node: whose writes are counted.
    pub(super) actor: Actor,
    /// How many writes this life has made; the plain interface may raise it.
    pub(super) counter: u64,
    /// In insertion order, so that nothing a run can see depends on the hasher.
    pub(super) keys: Keys,
    /// How many versions have no name, and so are not in `seen`.
    pub(super) nameless: usize,
    /// The keys that remember writes which were overwritten before they came.
    pub(super) covered_keys: CoveredKeys,
    /// Which key each write was about that some peer may not have seen.
    pub(super) log: Log,
    /// How many pulls this life has answered.
    pub(super) answers: u32,
    /// Every dot in here is held, or was overwritten by something that is.
    pub(super) seen: DotSet,
    /// Of whose writes there was news since this node last looked what every node has seen.
    pub(super) news: About,
    /// What each node has told of itself; this node's own place stays empty.
    pub(super) peers: Vec<Peer>,
    /// The timer is set (only where somebody drives the node as a state machine).
    pub(super) sync_pending: bool,
    /// What happened since they were last handed over.
    pub(super) marks: Marks,
    /// The keys whose versions changed since they were last taken; only if somebody wants to know.
    touched: Option<Vec<Key>>,
    inbox: Inbox,
    outbox: Outbox,
}

/// What [`Node::process_messages`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processed {
    /// Messages taken in.
    pub messages: usize,
    /// Versions stored.
    pub stored: usize,
}

/// What a node holds beside its versions, because some other node may not have seen it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Deletes that may not be forgotten yet.
    pub tombstones: usize,
    /// Writes that some peer may not have seen.
    pub log_entries: usize,
    /// Updates that wait for peers that are not heard of.
    pub hints: usize,
    /// Keys that remember writes which were overwritten before they came.
    pub covered_keys: usize,
    /// Keys of which a client has overwritten a write that then died with its node. It may still come, late, so what is
    /// known of it is kept for ever, and so is the delete, if it was one, that overwrote it.
    pub mourned_keys: usize,
    /// Gaps in what was seen. One stays for ever where a write died with its node.
    pub gaps: usize,
}

impl Node {
    /// The names of all [marks](crate::machine::Env::mark) that a node makes: for
    /// [`Harness::must_reach`](crate::harness::Harness::must_reach).
    pub fn marks() -> impl Iterator<Item = &'static str> {
        Mark::ALL.into_iter().map(Mark::name)
    }

    /// Node `node_id` of a cluster of `total_nodes`, empty, in its first life.
    ///
    /// # Panics
    /// If `node_id` is not below `total_nodes`, or there are more nodes than a clock may have entries;
    /// [`try_new`](Self::try_new) returns that as an error.
    #[must_use]
    pub fn new(node_id: usize, total_nodes: usize) -> Self {
        match Self::try_new(node_id, total_nodes) {
            Ok(node) => node,
            Err(error) => panic!("Node::new: {error}"),
        }
    }

    /// As [`new`](Self::new).
    ///
    /// # Errors
    /// If `node_id` is not below `total_nodes`, or there are more nodes than a clock may have entries.
    pub fn try_new(node_id: usize, total_nodes: usize) -> Result<Self, StoreError> {
        Self::with_config(node_id, total_nodes, 0, Config::default())
    }

    /// As [`try_new`](Self::try_new), with other limits, and in another life: a node that has lost its memory `incarnation`
    /// times must never again use the names it gave before.
    ///
    /// # Errors
    /// If `node_id` is not below `total_nodes`, or the clock of such a life has too many entries.
    pub fn with_config(
        node_id: usize,
        total_nodes: usize,
        incarnation: u32,
        config: Config,
    ) -> Result<Self, StoreError> {
        if node_id >= total_nodes {
            return Err(StoreError::NoSuchNode { node: node_id, node_count: total_nodes });
        }
        let entries = total_nodes.saturating_mul((incarnation as usize).saturating_add(1));
        if entries > config.clock_slots_max {
            return Err(StoreError::ClockTooLong { entries, entries_max: config.clock_slots_max });
        }
        let node = u32::try_from(node_id).expect("expect: a clock has fewer entries than 2^32");
        Ok(Self {
            config,
            node_count: total_nodes,
            actor: Actor { incarnation, node },
            counter: 0,
            keys: Keys::default(),
            nameless: 0,
            covered_keys: CoveredKeys::default(),
            log: Log::default(),
            answers: 0,
            seen: DotSet::new(),
            news: About::Nobody,
            peers: (0..total_nodes).map(|_| Peer::default()).collect(),
            sync_pending: false,
            marks: Marks::default(),
            touched: None,
            inbox: Inbox::new(),
            outbox: Outbox::new(),
        })
    }

    /// This node's place in the cluster.
    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId::new(self.actor.node as usize)
    }

    /// This life of this node.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// How many nodes the cluster has.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.node_count
    }

    /// All writes this node has taken in, its own included.
    #[must_use]
    pub fn seen(&self) -> &DotSet {
        &self.seen
    }

    /// All versions of `key`, each with its clock; nothing if there are none. An entry of a clock counts the writes of one
    /// node; after restarts there are more than `total_nodes` entries, but always a multiple of it.
    ///
    /// Copies what it returns; [`versions`](Self::versions) does not.
    #[must_use]
    pub fn get(&self, key: impl AsRef<str>) -> Vec<(Vec<u8>, Vec<usize>)> {
        self.versions(key.as_ref()).iter().map(|version| version.to_plain(self.node_count)).collect()
    }

    /// All versions of `key`, without a copy.
    #[must_use]
    pub fn versions(&self, key: &str) -> &[Version] {
        self.keys.get(key).map_or(&[], Entry::versions)
    }

    /// All keys that have a version, in no order that means anything.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|(_, entry)| !entry.versions().is_empty()).map(|(key, _)| key)
    }

    /// What the node holds beside its versions; at rest nothing but what is mourned. Costs a look at each key.
    #[must_use]
    pub fn leftovers(&self) -> Leftovers {
        let mut leftovers = Leftovers {
            log_entries: self.log.len(),
            hints: self.peers.iter().map(|peer| peer.hints.len()).sum(),
            gaps: self.seen.gap_count(),
            ..Leftovers::default()
        };
        // What no node has seen although all have seen the same will hardly come any more.
        let is_settled = self.unsettled_peers().next().is_none();
        for (_, entry) in self.keys.iter() {
            match entry.covered() {
                Some(_) if is_settled => leftovers.mourned_keys += 1,
                covered => {
                    leftovers.covered_keys += usize::from(covered.is_some());
                    leftovers.tombstones += entry.tombstones().len();
                }
            }
        }
        leftovers
    }

    /// Puts a message into the inbox, for [`process_messages`](Self::process_messages) to take in.
    ///
    /// # Errors
    /// If it is malformed, not for this node, or the inbox is full: of messages ([`Config::inbox_max`]) or of bytes
    /// ([`Config::inbox_bytes_max`]). Then nothing has changed.
    pub fn deliver(&mut self, envelope: Envelope) -> Result<(), StoreError> {
        self.check_envelope(&envelope)?;
        self.inbox.push(envelope, &self.config)
    }

    /// Takes in everything that was delivered, in the order in which it came. May leave answers in the outbox.
    pub fn process_messages(&mut self) -> Processed {
        let mut processed = Processed::default();
        while let Some(envelope) = self.inbox.pop() {
            processed.messages += 1;
            processed.stored += self.take(envelope);
        }
        if processed.messages > 0 {
            self.forget();
        }
        processed
    }

    /// Takes in a message that was checked. Returns how many versions were stored.
    fn take(&mut self, Envelope { from, message, .. }: Envelope) -> usize {
        let stored = match &message {
            Message::Update(update) => self.take_update(from, update),
            Message::Pull(pull) => self.take_pull(from, pull),
            Message::Reply(reply) => self.take_reply(from, reply),
        };
        self.replay_hints(from, matches!(message, Message::Pull(_)));
        stored
    }

    /// As [`deliver`](Self::deliver) and [`process_messages`](Self::process_messages), of one message when none waits.
    pub(super) fn take_alone(&mut self, envelope: Envelope) {
        debug_assert!(self.inbox.is_empty(), "expect: a state machine lets no message wait");
        if self.check_envelope(&envelope).is_ok() {
            self.take(envelope);
            self.forget();
        }
    }

    /// Takes all messages out of the outbox, in the order in which they were left there.
    pub fn drain_outbox(&mut self) -> std::vec::IntoIter<Envelope> {
        let from = self.id();
        let copies = |outgoing: &Outgoing| if outgoing.to.is_some() { 1 } else { self.node_count - 1 };
        let mut envelopes = Vec::with_capacity(self.outbox.iter().map(copies).sum());
        self.flush(|to, message| envelopes.push(Envelope { from, to, message }));
        envelopes.into_iter()
    }

    /// Hands each message of the outbox to `send`.
    pub(super) fn flush(&mut self, mut send: impl FnMut(NodeId, Message)) {
        let me = self.id();
        while let Some(Outgoing { to, message }) = self.outbox.pop() {
            match to {
                Some(to) => send(to, message),
                None => {
                    let peers = (0..self.node_count).map(NodeId::new).filter(|&peer| peer != me);
                    peers.for_each(|peer| send(peer, message.clone()));
                }
            }
        }
    }

    /// Leaves a message in the outbox.
    pub(super) fn post(&mut self, to: Option<NodeId>, message: Message) {
        if to.is_some() || self.node_count > 1 {
            self.outbox.push(to, message, &self.config);
        }
    }

    /// True if the next message would take the place of the oldest.
    pub(super) fn is_outbox_full(&self) -> bool {
        self.outbox.is_full(&self.config)
    }

    /// Leaves an answer in the outbox.
    pub(super) fn post_answer(&mut self, to: NodeId, batches: Vec<Message>) {
        self.outbox.push_answer(to, batches, &self.config);
    }

    /// The latest life of this node of which a clock tells, and how many writes of it.
    pub(super) fn latest_own(&self, clock: &VectorClock) -> Option<(Actor, u64)> {
        if clock.slot_count() <= self.node_count {
            // Of first lives, as nearly all are, there is but one to look at.
            let (first, counter) = (Actor::first(self.actor.node), clock.get(self.actor.node as usize));
            return (counter > 0).then_some((first, counter));
        }
        let counted = clock.entries().map(|(slot, counter)| (Actor::at_slot(slot, self.node_count), counter));
        counted.filter(|(actor, _)| actor.node == self.actor.node).last()
    }

    /// From now on notes which keys change, beginning with all that are here.
    pub(crate) fn note_touched(&mut self) {
        self.touched = Some(self.keys.iter().map(|(key, _)| key.clone()).collect());
    }

    /// The keys whose versions may have changed since this was last asked.
    pub(crate) fn take_touched(&mut self) -> Vec<Key> {
        self.touched.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn touch(&mut self, key: &Key) {
        // What one message does to a key it does in a row: such a key is noted once.
        if let Some(touched) = self.touched.as_mut().filter(|touched| touched.last() != Some(key)) {
            touched.push(key.clone());
        }
    }
}
