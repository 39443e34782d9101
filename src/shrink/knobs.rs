//! Fewer knobs, and smaller ones: a limit that is met sooner needs less to be met.

use crate::harness::Recorded;
use crate::protocol::Knobs;
use crate::shrink::trial::Candidate;
use crate::sim::Plan;
use crate::strategy::Knob;

/// All limits as in production, or one more.
pub(crate) fn fewer(best: &Recorded) -> Vec<Candidate> {
    let plan = &best.plan;
    if plan.knobs.is_empty() {
        return Vec::new();
    }
    let each = plan.knobs.iter().map(|(name, _)| {
        let mut knobs = plan.knobs.clone();
        knobs.remove(name);
        knobs
    });
    [Knobs::default()].into_iter().chain(each).map(|knobs| Plan { knobs, ..plan.clone() }.into()).collect()
}

/// Each at the smallest value that it may have, or nearer to it; one that the system does not name stays as it is.
pub(crate) fn smaller(best: &Recorded, declared: &[Knob]) -> Vec<Candidate> {
    let plan = &best.plan;
    let with = |name: &str, value: u64| {
        let mut plan = plan.clone();
        plan.knobs.set(name, value);
        Candidate::from(plan)
    };
    let mut candidates = Vec::new();
    for (name, value) in plan.knobs.iter() {
        let Some(knob) = declared.iter().find(|knob| knob.name == name) else { continue };
        let low = *knob.range.start();
        if value > low {
            let nearer = [low, low + 1, low.midpoint(value), value - 1];
            candidates.extend(nearer.into_iter().filter(|nearer| *nearer < value).map(|nearer| with(name, nearer)));
        }
    }
    candidates
}
