//! Tries candidates: the first in order that fails as the original does is the new best, whoever ran it.

use std::fmt::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indexmap::IndexSet;

use crate::check::Violation;
use crate::harness::{Harness, Recorded};
use crate::protocol::{Digest, StateMachine};
use crate::running::spawn_scoped;
use crate::shrink::ShrinkOptions;
use crate::sim::Plan;

/// Steps of a batch from which on it is worth to wake other threads.
const PARALLEL_STEPS_MIN: u64 = 4_000;

/// A batch has at most so many candidates for each thread: a plan may have thousands of decisions.
const BATCH_PER_JOB: usize = 8;

/// Of other failures that are met on the way, so many are kept.
const MET_MAX: usize = 8;

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
    /// invariant: fails as the original did.
    best: Recorded,
    /// What was tried, by digest. It makes circles impossible.
    tried: IndexSet<u64>,
    runs: u64,
    /// Failures of other kinds that tried plans ran into.
    met: Vec<(Plan, Violation)>,
}

impl<'a, M: StateMachine> Trials<'a, M> {
    /// `recorded` must fail.
    pub(crate) fn new(system: &'a Harness<M>, recorded: Recorded, options: &'a ShrinkOptions) -> Self {
        let tried = IndexSet::from([digest_of(&recorded.plan)]);
        Self { system, options, best: recorded, tried, runs: 1, met: Vec::new() }
    }

    pub(crate) fn best(&self) -> &Recorded {
        &self.best
    }

    /// The best plan, and failures of other kinds that were met on the way to it.
    pub(crate) fn into_best(self) -> (Recorded, Vec<(Plan, Violation)>) {
        (self.best, self.met)
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
            let (failing, met) = self.first_failing(&batch);
            let tried = failing.map_or(batch.len(), |first| first + 1);
            self.keep_met(&batch[..tried], met);
            self.tried.extend(batch[..tried].iter().map(|(_, digest, _)| *digest));
            self.runs += tried as u64;
            if let Some(first) = failing {
                let (place, _, candidate) = batch.swap_remove(first);
                self.best = self.system.record(&candidate.plan);
                // Without the fates that nobody asked for, it is the same run.
                self.tried.insert(digest_of(&self.best.plan));
                return Some(place);
            }
        }
    }

    /// Keeps one of each kind: in the order of the batch, whichever thread was first.
    fn keep_met(&mut self, tried: &[(usize, u64, Candidate)], mut met: Vec<(usize, Violation)>) {
        met.retain(|(place, _)| *place < tried.len());
        met.sort_by_key(|(place, _)| *place);
        for (place, violation) in met {
            if self.met.len() < MET_MAX && !self.met.iter().any(|(_, known)| known.is_kin(&violation)) {
                self.met.push((tried[place].2.plan.clone(), violation));
            }
        }
    }

    /// The first of the batch that fails as the best plan does, and those before it that fail in another way.
    fn first_failing(&self, batch: &[(usize, u64, Candidate)]) -> (Option<usize>, Vec<(usize, Violation)>) {
        let violation = self.best.outcome.violation.as_ref().expect("expect: the best plan so far fails");
        let (next, first) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        let met = Mutex::new(Vec::new());
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                // Only what comes before a candidate that fails can still matter.
                if place >= batch.len().min(first.load(Ordering::Relaxed)) || self.is_over() {
                    break;
                }
                match self.violation_of(&batch[place].2, violation) {
                    Some(Ok(())) => _ = first.fetch_min(place, Ordering::Relaxed),
                    Some(Err(other)) => met.lock().expect("expect: nobody panics here").push((place, *other)),
                    None => {}
                }
            }
        };
        let steps = self.best.outcome.tally.steps.saturating_mul(batch.len() as u64);
        let jobs = if steps < PARALLEL_STEPS_MIN { 1 } else { self.options.jobs.get().min(batch.len()) };
        thread::scope(|scope| {
            for _ in 1..jobs {
                spawn_scoped(scope, work);
            }
            work();
        });
        let met = met.into_inner().expect("expect: nobody panics here");
        (Some(first.into_inner()).filter(|first| *first < batch.len()), met)
    }

    /// Nothing if the plan passes, or fails about something else; that it fails as it must; or how else it fails.
    fn violation_of(&self, candidate: &Candidate, violation: &Violation) -> Option<Result<(), Box<Violation>>> {
        let found = self.system.run(&candidate.plan).violation?;
        let subject = candidate.name_of(&violation.breach.subject);
        if found.is_about(violation, subject) {
            return Some(Ok(()));
        }
        (!found.is_kin(violation)).then(|| Err(Box::new(found)))
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
