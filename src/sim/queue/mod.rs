//! The queue of what is yet to happen.
//!
//! What is due soon is in a [wheel](wheel); what is due later than the wheel reaches, or before its next bucket, is in a
//! [heap](heap). Taken together they are in exact order. `ARCHITECTURE.md` has the figures that speak for this.

mod heap;
#[cfg(test)]
mod tests;
mod wheel;

use crate::protocol::Time;
use heap::{Heap, Key};
use wheel::{Wheel, bucket_of};

/// A priority queue in exact order of time; what is due at the same time comes out in the order in which it went in.
///
/// A push and a pop together take about as long with a hundred thousand events pending as with ten, if most are pushed
/// less than an eighth of a second ahead; those further ahead cost what a heap costs. Memory is kept and used again:
/// once the queue has been as full as it gets, it allocates nothing.
#[derive(Debug)]
pub struct EventQueue<E> {
    wheel: Wheel<E>,
    /// What came too early or too late for the wheel.
    heap: Heap<E>,
    pushed: u64,
    popped: u64,
    /// How many events had been pushed when the wheel's bucket that is emptied now was closed. Of two events due at the
    /// same time, one in that bucket and one in the heap, the one in the heap is older if it was pushed before that: it
    /// was pushed when the wheel did not reach so far yet.
    closed_at: u64,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self { wheel: Wheel::new(), heap: Heap::new(), pushed: 0, popped: 0, closed_at: 0 }
    }
}

impl<E> EventQueue<E> {
    /// The empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `event`, due at `at`.
    ///
    /// # Panics
    /// With 2^24 events in the queue, or after 2^40 events.
    #[inline]
    pub fn push(&mut self, at: Time, event: E) {
        let sequence = self.pushed;
        self.pushed += 1;
        if self.wheel.reaches(at) {
            self.wheel.push(at, event);
        } else {
            self.heap.push(at, sequence, event);
        }
    }

    /// Takes out the event that is due first, and the time at which it is due.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        if self.wheel.due().is_none() {
            if let Some(alone) = self.pop_alone() {
                return Some(alone);
            }
            self.close_next();
        }
        let (at, event) = match (self.wheel.due(), self.heap.first()) {
            (None, None) => return None,
            (Some(at), Some(first)) if first >= Key::new(at, self.closed_at, 0) => (at, self.wheel.pop()),
            (Some(at), None) => (at, self.wheel.pop()),
            (_, Some(_)) => self.heap.pop()?,
        };
        self.popped += 1;
        Some((at, event.take().expect("expect: each key owns one event")))
    }

    /// The event that is due first, if it is alone in its bucket: with few pending most are, and need no sorting.
    #[inline]
    fn pop_alone(&mut self) -> Option<(Time, E)> {
        let bucket = self.wheel.next()?;
        let at = self.wheel.alone(bucket)?;
        if self.heap.first().is_some_and(|first| first < Key::new(at, self.pushed, 0)) {
            return None;
        }
        self.popped += 1;
        self.wheel.pop_alone(bucket).take().map(|event| (at, event))
    }

    /// When the event that is due first is due.
    pub fn next_due(&mut self) -> Option<Time> {
        if self.wheel.due().is_none() {
            self.close_next();
        }
        let first = self.heap.first().map(Key::at);
        self.wheel.due().into_iter().chain(first).min()
    }

    /// Closes the wheel's next bucket, unless the heap has something that is due in an earlier one.
    #[inline]
    fn close_next(&mut self) {
        let (next, first) = (self.wheel.next(), self.heap.first().map(|key| bucket_of(key.at())));
        match (next, first) {
            (None, None) => {}
            (Some(next), None) => self.close(next),
            (Some(next), Some(first)) if next <= first => self.close(next),
            (_, Some(first)) => self.wheel.skip_to(first),
        }
    }

    #[inline]
    fn close(&mut self, bucket: u64) {
        self.wheel.close(bucket);
        self.closed_at = self.pushed;
    }

    /// Drops what `keep` says no to; what is left keeps its order. `keep` is asked of each event, in that order.
    ///
    /// Costs as much as to pop all that is pending and to push what is kept.
    pub fn retain(&mut self, mut keep: impl FnMut(Time, &E) -> bool) {
        let mut kept = Vec::with_capacity(self.len());
        while let Some((at, event)) = self.pop() {
            if keep(at, &event) {
                kept.push((at, event));
            }
        }
        self.clear();
        if let Some((first, _)) = kept.first() {
            self.wheel.skip_to(bucket_of(*first));
        }
        kept.into_iter().for_each(|(at, event)| self.push(at, event));
    }

    /// Drops all that is pending. The queue is as it was in the beginning, but for the memory that it keeps.
    pub fn clear(&mut self) {
        self.wheel.clear();
        self.heap.clear();
        (self.pushed, self.popped, self.closed_at) = (0, 0, 0);
    }

    /// How many events are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.pushed - self.popped) as usize
    }

    /// True when nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pushed == self.popped
    }
}
