//! What a sweep found, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::findings::add_place;
use crate::protocol::visible;
use crate::report::grouped;
use crate::sweep::Sweep;
use crate::testing::Saved;

/// The summary is at most so wide.
const COLUMNS: usize = 80;
/// So wide is a label, with what is before and behind it.
const LABEL: usize = 12;
/// So much is between two columns.
const GAP: usize = 2;
/// More columns than this are hard to read.
const COUNT_COLUMNS_MAX: usize = 3;

/// What a sweep found. All of it but the speed depends on the seeds alone.
pub(super) struct Summary<'a> {
    pub(super) sweep: &'a Sweep,
    pub(super) elapsed: Duration,
}

impl Summary<'_> {
    /// `34 of 1,000 worlds of "store" violated a check (siblings 30, convergence 4)`
    pub(super) fn headline(&self) -> String {
        let Sweep { system, worlds, violations, .. } = self.sweep;
        let count = self.sweep.violation_count();
        let by_check: Vec<String> =
            violations.iter().map(|(check, count)| format!("{} {}", visible(check), grouped(*count))).collect();
        let (worlds, system) = (grouped(*worlds), visible(system));
        match count {
            0 => format!("{worlds} worlds of \"{system}\", 0 violations"),
            count => {
                format!("{} of {worlds} worlds of \"{system}\" violated: {}", grouped(count), by_check.join(", "))
            }
        }
    }

    pub(super) fn to_json(&self, saved: &[Saved]) -> Value {
        let Sweep { system, strategy, feedback, worlds, violations, tally, digest, coverage, unreached, failures } =
            self.sweep;
        let faults: Map<String, Value> =
            tally.faults().iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let failures = failures.iter().zip(saved).map(|(failure, saved)| {
            let failure = json!({
                "check": failure.shrunk.violation.check,
                "summary": failure.shrunk.violation.breach.summary,
                "seed": failure.seed.map(|seed| format!("{seed:#x}")),
                "decisions": failure.shrunk.plan.decision_count(),
                "decisions_before": failure.shrunk.decisions_before,
                "digest": format!("{:#018x}", failure.shrunk.digest),
            });
            add_place(failure, saved)
        });
        json!({
            "system": system,
            "strategy": strategy.name(),
            "feedback": feedback,
            "runs": worlds,
            "violations": self.sweep.violation_count(),
            "violations_by_check": violations,
            "events": tally.steps,
            "events_per_second": per_second(tally.steps, self.elapsed),
            "virtual_nanoseconds": tally.virtual_nanos,
            "requests": tally.requests,
            "requests_lost": tally.requests_lost,
            "responses": tally.responses,
            "timers": tally.timers,
            "messages_sent": tally.sent,
            "messages_delivered": tally.delivered,
            "faults": faults,
            "siblings": tally.marks.get("siblings").copied().unwrap_or(0),
            "marks": tally.marks,
            "unreached": unreached,
            "moves": coverage.moves,
            "worlds_alone": coverage.worlds_alone,
            "new_per_million_worlds": per_million(coverage.worlds_alone, *worlds),
            "digest": format!("{digest:#018x}"),
            "failures": failures.collect::<Vec<Value>>(),
        })
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.sweep.tally;
        writeln!(f, "{}", self.headline())?;
        writeln!(f, "  events    {}, over {} of virtual time", grouped(tally.steps), hours(tally.virtual_nanos))?;
        writeln!(
            f,
            "  clients   {} requests, {} found their node down",
            { grouped(tally.requests + tally.requests_lost) },
            grouped(tally.requests_lost)
        )?;
        writeln!(f, "  messages  {} sent, {} delivered", grouped(tally.sent), grouped(tally.delivered))?;
        let faults = tally.faults().into_iter().map(|(name, count)| (name.replace('_', " "), count));
        let faults: Vec<(String, u64)> = faults.collect();
        write_columns(f, "faults", &faults)?;
        let marks: Vec<(String, u64)> =
            tally.marks.iter().map(|(mark, count)| (visible(mark).into_owned(), *count)).collect();
        write_columns(f, "marks", &marks)?;
        let (coverage, worlds) = (self.sweep.coverage, self.sweep.worlds);
        writeln!(
            f,
            "  seen      {} kinds of moves; {}",
            grouped(coverage.moves),
            unseen(coverage.worlds_alone, worlds)
        )?;
        writeln!(f, "  digest    {:#018x}", self.sweep.digest)
    }
}

/// Names and counts under a label: in as many columns as there is room for, each as wide as it must be.
fn write_columns(f: &mut fmt::Formatter<'_>, label: &str, counts: &[(String, u64)]) -> fmt::Result {
    let counts: Vec<(&str, String)> = counts.iter().map(|(name, count)| (name.as_str(), grouped(*count))).collect();
    let widths = |column_count: usize| -> Vec<(usize, usize)> {
        let column = |column: usize| counts.iter().skip(column).step_by(column_count);
        let width = |place| {
            let name = column(place).map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            (name, column(place).map(|(_, count)| count.len()).max().unwrap_or(0))
        };
        (0..column_count).map(width).collect()
    };
    let fits = |widths: &Vec<(usize, usize)>| {
        LABEL + widths.iter().map(|(name, count)| name + 1 + count).sum::<usize>() + GAP * (widths.len() - 1) <= COLUMNS
    };
    let widths = (1..=COUNT_COLUMNS_MAX).rev().map(widths).find(fits).unwrap_or_else(|| widths(1));
    for (place, row) in counts.chunks(widths.len()).enumerate() {
        let cell =
            |((name, count), (wide, long)): (&(&str, String), &(usize, usize))| format!("{name:<wide$} {count:>long$}");
        let cells: Vec<String> = row.iter().zip(&widths).map(cell).collect();
        let label = if place == 0 { label } else { "" };
        writeln!(f, "  {label:<8}  {}", cells.join(&" ".repeat(GAP)))?;
    }
    Ok(())
}

/// `about 2.5 % of more worlds show a new one`
fn unseen(alone: u64, worlds: u64) -> String {
    match per_million(alone, worlds) / 1_000 {
        0 => "less than 0.1 % of more worlds show a new one".to_owned(),
        permille => format!("about {}.{} % of more worlds show a new one", permille / 10, permille % 10),
    }
}

fn per_million(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1_000_000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

/// `0.8 s, 1,234,567 events and 1,250 worlds per second`
pub(super) fn speed(sweep: &Sweep, elapsed: Duration) -> String {
    format!(
        "{}.{:02} s, {} events and {} worlds per second",
        elapsed.as_secs(),
        elapsed.subsec_millis() / 10,
        grouped(per_second(sweep.tally.steps, elapsed)),
        grouped(per_second(sweep.worlds, elapsed))
    )
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    let per_second = u128::from(count) * 1_000_000_000 / elapsed.as_nanos().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

fn hours(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", grouped(seconds / 3_600), seconds % 3_600 / 60),
    }
}
