//! Histories as JSON lines: an operation a line, in and out.

use std::fmt;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{History, Interval, Operation, Outcome, Why};
use crate::protocol::{Time, visible};

/// A history that is read has at most so many lines.
pub const LINES_MAX: usize = 10_000_000;

/// One operation, as a line has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<I, O> {
    /// Lines of one id are one operation that was asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    session: u64,
    input: I,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    output: Option<O>,
    /// Numbers that grow with time; only their order counts.
    call: u64,
    #[serde(default, rename = "return", skip_serializing_if = "Option::is_none")]
    ended: Option<u64>,
    /// Nanoseconds, only to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    return_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Said>,
}

fn none<T>() -> Option<T> {
    None
}

/// What a line says of an outcome.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// It is known: the line has an output. (An output that is `null` needs this word.)
    Ok,
    Failed,
    /// And nobody says why.
    Unknown,
    Crashed,
    TimedOut,
    Unclear,
}

/// What is wrong with a history in JSON lines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonError {
    /// In which line, from 1.
    pub line: usize,
    /// What was expected, and found.
    pub message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, visible(&self.message))
    }
}

impl std::error::Error for JsonError {}

impl<I: Serialize, O: Serialize> History<I, O> {
    /// The history as JSON lines, one for each operation in the order of calls:
    ///
    /// ```text
    /// {"session":0,"input":{"write":7},"output":"done","call":0,"return":2,"call_ns":1000000,"return_ns":3000000,"outcome":"ok"}
    /// ```
    ///
    /// `call` and `return` are places in the order of all calls and returns, so a checker such as Porcupine takes them for times. An
    /// operation without an answer has no `output`, and its `outcome` is `failed`, `unknown`, `crashed`, `timed_out` or `unclear`.
    ///
    /// # Errors
    /// If an input or output cannot be serialized.
    pub fn to_json_lines(&self) -> Result<String, serde_json::Error> {
        let mut out = String::new();
        for operation in &self.operations {
            let Operation { session, input, called, ended, outcome } = operation;
            let (said, output) = match outcome {
                Outcome::Known(output) => (Said::Ok, Some(output)),
                Outcome::Failed => (Said::Failed, None),
                Outcome::Unknown(Why::NoAnswer) => (Said::Unknown, None),
                Outcome::Unknown(Why::Crashed) => (Said::Crashed, None),
                Outcome::Unknown(Why::TimedOut) => (Said::TimedOut, None),
                Outcome::Unknown(Why::Unclear) => (Said::Unclear, None),
            };
            out.push_str(&serde_json::to_string(&Line {
                id: None,
                session: *session,
                input,
                output,
                call: called.place,
                ended: ended.map(|ended| ended.place),
                call_ns: Some(called.at.as_nanos()),
                return_ns: ended.map(|ended| ended.at.as_nanos()),
                outcome: Some(said),
            })?);
            out.push('\n');
        }
        Ok(out)
    }
}

