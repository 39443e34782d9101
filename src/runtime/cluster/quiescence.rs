//! How much is yet to happen, and when nothing is.

#![expect(clippy::disallowed_types, reason = "threads wait in real time")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long that it is looked again why one waits.
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// Counts messages under way, requests that wait, and timers that are set. What a step brings about is added before what caused
/// the step is taken off, so the count is 0 only if nothing will happen by itself any more.
#[derive(Debug, Default)]
pub(super) struct Quiescence {
    count: AtomicUsize,
    rest: Mutex<()>,
    at_rest: Condvar,
}

impl Quiescence {
    pub(super) fn add(&self, count: usize) {
        self.count.fetch_add(count, Ordering::SeqCst);
    }

    pub(super) fn remove(&self, count: usize) {
        if count > 0 && self.count.fetch_sub(count, Ordering::SeqCst) == count {
            drop(self.rest.lock().unwrap_or_else(PoisonError::into_inner));
            self.at_rest.notify_all();
        }
    }

    /// Waits until there is nothing; false if that was not so within that time.
    pub(super) fn wait_for_rest(&self, within: Duration) -> bool {
        // What the clock cannot tell is for ever.
        let until = Instant::now().checked_add(within);
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        while self.count.load(Ordering::SeqCst) > 0 {
            let left = until.map_or(FOR_EVER, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            rest = self.at_rest.wait_timeout(rest, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
