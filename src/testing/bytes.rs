//! Plans as bytes: every byte string is a plan, and a small change of the bytes is a small change of the plan.
//!
//! The first byte says how many nodes there are, and how many of them are spares. Then come records of eight bytes, one for each decision; a record that
//! is cut short ends in zeros, and one that begins with a zero decides nothing. A knob is told by its place among those that the
//! harness declares. So a fuzzer that changes a byte changes one decision, and one that removes a record, or writes zeros over it,
//! removes one decision.

use std::time::Duration;

use crate::protocol::{NodeId, Time};
use crate::sim::{Action, Fate, Fault, Link, MessageName, Plan, PlannedFault, PlannedRequest, Retry};
use crate::strategy::{Knob, Retries};
use crate::testing::pool::{DELAY_US, HOSTILE_US, LATE_US, PARTITION_US, Pool, RESTART_US, micros};
use crate::testing::record::{RECORD, scaled, span, unscaled, unspan};
use crate::testing::{disk, extras_bytes};

/// Decisions beyond this are ignored: a longer plan only takes longer.
pub(crate) const DECISIONS_MAX: usize = 256;

/// The sorts of decisions, as the lower half of a record's first byte has them: several numbers for what there should be more of.
pub(crate) mod sort {
    pub(crate) const REQUEST: u8 = 1;
    pub(crate) const DROP: u8 = 7;
    pub(crate) const DELAY: u8 = 9;
    pub(crate) const COPIES: u8 = 11;
    pub(crate) const CRASH: u8 = 13;
    pub(crate) const CRASH_IN_STEP: u8 = 14;
    pub(crate) const PARTITION: u8 = 15;
    /// The whole byte: zeros below, with another upper half, are for late timers, clocks and armed faults, or decide nothing.
    pub(crate) const KNOB: u8 = 0x10;
    /// The whole byte, too: the client of the request before asks again.
    pub(crate) const RETRY: u8 = 0xe0;
    /// The whole byte, too.
    pub(crate) const DISK: u8 = 0xf0;
}

/// The plan that these bytes stand for.
pub(crate) fn to_plan(pool: &Pool, data: &[u8]) -> Plan {
    let (first, records) = data.split_first().unwrap_or((&0, &[]));
    let (fewest, most) = (*pool.node_counts.start(), *pool.node_counts.end());
    let (spares_min, spares_max) = (*pool.spares.start(), *pool.spares.end());
    let counts = most.saturating_sub(fewest) + 1;
    let member_count = fewest + usize::from(*first) % counts;
    let spares = spares_min + usize::from(*first) / counts % (spares_max.saturating_sub(spares_min) + 1);
    let mut plan = pool.plan(member_count, spares);
    for bytes in records.chunks(RECORD).take(DECISIONS_MAX) {
        let mut record = [0; RECORD];
        record[..bytes.len()].copy_from_slice(bytes);
        decide(&mut plan, pool, record);
    }
    // In the order in which they fall due, so that a saved plan reads as a story.
    plan.requests.sort_by_key(|planned| planned.at);
    plan.faults.sort_by_key(|planned| planned.at);
    plan
}

