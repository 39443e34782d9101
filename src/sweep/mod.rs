//! Many worlds, on many threads, with one result.

mod failure;
mod findings;

use std::mem;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use indexmap::IndexMap;

use crate::determinism::DETERMINISM;
use crate::harness::Origin;
use crate::harness::{Harness, Outcome};
use crate::protocol::{Digest, StateMachine};
use crate::shrink::{SHRINK_RUNS_MAX, ShrinkOptions, Watch};
use crate::sim::{Memory, Tally};
use crate::strategy::Strategy;
use crate::sweep::{Coverage, Moves};
use crate::sweep::{Feedback, ROUND};

use failure::shrink_failures;
pub use failure::{Failure, failure_of, failure_of_differing};
use findings::Findings;

/// A thread takes this many worlds at a time …
const CHUNK: u64 = 32;
/// … or this many of a round.
const ROUND_CHUNK: u64 = 4;

/// Of the worlds that fail in the same way, this many are shrunk, and the smallest is kept.
const CANDIDATES: usize = 3;

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
    /// Hears how far the shrinking of what failed has come.
    pub watch: Watch,
}

impl SweepOptions {
    /// These worlds, on all processors.
    #[must_use]
    pub fn new(seeds: Seeds) -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        // Whoever runs a single world looks into it.
        let verify_permille = if seeds.count() == 1 { 1_000 } else { VERIFY_PERMILLE };
        let (stop, watch) = (Arc::default(), Watch::default());
        Self { seeds, jobs, shrink_runs_max: SHRINK_RUNS_MAX, verify_permille, stop, watch }
    }
}

