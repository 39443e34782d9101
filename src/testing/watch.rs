//! Runs that do not end, and processes that die: how a sweep is watched, and what is told then.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::harness::Harness;
use crate::protocol::StateMachine;
use crate::report::shell_word;
use crate::running::{Job, Stuck, Watch, forget_file};
use crate::sweep::SoFar;
use crate::sweep::{Failure, SweepOptions};
use crate::testing::{Settings, save};

/// How a process ends that an interrupt has ended.
const INTERRUPTED: i32 = 130;
/// How a process ends in which a check was violated.
const VIOLATED: i32 = 1;

/// What is watched.
pub(crate) struct Watched<'a> {
    /// The command that runs the world of a seed again; without a seed, the one that does all of it again.
    pub(crate) again: Box<dyn Fn(Option<u64>) -> String + Send + Sync>,
    /// Set by whoever has seen enough.
    pub(crate) stop: &'a Arc<AtomicBool>,
    /// After so long in one step a run counts as one that never ends; `None` for never.
    pub(crate) hang_after: Option<Duration>,
    /// Where what is found can be seen.
    pub(crate) so_far: &'a SoFar,
    /// Where to save it; `None` to save nothing.
    pub(crate) snapshots: Option<&'a Path>,
    /// Shows it all to the operator, when it is given up.
    pub(crate) tell: fn(&GivenUp),
}

/// What there is when a step does not come to its end.
pub(crate) struct GivenUp {
    pub(crate) stuck: Stuck,
    /// What was found before, each with how to see it again.
    pub(crate) found: Vec<(Failure, Vec<String>)>,
}

impl Watched<'_> {
    /// Worlds that this thread runs, and those that it spawns for the purpose, are watched as long as what is returned lives.
    pub(crate) fn begin(self) -> Watch {
        let Self { again, stop, hang_after, so_far, snapshots, tell } = self;
        let (so_far, snapshots) = (so_far.clone(), snapshots.map(Path::to_owned));
        let again: Arc<dyn Fn(Option<u64>) -> String + Send + Sync> = again.into();
        let command = Arc::clone(&again);
        let give_up = move |stuck: &Stuck| -> ! {
            let found = so_far.failures().into_iter().map(|failure| {
                let hints = hints(&failure, &*command, snapshots.as_deref());
                (failure, hints)
            });
            let given_up = GivenUp { stuck: stuck.clone(), found: found.collect() };
            tell(&given_up);
            forget_file();
            let nothing = stuck.is_stopped && given_up.found.is_empty();
            process::exit(if nothing { INTERRUPTED } else { VIOLATED });
        };
        Watch::begin(Arc::new(Job {
            again: Box::new(move |seed| again(seed)),
            stop: Arc::clone(stop),
            hang_after,
            give_up: Box::new(move |stuck| give_up(stuck)),
            notes: Mutex::default(),
        }))
    }
}

fn hints(failure: &Failure, again: &dyn Fn(Option<u64>) -> String, snapshots: Option<&Path>) -> Vec<String> {
    let seed = failure.seed.map(|seed| format!("replay   {}", again(Some(seed))));
    let saved = snapshots.filter(|_| !failure.shrunk.violation.is_not_drawn()).map(|directory| {
        match save(failure, directory) {
            Ok(path) => format!("saved    {}", path.display()),
            Err(error) => format!("not saved {error}"),
        }
    });
    seed.into_iter().chain(saved).collect()
}

impl GivenUp {
    /// What there is to say of the step, on one line.
    pub(crate) fn headline(&self) -> String {
        let Stuck { doing, step, at, after, .. } = &self.stuck;
        let (who, seconds) = (doing.who(|_| None), after.as_secs());
        format!("hang: {who} has not come to the end of step {step} (at {at}) in {seconds} s")
    }
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.stuck.is_stopped { "stopped " } else { "VIOLATED" };
        write!(f, "{word} {}\n{}", self.headline(), self.stuck.told)?;
        if self.found.is_empty() {
            return writeln!(f, "nothing else was found before it");
        }
        writeln!(f, "found before it, and not shrunk to the end:")?;
        for (failure, hints) in &self.found {
            writeln!(f, "also     {}", failure.shrunk.violation)?;
            hints.iter().try_for_each(|hint| writeln!(f, "         {hint}"))?;
        }
        Ok(())
    }
}

