//! The first screen of a failure: what was violated, why, how the smallest run goes, and how to see it again.

use std::fmt;

use super::diagram::diagram;
use super::text::{grouped, wrapped_to};
use crate::explain::{Moment, Parting, Twin, reasons};
use crate::protocol::visible;
use crate::sim::Plan;
use crate::sweep::Failure;

/// The screen is at most so wide …
const COLUMNS: usize = 80;
/// … and so high.
const LINES: usize = 40;
/// The diagram has what is left of that, within these bounds.
const DIAGRAM_ROWS_MIN: usize = 12;
const DIAGRAM_ROWS: usize = 30;
/// What was violated takes at most so many lines.
const VERDICT_LINES: usize = 3;
/// The twin, the pivot and the knobs take at most so many lines each.
const EXPLANATION_LINES: usize = 2;
/// At most so many reasons, in at most so many lines.
const BECAUSE_LINES: usize = 7;

/// A failure as it is shown first: at most 40 lines of 80 columns.
#[derive(Clone, Copy, Debug)]
pub struct Screen<'a> {
    /// What failed.
    pub failure: &'a Failure,
    /// Ways to see it again, each a label and a command.
    pub hints: &'a [(&'a str, String)],
}

impl fmt::Display for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = self.failure;
        let shrunk = &failure.shrunk;
        let head = self.verdict();
        let after = self.explanation();
        // What the rest of the screen leaves.
        let rows = LINES.saturating_sub(head.len() + after.len() + 2).clamp(DIAGRAM_ROWS_MIN, DIAGRAM_ROWS);
        let run = diagram(&failure.trace, &shrunk.plan, failure.story.as_ref(), COLUMNS, rows);
        let lines = head.into_iter().chain([String::new()]).chain(run).chain([String::new()]).chain(after);
        lines.into_iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Screen<'_> {
    /// What was violated, and why.
    fn verdict(&self) -> Vec<String> {
        let violation = &self.failure.shrunk.violation;
        let mut lines = wrapped("VIOLATED ", &format!("{}: {}", violation.check, violation.breach.summary));
        lines.truncate(VERDICT_LINES);
        let reasons = reasons(violation, &self.failure.trace, self.failure.story.as_ref());
        let reasons = reasons.iter().filter(|reason| !reason.is_empty());
        lines.extend(reasons.flat_map(|reason| wrapped("  because  ", reason)).take(BECAUSE_LINES));
        lines
    }

    /// The twin, the pivot, the knobs, what was shrunk from what, and how to see it again.
    fn explanation(&self) -> Vec<String> {
        let Self { failure, hints } = self;
        let shrunk = &failure.shrunk;
        let twin = failure.twin.as_ref().map(|twin| wrapped("twin     ", &tell_twin(twin)));
        let pivot = failure.pivot.as_ref().map(|pivot| wrapped("pivot    ", &tell_moment(&pivot.moments[0])));
        let told = [twin, pivot].into_iter().flatten();
        let mut lines: Vec<String> = told.flat_map(|lines| lines.into_iter().take(EXPLANATION_LINES)).collect();
        lines.extend(knobs_lines(&shrunk.plan));
        let label = if shrunk.runs == 0 { "plan" } else { "shrunk" };
        lines.push(format!("{label:<8} {}", shrunk_line(failure)));
        lines.extend(hints.iter().map(|(label, command)| format!("{label:<8} {}", visible(command))));
        lines
    }
}

/// `batch_max = 1, hints_max = 0`; nothing if all limits are as in production.
fn knobs_lines(plan: &Plan) -> Vec<String> {
    if plan.knobs.is_empty() {
        return Vec::new();
    }
    let mut lines = wrapped("knobs    ", &plan.knobs.to_string());
    lines.truncate(EXPLANATION_LINES);
    lines
}

/// `without "2→0 update #1 dropped" it passes; the runs part at step 7 (9ms): node 0 takes 1→0 update #1`
pub(super) fn tell_twin(twin: &Twin) -> String {
    let parting = match &twin.parting {
        Some(Parting { step, at, what }) => format!("; the runs part at step {step} ({at}): {what}"),
        None => String::new(),
    };
    format!("{} it passes{parting}", twin.change)
}

/// `step 9 (12ms): node 2 takes 1→2 update #1; violated in 12% of continuations before it, 94% after it`
pub(super) fn tell_moment(moment: &Moment) -> String {
    let Moment { step, at, what, before, after } = moment;
    format!("step {step} ({at}): {what}; violated in {before}% of continuations before it, {after}% after it")
}

/// `26 → 4 decisions, 4 → 2 nodes (55 runs)`; a failure that was not shrunk has only the numbers that are left.
pub(super) fn shrunk_line(failure: &Failure) -> String {
    let shrunk = &failure.shrunk;
    let part = |before: usize, after: usize, unit: &str| {
        let before = if before == after { String::new() } else { format!("{} → ", grouped(before as u64)) };
        format!("{before}{} {unit}{}", grouped(after as u64), if after == 1 { "" } else { "s" })
    };
    let decisions = part(shrunk.decisions_before, shrunk.plan.decision_count(), "decision");
    let nodes = part(shrunk.nodes_before, shrunk.plan.node_count, "node");
    match shrunk.runs {
        0 => format!("{decisions}, {nodes}"),
        1 => format!("{decisions}, {nodes} (1 run)"),
        runs => format!("{decisions}, {nodes} ({} runs)", grouped(runs)),
    }
}

/// `text` behind `label`, broken at spaces; further lines are indented as far.
fn wrapped(label: &str, text: &str) -> Vec<String> {
    wrapped_to(label, text, COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::{grouped, wrapped};

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn long_lines_are_broken_and_indented() {
        let lines = wrapped("  because  ", &"word ".repeat(40));
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= 80));
        assert!(lines[1].starts_with("           word"));
    }
}
