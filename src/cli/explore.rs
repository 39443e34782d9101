//! `ddc explore`

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::ExploreArguments;
use super::findings::{add_place, print_and_save, save_all};
use super::interrupt::stop_on_interrupt;
use super::output::print_json;
use super::progress::Progress;
use super::summary::write_columns;
use super::watch::Command;
use super::{AnySystem, Exit, Registry, Wrong, print, system_name, tell};
use crate::model_check::{Ask, Exploration, Reduction, Scope};
use crate::model_check::{ExploreOptions, Happened};
use crate::protocol::visible;
use crate::report::grouped;
use crate::sim::Links;
use crate::sweep::SoFar;
use crate::testing::Saved;

/// Sentences in the summary are at most so wide.
const SENTENCE_COLUMNS: usize = 68;

/// How many requests are drawn if nobody says.
const REQUESTS: usize = 3;

pub(super) fn run(registry: &mut dyn Registry, arguments: &ExploreArguments) -> Result<Exit, Wrong> {
    let program = registry.program();
    let placements = registry.placements(arguments)?;
    let name = system_name(registry, arguments.system.as_deref(), arguments.bug.as_deref());
    let system = registry.find(&name)?;
    if system.links() != Links::Datagram {
        let name = visible(&name);
        return Err(Wrong::Usage(format!(
            "explore: the links of \"{name}\" are streams, and the search knows datagrams only"
        )));
    }
    let scope = scope(&*system, placements, arguments);
    let progress = Arc::new(Progress::counting("runs", arguments.json));
    let options = ExploreOptions::default();
    let jobs = arguments.jobs.unwrap_or(options.jobs);
    let options = ExploreOptions { jobs, stop: stop_on_interrupt(), watch: progress.watch() };
    let so_far = SoFar::default();
    let watch = Command {
        program: &program,
        stop: &options.stop,
        hang_after: arguments.hang_after.or(system.hangs_after()),
        so_far: &so_far,
        snapshots: None,
        as_json: arguments.json,
    };
    let watch = watch.watch();
    let found = system.explore(&scope, &options, &|runs| progress.add(runs));
    drop(watch);
    let elapsed = progress.finish();

    let directory = arguments.out.as_deref().unwrap_or(system.snapshots());
    let summary = Summary { found: &found, scope: &scope };
    if arguments.json {
        print_json(&summary.to_json(&save_all(&found.failures, directory)));
    } else {
        print(&summary);
        if !found.failures.is_empty() {
            print("\n");
            print_and_save(&found.failures, directory, &program);
        }
        tell(speed(&found, elapsed));
    }
    // Who has not looked has not found it clean.
    let is_clean = found.violation_count() == 0 && found.tell_idle().is_none() && !found.misses_reach;
    Ok(if is_clean { Exit::Clean } else { Exit::Violated })
}

fn scope(system: &dyn AnySystem, placements: Option<Vec<Vec<Ask>>>, arguments: &ExploreArguments) -> Scope {
    let requests = arguments.requests.unwrap_or(REQUESTS);
    let draw = |seed| system.draw_asks(seed, arguments.nodes, requests);
    // The set after that of the last seed is that of the first.
    let seeds = (0..arguments.seeds).map(|place| arguments.seed.wrapping_add(place));
    Scope {
        request_sets: placements.unwrap_or_else(|| seeds.map(draw).collect()),
        in_order: arguments.in_order,
        drops: arguments.drops,
        duplicates: arguments.duplicates,
        crashes: arguments.crashes,
        timers: arguments.timers,
        states_max: arguments.states,
        ..Scope::new(arguments.nodes, Vec::new())
    }
}

/// What a search covered and found.
struct Summary<'a> {
    found: &'a Exploration,
    scope: &'a Scope,
}

