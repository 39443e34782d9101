//! Who writes here, and how often it has written.

use crate::causality::{Actor, COUNTER_MAX, Dot};

/// This incarnation of this node as a writer.
#[derive(Debug)]
pub(super) struct Writer {
    /// The incarnation, and how many writes it has made. invariant: never goes back, so that no dot is issued twice.
    last: (Actor, u64),
}

impl Writer {
    pub(super) const fn new(actor: Actor) -> Self {
        Self { last: (actor, 0) }
    }

    pub(super) const fn actor(&self) -> Actor {
        self.last.0
    }

    /// The incarnation, and the counter of its last write.
    pub(super) const fn last(&self) -> (Actor, u64) {
        self.last
    }

    /// The dot of the next write; `None` if this incarnation can make no more.
    pub(super) fn next(&self) -> Option<Dot> {
        Dot::new(self.last.0, self.last.1 + 1).filter(|dot| dot.counter.get() <= COUNTER_MAX)
    }

    /// The dot that [`next`](Self::next) has returned is taken.
    pub(super) fn issue(&mut self, dot: Dot) {
        debug_assert_eq!(Some(dot), self.next(), "expect: dots are issued one after the other");
        self.last = (dot.actor, dot.counter.get());
    }

    /// An own write came back that this node does not know of: it counts as made, if it is later than all that were.
    pub(super) fn take_back(&mut self, own: (Actor, u64)) {
        self.last = self.last.max(own);
    }

    /// Others know of own writes that this node does not know of: it has lost its memory, and begins a new incarnation, for dots
    /// that others remember must not be used again. False if it does know of them.
    pub(super) fn outgrow(&mut self, own: (Actor, u64)) -> bool {
        let is_unknown = own > self.last;
        if is_unknown {
            self.last = (own.0.next(), 0);
        }
        is_unknown
    }
}
