//! Many worlds, on many threads, with one result.

mod coverage;
mod failure;
mod feedback;
mod findings;
mod one_world;
mod others;
mod so_far;
mod unstruck;

use std::mem;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use indexmap::IndexMap;

use crate::determinism::DETERMINISM;
use crate::harness::{Harness, Origin, Outcome};
use crate::protocol::{StateMachine, visible};
use crate::running::{Running, spawn_scoped};
use crate::shrink::Watch;
use crate::shrink::{SHRINK_RUNS_MAX, ShrinkOptions};
use crate::sim::{Arena, Stats};
use crate::strategy::{Calibration, Profile, Strategy};

pub use coverage::Coverage;
pub(crate) use coverage::{KINDS_MAX, TransitionKinds};
use failure::shrink_failures;
pub use failure::{Failure, failure_of, failure_of_differing};
pub(crate) use feedback::{Feedback, Lesson, ROUND};
use findings::Findings;
pub(crate) use one_world::is_verified;
use one_world::run;
pub use others::Other;
pub use so_far::SoFar;

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
    /// From the first to before the last. `u64::MAX..u64::MAX` is the world of the last seed there is, which no other range holds.
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
        Self { range: seed..seed.saturating_add(1), shard_count: 1, shard: 0 }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.all().saturating_sub(self.shard).div_ceil(self.shard_count.max(1))
    }

    /// The seed of the world at this place, from 0.
    ///
    /// # Panics
    /// If there is no such place.
    #[must_use]
    pub fn get(&self, place: u64) -> u64 {
        assert!(place < self.count(), "expected a place below {}, found {place}", self.count());
        self.range.start + self.shard + place * self.shard_count.max(1)
    }

    /// Why there is no world to run; `None` if there is one.
    #[must_use]
    pub fn tell_none(&self) -> Option<String> {
        match (self.count(), self.all(), self.shard, self.shard_count) {
            (1.., ..) => None,
            (0, 0, ..) => Some("expected at least 1 world, found 0".to_owned()),
            (0, all, shard, count) => {
                Some(format!("shard {shard}/{count} of {all} has none: expected fewer shards, or more worlds"))
            }
        }
    }

    /// The worlds of all shards.
    const fn all(&self) -> u64 {
        match (self.range.start, self.range.end) {
            (u64::MAX, u64::MAX) => 1,
            (start, end) => end.saturating_sub(start),
        }
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
    /// [`Harness::verify_seed`](Harness::verify_seed). The seed decides which. A world that fails is verified in any case.
    pub verify_permille: u32,
    /// Set by whoever has seen enough: the worlds run by then are the sweep, and what failed is told as small as it is.
    pub stop: Arc<AtomicBool>,
    /// Hears how far the shrinking of what failed has come.
    pub watch: Watch,
    /// Where others see what is found while the sweep goes on, and after it.
    pub so_far: SoFar,
}

impl SweepOptions {
    /// These worlds, on all processors.
    #[must_use]
    pub fn new(seeds: Seeds) -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        // Whoever runs a single world looks into it.
        let verify_permille = if seeds.count() == 1 { 1_000 } else { VERIFY_PERMILLE };
        let (stop, so_far, watch) = (Arc::default(), SoFar::default(), Watch::default());
        Self { seeds, jobs, shrink_runs_max: SHRINK_RUNS_MAX, verify_permille, stop, watch, so_far }
    }

    #[track_caller]
    fn expect_sound(&self) {
        let (Seeds { shard, shard_count, .. }, permille) = (&self.seeds, self.verify_permille);
        assert!(permille <= 1_000, "verify_permille: expected at most 1000, found {permille}");
        assert!(shard < shard_count, "seeds: expected a shard below shard_count, found shard {shard} of {shard_count}");
    }
}

