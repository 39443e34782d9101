//! One node, shared by many threads.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smallvec::SmallVec;

use super::locks::{Arc, Mutex, RwLock};
use crate::kv::{Key, Value};
use crate::protocol::NodeId;
use crate::store::{Change, Config, Context, Envelope, Node, Processed, Read, Retained, StoreError, Version, Written};

/// Reads of different shards do not meet. Loom tries all interleavings, so there it has few.
const SHARD_COUNT: usize = if cfg!(loom) { 1 } else { 64 };

/// The keys whose versions may have changed.
type Changed = SmallVec<[Key; 1]>;

type Hasher = foldhash::fast::RandomState;

/// What a read shows of the keys of one shard. In no order, for nobody walks through it. A reader holds what is shown of its key, and not
/// the lock, while it looks: its count lies beside the key and the versions, so to hold it touches no other line of memory (to copy
/// the versions would touch the count of each value).
/// Locks that shared a line of the cache would make readers of different shards wait for each other.
#[derive(Debug)]
#[repr(align(128))]
struct Shard(RwLock<HashTable<std::sync::Arc<Shown>>>);

/// What a read shows of one key.
#[derive(Clone, Debug)]
struct Shown {
    key: Key,
    versions: SmallVec<[Version; 1]>,
}

/// A handle to one [`Node`], for as many threads as there are: clones are handles to the same node.
///
/// A write is one atomic step: its counter, its stamp and its place among the versions are taken under one lock, and whoever
/// sees its name in what the node has seen also sees it, or what overwrites it, in a read. Reads take none of that lock: they
/// look at an index of their own, which each change of a key brings up to date before the change is over. So a read never waits
/// for the network, nor for a write of a key in another shard. The index holds no values of its own, only references.
/// Code of yours is never called while a lock of the index is held.
///
/// ```
/// use std::thread;
/// use distributed_data_consistency::SharedNode;
///
/// let node = SharedNode::new(0, 3);
/// thread::scope(|scope| {
///     for writer in 0..4 {
///         let node = node.clone();
///         scope.spawn(move || node.put(format!("key-{writer}"), b"v".to_vec()).unwrap());
///     }
/// });
/// assert_eq!(node.get("key-3").len(), 1);
/// assert_eq!(node.drain_outbox().len(), 8, "four updates, each for two peers");
/// ```
#[derive(Clone, Debug)]
pub struct SharedNode(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: NodeId,
    node_count: usize,
    node: Mutex<Node>,
    /// invariant: whenever `node` is not locked, each shows what the node shows of its keys.
    shards: Box<[Shard]>,
    /// Which shard a key is in, and where there.
    hasher: Hasher,
    /// The planted bug: shows a change only after the lock is given back, as a second step.
    #[cfg(loom)]
    torn: bool,
}

impl SharedNode {
    /// Node `node_id` of a cluster of `total_nodes`, empty, in its first incarnation.
    ///
    /// # Panics
    /// As [`Node::new`].
    #[must_use]
    pub fn new(node_id: usize, total_nodes: usize) -> Self {
        Self::from(Node::new(node_id, total_nodes))
    }

    /// As [`new`](Self::new).
    ///
    /// # Errors
    /// As [`Node::try_new`].
    pub fn try_new(node_id: usize, total_nodes: usize) -> Result<Self, StoreError> {
        Node::try_new(node_id, total_nodes).map(Self::from)
    }

    /// As [`Node::with_config`].
    ///
    /// # Errors
    /// As [`Node::with_config`].
    pub fn with_config(
        node_id: usize,
        total_nodes: usize,
        incarnation: u32,
        config: Config,
    ) -> Result<Self, StoreError> {
        Node::with_config(node_id, total_nodes, incarnation, config).map(Self::from)
    }

    /// A node whose writes are two steps, not one: the models must find it.
    #[cfg(loom)]
    #[must_use]
    pub fn torn(node_id: usize, total_nodes: usize) -> Self {
        let mut shared = Self::new(node_id, total_nodes);
        Arc::get_mut(&mut shared.0).expect("expect: it has just been made").torn = true;
        shared
    }

