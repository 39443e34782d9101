//! What a sweep found, for people and for programs.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::explore::Sweep;
use crate::report::grouped;

/// What a sweep found. All of it but the speed depends on the seeds alone.
pub(super) struct Summary<'a> {
    pub(super) sweep: &'a Sweep,
    pub(super) elapsed: Duration,
    pub(super) saved: &'a [PathBuf],
}

impl Summary<'_> {
    /// `34 of 1,000 worlds of "store" violated a check (siblings 30, convergence 4)`
    pub(super) fn headline(&self) -> String {
        let Sweep { system, worlds, violations, .. } = self.sweep;
        let count = self.sweep.violation_count();
        let by_check: Vec<String> =
            violations.iter().map(|(check, count)| format!("{check} {}", grouped(*count))).collect();
        let worlds = grouped(*worlds);
        match count {
            0 => format!("{worlds} worlds of \"{system}\", 0 violations"),
            count => {
                format!("{} of {worlds} worlds of \"{system}\" violated: {}", grouped(count), by_check.join(", "))
            }
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let Sweep { system, strategy, worlds, violations, tally, digest, failures } = self.sweep;
        let faults: Map<String, Value> =
            tally.faults().iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let failures = failures.iter().zip(self.saved).map(|(failure, path)| {
            json!({
                "check": failure.shrunk.violation.check,
                "summary": failure.shrunk.violation.breach.summary,
                "seed": failure.seed.map(|seed| format!("{seed:#x}")),
                "decisions": failure.shrunk.plan.decision_count(),
                "decisions_before": failure.shrunk.decisions_before,
                "digest": format!("{:#018x}", failure.shrunk.digest),
                "plan": path.display().to_string(),
            })
        });
        json!({
            "system": system,
            "strategy": strategy.name(),
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
        let mut label = "faults";
        for three in tally.faults().chunks(3) {
            let columns: Vec<String> = three
                .iter()
                .map(|(name, count)| format!("{:<19}{:>9}", name.replace('_', " "), grouped(*count)))
                .collect();
            writeln!(f, "  {label:<8}  {}", columns.join("   ").trim_end())?;
            label = "";
        }
        for (mark, count) in &tally.marks {
            writeln!(f, "  seen      {mark}, {} times", grouped(*count))?;
        }
        writeln!(f, "  digest    {:#018x}", self.sweep.digest)
    }
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
