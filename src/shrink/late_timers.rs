//! Late timers under other numbers: with a request that goes, the timers that it had set are not set any more.

use std::ops::Range;
use std::time::Duration;

use indexmap::IndexMap;

use crate::harness::Recorded;
use crate::protocol::Time;
use crate::shrink::trial::{Edits, edit};
use crate::sim::{Plan, TimerName, What};

/// When each late timer was set.
pub(crate) fn set_at(best: &Recorded) -> IndexMap<TimerName, Time> {
    let late = best.trace.events.iter().filter_map(|event| match &event.what {
        What::TimerLate { name, .. } => Some((name.clone(), event.at)),
        _ => None,
    });
    late.collect()
}

/// The late timers as they are named once these requests are gone, if each had set one of the kind on its node.
pub(crate) fn moved_up(
    plan: &Plan,
    set_at: &IndexMap<TimerName, Time>,
    gone: Range<usize>,
) -> IndexMap<TimerName, Duration> {
    let renamed = plan.timers.iter().map(|(name, late)| {
        let at = set_at.get(name).copied().unwrap_or_default();
        let before = plan.requests[gone.clone()].iter().filter(|gone| gone.node == name.node && gone.at <= at);
        let number = name.number.saturating_sub(before.count() as u32).max(1);
        (TimerName { number, ..name.clone() }, *late)
    });
    renamed.collect()
}

/// Each late timer is an earlier one of its kind.
pub(crate) fn earlier(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    Box::new(plan.timers.iter().flat_map(move |(name, late)| {
        let numbers =
            [1, name.number / 2, name.number - 1].into_iter().filter(|number| (1..name.number).contains(number));
        numbers.map(move |number| {
            edit(move || {
                let mut plan = plan.clone();
                plan.timers.shift_remove(name);
                plan.timers.insert(TimerName { number, ..name.clone() }, *late);
                plan
            })
        })
    }))
}