/// Adds what one record decides.
fn decide(plan: &mut Plan, pool: &Pool, record: [u8; RECORD]) {
    let [head, a, b, c, first_low, first_high, second_low, second_high] = record;
    let (sort, extra) = (head & 0x0f, u32::from(head >> 4));
    let (first, second) = ([first_low, first_high], [second_low, second_high]);
    let (a, b, c) = (usize::from(a), usize::from(b), usize::from(c));
    let [left, right] = [a, b].map(|byte| byte % plan.node_count);
    let at = micros(scaled(first, HOSTILE_US));
    // Zeros stand for "until the world heals".
    let lasting = |most_us| (second != [0, 0]).then(|| span(second, most_us));
    match sort {
        sort::REQUEST..sort::DROP if !pool.actions.is_empty() => {
            let action = pool.actions[b % pool.actions.len()].clone();
            plan.requests.push(PlannedRequest::new(at, NodeId::new(left), action));
        }
        sort::DROP..sort::CRASH if !pool.kinds.is_empty() => {
            let kind = pool.kinds[c % pool.kinds.len()].clone();
            let fate = match sort {
                sort::DROP..sort::DELAY => Fate::Drop,
                sort::DELAY..sort::COPIES => Fate::delay(span(first, DELAY_US)),
                _ => Fate::copies(&[span(first, DELAY_US), span(second, LATE_US)]),
            };
            plan.fates.insert(MessageName { link: Link::new(left, right), kind, number: extra + 1 }, fate);
        }
        sort::CRASH | sort::CRASH_IN_STEP => {
            let effects = (sort == sort::CRASH_IN_STEP).then_some(extra);
            let fault = Fault::Crash { node: NodeId::new(left), effects, restart: lasting(RESTART_US), wipe: false };
            plan.faults.push(PlannedFault { at, fault });
        }
        sort::PARTITION => {
            let link = Link::new(left, right);
            let links = if c % 2 == 0 && left != right { vec![link, link.reversed()] } else { vec![link] };
            plan.faults.push(PlannedFault { at, fault: Fault::Partition { links, heal: lasting(PARTITION_US) } });
        }
        _ if head == sort::RETRY => {
            if let (Some(Retries { count, .. }), Some(request)) = (pool.retries, plan.requests.last_mut())
                && request.retries.len() < count as usize
            {
                request.retries.push(Retry { after: span(first, DELAY_US), node: NodeId::new(left) });
            }
        }
        _ if head == sort::DISK => {
            let fault = disk::of_bytes(&pool.disks, NodeId::new(left), [record[2], record[3]], first);
            disk::add(&mut plan.disk, fault);
        }
        _ if head == sort::KNOB && !pool.knobs.is_empty() => {
            let Knob { name, range } = &pool.knobs[a % pool.knobs.len()];
            let value = range.start().saturating_add(u16::from_le_bytes(first).into());
            plan.knobs.set(name, value.min(*range.end()));
        }
        _ => extras_bytes::decide(plan, pool, record),
    }
}

/// Bytes that stand for nearly this plan. Exact are the nodes, who asks and who is hit, and times of whole microseconds within
/// the limits of the bytes; requests become the nearest that the pool has, a cut of many links becomes several, of many copies
/// two are left, knobs are those that the harness declares, less than 2^16 above the smallest value, and fates of late messages
/// (beyond the sixteenth of a kind and link) are left out.
pub(crate) fn from_plan(pool: &Pool, plan: &Plan) -> Vec<u8> {
    let (fewest, most) = (*pool.node_counts.start(), *pool.node_counts.end());
    let (spares_min, spares_max) = (*pool.spares.start(), *pool.spares.end());
    let spares = (plan.node_count.max(1) - plan.member_count()).clamp(spares_min, spares_max) - spares_min;
    let members = plan.member_count().clamp(fewest, most) - fewest;
    let mut bytes = vec![(spares * (most.saturating_sub(fewest) + 1) + members) as u8];
    for (place, knob) in pool.knobs.iter().enumerate() {
        if let Some(value) = plan.knobs.get(&knob.name) {
            let above = value.saturating_sub(*knob.range.start()).min(u16::MAX.into()) as u16;
            push(&mut bytes, [sort::KNOB, place as u8, 0, 0], above.to_le_bytes(), [0, 0]);
        }
    }
    for planned in &plan.requests {
        if let Some(action) = nearest(&pool.actions, &planned.action) {
            let row = [sort::REQUEST, low(planned.node), action, 0];
            push(&mut bytes, row, moment(planned.at), [0, 0]);
            for retry in &planned.retries {
                push(&mut bytes, [sort::RETRY, low(retry.node), 0, 0], unspan(retry.after, DELAY_US), [0, 0]);
            }
        }
    }
    for planned in &plan.faults {
        fault_records(planned, &mut bytes);
    }
    for fault in &plan.disk {
        if let Some(([number, kind], first)) = disk::to_bytes(fault) {
            push(&mut bytes, [sort::DISK, low(fault.node()), number, kind], first, [0, 0]);
        }
    }
    for (name, fate) in &plan.fates {
        let kind = pool.kinds.iter().position(|kind| *kind == name.kind);
        let (Some(kind), 1..=16) = (kind, name.number) else { continue };
        let (sort, first, second) = match fate {
            Fate::Drop => (sort::DROP, [0, 0], [0, 0]),
            Fate::Deliver(copies) => match copies.as_slice() {
                [] => (sort::DROP, [0, 0], [0, 0]),
                [delay] => (sort::DELAY, unspan(*delay, DELAY_US), [0, 0]),
                [first, second, ..] => (sort::COPIES, unspan(*first, DELAY_US), unspan(*second, LATE_US)),
            },
        };
        let head = sort | ((name.number - 1) as u8) << 4;
        push(&mut bytes, [head, low(name.link.from), low(name.link.to), kind as u8], first, second);
    }
    extras_bytes::records(pool, plan, &mut bytes);
    bytes
}

