//! The command line: `ddc`, and the same commands for a system of your own ([`Harness::cli`]), or for several ([`Systems`]).
//!
//! Results go to standard output, progress to standard error. Exit codes: 0 clean, 1 a check was violated, 2 bad input or usage,
//! or nothing was run, or what was found could not be written, 3 a replay went another way than its file tells.

mod ablation;
mod any_system;
mod args;
#[cfg(feature = "builtin")]
mod built_in;
mod bytes;
#[cfg(feature = "builtin")]
mod demo;
mod explore;
mod findings;
mod interrupt;
mod output;
mod progress;
mod replay;
mod score;
mod score_table;
mod show;
mod summary;
mod sweep;
mod systems;
mod watch;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::harness::Harness;
use crate::model_check::Ask;
use crate::protocol::{StateMachine, visible};
use crate::replay::Error;
use crate::report::shell_word;
use ablation::Off;
use any_system::AnySystem;
use args::{Arguments, Command, DemoArguments, ExploreArguments};
use output::{print, tell};
pub use systems::Systems;

/// How a command ended, ordered by how much it matters: of several files the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    Clean,
    Violated,
    Diverged,
    BadInput,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Violated => 1,
            Exit::BadInput => 2,
            Exit::Diverged => 3,
        })
    }
}

/// What the operator got wrong.
#[derive(Debug)]
enum Wrong {
    File(Error),
    Usage(String),
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self::File(error)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Usage(message) => f.write_str(&visible(message)),
        }
    }
}

/// Finds systems by the names that stand in plan files, such as `store` or `textbook/blind-put`.
trait Registry {
    /// The system of this name.
    fn find(&mut self, name: &str) -> Result<&mut dyn AnySystem, Wrong>;
    /// The system that is meant when none is named.
    fn default_name(&self) -> String;
    /// What the operator types to run this command line.
    fn program(&self) -> String;
    /// The systems to score, by name.
    fn scored(&self, system: Option<&str>, bug: Option<&str>) -> Vec<String>;
    /// Whatever is found from now on has worlds without this; false if there is no such thing in them.
    fn switch_off(&mut self, off: Off) -> bool;
    /// Runs the demo, which is of the store that comes with the crate.
    fn demo(&self, arguments: &DemoArguments) -> Result<Exit, Wrong>;
    /// The requests to explore; `None` for those that the workload draws.
    fn placements(&self, arguments: &ExploreArguments) -> Result<Option<Vec<Vec<Ask>>>, Wrong>;
}

/// Runs `ddc`.
#[cfg(feature = "builtin")]
pub fn main() -> ExitCode {
    run(&mut built_in::BuiltIn::default())
}

impl<M: StateMachine + 'static> Harness<M> {
    /// Runs the command line for this system: sweep, explore, replay, shrink and score, as `ddc` has them.
    ///
    /// ```no_run
    /// use std::process::ExitCode;
    /// use distributed_data_consistency::{harness::Harness, store::Node};
    ///
    /// fn main() -> ExitCode {
    ///     Harness::new("store", Node::boot).cli()
    /// }
    /// ```
    pub fn cli(self) -> ExitCode {
        let name = self.name().to_owned();
        run(&mut OnlyOne { name, system: Box::new(self) })
    }
}

/// One system: the user's own.
struct OnlyOne {
    name: String,
    system: Box<dyn AnySystem>,
}

impl Registry for OnlyOne {
    fn find(&mut self, name: &str) -> Result<&mut dyn AnySystem, Wrong> {
        if name == self.name {
            return Ok(&mut *self.system);
        }
        let expected = format!("there is no system \"{}\" here: expected \"{}\"", name.escape_default(), self.name);
        Err(Wrong::Usage(expected))
    }

    fn default_name(&self) -> String {
        self.name.clone()
    }

    fn program(&self) -> String {
        own_program(&self.name)
    }

    fn scored(&self, system: Option<&str>, bug: Option<&str>) -> Vec<String> {
        vec![system_name(self, system, bug)]
    }

    fn switch_off(&mut self, off: Off) -> bool {
        // What clients do is the workload's, and nobody here knows it.
        !off.is_of_clients()
    }

    fn demo(&self, _arguments: &DemoArguments) -> Result<Exit, Wrong> {
        let name = &self.name;
        Err(Wrong::Usage(format!("demo: it is of the store of ddc, and there is only \"{name}\" here")))
    }

    fn placements(&self, arguments: &ExploreArguments) -> Result<Option<Vec<Vec<Ask>>>, Wrong> {
        match arguments {
            ExploreArguments { keys: None, puts: None, sessions: None, .. } => Ok(None),
            _ => Err(Wrong::Usage(format!(
                "--keys, --puts and --sessions: \"{}\" draws its own requests, so expected --requests and --seed",
                self.name
            ))),
        }
    }
}

/// What the operator typed to run this program, or `name` if nobody says.
fn own_program(name: &str) -> String {
    let program = std::env::args_os().next();
    program.map_or_else(|| name.to_owned(), |program| program.to_string_lossy().into_owned())
}

/// The name of a system, as it stands in plan files.
fn system_name(registry: &dyn Registry, system: Option<&str>, bug: Option<&str>) -> String {
    let name = system.map_or_else(|| registry.default_name(), str::to_owned);
    match bug {
        Some(bug) => format!("{name}/{bug}"),
        None => name,
    }
}

fn run(registry: &mut dyn Registry) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no mistakes: clap knows where each goes.
            if error.use_stderr() {
                let _ = error.print();
                return Exit::BadInput.into();
            }
            output::print_by(|| error.print());
            return output::finish(Exit::Clean).into();
        }
    };
    let exit = match arguments.command {
        Command::Sweep(arguments) => sweep::run(registry, &arguments),
        Command::Explore(arguments) => explore::run(registry, &arguments),
        Command::Replay(arguments) => replay::run(registry, &arguments),
        Command::Show(arguments) => show::run(registry, &arguments),
        Command::Demo(arguments) => registry.demo(&arguments),
        Command::Score(arguments) => score::run(registry, &arguments),
        Command::Shrink(arguments) => replay::run_shrink(registry, &arguments),
    };
    let exit = exit.unwrap_or_else(|wrong| {
        tell(format_args!("error: {wrong}"));
        Exit::BadInput
    });
    output::finish(exit).into()
}

/// The command that runs a plan file again.
fn replay_command(program: &str, path: &Path) -> String {
    format!("{} replay {}", shell_word(program), shell_word(&path.to_string_lossy()))
}

/// The command that makes a page of the run of a plan file.
fn show_command(program: &str, path: &Path) -> String {
    format!("{} show {} --html run.html", shell_word(program), shell_word(&path.to_string_lossy()))
}

/// The command that replays a plan file and explains what it shows.
fn explain_command(program: &str, path: &Path) -> String {
    format!("{} replay --explain {}", shell_word(program), shell_word(&path.to_string_lossy()))
}

/// The directory in which a file lies, as one would name it.
fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
