//! A sweep, held to account.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread;

use super::Settings;
use crate::determinism::DETERMINISM;
use crate::harness::Harness;
use crate::protocol::StateMachine;
use crate::replay::{Error, Expect, PlanFile};
use crate::report::Screen;
use crate::sweep::{Failure, Seeds, Sweep, SweepOptions, sweep};

/// What came of a sweep, and where to save what failed.
#[derive(Clone, Debug)]
pub struct Swept {
    pub(crate) sweep: Sweep,
    /// `None` to save nothing.
    pub(crate) snapshots: Option<PathBuf>,
}

impl Deref for Swept {
    type Target = Sweep;

    fn deref(&self) -> &Sweep {
        &self.sweep
    }
}

impl<M: StateMachine> Harness<M> {
    /// Runs the worlds of the first `world_count` seeds on all processors, and shrinks what fails.
    ///
    /// The environment may say otherwise, without a change of code: `DDC_SEED` (just this one), `DDC_SEEDS` (how many),
    /// `DDC_SHARD=i/n` (only the i-th of n parts), `DDC_JOBS` (on how many threads), `DDC_SNAPSHOTS=no` (save nothing).
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    #[must_use = "a sweep says nothing by itself: call `assert_clean`"]
    pub fn sweep(&self, world_count: u64) -> Swept {
        self.sweep_verifying(world_count, 0)
    }

    /// Sweeps as [`sweep`](Self::sweep) does, and runs each world twice, on two threads: everything that can be seen of both
    /// runs must be the same, or it is a violation named `determinism`, which tells the first event that differs and what is
    /// probably to blame. (`sweep` does so with one world in a hundred, and with each that fails.) Three to four times as slow.
    ///
    /// What only the state shows is seen if the machine tells it to [`StateMachine::fold`].
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    #[must_use = "a sweep says nothing by itself: call `assert_clean`"]
    pub fn verify(&self, world_count: u64) -> Swept {
        self.sweep_verifying(world_count, 1_000)
    }

    /// At least so many worlds in a thousand are verified.
    fn sweep_verifying(&self, world_count: u64, verify_permille_min: u32) -> Swept {
        let settings = Settings::expect_from_env();
        let mut options = settings.options(Seeds::first(world_count));
        options.verify_permille = options.verify_permille.max(verify_permille_min);
        let sweep = sweep(self, &options, &|_| {});
        Swept { sweep, snapshots: settings.save.then(|| self.snapshots.clone()) }
    }

    /// Sweeps as `options` say; `progress` hears how many worlds more have been run. The environment has no say.
    #[must_use = "a sweep says nothing by itself"]
    pub fn sweep_with(&self, options: &SweepOptions, progress: &(dyn Fn(u64) + Sync)) -> Sweep {
        sweep(self, options, progress)
    }
}

impl Swept {
    /// # Panics
    /// If a world violated a check: with the first screen of the smallest failure. The shrunk plans are saved before. Or if no
    /// world hit a mark that [must be reached](crate::harness::Harness::must_reach): with which.
    #[track_caller]
    pub fn assert_clean(&self) {
        if self.sweep.violation_count() > 0 {
            panic!("{}", self.tell());
        }
        if let Some(unreached) = self.sweep.tell_unreached() {
            panic!("{unreached}");
        }
    }

    /// Saves the failures, and tells the smallest.
    fn tell(&self) -> String {
        let (worlds, violations) = (self.sweep.worlds, self.sweep.violation_count());
        let told = format!("{violations} of {worlds} worlds of \"{}\" violated a check\n\n", self.sweep.system);
        tell_failures(told, &self.sweep.failures, self.snapshots.as_deref())
    }
}

/// Saves the failures, and tells the smallest behind `told`.
pub(crate) fn tell_failures(mut told: String, failures: &[Failure], snapshots: Option<&Path>) -> String {
    let mut failures = failures.iter();
    let Some(first) = failures.next() else {
        return told + "and were clean when they were run again: the system is not deterministic";
    };
    let hints = hints(first, snapshots);
    told.push_str(&Screen { failure: first, hints: &hints }.to_string());
    for other in failures {
        let place = self::hints(other, snapshots).into_iter().map(|(_, hint)| hint).next().unwrap_or_default();
        told.push_str(&format!("also     {}\n         {place}\n", other.shrunk.violation));
    }
    told
}

fn hints(failure: &Failure, snapshots: Option<&Path>) -> Vec<(&'static str, String)> {
    let mut hints = Vec::new();
    if let Some(directory) = snapshots {
        hints.push(plan_hint(failure, directory));
    }
    if let (Some(seed), Some(test)) = (failure.seed, thread::current().name()) {
        hints.push(("replay", format!("DDC_SEED={seed:#x} cargo test {test}")));
    }
    hints
}

/// Saves the plan of a failure, and says so on a line of the screen.
pub(crate) fn plan_hint(failure: &Failure, directory: &Path) -> (&'static str, String) {
    match save(failure, directory) {
        Ok(path) => ("saved", path.display().to_string()),
        Err(error) => ("not saved", error.to_string()),
    }
}

/// Saves the plan of a failure, and says where. The same failure, found again, is the same file; one that somebody has
/// worked on (it holds a comment, or says `expect = "clean"`) is left as it is.
///
/// # Errors
/// If the file cannot be written.
pub fn save(failure: &Failure, directory: &Path) -> Result<PathBuf, Error> {
    let shrunk = &failure.shrunk;
    let file = PlanFile {
        system: failure.system.clone(),
        plan: shrunk.plan.clone(),
        expect: Expect::Violates { check: shrunk.violation.check.clone() },
        // What is not deterministic has no digest to come back to.
        digest: (shrunk.violation.check != DETERMINISM).then_some(shrunk.digest),
        trace: failure.trace.lines(),
    };
    let path = directory.join(file.name()?);
    if PlanFile::read_text(&path).is_ok_and(|text| is_edited(&text)) {
        return Ok(path);
    }
    file.write_new(directory)
}

fn is_edited(text: &str) -> bool {
    text.lines().any(|line| line.starts_with('#') || line.starts_with("expect"))
}
