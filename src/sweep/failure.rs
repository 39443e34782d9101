//! Failures: the worlds that failed, shrunk until every decision matters.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::determinism::{DETERMINISM, Verified, never_again};
use crate::explain::{Pivot, Story, Twin, pivot, story, twin};
use crate::harness::Origin;
use crate::harness::bounds::Bounds;
use crate::harness::endless;
use crate::harness::{Harness, Recorded};
use crate::protocol::StateMachine;
use crate::shrink::{ShrinkOptions, Shrunk};
use crate::shrink::{Shrinkage, not_shrunk, shrink_differing, shrink_recorded};
use crate::sim::{Plan, Trace};
use crate::sweep::findings::{Candidates, Findings};
use crate::sweep::others::{Other, choose, others};
use crate::sweep::so_far::SoFar;
use crate::sweep::{CANDIDATES, is_verified};

/// A plan that is said to go different ways is run twice so often before that is not believed.
const LOOKS: usize = 5;

/// One failure: where it was found, and what is left of it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The system that failed.
    pub system: String,
    /// The world it was found in; `None` if that came from a plan, and no seed means it.
    pub seed: Option<u64>,
    /// The smallest plan that still fails in the same way.
    pub shrunk: Shrunk,
    /// How that plan goes.
    pub trace: Trace,
    /// The nearest plan that passes. See [`explain`](Self::explain).
    pub twin: Option<Twin>,
    /// What decided that the run fails. See [`explain`](Self::explain).
    pub pivot: Option<Pivot>,
    /// Which events the verdict depends on, and what steps changed. See [`explain`](Self::explain).
    pub story: Option<Story>,
}

/// Shrinks the smallest worlds of the first ways to fail; of the others each has a line.
pub(crate) fn shrink_failures<M: StateMachine>(
    system: &Harness<M>,
    found: &mut Findings,
    verify_permille: u32,
    options: &ShrinkOptions,
    so_far: &SoFar,
) -> (Vec<Failure>, Vec<Other>) {
    let (ways, rest) = choose(found);
    let leak = found.leak.take().map(|(origin, violation)| {
        let (recorded, options) = (system.record_origin(&origin), heard_of(&origin, options));
        Failure { seed: origin.seed(), ..Failure::of(system, shrink_differing(system, recorded, violation, &options)) }
    });
    let mut failures: Vec<Failure> = leak.into_iter().collect();
    let mut told = Vec::new();
    for ((check, ..), way) in ways {
        // The others were counted when they were swept.
        let verified = way.candidates.values().filter(|origin| !is_verified(origin, verify_permille)).count();
        found.verified += verified as u64;
        if let Some(failure) = shrink_smallest(system, &way.candidates, &check, options) {
            found.recount(&check, &failure.shrunk.violation);
            so_far.replace(&failure);
            failures.push(failure);
        }
        told.push(way.violation);
    }
    let others = others(system, rest, &told, &failures);
    // Until a system is deterministic, nothing else that is told of it can be relied on.
    failures.sort_by_key(|failure| (failure.shrunk.violation.check != DETERMINISM, failure.size()));
    if let Some(told) = failures.first_mut() {
        told.explain_until(system, &options.stop);
    }
    (failures, others)
}

/// The same, and whoever watches hears of which world.
fn heard_of(origin: &Origin, options: &ShrinkOptions) -> ShrinkOptions {
    ShrinkOptions { watch: options.watch.of_seed(origin.seed()), ..options.clone() }
}

/// Shrinks some worlds, and the smallest result as far as it goes. Each has its share of the budget. Whoever has seen enough is told
/// the shortest as it is.
fn shrink_smallest<M: StateMachine>(
    system: &Harness<M>,
    candidates: &Candidates,
    check: &str,
    options: &ShrinkOptions,
) -> Option<Failure> {
    let share = ShrinkOptions { steps_max: options.steps_max / (CANDIDATES as u64 + 1), ..options.clone() };
    // Luck is for the winner alone: it is what costs most.
    let without_luck = ShrinkOptions { draws_max: 0, ..share.clone() };
    let (mut smallest, mut all_met): (Option<Failure>, Vec<_>) = (None, Vec::new());
    for origin in candidates.values() {
        if smallest.is_some() && options.stop.load(Ordering::Relaxed) {
            break;
        }
        let recorded = system.record_origin(origin);
        let limits = endless::limits_of(recorded.outcome.violation.as_ref(), system.limits);
        let failure = match system.verify_origin_until(origin, limits, &options.stop) {
            Some(verified) => failure_of(system, recorded, verified, check, &heard_of(origin, &without_luck)),
            None => unshrunk(system, recorded, check),
        };
        let mut failure = Failure { seed: origin.seed(), ..failure };
        all_met.append(&mut failure.shrunk.met);
        if smallest.as_ref().is_none_or(|smallest| failure.size() < smallest.size()) {
            smallest = Some(failure);
        }
    }
    let mut smallest = smallest?;
    smallest.shrunk.met = all_met;
    if smallest.shrunk.violation.check == DETERMINISM || options.stop.load(Ordering::Relaxed) {
        return Some(smallest);
    }
    let share = ShrinkOptions { watch: share.watch.of_seed(smallest.seed), ..share };
    let whole = system.record(&smallest.shrunk.plan);
    let Some(further) = shrink_recorded(system, whole, &share) else { return Some(smallest) };
    let Shrinkage { shrunk: further, trace, .. } = further;
    let Shrunk { decisions_before, nodes_before, runs, met, .. } = smallest.shrunk;
    let met = met.into_iter().chain(further.met).collect();
    let shrunk = Shrunk { decisions_before, nodes_before, runs: runs + further.runs, met, ..further };
    Some(Failure::told(system, smallest.seed, shrunk, trace))
}

