//! Late timers, clocks and armed faults as records of eight bytes, as [`bytes`](super::bytes) has other decisions. Their sorts are
//! whole bytes, with zeros in the lower half.

use std::sync::Arc;
use std::time::Duration;

use super::pool::{LATE_US, PARTITION_US, Pool};
use super::record::{RECORD, micros_of, scaled, span, unscaled, unspan};
use crate::protocol::NodeId;
use crate::sim::{ArmedFault, Blow, Clock, Moment, On, Plan, Said, TimerName, When};

/// A timer is late: node, kind, number; lateness.
pub(super) const TIMER: u8 = 0x20;
/// A node has a clock: node; lead and drift, as numbers with a sign.
pub(super) const CLOCK: u8 = 0x30;
/// An armed fault: whom and, of a crash, after how many effects; what is said, how often; how long it lasts; and how long after
/// the moment in steps of [`AFTER_US`], what is held back, or until which moment.
pub(super) const ARMED: [u8; 6] = [0x40, 0x50, 0x60, 0x70, 0x80, 0x90];
const CRASH: u8 = ARMED[0];
const PAUSE: u8 = ARMED[1];
const ISOLATE: u8 = ARMED[2];
const DEAFEN: u8 = ARMED[3];
const MUTE: u8 = ARMED[4];
const HOLD: u8 = ARMED[5];

/// The longest lead of a clock, in microseconds.
const LEAD_US: u64 = 100_000;
/// The step of how long after its moment a fault strikes.
const AFTER_US: u64 = 250;

/// Adds what such a record decides.
pub(super) fn decide(plan: &mut Plan, pool: &Pool, record: [u8; RECORD]) {
    let [head, a, b, c, first_low, first_high, more, until] = record;
    let (first, node) = ([first_low, first_high], NodeId::new(usize::from(a) % plan.node_count));
    match head {
        TIMER if !pool.timers.is_empty() => {
            let kind = Arc::clone(&pool.timers[usize::from(b) % pool.timers.len()]);
            plan.timers.insert(TimerName { node, kind, number: u32::from(c) + 1 }, span(first, LATE_US));
        }
        CLOCK if !pool.clocks.is_none() => {
            let lead = i64::from(i16::from_le_bytes(first)) * (LEAD_US as i64) / 32_768;
            let lead_max = i64::try_from(pool.clocks.offset_max.as_micros()).unwrap_or(i64::MAX);
            let drift = i32::from(i16::from_le_bytes([more, until])) * 8;
            let drift_max = pool.clocks.drift_ppm_max.min(i32::MAX as u32) as i32;
            let offset_nanos = lead.clamp(-lead_max, lead_max) * 1_000;
            plan.clocks.insert(node, Clock { offset_nanos, drift_ppm: drift.clamp(-drift_max, drift_max) });
        }
        _ if ARMED.contains(&head) && !pool.sayings.is_empty() => {
            let said = |byte: u8| pool.sayings[usize::from(byte) % pool.sayings.len()].clone();
            let moment = Moment { said: said(b), count: u32::from(c) + 1, by: None };
            let on = match a & 0x03 {
                0 | 1 => On::That,
                2 => On::Peers,
                _ => On::Node(NodeId::new(usize::from(a >> 2) % plan.node_count)),
            };
            let effects = (on == On::That && a & 0xf0 != 0).then(|| u32::from(a >> 4) - 1);
            let blow = match head {
                CRASH => Blow::Crash { effects, wipe: false },
                PAUSE => Blow::Pause,
                ISOLATE => Blow::Isolate,
                DEAFEN => Blow::Deafen,
                MUTE => Blow::Mute,
                _ if pool.kinds.is_empty() => return,
                _ => Blow::Hold { kind: Arc::clone(&pool.kinds[usize::from(more) % pool.kinds.len()]) },
            };
            let after = if head == HOLD { 0 } else { u64::from(more) * AFTER_US };
            let lasts = (first != [0, 0]).then(|| span(first, PARTITION_US));
            let has_until = until != 0 && head != PAUSE;
            let until = has_until.then(|| Moment { said: said(until - 1), count: u32::from(c) + 2, by: None });
            let when = When::Said { moment, after: Duration::from_micros(after) };
            plan.armed.push(ArmedFault { when, on, blow, lasts, until });
        }
        _ => {}
    }
}

/// Records that stand for nearly these decisions of a plan; what bytes cannot say is left out.
pub(super) fn records(pool: &Pool, plan: &Plan, bytes: &mut Vec<u8>) {
    for (name, late) in &plan.timers {
        let kind = pool.timers.iter().position(|kind| *kind == name.kind);
        let (Some(kind), 1..=256) = (kind, name.number) else { continue };
        bytes.extend([TIMER, name.node.index() as u8, kind as u8, (name.number - 1) as u8]);
        bytes.extend(unspan(*late, LATE_US));
        bytes.extend([0, 0]);
    }
    for (node, clock) in &plan.clocks {
        let lead = (clock.offset_nanos / 1_000).saturating_mul(32_768).saturating_add(
            // Towards the number that is read back as no less.
            (LEAD_US as i64 - 1) * clock.offset_nanos.signum(),
        ) / LEAD_US as i64;
        let lead = lead.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        let drift = (clock.drift_ppm / 8).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        bytes.extend([CLOCK, node.index() as u8, 0, 0]);
        bytes.extend(lead.to_le_bytes().into_iter().chain(drift.to_le_bytes()));
    }
    plan.armed.iter().for_each(|armed| bytes.extend(armed_record(pool, armed).into_iter().flatten()));
}

fn armed_record(pool: &Pool, armed: &ArmedFault) -> Option<[u8; RECORD]> {
    let When::Said { moment, after } = &armed.when else { return None };
    let place = |said: &Said| pool.sayings.iter().position(|other| other == said).filter(|place| *place < 255);
    let (said, count) = (place(&moment.said)?, u8::try_from(moment.count.checked_sub(1)?).ok()?);
    let whom = match armed.on {
        On::That => 0,
        On::Peers => 2,
        On::Node(node) => 3 | (node.index() as u8) << 2,
    };
    let after = (micros_of(*after) / AFTER_US).min(255) as u8;
    let (head, whom, more) = match &armed.blow {
        Blow::Crash { effects: Some(effects), .. } if armed.on == On::That => {
            (CRASH, whom | ((*effects).min(14) as u8 + 1) << 4, after)
        }
        Blow::Crash { .. } => (CRASH, whom, after),
        Blow::Pause => (PAUSE, whom, after),
        Blow::Isolate => (ISOLATE, whom, after),
        Blow::Deafen => (DEAFEN, whom, after),
        Blow::Mute => (MUTE, whom, after),
        Blow::Hold { kind } => (HOLD, whom, pool.kinds.iter().position(|other| other == kind)? as u8),
    };
    let lasts = armed.lasts.map_or([0, 0], |lasts| {
        u16::to_le_bytes(u16::from_le_bytes(unscaled(micros_of(lasts).saturating_sub(1), PARTITION_US)).max(1))
    });
    let until = armed.until.as_ref().and_then(|until| place(&until.said)).map_or(0, |place| place as u8 + 1);
    debug_assert!(scaled(lasts, PARTITION_US) < PARTITION_US);
    Some([head, whom, said as u8, count, lasts[0], lasts[1], more, until])
}