impl<I: DeserializeOwned, O: DeserializeOwned> History<I, O> {
    /// Reads what [`to_json_lines`](Self::to_json_lines) writes, or what somebody else has recorded: `call` and `return` may be any
    /// numbers that grow with time, such as nanoseconds; where they are equal the call is the earlier. `call_ns`, `return_ns` and
    /// `outcome` may be missing: an operation with an output has it, and without one its outcome is unknown. Lines with the same `id`
    /// are one operation that was asked again. Empty lines are passed over.
    ///
    /// # Errors
    /// With the line, if it is no operation, or returns before it is called; and if there are more than [`LINES_MAX`].
    pub fn from_json_lines(text: &str) -> Result<Self, JsonError> {
        let mut intervals: Vec<(Interval<I, O>, Shown)> = Vec::new();
        let mut by_id: IndexMap<String, usize, foldhash::fast::FixedState> = IndexMap::default();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            let error = |message: String| JsonError { line, message };
            if line > LINES_MAX {
                return Err(error(format!("expected at most {LINES_MAX} lines")));
            }
            let parsed: Line<I, O> = serde_json::from_str(text).map_err(|wrong| error(told(&wrong)))?;
            let id = parsed.id.as_ref().map(ToString::to_string);
            let (interval, shown) = interval_of(parsed, text).map_err(error)?;
            match id.map(|id| by_id.entry(id).or_insert(intervals.len())) {
                Some(known) if *known < intervals.len() => join(&mut intervals[*known], (interval, shown)),
                _ => intervals.push((interval, shown)),
            }
        }
        let mut shown: Vec<(Time, Shown)> =
            intervals.iter().map(|(interval, shown)| (interval.called, *shown)).collect();
        let intervals = intervals.into_iter().map(|(interval, _)| interval).collect();
        let wrong = |wrong: super::IntervalError| JsonError { line: 0, message: wrong.to_string() };
        let mut history = Self::from_intervals(intervals).map_err(wrong)?;
        // Both sorts keep those of one call in their order.
        shown.sort_by_key(|(called, _)| *called);
        for (operation, (_, (call, ended))) in history.operations.iter_mut().zip(shown) {
            operation.called.at = call.unwrap_or(operation.called.at);
            if let (Some(moment), Some(ended)) = (&mut operation.ended, ended) {
                moment.at = ended;
            }
        }
        Ok(history)
    }
}

/// The times of call and return as they are shown.
type Shown = (Option<Time>, Option<Time>);

fn interval_of<I, O>(line: Line<I, O>, text: &str) -> Result<(Interval<I, O>, Shown), String> {
    let Line { session, input, output, call, ended, call_ns, return_ns, outcome, .. } = line;
    let said = outcome.unwrap_or(if output.is_some() { Said::Ok } else { Said::Unknown });
    let outcome = match (said, output) {
        (Said::Ok, Some(output)) => Outcome::Known(output),
        (Said::Ok, None) => return Err(format!("expected an output, for the outcome is ok, found {text}")),
        (_, Some(_)) => return Err(format!("expected no output, for the outcome is not ok, found {text}")),
        (Said::Failed, None) => Outcome::Failed,
        (Said::Unknown, None) => Outcome::Unknown(Why::NoAnswer),
        (Said::Crashed, None) => Outcome::Unknown(Why::Crashed),
        (Said::TimedOut, None) => Outcome::Unknown(Why::TimedOut),
        (Said::Unclear, None) => Outcome::Unknown(Why::Unclear),
    };
    match (&outcome, ended) {
        (_, Some(ended)) if ended < call => {
            return Err(format!("expected a return after the call at {call}, found {ended}"));
        }
        (Outcome::Known(_) | Outcome::Failed, None) => return Err("expected a return, for it was answered".to_owned()),
        _ => {}
    }
    let (called, ended) = (Time::from_nanos(call), ended.map(Time::from_nanos));
    let shown = (call_ns.map(Time::from_nanos), return_ns.map(Time::from_nanos));
    Ok((Interval { session, input, called, ended, outcome }, shown))
}

/// An operation that was asked again lasts from the first call to the answer.
fn join<I, O>((one, shown): &mut (Interval<I, O>, Shown), (again, again_shown): (Interval<I, O>, Shown)) {
    if again.called < one.called {
        (one.called, shown.0) = (again.called, again_shown.0);
    }
    let takes = match (&one.outcome, &again.outcome) {
        (Outcome::Known(_), Outcome::Known(_)) => again.ended < one.ended,
        (Outcome::Known(_), _) | (Outcome::Unknown(_), Outcome::Failed) => false,
        (Outcome::Failed, Outcome::Failed) => again.ended > one.ended,
        _ => true,
    };
    if takes {
        (one.ended, one.outcome, shown.1) = (again.ended, again.outcome, again_shown.1);
    }
}

/// What serde says, without the place, which is always in line 1.
fn told(wrong: &serde_json::Error) -> String {
    let told = wrong.to_string();
    let place = format!(" at line {} column {}", wrong.line(), wrong.column());
    match told.strip_suffix(&place) {
        Some(told) => format!("column {}: {told}", wrong.column()),
        None => told,
    }
}
