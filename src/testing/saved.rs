//! What becomes of the plan of a failure: a file, or, where none can be written, at least its text.

use std::path::{Path, PathBuf};

use crate::determinism::DETERMINISM;
use crate::replay::{Error, Expect, PlanFile};
use crate::sweep::Failure;

/// Whether the plan of a failure was saved. It is lost in no case: what no file could be made of is there as text.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Where it lies, or why it lies nowhere.
    pub place: Result<PathBuf, Error>,
    /// If it lies nowhere: what would stand in the file, unless it is the plan itself that a file cannot hold.
    pub text: Option<String>,
}

impl Saved {
    /// Saves the plan of a failure in `directory`, if that can be done.
    #[must_use]
    pub fn new(failure: &Failure, directory: &Path) -> Self {
        let place = save(failure, directory);
        let text = if place.is_err() { plan_file(failure).to_toml().ok() } else { None };
        Self { place, text }
    }

    /// What to print below everything else where the plan lies nowhere: the plan.
    #[must_use]
    pub fn tell_text(&self) -> String {
        let Some(text) = &self.text else { return String::new() };
        let name = "the plan that was not saved: put it into a file to replay it";
        format!("\n# {name}\n{text}")
    }
}

/// Saves the plan of a failure, and says where. The same failure, found again, is the same file; one that somebody has
/// worked on (it holds a comment, or says `expect = "clean"`) is left as it is.
///
/// # Errors
/// If the file cannot be written.
pub fn save(failure: &Failure, directory: &Path) -> Result<PathBuf, Error> {
    let file = plan_file(failure);
    let path = directory.join(file.name()?);
    if PlanFile::read_text(&path).is_ok_and(|text| is_edited(&text)) {
        return Ok(path);
    }
    file.write_new(directory)
}

pub(crate) fn plan_file(failure: &Failure) -> PlanFile {
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
