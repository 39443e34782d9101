//! A node: the plain interface, and what it holds.

use std::collections::VecDeque;

use indexmap::IndexMap;

use super::sync::Peer;
use super::version::Siblings;
use super::{Change, Config, Envelope, Message, Outcome, StoreError, Version};
use crate::causality::{Actor, COUNTER_MAX, ClockError, Dot, DotSet, VectorClock};
use crate::kv::{Key, Value};
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
    pub(super) keys: IndexMap<Key, Siblings, foldhash::fast::RandomState>,
    /// How many versions have no name, and so are not in `seen`.
    pub(super) nameless: usize,
    /// Every dot in here is held, or was overwritten by something that is.
    pub(super) seen: DotSet,
    /// What each node has told of itself; this node's own place stays empty.
    pub(super) peers: Vec<Peer>,
    /// The timer is set (only where somebody drives the node as a state machine).
    pub(super) sync_pending: bool,
    inbox: VecDeque<Envelope>,
    outbox: VecDeque<Outgoing>,
}

/// A message that waits to be sent.
#[derive(Debug)]
struct Outgoing {
    /// `None` for every other node: an update waits once, however many peers there are.
    to: Option<NodeId>,
    message: Message,
}

/// What [`Node::process_messages`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processed {
    /// Messages taken in.
    pub messages: usize,
    /// Versions stored.
    pub stored: usize,
}

impl Node {
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
            keys: IndexMap::default(),
            nameless: 0,
            seen: DotSet::new(),
            peers: (0..total_nodes).map(|_| Peer::default()).collect(),
            sync_pending: false,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
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

    /// Writes `value` over all versions of `key` that this node has, and leaves an update for every other node in the
    /// outbox. Returns the name of the write.
    ///
    /// A `String` and a `Vec<u8>` are copied once; a [`Key`] and a [`Value`] are not. No peer costs another copy.
    ///
    /// Refused, with no change: a key or value that is too long, and any write once the counter is used up.
    pub fn put(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Outcome<Dot> {
        self.try_put(key.into(), value.into()).into()
    }

    fn try_put(&mut self, key: Key, value: Value) -> Result<Dot, StoreError> {
        self.check_sizes(&key, &value)?;
        let counter = self.counter + 1;
        if counter > COUNTER_MAX {
            return Err(StoreError::CounterSpent);
        }
        self.counter = counter;
        let dot = Dot::new(self.actor, counter).expect("expect: the counter was just raised above 0");
        let slot = self.actor.slot(self.node_count);
        let siblings = self.keys.entry(key.clone()).or_default();
        let mut clock = siblings.clock();
        clock.raise(slot, counter);
        let version = Version { dot: Some(dot), clock, value };
        self.nameless -= siblings.versions().iter().filter(|old| old.dot.is_none()).count();
        siblings.replace(version.clone());
        self.seen.insert(dot);
        self.post(None, Message::Update { key, version });
        Ok(dot)
    }

    /// All versions of `key`, each with its clock; nothing if there are none. An entry of a clock counts the writes of one
    /// node; after restarts there are more than `total_nodes` entries, but always a multiple of it.
    ///
    /// Copies what it returns; [`versions`](Self::versions) does not.
    #[must_use]
    pub fn get(&self, key: impl AsRef<str>) -> Vec<(Vec<u8>, Vec<usize>)> {
        let plain = |version: &Version| (version.value.to_vec(), self.plain_clock(&version.clock));
        self.versions(key.as_ref()).iter().map(plain).collect()
    }

    /// All versions of `key`, without a copy.
    #[must_use]
    pub fn versions(&self, key: &str) -> &[Version] {
        self.keys.get(key).map_or(&[], Siblings::versions)
    }

    /// All keys, in the order in which they came.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.keys.keys()
    }

