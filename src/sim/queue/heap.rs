//! A binary heap of small keys; the events stay put in a slab until they are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::protocol::Time;

/// How many bits of a key say where in the slab its event is; the 40 others of the lower half count what was pushed.
const PLACE_BITS: u32 = 24;

#[derive(Debug)]
pub(super) struct Heap<E> {
    keys: BinaryHeap<Reverse<Key>>,
    events: Vec<Option<E>>,
    free: Vec<u32>,
}

/// The time, how many were pushed before, and the place in the slab, from the highest bits down: one number in the order
/// of the queue. Comparing keys is most of the heap's work, and one number compares without a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u128);

impl Key {
    #[inline]
    pub(super) fn new(at: Time, sequence: u64, place: u32) -> Self {
        let ticket = sequence << PLACE_BITS | u64::from(place);
        Self(u128::from(at.as_nanos()) << 64 | u128::from(ticket))
    }

    #[inline]
    pub(super) fn at(self) -> Time {
        Time::from_nanos((self.0 >> 64) as u64)
    }

    fn place(self) -> u32 {
        self.0 as u32 & ((1 << PLACE_BITS) - 1)
    }
}

impl<E> Heap<E> {
    pub(super) fn new() -> Self {
        Self { keys: BinaryHeap::new(), events: Vec::new(), free: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.events.clear();
        self.free.clear();
    }

    #[inline]
    pub(super) fn first(&self) -> Option<Key> {
        self.keys.peek().map(|Reverse(key)| *key)
    }

    /// Adds `event`, pushed after `sequence` others.
    pub(super) fn push(&mut self, at: Time, sequence: u64, event: E) {
        let place = match self.free.pop() {
            Some(place) => {
                self.events[place as usize] = Some(event);
                place
            }
            None => {
                let place = self.events.len();
                assert!(place < 1 << PLACE_BITS, "expect: less than 2^24 events are pending");
                self.events.push(Some(event));
                place as u32
            }
        };
        assert!(sequence < 1 << (64 - PLACE_BITS), "expect: a run has less than 2^40 events");
        self.keys.push(Reverse(Key::new(at, sequence, place)));
    }

    /// The event that is due first: when, and where it is; whoever asks must take it.
    pub(super) fn pop(&mut self) -> Option<(Time, &mut Option<E>)> {
        let Reverse(key) = self.keys.pop()?;
        self.free.push(key.place());
        Some((key.at(), &mut self.events[key.place() as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::{Heap, Key, Time};

    #[test]
    fn keys_hold_what_they_are_made_of() {
        let (time_last, sequence_last, place_last) = (Time::from_nanos(u64::MAX), (1 << 40) - 1, (1 << 24) - 1);
        for (at, sequence, place) in [(Time::ZERO, sequence_last, 0), (time_last, 0, place_last)] {
            let key = Key::new(at, sequence, place);
            assert_eq!((key.at(), key.place()), (at, place));
        }
        assert!(Key::new(Time::ZERO, sequence_last, place_last) < Key::new(Time::from_nanos(1), 0, 0));
        assert!(Key::new(time_last, 0, place_last) < Key::new(time_last, 1, 0));
    }

    #[test]
    fn places_are_used_again() {
        let mut heap = Heap::new();
        for round in 0..100 {
            heap.push(Time::from_nanos(round), round, round);
            heap.push(Time::from_nanos(round), round, round);
            for _ in 0..2 {
                assert_eq!(heap.pop().map(|(at, event)| (at.as_nanos(), event.take())), Some((round, Some(round))));
            }
        }
        assert!(heap.events.len() <= 2);
    }
}
