//! The replicated store as a textbook writes it: small, slow, and easy to be sure of.
//!
//! It is here for two reasons. With no [`Bug`] switched on it is right, and shares nothing with the fast store but
//! names ([`Actor`], [`Dot`]) and the contract: two that agree on every run are hardly wrong in the same way. With a
//! bug switched on it is wrong in one well-known way, which a harness must find.
//!
//! Where to look: `rules` decides which versions of a key live, `sync` repairs what the network lost, `machine` makes
//! a node of both, [`Bug`] lists the mistakes, `bug_state` has what only some of them do.
//!
//! ```
//! use distributed_data_consistency::reference_store::ReferenceStore;
//! let mut node = ReferenceStore::new(0, 3);
//! node.put("cart", *b"a");
//! node.receive_update("cart", *b"b", vec![0, 1, 0]);
//! assert_eq!(node.get("cart"), [(b"a".to_vec(), vec![1, 0, 0]), (b"b".to_vec(), vec![0, 1, 0])]);
//! node.put("cart", *b"c");
//! assert_eq!(node.get("cart"), [(b"c".to_vec(), vec![2, 1, 0])]);
//! ```

mod bug;
mod clock;
mod context;
mod machine;
mod merge;
mod message;
mod planted_bugs;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::causality::{Actor, Dot};
use crate::kv::{Key, Value};
use crate::protocol::{Boot, NodeId};

pub use bug::{Bug, UnknownBug};
pub use clock::Clock;
pub use machine::{ReferenceDurable, Timer};
pub use message::{Known, ReferenceMessage, ReferenceVersion, Seen};
use planted_bugs::BugState;
use sync::Knowledge;

/// A node of a replicated key-value store in which concurrent writes survive as siblings.
#[derive(Clone, Debug)]
pub struct ReferenceStore {
    /// How many nodes the cluster has, this one included.
    node_count: usize,
    /// The actor of this incarnation of the node.
    actor: Actor,
    /// How many writes this incarnation has made.
    issued: u64,
    /// The versions of each key, deletes included, in the order in which they came. invariant: no key has none.
    keys: BTreeMap<Key, Vec<ReferenceVersion>>,
    /// The join of all clocks that ever came by. Nothing but [`Bug::NodeWideStamp`] looks at it.
    node_clock: Clock,
    /// What this node has seen, and what it knows that its peers have seen.
    sync: Knowledge,
    /// What only the bugs of faults and limits go by.
    bug_state: BugState,
    /// The mistake that is switched on.
    bug: Option<Bug>,
}

impl ReferenceStore {
    /// An empty node, the `node_id`-th, from 0, of a cluster of `total_nodes`.
    ///
    /// # Panics
    /// If there is no such node.
    #[must_use]
    pub fn new(node_id: usize, total_nodes: usize) -> Self {
        assert!(node_id < total_nodes, "expect: node {node_id} is one of {total_nodes} nodes, counted from 0");
        let boot = Boot::new(NodeId::new(node_id), total_nodes, ReferenceDurable::default());
        Self::boot(boot, None)
    }

    /// An empty node that begins an incarnation, at first or after a crash; `bug` is the mistake that it is to make.
    ///
    /// Plans may shake `part_length`, how many versions there are in one part of an answer, and with [`Bug::ShortLog`] `log_max`,
    /// how many names its log holds.
    ///
    /// # Panics
    /// If the cluster has 2^32 nodes or more.
    #[must_use]
    pub fn boot(boot: Boot<ReferenceDurable>, bug: Option<Bug>) -> Self {
        let node = u32::try_from(boot.id.index()).expect("expect: a cluster has less than 2^32 nodes");
        Self {
            node_count: boot.node_count,
            actor: Actor { incarnation: boot.durable.next_incarnation, node },
            issued: 0,
            keys: BTreeMap::new(),
            node_clock: Clock::default(),
            sync: Knowledge::default(),
            bug_state: BugState::of(&boot, bug),
            bug,
        }
    }

    /// Writes `value` over all siblings that this node has of `key`. Returns the name of the write, or `None`, with
    /// nothing changed, when this incarnation of the node has used up its 2^53 − 1 counters.
    ///
    /// This is the plain interface, without a network: nobody is told.
    pub fn put(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Option<Dot> {
        self.write(&key.into(), Some(value.into()), None).ok().map(|(dot, _)| dot)
    }

    /// All siblings of `key` with their clocks, in the order in which they came.
    ///
    /// Entry `i` of a clock belongs to the actor of slot `i`; a clock is padded with zeros to a multiple of the number
    /// of nodes.
    #[must_use]
    pub fn get(&self, key: impl AsRef<str>) -> Vec<(Vec<u8>, Vec<usize>)> {
        let plain = |version: &ReferenceVersion| {
            Some((version.value.as_ref()?.to_vec(), version.clock.to_plain(self.node_count)))
        };
        self.versions(key.as_ref()).iter().filter_map(plain).collect()
    }

    /// Takes in a version that was written elsewhere, with its clock as [`get`](Self::get) writes it.
    ///
    /// A clock that is none (its length is not a multiple of the number of nodes, all of it is 0, or an entry is 2^53
    /// or more) changes nothing. An own entry above what this node has issued, in this incarnation or a later one, is a former
    /// write of its own handed back: the counter moves up to it, so that the dot is never used again.
    pub fn receive_update(&mut self, key: impl Into<Key>, value: impl Into<Value>, clock: Vec<usize>) {
        let Some(clock) = Clock::from_plain(&clock, self.node_count) else { return };
        if let Some(latest) = clock.entries().rfind(|(actor, _)| actor.node == self.actor.node) {
            (self.actor, self.issued) = latest.max((self.actor, self.issued));
        }
        // A plain clock does not tell which of its entries is the write's own.
        let version = ReferenceVersion { dot: None, clock, past: BTreeSet::new(), value: Some(value.into()) };
        self.apply(&key.into(), version);
    }

    /// Removes all siblings that this node has of `key`. Returns the name of the delete, as [`put`](Self::put) does.
    pub fn delete(&mut self, key: impl Into<Key>) -> Option<Dot> {
        self.write(&key.into(), None, None).ok().map(|(dot, _)| dot)
    }

    /// The versions of `key`, deletes included.
    fn versions(&self, key: &str) -> &[ReferenceVersion] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }
}
