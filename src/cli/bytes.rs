//! `ddc replay --bytes`: what a fuzzer found, as a plan.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::slice;

use super::args::ReplayArguments;
use super::findings::print_and_save;
use super::{AnySystem, Exit, Registry, Wrong, print, replay_command, system_name, tell};
use crate::harness::Recorded;
use crate::protocol::visible;
use crate::replay::{Error, Expect, PlanFile};
use crate::report::Screen;

/// The most bytes that are looked at: a plan from bytes has a few thousand.
const BYTES_MAX: u64 = 1 << 20;

pub(super) fn run(registry: &mut dyn Registry, arguments: &ReplayArguments) -> Result<Exit, Wrong> {
    let program = registry.program();
    let name = system_name(registry, arguments.system.as_deref(), arguments.bug.as_deref());
    let system = registry.find(&name)?;
    let mut worst = Exit::Clean;
    for path in &arguments.files {
        // One that cannot be read does not keep the others from being run.
        let exit = replay(system, &name, path, arguments.save.as_deref(), &program).unwrap_or_else(|wrong| {
            tell(format_args!("error: {wrong}"));
            Exit::BadInput
        });
        worst = worst.max(exit);
    }
    Ok(worst)
}

fn replay(
    system: &dyn AnySystem,
    name: &str,
    path: &Path,
    directory: Option<&Path>,
    program: &str,
) -> Result<Exit, Wrong> {
    let data = read(path).map_err(|error| {
        let message = format!("expected the bytes of a fuzzer: {error}");
        Wrong::File(Error { path: path.to_owned(), line: None, message })
    })?;
    let plan = system.plan_from_bytes(&data);
    let (decisions, path) = (plan.decision_count(), visible(&path.to_string_lossy()).into_owned());
    if let Some(failure) = system.failure_of(&plan) {
        match directory {
            Some(directory) => print_and_save(slice::from_ref(&failure), directory, program),
            None => print(Screen { failure: &failure, hints: &[] }),
        }
        let check = visible(&failure.shrunk.violation.check);
        print(format_args!("{path}: {decisions} decisions, violates {check}\n"));
        return Ok(Exit::Violated);
    }
    print(format_args!("{path}: {decisions} decisions, clean\n"));
    if let Some(directory) = directory {
        let Recorded { plan, outcome, trace } = system.record(&plan);
        let (system, digest) = (name.to_owned(), Some(outcome.digest));
        let file = PlanFile { system, plan, expect: Expect::Clean, digest, trace: trace.lines() };
        match file.write_new(directory) {
            Ok(path) => print(format_args!("replay   {}\n", replay_command(program, &path))),
            Err(error) => {
                file.to_toml().into_iter().for_each(print);
                return Err(error.into());
            }
        }
    }
    Ok(Exit::Clean)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut data)?;
    Ok(data)
}
