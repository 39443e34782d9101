//! Makes a failing plan smaller, until every decision in it matters.
//!
//! Because plans are total, any smaller plan can be run; the question is only whether it still fails in the same way: the same
//! check, the same sort of breach, from the same source, about the same subject. A plan that fails in another way is kept for
//! whoever wants to know. What comes after the violation goes first; then decisions are removed in
//! ever smaller chunks (delta debugging; Zeller and Hildebrandt, TSE 2002); then what is left is made simpler, one sort of
//! change after the other, over and over until nothing helps any more.
//!
//! Where to look: `trial` tries candidates, on all threads and with one result; each other file makes one sort of them.

mod cut;
mod draw;
mod fates;
mod faults;
mod knobs;
mod nodes;
mod remove;
mod times;
mod trial;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use crate::check::Violation;
use crate::harness::{Harness, Recorded};
use crate::protocol::StateMachine;
use crate::running::{Doing, Made, Running, catch_panic};
use crate::sim::Plan;
use trial::{Candidate, Trials};

/// How many runs the shrinking of one plan may take, if not told otherwise.
pub const SHRINK_RUNS_MAX: u64 = 20_000;

/// How many plans are drawn at random whenever nothing else helps, if not told otherwise.
const DRAWS_MAX: u64 = 6_000;

/// How to shrink.
#[derive(Clone, Debug)]
pub struct ShrinkOptions {
    /// How many plans may be tried.
    pub runs_max: u64,
    /// How many of them may be plans drawn at random from what is left, whenever nothing else helps; 0 for none.
    pub draws_max: u64,
    /// On how many threads. The result does not depend on it.
    pub jobs: NonZeroUsize,
    /// Set by whoever has seen enough: what is smallest by then is the result.
    pub stop: Arc<AtomicBool>,
}

impl Default for ShrinkOptions {
    /// At most [`SHRINK_RUNS_MAX`] runs, on all processors, and nobody stops it.
    fn default() -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { runs_max: SHRINK_RUNS_MAX, draws_max: DRAWS_MAX, jobs, stop: Arc::default() }
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
/// The result is the best so far whenever the shrinking ends: when nothing helps any more, when the runs are used up, or when
/// it is stopped. The result and the number of runs do not depend on the number of threads, unless it is stopped.
pub fn shrink<M: StateMachine>(system: &Harness<M>, plan: &Plan, options: &ShrinkOptions) -> Option<Shrunk> {
    let recorded = system.record(plan);
    recorded.outcome.violation.as_ref()?;
    let (decisions_before, nodes_before) = (recorded.plan.decision_count(), plan.node_count);
    let mut trials = Trials::new(system, recorded, options);
    shrink_to_fixpoint(&mut trials, system, options);
    let runs = trials.runs();
    let (Recorded { plan, outcome, .. }, met) = trials.into_best();
    let violation = outcome.violation?;
    Some(Shrunk { plan, violation, digest: outcome.digest, decisions_before, nodes_before, runs, met })
}

/// A plan is never tried twice, so the last round, which finds nothing, costs little.
fn shrink_to_fixpoint<M: StateMachine>(trials: &mut Trials<'_, M>, system: &Harness<M>, options: &ShrinkOptions) {
    loop {
        let before = trials.best().plan.clone();
        trials.exhaust(cut::after_the_violation);
        trials.exhaust(knobs::fewer);
        remove::requests(trials);
        remove::fates(trials);
        remove::faults(trials);
        trials.exhaust(|best| knobs::smaller(best, &system.worlds.knobs));
        trials.exhaust(nodes::fewer);
        trials.exhaust(|best| simpler_requests(system, &best.plan));
        trials.exhaust(faults::simpler);
        trials.exhaust(fates::simpler);
        times::simplify(trials);
        if trials.best().plan == before {
            trials.exhaust(remove::pairs);
            trials.exhaust(remove::retimed);
        }
        if trials.best().plan == before {
            draw::smaller(trials, system, options.draws_max);
        }
        if trials.best().plan == before || trials.is_over() {
            break;
        }
    }
}

/// The requests as the workload says them more simply.
fn simpler_requests<M: StateMachine>(system: &Harness<M>, plan: &Plan) -> Vec<Candidate> {
    let Some(clients) = &system.clients else { return Vec::new() };
    let actions: Vec<_> = plan.requests.iter().map(|request| request.action.clone()).collect();
    let running = Running::current();
    let _here = running.enter(&system.name, Made::Plan, plan.seed);
    running.doing(Doing::Clients);
    // A workload that panics has nothing simpler to say.
    let simpler = catch_panic(|| clients.simpler(&actions))
        .unwrap_or_default()
        .into_iter()
        .filter(|simpler| simpler.actions.len() == actions.len());
    simpler
        .map(|simpler| {
            let mut plan = plan.clone();
            for (request, action) in plan.requests.iter_mut().zip(simpler.actions) {
                request.action = action;
            }
            Candidate { plan, renamed: simpler.renamed }
        })
        .collect()
}
