//! All runs of a small world: every order of its requests and messages, with up to so many losses, doubles, crashes and
//! early timers.
//!
//! The search looks for the *classes* of runs that no node can tell apart. What each node does is worked out once for each
//! local history (`local_states`); a state of a run is then a handful of numbers (`state`), and what may follow it is looked
//! up (`transitions`), leaving out orders that come to the same (`dependence`). For each class one run is made a plan (`order`,
//! `realize`), and the plan is run by the simulator under all checks: so a violation is a failing plan from the start,
//! and no check need know that it is part of a search.

mod dependence;
mod exploration;
mod fates;
mod findings;
mod global_state;
mod level;
mod local_states;
mod order;
mod running;
mod schedule;
mod scope;
mod search;
mod transitions;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use indexmap::IndexMap;

use crate::harness::Harness;
use crate::harness::bounds::Bounds;
use crate::protocol::StateMachine;
use crate::running::{enter, job};
use crate::shrink::ShrinkOptions;
use crate::shrink::Watch;
use crate::sim::{EventKind, Links};
use crate::sweep::{Failure, failure_of};
use findings::{Failing, Findings, Way};
use local_states::{Input, LocalStates};
use order::Order;
use search::Search;
use transitions::{Leaf, Transitions};

pub use exploration::{Exploration, Happened};
pub use scope::{Ask, Reduction, SCOPE_NODES_MAX, Scope};

/// At most so many different failures are shrunk and told.
const FAILURES_MAX: usize = 3;

/// How to search.
#[derive(Clone, Debug)]
pub struct ExploreOptions {
    /// On how many threads. The result does not depend on it. Each holds a search of its own, so memory grows with it.
    pub jobs: NonZeroUsize,
    /// Set by whoever has seen enough: what was found by then is told, as small as it is.
    pub stop: Arc<AtomicBool>,
    /// Hears how far the shrinking of what failed has come.
    pub watch: Watch,
}

impl Default for ExploreOptions {
    /// On all processors, and nobody stops it.
    fn default() -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { jobs, stop: Arc::default(), watch: Watch::default() }
    }
}

/// Searches all of `scope`, on so many threads. `progress` hears how many runs more have been made.
///
/// # Panics
/// As [`explore_with`] does.
pub fn explore<M: StateMachine>(
    system: &Harness<M>,
    scope: &Scope,
    jobs: NonZeroUsize,
    progress: &(dyn Fn(u64) + Sync),
) -> Exploration {
    explore_with(system, scope, &ExploreOptions { jobs, ..ExploreOptions::default() }, progress)
}

