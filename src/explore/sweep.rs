//! Many worlds, on many threads, with one result.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use indexmap::IndexMap;

use super::determinism::{DETERMINISM, Verified, never_again, not_shrunk};
use super::{Outcome, Recorded, Shrunk, System, shrink};
use crate::check::Violation;
use crate::machine::{Digest, StateMachine};
use crate::sim::{Tally, Trace};

/// A thread takes this many worlds at a time.
const CHUNK: u64 = 32;

/// Of the worlds that fail in the same way, this many are shrunk, and the smallest is kept.
const CANDIDATES: usize = 3;

/// At most so many different failures are shrunk and told.
const FAILURES_MAX: usize = 3;

/// How many runs the shrinking of one plan may take, if not told otherwise.
pub const SHRINK_RUNS_MAX: u64 = 20_000;

/// Of so many worlds in a thousand it is verified that they are deterministic, if not told otherwise.
pub const VERIFY_PERMILLE: u32 = 10;

/// Which worlds to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// From the first to before the last.
    pub range: Range<u64>,
    /// Only every `shard_count`-th of them …
    pub shard_count: u64,
    /// … beginning with the one at this place.
    pub shard: u64,
}

impl Seeds {
    /// The worlds 0 to `count` − 1.
    #[must_use]
    pub const fn first(count: u64) -> Self {
        Self { range: 0..count, shard_count: 1, shard: 0 }
    }

    /// Just this world.
    #[must_use]
    pub const fn only(seed: u64) -> Self {
        // The seed beyond which there is none cannot end a half-open range; it stands for the one before it.
        let first = if seed == u64::MAX { seed - 1 } else { seed };
        Self { range: first..first + 1, shard_count: 1, shard: 0 }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        let all = self.range.end.saturating_sub(self.range.start);
        all.saturating_sub(self.shard).div_ceil(self.shard_count.max(1))
    }

    fn get(&self, place: u64) -> u64 {
        self.range.start + self.shard + place * self.shard_count.max(1)
    }
}

/// How to sweep.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// Which worlds.
    pub seeds: Seeds,
    /// On how many threads. The result does not depend on it.
    pub jobs: NonZeroUsize,
    /// How many runs the shrinking of one world may take.
    pub shrink_runs_max: u64,
    /// Of so many worlds in a thousand it is verified that they go the same way when they are run again: see
    /// [`System::verify_seed`]. The seed decides which. A world that fails is verified in any case.
    pub verify_permille: u32,
}

impl SweepOptions {
    /// These worlds, on all processors.
    #[must_use]
    pub fn new(seeds: Seeds) -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        // Whoever runs a single world looks into it.
        let verify_permille = if seeds.count() == 1 { 1_000 } else { VERIFY_PERMILLE };
        Self { seeds, jobs, shrink_runs_max: SHRINK_RUNS_MAX, verify_permille }
    }
}

/// What came of many worlds. The same seeds give the same, whatever the number of threads.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The system that was swept.
    pub system: String,
    /// How many worlds were run.
    pub worlds: u64,
    /// How many of them violated a check, by check.
    pub violations: IndexMap<String, u64>,
    /// What happened in all of them, counted.
    pub tally: Tally,
    /// The digests of all worlds, folded.
    pub digest: u64,
    /// The failures, shrunk; the one with the fewest decisions first, but before it one of `determinism`.
    pub failures: Vec<Failure>,
}

impl Sweep {
    /// How many worlds violated a check.
    #[must_use]
    pub fn violation_count(&self) -> u64 {
        self.violations.values().sum()
    }
}

/// One failure: where it was found, and what is left of it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The system that failed.
    pub system: String,
    /// The world it was found in; `None` if it came from a plan.
    pub seed: Option<u64>,
    /// The smallest plan that still fails in the same way.
    pub shrunk: Shrunk,
    /// How that plan goes.
    pub trace: Trace,
}

/// What one thread, or all of them, found.
#[derive(Default)]
struct Findings {
    tally: Tally,
    /// Sums are the same in any order.
    digests: u64,
    violations: IndexMap<String, u64>,
    /// For each check and sort of breach the shortest runs: steps and seed.
    shortest: IndexMap<(String, &'static str), Vec<(u64, u64)>>,
    /// Of the worlds that are not deterministic the one in which that shows first: seed, and how. It may not show again.
    leak: Option<(u64, Violation)>,
}

impl Findings {
    fn add_outcome(&mut self, seed: u64, outcome: &Outcome) {
        self.tally.add(&outcome.tally);
        let mut digest = Digest::new();
        digest.fold(seed);
        digest.fold(outcome.digest);
        self.digests = self.digests.wrapping_add(digest.value());
        if let Some(violation) = &outcome.violation {
            *self.violations.entry(violation.check.clone()).or_default() += 1;
            match violation.check.as_str() {
                DETERMINISM => self.add_leak(seed, violation.clone()),
                check => self.add_candidate((check.to_owned(), violation.breach.sort), (violation.step, seed)),
            }
        }
    }

    fn add_leak(&mut self, seed: u64, violation: Violation) {
        if self.leak.as_ref().is_none_or(|(other, known)| (violation.step, seed) < (known.step, *other)) {
            self.leak = Some((seed, violation));
        }
    }

