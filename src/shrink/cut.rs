//! What comes after the violation cannot have brought it about.

use indexmap::IndexSet;

use crate::harness::Recorded;
use crate::shrink::trial::{Edits, edit};
use crate::sim::{Plan, What};

/// The plan without what had not begun when the check was violated. Fates of messages that were never sent are gone already:
/// the recorder has not seen them.
pub(crate) fn after_the_violation(best: &Recorded) -> Edits<'_> {
    Box::new([edit(|| shortened(best))].into_iter())
}

fn shortened(best: &Recorded) -> Plan {
    let Recorded { plan, outcome, trace } = best;
    let heard: IndexSet<usize> = trace
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Asked { id, .. } | What::Unheard { id, .. } => Some(id.0 as usize),
            _ => None,
        })
        .collect();
    let requests = plan.requests.iter().enumerate().filter(|(index, _)| heard.contains(index));
    let requests = requests.map(|(_, request)| request.clone()).collect();
    let faults = plan.faults.iter().filter(|planned| planned.at <= outcome.at).cloned().collect();
    let struck: IndexSet<usize> = trace.events.iter().filter_map(|event| event.what.struck()).collect();
    let armed = plan.armed.iter().enumerate().filter(|(place, _)| struck.contains(place));
    let armed = armed.map(|(_, fault)| fault.clone()).collect();
    Plan { requests, faults, armed, ..plan.clone() }
}
