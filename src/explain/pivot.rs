//! The pivotal step: the moment of a run from which on it could hardly go well any more.
//!
//! The run is forked after each of its moments and goes on many times, with all that comes later drawn anew; where the share
//! of those that are violated jumps most, it was decided.

use super::fork::Fork;
use super::phrase;
use crate::harness::{Harness, Recorded};
use crate::protocol::{Rng, StateMachine, Time};
use crate::sim::What;

/// Each fork goes on so many times …
const CONTINUATIONS: u64 = 48;
/// … or fewer if runs are long, but not less often.
const CONTINUATIONS_MIN: u64 = 16;
/// All continuations together may take about so many steps.
const STEPS_MAX: u64 = 2_000_000;

/// The moments of a failing run, the one that decided most first.
#[derive(Clone, Debug)]
pub struct Pivot {
    /// invariant: not empty.
    pub moments: Vec<Moment>,
}

/// Something that happened in a failing run, and what came of runs that were like it until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The step in which it happened, or after which.
    pub step: u64,
    /// When.
    pub at: Time,
    /// What.
    pub what: String,
    /// How many of a hundred runs that went the same until just before it were violated.
    pub before: u32,
    /// How many of a hundred that went the same until just after it.
    pub after: u32,
}

impl Moment {
    fn jump(&self) -> i64 {
        i64::from(self.after) - i64::from(self.before)
    }
}

/// Finds what decided a failing run; `None` if nothing did, or the run is so long that it would take too long.
pub(crate) fn pivot<M: StateMachine>(system: &Harness<M>, failing: &Recorded) -> Option<Pivot> {
    let events = &failing.trace.events;
    let is_moment = |what: &What| {
        !matches!(what, What::Started { life: 0, .. } | What::Sent { .. } | What::Answered { .. } | What::Marked { .. })
    };
    let mut starts: Vec<usize> = (0..events.len()).filter(|place| is_moment(&events[*place].what)).collect();
    starts.push(events.len());
    let cost = failing.outcome.tally.steps.max(1) * starts.len() as u64;
    let continuations = CONTINUATIONS.min(STEPS_MAX / cost);
    if continuations < CONTINUATIONS_MIN {
        return None;
    }
    let shares: Vec<u32> = starts.iter().map(|&start| violated(system, failing, start, continuations)).collect();
    let moments = starts.windows(2).zip(shares.windows(2)).map(|(starts, shares)| {
        let event = &events[starts[0]];
        Moment { step: event.step, at: event.at, what: phrase(&event.what), before: shares[0], after: shares[1] }
    });
    let mut moments: Vec<Moment> = moments.collect();
    moments.sort_by_key(|moment| -moment.jump());
    moments.first().is_some_and(|moment| moment.jump() > 0).then_some(Pivot { moments })
}

/// How many of a hundred runs that begin with the first `event_count` events fail in the same way.
fn violated<M: StateMachine>(system: &Harness<M>, failing: &Recorded, event_count: usize, continuations: u64) -> u32 {
    let violation = failing.outcome.violation.as_ref().expect("expect: the run fails");
    let fork = Fork::new(failing, event_count);
    let fails = |number: &u64| {
        // The same streams for every fork: what differs is the fork, not the luck.
        let (plan, fates) = fork.draw(&mut Rng::new(*number, 0));
        system.run_with(&plan, fates).violation.is_some_and(|found| found.is_like(violation))
    };
    let count = (0..continuations).filter(fails).count() as u64;
    (count * 100 / continuations) as u32
}
