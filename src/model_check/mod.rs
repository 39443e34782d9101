//! All runs of a small world: every order of its requests and messages, with up to so many losses, doubles, crashes and
//! early timers.
//!
//! The search looks for the *classes* of runs that no node can tell apart. What each node does is worked out once for each
//! local history (`unfolding`); a moment of a run is then a handful of numbers (`moment`), and what may follow it is looked
//! up (`moves`), leaving out orders that come to the same (`influence`). For each class one run is made a plan (`order`,
//! `realize`), and the plan is run by the simulator under all checks: so a violation is a failing plan from the start,
//! and no check need know that it is part of a search.

mod dependence;
mod global_state;
mod transitions;
mod order;
mod schedule;
mod running;
mod scope;
mod search;
mod local_states;

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indexmap::IndexMap;

use crate::check::Source;
use crate::harness::{Harness, Outcome};
use crate::protocol::{Digest, StateMachine};
use crate::running::{enter, job};
use crate::shrink::{ShrinkOptions, shrink};
use crate::sim::{Plan, Tally};
use crate::sweep::Failure;
use local_states::Unfolding;
use order::Order;
use search::Search;
use transitions::{Leaf, Moves};

pub use scope::{Ask, Reduction, SCOPE_NODES_MAX, Scope};

/// At most so many different failures are shrunk and told.
const FAILURES_MAX: usize = 3;

/// What an exhaustive search has covered and found. The same scope gives the same, whatever the number of threads.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// The system that was searched.
    pub system: String,
    /// How many request sets.
    pub request_sets: u64,
    /// Which runs were taken for the same.
    pub reduction: Reduction,
    /// How many runs were made.
    pub executions: u64,
    /// How many orders of steps these runs stand for, counted exactly: so many runs it would take without reduction. `None` if it
    /// was not counted.
    pub interleavings: Option<u128>,
    /// How many moments were looked at.
    pub states: u64,
    /// How many steps between them.
    pub transitions: u64,
    /// How many steps of single nodes were worked out.
    pub steps: u64,
    /// How many runs were healed with messages under way, because they were too long or a node panicked.
    pub cut: u64,
    /// How many classes of runs were left out because a timer fires late in them: clocks are exact in plans.
    pub unrunnable: u64,
    /// How many request sets were given up, because they have too many states.
    pub given_up: u64,
    /// How many runs violated a check, by check.
    pub violations: IndexMap<String, u64>,
    /// What happened in all of them, counted.
    pub tally: Tally,
    /// The digests of all runs, folded.
    pub digest: u64,
    /// The failures, shrunk; the one with the fewest decisions first.
    pub failures: Vec<Failure>,
}

impl Exploration {
    /// How many runs violated a check.
    #[must_use]
    pub fn violation_count(&self) -> u64 {
        self.violations.values().sum()
    }

    /// True if the search went to the end of its scope, so that what was not found is not there. With checks that are not
    /// causal, or timers that fire early, that is all the worlds of the scope whose clocks are exact.
    #[must_use]
    pub fn is_exhaustive(&self) -> bool {
        self.cut == 0 && self.given_up == 0
    }
}

