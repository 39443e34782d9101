//! Makes a failing plan smaller, until every decision in it matters.
//!
//! Because plans are total, any smaller plan can be run; the question is only whether it still fails in the same way: the same
//! check, the same sort of breach, from the same source, about the same subject. A plan that fails in another way is kept for
//! whoever wants to know. What comes after the violation goes first; then decisions are removed in
//! ever smaller chunks (delta debugging; Zeller and Hildebrandt, TSE 2002); then what is left is made simpler, one sort of
//! change after the other, over and over until nothing helps any more.
//!
//! Where to look: `pass` has the order of the passes; `trial` tries candidates, on all threads and with one result; `judge` says which
//! fail, and `differs` of plans that are not deterministic; each other file makes one sort of candidates.
//!
//! What shrinking costs is bounded, whatever the system does: in runs and in steps, by a budget that does not depend on the number
//! of threads; in memory, as candidates are made when it is their turn; and a candidate that takes many times the steps of the run
//! that it is to stand for is given up.

mod clocks;
mod cut;
mod differs;
mod disk;
mod draw;
mod fates;
mod faults;
mod judge;
mod knobs;
mod late_timers;
mod moments;
mod nodes;
mod pass;
mod remove;
mod retries;
mod simpler;
mod times;
mod trial;
mod watch;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use crate::check::Violation;
use crate::harness::bounds::Bounds;
use crate::harness::{Harness, Recorded, endless};
use crate::protocol::StateMachine;
use crate::sim::{Plan, Trace};
use judge::SameViolation;
use trial::Trials;

pub(crate) use differs::{not_shrunk, shrink_differing};
pub use watch::{Shrinking, Watch};

/// How many runs the shrinking of one plan may take, if not told otherwise.
pub const SHRINK_RUNS_MAX: u64 = 20_000;

/// How much the shrinking of one plan may do, in steps of nodes, if not told otherwise: about a minute on one thread.
pub const SHRINK_STEPS_MAX: u64 = 40_000_000;

/// How many plans are drawn at random whenever nothing else helps, if not told otherwise.
const DRAWS_MAX: u64 = 6_000;

/// How to shrink.
#[derive(Clone, Debug)]
pub struct ShrinkOptions {
    /// How many plans may be tried.
    pub runs_max: u64,
    /// How many of them may be plans drawn at random from what is left, whenever nothing else helps; 0 for none.
    pub draws_max: u64,
    /// How much may be done in all, in steps of nodes; to make a candidate counts as a step for each of its decisions. The run that
    /// is tried last may go beyond it.
    pub steps_max: u64,
    /// On how many threads. The result does not depend on it.
    pub jobs: NonZeroUsize,
    /// Set by whoever has seen enough: what is smallest by then is the result.
    pub stop: Arc<AtomicBool>,
    /// Hears how far it has come.
    pub watch: Watch,
}

impl Default for ShrinkOptions {
    /// At most [`SHRINK_RUNS_MAX`] runs and [`SHRINK_STEPS_MAX`] steps, on all processors, and nobody stops it.
    fn default() -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let (runs_max, draws_max, steps_max) = (SHRINK_RUNS_MAX, DRAWS_MAX, SHRINK_STEPS_MAX);
        Self { runs_max, draws_max, steps_max, jobs, stop: Arc::default(), watch: Watch::default() }
    }
}

/// What is left of a failing plan.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest plan found.
    pub plan: Plan,
    /// How it fails.
    pub violation: Violation,
    /// The digest of its run.
    pub digest: u64,
    /// How many decisions the original plan had.
    pub decisions_before: usize,
    /// How many nodes.
    pub nodes_before: usize,
    /// How many plans were tried, the original included; 0 if nobody tried to shrink it.
    pub runs: u64,
    /// Other failures that plans tried on the way ran into, one of each kind: a rare one may show nowhere else.
    pub met: Vec<(Plan, Violation)>,
}

