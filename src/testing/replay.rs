//! Plan files, run again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::determinism::DETERMINISM;
use crate::harness::Harness;
use crate::harness::Outcome;
use crate::protocol::StateMachine;
use crate::replay::{Error, Expect, PlanFile};
use crate::shrink::{ShrinkOptions, Shrunk, shrink};
use crate::sim::{Action, Trace, TraceEvent};
use crate::sweep::{Failure, failure_of_differing};

/// A plan file that was run again.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says.
    pub file: PlanFile,
    /// What came of it this time.
    pub outcome: Outcome,
    /// How it went this time.
    pub trace: Trace,
}

/// Where a run first went another way than the one its plan file tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Which event, from 1; `None` if the file does not tell how the run went, or tells the same.
    pub event: Option<usize>,
    /// In which step of the run as it goes now; `None` if it was over by then.
    pub step: Option<u64>,
    /// What the file tells; `None` if its run was over by then.
    pub then: Option<String>,
    /// What happened this time; `None` if the run was over by then.
    pub now: Option<String>,
}

impl Replayed {
    /// True if the run was as the file says: the same check was violated, or none.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        match (&self.file.expect, &self.outcome.violation) {
            (Expect::Clean, None) => true,
            (Expect::Violates { check }, Some(violation)) => *check == violation.check,
            _ => false,
        }
    }

    /// Where the run first went another way; `None` if its digest is the one in the file, or the file has none.
    #[must_use]
    pub fn divergence(&self) -> Option<Divergence> {
        if self.file.digest.is_none_or(|digest| digest == self.outcome.digest) {
            return None;
        }
        let now: Vec<&TraceEvent> = self.trace.told().collect();
        let line = |place: usize| now.get(place).map(|event| event.to_string());
        let then = &self.file.trace;
        let differs = (0..now.len().max(then.len())).find(|&place| line(place).as_ref() != then.get(place));
        Some(match differs.filter(|_| !then.is_empty()) {
            None => Divergence { event: None, step: None, then: None, now: None },
            Some(place) => Divergence {
                event: Some(place + 1),
                step: now.get(place).map(|event| event.step),
                then: then.get(place).cloned(),
                now: line(place),
            },
        })
    }

    /// The run as a failure that can be told; `None` if it was clean.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        let violation = self.outcome.violation.clone()?;
        let shrunk = Shrunk {
            plan: self.file.plan.clone(),
            violation,
            digest: self.outcome.digest,
            decisions_before: self.file.plan.decision_count(),
            nodes_before: self.file.plan.node_count,
            runs: 0,
        };
        let system = self.file.system.clone();
        Some(Failure { system, seed: None, shrunk, trace: self.trace.clone(), twin: None, pivot: None })
    }
}

/// Says what went another way, on three lines at most.
impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OVER: &str = "(the run was over)";
        match self.event {
            None => f.write_str("the digest differs, but no event that the file tells of"),
            Some(event) => {
                let step = self.step.map_or_else(String::new, |step| format!(", in step {step}"));
                writeln!(f, "event {event} is the first that differs{step}")?;
                writeln!(f, "  then   {}", self.then.as_deref().unwrap_or(OVER))?;
                write!(f, "  now    {}", self.now.as_deref().unwrap_or(OVER))
            }
        }
    }
}

/// The plan files of a directory, run again.
#[derive(Clone, Debug)]
pub struct Replays {
    /// Those of this system, in the order of their names.
    pub replayed: Vec<Replayed>,
    /// Those that could not be read.
    pub errors: Vec<Error>,
}

impl Replays {
    /// # Panics
    /// If any plan violates a check, or cannot be read: the test of old failures that must stay fixed.
    #[track_caller]
    pub fn assert_clean(&self) {
        self.assert_each("violates a check", |replayed| replayed.outcome.is_clean());
    }

