//! `ddc replay` and `ddc shrink`

use std::path::Path;
use std::sync::Arc;

use super::args::{ReplayArguments, ShrinkArguments};
use super::interrupt::stop_on_interrupt;
use super::watch::Command;
use super::{AnySystem, Exit, Registry, Wrong, bytes, directory_of, print, replay_command};
use crate::explore::SoFar;
use crate::replay::{Error, Expect, PlanFile};
use crate::report::{Screen, shell_word};
use crate::shrink::ShrinkOptions;
use crate::sweep::Failure;
use crate::testing::{Replayed, save};

pub(super) fn run(registry: &mut dyn Registry, arguments: &ReplayArguments) -> Result<Exit, Wrong> {
    if arguments.bytes {
        return bytes::run(registry, arguments);
    }
    let (stop, so_far) = (Arc::default(), SoFar::default());
    let program = registry.program();
    let hang_after = arguments.hang_after;
    let watch =
        Command { program: &program, stop: &stop, hang_after, so_far: &so_far, snapshots: None, as_json: false };
    let _watch = watch.watch();
    let alone = arguments.files.len() == 1;
    let mut worst = Exit::Clean;
    for path in &arguments.files {
        let exit = if arguments.update { update(registry, path) } else { replay(registry, path, alone) };
        let exit = match exit {
            Err(wrong) if !alone => {
                super::tell(format_args!("error: {wrong}"));
                Exit::BadInput
            }
            exit => exit?,
        };
        worst = worst.max(exit);
    }
    Ok(worst)
}

fn replay(registry: &mut dyn Registry, path: &Path, alone: bool) -> Result<Exit, Wrong> {
    let system = system_of(registry, path)?;
    let replayed = system.replay_file(path)?;
    let failure = if alone { system.explain(&replayed) } else { None };
    tell(&replayed, failure, &registry.program());
    Ok(exit_of(&replayed))
}

/// Afterwards the file tells the truth, and there is nothing to be warned of.
fn update(registry: &mut dyn Registry, path: &Path) -> Result<Exit, Wrong> {
    let updated = system_of(registry, path)?.update_file(path)?;
    let (replayed, path) = (&updated.replayed, path.display());
    let Some(now) = &updated.now else {
        print(format_args!("{path}: up to date, {}\n", verdict(replayed)));
        return Ok(Exit::Clean);
    };
    print(format_args!("{path}: updated, {}\n", verdict(replayed)));
    let then = &replayed.file;
    if then.expect != now.expect {
        print(format_args!("  expects  {}, not {}\n", now.expect, then.expect));
    }
    match (then.digest, now.digest) {
        (Some(then), Some(now)) => print(format_args!("  digest   {now:#018x}, not {then:#018x}\n")),
        (Some(_), None) => {
            print("  digest   taken out, and the trace: what is fixed must stay clean, however it goes\n")
        }
        (None, _) => {}
    }
    if let Some(divergence) = replayed.divergence() {
        print(format_args!("{divergence}\n"));
    }
    Ok(Exit::Clean)
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
        let hints = [("replay", replay_command(program, &replayed.path))];
        print(Screen { failure: &failure, hints: &hints });
    }
    let (verdict, digest) = (verdict(replayed), replayed.outcome.digest);
    let divergence = replayed.divergence();
    match &divergence {
        Some(divergence) => {
            print(format_args!(
                "{path}: {verdict}, but the run went another way (digest {digest:#018x})\n{divergence}\n"
            ));
        }
        None => print(format_args!("{path}: {verdict} (digest {digest:#018x})\n")),
    }
    let differs = divergence.is_some() || !replayed.is_as_expected();
    if let Some(question) = question(replayed).filter(|_| differs) {
        let (program, path) = (shell_word(program), shell_word(&replayed.path.to_string_lossy()));
        print(format_args!("{question}\nif so    {program} replay --update {path}\n"));
    }
}

/// What the operator has to find out before the file may say something else; nothing can make a broken promise right.
fn question(replayed: &Replayed) -> Option<&'static str> {
    match (&replayed.file.expect, replayed.is_as_expected(), &replayed.outcome.violation) {
        (Expect::Clean, false, _) => None,
        (_, true, _) => Some("is it the same as before, and the change of its run meant?"),
        (_, false, None) => Some("is it fixed, and does the plan not only miss it now?"),
        (_, false, Some(_)) => Some("is it the same failure under another name?"),
    }
}

fn verdict(replayed: &Replayed) -> String {
    match (&replayed.file.expect, &replayed.outcome.violation) {
        (Expect::Violates { check }, Some(violation)) if *check == violation.check => format!("violates {check} again"),
        (Expect::Violates { check }, Some(violation)) => format!("violates {}, not {check}", violation.check),
        (Expect::Violates { check }, None) => format!("clean, no longer violates {check}"),
        (Expect::Clean, Some(violation)) => format!("violates {}, expected clean", violation.check),
        (Expect::Clean, None) => "clean, as expected".to_owned(),
    }
}

pub(super) fn run_shrink(registry: &mut dyn Registry, arguments: &ShrinkArguments) -> Result<Exit, Wrong> {
    let path = &arguments.file;
    let (program, so_far) = (registry.program(), SoFar::default());
    let options = ShrinkOptions { runs_max: arguments.runs, stop: stop_on_interrupt(), ..ShrinkOptions::default() };
    let (stop, hang_after) = (&options.stop, arguments.hang_after);
    let watch = Command { program: &program, stop, hang_after, so_far: &so_far, snapshots: None, as_json: false };
    let _watch = watch.watch();
    let Some(failure) = system_of(registry, path)?.shrink_file(path, &options)? else {
        print(format_args!("{}: clean, there is nothing to shrink\n", path.display()));
        return Ok(Exit::Clean);
    };
    let directory = arguments.out.clone().unwrap_or_else(|| directory_of(path));
    let saved = save(&failure, &directory)?;
    let hints = [("replay", replay_command(&program, &saved))];
    print(Screen { failure: &failure, hints: &hints });
    Ok(Exit::Violated)
}