/// Searches all of `scope`, until it is stopped. `progress` hears how many runs more have been made.
///
/// # Panics
/// If the scope has no nodes, or more than [`SCOPE_NODES_MAX`], or if the system's links are [streams](crate::sim::Links::Stream), which
/// the search does not know. Clients that ask again and disks that lose writes it leaves out.
pub fn explore_with<M: StateMachine>(
    system: &Harness<M>,
    scope: &Scope,
    options: &ExploreOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Exploration {
    scope.expect_nodes();
    assert!(
        system.worlds.links == Links::Datagram,
        "{:?} cannot be searched exhaustively: its links are streams, and the search knows datagrams only",
        system.name
    );
    let is_causal = system.checks.iter().all(|make| make().is_causal());
    let strongest = if is_causal { Reduction::Classes } else { Reduction::Moments };
    let reduction = scope.reduction.unwrap_or(strongest);
    let explorer = Explorer { system, scope, reduction, stop: &options.stop, progress };
    let mut found = explorer.run(options.jobs);
    found.violations.sort_unstable_keys();
    let is_missing = |mark: &&'static str| found.stats.marks.get(*mark).is_none_or(|count| *count == 0);
    let marks = scope.must_reach.as_ref().unwrap_or(&system.must_reach);
    let unreached: Vec<&'static str> = marks.iter().copied().filter(is_missing).collect();
    let missing_max = if scope.must_reach.is_some() { 0 } else { marks.len().saturating_sub(1) };
    Exploration {
        system: system.name.clone(),
        request_sets: scope.request_sets.len() as u64,
        reduction,
        executions: found.executions,
        interleavings: found.interleavings,
        states: found.states,
        transitions: found.transitions,
        steps: found.steps,
        happened: found.happened,
        cut: found.cut,
        unrunnable: found.unrunnable,
        given_up: found.given_up,
        stopped: found.stopped,
        blind: found.blind,
        forced: !allows(system, reduction),
        violations: found.violations,
        stats: found.stats,
        misses_reach: unreached.len() > missing_max,
        unreached,
        digest: found.digests,
        failures: shrink_failures(system, found.smallest, options),
    }
}

/// True if no check of the system can tell runs apart that are the same to this reduction.
fn allows<M: StateMachine>(system: &Harness<M>, reduction: Reduction) -> bool {
    let mut checks = system.checks.iter().map(|make| make());
    match reduction {
        Reduction::Naive | Reduction::Moments => true,
        Reduction::Classes => checks.all(|check| check.is_causal()),
        Reduction::States => checks.all(|check| check.is_causal() && check.looks_at() == [EventKind::Rest]),
    }
}

struct Explorer<'a, M: StateMachine> {
    system: &'a Harness<M>,
    scope: &'a Scope,
    reduction: Reduction,
    stop: &'a AtomicBool,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl<M: StateMachine> Explorer<'_, M> {
    /// With many request sets a thread searches one at a time. With few, each thread searches all, which takes little time, and
    /// makes its share of the runs, which takes most of it. Either way each run is made once.
    fn run(&self, jobs: NonZeroUsize) -> Findings {
        let (jobs, sets) = (jobs.get(), self.scope.request_sets.len());
        let by_set = sets >= 4 * jobs;
        let next = AtomicUsize::new(0);
        let all = Mutex::new(Findings::new());
        let work = |job: usize| {
            let mut mine = Findings::new();
            if by_set {
                while let Some(set) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|set| *set < sets) {
                    self.search(set, 0, 1, &mut mine);
                }
            } else {
                (0..sets).for_each(|set| self.search(set, job, jobs, &mut mine));
            }
            all.lock().expect("expect: no thread of a search panics").add(mine);
        };
        let same = job();
        thread::scope(|scope| {
            for job in 1..jobs {
                let (work, same) = (&work, same.clone());
                scope.spawn(move || {
                    let _same = enter(same);
                    work(job);
                });
            }
            work(0);
        });
        all.into_inner().expect("expect: no thread of a search panics")
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Searches one request set, and makes every `shares`-th of its runs.
    fn search(&self, set: usize, share: usize, shares: usize, found: &mut Findings) {
        if self.is_stopped() {
            found.stopped = true;
            return;
        }
        let (system, scope, asks) = (self.system, self.scope, &*self.scope.request_sets[set]);
        let reduces = matches!(self.reduction, Reduction::Classes | Reduction::States);
        let local_states = LocalStates::new(system, asks, scope.node_count, self.reduction == Reduction::States);
        let mut search =
            Search::new(Transitions::new(local_states, scope, asks, reduces), scope, self.reduction, self.stop);
        let covered = search.run();
        if share == 0 {
            let local_states = &search.transitions.local_states;
            found.states += covered.states;
            found.transitions += covered.transitions;
            found.steps += local_states.steps.len() as u64;
            found.given_up += u64::from(covered.given_up);
            found.blind |= local_states.is_blind();
        }
        found.stopped |= covered.stopped;
        for index in (share..search.leaf_count()).step_by(shares) {
            if self.is_stopped() {
                found.stopped = true;
                return;
            }
            self.run_leaf(&search, (set, index), asks, found);
            (self.progress)(1);
        }
    }

    /// Makes one run of the class that ends in this leaf.
    fn run_leaf(&self, search: &Search<'_, M>, place: (usize, usize), asks: &[Ask], found: &mut Findings) {
        let (system, scope, transitions) = (self.system, self.scope, &search.transitions);
        let (leaf, path) = search.leaf(place.1);
        let order = Order::of(&transitions.local_states, scope.node_count, transitions.waits(), &path);
        let in_row = matches!(self.reduction, Reduction::Moments | Reduction::Naive);
        let plan = |in_row: bool| {
            schedule::plan_of(&transitions.local_states, scope, asks, &order, in_row, system.worlds.settle)
        };
        let made = plan(in_row).or_else(|| if in_row { plan(false) } else { None });
        let Some(plan) = made else {
            found.cut += u64::from(leaf == Leaf::Cut);
            found.unrunnable += 1;
            return;
        };
        let Some(outcome) = system.run_bounded(&plan, &Bounds::own(system, self.stop)) else {
            found.stopped = true;
            return;
        };
        found.cut += u64::from(leaf == Leaf::Cut);
        found.happened.add(happened(&order));
        found.add_run(place, plan, &outcome);
        if leaf != Leaf::Seen {
            found.add_interleavings(self.reduction, &order, scope.node_count);
        }
    }
}

/// What the steps of a run handle.
fn happened(order: &Order) -> Happened {
    let mut happened = Happened::default();
    for happening in &order.happenings {
        match happening.cause.input {
            Input::Start => {}
            Input::Message(_) => happened.messages += 1,
            Input::Request { .. } => happened.requests += 1,
            Input::Timer(_) => happened.timers += 1,
            Input::Crash => happened.crashes += 1,
        }
        happened.crashes += u64::from(happening.cause.crash.is_some());
    }
    happened
}

fn shrink_failures<M: StateMachine>(
    system: &Harness<M>,
    smallest: IndexMap<Way, Failing>,
    options: &ExploreOptions,
) -> Vec<Failure> {
    let mut ways: Vec<(String, Failing)> =
        smallest.into_iter().map(|((check, ..), failing)| (check, failing)).collect();
    ways.sort_unstable_by_key(|(_, (decisions, place, _))| (*decisions, *place));
    let ExploreOptions { jobs, stop, watch } = options.clone();
    let shrinking = ShrinkOptions { jobs, stop, watch, ..ShrinkOptions::default() };
    let told = ways.into_iter().take(FAILURES_MAX).map(|(check, (_, _, plan))| {
        // What does not come back when it is run again is told too: as what is not deterministic.
        failure_of(system, system.record(&plan), system.verify_plan(&plan), &check, &shrinking)
    });
    let mut failures: Vec<Failure> = told.collect();
    failures.sort_by_key(|failure| failure.shrunk.plan.decision_count());
    if let Some(told) = failures.first_mut() {
        told.explain_until(system, &options.stop);
    }
    failures
}