impl<M: StateMachine> Harness<M> {
    /// After so long in one step, of real time, a run counts as one that never ends: it is told with its seed, all that was found
    /// before it is told and saved, and the process exits with 1, for a thread that hangs cannot be ended otherwise. Without this such
    /// a step is told of on standard error after 5 s, while it goes on. `DDC_HANG_AFTER`, and `--hang-after` on a command line, go
    /// before it.
    #[must_use]
    pub fn hang_after(mut self, span: Duration) -> Self {
        self.hang_after = Some(span);
        self
    }

    /// Watches a sweep of a test.
    pub(crate) fn watch(&self, settings: &Settings, options: &SweepOptions) -> Watch {
        let watched = Watched {
            again: Box::new(test_command()),
            stop: &options.stop,
            hang_after: settings.hang_after.or(self.hang_after),
            so_far: &options.so_far,
            snapshots: settings.save.then_some(&self.snapshots),
            tell: tell_on_stderr,
        };
        watched.begin()
    }

    /// Watches what is run in a test without seeds: plans, and searches.
    pub(crate) fn watch_plans(&self) -> Watch {
        let (command, hang_after) = (test_command()(None), Settings::from_env().ok().and_then(|said| said.hang_after));
        let watched = Watched {
            again: Box::new(move |_| command.clone()),
            stop: &Arc::default(),
            hang_after: hang_after.or(self.hang_after),
            so_far: &SoFar::default(),
            snapshots: None,
            tell: tell_on_stderr,
        };
        watched.begin()
    }

    /// What the harness says of hanging, where the command line says nothing.
    #[cfg(feature = "cli")]
    pub(crate) fn hangs_after(&self) -> Option<Duration> {
        self.hang_after
    }
}

/// Shows it past whatever a test captures: nobody will be left to show that.
fn tell_on_stderr(given_up: &GivenUp) {
    let _ = write!(io::stderr().lock(), "\n{given_up}");
}

/// The command that runs this test again, in the world of a seed.
pub(crate) fn test_command() -> impl Fn(Option<u64>) -> String + Send + Sync + Clone + 'static {
    let command = command(thread::current().name(), &std::env::args_os().map(PathBuf::from).collect::<Vec<_>>());
    move |seed| match seed {
        Some(seed) => format!("DDC_SEED={seed:#x} {command}"),
        None => command.clone(),
    }
}

/// A test has a thread of its name. Whatever else there is, the program is there, and what it was called with.
fn command(thread: Option<&str>, words: &[PathBuf]) -> String {
    let program = words.first().cloned().unwrap_or_default();
    let lies_in = |directory: &str| program.parent().is_some_and(|parent| parent.ends_with(directory));
    let is_doctest = program.components().any(|part| part.as_os_str().to_string_lossy().starts_with("rustdoctest"));
    match thread {
        _ if is_doctest => "cargo test --doc".to_owned(),
        Some(test) if test != "main" && lies_in("deps") => format!("cargo test {}", shell_word(test)),
        _ => words.iter().map(|word| shell_word(&word.to_string_lossy())).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::command;

    #[test]
    fn the_command_is_one_that_works() {
        let command = |thread, words: &[&str]| command(thread, &words.iter().map(PathBuf::from).collect::<Vec<_>>());
        let test = ["/home/me/my code/target/debug/deps/it-12ab", "--nocapture"];
        assert_eq!(command(Some("tests::it"), &test), "cargo test tests::it");
        assert_eq!(command(Some("my mod::case 1 (a|b)"), &test), "cargo test 'my mod::case 1 (a|b)'");
        let alone = "'/home/me/my code/target/debug/deps/it-12ab' --nocapture";
        assert_eq!((command(None, &test), command(Some("main"), &test)), (alone.to_owned(), alone.to_owned()));
        assert_eq!(command(Some("pool 1"), &["target/debug/demo", "a b"]), "target/debug/demo 'a b'");
        assert_eq!(command(Some("main"), &["/tmp/rustdoctestX1/rust_out"]), "cargo test --doc");
    }
}
