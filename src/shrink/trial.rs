//! Tries candidates: the first in order that fails as the original does is the new best, whoever ran it.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use indexmap::IndexSet;

use crate::check::Violation;
use crate::harness::Recorded;
use crate::protocol::Digest;
use crate::running::spawn_scoped;
use crate::shrink::judge::{Judge, Tried};
use crate::shrink::{ShrinkOptions, Shrinking};
use crate::sim::{Fault, Plan};

/// Steps of a batch from which on it is worth to wake other threads.
const PARALLEL_STEPS_MIN: u64 = 4_000;

/// A batch has at most so many candidates for each thread: a plan may have thousands of decisions …
const BATCH_PER_JOB: usize = 8;
/// … and so many decisions in all, which bounds the memory that it takes.
const BATCH_DECISIONS_MAX: usize = 1 << 20;

/// Of other failures that are met on the way, so many are kept.
const MET_MAX: usize = 8;

/// A plan that may be the next best.
pub(crate) struct Candidate {
    pub(crate) plan: Plan,
    /// Subjects that have another name in this plan: the old and the new name.
    pub(crate) renamed: Vec<(String, String)>,
}

/// Makes a candidate once it is its turn: all candidates of a long plan together would fill the memory.
pub(crate) type Edit<'a> = Box<dyn FnOnce() -> Candidate + 'a>;
/// The candidates that one pass makes of a plan, in order.
pub(crate) type Edits<'a> = Box<dyn Iterator<Item = Edit<'a>> + 'a>;

/// A candidate, made when it is its turn.
pub(crate) fn edit<'a, C: Into<Candidate>>(make: impl FnOnce() -> C + 'a) -> Edit<'a> {
    Box::new(move || make().into())
}

/// A pass that has nothing to try.
pub(crate) fn none<'a>() -> Edits<'a> {
    Box::new(std::iter::empty())
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

    /// What it costs to make it and to know whether it was tried: about a step for each thing that it says.
    fn cost(&self) -> u64 {
        let links = self.plan.faults.iter().map(|planned| match &planned.fault {
            Fault::Partition { links, .. } => links.len(),
            Fault::Crash { .. } | Fault::Pause { .. } => 0,
        });
        (1 + self.plan.decision_count() + links.sum::<usize>()) as u64
    }
}

/// A candidate that was not tried before.
struct Entry {
    place: usize,
    digest: u64,
    candidate: Candidate,
    /// What it took to make this one, and those since the one before that were tried already.
    cost: u64,
    tried: OnceLock<Tried>,
}

/// The best plan so far, and what was tried.
pub(crate) struct Trials<'a> {
    judge: &'a dyn Judge,
    options: &'a ShrinkOptions,
    decisions_before: usize,
    /// invariant: fails as the original did.
    best: Arc<Recorded>,
    /// What was tried, by digest. It makes circles impossible.
    tried: IndexSet<u64>,
    runs: u64,
    /// What was done, in steps of nodes.
    steps: u64,
    /// A plan that failed and did not do so again: the system is not deterministic.
    unsteady: Option<Plan>,
    /// Failures of other kinds that tried plans ran into.
    met: Vec<(Plan, Violation)>,
}

impl<'a> Trials<'a> {
    /// `recorded` must fail. So many runs and steps were spent already.
    pub(crate) fn new(judge: &'a dyn Judge, recorded: Recorded, options: &'a ShrinkOptions, spent: [u64; 2]) -> Self {
        let tried = IndexSet::from([digest_of(&recorded.plan)]);
        let [runs, steps] = spent;
        let decisions_before = recorded.plan.decision_count();
        let (runs, steps) = (runs.max(1), steps.saturating_add(recorded.outcome.stats.steps));
        Self {
            judge,
            options,
            decisions_before,
            best: Arc::new(recorded),
            tried,
            runs,
            steps,
            unsteady: None,
            met: Vec::new(),
        }
    }

    pub(crate) fn best(&self) -> &Recorded {
        &self.best
    }

    /// The best plan; one that failed once and never again, if there was one; and failures of other kinds that were met on the way.
    pub(crate) fn finish(self) -> (Recorded, Option<Plan>, Vec<(Plan, Violation)>) {
        (Arc::unwrap_or_clone(self.best), self.unsteady, self.met)
    }

    /// How many plans were tried, and how much was done in steps of nodes: up to the one that was taken, without what other threads
    /// tried ahead.
    pub(crate) fn spent(&self) -> [u64; 2] {
        [self.runs, self.steps]
    }

    /// True if the runs or the steps are used up, or somebody has seen enough.
    pub(crate) fn is_over(&self) -> bool {
        self.is_spent() || self.is_stopped()
    }

    fn is_spent(&self) -> bool {
        self.runs >= self.options.runs_max || self.steps >= self.options.steps_max
    }

    fn is_stopped(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
    }

