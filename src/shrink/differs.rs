//! Shrinks the plan of a world that goes another way when it is run again.
//!
//! A candidate fails if two runs of it differ, for what is likely the same cause. That is luck where threads race: a candidate is
//! tried several times then, and what does not differ is only likely not to.

use crate::check::Violation;
use crate::determinism::{Cause, Nondeterminism, cut_off};
use crate::harness::bounds::Bounds;
use crate::harness::{Harness, Recorded};
use crate::protocol::StateMachine;
use crate::shrink::judge::{Judge, Tried};
use crate::shrink::trial::Trials;
use crate::shrink::{ShrinkOptions, Shrinkage, Shrunk, pass};
use crate::sim::Plan;

/// A candidate is run twice, with all that can be seen of it written down: so many of them at most.
const RUNS_MAX: u64 = 1_000;
/// So often the plan is run twice, to see how often it differs.
const SAMPLES: u32 = 5;
/// So often a candidate is run twice that seems not to differ, if the plan itself differs only now and then.
const TRIES: u32 = 4;
/// Two runs, and so many more to guess the cause, are what it takes to see one difference.
const RUNS_TO_COMPARE: u64 = 2;
const RUNS_TO_GUESS: u64 = 8;

/// Looks for plans that go different ways.
struct Differing<'a, M: StateMachine> {
    system: &'a Harness<M>,
    bounds: Bounds<'a>,
    cause: Cause,
    tries: u32,
}

impl<M: StateMachine> Judge for Differing<'_, M> {
    fn judge(&self, plan: &Plan, _violation: &Violation, _subject: &str) -> Tried {
        let mut steps: u64 = 0;
        for _ in 0..self.tries {
            let Some(verified) = self.system.verify_bounded(plan, &self.bounds) else { break };
            let (one, differs) = (verified.outcome.stats.steps.max(1), verified.differs);
            steps = steps.saturating_add(one * RUNS_TO_COMPARE);
            let Some(differs) = differs else { continue };
            steps = steps.saturating_add(one * RUNS_TO_GUESS);
            // A cause that cannot be told may be any.
            if differs.cause == self.cause || self.cause == Cause::Unknown {
                return Tried { steps, violation: Some(differs.to_violation()), other: None };
            }
        }
        Tried { steps, violation: None, other: None }
    }

    fn record(&self, plan: &Plan, violation: &Violation) -> Option<Recorded> {
        Some(cut_off(self.system.record_bounded(plan, &self.bounds), violation))
    }
}

/// Shrinks what a world did that went another way when it was run again: `differs`, where that is still known. What does not
/// differ again stays as it is, cut off where it differed, and says so.
pub(crate) fn shrink_differing<M: StateMachine>(
    system: &Harness<M>,
    recorded: Recorded,
    violation: Violation,
    options: &ShrinkOptions,
) -> Shrinkage {
    let steps = recorded.outcome.stats.steps.max(violation.step);
    let bounds = Bounds::beside(system, steps, &options.stop);
    let (differing, sampled) = sample(system, &recorded.plan, &bounds);
    if sampled == 0 {
        // Somebody has seen enough.
        return not_shrunk(recorded, violation);
    }
    let Some(differs) = differing.last() else {
        let told = format!("run twice {sampled} more times it went the same way: this is its plan as it was found");
        let breach = violation.breach.clone().because(told);
        return not_shrunk(recorded, Violation { breach, ..violation });
    };
    let tries = if differing.len() as u32 == sampled { 1 } else { TRIES };
    let judge = Differing { system, bounds, cause: differs.cause, tries };
    // Races are not to be disturbed by others.
    let jobs = std::num::NonZeroUsize::MIN;
    let options = ShrinkOptions { runs_max: options.runs_max.min(RUNS_MAX), draws_max: 0, jobs, ..options.clone() };
    let (decisions_before, nodes_before) = (recorded.plan.decision_count(), recorded.plan.node_count);
    let first = cut_off(recorded, &differs.to_violation());
    let mut trials = Trials::new(&judge, first, &options, [0, 0]);
    pass::to_fixpoint(&mut trials, system, 0);
    let [runs, _] = trials.spent();
    let (Recorded { plan, outcome, trace }, ..) = trials.finish();
    let mut violation = outcome.violation.expect("expect: the best plan so far fails");
    if tries > 1 {
        let told = format!("not always: of {sampled} times that it was run twice, {} differed", differing.len());
        violation.breach = violation.breach.because(told);
    }
    let shrunk =
        Shrunk { plan, violation, digest: outcome.digest, decisions_before, nodes_before, runs, met: Vec::new() };
    Shrinkage { shrunk, trace, unsteady: None }
}

/// A run as it was found: no run tells what another one would do, so it is only cut off where the runs differ.
pub(crate) fn not_shrunk(recorded: Recorded, violation: Violation) -> Shrinkage {
    let (decisions_before, nodes_before) = (recorded.plan.decision_count(), recorded.plan.node_count);
    let digest = recorded.outcome.digest;
    let Recorded { plan, trace, .. } = cut_off(recorded, &violation);
    let shrunk = Shrunk { plan, violation, digest, decisions_before, nodes_before, runs: 0, met: Vec::new() };
    Shrinkage { shrunk, trace, unsteady: None }
}

/// How the plan differs each time that it does, and how often it was run twice.
fn sample<M: StateMachine>(system: &Harness<M>, plan: &Plan, bounds: &Bounds<'_>) -> (Vec<Nondeterminism>, u32) {
    let (mut differing, mut sampled) = (Vec::new(), 0);
    while sampled < SAMPLES {
        let Some(verified) = system.verify_bounded(plan, bounds) else { break };
        sampled += 1;
        differing.extend(verified.differs.map(|differs| *differs));
    }
    (differing, sampled)
}
