//! The queue of what is yet to happen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::machine::Time;

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

/// Field order is the order of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: Time,
    sequence: u64,
    place: u32,
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
    /// With 2^32 events in the queue.
    #[inline]
    pub fn push(&mut self, at: Time, event: E) -> u64 {
        let place = match self.free.pop() {
            Some(place) => {
                self.events[place as usize] = Some(event);
                place
            }
            None => {
                let place = u32::try_from(self.events.len());
                self.events.push(Some(event));
                place.expect("expect: less than 2^32 events are pending")
            }
        };
        let sequence = self.pushed;
        self.pushed += 1;
        self.heap.push(Reverse(Key { at, sequence, place }));
        sequence
    }

    /// Takes out the event that is due first, and the time at which it is due.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let Reverse(key) = self.heap.pop()?;
        self.free.push(key.place);
        let event = self.events[key.place as usize].take();
        Some((key.at, event.expect("expect: each key in the heap owns one event")))
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
    use super::{EventQueue, Time};

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
