//! Virtual time: whole nanoseconds since the world began.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment of virtual time. It never wraps: what lies beyond 584 years is the end of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The beginning of the world.
    pub const ZERO: Self = Self(0);

    /// The moment this many nanoseconds after the beginning.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment this many milliseconds after the beginning.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the beginning.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time since the beginning.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    #[inline]
    fn add(self, span: Duration) -> Self {
        // Not `Duration::as_nanos`: 128 bits are slow, and this is done for each message.
        let nanos = span.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(span.subsec_nanos()));
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub for Time {
    type Output = Duration;

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As [`show_duration`] writes it.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_duration(self.since_start()))
    }
}

/// A span of time in the largest unit in which it is exact to three decimals: `9ms`, `1.25ms`, `300us`, `2s`.
/// Plan files are read back from this form, so it never rounds.
#[must_use]
pub fn show_duration(span: Duration) -> String {
    let nanos = span.as_nanos();
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")] {
        let thousandths = nanos * 1_000 / unit;
        if nanos >= unit && thousandths * unit == nanos * 1_000 {
            let (whole, part) = (thousandths / 1_000, thousandths % 1_000);
            return match part {
                0 => format!("{whole}{name}"),
                _ => format!("{whole}.{}{name}", format!("{part:03}").trim_end_matches('0')),
            };
        }
    }
    match nanos {
        0 => "0ms".to_owned(),
        _ => format!("{nanos}ns"),
    }
}