/// What came of many worlds. The same seeds give the same, whatever the number of threads.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The system that was swept.
    pub system: String,
    /// How its worlds were drawn: a seed means a world only together with this.
    pub strategy: Strategy,
    /// Whether some of its worlds were made of the plans of earlier ones: [`Harness::feedback`](Harness::feedback).
    pub feedback: bool,
    /// How many checks looked on: with none only panics, wrong answers and worlds that do not rest are found.
    pub check_count: usize,
    /// Whether clients asked anything.
    pub has_clients: bool,
    /// How many worlds were run.
    pub worlds: u64,
    /// How many of them were run twice, to see whether they go the same way.
    pub verified: u64,
    /// True if the states of nodes were compared in these: see [`Verified::compares_states`](crate::determinism::Verified::compares_states).
    pub compares_states: bool,
    /// How many of them violated a check, by check.
    pub violations: IndexMap<String, u64>,
    /// What happened in all of them, counted.
    pub stats: Stats,
    /// The digests of all worlds, folded.
    pub digest: u64,
    /// How much of the system the worlds have shown.
    pub coverage: Coverage,
    /// The marks of [`Harness::must_reach`](Harness::must_reach) that no world hit; none for fewer than [`REACH_WORLDS_MIN`] worlds.
    pub unreached: Vec<&'static str>,
    /// The faults of [scenarios](crate::strategy::Scenario) that must strike and struck in no world, each as a sentence; none for
    /// fewer than [`REACH_WORLDS_MIN`] worlds.
    pub unstruck: Vec<String>,
    /// What quiet worlds of the system have shown.
    pub calibration: Calibration,
    /// How hostile its worlds were, in the system's own scale.
    pub profile: Profile,
    /// The failures, shrunk; the one with the fewest decisions first, but before it one of `determinism`. The first is
    /// explained.
    pub failures: Vec<Failure>,
    /// The other failures, which nobody has shrunk: those beyond the first few, and those that were met while others were shrunk.
    pub others: Vec<Other>,
}

impl Sweep {
    /// How many worlds violated a check.
    #[must_use]
    pub fn violation_count(&self) -> u64 {
        self.violations.values().sum()
    }

    /// True if worlds were run, no one violated a check, each mark that must be reached was, and each fault struck that must strike.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.worlds > 0 && self.violation_count() == 0 && self.unreached.is_empty() && self.unstruck.is_empty()
    }

    /// How many worlds violated each check, such as `siblings 30`; of `determinism`, which only shows in worlds that are run twice, also
    /// of how many of those.
    /// `show` writes a number.
    #[must_use]
    pub fn tell_violations(&self, show: &dyn Fn(u64) -> String) -> Vec<String> {
        let told = self.violations.iter().map(|(check, count)| match check.as_str() {
            DETERMINISM if self.verified < self.worlds => {
                format!("{} {} of the {} worlds that were run twice", visible(check), show(*count), show(self.verified))
            }
            _ => format!("{} {}", visible(check), show(*count)),
        });
        told.collect()
    }

    /// Which marks were never hit, in a sentence; `None` if none of those that must be reached is missing.
    #[must_use]
    pub fn tell_unreached(&self) -> Option<String> {
        let quoted: Vec<String> = self.unreached.iter().map(|mark| format!("\"{}\"", visible(mark))).collect();
        let marks = match quoted.len() {
            0 => return None,
            1 => "the mark",
            _ => "the marks",
        };
        let (worlds, system) = (self.worlds, visible(&self.system));
        Some(format!("none of {worlds} worlds of \"{system}\" reached {marks} {}", quoted.join(", ")))
    }
}