/// What there is to tell of a run as it is.
fn unshrunk<M: StateMachine>(system: &Harness<M>, recorded: Recorded, check: &str) -> Failure {
    let violation = recorded.outcome.violation.clone().unwrap_or_else(|| never_again(check, None));
    let (decisions_before, nodes_before) = (recorded.plan.decision_count(), recorded.plan.node_count);
    let Recorded { plan, outcome, trace } = recorded;
    let shrunk =
        Shrunk { plan, violation, digest: outcome.digest, decisions_before, nodes_before, runs: 0, met: Vec::new() };
    Failure::told(system, None, shrunk, trace)
}

/// What there is to tell of a run that violated `check`: its plan, shrunk. If it goes another way when it is run again, that is
/// the failure: nothing else that it shows can be relied on.
pub fn failure_of<M: StateMachine>(
    system: &Harness<M>,
    recorded: Recorded,
    verified: Verified,
    check: &str,
    options: &ShrinkOptions,
) -> Failure {
    if let Some(differs) = verified.differs {
        return Failure::of(system, shrink_differing(system, recorded, differs.to_violation(), options));
    }
    match shrink_recorded(system, system.record(&recorded.plan), options) {
        Some(Shrinkage { shrunk, trace, unsteady: None }) => Failure::told(system, None, shrunk, trace),
        // It failed when it was tried, and did not when it was tried again.
        Some(Shrinkage { unsteady: Some(plan), .. }) => {
            let recorded = system.record(&plan);
            let differs = system.verify_plan(&plan).differs.map(|differs| differs.to_violation());
            let violation = differs.unwrap_or_else(|| never_again(check, recorded.outcome.violation.as_ref()));
            Failure::of(system, shrink_differing(system, recorded, violation, options))
        }
        None => {
            let violation = never_again(check, recorded.outcome.violation.as_ref());
            Failure::of(system, not_shrunk(recorded, violation))
        }
    }
}

/// What there is to tell of a plan that goes another way when it is run again: the plan, shrunk. `None` if it goes the same way, as
/// often as it is worth to look.
pub fn failure_of_differing<M: StateMachine>(
    system: &Harness<M>,
    plan: &Plan,
    options: &ShrinkOptions,
) -> Option<Failure> {
    let differs = (0..LOOKS).find_map(|_| system.verify_plan(plan).differs)?;
    Some(Failure::of(system, shrink_differing(system, system.record(plan), differs.to_violation(), options)))
}

impl Failure {
    /// The failure that is left after shrinking, with its run written down.
    pub fn new<M: StateMachine>(system: &Harness<M>, seed: Option<u64>, shrunk: Shrunk) -> Self {
        let trace = system.record(&shrunk.plan).trace;
        Self::told(system, seed, shrunk, trace)
    }

    pub(crate) fn of<M: StateMachine>(system: &Harness<M>, shrinkage: Shrinkage) -> Self {
        Self::told(system, None, shrinkage.shrunk, shrinkage.trace)
    }

    fn told<M: StateMachine>(system: &Harness<M>, seed: Option<u64>, shrunk: Shrunk, trace: Trace) -> Self {
        Self { system: system.name.clone(), seed, shrunk, trace, twin: None, pivot: None, story: None }
    }

    /// Looks for the passing twin and the pivotal step. It takes thousands of runs, but of a shrunk plan they take less than
    /// a second; runs that are so long that it would take much longer are left unexplained, and so is whatever goes another
    /// way each time.
    pub fn explain<M: StateMachine>(&mut self, system: &Harness<M>) {
        self.explain_until(system, &AtomicBool::new(false));
    }

    /// The same, until `stop` is set by whoever has seen enough.
    pub fn explain_until<M: StateMachine>(&mut self, system: &Harness<M>, stop: &AtomicBool) {
        if self.shrunk.violation.check == DETERMINISM || stop.load(Ordering::Relaxed) {
            return;
        }
        let limits = endless::limits_of(Some(&self.shrunk.violation), system.limits);
        let failing = system.record_bounded(&self.shrunk.plan, &Bounds::at_most(limits, stop));
        // What takes the place of an endless run may go as far; of any other, not much farther than that.
        let bounds = match endless::is_whole(limits, system.limits) {
            true => Bounds::beside(system, failing.outcome.stats.steps, stop),
            false => Bounds::at_most(limits, stop),
        };
        if failing.outcome.violation.is_some() {
            self.twin = twin(system, &failing, &bounds);
            self.pivot = pivot(system, &failing, &bounds);
            // What goes on for ever is told by what repeats itself.
            if endless::is_whole(limits, system.limits) {
                self.story = story(system, &failing, &bounds);
                self.trace = failing.trace;
            }
        }
    }

    /// What is smaller is told first.
    fn size(&self) -> (usize, Option<u64>) {
        (self.shrunk.plan.decision_count(), self.seed)
    }
}
