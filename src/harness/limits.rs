//! How far worlds may go before they must have come to rest.

use std::time::Duration;

use super::Harness;
use crate::protocol::StateMachine;

impl<M: StateMachine> Harness<M> {
    /// How long drawn worlds may take to come to rest after they have healed, and after their last request. A system that never falls
    /// silent, because its timers go on for ever, runs that long in each world: give it no more than it needs. What must hold
    /// [at rest](Self::at_rest) is judged then.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.worlds_mut().settle = settle;
        self
    }

    /// After how many steps a world counts as one that never comes to rest.
    ///
    /// # Panics
    /// If there are none: no world comes to rest in none.
    #[must_use]
    #[track_caller]
    pub fn step_count_max(mut self, step_count_max: u64) -> Self {
        assert!(step_count_max > 0, "step_count_max: expected at least 1 step, found 0");
        self.limits.step_count_max = step_count_max;
        self
    }

    /// With how many messages and timers pending a world counts as one that never comes to rest: see
    /// [`Limits::pending_count_max`](crate::sim::Limits::pending_count_max).
    #[must_use]
    pub fn pending_count_max(mut self, pending_count_max: usize) -> Self {
        self.limits.pending_count_max = pending_count_max;
        self
    }

    /// With how many bytes of messages pending, as far as they can be counted, a world counts as one that never comes to rest: see
    /// [`Limits::pending_bytes_max`](crate::sim::Limits::pending_bytes_max).
    #[must_use]
    pub fn pending_bytes_max(mut self, pending_bytes_max: u64) -> Self {
        self.limits.pending_bytes_max = pending_bytes_max;
        self
    }

    /// The system sends messages for ever, and not because a timer fires: a token goes round, say. Without this, that is a violation
    /// of `rest`. With it, a world is over when its time to settle is up, and what must hold at rest is judged with messages under
    /// way.
    ///
    /// A system that only timers keep going, as heartbeats do, needs no such word.
    #[must_use]
    pub fn never_rests(mut self) -> Self {
        self.limits.never_rests = true;
        self
    }
}
