//! Plan files, run again.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use crate::determinism::DETERMINISM;
use crate::harness::Harness;
use crate::harness::Outcome;
use crate::protocol::{StateMachine, visible, watch_knobs};
use crate::replay::{Error, Expect, PlanFile};
use crate::report::Screen;
use crate::shrink::{ShrinkOptions, Shrunk, shrink};
use crate::sim::{Action, Trace, TraceEvent};
use crate::sweep::Failure;
use crate::sweep::failure_of_differing;
use crate::testing::Unmet;
use crate::testing::unmet::unmet;

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
    /// The decisions of the plan that met nothing this time: a fate of a message that was never sent, a fault of a node that is
    /// not there. The run is the one that it would be without them.
    pub unmet: Vec<Unmet>,
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
        // Files may hold what lines show written out.
        let then_line = |place: usize| then.get(place).map(|line| visible(line));
        let differs =
            (0..now.len().max(then.len())).find(|&place| line(place).as_deref() != then_line(place).as_deref());
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
            met: Vec::new(),
        };
        let system = self.file.system.clone();
        Some(Failure { system, seed: None, shrunk, trace: self.trace.clone(), twin: None, pivot: None, story: None })
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
                writeln!(f, "  then   {}", visible(self.then.as_deref().unwrap_or(OVER)))?;
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
    /// Those that could not be read; or the directory, if it cannot be.
    pub errors: Vec<Error>,
    /// The other systems of which there are plans, and how many: these were passed over.
    pub others: BTreeMap<String, usize>,
    system: String,
    directory: PathBuf,
    may_be_empty: bool,
}

impl Replays {
    /// Nothing has failed yet, and that is all right: from here on a directory without a plan of this system passes. It must be
    /// there, though; git keeps it if it holds any file, such as `.gitkeep`.
    #[must_use]
    pub fn allow_empty(mut self) -> Self {
        self.may_be_empty = true;
        self
    }

    /// # Panics
    /// If any plan violates a check, or cannot be read: the test of old failures that must stay fixed. The first that does is told
    /// as a failure is told first. Also if there is no plan of this system, unless [that is allowed](Self::allow_empty).
    #[track_caller]
    pub fn assert_clean(&self) {
        self.assert_each("violates a check", |replayed| replayed.outcome.is_clean());
    }

    /// # Panics
    /// If any plan does not do as its file says, with the same digest, or cannot be read: the test of bugs that are planted,
    /// or not fixed yet. Also if there is no plan of this system, unless [that is allowed](Self::allow_empty).
    #[track_caller]
    pub fn assert_as_expected(&self) {
        self.assert_each("does not do as it says", |replayed| {
            replayed.is_as_expected() && replayed.divergence().is_none()
        });
    }

    #[track_caller]
    fn assert_each(&self, what: &str, holds: impl Fn(&Replayed) -> bool) {
        let mut told: Vec<String> = self.errors.iter().map(Error::to_string).collect();
        if self.replayed.is_empty() && told.is_empty() && !self.may_be_empty {
            told.push(format!("{self}: expected at least one, or `.allow_empty()` before the assertion"));
        }
        let failing: Vec<&Replayed> = self.replayed.iter().filter(|replayed| !holds(replayed)).collect();
        told.extend(failing.iter().map(|replayed| replayed.tell(what)));
        // What was run is said in any case; a test that passes keeps it to itself.
        eprintln!("{self}");
        let first = failing.iter().find_map(|replayed| Some((*replayed, replayed.failure()?)));
        if let Some((replayed, failure)) = first {
            let mut hints = vec![("plan", replayed.path.display().to_string())];
            hints.extend(thread::current().name().map(|test| ("replay", format!("cargo test {test}"))));
            told.push(format!("\n{}", Screen { failure: &failure, hints: &hints }));
        }
        assert!(told.is_empty(), "{}", told.join("\n"));
    }
}

impl Replayed {
    /// What is wrong with it, and where its run parts from the one that the file tells of.
    fn tell(&self, what: &str) -> String {
        let mut told = format!("{} {what}", visible(&self.path.to_string_lossy()));
        if let Some(violation) = &self.outcome.violation {
            told.push_str(&format!(": {violation}"));
        }
        if let Some(divergence) = self.divergence() {
            told.push_str(&format!("\n  {divergence}"));
        }
        if let Some(unmet) = self.tell_unmet() {
            told.push_str(&format!("\n  {}", unmet.trim_end().replace('\n', "\n  ")));
        }
        told
    }

