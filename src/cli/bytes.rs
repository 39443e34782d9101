//! `ddc replay --bytes`: what a fuzzer found, as a plan.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::args::ReplayArguments;
use super::{AnySystem, Exit, Registry, Wrong, print, replay_command, system_name};
use crate::harness::Recorded;
use crate::replay::{Error, Expect, PlanFile};
use crate::report::Screen;
use crate::testing::save;

/// The most bytes that are looked at: a plan from bytes has a few thousand.
const BYTES_MAX: u64 = 1 << 20;

pub(super) fn run(registry: &mut dyn Registry, arguments: &ReplayArguments) -> Result<Exit, Wrong> {
    let program = registry.program();
    let name = system_name(registry, arguments.system.as_deref(), arguments.bug.as_deref());
    let system = registry.find(&name)?;
    let mut worst = Exit::Clean;
    for path in &arguments.files {
        let exit = replay(system, &name, path, arguments.save.as_deref(), &program)?;
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
    let decisions = plan.decision_count();
    if let Some(failure) = system.failure_of(&plan) {
        let mut hints = Vec::new();
        if let Some(directory) = directory {
            hints.push(("replay", replay_command(program, &save(&failure, directory)?)));
        }
        print(Screen { failure: &failure, hints: &hints });
        let check = &failure.shrunk.violation.check;
        print(format_args!("{}: {decisions} decisions, violates {check}\n", path.display()));
        return Ok(Exit::Violated);
    }
    print(format_args!("{}: {decisions} decisions, clean\n", path.display()));
    if let Some(directory) = directory {
        let Recorded { plan, outcome, trace } = system.record(&plan);
        let (system, digest) = (name.to_owned(), Some(outcome.digest));
        let file = PlanFile { system, plan, expect: Expect::Clean, digest, trace: trace.lines() };
        print(format_args!("replay   {}\n", replay_command(program, &file.write_new(directory)?)));
    }
    Ok(Exit::Clean)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut data)?;
    Ok(data)
}
