//! The pivotal step: the moment of a run from which on it could hardly go well any more.
//!
//! The run is forked after each of its moments and goes on many times, with all that comes later drawn anew; where the share
//! of those that are violated jumps most, it was decided.

use super::fork::Fork;
use super::phrase;
use crate::harness::bounds::Bounds;
use crate::harness::{Harness, Recorded};
use crate::protocol::{Rng, StateMachine, Time};
use crate::sim::What;

/// Each fork goes on so many times …
const CONTINUATIONS: u64 = 48;
/// … or fewer if runs are long, but not less often.
const CONTINUATIONS_MIN: u64 = 16;
/// All continuations together may take about so many steps, if each takes as many as the run …
const STEPS_MAX: u64 = 2_000_000;
/// … and in no case more than so many times that.
const STEPS_FACTOR: u64 = 4;

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

/// Finds what decided a failing run; `None` if nothing did, if the run is so long that it would take too long, or if
/// somebody has seen enough.
pub(crate) fn pivot<M: StateMachine>(system: &Harness<M>, failing: &Recorded, bounds: &Bounds<'_>) -> Option<Pivot> {
    let events = &failing.trace.events;
    let is_moment = |what: &What| {
        !matches!(
            what,
            What::Started { incarnation: 0, .. }
                | What::Sent { .. }
                | What::Answered { .. }
                | What::Marked { .. }
                | What::Disk { .. }
                | What::TimerLate { .. }
                | What::Struck { .. }
                | What::Held { .. }
        )
    };
    let mut starts: Vec<usize> = (0..events.len()).filter(|place| is_moment(&events[*place].what)).collect();
    starts.push(events.len());
    let steps = failing.outcome.stats.steps.max(1);
    let cost = steps.saturating_mul(starts.len() as u64);
    let continuations = CONTINUATIONS.min(STEPS_MAX / cost);
    if continuations < CONTINUATIONS_MIN {
        return None;
    }
    let mut forks = Forks { system, failing, bounds: *bounds, left: STEPS_MAX * STEPS_FACTOR };
    let shares = starts.iter().map(|&start| forks.violated(start, continuations));
    let shares = shares.collect::<Option<Vec<u32>>>()?;
    let moments = starts.windows(2).zip(shares.windows(2)).map(|(starts, shares)| {
        let event = &events[starts[0]];
        Moment { step: event.step, at: event.at, what: phrase(&event.what), before: shares[0], after: shares[1] }
    });
    let mut moments: Vec<Moment> = moments.collect();
    // That the world heals decides nothing that could not have been decided before: it comes last.
    let healed: Vec<u64> = events.iter().filter(|event| event.what == What::Healed).map(|event| event.step).collect();
    let is_healing = |moment: &Moment| healed.contains(&moment.step) && moment.what == phrase(&What::Healed);
    moments.sort_by_key(|moment| (is_healing(moment), -moment.jump()));
    moments.retain(|moment| moment.jump() > 0);
    (!moments.is_empty()).then_some(Pivot { moments })
}

/// Runs that go on from moments of a failing one.
struct Forks<'a, M: StateMachine> {
    system: &'a Harness<M>,
    failing: &'a Recorded,
    bounds: Bounds<'a>,
    /// So many more steps they may take.
    left: u64,
}

impl<M: StateMachine> Forks<'_, M> {
    /// How many of a hundred runs that begin with the first `event_count` events fail in the same way; `None` if that takes too long,
    /// or too many of them went so far that nobody knows what would have come of them.
    fn violated(&mut self, event_count: usize, continuations: u64) -> Option<u32> {
        let violation = self.failing.outcome.violation.as_ref().expect("expect: the run fails");
        let fork = Fork::new(self.failing, event_count);
        let (mut known, mut failed) = (0, 0);
        for number in 0..continuations {
            // The same streams for every fork: what differs is the fork, not the luck.
            let (plan, fates) = fork.draw(&mut Rng::new(number, 0));
            let outcome = self.system.run_bounded_with(&plan, fates, &self.bounds);
            let steps = outcome.as_ref().map_or(self.bounds.step_count_max(), |outcome| outcome.stats.steps);
            self.left = self.left.checked_sub(steps)?;
            if self.bounds.is_stopped() {
                return None;
            }
            if let Some(outcome) = outcome {
                known += 1;
                failed += u64::from(outcome.violation.is_some_and(|found| found.is_like(violation)));
            }
        }
        (known >= CONTINUATIONS_MIN).then(|| (failed * 100 / known) as u32)
    }
}
