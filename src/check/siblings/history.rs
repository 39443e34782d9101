//! Ghost history: which writes there are, which build on which, and which node has processed which.

use indexmap::{Equivalent, IndexMap, IndexSet};
use smallvec::SmallVec;

use super::write_set::{WriteId, WriteSet};
use crate::causality::Dot;
use crate::kv::{Context, Key, Shown, Sibling, Value, WRITES_USUAL};
use crate::protocol::{NodeId, Time};
use crate::sim::{LostWhy, MessageName, NameRef};

/// Looked up in every step, and never by what an enemy chose.
type Map<K, V> = IndexMap<K, V, foldhash::fast::FixedState>;

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    writes: Vec<Write>,
    /// A key's place here is its number.
    keys: IndexSet<Key, foldhash::fast::FixedState>,
    /// Writes by the number of their key and their value. One map for all keys: a world begins with little to make room for.
    by_value: Map<(usize, Value), WriteId>,
    /// Deletes have no value.
    by_dot: Map<(usize, Dot), WriteId>,
    /// All deletes.
    deletes: Vec<WriteId>,
    /// What each answer of a store has told its client, the latest last.
    told: Vec<(Context, SmallVec<[WriteId; 4]>)>,
    /// Some value was written to a key twice, so that a value does not tell which of two writes is meant.
    repeats: bool,
    /// What each node has processed.
    lives: Vec<Life>,
    /// Messages that never arrived and carried a write; only where messages have names, which is when a failure is told.
    lost: Vec<Loss>,
    /// What nodes said to have seen without having it; only where messages have names.
    claims: Vec<Claim>,
    /// When each node lost its memory last, if it ever did.
    forgot: Vec<(NodeId, Time)>,
}

#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) key: usize,
    /// `None` for a delete.
    pub(super) value: Option<Value>,
    /// The name that the store gave it, as far as it has told.
    pub(super) dot: Option<Dot>,
    pub(super) node: NodeId,
    pub(super) at: Time,
    /// Its client said what it had seen; else it is over all that the node had.
    pub(super) has_context: bool,
    /// *H*: the writes of the same key that it builds on, and itself.
    past: WriteSet,
}

/// What one life of a node has processed.
#[derive(Clone, Debug, Default)]
struct Life {
    /// By number of the key.
    known: Vec<Known>,
    /// Of the first `deletes_noted` deletes of the run those that it has not processed.
    untaken_deletes: Vec<WriteId>,
    deletes_noted: usize,
}

/// What one life of a node has processed of one key.
#[derive(Clone, Debug, Default)]
struct Known {
    /// *Max(R)*, in the order in which they came.
    siblings: SmallVec<[WriteId; 4]>,
    /// How many of them are no deletes.
    live: usize,
    /// *R*, each with the time it first came.
    taken: SmallVec<[(WriteId, Time); 4]>,
    /// The same without the times: whether a write is in there must not cost more the longer the run.
    taken_set: WriteSet,
}

#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) at: Time,
    pub(super) to: NodeId,
    pub(super) write: WriteId,
    pub(super) message: MessageName,
    pub(super) why: LostWhy,
}

/// A node says that it has seen a write which it does not have.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) at: Time,
    pub(super) node: NodeId,
    pub(super) write: WriteId,
    /// What made it say so: `node 1 took 0→1 reply #3`.
    pub(super) how: String,
}

/// A value with the number of its key, borrowed. Hashes as the owned pair does.
#[derive(Hash)]
struct KeyedValue<'a>(usize, &'a [u8]);

impl Equivalent<(usize, Value)> for KeyedValue<'_> {
    fn equivalent(&self, (key, value): &(usize, Value)) -> bool {
        self.0 == *key && self.1 == &**value
    }
}

