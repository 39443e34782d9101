//! A sweep, held to account.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::determinism::DETERMINISM;
use crate::explore::Other;
use crate::replay::{Error, Expect, PlanFile};
use crate::report::Screen;
use crate::sweep::{Failure, Sweep};
use crate::testing::watch::test_command;

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
        let others = self.tell_others();
        if self.sweep.failures.is_empty() && !others.is_empty() {
            return told + &others;
        }
        tell_failures(told, &self.sweep.failures, self.snapshots.as_deref()) + &others
    }

    /// A line for each failure that nobody has shrunk.
    fn tell_others(&self) -> String {
        let again = test_command();
        let place = |other: &Other| match (other.seed, &other.unshrunk) {
            (Some(seed), _) => again(Some(seed)),
            (None, Some(failure)) => hint(hints(failure, self.snapshots.as_deref())),
            (None, None) => String::new(),
        };
        self.sweep.others.iter().map(|other| format!("also     {other}\n         {}\n", place(other))).collect()
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
        let place = hint(self::hints(other, snapshots));
        told.push_str(&format!("also     {}\n         {place}\n", other.shrunk.violation));
    }
    told
}

fn hints(failure: &Failure, snapshots: Option<&Path>) -> Vec<(&'static str, String)> {
    let mut hints = Vec::new();
    if let Some(directory) = snapshots {
        hints.push(plan_hint(failure, directory));
    }
    if let Some(seed) = failure.seed {
        hints.push(("replay", test_command()(Some(seed))));
    }
    if hints.is_empty() {
        // Nothing else would show it again.
        let text = plan_of(failure).to_toml();
        hints.push(("plan", text.map_or_else(|error| error.to_string(), |text| format!("\n{text}"))));
    }
    hints
}

/// The first way to see it again.
fn hint(hints: Vec<(&'static str, String)>) -> String {
    hints.into_iter().map(|(_, hint)| hint).next().unwrap_or_default()
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
    let file = plan_of(failure);
    let path = directory.join(file.name()?);
    if PlanFile::read_text(&path).is_ok_and(|text| is_edited(&text)) {
        return Ok(path);
    }
    file.write_new(directory)
}

fn plan_of(failure: &Failure) -> PlanFile {
    let shrunk = &failure.shrunk;
    PlanFile {
        system: failure.system.clone(),
        plan: shrunk.plan.clone(),
        expect: Expect::Violates { check: shrunk.violation.check.clone() },
        // What is not deterministic has no digest to come back to.
        digest: (shrunk.violation.check != DETERMINISM).then_some(shrunk.digest),
        trace: failure.trace.lines(),
    }
}

fn is_edited(text: &str) -> bool {
    text.lines().any(|line| line.starts_with('#') || line.starts_with("expect"))
}