/// A way to fail: the check, the sort of breach, and where it comes from.
type Way = (String, &'static str, Source);

/// Where a run stands among all: request set and place in it.
type Place = (usize, usize);

/// What one thread, or all of them, found.
#[derive(Default)]
struct Findings {
    executions: u64,
    interleavings: Option<u128>,
    states: u64,
    transitions: u64,
    steps: u64,
    cut: u64,
    unrunnable: u64,
    given_up: u64,
    tally: Tally,
    /// Sums are the same in any order.
    digests: u64,
    violations: IndexMap<String, u64>,
    /// For each check and sort of breach the run with the fewest decisions.
    smallest: IndexMap<Way, (usize, Place, Plan)>,
}

/// Searches all of `scope`, on so many threads. `progress` hears how many runs more have been made.
pub fn explore<M: StateMachine>(
    system: &Harness<M>,
    scope: &Scope,
    jobs: NonZeroUsize,
    progress: &(dyn Fn(u64) + Sync),
) -> Exploration {
    let is_causal = system.checks.iter().all(|make| make().is_causal());
    let strongest = if is_causal { Reduction::Classes } else { Reduction::Moments };
    let explorer = Explorer { system, scope, reduction: scope.reduction.unwrap_or(strongest), progress };
    let mut found = explorer.run(jobs);
    found.violations.sort_unstable_keys();
    Exploration {
        system: system.name.clone(),
        request_sets: scope.request_sets.len() as u64,
        reduction: explorer.reduction,
        executions: found.executions,
        interleavings: found.interleavings,
        states: found.states,
        transitions: found.transitions,
        steps: found.steps,
        cut: found.cut,
        unrunnable: found.unrunnable,
        given_up: found.given_up,
        violations: found.violations,
        tally: found.tally,
        digest: found.digests,
        failures: shrink_failures(system, found.smallest),
    }
}

struct Explorer<'a, M: StateMachine> {
    system: &'a Harness<M>,
    scope: &'a Scope,
    reduction: Reduction,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl<M: StateMachine> Explorer<'_, M> {
    /// With many request sets a thread searches one at a time. With few, each thread searches all, which takes little time, and
    /// makes its share of the runs, which takes most of it. Either way each run is made once.
    fn run(&self, jobs: NonZeroUsize) -> Findings {
        let (jobs, sets) = (jobs.get(), self.scope.request_sets.len());
        let by_set = sets >= 4 * jobs;
        let next = AtomicUsize::new(0);
        let all = Mutex::new(Findings { interleavings: Some(0), ..Findings::default() });
        let work = |job: usize| {
            let mut mine = Findings { interleavings: Some(0), ..Findings::default() };
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

    /// Searches one request set, and makes every `shares`-th of its runs.
    fn search(&self, set: usize, share: usize, shares: usize, found: &mut Findings) {
        let (system, scope, asks) = (self.system, self.scope, &*self.scope.request_sets[set]);
        let reduces = matches!(self.reduction, Reduction::Classes | Reduction::States);
        let unfolding = Unfolding::new(system, asks, scope.node_count, self.reduction == Reduction::States);
        let mut search = Search::new(Moves::new(unfolding, scope, asks, reduces), scope, self.reduction);
        let covered = search.run();
        let moves = &search.moves;
        if share == 0 {
            found.states += covered.states;
            found.transitions += covered.transitions;
            found.steps += moves.unfolding.steps.len() as u64;
            found.given_up += u64::from(covered.given_up);
        }
        let in_row = matches!(self.reduction, Reduction::Moments | Reduction::Naive);
        for index in (share..search.leaf_count()).step_by(shares) {
            let (leaf, path) = search.leaf(index);
            let order = Order::of(&moves.unfolding, scope.node_count, moves.waits(), &path);
            found.cut += u64::from(leaf == Leaf::Cut);
            let made = schedule::plan_of(&moves.unfolding, scope, asks, &order, in_row, system.worlds.settle);
            let plan = match made {
                None if in_row => schedule::plan_of(&moves.unfolding, scope, asks, &order, false, system.worlds.settle),
                made => made,
            };
            match plan {
                Some(plan) => {
                    let outcome = system.run(&plan);
                    found.add_run((set, index), plan, &outcome);
                    if leaf != Leaf::Seen {
                        found.add_interleavings(self.reduction, &order, scope.node_count);
                    }
                }
                None => found.unrunnable += 1,
            }
            (self.progress)(1);
        }
    }
}

impl Findings {
    fn add_run(&mut self, place: Place, plan: Plan, outcome: &Outcome) {
        self.executions += 1;
        self.tally.add(&outcome.tally);
        let mut digest = Digest::new();
        digest.fold(place.0 as u64);
        digest.fold(place.1 as u64);
        digest.fold(outcome.digest);
        self.digests = self.digests.wrapping_add(digest.value());
        if let Some(violation) = &outcome.violation {
            *self.violations.entry(violation.check.clone()).or_default() += 1;
            let way = (violation.check.clone(), violation.breach.sort, violation.breach.source.clone());
            self.add_failing(way, (plan.decision_count(), place, plan));
        }
    }

    fn add_interleavings(&mut self, reduction: Reduction, order: &Order, node_count: usize) {
        let Some(sum) = self.interleavings else { return };
        let more = match reduction {
            Reduction::Naive => Some(1),
            Reduction::Moments | Reduction::Classes => order.interleavings(node_count),
            Reduction::States => None,
        };
        self.interleavings = more.map(|more| sum.saturating_add(more));
    }

    fn add_failing(&mut self, way: Way, failing: (usize, Place, Plan)) {
        let is_smaller = |known: &(usize, Place, Plan)| (failing.0, failing.1) < (known.0, known.1);
        if self.smallest.get(&way).is_none_or(is_smaller) {
            self.smallest.insert(way, failing);
        }
    }

    fn add(&mut self, other: Self) {
        self.executions += other.executions;
        self.interleavings = self.interleavings.zip(other.interleavings).map(|(sum, more)| sum.saturating_add(more));
        self.states += other.states;
        self.transitions += other.transitions;
        self.steps += other.steps;
        self.cut += other.cut;
        self.unrunnable += other.unrunnable;
        self.given_up += other.given_up;
        self.tally.add(&other.tally);
        self.digests = self.digests.wrapping_add(other.digests);
        for (check, count) in other.violations {
            *self.violations.entry(check).or_default() += count;
        }
        for (way, failing) in other.smallest {
            self.add_failing(way, failing);
        }
    }
}

fn shrink_failures<M: StateMachine>(
    system: &Harness<M>,
    smallest: IndexMap<Way, (usize, Place, Plan)>,
) -> Vec<Failure> {
    let mut ways: Vec<(usize, Place, Plan)> = smallest.into_values().collect();
    ways.sort_unstable_by_key(|(decisions, place, _)| (*decisions, *place));
    let told = ways
        .into_iter()
        .take(FAILURES_MAX)
        .filter_map(|(_, _, plan)| Some(Failure::new(system, None, shrink(system, &plan, &ShrinkOptions::default())?)));
    let mut failures: Vec<Failure> = told.collect();
    failures.sort_by_key(|failure| failure.shrunk.plan.decision_count());
    if let Some(told) = failures.first_mut() {
        told.explain(system);
    }
    failures
}
