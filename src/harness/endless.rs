//! Worlds that do not come to rest: how they are told, and how they are run and written down without all of their steps.
//!
//! What such a world does for ever it does soon. So whoever looks into one runs it under [limits](short) that are reached within
//! milliseconds, and has the verdict of the whole run in the end.

use crate::check::{Breach, Violation};
use crate::protocol::show_duration;
use crate::sim::{End, Going, Limits, RunEnd, Share};

/// The check that a world violates that does not come to rest.
const REST: &str = "rest";
/// And the sort of breach.
const ENDLESS: &str = "endless";

/// So many steps show what goes on for ever …
const SHORT_STEPS: u64 = 5_000;
/// … and so many pending messages and timers.
const SHORT_PENDING: usize = 2_000;
/// Limits that were too short are made so many times as long.
const LONGER: u8 = 10;

/// So many kinds of messages and timers are told.
const SHARES_TOLD: usize = 3;
/// What is less than one in so many is not what keeps a world going.
const SHARE_MIN: u64 = 10;

/// True if the world did not come to rest.
pub(crate) fn is_endless(violation: &Violation) -> bool {
    violation.check == REST && violation.breach.sort == ENDLESS
}

/// The limits under which a run with this violation may be run again to look into it.
pub(crate) fn limits_of(violation: Option<&Violation>, whole: Limits) -> Limits {
    if violation.is_some_and(is_endless) { short(whole) } else { whole }
}

/// Limits that an endless run reaches soon.
pub(crate) fn short(limits: Limits) -> Limits {
    longer(Limits { step_count_max: 0, pending_count_max: 0, ..limits }, limits)
}

/// The next longer ones, up to `whole`.
pub(crate) fn longer(limits: Limits, whole: Limits) -> Limits {
    let steps = limits.step_count_max.saturating_mul(LONGER.into()).max(SHORT_STEPS);
    let pending = limits.pending_count_max.saturating_mul(LONGER.into()).max(SHORT_PENDING);
    Limits {
        step_count_max: steps.min(whole.step_count_max),
        pending_count_max: pending.min(whole.pending_count_max),
        ..whole
    }
}

/// True if these limits are the system's own.
pub(crate) fn is_whole(limits: Limits, whole: Limits) -> bool {
    limits.step_count_max == whole.step_count_max && limits.pending_count_max == whole.pending_count_max
}

/// How a run that ended at a limit violates that worlds come to rest.
pub(crate) fn violation(end: &RunEnd) -> Option<Violation> {
    let going = end.going.as_ref()?;
    let steps = end.stats.steps;
    let summary = match end.end {
        End::TooLong => format!("the world has not come to rest after {steps} steps"),
        End::TooMany => {
            let count: u64 = going.pending.iter().map(|share| share.count).sum();
            let mebibytes = going.pending_bytes >> 20;
            format!("the world fills up: {count} messages and timers wait after {steps} steps, about {mebibytes} MiB")
        }
        _ => format!("the world has not come to rest: messages alone keep it going, {steps} steps so far"),
    };
    let mut breach = Breach::new(ENDLESS, summary).about(subject(going));
    if let Some(told) = tell(&going.pending) {
        breach = breach.because(format!("what waits in the end: {told}"));
    }
    if let Some(told) = tell(&going.handled) {
        let span = end.at - going.since;
        let when = match end.end {
            End::Restless => format!("long after the time to settle, in {} without any timer", show_duration(span)),
            _ if span.is_zero() => format!("at the end, with the time at {} all along", end.at),
            _ => format!("at the end, in {}", show_duration(span)),
        };
        breach = breach.because(format!("what was handled {when}: {told}"));
    }
    Some(Violation { check: REST.to_owned(), breach, step: steps, at: end.at })
}

/// What keeps it going, without numbers: a smaller run shows the same only if it goes on by the same messages and timers.
fn subject(going: &Going) -> String {
    let shares = if going.handled.is_empty() { &going.pending } else { &going.handled };
    let mut kinds: Vec<&str> = main(shares).map(|share| share.what.as_str()).collect();
    kinds.sort_unstable();
    kinds.join(", ")
}

fn tell(shares: &[Share]) -> Option<String> {
    let told: Vec<String> = main(shares).take(SHARES_TOLD).map(Share::to_string).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Those that matter.
fn main(shares: &[Share]) -> impl Iterator<Item = &Share> {
    let all: u64 = shares.iter().map(|share| share.count).sum();
    shares.iter().filter(move |share| share.count.saturating_mul(SHARE_MIN) >= all)
}
