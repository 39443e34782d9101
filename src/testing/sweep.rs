//! A sweep, held to account.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::saved::plan_file;
use super::watch::test_command;
use super::{Saved, Settings};
use crate::harness::Harness;
use crate::protocol::{StateMachine, visible};
use crate::report::Screen;
use crate::sweep::{Failure, Other, Seeds, Sweep, SweepOptions, sweep};

/// What came of a sweep, and where to save what failed.
#[derive(Clone, Debug)]
pub struct SweepReport {
    sweep: Sweep,
    /// `None` to save nothing.
    snapshots: Option<PathBuf>,
    /// Why there was no world to run, if there was none.
    none: Option<String>,
}

impl Deref for SweepReport {
    type Target = Sweep;

    fn deref(&self) -> &Sweep {
        &self.sweep
    }
}

impl SweepReport {
    /// # Panics
    /// If a world violated a check: with the first screen of the smallest failure. The shrunk plans are saved before. If no
    /// world hit a mark that [must be reached](crate::harness::Harness::must_reach): with which. If a fault of a
    /// [scenario](crate::strategy::Scenario::must_strike) that must strike never did: with which. If no world was run at all, because none was
    /// asked for or the shard has none: with why.
    #[track_caller]
    pub fn assert_clean(&self) {
        if self.sweep.violation_count() > 0 {
            panic!("{}", self.tell());
        }
        if let Some(unreached) = self.sweep.tell_unreached() {
            panic!("{unreached}");
        }
        if let Some(unstruck) = self.sweep.tell_unstruck() {
            panic!("{unstruck}");
        }
        if self.sweep.worlds == 0 {
            let why = self.none.as_deref().unwrap_or("it was stopped before the first");
            panic!("no world of \"{}\" was run: {why}", visible(&self.sweep.system));
        }
    }

    /// Saves the failures, and tells the smallest.
    fn tell(&self) -> String {
        let (worlds, violations) = (self.sweep.worlds, self.sweep.violation_count());
        let by_check = self.sweep.tell_violations(&|count| count.to_string()).join(", ");
        let system = visible(&self.sweep.system);
        let told = format!("{violations} of {worlds} worlds of \"{system}\" violated a check ({by_check})\n\n");
        let others = self.tell_others();
        if self.sweep.failures.is_empty() && !others.is_empty() {
            return told + &others;
        }
        tell_failures(told, &self.sweep.failures, self.snapshots.as_deref()) + &others
    }

    /// A line for each failure that nobody has shrunk; below them the plans that could not be saved.
    fn tell_others(&self) -> String {
        let again = test_command();
        let mut texts = String::new();
        let mut place = |other: &Other| match (other.seed, &other.unshrunk) {
            (Some(seed), _) => again(Some(seed)),
            (None, Some(failure)) => {
                let saved = self.snapshots.as_deref().map(|directory| Saved::new(failure, directory));
                texts.extend(saved.as_ref().map(Saved::tell_text));
                first_hint(failure, saved.as_ref())
            }
            (None, None) => String::new(),
        };
        let others = self.sweep.others.iter();
        let lines: String = others.map(|other| format!("also     {other}\n         {}\n", place(other))).collect();
        lines + &texts
    }
}

impl<M: StateMachine> Harness<M> {
    /// Runs the worlds of the first `world_count` seeds on all processors, and shrinks what fails.
    ///
    /// The environment may say otherwise, without a change of code: `DDC_SEED` (just this one), `DDC_SEEDS` (how many),
    /// `DDC_SHARD=i/n` (only the i-th of n parts), `DDC_JOBS` (on how many threads), `DDC_SNAPSHOTS=no` (save nothing),
    /// `DDC_HANG_AFTER=10s` (see [`hang_after`](Self::hang_after)).
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    #[must_use = "a sweep says nothing by itself: call `assert_clean`"]
    #[track_caller]
    pub fn sweep(&self, world_count: u64) -> SweepReport {
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
    #[track_caller]
    pub fn verify(&self, world_count: u64) -> SweepReport {
        self.sweep_verifying(world_count, 1_000)
    }

    /// At least so many worlds in a thousand are verified.
    #[track_caller]
    fn sweep_verifying(&self, world_count: u64, verify_permille_min: u32) -> SweepReport {
        let settings = Settings::expect_from_env();
        let mut options = settings.options(Seeds::first(world_count));
        options.verify_permille = options.verify_permille.max(verify_permille_min);
        let none = options.seeds.tell_none();
        let _watch = self.watch(&settings, &options);
        let sweep = sweep(self, &options, &|_| {});
        SweepReport { sweep, snapshots: settings.save.then(|| self.snapshots.clone()), none }
    }

    /// Sweeps as `options` say; `progress` hears how many worlds more have been run. The environment has no say.
    ///
    /// # Panics
    /// If `options` say what no sweep can do: more than a thousand worlds in a thousand, or a shard that is not below their number.
    #[must_use = "a sweep says nothing by itself"]
    pub fn sweep_with(&self, options: &SweepOptions, progress: &(dyn Fn(u64) + Sync)) -> Sweep {
        sweep(self, options, progress)
    }
}

/// Saves the failures, and tells the smallest behind `told`; what could not be saved, it tells in full.
pub(crate) fn tell_failures(mut told: String, failures: &[Failure], snapshots: Option<&Path>) -> String {
    let Some(first) = failures.first() else {
        return told + "and were clean when they were run again: the system is not deterministic";
    };
    let mut texts = String::new();
    for failure in failures {
        let saved = snapshots.map(|directory| Saved::new(failure, directory));
        let hints = hints(failure, saved.as_ref());
        if std::ptr::eq(failure, first) {
            told.push_str(&Screen { failure, hints: &hints }.to_string());
        } else {
            told.push_str(&format!("also     {}\n", failure.shrunk.violation));
            hints.iter().for_each(|(label, hint)| told.push_str(&format!("         {label} {}\n", visible(hint))));
        }
        texts.extend(saved.map(|saved| saved.tell_text()));
    }
    told + &texts
}

/// Ways to see it again.
fn hints(failure: &Failure, saved: Option<&Saved>) -> Vec<(&'static str, String)> {
    let mut hints: Vec<_> = saved.map(plan_hint).into_iter().collect();
    if let Some(seed) = failure.seed {
        hints.push(("replay", test_command()(Some(seed))));
    }
    if hints.is_empty() {
        // Nothing else would show it again.
        let text = plan_file(failure).to_toml();
        hints.push(("plan", text.map_or_else(|error| error.to_string(), |text| format!("\n{text}"))));
    }
    hints
}

/// The first way to see it again.
fn first_hint(failure: &Failure, saved: Option<&Saved>) -> String {
    hints(failure, saved).into_iter().map(|(_, hint)| hint).next().unwrap_or_default()
}

/// Where the plan of a failure lies, or why nowhere, as a line of the screen.
pub(crate) fn plan_hint(saved: &Saved) -> (&'static str, String) {
    match &saved.place {
        Ok(path) => ("saved", path.display().to_string()),
        Err(error) => ("not saved", error.to_string()),
    }
}
