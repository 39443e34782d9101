//! The queue of what is yet to happen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::machine::Time;

/// How many bits of a key say where in the slab its event is; the 40 others of the lower half count what was pushed.
const PLACE_BITS: u32 = 24;

/// A priority queue in exact order of time; what is due at the same time comes out in the order in which it went in.
///
/// The heap holds small keys only; the events stay put in a slab until they are due.
#[derive(Debug)]
pub struct EventQueue<E> {
    heap: BinaryHeap<Reverse<Key>>,
    events: Vec<Option<E>>,
    free: Vec<u32>,
    pushed: u64,
}

/// The time, how many were pushed before, and the place in the slab, from the highest bits down: one number in the order
/// of the queue. Comparing keys is most of the queue's work, and one number compares without a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn new(at: Time, sequence: u64, place: u32) -> Self {
        let ticket = sequence << PLACE_BITS | u64::from(place);
        Self(u128::from(at.as_nanos()) << 64 | u128::from(ticket))
    }

    fn at(self) -> Time {
        Time::from_nanos((self.0 >> 64) as u64)
    }

    fn place(self) -> u32 {
        self.0 as u32 & ((1 << PLACE_BITS) - 1)
    }
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), events: Vec::new(), free: Vec::new(), pushed: 0 }
    }
}

impl<E> EventQueue<E> {
    /// The empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `event`, due at `at`; returns how many events were added before it.
    ///
    /// # Panics
    /// With 2^24 events in the queue, or after 2^40 events.
    #[inline]
    pub fn push(&mut self, at: Time, event: E) -> u64 {
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
        let sequence = self.pushed;
        assert!(sequence < 1 << (64 - PLACE_BITS), "expect: a run has less than 2^40 events");
        self.pushed += 1;
        self.heap.push(Reverse(Key::new(at, sequence, place)));
        sequence
    }

    /// Takes out the event that is due first, and the time at which it is due.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let Reverse(key) = self.heap.pop()?;
        self.free.push(key.place());
        let event = self.events[key.place() as usize].take();
        Some((key.at(), event.expect("expect: each key in the heap owns one event")))
    }

    /// When the event that is due first is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(key)| key.at())
    }

    /// How many events are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// True when nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{EventQueue, Key, Time};

    #[test]
    fn order_is_by_time_then_by_arrival() {
        let mut queue = EventQueue::new();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (1, 'b')] {
            queue.push(Time::from_nanos(at), event);
        }
        let out: Vec<char> = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(out, ['a', 'b', 'c', 'd']);
        assert!(queue.is_empty());
    }

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
        let mut queue = EventQueue::new();
        for round in 0..100 {
            queue.push(Time::from_nanos(round), round);
            queue.push(Time::from_nanos(round), round);
            queue.pop();
            queue.pop();
        }
        assert!(queue.events.len() <= 2);
    }
}