/// Shrinks a failing plan; `None` if it does not fail, or not every time.
///
/// The result is the best so far whenever the shrinking ends: when nothing helps any more, when the runs or the steps are used up, or
/// when it is stopped. The result and the number of runs do not depend on the number of threads, unless it is stopped.
pub fn shrink<M: StateMachine>(system: &Harness<M>, plan: &Plan, options: &ShrinkOptions) -> Option<Shrunk> {
    Some(shrink_recorded(system, system.record(plan), options)?.shrunk)
}

/// What came of shrinking.
pub(crate) struct Shrinkage {
    pub(crate) shrunk: Shrunk,
    /// How its plan goes.
    pub(crate) trace: Trace,
    /// A plan that failed when it was tried, and did not when it was run again: the system is not deterministic.
    pub(crate) unsteady: Option<Plan>,
}

/// Shrinks the plan of a run; `None` if the run is clean.
pub(crate) fn shrink_recorded<M: StateMachine>(
    system: &Harness<M>,
    recorded: Recorded,
    options: &ShrinkOptions,
) -> Option<Shrinkage> {
    let violation = recorded.outcome.violation.clone()?;
    let (decisions_before, nodes_before) = (recorded.plan.decision_count(), recorded.plan.node_count);
    let mut on_the_way = OnTheWay::default();
    // What goes on for ever does so early: a run that never comes to rest is shrunk under limits that it reaches soon.
    let mut limits = endless::limits_of(Some(&violation), system.limits);
    while !endless::is_whole(limits, system.limits) {
        let bounds = Bounds::at_most(limits, &options.stop);
        let early = system.record_bounded(&recorded.plan, &bounds);
        if early.outcome.violation.as_ref().is_some_and(|found| found.is_like(&violation)) {
            let best = shrink_within(system, early, bounds, options, &mut on_the_way);
            let whole = system.record(&best.plan);
            if whole.outcome.violation.as_ref().is_some_and(|found| found.is_like(&violation)) {
                return Some(shrinkage(whole, [decisions_before, nodes_before], on_the_way));
            }
        }
        // What was taken for endless was only long.
        limits = endless::longer(limits, system.limits);
    }
    let steps = recorded.outcome.stats.steps.max(violation.step);
    let bounds = Bounds::beside(system, steps, &options.stop);
    let best = shrink_within(system, recorded, bounds, options, &mut on_the_way);
    Some(shrinkage(best, [decisions_before, nodes_before], on_the_way))
}

/// What was spent and seen while a plan was shrunk.
#[derive(Default)]
struct OnTheWay {
    /// Runs and steps.
    spent: [u64; 2],
    unsteady: Option<Plan>,
    met: Vec<(Plan, Violation)>,
}

fn shrink_within<M: StateMachine>(
    system: &Harness<M>,
    recorded: Recorded,
    bounds: Bounds<'_>,
    options: &ShrinkOptions,
    on_the_way: &mut OnTheWay,
) -> Recorded {
    let judge = SameViolation { system, bounds };
    let mut trials = Trials::new(&judge, recorded, options, on_the_way.spent);
    pass::to_fixpoint(&mut trials, system, options.draws_max);
    on_the_way.spent = trials.spent();
    let (best, failed_once, met) = trials.finish();
    on_the_way.unsteady = on_the_way.unsteady.take().or(failed_once);
    on_the_way.met.extend(met);
    best
}

fn shrinkage(best: Recorded, [decisions_before, nodes_before]: [usize; 2], on_the_way: OnTheWay) -> Shrinkage {
    let OnTheWay { spent: [runs, _], unsteady, met } = on_the_way;
    let Recorded { plan, outcome, trace } = best;
    let violation = outcome.violation.expect("expect: the best plan so far fails");
    let shrunk = Shrunk { plan, violation, digest: outcome.digest, decisions_before, nodes_before, runs, met };
    Shrinkage { shrunk, trace, unsteady }
}
