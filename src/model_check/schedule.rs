//! From a run as a partial order to a plan: requests, fates and faults with times that force just this run.

use std::time::Duration;

use indexmap::IndexMap;

use super::local_states::{Input, LocalStates};
use super::order::{Constraint, Happening, Order};
use super::{Ask, Scope};
use crate::protocol::{NodeId, StateMachine, Time};
use crate::sim::{Fate, Fault, Link, NameRef, Plan, PlannedFault, PlannedRequest};

/// How far apart steps are that must come one after the other: as far as the timers allow.
const TICKS: [i64; 5] = [1_000_000, 100_000, 10_000, 1_000, 1];

/// The plan that runs as `order` says; `None` if a timer would have to fire later than it is due, which plans cannot say.
/// If `in_row`, all steps come in the order in which they stand in `order`.
pub(crate) fn plan_of<M: StateMachine>(
    local_states: &LocalStates<'_, M>,
    scope: &Scope,
    asks: &[Ask],
    order: &Order,
    in_row: bool,
    settle: Duration,
) -> Option<Plan> {
    let (tick, times) = TICKS.iter().find_map(|tick| Some((*tick, times(order, scope.node_count, in_row, *tick)?)))?;
    let at = |index: usize| Time::from_nanos(times[index] as u64);
    let heal_at = at(order.happenings.len());
    let mut plan = Plan { heal_at, settle, ..Plan::new(scope.node_count) };
    plan.requests = requests(asks, order, &at, heal_at, Duration::from_nanos(tick as u64));
    plan.faults = faults(order, &at);
    plan.fates = IndexMap::with_capacity(order.posted.len());
    // Numbers count the messages of a link in the order in which its sender sends them.
    let mut counts: IndexMap<(Link, &str), u32> = IndexMap::new();
    for posted in &order.posted {
        let sent = &local_states.sent[posted.message as usize];
        let link = Link { from: sent.from, to: sent.to };
        let number = counts.entry((link, sent.kind)).or_default();
        *number += 1;
        let sent_at = at(posted.sent_in);
        let mut delays: Vec<Duration> = posted.taken_in.iter().map(|taken| at(*taken) - sent_at).collect();
        let late = (heal_at - sent_at) + plan.latency;
        delays.extend((0..posted.under_way).map(|_| late));
        if delays != [plan.latency] {
            let fate = if delays.is_empty() { Fate::Drop } else { Fate::copies(&delays) };
            plan.fates.insert(NameRef { link, kind: sent.kind, number: *number }.into_name(), fate);
        }
    }
    Some(plan)
}

fn requests(
    asks: &[Ask],
    order: &Order,
    at: &impl Fn(usize) -> Time,
    heal_at: Time,
    tick: Duration,
) -> Vec<PlannedRequest> {
    let mut late = heal_at;
    let asked_at = |request: usize| {
        let is_it = |happening: &Happening| matches!(happening.cause.input, Input::Request { index, .. } if index as usize == request);
        let asked = order.happenings.iter().position(is_it).map(at);
        asked.unwrap_or_else(|| {
            late = late + tick;
            late
        })
    };
    let times = (0..asks.len()).map(asked_at);
    times.zip(asks).map(|(at, ask)| PlannedRequest::new(at, ask.node, ask.action.clone())).collect()
}

fn faults(order: &Order, at: &impl Fn(usize) -> Time) -> Vec<PlannedFault> {
    let mut faults = Vec::new();
    for (index, happening) in order.happenings.iter().enumerate() {
        if happening.cause.input == Input::Crash || happening.cause.crash.is_some() {
            let again =
                |(_, next): &(usize, &Happening)| next.node == happening.node && next.cause.input == Input::Start;
            let restart = order.happenings.iter().enumerate().skip(index + 1).find(again);
            let fault = Fault::Crash {
                node: NodeId::new(happening.node as usize),
                effects: happening.cause.crash,
                wipe: false,
                restart: restart.map(|(restart, _)| at(restart) - at(index)),
            };
            faults.push(PlannedFault { at: at(index), fault });
        }
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// The earliest times, in nanoseconds, that keep to the order, that of healing last; `None` if there are none, or no clock shows
/// them.
fn times(order: &Order, node_count: usize, in_row: bool, tick: i64) -> Option<Vec<i64>> {
    if order.beyond_time {
        return None;
    }
    let healed = order.happenings.len();
    let after = |from: usize, to: usize| Constraint { from, to, ticks: 1, span: 0 };
    let mut constraints: Vec<Constraint> = order.needs.iter().map(|(from, to)| after(*from, *to)).collect();
    constraints.extend((0..healed).map(|index| after(index, healed)));
    // All first incarnations begin when the world does.
    constraints.extend((node_count..healed).map(|index| after(0, index)));
    if in_row {
        constraints.extend((node_count..healed).map(|index| after(index.max(1) - 1, index)));
    }
    constraints.extend(&order.clocks);
    let mut times = vec![0_i64; healed + 1];
    // The longest ways from the beginning (Bellman and Ford): more rounds than steps only where there is no end to it.
    for _ in 0..=times.len() {
        let mut moved = false;
        for Constraint { from, to, ticks, span } in &constraints {
            let earliest = times[*from].checked_add(ticks * tick)?.checked_add(*span)?;
            if times[*to] < earliest {
                times[*to] = earliest;
                moved = true;
            }
        }
        if !moved {
            return times[..node_count.min(healed)].iter().all(|time| *time == 0).then_some(times);
        }
    }
    None
}