    /// `2 of 5 decisions met nothing:`, and a line for each; `None` if each had something to decide.
    #[must_use]
    pub fn tell_unmet(&self) -> Option<String> {
        let (count, decisions) = (self.unmet.len(), self.file.plan.decision_count());
        let lines = self.unmet.iter().map(|unmet| format!("  {unmet}\n")).collect::<String>();
        (count > 0).then(|| format!("{count} of {decisions} decisions met nothing:\n{lines}"))
    }
}

/// `3 plans of "store" replayed from snapshots/replays; passed over: 48 of other systems`
impl fmt::Display for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.replayed.len();
        let plans = if count == 1 { "plan" } else { "plans" };
        let (system, directory) = (visible(&self.system), self.directory.to_string_lossy());
        write!(f, "{count} {plans} of \"{system}\" replayed from {}", visible(&directory))?;
        match self.others.values().sum::<usize>() {
            0 => Ok(()),
            others if count == 0 => {
                let names: Vec<String> =
                    self.others.keys().take(3).map(|name| format!("\"{}\"", visible(name))).collect();
                let more = if self.others.len() > names.len() { ", …" } else { "" };
                write!(f, ", which has {others} of {}{more}", names.join(", "))
            }
            others => write!(f, "; passed over: {others} of other systems"),
        }
    }
}

impl<M: StateMachine> Harness<M> {
    /// Runs a plan file again.
    ///
    /// # Errors
    /// If it cannot be read, or is of another system.
    pub fn replay_file(&self, path: &Path) -> Result<Replayed, Error> {
        let file = self.read(path)?;
        let (mut recorded, asked) = watch_knobs(|| self.record(&file.plan));
        let unmet = unmet(&file.plan, &recorded, &asked);
        if file.expect.is_violation_of(DETERMINISM) {
            // Once is not enough to see it.
            let differs = self.verify_plan(&file.plan).differs;
            recorded.outcome.violation = differs.map(|differs| differs.to_violation()).or(recorded.outcome.violation);
        }
        Ok(Replayed { path: path.to_owned(), file, outcome: recorded.outcome, trace: recorded.trace, unmet })
    }

    /// Runs all plan files (`*.toml`) of this system in `directory` again, in the order of their names; those of other
    /// systems are passed over. A directory that cannot be read is an error, which no assertion passes.
    #[must_use = "replays say nothing by themselves: call `assert_clean` or `assert_as_expected`"]
    pub fn replay_dir(&self, directory: impl AsRef<Path>) -> Replays {
        let _watch = self.watch_plans();
        let directory = directory.as_ref();
        let mut replays = Replays {
            replayed: Vec::new(),
            errors: Vec::new(),
            others: BTreeMap::new(),
            system: self.name().to_owned(),
            directory: directory.to_owned(),
            may_be_empty: false,
        };
        let files = plan_files(directory).unwrap_or_else(|error| {
            replays.errors.push(error);
            Vec::new()
        });
        for path in files {
            match system_of(&path) {
                Ok(other) if other != self.name() => *replays.others.entry(other).or_default() += 1,
                Ok(_) => match self.replay_file(&path) {
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

    /// Reads the text of a plan file whose requests are of this system's clients; `path` names it in errors. Which system the
    /// plan says that it is of is not looked at.
    ///
    /// # Errors
    /// If the text is no plan file: with the line, and what was expected.
    pub fn parse_plan(&self, path: &Path, text: &str) -> Result<PlanFile, Error> {
        PlanFile::from_toml(path, text, &|value| self.parse_action(value))
    }

    pub(crate) fn parse_action(&self, value: toml::Value) -> Result<Action, String> {
        match &self.clients {
            Some(clients) => clients.parse(value),
            None => Err(format!("the system \"{}\" has no clients", self.name())),
        }
    }
}

/// The system that a plan file is of.
fn system_of(path: &Path) -> Result<String, Error> {
    PlanFile::system_of(path, &PlanFile::read_text(path)?)
}

/// The `*.toml` files of a directory, sorted by name.
fn plan_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let wrong = |error: io::Error| {
        // A path that is relative to somewhere else is the usual reason.
        let seen_from = match env::current_dir() {
            Ok(here) if directory.is_relative() => format!(", seen from {}", here.display()),
            _ => String::new(),
        };
        let message = format!("expected a directory of plan files{seen_from}: {error}");
        Error { path: directory.to_owned(), line: None, message }
    };
    let entries = fs::read_dir(directory).map_err(wrong)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = entries.collect::<Result<_, _>>().map_err(wrong)?;
    files.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    files.sort();
    Ok(files)
}
