//! Many worlds, on many threads, with one result.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use indexmap::IndexMap;

use super::coverage::{Coverage, Moves};
use super::determinism::{DETERMINISM, Verified, never_again, not_shrunk};
use super::explain::{pivot, twin};
use super::{Outcome, Pivot, Recorded, SHRINK_RUNS_MAX, ShrinkOptions, Shrunk, Strategy, System, Twin, shrink};
use crate::check::Violation;
use crate::machine::{Digest, StateMachine};
use crate::sim::{Tally, Trace};

/// A thread takes this many worlds at a time.
const CHUNK: u64 = 32;

/// Of the worlds that fail in the same way, this many are shrunk, and the smallest is kept.
const CANDIDATES: usize = 3;

/// At most so many different failures are shrunk and told.
const FAILURES_MAX: usize = 3;

/// Of so many worlds in a thousand it is verified that they are deterministic, if not told otherwise.
pub const VERIFY_PERMILLE: u32 = 10;

/// A sweep of fewer worlds than this does not say of a mark that it is out of reach: it may have had no luck.
pub const REACH_WORLDS_MIN: u64 = 1_000;

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
    /// Set by whoever has seen enough: the worlds run by then are the sweep, and what failed is told as small as it is.
    pub stop: Arc<AtomicBool>,
}

impl SweepOptions {
    /// These worlds, on all processors.
    #[must_use]
    pub fn new(seeds: Seeds) -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        // Whoever runs a single world looks into it.
        let verify_permille = if seeds.count() == 1 { 1_000 } else { VERIFY_PERMILLE };
        Self { seeds, jobs, shrink_runs_max: SHRINK_RUNS_MAX, verify_permille, stop: Arc::default() }
    }
}

/// What came of many worlds. The same seeds give the same, whatever the number of threads.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The system that was swept.
    pub system: String,
    /// How its worlds were drawn: a seed means a world only together with this.
    pub strategy: Strategy,
    /// How many worlds were run.
    pub worlds: u64,
    /// How many of them violated a check, by check.
    pub violations: IndexMap<String, u64>,
    /// What happened in all of them, counted.
    pub tally: Tally,
    /// The digests of all worlds, folded.
    pub digest: u64,
    /// How much of the system the worlds have shown.
    pub coverage: Coverage,
    /// The marks of [`System::must_reach`] that no world hit; none for fewer than [`REACH_WORLDS_MIN`] worlds.
    pub unreached: Vec<&'static str>,
    /// The failures, shrunk; the one with the fewest decisions first, but before it one of `determinism`. The first is
    /// explained.
    pub failures: Vec<Failure>,
}

impl Sweep {
    /// How many worlds violated a check.
    #[must_use]
    pub fn violation_count(&self) -> u64 {
        self.violations.values().sum()
    }

    /// True if no world violated a check, and each mark that must be reached was.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violation_count() == 0 && self.unreached.is_empty()
    }

    /// Which marks were never hit, in a sentence; `None` if none of those that must be reached is missing.
    #[must_use]
    pub fn tell_unreached(&self) -> Option<String> {
        let quoted: Vec<String> = self.unreached.iter().map(|mark| format!("\"{mark}\"")).collect();
        let marks = match quoted.len() {
            0 => return None,
            1 => "the mark",
            _ => "the marks",
        };
        let (worlds, system) = (self.worlds, &self.system);
        Some(format!("none of {worlds} worlds of \"{system}\" reached {marks} {}", quoted.join(", ")))
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
    /// The nearest plan that passes. See [`explain`](Self::explain).
    pub twin: Option<Twin>,
    /// What decided that the run fails. See [`explain`](Self::explain).
    pub pivot: Option<Pivot>,
}

