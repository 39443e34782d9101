//! Plan files brought up to date, after their runs have gone another way and somebody has looked at how.

use std::path::Path;

use crate::harness::Harness;
use crate::protocol::StateMachine;
use crate::replay::{Error, Expect, PlanFile};
use crate::testing::Replayed;

/// A plan file that was run again, and brought up to date if need be.
#[derive(Clone, Debug)]
pub struct Updated {
    /// How its run went, and what the file said before.
    pub replayed: Replayed,
    /// What the file says now; `None` if it was up to date, and is untouched.
    pub now: Option<PlanFile>,
}

impl<M: StateMachine> Harness<M> {
    /// Runs a plan file again, and lets it tell of this run: its digest, its trace, and what must come of it. All else in it,
    /// comments included, stays as it is; a file that tells the truth is not touched.
    ///
    /// A file whose run is clean now, and was not, says `expect = "clean"` afterwards, without digest and trace: what was fixed
    /// must stay fixed, however it goes.
    ///
    /// # Errors
    /// If it cannot be read or written, is of another system, or is written in such a way that it must be edited by hand.
    pub fn update_file(&self, path: &Path) -> Result<Updated, Error> {
        let replayed = self.replay_file(path)?;
        if replayed.is_as_expected() && replayed.divergence().is_none() {
            return Ok(Updated { replayed, now: None });
        }
        let now = told(&replayed);
        let text = PlanFile::read_text(path)?;
        let updated = now.update_text(path, &text)?;
        let parsed = PlanFile::from_toml(path, &updated, &|value| self.parse_action(value));
        if parsed.as_ref() != Ok(&now) {
            let message = "expected violates or expect, digest and [run] trace as ddc writes them: edit it by hand";
            return Err(Error { path: path.to_owned(), line: None, message: message.to_owned() });
        }
        PlanFile::write_text(path, &updated)?;
        Ok(Updated { replayed, now: Some(now) })
    }
}

/// What the file is to tell.
fn told(replayed: &Replayed) -> PlanFile {
    let Replayed { file, outcome, trace, .. } = replayed;
    let expect = match &outcome.violation {
        Some(violation) => Expect::Violates { check: violation.check.clone() },
        None => Expect::Clean,
    };
    let is_fixed = expect == Expect::Clean && file.expect != Expect::Clean;
    PlanFile {
        digest: file.digest.filter(|_| !is_fixed).map(|_| outcome.digest),
        trace: if is_fixed || file.trace.is_empty() { Vec::new() } else { trace.lines() },
        expect,
        ..file.clone()
    }
}