impl History {
    /// A client writes at `node`: over what `context` tells of, or over all that the node has of the key.
    pub(super) fn write(
        &mut self,
        at: Time,
        node: NodeId,
        key: &Key,
        value: Option<Value>,
        context: Option<&Context>,
    ) -> WriteId {
        if self.writes.is_empty() {
            self.writes.reserve(WRITES_USUAL);
            self.by_value.reserve(WRITES_USUAL);
        }
        let id = WriteId(self.writes.len());
        let key = self.key_number(key);
        match &value {
            Some(value) => {
                self.repeats |= self.by_value.insert((key, value.clone()), id).is_some();
            }
            None => self.deletes.push(id),
        }
        let over = match context {
            None => self.siblings(node, key),
            Some(context) => self.told_by(context),
        };
        let mut past = WriteSet::default();
        past.insert(id);
        for covered in over.iter().filter(|write| self.writes[write.0].key == key) {
            past.insert_all(&self.writes[covered.0].past);
        }
        self.writes.push(Write { key, value, dot: None, node, at, has_context: context.is_some(), past });
        id
    }

    /// The number of a key, new or not.
    pub(super) fn key_number(&mut self, key: &Key) -> usize {
        match self.keys.get_index_of(key) {
            Some(key) => key,
            None => self.keys.insert_full(key.clone()).0,
        }
    }

    /// A store has told a client of `writes`, and calls that `context`.
    pub(super) fn tell(&mut self, context: &Context, writes: &[WriteId]) {
        self.told.push((context.clone(), SmallVec::from_slice(writes)));
    }

    fn told_by(&self, context: &Context) -> &[WriteId] {
        if context.as_bytes().is_empty() {
            return &[];
        }
        let told = self.told.iter().rfind(|told| told.0.is_same(context));
        told.map_or(&[], |told| &told.1)
    }

    /// The store calls `write` by this name.
    pub(super) fn name(&mut self, write: WriteId, dot: Dot) {
        let told = &mut self.writes[write.0];
        told.dot = Some(dot);
        if told.value.is_none() {
            self.by_dot.insert((told.key, dot), write);
        }
    }

    /// `node` says for the first time that it has seen `write`, without having taken it or anything that builds on it.
    pub(super) fn claim(&mut self, claim: Claim) {
        if self.claimed(claim.node, claim.write).is_none() {
            self.claims.push(claim);
        }
    }

    /// When and how this life of `node` came to say that it has seen `write`, without having it.
    pub(super) fn claimed(&self, node: NodeId, write: WriteId) -> Option<&Claim> {
        self.claims.iter().find(|claim| (claim.node, claim.write) == (node, write))
    }

    /// The writes of which `node` has taken neither them nor anything that builds on them, with their names.
    pub(super) fn untaken(&self, node: NodeId) -> Vec<(WriteId, Dot)> {
        let all = (0..self.writes.len()).map(WriteId);
        let named = all.filter_map(|write| Some((write, self.get(write).dot?)));
        let covers = |write: WriteId| {
            let known = self.known(node, self.key_of(write));
            known.is_some_and(|known| known.taken.iter().any(|taken| self.builds_on(taken.0, write)))
        };
        named.filter(|(write, _)| !covers(*write)).collect()
    }

    /// Brings up to date which deletes `node` has not processed; must not be asked for between a delete and its name.
    pub(super) fn note_deletes(&mut self, node: NodeId) {
        let (deletes, writes) = (&self.deletes, &self.writes);
        let Life { known, untaken_deletes, deletes_noted } = Self::life(&mut self.lives, node);
        if untaken_deletes.is_empty() && *deletes_noted == deletes.len() {
            return;
        }
        // One without a name has not happened, or died before anybody was told.
        let named = deletes[*deletes_noted..].iter().filter(|delete| writes[delete.0].dot.is_some());
        untaken_deletes.extend(named);
        *deletes_noted = deletes.len();
        untaken_deletes.retain(|delete| {
            let known = known.get(writes[delete.0].key);
            known.is_none_or(|known| !known.taken_set.contains(*delete))
        });
    }