/// What came of many worlds. The same seeds give the same, whatever the number of threads.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The system that was swept.
    pub system: String,
    /// How its worlds were drawn: a seed means a world only together with this.
    pub strategy: Strategy,
    /// Whether some of its worlds were made of the plans of earlier ones: [`System::feedback`].
    pub feedback: bool,
    /// How many worlds were run.
    pub worlds: u64,
    /// How many of them were run twice, to see whether they go the same way.
    pub verified: u64,
    /// True if the states of nodes were compared in these: see [`Verified::compares_states`](crate::determinism::Verified::compares_states).
    pub compares_states: bool,
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

    /// How many worlds violated each check, such as `siblings 30`; of `determinism`, which only shows in worlds that are run twice, also
    /// of how many of those.
    /// `show` writes a number.
    #[must_use]
    pub fn tell_violations(&self, show: &dyn Fn(u64) -> String) -> Vec<String> {
        let told = self.violations.iter().map(|(check, count)| match check.as_str() {
            DETERMINISM if self.verified < self.worlds => {
                format!("{check} {} of the {} worlds that were run twice", show(*count), show(self.verified))
            }
            _ => format!("{check} {}", show(*count)),
        });
        told.collect()
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

/// Runs many worlds, and shrinks the failures it finds. `progress` hears how many worlds more have been run.
pub fn sweep<M: StateMachine>(system: &Harness<M>, options: &SweepOptions, progress: &(dyn Fn(u64) + Sync)) -> Sweep {
    let mut found = if system.feedback {
        sweep_in_rounds(system, options, progress)
    } else {
        let count = options.seeds.count();
        on_threads(0..count, CHUNK, options, progress, |mine, memory, seed| {
            mine.moves.begin(seed);
            let origin = Origin::Seed(seed);
            let mut moves = mem::take(&mut mine.moves);
            let outcome = run(system, memory, &origin, options.verify_permille, &mut moves, mine);
            mine.moves = moves;
            mine.add_outcome(origin, &outcome);
        })
    };
    let shrink_options = ShrinkOptions {
        runs_max: options.shrink_runs_max,
        jobs: options.jobs,
        stop: Arc::clone(&options.stop),
        watch: options.watch.clone(),
        ..ShrinkOptions::default()
    };
    let failures = shrink_failures(system, &mut found, options.verify_permille, &shrink_options);
    found.violations.sort_unstable_keys();
    let is_missing = |mark: &&&'static str| found.tally.marks.get(**mark).is_none_or(|count| *count == 0);
    let judged = if found.worlds < REACH_WORLDS_MIN { &[][..] } else { &system.must_reach };
    let unreached = judged.iter().filter(is_missing).copied().collect();
    Sweep {
        system: system.name.clone(),
        strategy: system.worlds.strategy,
        feedback: system.feedback,
        worlds: found.worlds,
        verified: found.verified,
        compares_states: found.compares_states,
        violations: found.violations,
        tally: found.tally,
        digest: found.digests,
        coverage: found.moves.coverage(),
        unreached,
        failures,
    }
}

/// Feedback needs worlds to come one round after the other.
fn sweep_in_rounds<M: StateMachine>(
    system: &Harness<M>,
    options: &SweepOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Findings {
    let count = options.seeds.count();
    let (mut found, mut feedback) = (Findings::default(), Feedback::default());
    let mut first = 0;
    while first < count && !options.stop.load(Ordering::Relaxed) {
        let places = first..count.min(first.saturating_add(ROUND));
        first = places.end;
        let learned = &feedback;
        let mut round = on_threads(places, ROUND_CHUNK, options, progress, |mine, memory, seed| {
            let origin = learned.origin(seed, &system.worlds.profile);
            let mut moves = Moves::default();
            moves.begin(seed);
            let outcome = run(system, memory, &origin, options.verify_permille, &mut moves, mine);
            mine.lessons.extend(learned.lesson(system, &origin, &outcome, &moves));
            mine.moves.add(moves);
            mine.add_outcome(origin, &outcome);
        });
        feedback.learn(mem::take(&mut round.lessons));
        found.add(round);
    }
    found
}

/// Has the worlds at these places run on all threads, some at a time.
fn on_threads<M: StateMachine>(
    places: Range<u64>,
    chunk: u64,
    options: &SweepOptions,
    progress: &(dyn Fn(u64) + Sync),
    run_seed: impl Fn(&mut Findings, &mut Memory<M>, u64) + Sync,
) -> Findings {
    let next = AtomicU64::new(places.start);
    let all = Mutex::new(Findings::default());
    let work = || {
        let (mut mine, mut memory) = (Findings::default(), Memory::default());
        loop {
            let first = next.fetch_add(chunk, Ordering::Relaxed);
            if first >= places.end || options.stop.load(Ordering::Relaxed) {
                break;
            }
            let taken = first..places.end.min(first.saturating_add(chunk));
            let mut ran = 0;
            for place in taken.take_while(|_| !options.stop.load(Ordering::Relaxed)) {
                run_seed(&mut mine, &mut memory, options.seeds.get(place));
                ran += 1;
            }
            progress(ran);
        }
        all.lock().expect("expect: no thread of a sweep panics").add(mine);
    };
    thread::scope(|scope| {
        for _ in 1..options.jobs.get() {
            scope.spawn(work);
        }
        work();
    });
    all.into_inner().expect("expect: no thread of a sweep panics")
}

/// Runs a world; some twice, which `found` counts.
fn run<M: StateMachine>(
    system: &Harness<M>,
    memory: &mut Memory<M>,
    origin: &Origin,
    verify_permille: u32,
    moves: &mut Moves,
    found: &mut Findings,
) -> Outcome {
    if is_verified(origin, verify_permille) {
        let verified = system.verify_origin(memory, origin, moves);
        found.add_verified(&verified);
        verified.into_outcome()
    } else {
        system.run_origin(memory, origin, moves)
    }
}

/// True if this world of a sweep is run twice: its seed says so.
fn is_verified(origin: &Origin, verify_permille: u32) -> bool {
    let mut draw = Digest::new();
    draw.fold(origin.place());
    draw.value() % 1_000 < verify_permille.into()
}
