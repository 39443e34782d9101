//! What worlds have shown, whoever ran them and in whatever order.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::check::{Source, Violation};
use crate::determinism::{DETERMINISM, Verified};
use crate::harness::Origin;
use crate::harness::Outcome;
use crate::protocol::Digest;
use crate::sim::Stats;
use crate::sweep::CANDIDATES;
use crate::sweep::Lesson;
use crate::sweep::TransitionKinds;

/// Of the worlds that fail in one way the shortest runs, by steps and seed.
pub(crate) type Candidates = BTreeMap<(u64, u64), Origin>;

/// A way to fail: the check, the sort of breach, and where it comes from.
pub(crate) type Way = (String, &'static str, Source);

/// What is known of a way to fail.
pub(crate) struct Found {
    /// How many worlds failed so.
    pub(crate) worlds: u64,
    /// invariant: not empty.
    pub(crate) candidates: Candidates,
    /// How the shortest of them fails.
    pub(crate) violation: Violation,
}

impl Found {
    fn add(&mut self, other: Self) {
        if other.candidates.keys().next() < self.candidates.keys().next() {
            self.violation = other.violation;
        }
        self.worlds += other.worlds;
        self.candidates.extend(other.candidates);
        while self.candidates.len() > CANDIDATES {
            self.candidates.pop_last();
        }
    }
}

/// What one thread, or all of them, found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) worlds: u64,
    /// How many of them were run twice.
    pub(crate) verified: u64,
    /// In any of those the states of nodes were compared.
    pub(crate) compares_states: bool,
    pub(crate) stats: Stats,
    /// Sums are the same in any order.
    pub(crate) digests: u64,
    pub(crate) violations: IndexMap<String, u64>,
    pub(crate) transitions: TransitionKinds,
    /// What feedback has to learn from them.
    pub(crate) lessons: Vec<Lesson>,
    pub(crate) ways: IndexMap<Way, Found>,
    /// Of the worlds that are not deterministic the one in which that shows first, and how. It may not show again.
    pub(crate) leak: Option<(Origin, Violation)>,
}

impl Findings {
    /// A world was run twice.
    pub(crate) fn add_verified(&mut self, verified: &Verified) {
        self.verified += 1;
        self.compares_states |= verified.compares_states;
    }

    /// True if it fails in a way that was not seen before.
    pub(crate) fn add_outcome(&mut self, origin: Origin, outcome: &Outcome) -> bool {
        self.worlds += 1;
        self.stats.add(&outcome.stats);
        let mut digest = Digest::new();
        digest.fold(origin.place());
        digest.fold(outcome.digest);
        self.digests = self.digests.wrapping_add(digest.value());
        let Some(violation) = &outcome.violation else { return false };
        *self.violations.entry(violation.check.clone()).or_default() += 1;
        if violation.check == DETERMINISM {
            let is_new = self.leak.is_none();
            self.add_leak(origin, violation.clone());
            return is_new;
        }
        let candidates = BTreeMap::from([((violation.step, origin.place()), origin)]);
        let found = Found { worlds: 1, candidates, violation: violation.clone() };
        let way_count = self.ways.len();
        self.add_way((violation.check.clone(), violation.breach.sort, violation.breach.source.clone()), found);
        self.ways.len() > way_count
    }

    fn add_leak(&mut self, origin: Origin, violation: Violation) {
        let key = |origin: &Origin, violation: &Violation| (violation.step, origin.place());
        if self.leak.as_ref().is_none_or(|(other, known)| key(&origin, &violation) < key(other, known)) {
            self.leak = Some((origin, violation));
        }
    }

    fn add_way(&mut self, way: Way, found: Found) {
        match self.ways.get_mut(&way) {
            Some(known) => known.add(found),
            None => _ = self.ways.insert(way, found),
        }
    }

    /// What was counted as a violation of `check` turned out to be that of another.
    pub(crate) fn recount(&mut self, check: &str, violation: &Violation) {
        if violation.check == check {
            return;
        }
        *self.violations.entry(violation.check.clone()).or_default() += 1;
        self.violations[check] -= 1;
        self.violations.retain(|_, count| *count > 0);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.verified += other.verified;
        self.compares_states |= other.compares_states;
        self.stats.add(&other.stats);
        self.digests = self.digests.wrapping_add(other.digests);
        self.transitions.add(other.transitions);
        self.lessons.extend(other.lessons);
        for (check, count) in other.violations {
            *self.violations.entry(check).or_default() += count;
        }
        for (way, found) in other.ways {
            self.add_way(way, found);
        }
        if let Some((origin, violation)) = other.leak {
            self.add_leak(origin, violation);
        }
    }
}
