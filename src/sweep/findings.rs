//! What worlds have shown, whoever ran them and in whatever order.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::check::Violation;
use crate::determinism::{DETERMINISM, Verified};
use crate::harness::Origin;
use crate::harness::Outcome;
use crate::protocol::Digest;
use crate::sim::Tally;
use crate::sweep::CANDIDATES;
use crate::sweep::Lesson;
use crate::sweep::Moves;

/// Of the worlds that fail in one way the shortest runs, by steps and seed.
pub(crate) type Candidates = BTreeMap<(u64, u64), Origin>;

/// What one thread, or all of them, found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) worlds: u64,
    /// How many of them were run twice.
    pub(crate) verified: u64,
    /// In any of those the states of nodes were compared.
    pub(crate) compares_states: bool,
    pub(crate) tally: Tally,
    /// Sums are the same in any order.
    pub(crate) digests: u64,
    pub(crate) violations: IndexMap<String, u64>,
    pub(crate) moves: Moves,
    /// What feedback has to learn from them.
    pub(crate) lessons: Vec<Lesson>,
    /// For each check and sort of breach the shortest runs.
    pub(crate) shortest: IndexMap<(String, &'static str), Candidates>,
    /// Of the worlds that are not deterministic the one in which that shows first, and how. It may not show again.
    pub(crate) leak: Option<(Origin, Violation)>,
}

impl Findings {
    /// A world was run twice.
    pub(crate) fn add_verified(&mut self, verified: &Verified) {
        self.verified += 1;
        self.compares_states |= verified.compares_states;
    }

    pub(crate) fn add_outcome(&mut self, origin: Origin, outcome: &Outcome) {
        self.worlds += 1;
        self.tally.add(&outcome.tally);
        let mut digest = Digest::new();
        digest.fold(origin.place());
        digest.fold(outcome.digest);
        self.digests = self.digests.wrapping_add(digest.value());
        if let Some(violation) = &outcome.violation {
            *self.violations.entry(violation.check.clone()).or_default() += 1;
            match violation.check.as_str() {
                DETERMINISM => self.add_leak(origin, violation.clone()),
                check => {
                    let candidate = ((violation.step, origin.place()), origin);
                    self.add_candidates((check.to_owned(), violation.breach.sort), [candidate]);
                }
            }
        }
    }

    fn add_leak(&mut self, origin: Origin, violation: Violation) {
        let key = |origin: &Origin, violation: &Violation| (violation.step, origin.place());
        if self.leak.as_ref().is_none_or(|(other, known)| key(&origin, &violation) < key(other, known)) {
            self.leak = Some((origin, violation));
        }
    }

    fn add_candidates(
        &mut self,
        way: (String, &'static str),
        candidates: impl IntoIterator<Item = ((u64, u64), Origin)>,
    ) {
        let shortest = self.shortest.entry(way).or_default();
        shortest.extend(candidates);
        while shortest.len() > CANDIDATES {
            shortest.pop_last();
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
        self.tally.add(&other.tally);
        self.digests = self.digests.wrapping_add(other.digests);
        self.moves.add(other.moves);
        self.lessons.extend(other.lessons);
        for (check, count) in other.violations {
            *self.violations.entry(check).or_default() += count;
        }
        for (way, candidates) in other.shortest {
            self.add_candidates(way, candidates);
        }
        if let Some((origin, violation)) = other.leak {
            self.add_leak(origin, violation);
        }
    }
}
