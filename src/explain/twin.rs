//! The passing twin: the plan nearest to a failing one that passes, and where the two runs part.

use std::time::Duration;

use super::passing::{Changed, LATER, Parting, Twin, change};
use super::{phrase, undone};
use crate::harness::bounds::Bounds;
use crate::harness::{Harness, Recorded};
use crate::protocol::{NodeId, StateMachine, Time};
use crate::sim::{Fate, Fault, MessageName, PlannedFault, TraceEvent, What, show_links};

/// So many of the messages taken last are tried with another fate.
const MESSAGES_MAX: usize = 12;
/// A twin is looked for in about so many steps at most, if each plan takes as many as the one that fails …
const STEPS_MAX: u64 = 500_000;
/// … and in no case in more than so many times that.
const STEPS_FACTOR: u64 = 4;

/// The nearest plan that passes, if one thing changed is enough: a decision of the plan undone or changed, a message late or lost
/// that was not, a timer late that was not, and only then a request at another time, at another node, or not at all.
/// `None` also if somebody has seen enough. What goes farther than `bounds` does not pass.
pub(crate) fn twin<M: StateMachine>(system: &Harness<M>, failing: &Recorded, bounds: &Bounds<'_>) -> Option<Twin> {
    let tries = STEPS_MAX / failing.outcome.stats.steps.max(1);
    let changes = fates_undone(failing)
        .chain(faults_undone(failing))
        .chain(knobs_undone(failing))
        .chain(disk_undone(failing))
        .chain(retries_undone(failing))
        .chain(undone::timers(failing))
        .chain(undone::armed(failing))
        .chain(undone::clocks(failing))
        .chain(delays_changed(failing))
        .chain(undone::timers_changed(failing))
        .chain(messages_changed(failing))
        .chain(undone::timers_late(failing))
        .chain(requests_changed(failing));
    let mut left = STEPS_MAX * STEPS_FACTOR;
    for mut twin in changes.take(tries as usize).filter(|twin| twin.plan != failing.plan) {
        if left == 0 || bounds.is_stopped() {
            break;
        }
        // One that was cut short may have passed, or not.
        let outcome = system.run_bounded(&twin.plan, bounds);
        left = left.saturating_sub(outcome.as_ref().map_or(bounds.step_count_max(), |outcome| outcome.stats.steps));
        if outcome.is_some_and(|outcome| outcome.is_clean()) {
            twin.parting = parting(&failing.trace.events, &system.record_bounded(&twin.plan, bounds).trace.events);
            return Some(twin);
        }
    }
    None
}

fn fates_undone(failing: &Recorded) -> impl Iterator<Item = Twin> {
    failing.plan.fates.iter().map(move |(name, fate)| {
        let told = format!("without \"{name} {}\"", tell_fate(fate));
        change(Changed::Fate, told, failing, |plan| _ = plan.fates.shift_remove(name))
    })
}

fn faults_undone(failing: &Recorded) -> impl Iterator<Item = Twin> {
    let healed = failing.plan.core.iter().map(move |_| {
        change(Changed::Fault, "with all nodes back as the world heals".to_owned(), failing, |plan| plan.core = None)
    });
    let undone = failing.plan.faults.iter().enumerate().map(move |(place, planned)| {
        let told = format!("without \"{}\"", tell_fault(planned));
        change(Changed::Fault, told, failing, |plan| _ = plan.faults.remove(place))
    });
    healed.chain(undone)
}

/// Each limit as in production.
fn knobs_undone(failing: &Recorded) -> impl Iterator<Item = Twin> {
    failing.plan.knobs.iter().map(move |(name, value)| {
        change(Changed::Knob, format!("without \"{name} = {value}\""), failing, |plan| plan.knobs.remove(name))
    })
}

/// Each disk fault does not happen.
fn disk_undone(failing: &Recorded) -> impl Iterator<Item = Twin> {
    failing.plan.disk.iter().enumerate().map(move |(place, fault)| {
        change(Changed::Disk, format!("without \"{fault}\""), failing, |plan| _ = plan.disk.remove(place))
    })
}

/// Each time a client does not ask again.
fn retries_undone(failing: &Recorded) -> impl Iterator<Item = Twin> {
    failing.plan.requests.iter().enumerate().flat_map(move |(place, request)| {
        (0..request.retries.len()).map(move |gone| {
            let node = request.retries[gone].node;
            let told = format!("without \"{}\" asked again, of node {node},", tell_request(failing, place));
            change(Changed::Request, told, failing, |plan| _ = plan.requests[place].retries.remove(gone))
        })
    })
}

