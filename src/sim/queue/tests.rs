use std::collections::VecDeque;

use super::{EventQueue, Time};
use crate::protocol::Rng;

/// What the queue should do, as plainly as can be: a list in order.
#[derive(Default)]
struct Sorted(VecDeque<(u64, u64)>);

impl Sorted {
    fn push(&mut self, at: u64, event: u64) {
        let place = self.0.partition_point(|(other, _)| *other <= at);
        self.0.insert(place, (at, event));
    }

    fn pop(&mut self) -> Option<(u64, u64)> {
        self.0.pop_front()
    }
}

/// Both queues side by side: whatever goes in comes out of both in the same order.
#[derive(Default)]
struct Both {
    queue: EventQueue<u64>,
    sorted: Sorted,
    pushed: u64,
    now: u64,
}

impl Both {
    fn push(&mut self, at: u64) {
        self.queue.push(Time::from_nanos(at), self.pushed);
        self.sorted.push(at, self.pushed);
        self.pushed += 1;
    }

    fn pop(&mut self) -> bool {
        let due = self.sorted.0.front().map(|(at, _)| *at);
        assert_eq!(self.queue.next_due().map(Time::as_nanos), due);
        let expected = self.sorted.pop();
        assert_eq!(self.queue.pop().map(|(at, event)| (at.as_nanos(), event)), expected);
        assert_eq!((self.queue.len(), self.queue.is_empty()), (self.sorted.0.len(), self.sorted.0.is_empty()));
        self.now = expected.map_or(self.now, |(at, _)| at);
        expected.is_some()
    }

    fn clear(&mut self) {
        self.queue.clear();
        self.sorted.0.clear();
        self.now = 0;
    }

    /// Keeps all but one in three.
    fn retain(&mut self) {
        let mut asked = Vec::new();
        self.queue.retain(|at, event| {
            asked.push((at.as_nanos(), *event));
            event % 3 > 0
        });
        assert_eq!(asked, Vec::from(self.sorted.0.clone()), "each is asked of, in order");
        self.sorted.0.retain(|(_, event)| event % 3 > 0);
        assert_eq!(self.queue.len(), self.sorted.0.len());
    }

    fn drain(&mut self) {
        while self.pop() {}
    }
}

/// A time to push at: near, equal to others, far, past, or at the end of time.
fn draw(rng: &mut Rng, now: u64) -> u64 {
    match rng.below(12) {
        0 => now,
        1 => now.saturating_add(rng.below(3)),
        2 => now.saturating_sub(rng.below(1 << 20)),
        3 => rng.below(1 << 30),
        4 => u64::MAX - rng.below(3),
        // The ends of buckets, and of the wheel.
        5 => (now.saturating_add(rng.below(1 << 20)) >> 17 << 17).saturating_sub(rng.below(2)),
        6 => now.saturating_add((1 << 27) + rng.below(1 << 18)).saturating_sub(1 << 17),
        7 => now.saturating_add(rng.below(1 << 34)),
        8 => now.saturating_add(1_000_000),
        _ => now.saturating_add(rng.below(100_000_000)),
    }
}

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
fn a_queue_that_was_cleared_is_as_good_as_new() {
    for seed in 0..300 {
        let rng = &mut Rng::new(seed, 1);
        let mut both = Both::default();
        for _ in 0..rng.between(2, 6) {
            let pushed = rng.between(1, 200);
            for _ in 0..pushed {
                both.push(draw(rng, both.now));
            }
            for _ in 0..rng.below(pushed * 2) {
                both.pop();
            }
            both.clear();
        }
        for _ in 0..200 {
            both.push(draw(rng, both.now));
        }
        both.drain();
    }
}

#[test]
fn any_pushes_and_pops_go_as_in_a_sorted_list() {
    for seed in 0..300 {
        let rng = &mut Rng::new(seed, 0);
        let mut both = Both::default();
        let (rounds, full) = (rng.between(1, 40), rng.between(1, 200));
        for _ in 0..rounds {
            for _ in 0..rng.below(full) {
                both.push(draw(rng, both.now));
            }
            for _ in 0..rng.below(full) {
                both.pop();
                if rng.chance(200) {
                    both.push(draw(rng, both.now));
                }
            }
            if rng.chance(100) {
                both.retain();
            }
        }
        both.drain();
    }
}

/// What was pushed when the wheel did not reach it is older than what was pushed when it did.
#[test]
fn equal_times_far_ahead_keep_their_order() {
    let mut both = Both::default();
    let due = 300_000_000;
    for _ in 0..3 {
        both.push(due);
    }
    for at in (0..due).step_by(10_000_000) {
        both.push(at);
        both.pop();
        both.push(due);
    }
    both.pop();
    both.push(due);
    both.drain();
}

#[test]
fn the_end_of_time_is_a_time_like_any_other() {
    let mut both = Both::default();
    for at in [u64::MAX, 0, u64::MAX, u64::MAX - 1, u64::MAX - (1 << 17), 5, u64::MAX] {
        both.push(at);
    }
    for _ in 0..5 {
        both.pop();
        both.push(u64::MAX);
    }
    both.drain();
}

#[test]
fn a_great_many_at_once_keep_their_order() {
    let mut both = Both::default();
    let rng = &mut Rng::new(1, 0);
    for _ in 0..30_000 {
        both.sorted.0.push_back((7_000_000, both.pushed));
        both.queue.push(Time::from_nanos(7_000_000), both.pushed);
        both.pushed += 1;
    }
    for _ in 0..1_000 {
        both.pop();
        both.push(draw(rng, both.now));
    }
    both.drain();
}

/// Sizes at which a list would take too long: what comes out must at least be in order, and complete.
#[test]
fn order_holds_for_a_hundred_thousand_pending() {
    let (mut queue, rng) = (EventQueue::new(), &mut Rng::new(2, 0));
    let mut last = (0, 0);
    let mut pushed = 0_u64;
    for _ in 0..100_000 {
        queue.push(Time::from_nanos(rng.below(200_000_000)), pushed);
        pushed += 1;
    }
    let mut popped = 0_u64;
    while let Some((at, event)) = queue.pop() {
        let this = (at.as_nanos(), event);
        assert!(popped == 0 || last < this, "{last:?} before {this:?}");
        last = this;
        popped += 1;
        if pushed < 400_000 {
            queue.push(Time::from_nanos(at.as_nanos() + rng.below(150_000_000)), pushed);
            pushed += 1;
        }
    }
    assert_eq!(popped, pushed);
}