    /// Takes in an update that came some other way than through [`deliver`](Self::deliver).
    ///
    /// A clock greater than a local one replaces that version, a smaller one is obsolete, an equal one is a duplicate,
    /// and versions whose clocks are concurrent stay side by side. An own entry above what this node ever issued is taken
    /// for its own former write handed back: the counter moves up to it.
    ///
    /// Peers are not told; they get it when they ask. A clock tells no name, so it is not in [`seen`](Self::seen), and goes
    /// to whoever has not seen all that its clock counts, every time, until the update itself arrives and names it.
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
        let clock = VectorClock::try_from(clock)
            .map_err(|ClockError::CounterTooLarge { slot, counter }| StoreError::CounterTooLarge { slot, counter })?;
        self.check_clock(&clock)?;
        if let Some(own) = self.latest_own(&clock).filter(|own| *own > (self.actor, self.counter)) {
            (self.actor, self.counter) = own;
        }
        Ok(self.merge(key, Version { dot: None, clock, value }))
    }

    /// Puts a message into the inbox, for [`process_messages`](Self::process_messages) to take in.
    ///
    /// # Errors
    /// If it is malformed, not for this node, or the inbox is full. Then nothing has changed.
    pub fn deliver(&mut self, envelope: Envelope) -> Result<(), StoreError> {
        self.check_envelope(&envelope)?;
        if self.inbox.len() >= self.config.inbox_max {
            return Err(StoreError::InboxFull { waiting: self.inbox.len() });
        }
        self.inbox.push_back(envelope);
        Ok(())
    }

    /// Takes in everything that was delivered, in the order in which it came. May leave answers in the outbox.
    pub fn process_messages(&mut self) -> Processed {
        let mut processed = Processed::default();
        while let Some(Envelope { from, message, .. }) = self.inbox.pop_front() {
            processed.messages += 1;
            processed.stored += match message {
                Message::Update { key, version } => self.take_update(from, key, version),
                Message::Pull { actor, seen } => self.take_pull(from, actor, &seen),
                Message::Reply(reply) => self.take_reply(from, &reply),
            };
        }
        processed
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
        for Outgoing { to, message } in self.outbox.drain(..) {
            match to {
                Some(to) => send(to, message),
                None => {
                    let peers = (0..self.node_count).map(NodeId::new).filter(|&peer| peer != me);
                    peers.for_each(|peer| send(peer, message.clone()));
                }
            }
        }
    }

    /// Leaves a message in the outbox; a full outbox forgets its oldest, which anti-entropy makes up for.
    pub(super) fn post(&mut self, to: Option<NodeId>, message: Message) {
        if to.is_none() && self.node_count == 1 {
            return;
        }
        self.outbox.push_back(Outgoing { to, message });
        if self.outbox.len() > self.config.outbox_max {
            self.outbox.pop_front();
        }
    }

    /// Merges a version into its key and keeps count of the nameless.
    pub(super) fn merge(&mut self, key: Key, version: Version) -> Change {
        let siblings = self.keys.entry(key).or_default();
        let nameless = |siblings: &Siblings| siblings.versions().iter().filter(|old| old.dot.is_none()).count();
        let before = nameless(siblings);
        let change = siblings.merge(version);
        self.nameless = self.nameless + nameless(siblings) - before;
        change
    }

    /// The latest life of this node of which a clock tells, and how many writes of it.
    pub(super) fn latest_own(&self, clock: &VectorClock) -> Option<(Actor, u64)> {
        let lives = (self.actor.node as usize..clock.slot_count()).step_by(self.node_count);
        let mut counted = lives.map(|slot| (Actor::at_slot(slot, self.node_count), clock.get(slot)));
        counted.rfind(|(_, counter)| *counter > 0)
    }

    fn plain_clock(&self, clock: &VectorClock) -> Vec<usize> {
        let mut plain: Vec<usize> = clock.iter().map(|counter| counter as usize).collect();
        plain.resize(clock.slot_count().max(1).next_multiple_of(self.node_count), 0);
        plain
    }

    pub(super) fn check_sizes(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let Config { key_bytes_max, value_bytes_max, .. } = self.config;
        if key.len() > key_bytes_max {
            return Err(StoreError::KeyTooLong { bytes: key.len(), bytes_max: key_bytes_max });
        }
        if value.len() > value_bytes_max {
            return Err(StoreError::ValueTooLong { bytes: value.len(), bytes_max: value_bytes_max });
        }
        Ok(())
    }

    pub(super) fn check_clock(&self, clock: &VectorClock) -> Result<(), StoreError> {
        if clock.is_zero() {
            return Err(StoreError::ClockZero);
        }
        let (entries, entries_max) =
            (clock.slot_count().next_multiple_of(self.node_count), self.config.clock_slots_max);
        if entries > entries_max { Err(StoreError::ClockTooLong { entries, entries_max }) } else { Ok(()) }
    }
}