    fn add_candidate(&mut self, way: (String, &'static str), candidate: (u64, u64)) {
        let shortest = self.shortest.entry(way).or_default();
        shortest.push(candidate);
        shortest.sort_unstable();
        shortest.truncate(CANDIDATES);
    }

    /// What was counted as a violation of `check` turned out to be that of another.
    fn recount(&mut self, check: &str, violation: &Violation) {
        if violation.check == check {
            return;
        }
        *self.violations.entry(violation.check.clone()).or_default() += 1;
        self.violations[check] -= 1;
        self.violations.retain(|_, count| *count > 0);
    }

    fn add(&mut self, other: Self) {
        self.tally.add(&other.tally);
        self.digests = self.digests.wrapping_add(other.digests);
        for (check, count) in other.violations {
            *self.violations.entry(check).or_default() += count;
        }
        for (way, candidates) in other.shortest {
            candidates.into_iter().for_each(|candidate| self.add_candidate(way.clone(), candidate));
        }
        if let Some((seed, violation)) = other.leak {
            self.add_leak(seed, violation);
        }
    }
}

/// Runs many worlds, and shrinks the failures it finds. `progress` hears how many worlds more have been run.
pub fn sweep<M: StateMachine>(system: &System<M>, options: &SweepOptions, progress: &(dyn Fn(u64) + Sync)) -> Sweep {
    let (seeds, count) = (&options.seeds, options.seeds.count());
    let next = AtomicU64::new(0);
    let all = Mutex::new(Findings::default());
    let work = || {
        let mut mine = Findings::default();
        loop {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= count {
                break;
            }
            let chunk = first..count.min(first.saturating_add(CHUNK));
            let length = chunk.end - chunk.start;
            for place in chunk {
                let seed = seeds.get(place);
                mine.add_outcome(seed, &run(system, seed, options.verify_permille));
            }
            progress(length);
        }
        all.lock().expect("expect: no thread of a sweep panics").add(mine);
    };
    thread::scope(|scope| {
        for _ in 1..options.jobs.get() {
            scope.spawn(work);
        }
        work();
    });
    let mut found = all.into_inner().expect("expect: no thread of a sweep panics");
    let failures = shrink_failures(system, &mut found, options.shrink_runs_max);
    found.violations.sort_unstable_keys();
    Sweep {
        system: system.name.clone(),
        worlds: count,
        violations: found.violations,
        tally: found.tally,
        digest: found.digests,
        failures,
    }
}

/// Runs the world of a seed; of some seeds twice.
fn run<M: StateMachine>(system: &System<M>, seed: u64, verify_permille: u32) -> Outcome {
    let mut draw = Digest::new();
    draw.fold(seed);
    if draw.value() % 1_000 < verify_permille.into() {
        system.verify_seed(seed).into_outcome()
    } else {
        system.run_seed(seed)
    }
}

fn shrink_failures<M: StateMachine>(system: &System<M>, found: &mut Findings, runs_max: u64) -> Vec<Failure> {
    let mut ways: Vec<_> = found.shortest.drain(..).map(|((check, _), candidates)| (candidates, check)).collect();
    ways.sort_unstable();
    ways.truncate(FAILURES_MAX);
    let by_size = |failure: &Failure| (failure.shrunk.plan.decision_count(), failure.seed);
    let leak = found.leak.take().map(|(seed, violation)| {
        let name = system.name.clone();
        Failure { seed: Some(seed), ..not_shrunk(name, system.record_seed(seed), violation) }
    });
    let mut failures: Vec<Failure> = leak.into_iter().collect();
    for (candidates, check) in ways {
        let shrunk = candidates.into_iter().map(|(_, seed)| shrink_seed(system, seed, &check, runs_max));
        failures.extend(shrunk.min_by_key(by_size).inspect(|failure| found.recount(&check, &failure.shrunk.violation)));
    }
    // Until a system is deterministic, nothing else that is told of it can be relied on.
    failures.sort_by_key(|failure| (failure.shrunk.violation.check != DETERMINISM, by_size(failure)));
    failures
}

/// Records the world of a seed and shrinks its plan.
fn shrink_seed<M: StateMachine>(system: &System<M>, seed: u64, check: &str, runs_max: u64) -> Failure {
    let recorded = system.record_seed(seed);
    let failure = failure_of(system, recorded, system.verify_seed(seed), check, runs_max);
    Failure { seed: Some(seed), ..failure }
}

/// What there is to tell of a run that violated `check`: its plan, shrunk. If it goes another way when it is run again, that is
/// the failure: nothing else that it shows can be relied on.
pub fn failure_of<M: StateMachine>(
    system: &System<M>,
    recorded: Recorded,
    verified: Verified,
    check: &str,
    runs_max: u64,
) -> Failure {
    let name = system.name.clone();
    let differs = verified.differs.map(|differs| differs.to_violation());
    if differs.is_none()
        && let Some(shrunk) = shrink(system, &recorded.plan, runs_max)
    {
        let trace = system.record(&shrunk.plan).trace;
        return Failure { system: name, seed: None, shrunk, trace };
    }
    let violation = differs.unwrap_or_else(|| never_again(check, recorded.outcome.violation.as_ref()));
    not_shrunk(name, recorded, violation)
}
