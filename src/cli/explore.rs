//! `ddc explore`

use std::fmt;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::ExploreArguments;
use super::findings::{add_place, print_and_save, save_all};
use super::output::print_json;
use super::progress::Progress;
use super::{AnySystem, Exit, Registry, Wrong, print, system_name, tell};
use crate::model_check::{Ask, Exploration, Reduction, Scope};
use crate::protocol::visible;
use crate::report::grouped;
use crate::testing::Saved;

/// How many requests are drawn if nobody says.
const REQUESTS: usize = 3;

pub(super) fn run(registry: &mut dyn Registry, arguments: &ExploreArguments) -> Result<Exit, Wrong> {
    let program = registry.program();
    let placements = registry.placements(arguments)?;
    let name = system_name(registry, arguments.system.as_deref(), arguments.bug.as_deref());
    let system = registry.find(&name)?;
    let scope = scope(&*system, placements, arguments);
    let all = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let progress = Progress::counting("runs", arguments.json);
    let found = system.explore(&scope, arguments.jobs.unwrap_or(all), &|runs| progress.add(runs));
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
    Ok(if found.violation_count() == 0 { Exit::Clean } else { Exit::Violated })
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
            "cut": found.cut,
            "left_out_late_timers": found.unrunnable,
            "request_sets_given_up": found.given_up,
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
        for (count, what) in [
            (found.unrunnable, "classes in which a timer fires late: plans have exact clocks"),
            (found.cut, "runs were cut off while messages were under way"),
            (found.given_up, "request sets were given up: more states than --states"),
        ] {
            if count > 0 {
                writeln!(f, "  left out  {} {what}", grouped(count))?;
            }
        }
        writeln!(f, "  not in it partitions; and once all has come, repair goes its ordinary way")?;
        writeln!(f, "  digest    {:#018x}", found.digest)
    }
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