impl Summary<'_> {
    fn headline(&self) -> String {
        let Exploration { system, executions, violations, .. } = self.found;
        let by_check: Vec<String> =
            violations.iter().map(|(check, count)| format!("{} {}", visible(check), grouped(*count))).collect();
        let system = visible(system);
        match self.found.violation_count() {
            0 if self.found.tell_idle().is_some() => format!("no verdict of \"{system}\": nothing was searched"),
            0 if self.found.misses_reach => format!("no violation of \"{system}\", but none of its marks was reached"),
            0 if self.found.is_exhaustive() => format!("no violation of \"{system}\" within this scope"),
            0 => format!("no violation of \"{system}\" found, but the scope was not exhausted"),
            count => format!(
                "{} of {} runs of \"{system}\" violated: {}",
                grouped(count),
                grouped(*executions),
                by_check.join(", ")
            ),
        }
    }

    fn to_json(&self, saved: &[Saved]) -> Value {
        let found = self.found;
        let failures = found.failures.iter().zip(saved).map(|(failure, saved)| {
            let failure = json!({
                "check": failure.shrunk.violation.check,
                "summary": failure.shrunk.violation.breach.summary,
                "decisions": failure.shrunk.plan.decision_count(),
                "digest": format!("{:#018x}", failure.shrunk.digest),
            });
            add_place(failure, saved)
        });
        json!({
            "system": found.system,
            "nodes": self.scope.node_count,
            "request_sets": found.request_sets,
            "drops": self.scope.drops,
            "duplicates": self.scope.duplicates,
            "crashes": self.scope.crashes,
            "timers": self.scope.timers,
            "reduction": name_of(found.reduction),
            "runs": found.executions,
            // Beyond what numbers of JSON hold exactly.
            "interleavings": found.interleavings.map(|count| count.to_string()),
            "states": found.states,
            "transitions": found.transitions,
            "node_steps": found.steps,
            "requests": found.happened.requests,
            "messages": found.happened.messages,
            "timers_early": found.happened.timers,
            "crashed": found.happened.crashes,
            "nothing_happened": found.tell_idle(),
            "marks": found.stats.marks,
            "unreached": found.unreached,
            "cut": found.cut,
            "left_out_late_timers": found.unrunnable,
            "request_sets_given_up": found.given_up,
            "stopped": found.stopped,
            "exhausted": found.is_exhaustive(),
            "violations": found.violation_count(),
            "violations_by_check": found.violations,
            "digest": format!("{:#018x}", found.digest),
            "failures": failures.collect::<Vec<Value>>(),
        })
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, scope) = (self.found, self.scope);
        let requests = scope.request_sets.iter().map(Vec::len).max().unwrap_or(0);
        writeln!(f, "{}", self.headline())?;
        writeln!(
            f,
            "  scope     {} nodes, {requests} requests in {} sets, {}",
            scope.node_count,
            grouped(found.request_sets),
            if scope.in_order { "in order" } else { "those of a node or session in order" }
        )?;
        writeln!(
            f,
            "            up to {} lost, {} doubled, {} crashes, {} timers before all messages have come",
            scope.drops, scope.duplicates, scope.crashes, scope.timers
        )?;
        writeln!(f, "  runs      {}, {}", grouped(found.executions), meaning_of(found.reduction))?;
        let Happened { requests, messages, timers, crashes } = found.happened;
        let happened = [(requests, "requests"), (messages, "messages"), (timers, "timers"), (crashes, "crashes")];
        let happened = happened.map(|(count, what)| format!("{} {what}", grouped(count))).join(", ");
        writeln!(f, "            in them {happened} before they heal")?;
        if timers == 0 && found.stats.timers > 0 {
            writeln!(
                f,
                "            all other timers fired in one order, after the rest: --timers 1 lets one be early"
            )?;
        }
        if let Some(count) = found.interleavings {
            writeln!(f, "            they stand for {} orders of steps, counted exactly", grouped_wide(count))?;
        }
        writeln!(
            f,
            "  states    {}, {} transitions, made of {} steps of single nodes",
            grouped(found.states),
            grouped(found.transitions),
            grouped(found.steps)
        )?;
        let marks: Vec<(String, u64)> =
            found.stats.marks.iter().map(|(mark, count)| ((*mark).to_owned(), *count)).collect();
        write_columns(f, "marks", &marks)?;
        write_wrapped(f, "idle", found.tell_idle())?;
        write_wrapped(f, "reach", found.tell_unreached().filter(|_| found.executions > 0))?;
        if found.unrunnable > 0 {
            let classes = grouped(found.unrunnable);
            writeln!(f, "  left out  {classes} classes in which a timer fires late: plans have exact clocks")?;
        }
        for left_out in found.left_out() {
            writeln!(f, "  left out  {left_out}")?;
        }
        writeln!(f, "  not in it partitions; and once all has come, repair goes its ordinary way")?;
        writeln!(f, "  digest    {:#018x}", found.digest)
    }
}

/// A sentence behind a label, if there is one.
fn write_wrapped(f: &mut fmt::Formatter<'_>, label: &str, sentence: Option<String>) -> fmt::Result {
    let (mut label, mut line) = (label, String::new());
    for word in sentence.iter().flat_map(|sentence| sentence.split(' ')) {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > SENTENCE_COLUMNS {
            writeln!(f, "  {label:<8}  {line}")?;
            (label, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.is_empty() { Ok(()) } else { writeln!(f, "  {label:<8}  {line}") }
}

fn name_of(reduction: Reduction) -> &'static str {
    match reduction {
        Reduction::Naive => "none",
        Reduction::Moments => "moments",
        Reduction::Classes => "classes",
        Reduction::States => "states",
    }
}

fn meaning_of(reduction: Reduction) -> &'static str {
    match reduction {
        Reduction::Naive => "one of each order of steps",
        Reduction::Moments => "so that each moment that can come about is seen",
        Reduction::Classes => "one of each class that no node can tell apart",
        Reduction::States => "one to each end state",
    }
}

fn grouped_wide(count: u128) -> String {
    u64::try_from(count).map_or_else(|_| format!("more than {}", grouped(u64::MAX)), grouped)
}

fn speed(found: &Exploration, elapsed: Duration) -> String {
    let per_second = u128::from(found.executions) * 1_000_000_000 / elapsed.as_nanos().max(1);
    let per_second = grouped(u64::try_from(per_second).unwrap_or(u64::MAX));
    format!("{}.{:02} s, {per_second} runs per second", elapsed.as_secs(), elapsed.subsec_millis() / 10)
}

#[cfg(all(test, feature = "builtin"))]
mod tests {
    use clap::Parser;

    use super::{Exit, run};
    use crate::cli::OnlyOne;
    use crate::cli::args::{Arguments, Command};
    use crate::harness::Harness;
    use crate::store::Node;

    /// The store without clients: nothing ever happens, unless a node crashes.
    #[test]
    fn a_search_in_which_nothing_happens_is_not_clean() {
        let check = |marks: &[&'static str], words: &[&str], expected| {
            let words = ["ddc", "explore", "--json"].into_iter().chain(words.iter().copied());
            let Ok(Arguments { command: Command::Explore(arguments) }) = Arguments::try_parse_from(words) else {
                panic!("expect: a search");
            };
            let harness = Harness::new("idle", Node::boot).must_reach(marks.iter().copied());
            let mut idle = OnlyOne { name: "idle".to_owned(), system: Box::new(harness) };
            assert_eq!(run(&mut idle, &arguments).ok(), Some(expected), "{arguments:?}");
        };
        check(&[], &[], Exit::Violated);
        check(&[], &["--crashes", "1"], Exit::Clean);
        check(&["sibling made"], &["--crashes", "1"], Exit::Violated);
    }
}