    /// # Panics
    /// If any plan does not do as its file says, with the same digest, or cannot be read: the test of bugs that are planted,
    /// or not fixed yet.
    #[track_caller]
    pub fn assert_as_expected(&self) {
        self.assert_each("does not do as it says", |replayed| {
            replayed.is_as_expected() && replayed.divergence().is_none()
        });
    }

    #[track_caller]
    fn assert_each(&self, what: &str, holds: impl Fn(&Replayed) -> bool) {
        let mut told: Vec<String> = self.errors.iter().map(Error::to_string).collect();
        for replayed in self.replayed.iter().filter(|replayed| !holds(replayed)) {
            let mut line = format!("{} {what}", replayed.path.display());
            if let Some(violation) = &replayed.outcome.violation {
                line.push_str(&format!(": {violation}"));
            }
            if let Some(divergence) = replayed.divergence() {
                line.push_str(&format!("\n  {divergence}"));
            }
            told.push(line);
        }
        assert!(told.is_empty(), "{}", told.join("\n"));
    }
}

impl<M: StateMachine> Harness<M> {
    /// Runs a plan file again.
    ///
    /// # Errors
    /// If it cannot be read, or is of another system.
    pub fn replay_file(&self, path: &Path) -> Result<Replayed, Error> {
        let file = self.read(path)?;
        let mut recorded = self.record(&file.plan);
        if file.expect.is_violation_of(DETERMINISM) {
            // Once is not enough to see it.
            let differs = self.verify_plan(&file.plan).differs;
            recorded.outcome.violation = differs.map(|differs| differs.to_violation()).or(recorded.outcome.violation);
        }
        Ok(Replayed { path: path.to_owned(), file, outcome: recorded.outcome, trace: recorded.trace })
    }

    /// Runs all plan files (`*.toml`) of this system in `directory` again, in the order of their names; those of other
    /// systems are passed over. A directory that is not there has none.
    #[must_use = "replays say nothing by themselves: call `assert_clean` or `assert_as_expected`"]
    pub fn replay_dir(&self, directory: impl AsRef<Path>) -> Replays {
        let mut replays = Replays { replayed: Vec::new(), errors: Vec::new() };
        for path in plan_files(directory.as_ref()) {
            match self.is_own(&path) {
                Ok(false) => continue,
                Ok(true) => match self.replay_file(&path) {
                    Ok(replayed) => replays.replayed.push(replayed),
                    Err(error) => replays.errors.push(error),
                },
                Err(error) => replays.errors.push(error),
            }
        }
        replays
    }

    /// Shrinks a plan file; `None` if its run is clean.
    ///
    /// # Errors
    /// If it cannot be read, or is of another system.
    pub fn shrink_file(&self, path: &Path, options: &ShrinkOptions) -> Result<Option<Failure>, Error> {
        let file = self.read(path)?;
        if file.expect.is_violation_of(DETERMINISM)
            && let Some(failure) = failure_of_differing(self, &file.plan, options)
        {
            return Ok(Some(failure));
        }
        let shrunk = shrink(self, &file.plan, options);
        Ok(shrunk.map(|shrunk| {
            let mut failure = Failure::new(self, None, shrunk);
            failure.explain_until(self, &options.stop);
            failure
        }))
    }

    fn read(&self, path: &Path) -> Result<PlanFile, Error> {
        let file = PlanFile::read(path, &|value| self.parse_action(value))?;
        if file.system != self.name() {
            let message = format!("a plan of the system \"{}\": expected one of \"{}\"", file.system, self.name());
            return Err(Error { path: path.to_owned(), line: None, message });
        }
        Ok(file)
    }

    pub(crate) fn parse_action(&self, value: toml::Value) -> Result<Action, String> {
        match &self.clients {
            Some(clients) => clients.parse(value),
            None => Err(format!("the system \"{}\" has no clients", self.name())),
        }
    }

    fn is_own(&self, path: &Path) -> Result<bool, Error> {
        Ok(PlanFile::system_of(path, &PlanFile::read_text(path)?)? == self.name())
    }
}

/// The `*.toml` files of a directory, sorted by name.
fn plan_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    files.sort();
    files
}
