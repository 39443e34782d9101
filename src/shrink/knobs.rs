//! Fewer knobs, and smaller ones: a limit that is met sooner needs less to be met.

use crate::harness::Recorded;
use crate::protocol::Knobs;
use crate::shrink::trial::{Edits, edit, none};
use crate::sim::Plan;
use crate::strategy::Knob;

/// All limits as in production, or one more.
pub(crate) fn fewer(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    if plan.knobs.is_empty() {
        return none();
    }
    let each = plan.knobs.iter().map(move |(name, _)| {
        let mut knobs = plan.knobs.clone();
        knobs.remove(name);
        knobs
    });
    let all = std::iter::once(Knobs::default());
    Box::new(all.chain(each).map(move |knobs| edit(move || Plan { knobs, ..plan.clone() })))
}

/// Each at the smallest value that it may have, or nearer to it; one that the system does not name stays as it is.
pub(crate) fn smaller<'a>(best: &'a Recorded, declared: &[Knob]) -> Edits<'a> {
    let plan = &best.plan;
    let with = move |name: &str, value: u64| {
        let mut plan = plan.clone();
        plan.knobs.set(name, value);
        plan
    };
    let low_of = |name: &str| Some(*declared.iter().find(|knob| knob.name == name)?.range.start());
    let shaken = plan.knobs.iter().filter_map(|(name, value)| Some((name, value, low_of(name)?)));
    let shaken: Vec<(&str, u64, u64)> = shaken.filter(|(_, value, low)| value > low).collect();
    Box::new(shaken.into_iter().flat_map(move |(name, value, low)| {
        let nearer = [low, low + 1, low.midpoint(value), value - 1].into_iter().filter(move |nearer| *nearer < value);
        nearer.map(move |nearer| edit(move || with(name, nearer)))
    }))
}
