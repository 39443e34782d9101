//! A node: the plain interface, and how writes and messages go from here to the replica and the peers.

mod machine;
mod messages;
mod wire;

use super::config::Config;
use super::context::Context;
use super::error::StoreError;
use super::mailbox::{Inbox, Outbox};
use super::marks::Mark;
use super::message::Message;
use super::replica::{LocalWrite, Replica};
use super::results::{Read, Retained, Written};
use super::sync::Peers;
use super::validate::Validator;
use super::version::{Change, Version};
use crate::causality::{Actor, DotSet, VectorClock};
use crate::kv::{Key, Value};
use crate::protocol::NodeId;
pub use machine::{Durable, SyncTimer};

/// One node of the replicated store.
///
/// It does no I/O: [`put`](Self::put) leaves an update for every other node in the outbox, a transport carries what
/// [`drain_outbox`](Self::drain_outbox) yields to [`deliver`](Self::deliver) of its receiver, and
/// [`process_messages`](Self::process_messages) takes in what was delivered. The network may lose, double, delay and
/// reorder; [`start_sync`](Self::start_sync) repairs. Under a simulator or real threads the node is a
/// [`StateMachine`](crate::protocol::StateMachine) and syncs by itself.
#[derive(Debug)]
pub struct Node {
    config: Config,
    /// What it holds of all keys.
    replica: Replica,
    /// What it knows of the others.
    peers: Peers,
    /// What has come.
    inbox: Inbox,
    /// What is to go.
    outbox: Outbox,
    /// The timer is set (only where somebody drives the node as a state machine).
    sync_pending: bool,
}

/// Making and reading.
impl Node {
    /// The texts of all [marks](crate::protocol::Env::mark) that a node makes: for
    /// [`Harness::must_reach`](crate::harness::Harness::must_reach).
    pub fn marks() -> impl Iterator<Item = &'static str> {
        Mark::ALL.into_iter().map(Mark::name)
    }

    /// Node `node_id` of a cluster of `total_nodes`, empty, in its first incarnation.
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

    /// As [`try_new`](Self::try_new), with other limits, and in another incarnation: a node that has lost its memory `incarnation`
    /// times must never again use the dots that it issued before.
    ///
    /// # Errors
    /// If `node_id` is not below `total_nodes`, or the clock of such an incarnation has too many entries.
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
        let replica = Replica::new(Actor { incarnation, node }, total_nodes);
        let peers = Peers::new(total_nodes);
        let (inbox, outbox) = (Inbox::new(), Outbox::new());
        Ok(Self { config, replica, peers, inbox, outbox, sync_pending: false })
    }

    /// This node's place in the cluster.
    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId::new(self.actor().node as usize)
    }

    /// This incarnation of this node.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.replica.actor()
    }

    /// How many nodes the cluster has.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.replica.node_count()
    }

    /// All writes this node has taken in, its own included.
    #[must_use]
    pub fn seen(&self) -> &DotSet {
        self.replica.seen()
    }

    /// All versions of `key`, each with its clock; nothing if there are none. An entry of a clock counts the writes of one
    /// node; after restarts there are more than `total_nodes` entries, but always a multiple of it.
    ///
    /// Copies what it returns; [`versions`](Self::versions) does not.
    #[must_use]
    pub fn get(&self, key: impl AsRef<str>) -> Vec<(Vec<u8>, Vec<usize>)> {
        self.versions(key.as_ref()).iter().map(|version| version.to_plain(self.node_count())).collect()
    }

    /// All versions of `key`, without a copy.
    #[must_use]
    pub fn versions(&self, key: &str) -> &[Version] {
        self.replica.versions(key)
    }

    /// All versions of `key`, and the context that a client needs to overwrite just these.
    #[must_use]
    pub fn get_with_context(&self, key: &str) -> Read {
        Read { versions: self.versions(key).to_vec(), context: self.context(key) }
    }

    /// What a client has seen that reads `key` now: all that this node has seen of it.
    pub(in crate::store) fn context(&self, key: &str) -> Context {
        self.replica.context(key)
    }

    /// All keys that have a version, in no order that means anything.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.replica.keys().filter(|(_, versions)| !versions.is_empty()).map(|(key, _)| key)
    }

    /// What the node holds beside its versions; at rest nothing but what it retains for ever. Costs a look at each key.
    #[must_use]
    pub fn retained(&self) -> Retained {
        let residue = self.replica.residue();
        let mut retained = Retained {
            tombstones: residue.tombstones,
            log_entries: residue.log_entries,
            hints: self.peers.hint_count(),
            pending_keys: residue.pending_keys,
            retained_keys: 0,
            gaps: residue.gaps,
        };
        // What no node has seen although all have seen the same will hardly come any more.
        if self.unsettled_peers().next().is_none() {
            retained.retained_keys = std::mem::take(&mut retained.pending_keys);
            retained.tombstones -= residue.pending_tombstones;
        }
        retained
    }
}

