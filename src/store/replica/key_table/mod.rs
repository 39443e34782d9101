//! The keys of a node, each with what the node holds of it, in the order in which they came.
//!
//! With a million keys whatever is looked at waits for memory: the index, the slot, then the value. So the index is one list of
//! eight bytes a place, and a short key lies in its slot.

mod index;
#[cfg(test)]
mod tests;

use index::Index;

use super::entry::Entry;
use crate::kv::Key;

/// So many keys are gone through one by one, without an index.
const FEW: usize = 8;
/// Two keys of one length, and this or less, are the same if their heads are.
const HEAD_BYTES: usize = 8;
/// Room is made for so many keys at least.
const ROOM_MIN: usize = 4;

/// From keys to entries. Nothing that can be seen depends on the hasher.
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    slots: Vec<Slot>,
    /// The heads of the keys, as long as they are few.
    heads: [u64; FEW],
    /// Where in `slots` each key is; `None` as long as they are few.
    index: Option<Index>,
    /// invariant: how many tombstones the entries hold. Checks ask after each step.
    tombstones: usize,
    /// invariant: how many versions without a dot the entries hold.
    dotless: usize,
}

/// A key, and what is held of it.
#[derive(Debug)]
struct Slot {
    key: Key,
    entry: Entry,
}

impl Slot {
    #[inline]
    fn is_of(&self, key: &str) -> bool {
        self.key.as_str() == key
    }
}

/// The first four bytes of a key and its last four: all of a short one, and nearly always enough to tell a long one from others.
#[inline]
fn head(key: &str) -> u64 {
    match (key.as_bytes().first_chunk(), key.as_bytes().last_chunk()) {
        (Some(first), Some(last)) => u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)),
        _ => key.bytes().fold(0, |head, byte| head << 8 | u64::from(byte)),
    }
}

impl KeyTable {
    /// The place of a key: good until a key is taken away.
    #[inline]
    pub(super) fn place_of(&self, key: &str) -> Option<usize> {
        match &self.index {
            None => self.place_among_few(key),
            Some(index) => index.find(key, |place| self.slots[place].is_of(key)),
        }
    }

    #[inline]
    fn place_among_few(&self, key: &str) -> Option<usize> {
        let head = head(key);
        let is_it = |slot: &Slot| slot.key.len() == key.len() && (key.len() <= HEAD_BYTES || slot.is_of(key));
        self.slots.iter().zip(&self.heads).position(|(slot, its)| *its == head && is_it(slot))
    }

    #[inline]
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.place_of(key).map(|place| &self.slots[place].entry)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.place_of(key).map(|place| &mut self.slots[place].entry)
    }

    /// What is held of the key at this place.
    pub(super) fn at(&self, place: usize) -> &Entry {
        &self.slots[place].entry
    }

    /// To learn of the key at this place; whatever adds or drops versions goes through [`change`](Self::change).
    pub(super) fn at_mut(&mut self, place: usize) -> &mut Entry {
        &mut self.slots[place].entry
    }

    /// Changes what is held of the key at this place, and counts what the change leaves. An entry that is empty then goes.
    pub(super) fn change<T>(&mut self, place: usize, change: impl FnOnce(&mut Entry) -> T) -> T {
        let entry = &mut self.slots[place].entry;
        let (dotless, tombstones) = (entry.dotless_count(), entry.tombstones().len());
        let done = change(entry);
        self.dotless = self.dotless + entry.dotless_count() - dotless;
        self.tombstones = self.tombstones + entry.tombstones().len() - tombstones;
        if entry.is_empty() {
            self.remove_at(place);
        }
        done
    }

    pub(super) fn tombstone_count(&self) -> usize {
        self.tombstones
    }

    pub(super) fn dotless_count(&self) -> usize {
        self.dotless
    }

    pub(super) fn key_at(&self, place: usize) -> &Key {
        &self.slots[place].key
    }

    /// Makes an entry for a key that is not there, and returns its place.
    pub(super) fn add(&mut self, key: Key) -> usize {
        let place = self.slots.len();
        if place == self.slots.capacity() {
            // Left to itself the list would take room for as many more.
            self.slots.reserve_exact(ROOM_MIN.max(place / 8));
        }
        match &mut self.index {
            Some(index) => index.insert(&key, place),
            None if place < FEW => self.heads[place] = head(&key),
            none => {
                let mut index = Index::default();
                self.slots
                    .iter()
                    .map(|slot| &slot.key)
                    .chain([&key])
                    .enumerate()
                    .for_each(|(place, key)| index.insert(key, place));
                *none = Some(index);
            }
        }
        self.slots.push(Slot { key, entry: Entry::default() });
        place
    }

    /// Takes away the key at this place; the last one takes the place.
    pub(super) fn remove_at(&mut self, place: usize) {
        if let Some(index) = &mut self.index {
            index.remove(&self.slots[place].key, place);
            let last = self.slots.len() - 1;
            if place < last {
                index.replace(&self.slots[last].key, last, place);
            }
        }
        self.slots.swap_remove(place);
        if self.slots.len() < FEW {
            self.heads[place] = self.heads[self.slots.len()];
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.slots.iter().map(|slot| (&slot.key, &slot.entry))
    }
}
