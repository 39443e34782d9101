//! Twins in which a timer, a clock or an armed fault is another: undone, or a little different.

use std::time::Duration;

use super::passing::{Changed, LATER, Twin, change};
use crate::harness::Recorded;
use crate::protocol::show_duration;
use crate::sim::{TimerName, What};

/// So many of the timers that fired last are tried late.
const TIMERS_MAX: usize = 12;

/// Each late timer fires when it is due.
pub(super) fn timers(failing: &Recorded) -> impl Iterator<Item = Twin> {
    failing.plan.timers.iter().map(move |(name, late)| {
        let told = format!("without \"{}\"", tell(name, *late));
        change(Changed::Timer, told, failing, |plan| _ = plan.timers.shift_remove(name))
    })
}

/// Each late timer is less late, or later still.
pub(super) fn timers_changed(failing: &Recorded) -> impl Iterator<Item = Twin> {
    failing.plan.timers.iter().flat_map(move |(name, late)| {
        [*late / 2, late.saturating_mul(2)].map(|other| {
            let told = format!("with \"{}\" in place of {}", tell(name, other), show_duration(*late));
            change(Changed::Timer, told, failing, |plan| _ = plan.timers.insert(name.clone(), other))
        })
    })
}

/// Each timer that fired shortly before the violation fires late; the last one first.
pub(super) fn timers_late(failing: &Recorded) -> impl Iterator<Item = Twin> {
    let fired = failing.trace.events.iter().rev().filter_map(|event| match &event.what {
        What::Fired { name, late: None, .. } if name.number > 0 => Some(name),
        _ => None,
    });
    fired.take(TIMERS_MAX).flat_map(move |name| {
        LATER.map(|late| {
            let told = format!("with \"{}\"", tell(name, late));
            change(Changed::Timer, told, failing, |plan| _ = plan.timers.insert(name.clone(), late))
        })
    })
}

/// Each armed fault does not strike.
pub(super) fn armed(failing: &Recorded) -> impl Iterator<Item = Twin> {
    failing.plan.armed.iter().enumerate().map(move |(place, armed)| {
        let told = format!("without \"{armed}\"");
        change(Changed::Fault, told, failing, |plan| _ = plan.armed.remove(place))
    })
}

/// Each clock shows the time of the world.
pub(super) fn clocks(failing: &Recorded) -> impl Iterator<Item = Twin> {
    failing.plan.clocks.keys().map(move |node| {
        let told = format!("without the clock of node {node}");
        change(Changed::Clock, told, failing, |plan| _ = plan.clocks.shift_remove(node))
    })
}

fn tell(name: &TimerName, late: Duration) -> String {
    format!("timer {name} {} late", show_duration(late))
}
