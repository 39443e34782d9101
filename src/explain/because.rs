//! Why a check failed, in sentences, where the check itself gives no reason: the last steps that its verdict depends on.

use super::phrase;
use super::story::{Story, Weight};
use crate::check::Violation;
use crate::sim::{Trace, TraceEvent, What};

/// So many sentences.
const SENTENCES: usize = 3;

/// Why, as the check says; if it says nothing, as the run does.
pub(crate) fn reasons(violation: &Violation, trace: &Trace, story: Option<&Story>) -> Vec<String> {
    let told = &violation.breach.because;
    match story {
        Some(story) if told.is_empty() => because(trace, story),
        _ => told.clone(),
    }
}

/// The last steps that the verdict depends on, each with what it changed; in the order in which they came.
fn because(trace: &Trace, story: &Story) -> Vec<String> {
    let decisive = trace.events.iter().zip(&story.weights).filter(|(_, weight)| **weight == Weight::Decisive);
    let told = decisive.filter(|(event, _)| is_reason(&event.what)).map(|(event, _)| sentence(event, story));
    let told: Vec<String> = told.collect();
    told[told.len().saturating_sub(SENTENCES)..].to_vec()
}

/// What a node was given, or lost. That the world heals is no reason, and a mark only names one.
const fn is_reason(what: &What) -> bool {
    matches!(
        what,
        What::Took { .. }
            | What::Asked { .. }
            | What::Fired { .. }
            | What::Started { .. }
            | What::Crashed { .. }
            | What::Lost { .. }
            | What::Answered { .. }
    )
}

/// `node 1 takes 0→1 vote #1 at 152ms: voted_for None → Some(2)`
fn sentence(event: &TraceEvent, story: &Story) -> String {
    let happened = format!("{} at {}", phrase(&event.what), event.at);
    // What a step changed belongs to what it was given, not to what it answers.
    let is_input = !matches!(event.what, What::Answered { .. } | What::Lost { .. } | What::Crashed { .. });
    match story.note(event.step).filter(|_| is_input) {
        Some(note) => format!("{happened}: {note}"),
        None => happened,
    }
}
