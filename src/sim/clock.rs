//! Clocks of nodes: ahead or behind, faster or slower than the time of the world.

use std::time::Duration;

use super::{Fates, Observer, World};
use crate::protocol::{NodeId, StateMachine, Time};

/// The most that a clock goes faster or slower, in millionths; what lies beyond is taken for the nearest.
pub const DRIFT_PPM_MAX: u32 = 500_000;

/// Millionths of a whole.
const MILLION: i128 = 1_000_000;

/// How a node's own clock differs from the time of the world. It never goes back, and the healing does not set it right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// How far it is ahead at the beginning, in nanoseconds; behind if it is negative. It stands at zero until it comes to be
    /// ahead of that.
    pub offset_nanos: i64,
    /// By how many millionths it goes faster; slower if it is negative.
    pub drift_ppm: i32,
}

impl Clock {
    /// How much it shows for each million that passes.
    fn rate(self) -> i128 {
        let most = DRIFT_PPM_MAX as i32;
        MILLION + i128::from(self.drift_ppm.clamp(-most, most))
    }

    /// What it shows at `at`.
    #[must_use]
    pub fn at(self, at: Time) -> Time {
        let shown = (i128::from(at.as_nanos()) * self.rate()).div_euclid(MILLION) + i128::from(self.offset_nanos);
        Time::from_nanos(shown.clamp(0, u64::MAX.into()) as u64)
    }

    /// How long it takes until it has shown `span` more: rounded up, so that nothing that waits for it comes early.
    #[must_use]
    pub fn takes(self, span: Duration) -> Duration {
        let nanos = i128::try_from(span.as_nanos()).unwrap_or(i128::MAX).min(u64::MAX.into());
        let rate = self.rate();
        let takes = (nanos * MILLION + rate - 1) / rate;
        Duration::from_nanos(takes.clamp(0, u64::MAX.into()) as u64)
    }
}

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// What the clock of a node shows now.
    #[inline]
    pub(super) fn local_now(&self, node: NodeId) -> Time {
        if self.plan.clocks.is_empty() { self.now } else { self.clock_of(node).at(self.now) }
    }

    #[cold]
    pub(super) fn clock_of(&self, node: NodeId) -> Clock {
        self.plan.clocks.get(&node).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Clock;
    use crate::protocol::{Rng, Time};

    #[test]
    fn a_clock_never_goes_back_and_nothing_comes_early() {
        let rng = &mut Rng::new(3, 4);
        for _ in 0..20_000 {
            let clock = Clock { offset_nanos: rng.bits64() as i64 >> rng.below(64), drift_ppm: rng.bits() as i32 };
            let at = rng.bits64() >> rng.below(64);
            let later = at.saturating_add(rng.bits64() >> rng.below(64));
            let [at, later] = [at, later].map(Time::from_nanos);
            assert!(clock.at(at) <= clock.at(later), "{clock:?} {at} {later}");
            let span = Duration::from_nanos(rng.below(1 << 40));
            let due = at + clock.takes(span);
            // Before the beginning of its time, and at the end of it, it stands still.
            if clock.at(at) > Time::ZERO && clock.at(due) < Time::from_nanos(u64::MAX) {
                assert!(clock.at(due) - clock.at(at) >= span, "{clock:?} {at} {span:?}");
            }
        }
    }

    #[test]
    fn no_clock_is_too_odd() {
        for drift_ppm in [i32::MIN, -1_000_000, 0, i32::MAX] {
            for offset_nanos in [i64::MIN, 0, i64::MAX] {
                let clock = Clock { offset_nanos, drift_ppm };
                let ends = [Time::ZERO, Time::from_nanos(u64::MAX)].map(|at| clock.at(at));
                assert!(ends[0] <= ends[1]);
                let _ = clock.takes(Duration::MAX);
            }
        }
        let plain = Clock::default();
        assert_eq!(plain.at(Time::from_millis(7)), Time::from_millis(7));
        assert_eq!(plain.takes(Duration::from_millis(7)), Duration::from_millis(7));
        let fast = Clock { offset_nanos: 0, drift_ppm: 250_000 };
        assert_eq!(fast.at(Time::from_millis(8)), Time::from_millis(10));
        assert_eq!(fast.takes(Duration::from_millis(10)), Duration::from_millis(8));
    }
}
