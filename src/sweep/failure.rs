//! Failures: the worlds that failed, shrunk until every decision matters.

use crate::determinism::{DETERMINISM, Verified, never_again, not_shrunk};
use crate::explain::{Pivot, Twin};
use crate::explain::{pivot, twin};
use crate::harness::{Harness, Recorded};
use crate::protocol::StateMachine;
use crate::shrink::{ShrinkOptions, Shrunk, shrink};
use crate::sim::{Memory, Trace};
use crate::sweep::findings::{Candidates, Findings};
use crate::sweep::others::{Other, choose, others};
use crate::sweep::so_far::SoFar;

/// At most so many different failures are shrunk and told.
pub(crate) const FAILURES_MAX: usize = 3;

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
}

/// Shrinks the smallest worlds of the first ways to fail; of the others each has a line.
pub(crate) fn shrink_failures<M: StateMachine>(
    system: &Harness<M>,
    found: &mut Findings,
    options: &ShrinkOptions,
    so_far: &SoFar,
) -> (Vec<Failure>, Vec<Other>) {
    let (ways, rest) = choose(found);
    let leak = found.leak.take().map(|(origin, violation)| {
        let recorded = system.record_origin(&origin);
        Failure { seed: origin.seed(), ..not_shrunk(system.name.clone(), recorded, violation) }
    });
    let mut failures: Vec<Failure> = leak.into_iter().collect();
    let mut told = Vec::new();
    for ((check, ..), way) in ways {
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
        told.explain(system);
    }
    (failures, others)
}

/// Shrinks some worlds, and the smallest result as far as it goes.
fn shrink_smallest<M: StateMachine>(
    system: &Harness<M>,
    candidates: &Candidates,
    check: &str,
    options: &ShrinkOptions,
) -> Option<Failure> {
    // Luck is for the winner alone: it is what costs most.
    let without_luck = ShrinkOptions { draws_max: 0, ..options.clone() };
    let shrunk = candidates.values().map(|origin| {
        let (recorded, verified) =
            (system.record_origin(origin), system.verify_origin(&mut Memory::default(), origin, &mut ()));
        Failure { seed: origin.seed(), ..failure_of(system, recorded, verified, check, &without_luck) }
    });
    let mut all_met = Vec::new();
    let shrunk = shrunk.map(|mut failure| {
        all_met.append(&mut failure.shrunk.met);
        failure
    });
    let mut smallest = shrunk.min_by_key(Failure::size)?;
    smallest.shrunk.met = all_met;
    if smallest.shrunk.violation.check == DETERMINISM {
        return Some(smallest);
    }
    let Some(further) = shrink(system, &smallest.shrunk.plan, options) else { return Some(smallest) };
    let Shrunk { decisions_before, nodes_before, runs, met, .. } = smallest.shrunk;
    let met = met.into_iter().chain(further.met).collect();
    let shrunk = Shrunk { decisions_before, nodes_before, runs: runs + further.runs, met, ..further };
    Some(Failure::new(system, smallest.seed, shrunk))
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
    let differs = verified.differs.map(|differs| differs.to_violation());
    if differs.is_none()
        && let Some(shrunk) = shrink(system, &recorded.plan, options)
    {
        return Failure::new(system, None, shrunk);
    }
    let violation = differs.unwrap_or_else(|| never_again(check, recorded.outcome.violation.as_ref()));
    not_shrunk(system.name.clone(), recorded, violation)
}

impl Failure {
    /// The failure that is left after shrinking, with its run written down.
    pub fn new<M: StateMachine>(system: &Harness<M>, seed: Option<u64>, shrunk: Shrunk) -> Self {
        let trace = system.record(&shrunk.plan).trace;
        Self { system: system.name.clone(), seed, shrunk, trace, twin: None, pivot: None }
    }

    /// Looks for the passing twin and the pivotal step. It takes thousands of runs, but of a shrunk plan they take less than
    /// a second; runs that are so long that it would take much longer are left unexplained, and so is whatever goes another
    /// way each time.
    pub fn explain<M: StateMachine>(&mut self, system: &Harness<M>) {
        if self.shrunk.violation.check == DETERMINISM {
            return;
        }
        let failing = system.record(&self.shrunk.plan);
        if failing.outcome.violation.is_some() {
            self.twin = twin(system, &failing);
            self.pivot = pivot(system, &failing);
        }
    }

    /// What is smaller is told first.
    fn size(&self) -> (usize, Option<u64>) {
        (self.shrunk.plan.decision_count(), self.seed)
    }
}
