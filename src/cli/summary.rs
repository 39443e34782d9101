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
        let Sweep { system, worlds, .. } = self.sweep;
        let count = self.sweep.violation_count();
        let by_check = self.sweep.tell_violations(&grouped);
        let (worlds, system) = (grouped(*worlds), visible(system));
        match count {
            0 => format!("{worlds} worlds of \"{system}\", 0 violations"),
            count => {
                format!("{} of {worlds} worlds of \"{system}\" violated: {}", grouped(count), by_check.join(", "))
            }
        }
    }

    pub(super) fn to_json(&self, saved: &[Saved]) -> Value {
        let Sweep { system, strategy, feedback, worlds, violations, stats, digest, coverage, .. } = self.sweep;
        let Sweep { verified, compares_states, unreached, failures, others, .. } = self.sweep;
        let faults: Map<String, Value> =
            stats.faults().iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
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
        let others = others.iter().map(|other| {
            json!({
                "check": other.violation.check,
                "sort": other.violation.breach.sort,
                "summary": other.violation.breach.summary,
                "at": other.violation.breach.source.place,
                "seed": other.seed.map(|seed| format!("{seed:#x}")),
                "worlds": other.worlds,
            })
        });
        json!({
            "system": system,
            "strategy": strategy.name(),
            "feedback": feedback,
            "runs": worlds,
            "runs_verified": verified,
            "states_compared": compares_states,
            "violations": self.sweep.violation_count(),
            "violations_by_check": violations,
            "events": stats.steps,
            "events_per_second": per_second(stats.steps, self.elapsed),
            "virtual_nanoseconds": stats.virtual_nanos,
            "requests": stats.requests,
            "requests_lost": stats.requests_lost,
            "responses": stats.responses,
            "timers": stats.timers,
            "ended_by_time": stats.ended_by_time,
            "checks": self.sweep.check_count,
            "has_clients": self.sweep.has_clients,
            "messages_sent": stats.sent,
            "messages_delivered": stats.delivered,
            "faults": faults,
            "siblings": stats.marks.get("siblings").copied().unwrap_or(0),
            "marks": stats.marks,
            "unreached": unreached,
            "unstruck": self.sweep.unstruck,
            "armed": stats.armed,
            "struck": stats.struck,
            "measured": self.sweep.calibration.to_string(),
            "warnings": self.sweep.calibration.warnings(),
            "transitions": coverage.transitions,
            "worlds_alone": coverage.worlds_alone,
            "new_per_million_worlds": per_million(coverage.worlds_alone, *worlds),
            "digest": format!("{digest:#018x}"),
            "failures": failures.collect::<Vec<Value>>(),
            "others": others.collect::<Vec<Value>>(),
        })
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.sweep.stats;
        writeln!(f, "{}", self.headline())?;
        if self.sweep.check_count == 0 {
            writeln!(f, "  checks    none: only panics, wrong answers and worlds that never rest are found")?;
        }
        if stats.ended_by_time > 0 {
            let (count, of) = (grouped(stats.ended_by_time), grouped(self.sweep.worlds));
            writeln!(f, "  rest      {count} of {of} worlds still had timers set when their time was up")?;
        }
        let Sweep { calibration, profile, .. } = self.sweep;
        let measured = calibration.to_string();
        if !measured.is_empty() {
            let stretched = profile.hostile_max.as_millis() as u64;
            writeln!(f, "  measured  {measured}; hostile for up to {}ms", grouped(stretched))?;
        }
        writeln!(f, "  events    {}, over {} of virtual time", grouped(stats.steps), hours(stats.virtual_nanos))?;
        if self.sweep.has_clients {
            let (all, lost) = (stats.requests + stats.requests_lost, stats.requests_lost);
            writeln!(f, "  clients   {} requests, {} found their node down", grouped(all), grouped(lost))?;
        } else {
            writeln!(f, "  clients   none: nobody asks anything, and nodes do only what they do by themselves")?;
        }
        writeln!(f, "  messages  {} sent, {} delivered", grouped(stats.sent), grouped(stats.delivered))?;
        if stats.armed > 0 {
            writeln!(f, "  moments   {} faults armed, {} struck", grouped(stats.armed), grouped(stats.struck))?;
        }
        let faults = stats.faults().into_iter().map(|(name, count)| (name.replace('_', " "), count));
        let faults: Vec<(String, u64)> = faults.collect();
        write_columns(f, "faults", &faults)?;
        let marks: Vec<(String, u64)> =
            stats.marks.iter().map(|(mark, count)| (visible(mark).into_owned(), *count)).collect();
        write_columns(f, "marks", &marks)?;
        let (coverage, worlds) = (self.sweep.coverage, self.sweep.worlds);
        writeln!(
            f,
            "  seen      {} kinds of transitions; {}",
            grouped(coverage.transitions),
            unseen(coverage.worlds_alone, worlds)
        )?;
        if self.sweep.verified > 0 && !self.sweep.compares_states {
            let verified = grouped(self.sweep.verified);
            writeln!(f, "  verified  {verified} worlds were run twice, but states not compared: no `fold` tells any")?;
        }
        writeln!(f, "  digest    {:#018x}", self.sweep.digest)
    }
}

/// Names and counts under a label: in as many columns as there is room for, each as wide as it must be.
pub(super) fn write_columns(f: &mut fmt::Formatter<'_>, label: &str, counts: &[(String, u64)]) -> fmt::Result {
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
        grouped(per_second(sweep.stats.steps, elapsed)),
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

#[cfg(all(test, feature = "builtin"))]
mod tests {
    use std::time::Duration;

    use super::Summary;
    use crate::builtin::store;
    use crate::check::Quiescence;
    use crate::harness::Harness;
    use crate::store::Node;
    use crate::sweep::{Seeds, SweepOptions};

    #[test]
    fn what_a_sweep_could_not_find_is_told() {
        let told = |harness: &Harness<Node>| {
            let sweep = harness.sweep_with(&SweepOptions::new(Seeds::first(3)), &|_| {});
            Summary { sweep: &sweep, elapsed: Duration::ZERO }.to_string()
        };
        let idle = told(&Harness::new("idle", Node::boot));
        assert!(idle.contains("\n  checks    none: ") && idle.contains("\n  clients   none: "), "{idle}");
        let checked = told(&Harness::new("idle", Node::boot).check(Quiescence::new()));
        assert!(!checked.contains("  checks ") && checked.contains("\n  clients   none: "), "{checked}");
        let whole = told(&store());
        assert!(!whole.contains("none: ") && !whole.contains("  rest "), "{whole}");
        // Hostile worlds take longer than that.
        let hasty = told(
            &Harness::new("hasty", Node::boot).workload(crate::kv::StoreWorkload::default()).settle(Duration::ZERO),
        );
        assert!(hasty.contains(" of 3 worlds still had timers set when their time was up"), "{hasty}");
    }
}