    /// The deletes that `node` had not processed when they were last brought up to date.
    pub(super) fn untaken_deletes(&self, node: NodeId) -> &[WriteId] {
        self.lives.get(node.index()).map_or(&[], |life| &life.untaken_deletes)
    }

    fn life(lives: &mut Vec<Life>, node: NodeId) -> &mut Life {
        if lives.len() <= node.index() {
            lives.resize_with(node.index() + 1, Life::default);
        }
        &mut lives[node.index()]
    }

    /// `node` has processed `write`.
    pub(super) fn process(&mut self, at: Time, node: NodeId, write: WriteId) {
        let key = self.key_of(write);
        let known = &mut Self::life(&mut self.lives, node).known;
        if known.len() <= key {
            known.resize_with(key + 1, Known::default);
        }
        let (known, writes) = (&mut known[key], &self.writes);
        if known.taken_set.contains(write) {
            return;
        }
        known.taken_set.insert(write);
        known.taken.push((write, at));
        if known.siblings.iter().all(|sibling| !writes[sibling.0].past.contains(write)) {
            known.siblings.retain(|sibling| !writes[write.0].past.contains(*sibling));
            known.siblings.push(write);
            known.live = known.siblings.iter().filter(|write| writes[write.0].value.is_some()).count();
        }
    }

    /// `node` has lost its memory.
    pub(super) fn forget(&mut self, at: Time, node: NodeId) {
        self.forgot.retain(|forgot| forgot.0 != node);
        self.forgot.push((node, at));
        if let Some(life) = self.lives.get_mut(node.index()) {
            *life = Life::default();
        }
        self.claims.retain(|claim| claim.node != node);
    }

    /// A message that carried `write` to `node` never arrived.
    pub(super) fn lose(&mut self, at: Time, to: NodeId, write: WriteId, name: NameRef<'_>, why: LostWhy) {
        if name.number > 0 {
            self.lost.push(Loss { at, to, write, message: name.into_name(), why });
        }
    }

    /// *Max(R)*: what `node` must show of `key`.
    pub(super) fn siblings(&self, node: NodeId, key: usize) -> &[WriteId] {
        self.known(node, key).map_or(&[], |known| &known.siblings)
    }

    /// *Max* of all that any of `nodes` has: what each of them must show of `key` in the end.
    pub(super) fn survivors(&self, nodes: &[NodeId], key: usize) -> SmallVec<[WriteId; 4]> {
        let mut all = SmallVec::<[WriteId; 4]>::new();
        for &write in nodes.iter().flat_map(|node| self.siblings(*node, key)) {
            if !all.contains(&write) {
                all.push(write);
            }
        }
        let is_newest = |write: &WriteId| !all.iter().any(|other| other != write && self.builds_on(*other, *write));
        all.iter().copied().filter(is_newest).collect()
    }

    /// True if `write` was made by a node that had `earlier`, or something that builds on it.
    pub(super) fn builds_on(&self, write: WriteId, earlier: WriteId) -> bool {
        self.writes[write.0].past.contains(earlier)
    }

    pub(super) fn find(&self, key: &str, sibling: Sibling<'_>) -> Option<WriteId> {
        self.find_of(self.keys.get_index_of(key)?, sibling)
    }

    /// As `find`, for the key of this number.
    pub(super) fn find_of(&self, key: usize, sibling: Sibling<'_>) -> Option<WriteId> {
        match sibling.value {
            Some(value) => self.by_value.get(&KeyedValue(key, value)).copied(),
            None => self.by_dot.get(&(key, sibling.dot?)).copied(),
        }
    }