    /// Tries what `edits` makes of the best plan, again and again from where the last one was taken.
    pub(crate) fn exhaust(&mut self, edits: impl for<'b> Fn(&'b Recorded) -> Edits<'b>) {
        let mut from = 0;
        while !self.is_over() {
            let best = Arc::clone(&self.best);
            match self.take_first(edits(&best).skip(from).map(|edit| edit())) {
                Some(place) => from += place,
                None => break,
            }
        }
    }

    /// Makes the first of `candidates` that fails as the original does the best plan, and says which it was.
    pub(crate) fn take_first(&mut self, candidates: impl IntoIterator<Item = Candidate>) -> Option<usize> {
        let mut candidates = candidates.into_iter().enumerate();
        // What it took to make candidates that were tried already.
        let mut passed = 0;
        loop {
            let batch = self.next_batch(&mut candidates, &mut passed);
            if self.is_over() {
                return None;
            }
            if batch.is_empty() {
                self.steps = self.steps.saturating_add(passed);
                return None;
            }
            self.run(&batch);
            let taken = self.count(batch);
            self.tell();
            if let Some(place) = taken {
                return Some(place);
            }
        }
    }

    /// The next candidates that were not tried before: enough for all threads, but not more than memory is good for.
    fn next_batch(&self, candidates: &mut impl Iterator<Item = (usize, Candidate)>, passed: &mut u64) -> Vec<Entry> {
        let left = usize::try_from(self.options.runs_max.saturating_sub(self.runs)).unwrap_or(usize::MAX);
        let roomy = (BATCH_DECISIONS_MAX / self.best.plan.decision_count().max(1)).max(1);
        let length = (self.options.jobs.get() * BATCH_PER_JOB).min(roomy).min(left);
        let mut batch: Vec<Entry> = Vec::new();
        while batch.len() < length && self.steps.saturating_add(*passed) < self.options.steps_max && !self.is_stopped()
        {
            let Some((place, candidate)) = candidates.next() else { break };
            let digest = digest_of(&candidate.plan);
            *passed += candidate.cost();
            if !self.tried.contains(&digest) && batch.iter().all(|entry| entry.digest != digest) {
                let cost = std::mem::take(passed);
                batch.push(Entry { place, digest, candidate, cost, tried: OnceLock::new() });
            }
        }
        batch
    }

    /// Runs the batch on all threads, up to the first that fails as the best plan does.
    fn run(&self, batch: &[Entry]) {
        let violation = self.violation();
        let (next, first) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                // Only what comes before a candidate that fails can still matter.
                if place >= batch.len().min(first.load(Ordering::Relaxed)) || self.is_stopped() {
                    break;
                }
                let Entry { candidate, tried, .. } = &batch[place];
                let subject = candidate.name_of(&violation.breach.subject);
                if tried.get_or_init(|| self.judge.judge(&candidate.plan, violation, subject)).violation.is_some() {
                    first.fetch_min(place, Ordering::Relaxed);
                }
            }
        };
        let steps = self.best.outcome.stats.steps.saturating_mul(batch.len() as u64);
        let jobs = if steps < PARALLEL_STEPS_MIN { 1 } else { self.options.jobs.get().min(batch.len()) };
        thread::scope(|scope| {
            for _ in 1..jobs {
                spawn_scoped(scope, work);
            }
            work();
        });
    }

    /// Counts what was tried in order, as far as the budget goes, and takes the first that fails.
    fn count(&mut self, batch: Vec<Entry>) -> Option<usize> {
        for Entry { place, digest, candidate, cost, tried } in batch {
            let Some(Tried { steps, violation, other }) = tried.into_inner() else { break };
            if self.is_spent() {
                break;
            }
            self.tried.insert(digest);
            self.runs += 1;
            self.steps = self.steps.saturating_add(cost).saturating_add(steps);
            if let Some(other) = other {
                self.keep_met(&candidate.plan, *other);
            }
            let Some(violation) = violation else { continue };
            let Some(recorded) = self.judge.record(&candidate.plan, &violation) else {
                self.unsteady.get_or_insert(candidate.plan);
                continue;
            };
            self.steps = self.steps.saturating_add(steps);
            self.best = Arc::new(recorded);
            // Without the fates that nobody asked for, it is the same run.
            self.tried.insert(digest_of(&self.best.plan));
            return Some(place);
        }
        None
    }

    /// Keeps one of each kind.
    fn keep_met(&mut self, plan: &Plan, violation: Violation) {
        if self.met.len() < MET_MAX && !self.met.iter().any(|(_, known)| known.is_kin(&violation)) {
            self.met.push((plan.clone(), violation));
        }
    }

    fn violation(&self) -> &Violation {
        self.best.outcome.violation.as_ref().expect("expect: the best plan so far fails")
    }

    fn tell(&self) {
        self.options.watch.tell(Shrinking {
            seed: None,
            check: &self.violation().check,
            decisions_before: self.decisions_before,
            decisions: self.best.plan.decision_count(),
            runs: self.runs,
            steps: self.steps,
            steps_max: self.options.steps_max,
        });
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