/// What one thread, or all of them, found.
#[derive(Default)]
struct Findings {
    worlds: u64,
    tally: Tally,
    /// Sums are the same in any order.
    digests: u64,
    violations: IndexMap<String, u64>,
    moves: Moves,
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
        self.worlds += other.worlds;
        self.tally.add(&other.tally);
        self.digests = self.digests.wrapping_add(other.digests);
        self.moves.add(other.moves);
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
            if first >= count || options.stop.load(Ordering::Relaxed) {
                break;
            }
            let chunk = first..count.min(first.saturating_add(CHUNK));
            let length = chunk.end - chunk.start;
            mine.worlds += length;
            for place in chunk {
                let seed = seeds.get(place);
                let outcome = run(system, seed, options.verify_permille, &mut mine.moves);
                mine.add_outcome(seed, &outcome);
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
    let shrink_options = ShrinkOptions {
        runs_max: options.shrink_runs_max,
        jobs: options.jobs,
        stop: Arc::clone(&options.stop),
        ..ShrinkOptions::default()
    };
    let failures = shrink_failures(system, &mut found, &shrink_options);
    found.violations.sort_unstable_keys();
    let is_missing = |mark: &&&'static str| found.tally.marks.get(**mark).is_none_or(|count| *count == 0);
    let judged = if found.worlds < REACH_WORLDS_MIN { &[][..] } else { &system.must_reach };
    let unreached = judged.iter().filter(is_missing).copied().collect();
    Sweep {
        system: system.name.clone(),
        strategy: system.strategy,
        worlds: found.worlds,
        violations: found.violations,
        tally: found.tally,
        digest: found.digests,
        coverage: found.moves.coverage(),
        unreached,
        failures,
    }
}

/// Runs the world of a seed; of some seeds twice more.
fn run<M: StateMachine>(system: &System<M>, seed: u64, verify_permille: u32, moves: &mut Moves) -> Outcome {
    moves.begin(seed);
    let outcome = system.run_seed_seen(seed, moves);
    let mut draw = Digest::new();
    draw.fold(seed);
    if draw.value() % 1_000 < verify_permille.into() { system.verify_seed(seed).into_outcome() } else { outcome }
}

fn shrink_failures<M: StateMachine>(system: &System<M>, found: &mut Findings, options: &ShrinkOptions) -> Vec<Failure> {
    let mut ways: Vec<_> = found.shortest.drain(..).map(|((check, _), candidates)| (candidates, check)).collect();
    ways.sort_unstable();
    ways.truncate(FAILURES_MAX);
    let leak = found.leak.take().map(|(seed, violation)| {
        let name = system.name.clone();
        Failure { seed: Some(seed), ..not_shrunk(name, system.record_seed(seed), violation) }
    });
    let mut failures: Vec<Failure> = leak.into_iter().collect();
    for (candidates, check) in ways {
        let shrunk = shrink_smallest(system, &candidates, &check, options);
        failures.extend(shrunk.inspect(|failure| found.recount(&check, &failure.shrunk.violation)));
    }
    // Until a system is deterministic, nothing else that is told of it can be relied on.
    failures.sort_by_key(|failure| (failure.shrunk.violation.check != DETERMINISM, failure.size()));
    if let Some(told) = failures.first_mut() {
        told.explain(system);
    }
    failures
}

/// Shrinks the worlds of some seeds, and the smallest result as far as it goes.
fn shrink_smallest<M: StateMachine>(
    system: &System<M>,
    candidates: &[(u64, u64)],
    check: &str,
    options: &ShrinkOptions,
) -> Option<Failure> {
    // Luck is for the winner alone: it is what costs most.
    let without_luck = ShrinkOptions { draws_max: 0, ..options.clone() };
    let shrunk = candidates.iter().map(|(_, seed)| {
        let (recorded, verified) = (system.record_seed(*seed), system.verify_seed(*seed));
        Failure { seed: Some(*seed), ..failure_of(system, recorded, verified, check, &without_luck) }
    });
    let smallest = shrunk.min_by_key(Failure::size)?;
    if smallest.shrunk.violation.check == DETERMINISM {
        return Some(smallest);
    }
    let Some(further) = shrink(system, &smallest.shrunk.plan, options) else { return Some(smallest) };
    let Shrunk { decisions_before, nodes_before, runs, .. } = smallest.shrunk;
    let shrunk = Shrunk { decisions_before, nodes_before, runs: runs + further.runs, ..further };
    Some(Failure::new(system, smallest.seed, shrunk))
}

/// What there is to tell of a run that violated `check`: its plan, shrunk. If it goes another way when it is run again, that is
/// the failure: nothing else that it shows can be relied on.
pub fn failure_of<M: StateMachine>(
    system: &System<M>,
    recorded: Recorded,
    verified: Verified,
    check: &str,
    options: &ShrinkOptions,
) -> Failure {
    let differs = verified.differs.map(|differs| differs.to_violation());
    if differs.is_none()
        && let Some(shrunk) = shrink(system, &recorded.plan, options)
    {
        return Failure::new(system, None, shrunk);
    }
    let violation = differs.unwrap_or_else(|| never_again(check, recorded.outcome.violation.as_ref()));
    not_shrunk(system.name.clone(), recorded, violation)
}

impl Failure {
    /// The failure that is left after shrinking, with its run written down.
    pub fn new<M: StateMachine>(system: &System<M>, seed: Option<u64>, shrunk: Shrunk) -> Self {
        let trace = system.record(&shrunk.plan).trace;
        Self { system: system.name.clone(), seed, shrunk, trace, twin: None, pivot: None }
    }

    /// Looks for the passing twin and the pivotal step. It takes thousands of runs, but of a shrunk plan they take less than
    /// a second; runs that are so long that it would take much longer are left unexplained, and so is whatever goes another
    /// way each time.
    pub fn explain<M: StateMachine>(&mut self, system: &System<M>) {
        if self.shrunk.violation.check == DETERMINISM {
            return;
        }
        let failing = system.record(&self.shrunk.plan);
        if failing.outcome.violation.is_some() {
            self.twin = twin(system, &failing);
            self.pivot = pivot(system, &failing);
        }
    }

    /// What is smaller is told first.
    fn size(&self) -> (usize, Option<u64>) {
        (self.shrunk.plan.decision_count(), self.seed)
    }
}