/// Writing.
impl Node {
    /// Writes `value` over all versions of `key` that this node has, and leaves an update for every other node in the
    /// outbox.
    ///
    /// A `String` and a `Vec<u8>` are copied once, and a key that is known not at all; a [`Key`] and a [`Value`] are never copied.
    /// No peer costs another copy.
    ///
    /// # Errors
    /// Refused, with no change: a key or value that is too long, and any write once the counter is used up.
    pub fn put(&mut self, key: impl AsRef<str> + Into<Key>, value: impl Into<Value>) -> Result<Written, StoreError> {
        self.write(key, Some(value.into()), None)
    }

    /// Writes `value` over just what the client has seen: what it has not seen stays beside it, here and everywhere.
    ///
    /// # Errors
    /// Refused, with no change: as [`put`](Self::put); a context of another key; a key that would have more siblings than
    /// [`Config::siblings_max`].
    pub fn put_with_context(
        &mut self,
        key: impl AsRef<str> + Into<Key>,
        value: impl Into<Value>,
        context: &Context,
    ) -> Result<Written, StoreError> {
        self.write(key, Some(value.into()), Some(context))
    }

    /// Deletes all versions of `key` that this node has. A delete is a write: it takes a dot, travels like any other, and
    /// is forgotten once every node has it. Refused as [`put`](Self::put).
    pub fn delete(&mut self, key: impl AsRef<str> + Into<Key>) -> Result<Written, StoreError> {
        self.write(key, None, None)
    }

    /// Deletes just what the client has seen. Refused as [`put_with_context`](Self::put_with_context).
    pub fn delete_with_context(
        &mut self,
        key: impl AsRef<str> + Into<Key>,
        context: &Context,
    ) -> Result<Written, StoreError> {
        self.write(key, None, Some(context))
    }

    pub(in crate::store) fn write(
        &mut self,
        key: impl AsRef<str> + Into<Key>,
        value: Option<Value>,
        context: Option<&Context>,
    ) -> Result<Written, StoreError> {
        self.validator().check_sizes(key.as_ref(), value.as_deref().unwrap_or_default())?;
        if let Some(context) = context {
            self.validator().check_context(key.as_ref(), context)?;
        }
        let LocalWrite { dot, update, context, sibling_count } =
            self.replica.write(key, value, context, self.config.siblings_max)?;
        if self.node_count() == 1 {
            self.collect();
        } else {
            self.peers.keep_hint(&update, &self.config);
            self.outbox.push(None, Message::Update(update), &self.config);
        }
        let crowded = sibling_count >= self.config.siblings_warn;
        Ok(Written { dot, context, sibling_count, crowded })
    }

    /// Takes in an update that came some other way than through [`deliver`](Self::deliver).
    ///
    /// A clock greater than a local one replaces that version, a smaller one is obsolete, an equal one is a duplicate,
    /// and versions whose clocks are concurrent stay side by side. An own entry above what this node ever issued is taken
    /// for its own former write handed back: the counter moves up to it.
    ///
    /// # Errors
    /// Refused, with no change: a clock whose length is no multiple of the number of nodes, or of zeros, or with an entry
    /// of 2^53 or more; a key or value that is too long.
    pub fn receive_update(
        &mut self,
        key: impl Into<Key>,
        value: impl Into<Value>,
        clock: Vec<usize>,
    ) -> Result<Change, StoreError> {
        self.try_receive_update(key.into(), value.into(), &clock)
    }

    fn try_receive_update(&mut self, key: Key, value: Value, clock: &[usize]) -> Result<Change, StoreError> {
        self.validator().check_sizes(&key, &value)?;
        if !clock.len().is_multiple_of(self.node_count()) {
            return Err(StoreError::ClockLength { entries: clock.len(), node_count: self.node_count() });
        }
        let clock: Vec<u64> = clock.iter().map(|&counter| counter as u64).collect();
        let clock = VectorClock::try_from(clock.as_slice())?;
        self.validator().check_clock(&clock)?;
        Ok(self.replica.apply_dotless(&key, value, clock))
    }

    fn validator(&self) -> Validator<'_> {
        Validator { config: &self.config, replica: &self.replica }
    }
}
