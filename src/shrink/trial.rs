//! Tries candidates: the first in order that fails as the original does is the new best, whoever ran it.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indexmap::IndexSet;

use crate::check::Violation;
use crate::harness::{Harness, Recorded};
use crate::protocol::{Digest, StateMachine};
use crate::shrink::ShrinkOptions;
use crate::sim::{Limits, Plan};

/// Steps of a batch from which on it is worth to wake other threads.
const PARALLEL_STEPS_MIN: u64 = 4_000;

/// A batch has at most so many candidates for each thread: a plan may have thousands of decisions.
const BATCH_PER_JOB: usize = 8;

/// A plan that may be the next best.
pub(crate) struct Candidate {
    pub(crate) plan: Plan,
    /// Subjects that have another name in this plan: the old and the new name.
    pub(crate) renamed: Vec<(String, String)>,
}

impl From<Plan> for Candidate {
    fn from(plan: Plan) -> Self {
        Self { plan, renamed: Vec::new() }
    }
}

impl Candidate {
    /// How `subject` is called in this plan.
    fn name_of<'a>(&'a self, subject: &'a str) -> &'a str {
        self.renamed.iter().find(|(old, _)| old == subject).map_or(subject, |(_, new)| new)
    }
}

/// The best plan so far, and what was tried.
pub(crate) struct Trials<'a, M: StateMachine> {
    system: &'a Harness<M>,
    options: &'a ShrinkOptions,
    /// How far runs may go.
    limits: Limits,
    /// invariant: fails as the original did.
    best: Recorded,
    /// What was tried, by digest. It makes circles impossible.
    tried: IndexSet<u64>,
    runs: u64,
}

impl<'a, M: StateMachine> Trials<'a, M> {
    /// `recorded` must fail.
    pub(crate) fn new(system: &'a Harness<M>, recorded: Recorded, options: &'a ShrinkOptions, limits: Limits) -> Self {
        let tried = IndexSet::from([digest_of(&recorded.plan)]);
        Self { system, options, limits, best: recorded, tried, runs: 1 }
    }

    pub(crate) fn best(&self) -> &Recorded {
        &self.best
    }

    pub(crate) fn into_best(self) -> Recorded {
        self.best
    }

    /// How many plans were tried: up to the one that was taken, not those that other threads tried ahead.
    pub(crate) fn runs(&self) -> u64 {
        self.runs
    }

    /// True if the runs are used up, or somebody has seen enough.
    pub(crate) fn is_over(&self) -> bool {
        self.runs >= self.options.runs_max || self.options.stop.load(Ordering::Relaxed)
    }

    /// Tries what `candidates` makes of the best plan, again and again from where the last one was taken.
    pub(crate) fn exhaust(&mut self, candidates: impl Fn(&Recorded) -> Vec<Candidate>) {
        let mut from = 0;
        loop {
            let candidates = candidates(&self.best).into_iter().skip(from);
            match self.take_first(candidates) {
                Some(place) => from += place,
                None => break,
            }
        }
    }

    /// Makes the first of `candidates` that fails as the original does the best plan, and says which it was.
    pub(crate) fn take_first(&mut self, candidates: impl IntoIterator<Item = Candidate>) -> Option<usize> {
        let mut candidates = candidates.into_iter().enumerate();
        let batch_length = self.options.jobs.get() * BATCH_PER_JOB;
        loop {
            let left = self.options.runs_max.saturating_sub(self.runs);
            let length = batch_length.min(usize::try_from(left).unwrap_or(usize::MAX));
            let mut batch: Vec<(usize, u64, Candidate)> = Vec::new();
            for (place, candidate) in &mut candidates {
                let digest = digest_of(&candidate.plan);
                if !self.tried.contains(&digest) && batch.iter().all(|(_, other, _)| *other != digest) {
                    batch.push((place, digest, candidate));
                }
                if batch.len() >= length {
                    break;
                }
            }
            if batch.is_empty() || self.is_over() {
                return None;
            }
            let failing = self.first_failing(&batch);
            let tried = failing.map_or(batch.len(), |first| first + 1);
            self.tried.extend(batch[..tried].iter().map(|(_, digest, _)| *digest));
            self.runs += tried as u64;
            if let Some(first) = failing {
                let (place, _, candidate) = batch.swap_remove(first);
                self.best = self.system.record_plan_limited(&candidate.plan, self.limits);
                // Without the fates that nobody asked for, it is the same run.
                self.tried.insert(digest_of(&self.best.plan));
                return Some(place);
            }
        }
    }

    /// The first of the batch that fails as the best plan does.
    fn first_failing(&self, batch: &[(usize, u64, Candidate)]) -> Option<usize> {
        let violation = self.best.outcome.violation.as_ref().expect("expect: the best plan so far fails");
        let (next, first) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                // Only what comes before a candidate that fails can still matter.
                if place >= batch.len().min(first.load(Ordering::Relaxed)) || self.is_over() {
                    break;
                }
                if self.fails(&batch[place].2, violation) {
                    first.fetch_min(place, Ordering::Relaxed);
                }
            }
        };
        let steps = self.best.outcome.tally.steps.saturating_mul(batch.len() as u64);
        let jobs = if steps < PARALLEL_STEPS_MIN { 1 } else { self.options.jobs.get().min(batch.len()) };
        thread::scope(|scope| {
            for _ in 1..jobs {
                scope.spawn(work);
            }
            work();
        });
        Some(first.into_inner()).filter(|first| *first < batch.len())
    }

    fn fails(&self, candidate: &Candidate, violation: &Violation) -> bool {
        let outcome = self.system.run_limited(&candidate.plan, self.limits);
        let subject = candidate.name_of(&violation.breach.subject);
        outcome.violation.is_some_and(|found| found.is_about(violation, subject))
    }
}

/// A digest of all that a plan says.
pub(crate) fn digest_of(plan: &Plan) -> u64 {
    struct Folded(Digest);
    impl fmt::Write for Folded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.fold_bytes(text.as_bytes());
            Ok(())
        }
    }
    let mut folded = Folded(Digest::new());
    write!(folded, "{plan:?}").expect("expect: a digest takes any text");
    folded.0.value()
}