/// Each message that is late comes sooner, or later still.
fn delays_changed(failing: &Recorded) -> impl Iterator<Item = Twin> {
    let late = failing.plan.fates.iter().filter_map(|(name, fate)| match fate {
        Fate::Deliver(delays) => Some((name, fate, delays.first().copied()?)),
        Fate::Drop => None,
    });
    late.flat_map(move |(name, fate, delay)| {
        [delay / 2, delay * 2].map(|other| {
            let (other, before) = (Fate::delay(other), tell_fate(fate));
            let told = format!("with \"{name} {}\" in place of \"{before}\"", tell_fate(&other));
            change(Changed::Fate, told, failing, |plan| _ = plan.fates.insert(name.clone(), other))
        })
    })
}

/// Each message taken shortly before the violation is late, or lost; the last one first.
fn messages_changed(failing: &Recorded) -> impl Iterator<Item = Twin> {
    let taken = failing.trace.events.iter().rev().filter_map(|event| match &event.what {
        What::Took { name, .. } if !failing.plan.fates.contains_key(name) => Some(name),
        _ => None,
    });
    taken.take(MESSAGES_MAX).flat_map(move |name: &MessageName| {
        let latency = failing.plan.latency;
        let fates = LATER.map(|later| Fate::delay(latency + later)).into_iter().chain([Fate::Drop]);
        fates.map(move |fate| {
            let told = format!("with \"{name} {}\"", tell_fate(&fate));
            change(Changed::Fate, told, failing, |plan| _ = plan.fates.insert(name.clone(), fate))
        })
    })
}

/// Each request at another time; each at another node; each gone.
fn requests_changed(failing: &Recorded) -> impl Iterator<Item = Twin> {
    let requests = || failing.plan.requests.iter().enumerate();
    let moved = requests().flat_map(move |(place, request)| {
        let at = request.at;
        let times = LATER.map(|later| at + later).into_iter().chain([Time::ZERO]).filter(move |other| *other != at);
        times.map(move |other| {
            let told = format!("with \"{}\" at {other}, not at {at},", tell_request(failing, place));
            change(Changed::Request, told, failing, |plan| plan.requests[place].at = other)
        })
    });
    let elsewhere = requests().flat_map(move |(place, request)| {
        let nodes = (0..failing.plan.node_count).map(NodeId::new).filter(|node| *node != request.node);
        nodes.map(move |node| {
            let told = format!("with \"{}\" at node {node}", tell_request(failing, place));
            change(Changed::Request, told, failing, |plan| plan.requests[place].node = node)
        })
    });
    let gone = requests().map(move |(place, _)| {
        let told = format!("without \"{}\"", tell_request(failing, place));
        change(Changed::Request, told, failing, |plan| _ = plan.requests.remove(place))
    });
    moved.chain(elsewhere).chain(gone)
}

fn tell_fate(fate: &Fate) -> String {
    let span = |delay: &Duration| crate::protocol::show_duration(*delay);
    match fate {
        Fate::Deliver(delays) if delays.len() > 1 => {
            format!("comes after {}", delays.iter().map(span).collect::<Vec<String>>().join(" and "))
        }
        Fate::Deliver(delays) if !delays.is_empty() => format!("takes {}", span(&delays[0])),
        _ => "dropped".to_owned(),
    }
}

fn tell_fault(planned: &PlannedFault) -> String {
    match &planned.fault {
        Fault::Crash { node, .. } => format!("crash of node {node} at {}", planned.at),
        Fault::Pause { node, .. } => format!("pause of node {node} at {}", planned.at),
        Fault::Partition { links, .. } => format!("cut {} at {}", show_links(links), planned.at),
    }
}

/// As the node heard it.
fn tell_request(failing: &Recorded, place: usize) -> String {
    let heard = failing.trace.events.iter().find_map(|event| match &event.what {
        What::Asked { id, text, .. } if id.0 as usize == place => Some(text.clone()),
        _ => None,
    });
    heard.unwrap_or_else(|| format!("request {place}"))
}

/// The first difference, told of the run that comes to it first.
fn parting(failing: &[TraceEvent], passing: &[TraceEvent]) -> Option<Parting> {
    let is_step = |event: &&TraceEvent| {
        matches!(
            event.what,
            What::Started { .. }
                | What::Asked { .. }
                | What::Took { .. }
                | What::Fired { .. }
                | What::Disconnected { .. }
                | What::Reconnected { .. }
        )
    };
    let (mut failing, mut passing) = (failing.iter().filter(is_step), passing.iter().filter(is_step));
    loop {
        let (event, other) = (failing.next(), passing.next());
        let told = |event: &TraceEvent, who: &str| {
            let what = format!("{who}{}", phrase(&event.what));
            Some(Parting { step: event.step, at: event.at, what })
        };
        match (event, other) {
            (None, None) => return None,
            (Some(event), Some(other)) if (event.at, &event.what) == (other.at, &other.what) => {}
            (Some(event), Some(other)) if event.at <= other.at => return told(event, ""),
            (Some(event), None) => return told(event, ""),
            (_, Some(other)) => return told(other, "in the twin "),
        }
    }
}