    /// This node's place in the cluster.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.0.id
    }

    /// As [`Node::put`].
    pub fn put(&self, key: impl Into<Key>, value: impl Into<Value>) -> Result<Written, StoreError> {
        let value = value.into();
        self.change_key(key.into(), |node, key| node.put(key, value))
    }

    /// As [`Node::put_with_context`].
    pub fn put_with_context(
        &self,
        key: impl Into<Key>,
        value: impl Into<Value>,
        context: &Context,
    ) -> Result<Written, StoreError> {
        let value = value.into();
        self.change_key(key.into(), |node, key| node.put_with_context(key, value, context))
    }

    /// As [`Node::delete`].
    pub fn delete(&self, key: impl Into<Key>) -> Result<Written, StoreError> {
        self.change_key(key.into(), |node, key| node.delete(key))
    }

    /// As [`Node::delete_with_context`].
    pub fn delete_with_context(&self, key: impl Into<Key>, context: &Context) -> Result<Written, StoreError> {
        self.change_key(key.into(), |node, key| node.delete_with_context(key, context))
    }

    /// As [`Node::get`]. Copies what it returns; [`read`](Self::read) does not.
    #[must_use]
    pub fn get(&self, key: impl AsRef<str>) -> Vec<(Vec<u8>, Vec<usize>)> {
        let node_count = self.0.node_count;
        self.read(key.as_ref(), |versions| versions.iter().map(|version| version.to_plain(node_count)).collect())
    }

    /// Looks at all versions of `key` at one moment. No value is copied: versions share what they hold. Nobody waits for `look`, and no
    /// lock is held while it looks: it may take its time, and may read and write itself.
    ///
    /// ```
    /// use distributed_data_consistency::SharedNode;
    ///
    /// let node = SharedNode::new(0, 1);
    /// node.put("log", *b"one")?;
    /// node.read("log", |versions| node.put("copy", versions[0].value.clone()))?;
    /// assert_eq!(node.get("copy")[0].0, b"one");
    /// # Ok::<(), distributed_data_consistency::store::StoreError>(())
    /// ```
    pub fn read<T>(&self, key: &str, look: impl FnOnce(&[Version]) -> T) -> T {
        let hash = self.0.hasher.hash_one(key);
        let shown = self.shard(hash).0.read().find(hash, |shown| *shown.key == *key).cloned();
        look(shown.as_ref().map_or(&[], |shown| &shown.versions))
    }

    /// As [`Node::get_with_context`]. Takes the lock of writes, for the context must tell of just what is returned.
    #[must_use]
    pub fn get_with_context(&self, key: &str) -> Read {
        self.0.node.lock().get_with_context(key)
    }

    /// As [`Node::receive_update`].
    pub fn receive_update(
        &self,
        key: impl Into<Key>,
        value: impl Into<Value>,
        clock: Vec<usize>,
    ) -> Result<Change, StoreError> {
        let value = value.into();
        self.change_key(key.into(), |node, key| node.receive_update(key, value, clock))
    }

    /// As [`Node::deliver`].
    ///
    /// # Errors
    /// As [`Node::deliver`].
    pub fn deliver(&self, envelope: Envelope) -> Result<(), StoreError> {
        self.0.node.lock().deliver(envelope)
    }

    /// As [`Node::process_messages`]. Readers go on meanwhile.
    pub fn process_messages(&self) -> Processed {
        self.change(|node, changed| {
            node.process_messages_and_tell(&mut |key| {
                // What one message does to a key it does in a row: such a key is noted once.
                if changed.last() != Some(key) {
                    changed.push(key.clone());
                }
            })
        })
    }

    /// As [`Node::start_sync`].
    pub fn start_sync(&self, peer: impl Into<NodeId>) -> Result<(), StoreError> {
        self.0.node.lock().start_sync(peer)
    }

    /// As [`Node::drain_outbox`].
    #[must_use]
    pub fn drain_outbox(&self) -> std::vec::IntoIter<Envelope> {
        self.0.node.lock().drain_outbox()
    }

    /// As [`Node::retained`].
    #[must_use]
    pub fn retained(&self) -> Retained {
        self.0.node.lock().retained()
    }

    /// Looks at the node itself: all that is seen is of one moment. Writes wait meanwhile. `look` may [`read`](Self::read) and
    /// [`get`](Self::get) from this handle and its clones; for all else it asks the node that it is given.
    ///
    /// # Panics
    /// If `look` calls anything else of this node's handles: it would wait for itself for ever.
    pub fn with<T>(&self, look: impl FnOnce(&Node) -> T) -> T {
        look(&self.0.node.lock())
    }

    /// As [`change`](Self::change), of one key.
    fn change_key<T>(&self, key: Key, change: impl FnOnce(&mut Node, Key) -> T) -> T {
        self.change(|node, changed| {
            changed.push(key.clone());
            change(node, key)
        })
    }

    /// Changes the node, which notes the keys that it changes, and shows them before anybody else can change it, or look at what it
    /// has seen.
    fn change<T>(&self, change: impl FnOnce(&mut Node, &mut Changed) -> T) -> T {
        let mut node = self.0.node.lock();
        let mut changed = Changed::new();
        let result = change(&mut node, &mut changed);
        let changed: SmallVec<[_; 1]> =
            changed.into_iter().map(|key| (SmallVec::from(node.versions(&key)), key)).collect();
        #[cfg(loom)]
        let _node = if self.0.torn {
            drop(node);
            None
        } else {
            Some(node)
        };
        for (versions, key) in changed {
            let hasher = &self.0.hasher;
            let hash = hasher.hash_one(&*key);
            let mut shard = self.shard(hash).0.write();
            let shown = shard.entry(hash, |shown| shown.key == key, |shown| hasher.hash_one(&*shown.key));
            match shown {
                Entry::Occupied(shown) if versions.is_empty() => drop(shown.remove()),
                // In its place, unless a reader looks at what was there.
                Entry::Occupied(mut shown) => std::sync::Arc::make_mut(shown.get_mut()).versions = versions,
                Entry::Vacant(_) if versions.is_empty() => {}
                Entry::Vacant(place) => drop(place.insert(std::sync::Arc::new(Shown { key, versions }))),
            }
        }
        result
    }

    /// The bits of the hash that choose the shard are none of those that choose a place in it.
    fn shard(&self, hash: u64) -> &Shard {
        &self.0.shards[(hash >> 32) as usize % SHARD_COUNT]
    }
}

impl From<Node> for SharedNode {
    fn from(node: Node) -> Self {
        let shards = (0..SHARD_COUNT).map(|_| Shard(RwLock::new(HashTable::new()))).collect();
        let inner = Inner {
            id: node.id(),
            node_count: node.node_count(),
            node: Mutex::new(node),
            shards,
            hasher: Hasher::default(),
            #[cfg(loom)]
            torn: false,
        };
        let shared = Self(Arc::new(inner));
        shared.change(|node, changed| changed.extend(node.keys().cloned()));
        shared
    }
}
