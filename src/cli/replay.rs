//! `ddc replay` and `ddc shrink`

use std::path::Path;

use super::args::{ReplayArguments, ShrinkArguments};
use super::interrupt::stop_on_interrupt;
use super::{AnySystem, Exit, Registry, Wrong, directory_of, print};
use crate::explore::{Failure, ShrinkOptions};
use crate::harness::{Replayed, save};
use crate::replay::{Error, Expect, PlanFile};
use crate::report::Screen;

pub(super) fn run(registry: &mut dyn Registry, arguments: &ReplayArguments) -> Result<Exit, Wrong> {
    let alone = arguments.files.len() == 1;
    let mut worst = Exit::Clean;
    for path in &arguments.files {
        let exit = match replay(registry, path) {
            Ok(replayed) => {
                let failure = if alone { system_of(registry, path)?.explain(&replayed) } else { None };
                tell(&replayed, failure, &registry.program());
                exit_of(&replayed)
            }
            Err(wrong) if alone => return Err(wrong),
            Err(wrong) => {
                super::tell(format_args!("error: {wrong}"));
                Exit::BadInput
            }
        };
        worst = worst.max(exit);
    }
    Ok(worst)
}

fn replay(registry: &mut dyn Registry, path: &Path) -> Result<Replayed, Wrong> {
    Ok(system_of(registry, path)?.replay_file(path)?)
}

/// The system that a plan file is of.
fn system_of<'a>(registry: &'a mut dyn Registry, path: &Path) -> Result<&'a mut dyn AnySystem, Wrong> {
    let text = PlanFile::read_text(path)?;
    let name = PlanFile::system_of(path, &text)?;
    registry.find(&name).map_err(|wrong| match wrong {
        Wrong::Usage(message) => Wrong::File(Error { path: path.to_owned(), line: None, message }),
        wrong @ Wrong::File(_) => wrong,
    })
}

fn exit_of(replayed: &Replayed) -> Exit {
    match (replayed.divergence(), &replayed.outcome.violation) {
        (Some(_), _) => Exit::Diverged,
        (None, Some(_)) => Exit::Violated,
        (None, None) => Exit::Clean,
    }
}

fn tell(replayed: &Replayed, failure: Option<Failure>, program: &str) {
    let path = replayed.path.display();
    if let Some(failure) = failure {
        let hints = [("replay", format!("{program} replay {path}"))];
        print(Screen { failure: &failure, hints: &hints });
    }
    let verdict = match (&replayed.file.expect, &replayed.outcome.violation) {
        (Expect::Violates { check }, Some(violation)) if *check == violation.check => format!("violates {check} again"),
        (Expect::Violates { check }, Some(violation)) => format!("violates {}, not {check}", violation.check),
        (Expect::Violates { check }, None) => {
            format!("clean, no longer violates {check}; once that is right, write expect = \"clean\"")
        }
        (Expect::Clean, Some(violation)) => format!("violates {}, expected clean", violation.check),
        (Expect::Clean, None) => "clean, as expected".to_owned(),
    };
    let digest = replayed.outcome.digest;
    match replayed.divergence() {
        Some(divergence) => {
            print(format_args!(
                "{path}: {verdict}, but the run went another way (digest {digest:#018x})\n{divergence}\n"
            ));
        }
        None => print(format_args!("{path}: {verdict} (digest {digest:#018x})\n")),
    }
}

pub(super) fn run_shrink(registry: &mut dyn Registry, arguments: &ShrinkArguments) -> Result<Exit, Wrong> {
    let path = &arguments.file;
    let options = ShrinkOptions { runs_max: arguments.runs, stop: stop_on_interrupt(), ..ShrinkOptions::default() };
    let Some(failure) = system_of(registry, path)?.shrink_file(path, &options)? else {
        print(format_args!("{}: clean, there is nothing to shrink\n", path.display()));
        return Ok(Exit::Clean);
    };
    let directory = arguments.out.clone().unwrap_or_else(|| directory_of(path));
    let saved = save(&failure, &directory)?;
    let hints = [("replay", format!("{} replay {}", registry.program(), saved.display()))];
    print(Screen { failure: &failure, hints: &hints });
    Ok(Exit::Violated)
}