fn fault_records(planned: &PlannedFault, bytes: &mut Vec<u8>) {
    let at = moment(planned.at);
    // Not zeros, which stand for "until the world heals".
    let lasting = |span: &Option<Duration>, most_us| match span {
        None => [0, 0],
        Some(span) => u16::to_le_bytes(u16::from_le_bytes(unspan(*span, most_us)).max(1)),
    };
    match &planned.fault {
        Fault::Crash { node, effects, restart, .. } => {
            let head = match effects {
                None => sort::CRASH,
                Some(effects) => sort::CRASH_IN_STEP | ((*effects).min(15) as u8) << 4,
            };
            push(bytes, [head, low(*node), 0, 0], at, lasting(restart, RESTART_US));
        }
        Fault::Partition { links, heal } => {
            let until = lasting(heal, PARTITION_US);
            for link in links {
                let both = links.contains(&link.reversed());
                if !both || link.from <= link.to {
                    let one_way = u8::from(!both);
                    push(bytes, [sort::PARTITION, low(link.from), low(link.to), one_way], at, until);
                }
            }
        }
        // Bytes have no word for it.
        Fault::Pause { .. } => {}
    }
}

fn push(bytes: &mut Vec<u8>, row: [u8; 4], first: [u8; 2], second: [u8; 2]) {
    bytes.extend_from_slice(&row);
    bytes.extend_from_slice(&first);
    bytes.extend_from_slice(&second);
}

fn low(node: NodeId) -> u8 {
    node.index() as u8
}

fn moment(at: Time) -> [u8; 2] {
    unscaled(at.as_nanos() / 1_000, HOSTILE_US)
}

/// Which of `actions` is the one asked for, or has most in common with it as a plan file writes it.
fn nearest(actions: &[Action], asked: &Action) -> Option<u8> {
    let exact = actions.iter().position(|action| action == asked);
    let wanted = leaves(asked);
    let alike = |action: &Action| {
        let have = leaves(action);
        let common = wanted.iter().filter(|leaf| have.contains(leaf)).count();
        (2 * common) as isize - have.len() as isize
    };
    let place = exact.or_else(|| {
        // The first of those that are equally near.
        let best = actions.iter().enumerate().rev().max_by_key(|(_, action)| alike(action));
        best.map(|(place, _)| place)
    });
    place.map(|place| place as u8)
}

/// What a plan file says of an action: each word and number with the names that lead there, and each of those names.
fn leaves(action: &Action) -> Vec<String> {
    fn walk(path: &str, value: &toml::Value, leaves: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => {
                for (name, value) in table {
                    let path = format!("{path}.{name}");
                    leaves.push(path.clone());
                    walk(&path, value, leaves);
                }
            }
            toml::Value::Array(items) => items.iter().for_each(|item| walk(path, item, leaves)),
            leaf => leaves.push(format!("{path} {leaf}")),
        }
    }
    let mut leaves = Vec::new();
    if let Ok(value) = action.to_value() {
        walk("", &value, &mut leaves);
    }
    leaves
}
