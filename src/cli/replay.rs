//! `ddc replay` and `ddc shrink`

use std::borrow::Cow;
use std::path::Path;
use std::slice;
use std::sync::Arc;

use super::args::{ReplayArguments, ShrinkArguments};
use super::findings::print_and_save;
use super::interrupt::stop_on_interrupt;
use super::progress::Progress;
use super::watch::Command;
use super::{AnySystem, Exit, Registry, Wrong, bytes, directory_of, explain_command, print, replay_command};
use crate::protocol::visible;
use crate::replay::{Error, Expect, PlanFile};
use crate::report::{Screen, shell_word};
use crate::shrink::ShrinkOptions;
use crate::sweep::Failure;
use crate::sweep::SoFar;
use crate::testing::Replayed;

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
        let exit =
            if arguments.update { update(registry, path) } else { replay(registry, path, alone, arguments.explain) };
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

/// Runs the plan once, so that what its nodes print comes of one run; only to explain a failure takes many.
fn replay(registry: &mut dyn Registry, path: &Path, alone: bool, explain: bool) -> Result<Exit, Wrong> {
    let system = system_of(registry, path)?;
    let replayed = system.replay_file(path)?;
    let failure = match (explain, alone) {
        (true, _) => system.explain(&replayed),
        (false, true) => replayed.failure(),
        (false, false) => None,
    };
    tell(&replayed, failure, explain, &registry.program());
    Ok(exit_of(&replayed))
}

/// Afterwards the file tells the truth, and there is nothing to be warned of.
fn update(registry: &mut dyn Registry, path: &Path) -> Result<Exit, Wrong> {
    let updated = system_of(registry, path)?.update_file(path)?;
    let (replayed, path) = (&updated.replayed, visible(&path.to_string_lossy()).into_owned());
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
pub(super) fn system_of<'a>(registry: &'a mut dyn Registry, path: &Path) -> Result<&'a mut dyn AnySystem, Wrong> {
    let text = PlanFile::read_text(path)?;
    let name = PlanFile::system_of(path, &text)?;
    registry.find(&name).map_err(|wrong| match wrong {
        Wrong::Usage(message) => Wrong::File(Error { path: path.to_owned(), line: None, message }),
        wrong @ Wrong::File(_) => wrong,
    })
}

pub(super) fn exit_of(replayed: &Replayed) -> Exit {
    let is_violated = !replayed.outcome.is_clean();
    match &replayed.file.expect {
        _ if replayed.divergence().is_some() => Exit::Diverged,
        // It tells of a violation, and there was none, or another.
        Expect::Violates { .. } if !replayed.is_as_expected() => Exit::Diverged,
        _ if is_violated => Exit::Violated,
        _ => Exit::Clean,
    }
}

fn tell(replayed: &Replayed, failure: Option<Failure>, explained: bool, program: &str) {
    let path = visible(&replayed.path.to_string_lossy()).into_owned();
    if let Some(failure) = failure {
        let again = replay_command(program, &replayed.path);
        let hints = match explained {
            true => vec![("replay", again)],
            false => vec![("explain", explain_command(program, &replayed.path)), ("replay", again)],
        };
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
    if let Some(unmet) = replayed.tell_unmet() {
        print(unmet);
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
    let expected: Option<Cow<'_, str>> = match &replayed.file.expect {
        Expect::Violates { check } => Some(visible(check)),
        Expect::Clean => None,
    };
    let found = replayed.outcome.violation.as_ref().map(|violation| visible(&violation.check));
    match (expected, found) {
        (Some(expected), Some(found)) if expected == found => format!("violates {found} again"),
        (Some(expected), Some(found)) => format!("violates {found}, not {expected}"),
        (Some(expected), None) => format!("clean, no longer violates {expected}"),
        (None, Some(found)) => format!("violates {found}, expected clean"),
        (None, None) => "clean, as expected".to_owned(),
    }
}

pub(super) fn run_shrink(registry: &mut dyn Registry, arguments: &ShrinkArguments) -> Result<Exit, Wrong> {
    let path = &arguments.file;
    let progress = Arc::new(Progress::counting("plan to shrink", false));
    let (runs_max, steps_max, stop) = (arguments.runs, arguments.steps, stop_on_interrupt());
    let options = ShrinkOptions { runs_max, steps_max, stop, watch: progress.watch(), ..ShrinkOptions::default() };
    let (program, so_far) = (registry.program(), SoFar::default());
    let (stop, hang_after) = (&options.stop, arguments.hang_after);
    let watch = Command { program: &program, stop, hang_after, so_far: &so_far, snapshots: None, as_json: false };
    let _watch = watch.watch();
    let system = system_of(registry, path)?;
    let shrunk = system.shrink_file(path, &options);
    progress.finish();
    let Some(failure) = shrunk? else {
        let replayed = system.replay_file(path)?;
        let name = visible(&path.to_string_lossy()).into_owned();
        print(format_args!("{name}: {}: there is nothing to shrink\n", verdict(&replayed)));
        return Ok(exit_of(&replayed));
    };
    let directory = arguments.out.clone().unwrap_or_else(|| directory_of(path));
    print_and_save(slice::from_ref(&failure), &directory, &program);
    Ok(Exit::Violated)
}
