//! The keys of a node, each with what the node holds of it, in the order in which they came.
//!
//! With a million keys whatever is looked at waits for memory: the index, the slot, then the value. So the index is one list of
//! eight bytes a place, and a slot begins with its key's first bytes: to find a short key nobody goes to the allocation of its
//! text.

mod index;
#[cfg(test)]
mod tests;

use index::Index;

use super::entry::Entry;
use crate::kv::Key;

/// So many keys are gone through one by one, without an index.
const FEW: usize = 8;
/// Room is made for so many keys at least.
const ROOM_MIN: usize = 4;
/// So many bytes of a key lie in its slot.
const START_BYTES: usize = 16;

/// From keys to entries. Nothing that can be seen depends on the hasher.
#[derive(Debug, Default)]
pub(super) struct Keys {
    slots: Vec<Slot>,
    /// Where in `slots` each key is; `None` as long as they are few.
    index: Option<Index>,
}

/// A key, and what is held of it. Two lines of the cache, of which the first tells whether it is the right one.
#[derive(Debug)]
#[repr(C)]
struct Slot {
    start: [u8; START_BYTES],
    key: Key,
    entry: Entry,
}

impl Slot {
    fn new(key: Key) -> Self {
        let mut start = [0; START_BYTES];
        let length = key.len().min(START_BYTES);
        start[..length].copy_from_slice(&key.as_bytes()[..length]);
        Self { start, key, entry: Entry::default() }
    }

    #[inline]
    fn is_of(&self, key: &str) -> bool {
        // The length lies beside the pointer.
        self.key.len() == key.len()
            && match self.start.get(..key.len()) {
                Some(whole) => whole == key.as_bytes(),
                None => *self.key == *key,
            }
    }
}

impl Keys {
    /// The place of a key: good until a key is taken away.
    #[inline]
    pub(super) fn place_of(&self, key: &str) -> Option<usize> {
        match &self.index {
            None => self.slots.iter().position(|slot| slot.is_of(key)),
            Some(index) => index.find(key, |place| self.slots[place].is_of(key)),
        }
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

    pub(super) fn at_mut(&mut self, place: usize) -> &mut Entry {
        &mut self.slots[place].entry
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
            None if place < FEW => {}
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
        self.slots.push(Slot::new(key));
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
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.slots.iter().map(|slot| (&slot.key, &slot.entry))
    }
}
