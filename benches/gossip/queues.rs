//! Queues that this crate does not use, to compare its own with; as simple as they can be and still be fast.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// In exact order of time, and of arrival where times are equal.
pub trait Queue<E>: Default {
    fn push(&mut self, at: u64, event: E);
    fn pop(&mut self) -> Option<(u64, E)>;
}

impl<E> Queue<E> for distributed_data_consistency::sim::EventQueue<E> {
    fn push(&mut self, at: u64, event: E) {
        Self::push(self, distributed_data_consistency::protocol::Time::from_nanos(at), event);
    }

    fn pop(&mut self) -> Option<(u64, E)> {
        Self::pop(self).map(|(at, event)| (at.as_nanos(), event))
    }
}

/// A std heap of whole events.
pub struct Events<E>(BinaryHeap<Reverse<Entry<E>>>, u64);

/// Ordered by its key alone: time, then arrival.
struct Entry<E>(u128, E);

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self(BinaryHeap::new(), 0)
    }
}

impl<E> Queue<E> for Events<E> {
    fn push(&mut self, at: u64, event: E) {
        self.0.push(Reverse(Entry(u128::from(at) << 64 | u128::from(self.1), event)));
        self.1 += 1;
    }

    fn pop(&mut self) -> Option<(u64, E)> {
        self.0.pop().map(|Reverse(Entry(key, event))| ((key >> 64) as u64, event))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E> Eq for Entry<E> {}

/// Events that stay where they are until they are due.
struct Slab<E> {
    events: Vec<Option<E>>,
    free: Vec<u32>,
    pushed: u64,
}

impl<E> Default for Slab<E> {
    fn default() -> Self {
        Self { events: Vec::new(), free: Vec::new(), pushed: 0 }
    }
}

impl<E> Slab<E> {
    /// Stores an event; returns its key: time, arrival, place.
    fn put(&mut self, at: u64, event: E) -> u128 {
        let place = match self.free.pop() {
            Some(place) => {
                self.events[place as usize] = Some(event);
                place
            }
            None => {
                self.events.push(Some(event));
                self.events.len() as u32 - 1
            }
        };
        let key = u128::from(at) << 64 | u128::from(self.pushed << 24) | u128::from(place);
        self.pushed += 1;
        key
    }

    fn take(&mut self, key: u128) -> (u64, E) {
        let place = key as u32 & 0xff_ffff;
        self.free.push(place);
        let event = self.events[place as usize].take().expect("each key owns one event");
        ((key >> 64) as u64, event)
    }
}

/// A std heap of 16-byte keys.
pub struct StdHeap<E>(BinaryHeap<Reverse<u128>>, Slab<E>);

impl<E> Default for StdHeap<E> {
    fn default() -> Self {
        Self(BinaryHeap::new(), Slab::default())
    }
}

impl<E> Queue<E> for StdHeap<E> {
    fn push(&mut self, at: u64, event: E) {
        self.0.push(Reverse(self.1.put(at, event)));
    }

    fn pop(&mut self) -> Option<(u64, E)> {
        self.0.pop().map(|Reverse(key)| self.1.take(key))
    }
}

/// A heap of 16-byte keys with four children each. After a pop the root stays a hole, which the next push fills.
pub struct FourAryHeap<E> {
    keys: Vec<u128>,
    hole: bool,
    slab: Slab<E>,
}

impl<E> Default for FourAryHeap<E> {
    fn default() -> Self {
        Self { keys: Vec::new(), hole: false, slab: Slab::default() }
    }
}

impl<E> FourAryHeap<E> {
    /// Puts `key` where it belongs on the way down from the root.
    fn sink(&mut self, key: u128) {
        let (keys, mut place) = (&mut self.keys[..], 0);
        loop {
            let first = 4 * place + 1;
            let best = match keys.get(first..first + 4) {
                Some(four) => {
                    let left = usize::from(four[1] < four[0]);
                    let right = 2 + usize::from(four[3] < four[2]);
                    first + if four[right] < four[left] { right } else { left }
                }
                None if first < keys.len() => {
                    (first..keys.len()).min_by_key(|place| keys[*place]).expect("there is one at least")
                }
                None => break,
            };
            if key <= keys[best] {
                break;
            }
            keys[place] = keys[best];
            place = best;
        }
        keys[place] = key;
    }

    fn rise(&mut self, key: u128) {
        let mut place = self.keys.len();
        self.keys.push(key);
        while place > 0 && key < self.keys[(place - 1) / 4] {
            self.keys[place] = self.keys[(place - 1) / 4];
            place = (place - 1) / 4;
        }
        self.keys[place] = key;
    }
}

impl<E> Queue<E> for FourAryHeap<E> {
    fn push(&mut self, at: u64, event: E) {
        let key = self.slab.put(at, event);
        if std::mem::take(&mut self.hole) { self.sink(key) } else { self.rise(key) }
    }

    fn pop(&mut self) -> Option<(u64, E)> {
        if std::mem::take(&mut self.hole) {
            let last = self.keys.pop()?;
            if !self.keys.is_empty() {
                self.sink(last);
            }
        }
        let key = *self.keys.first()?;
        self.hole = true;
        Some(self.slab.take(key))
    }
}

/// A bare wheel, for events that are due less than 134 ms ahead of what was popped last, and not in its bucket: no more
/// than the gossip needs.
pub struct Wheel<E> {
    buckets: Vec<Vec<(u32, E)>>,
    /// The bucket that is emptied now.
    now: u64,
    pending: usize,
    /// The events of that bucket, in order of arrival, and where they stand in order of time, the last one first.
    due: Vec<(u32, E)>,
    keys: Vec<u64>,
}

const BUCKET_BITS: u32 = 17;
const BUCKET_COUNT: usize = 1 << 10;

impl<E> Default for Wheel<E> {
    fn default() -> Self {
        let buckets = (0..BUCKET_COUNT).map(|_| Vec::new()).collect();
        Self { buckets, now: 0, pending: 0, due: Vec::new(), keys: Vec::new() }
    }
}

impl<E: Copy> Queue<E> for Wheel<E> {
    fn push(&mut self, at: u64, event: E) {
        let offset = at as u32 & ((1 << BUCKET_BITS) - 1);
        self.buckets[(at >> BUCKET_BITS) as usize % BUCKET_COUNT].push((offset, event));
        self.pending += 1;
    }

    fn pop(&mut self) -> Option<(u64, E)> {
        if self.keys.is_empty() {
            if self.pending == 0 {
                return None;
            }
            self.due.clear();
            while self.buckets[self.now as usize % BUCKET_COUNT].is_empty() {
                self.now += 1;
            }
            std::mem::swap(&mut self.due, &mut self.buckets[self.now as usize % BUCKET_COUNT]);
            self.keys.extend(self.due.iter().zip(0..).map(|((offset, _), place)| u64::from(*offset) << 32 | place));
            self.keys.sort_unstable_by(|a, b| b.cmp(a));
        }
        let key = self.keys.pop()?;
        self.pending -= 1;
        Some((self.now << BUCKET_BITS | key >> 32, self.due[key as u32 as usize].1))
    }
}
