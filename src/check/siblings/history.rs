//! Ghost history: which writes there are, which build on which, and which node has processed which.

use indexmap::Equivalent;
use smallvec::SmallVec;

use super::incarnation::{Claim, Incarnation, Known};
use super::places::{PlaceSet, PlaceSets};
use super::write::{Loss, Write};
use super::write_set::{Map, Met, WriteId};
use crate::causality::Dot;
use crate::kv::{ClientContext, Key, Shown, Sibling, Value, WRITES_USUAL};
use crate::protocol::{NodeId, Time};
use crate::sim::{LostWhy, NameRef};

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    writes: Vec<Write>,
    /// How many writes there are of each key; a key's place here is its number.
    keys: Map<Key, usize>,
    /// What the pasts of writes are made of.
    sets: PlaceSets,
    /// Writes by the number of their key and their value. One map for all keys: a world begins with little to make room for.
    by_value: Map<(usize, Value), WriteId>,
    /// Deletes have no value.
    by_dot: Map<(usize, Dot), WriteId>,
    /// All deletes.
    deletes: Vec<WriteId>,
    /// What each answer of a store has told its client, by where its context lies. Holds the contexts, so that no other comes to lie
    /// there.
    told: Map<usize, (ClientContext, SmallVec<[WriteId; 4]>)>,
    /// Some value was written to a key twice, so that a value does not tell which of two writes is meant.
    repeats: bool,
    /// What each node has processed.
    incarnations: Vec<Incarnation>,
    /// Messages that never arrived and carried a write; only where messages have names, which is when a failure is told.
    lost: Vec<Loss>,
    /// Reused when survivors are counted.
    met: Met,
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
        context: Option<&ClientContext>,
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
        let over = SmallVec::<[WriteId; 4]>::from_slice(over);
        let mut past = PlaceSet::default();
        for covered in over.iter().map(|write| &self.writes[write.0]).filter(|covered| covered.key == key) {
            let theirs = self.sets.with(covered.past, covered.place);
            past = self.sets.union(past, theirs);
        }
        let place = self.keys[key];
        self.keys[key] += 1;
        self.writes.push(Write { key, place, value, dot: None, node, at, has_context: context.is_some(), past });
        id
    }

    /// The number of a key, new or not.
    pub(super) fn key_number(&mut self, key: &Key) -> usize {
        match self.keys.get_index_of(key) {
            Some(key) => key,
            None => self.keys.insert_full(key.clone(), 0).0,
        }
    }

    /// A store has told a client of `writes`, and calls that `context`.
    pub(super) fn tell(&mut self, context: &ClientContext, writes: &[WriteId]) {
        if self.told.is_empty() {
            self.told.reserve(WRITES_USUAL);
        }
        self.told.insert(context.address(), (context.clone(), SmallVec::from_slice(writes)));
    }

    fn told_by(&self, context: &ClientContext) -> &[WriteId] {
        if context.as_bytes().is_empty() {
            return &[];
        }
        self.told.get(&context.address()).map_or(&[], |told| &told.1)
    }

    /// The store calls `write` by this name.
    pub(super) fn name(&mut self, write: WriteId, dot: Dot) {
        let told = &mut self.writes[write.0];
        told.dot = Some(dot);
        if told.value.is_none() {
            self.by_dot.insert((told.key, dot), write);
        }
    }

    /// The writes that `node` says for the first time to have seen, without having taken them or anything that builds on them.
    pub(super) fn new_claims(&mut self, node: NodeId, has_seen: impl Fn(Dot) -> bool) -> SmallVec<[WriteId; 4]> {
        Self::incarnation(&mut self.incarnations, node).new_claims(&self.writes, &self.sets, has_seen)
    }

    pub(super) fn claim(&mut self, node: NodeId, claim: Claim) {
        Self::incarnation(&mut self.incarnations, node).claims.insert(claim.write, claim);
    }

    /// When and how this incarnation of `node` came to say that it has seen `write`, without having it.
    pub(super) fn claimed(&self, node: NodeId, write: WriteId) -> Option<&Claim> {
        self.incarnations.get(node.index())?.claims.get(&write)
    }

    /// The deletes that `node` has not processed, each with its key and its name.
    pub(super) fn untaken_deletes(&mut self, node: NodeId) -> impl Iterator<Item = (WriteId, &str, Dot)> {
        let (writes, keys) = (&self.writes, &self.keys);
        let untaken = Self::incarnation(&mut self.incarnations, node).untaken_deletes(&self.deletes, writes);
        untaken.iter().filter_map(|delete| {
            let Write { key, dot, .. } = &writes[delete.0];
            Some((*delete, keys.get_index(*key)?.0.as_str(), (*dot)?))
        })
    }

    fn incarnation(incarnations: &mut Vec<Incarnation>, node: NodeId) -> &mut Incarnation {
        if incarnations.len() <= node.index() {
            incarnations.resize_with(node.index() + 1, Incarnation::default);
        }
        &mut incarnations[node.index()]
    }

    /// `node` has processed `write`.
    pub(super) fn process(&mut self, at: Time, node: NodeId, write: WriteId) {
        Self::incarnation(&mut self.incarnations, node).process(at, write, &self.writes, &self.sets);
    }

    /// `node` has lost its memory.
    pub(super) fn forget(&mut self, at: Time, node: NodeId) {
        *Self::incarnation(&mut self.incarnations, node) = Incarnation::begun(at);
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
    pub(super) fn survivors(&mut self, nodes: &[NodeId], key: usize) -> SmallVec<[WriteId; 4]> {
        let mut all = SmallVec::<[WriteId; 4]>::new();
        self.met.clear();
        for node in nodes {
            let siblings = self.incarnations.get(node.index()).and_then(|incarnation| incarnation.known(key));
            let siblings = siblings.into_iter().flat_map(|known| known.siblings.iter().copied());
            all.extend(siblings.filter(|write| self.met.meet(write.0)));
        }
        let pasts = all.iter().map(|write| self.writes[write.0].past);
        let past = pasts.fold(PlaceSet::default(), |all, past| self.sets.union(all, past));
        all.retain(|write| !self.sets.contains(past, self.writes[write.0].place));
        all
    }

    /// True if `write` was made by a node that had `earlier`, or something that builds on it; or is `earlier`.
    pub(super) fn builds_on(&self, write: WriteId, earlier: WriteId) -> bool {
        let (of, before) = (&self.writes[write.0], &self.writes[earlier.0]);
        write == earlier || of.key == before.key && self.sets.contains(of.past, before.place)
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
        self.keys.get_index(key).expect("expect: a key's number is its place").0
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

    /// When this incarnation of `node` first took `write`; `None` if it never did.
    pub(super) fn taken_at(&self, node: NodeId, write: WriteId) -> Option<Time> {
        self.incarnations.get(node.index())?.taken_at(write, self.get(write))
    }

    /// When this incarnation of `node` began with nothing; `None` in its first.
    pub(super) fn forgot_at(&self, node: NodeId) -> Option<Time> {
        self.incarnations.get(node.index())?.began
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
        let taken = self.incarnations.get(write.node.index())?.taken();
        let before = taken.filter(|(other, at)| *at <= write.at && later(self.get(*other)));
        before.map(|(other, _)| other).min()
    }

    fn known(&self, node: NodeId, key: usize) -> Option<&Known> {
        self.incarnations.get(node.index())?.known(key)
    }
}