    /// How many siblings `node` must show of `key`, if they are these values, in any order. `None` says nothing.
    pub(super) fn are_siblings(
        &self,
        node: NodeId,
        key: usize,
        each: impl FnOnce(&mut dyn FnMut(Sibling<'_>)),
    ) -> Option<usize> {
        let (siblings, live) = self.known(node, key).map_or((&[][..], 0), |known| (&known.siblings, known.live));
        if self.repeats || siblings.len() > u64::BITS as usize {
            return None;
        }
        let (mut shown, mut differs, mut next) = (0_u64, false, 0);
        let is_written = |write: &WriteId, shown: &[u8]| {
            // Most values are shared, and then there is no need to read them.
            self.get(*write).value.as_deref().is_some_and(|value| std::ptr::eq(value, shown) || value == shown)
        };
        each(&mut |sibling| {
            let Some(value) = sibling.value else {
                differs = true;
                return;
            };
            // Most stores show them in the order in which they came.
            let is_next = siblings.get(next).is_some_and(|write| is_written(write, value));
            let place = if is_next { Some(next) } else { siblings.iter().position(|write| is_written(write, value)) };
            let place = place.filter(|place| shown >> place & 1 == 0);
            differs |= place.is_none();
            shown |= place.map_or(0, |place| 1 << place);
            next = place.map_or(next, |place| place + 1);
        });
        (!differs && shown.count_ones() as usize == live).then_some(live)
    }

    /// Of `writes` those that a read shows: a delete shows nothing.
    pub(super) fn live(&self, writes: &[WriteId]) -> SmallVec<[WriteId; 4]> {
        writes.iter().copied().filter(|write| self.writes[write.0].value.is_some()).collect()
    }

    pub(super) fn get(&self, write: WriteId) -> &Write {
        &self.writes[write.0]
    }

    pub(super) fn key_of(&self, write: WriteId) -> usize {
        self.writes[write.0].key
    }

    pub(super) fn key_name(&self, key: usize) -> &str {
        self.keys.get_index(key).expect("expect: a key's number is its place")
    }

    pub(super) fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The value, or for a delete `delete-1`, `delete-2`, …
    pub(super) fn label(&self, write: WriteId) -> String {
        match &self.writes[write.0].value {
            Some(value) => Shown(value).to_string(),
            None => {
                let number = self.deletes.iter().take_while(|delete| **delete != write).count() + 1;
                format!("delete-{number}")
            }
        }
    }

    /// When this life of `node` first took `write`; `None` if it never did.
    pub(super) fn taken_at(&self, node: NodeId, write: WriteId) -> Option<Time> {
        let taken = &self.known(node, self.key_of(write)).filter(|known| known.taken_set.contains(write))?.taken;
        taken.iter().find(|taken| taken.0 == write).map(|taken| taken.1)
    }

    /// When this life of `node` began with nothing; `None` in its first.
    pub(super) fn forgot_at(&self, node: NodeId) -> Option<Time> {
        self.forgot.iter().find(|forgot| forgot.0 == node).map(|forgot| forgot.1)
    }

    /// The latest message that should have brought `write` to `node` and never arrived.
    pub(super) fn last_loss(&self, node: NodeId, write: WriteId) -> Option<&Loss> {
        self.lost.iter().rfind(|loss| loss.to == node && loss.write == write)
    }

    /// A write of another key that the writer of `earlier` made after it, and that the writer of `write` had taken before:
    /// news of the writer that came without news of `earlier`.
    pub(super) fn news_past(&self, write: WriteId, earlier: WriteId) -> Option<WriteId> {
        let (write, earlier) = (self.get(write), self.get(earlier));
        let later = |other: &Write| other.node == earlier.node && other.at >= earlier.at && other.key != earlier.key;
        let all = (0..self.writes.len()).map(WriteId);
        let mut taken = all.filter(|other| later(self.get(*other)));
        taken.find(|other| self.taken_at(write.node, *other).is_some_and(|at| at <= write.at))
    }

    fn known(&self, node: NodeId, key: usize) -> Option<&Known> {
        self.lives.get(node.index())?.known.get(key)
    }
}
