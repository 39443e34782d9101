//! What comes after the violation cannot have brought it about.

use crate::harness::Recorded;
use crate::shrink::trial::Candidate;
use crate::sim::{Plan, What};

/// The plan without what had not begun when the check was violated. Fates of messages that were never sent are gone already:
/// the recorder has not seen them.
pub(crate) fn after_the_violation(best: &Recorded) -> Vec<Candidate> {
    let Recorded { plan, outcome, trace } = best;
    let heard = |index: usize| {
        trace.events.iter().any(|event| match &event.what {
            What::Asked { id, .. } | What::Unheard { id, .. } => id.0 as usize == index,
            _ => false,
        })
    };
    let requests = plan.requests.iter().enumerate().filter(|(index, _)| heard(*index));
    let requests = requests.map(|(_, request)| request.clone()).collect();
    let faults = plan.faults.iter().filter(|planned| planned.at <= outcome.at).cloned().collect();
    vec![Plan { requests, faults, ..plan.clone() }.into()]
}
