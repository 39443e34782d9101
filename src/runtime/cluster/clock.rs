//! The real clock: nanoseconds since the cluster began.

#![expect(clippy::disallowed_types, reason = "here time is real")]

use std::hint;
use std::time::{Duration, Instant};

use crate::protocol::Time;

#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> Time {
        Time::ZERO + self.0.elapsed()
    }

    /// Returns when this is past. For what is very near.
    pub(super) fn pass(self, then: Time) {
        while self.now() <= then {
            hint::spin_loop();
        }
    }

    /// How long it is until then; nothing if that is past.
    pub(super) fn until(self, then: Time) -> Duration {
        then - self.now()
    }
}
