//! What one thread of a search found, or all of them.

use indexmap::IndexMap;

use super::order::Order;
use super::{Happened, Reduction};
use crate::check::Source;
use crate::harness::Outcome;
use crate::protocol::Digest;
use crate::sim::{Plan, Stats};

/// Where a run stands among all: request set and place in it.
pub(crate) type RunId = (usize, usize);

/// A way to fail: the check, the sort of breach, and where it comes from.
pub(crate) type Way = (String, &'static str, Source);

/// A run that failed: how many decisions its plan has, where it stands, and its plan.
pub(crate) type Failing = (usize, RunId, Plan);

/// What one thread, or all of them, found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) executions: u64,
    pub(crate) interleavings: Option<u128>,
    pub(crate) states: u64,
    pub(crate) transitions: u64,
    pub(crate) steps: u64,
    pub(crate) happened: Happened,
    pub(crate) cut: u64,
    pub(crate) unrunnable: u64,
    pub(crate) given_up: u64,
    pub(crate) stopped: bool,
    pub(crate) blind: bool,
    pub(crate) stats: Stats,
    /// Sums are the same in any order.
    pub(crate) digests: u64,
    pub(crate) violations: IndexMap<String, u64>,
    /// For each check and sort of breach the run with the fewest decisions.
    pub(crate) smallest: IndexMap<Way, Failing>,
}

impl Findings {
    pub(crate) fn new() -> Self {
        Self { interleavings: Some(0), ..Self::default() }
    }

    pub(crate) fn add_run(&mut self, place: RunId, plan: Plan, outcome: &Outcome) {
        self.executions += 1;
        self.stats.add(&outcome.stats);
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

    pub(crate) fn add_interleavings(&mut self, reduction: Reduction, order: &Order, node_count: usize) {
        let Some(sum) = self.interleavings else { return };
        let more = match reduction {
            Reduction::Naive => Some(1),
            Reduction::Moments | Reduction::Classes => order.interleavings(node_count),
            Reduction::States => None,
        };
        self.interleavings = more.and_then(|more| sum.checked_add(more));
    }

    fn add_failing(&mut self, way: Way, failing: Failing) {
        let is_smaller = |known: &Failing| (failing.0, failing.1) < (known.0, known.1);
        if self.smallest.get(&way).is_none_or(is_smaller) {
            self.smallest.insert(way, failing);
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.executions += other.executions;
        let sums = self.interleavings.zip(other.interleavings);
        self.interleavings = sums.and_then(|(sum, more)| sum.checked_add(more));
        self.states += other.states;
        self.transitions += other.transitions;
        self.steps += other.steps;
        self.happened.add(other.happened);
        self.cut += other.cut;
        self.unrunnable += other.unrunnable;
        self.given_up += other.given_up;
        self.stopped |= other.stopped;
        self.blind |= other.blind;
        self.stats.add(&other.stats);
        self.digests = self.digests.wrapping_add(other.digests);
        for (check, count) in other.violations {
            *self.violations.entry(check).or_default() += count;
        }
        for (way, failing) in other.smallest {
            self.add_failing(way, failing);
        }
    }
}