/// Runs many worlds, and shrinks the failures it finds. `progress` hears how many worlds more have been run.
///
/// # Panics
/// If `options` say what no sweep can do: more than a thousand worlds in a thousand, or a shard that is not below their number.
#[track_caller]
pub fn sweep<M: StateMachine>(system: &Harness<M>, options: &SweepOptions, progress: &(dyn Fn(u64) + Sync)) -> Sweep {
    options.expect_sound();
    let mut found = if system.feedback {
        sweep_in_rounds(system, options, progress)
    } else {
        let count = options.seeds.count();
        on_threads(0..count, CHUNK, options, progress, |mine, arena, seed| {
            mine.transitions.begin(seed);
            let origin = Origin::Seed(seed);
            let mut transitions = mem::take(&mut mine.transitions);
            let outcome = run(system, arena, &origin, options, &mut transitions, mine);
            mine.transitions = transitions;
            note(system, options, mine, origin, &outcome?);
            Some(())
        })
    };
    let shrink_options = ShrinkOptions {
        runs_max: options.shrink_runs_max,
        jobs: options.jobs,
        stop: Arc::clone(&options.stop),
        watch: options.watch.clone(),
        ..ShrinkOptions::default()
    };
    let (failures, others) =
        shrink_failures(system, &mut found, options.verify_permille, &shrink_options, &options.so_far);
    found.violations.sort_unstable_keys();
    let is_missing = |mark: &&&'static str| found.stats.marks.get(**mark).is_none_or(|count| *count == 0);
    let judged = if found.worlds < REACH_WORLDS_MIN { &[][..] } else { &system.must_reach };
    let unstruck = if found.worlds < REACH_WORLDS_MIN { Vec::new() } else { system.unstruck(&found.stats) };
    let unreached = judged.iter().filter(is_missing).copied().collect();
    Sweep {
        system: system.name.clone(),
        strategy: system.worlds.strategy,
        feedback: system.feedback,
        check_count: system.checks.len(),
        has_clients: system.clients.is_some(),
        worlds: found.worlds,
        verified: found.verified,
        compares_states: found.compares_states,
        violations: found.violations,
        stats: found.stats,
        digest: found.digests,
        coverage: found.transitions.coverage(),
        unreached,
        unstruck,
        calibration: system.calibration().clone(),
        profile: system.fitted().worlds.profile.clone(),
        failures,
        others,
    }
}

/// Keeps what came of a world; a new way to fail is kept where others see it at once.
fn note<M: StateMachine>(
    system: &Harness<M>,
    options: &SweepOptions,
    mine: &mut Findings,
    origin: Origin,
    outcome: &Outcome,
) {
    let is_new = mine.add_outcome(origin.clone(), outcome);
    if let Some(violation) = outcome.violation.as_ref().filter(|_| is_new) {
        options.so_far.add(system, &origin, violation);
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
        let mut round = on_threads(places, ROUND_CHUNK, options, progress, |mine, arena, seed| {
            let origin = learned.origin(seed, &system.fitted().worlds.profile);
            let mut transitions = TransitionKinds::default();
            transitions.begin(seed);
            let outcome = run(system, arena, &origin, options, &mut transitions, mine)?;
            mine.lessons.extend(learned.lesson(system, &origin, &outcome, &transitions));
            mine.transitions.add(transitions);
            note(system, options, mine, origin, &outcome);
            Some(())
        });
        feedback.learn(mem::take(&mut round.lessons));
        found.add(round);
    }
    found
}

/// Has the worlds at these places run on all threads, some at a time. `run_seed` says nothing of a world that was broken off.
fn on_threads<M: StateMachine>(
    places: Range<u64>,
    chunk: u64,
    options: &SweepOptions,
    progress: &(dyn Fn(u64) + Sync),
    run_seed: impl Fn(&mut Findings, &mut Arena<M>, u64) -> Option<()> + Sync,
) -> Findings {
    let next = AtomicU64::new(places.start);
    let all = Mutex::new(Findings::default());
    let work = || {
        let (mut mine, mut arena) = (Findings::default(), Arena::default());
        let running = Running::current();
        loop {
            let first = next.fetch_add(chunk, Ordering::Relaxed);
            if first >= places.end || options.stop.load(Ordering::Relaxed) {
                break;
            }
            let taken = first..places.end.min(first.saturating_add(chunk));
            running.part(options.seeds.get(taken.end - 1));
            let mut ran = 0;
            for place in taken.take_while(|_| !options.stop.load(Ordering::Relaxed)) {
                ran += u64::from(run_seed(&mut mine, &mut arena, options.seeds.get(place)).is_some());
            }
            progress(ran);
        }
        all.lock().expect("expect: no thread of a sweep panics").add(mine);
    };
    thread::scope(|scope| {
        // No more than can have something to do.
        let useful = (places.end - places.start).div_ceil(chunk);
        for _ in 1..useful.min(options.jobs.get() as u64) {
            spawn_scoped(scope, work);
        }
        work();
    });
    all.into_inner().expect("expect: no thread of a sweep panics")
}
