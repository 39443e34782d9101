//! `ddc sweep`

use std::path::Path;
use std::sync::Arc;

use super::args::SweepArguments;
use super::findings::{print_and_save, save_all};
use super::interrupt::stop_on_interrupt;
use super::output::print_json;
use super::progress::Progress;
use super::summary::{Summary, speed};
use super::watch::{Command, seed_command};
use super::{Exit, Registry, Wrong, print, replay_command, system_name, tell};
use crate::sweep::{Seeds, Sweep, SweepOptions};
use crate::testing::Saved;

/// So many of the failures that nobody has shrunk are told of; a summary as JSON has them all.
const OTHERS_MAX: usize = 20;

pub(super) fn run(registry: &mut dyn Registry, arguments: &SweepArguments) -> Result<Exit, Wrong> {
    let program = registry.program();
    let system = registry.find(&system_name(registry, arguments.system.as_deref(), arguments.bug.as_deref()))?;
    if let Some(nodes) = &arguments.nodes {
        system.set_nodes(nodes.clone());
    }
    if let Some(profile) = &arguments.profile {
        system.set_profile(profile.clone());
    }
    if let Some(strategy) = arguments.strategy {
        system.set_strategy(strategy);
    }
    if arguments.feedback {
        system.set_feedback(true);
    }
    let mut options = SweepOptions::new(seeds(arguments)?);
    options.jobs = arguments.jobs.unwrap_or(options.jobs);
    if arguments.verify {
        options.verify_permille = 1_000;
    }
    options.stop = stop_on_interrupt();
    let progress = Arc::new(Progress::up_to(options.seeds.count(), "worlds", arguments.json));
    options.watch = progress.watch();
    let directory = arguments.out.as_deref().unwrap_or(system.snapshots());
    let watch = Command {
        program: &program,
        stop: &options.stop,
        hang_after: arguments.hang_after.or(system.hangs_after()),
        so_far: &options.so_far,
        snapshots: Some(directory),
        as_json: arguments.json,
    };
    let watch = watch.watch();
    system.calibration().warnings().iter().for_each(|warning| tell(format_args!("warning: {warning}")));
    let sweep = system.sweep(&options, &|worlds| progress.add(worlds));
    drop(watch);
    let elapsed = progress.finish();

    let summary = Summary { sweep: &sweep, elapsed };
    if arguments.json {
        print_json(&summary.to_json(&save_all(&sweep.failures, directory)));
        // For their plans, which are kept in any case.
        tell_others(&sweep, directory, &program);
    } else if sweep.violation_count() == 0 {
        print(&summary);
        if let Some(unreached) = sweep.tell_unreached() {
            print(format_args!("VIOLATED reach: {unreached}\n"));
        }
        if let Some(unstruck) = sweep.tell_unstruck() {
            print(format_args!("VIOLATED reach: {unstruck}\n"));
        }
        tell(speed(&sweep, elapsed));
    } else {
        print(format_args!("{}\n\n", summary.headline()));
        print_and_save(&sweep.failures, directory, &program);
        print(tell_others(&sweep, directory, &program));
        for (failure, seed) in sweep.failures.iter().filter_map(|failure| Some((failure, failure.seed?))) {
            let check = &failure.shrunk.violation.check;
            tell(format_args!("{check} was found by: {}", seed_command(&program, seed)));
        }
    }
    if sweep.worlds == 0 {
        return Err(Wrong::Usage("no world was run: stopped before the first".to_owned()));
    }
    Ok(if sweep.is_clean() { Exit::Clean } else { Exit::Violated })
}

fn seeds(arguments: &SweepArguments) -> Result<Seeds, Wrong> {
    if let Some(seed) = arguments.seed {
        return Ok(Seeds::only(seed));
    }
    let (shard, shard_count) = arguments.shard.unwrap_or((0, 1));
    let range = match arguments.from.checked_add(arguments.seeds) {
        Some(end) => arguments.from..end,
        None if arguments.seeds == 1 => Seeds::only(arguments.from).range,
        None => return Err(Wrong::Usage("--from and --seeds: expected their sum below 2^64".to_owned())),
    };
    let seeds = Seeds { range, shard_count, shard };
    match seeds.tell_none() {
        Some(why) => Err(Wrong::Usage(format!("nothing to run: {why}"))),
        None => Ok(seeds),
    }
}

/// A line for each failure that nobody has shrunk, and one for how to see it again.
fn tell_others(sweep: &Sweep, directory: &Path, program: &str) -> String {
    let (mut text, mut texts) = (String::new(), String::new());
    for (place, other) in sweep.others.iter().enumerate() {
        // The plan is kept in any case.
        let saved = other.unshrunk.as_ref().map(|failure| Saved::new(failure, directory));
        let plan = saved.as_ref().map(|saved| match &saved.place {
            Ok(path) => replay_command(program, path),
            Err(error) => format!("not saved {error}"),
        });
        texts.extend(saved.map(|saved| saved.tell_text()));
        let again = other.seed.map(|seed| seed_command(program, seed)).or(plan).unwrap_or_default();
        if place < OTHERS_MAX {
            text.push_str(&format!("also     {other}\n         {again}\n"));
        }
    }
    let left = sweep.others.len().saturating_sub(OTHERS_MAX);
    if left > 0 {
        text.push_str(&format!("also     {left} more kinds of failures: --json lists each with a seed\n"));
    }
    text + &texts
}

#[cfg(all(test, feature = "builtin"))]
mod tests {
    use clap::Parser;

    use super::{Exit, run};
    use crate::cli::OnlyOne;
    use crate::cli::args::{Arguments, Command};
    use crate::harness::Harness;
    use crate::store::Node;

    /// The store without clients: nothing ever happens.
    fn idle() -> OnlyOne {
        let harness = Harness::new("idle", Node::boot).must_reach(["sibling made"]);
        OnlyOne { name: "idle".to_owned(), system: Box::new(harness) }
    }

    #[test]
    fn a_mark_out_of_reach_is_a_failure_of_many_worlds_as_the_system_has_them() {
        let check = |words: &[&str], expected| {
            let words = ["ddc", "sweep", "--json"].into_iter().chain(words.iter().copied());
            let Ok(Arguments { command: Command::Sweep(arguments) }) = Arguments::try_parse_from(words) else {
                panic!("expect: a sweep");
            };
            assert_eq!(run(&mut idle(), &arguments).ok(), Some(expected), "{arguments:?}");
        };
        check(&["--seeds", "1000"], Exit::Violated);
        check(&["--seeds", "999"], Exit::Clean);
        check(&["--seed", "7"], Exit::Clean);
        check(&["--seeds", "1000", "--profile", "hostile"], Exit::Violated);
        check(&["--seeds", "1000", "--profile", "calm"], Exit::Clean);
        check(&["--seeds", "1000", "--nodes", "3"], Exit::Clean);
    }
}
