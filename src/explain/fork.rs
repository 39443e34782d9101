//! A run, forked at a moment: what has happened by then happens again, and all that comes after is drawn anew.

use std::time::Duration;

use indexmap::{IndexMap, IndexSet};

use crate::harness::Recorded;
use crate::protocol::{NodeId, Rng, Time};
use crate::sim::{
    ArmedFault, DiskFault, Fate, Fates, Fault, Link, LostWhy, MessageName, NameRef, Plan, PlannedFault, TimerName,
    TraceEvent, What,
};

/// Light weather: in how many cases of a thousand a message is lost, late, and doubled.
const DROP_PERMILLE: u32 = 50;
const LATE_PERMILLE: u32 = 300;
const DOUBLE_PERMILLE: u32 = 50;
/// The longest that late messages take, and that clients wait.
const LONGEST_US: u64 = 20_000;
/// In how many cases of a thousand a client still asks what it asked in the run.
const COMES_PERMILLE: u32 = 700;
/// So long after the last request the world heals.
const HEAL_AFTER: Duration = Duration::from_millis(20);

/// What a message's fate still is at the fork.
#[derive(Clone, Debug)]
enum Known {
    /// It has come to pass.
    Whole(Fate),
    /// These copies came; what more may come comes later than this after it was sent.
    Partly(Vec<Duration>, Duration),
}

/// A recorded run up to one of its events.
pub(crate) struct Fork<'a> {
    failing: &'a Recorded,
    /// The events that have happened.
    prefix: &'a [TraceEvent],
    at: Time,
    known: IndexMap<MessageName, Known>,
}

impl<'a> Fork<'a> {
    /// Forked after the first `event_count` events.
    pub(crate) fn new(failing: &'a Recorded, event_count: usize) -> Self {
        let prefix = &failing.trace.events[..event_count];
        let at = prefix.last().map_or(Time::ZERO, |event| event.at);
        let mut fork = Self { failing, prefix, at, known: IndexMap::new() };
        fork.know();
        fork
    }

    /// Gathers what has become of the messages that were sent.
    fn know(&mut self) {
        let mut sent_at: IndexMap<&MessageName, Time> = IndexMap::new();
        for event in self.prefix {
            match &event.what {
                What::Sent { name, .. } => {
                    sent_at.insert(name, event.at);
                    self.known.insert(name.clone(), Known::Partly(Vec::new(), self.at - event.at));
                }
                What::Lost { name, why: LostWhy::Dropped, .. } => {
                    self.known.insert(name.clone(), Known::Whole(Fate::Drop));
                }
                What::Took { name, .. } | What::Lost { name, .. } => {
                    let delay = event.at - sent_at.get(name).copied().unwrap_or_default();
                    if let Some(Known::Partly(came, _)) = self.known.get_mut(name) {
                        came.push(delay);
                    }
                }
                _ => {}
            }
        }
        for (name, known) in &mut self.known {
            let planned = match self.failing.plan.fates.get(name) {
                Some(Fate::Deliver(delays)) => delays.len(),
                Some(Fate::Drop) | None => 1,
            };
            if let Known::Partly(came, _) = known
                && came.len() >= planned
            {
                *known = Known::Whole(Fate::copies(came));
            }
        }
    }

    /// How it may go on: a plan, and the fates of its messages.
    pub(crate) fn draw(&self, rng: &mut Rng) -> (Plan, ForkedFates) {
        let mut plan = Plan { faults: self.faults(), disk: self.disk(), ..self.failing.plan.clone() };
        let late: IndexSet<&TimerName> = self.prefix.iter().filter_map(|event| event.what.late_timer()).collect();
        plan.timers.retain(|name, _| late.contains(name));
        plan.armed = self.armed();
        let has_healed = self.prefix.iter().any(|event| event.what == What::Healed);
        if !has_healed {
            plan.core = None;
        }
        let mut at = self.at;
        let mut later: Vec<usize> = (0..plan.requests.len()).filter(|place| !self.was_heard(*place)).collect();
        later.sort_by_key(|place| plan.requests[*place].at);
        let mut never = Vec::new();
        for place in later {
            at = at + Duration::from_micros(rng.between(1, LONGEST_US));
            plan.requests[place].at = at;
            if !rng.chance(COMES_PERMILLE) {
                never.push(place);
            }
        }
        // At a node that is not there nobody hears them, and the others keep their numbers.
        never.into_iter().for_each(|place| plan.requests[place].node = NodeId::new(plan.node_count));
        // The world heals when it did in the run; only who still asks something is waited for.
        if !has_healed && at > self.at {
            plan.heal_at = plan.heal_at.max(at + HEAL_AFTER);
        }
        (plan, ForkedFates { known: self.known.clone(), latency: self.failing.plan.latency, rng: rng.clone() })
    }

    fn was_heard(&self, request: usize) -> bool {
        self.prefix.iter().any(|event| match &event.what {
            What::Asked { id, .. } | What::Unheard { id, .. } => id.0 as usize == request,
            _ => false,
        })
    }

    /// What has gone wrong with disks, and what a crash takes that has struck: there will be no other crash.
    fn disk(&self) -> Vec<DiskFault> {
        let has_failed = |fault: &DiskFault| {
            self.prefix.iter().any(|event| matches!(&event.what, What::Disk { fault: failed } if failed == fault))
        };
        let is_known = |fault: &&DiskFault| matches!(fault, DiskFault::Loses { .. }) || has_failed(fault);
        self.failing.plan.disk.iter().filter(is_known).cloned().collect()
    }

    /// The armed faults that have struck, or will in the step in progress.
    fn armed(&self) -> Vec<ArmedFault> {
        let last_step = self.prefix.last().map_or(0, |event| event.step);
        let events = self.failing.trace.events.iter().enumerate();
        let struck = events.filter(|(place, event)| *place < self.prefix.len() || event.step <= last_step);
        let struck: IndexSet<usize> = struck.filter_map(|(_, event)| event.what.struck()).collect();
        let armed = self.failing.plan.armed.iter().enumerate();
        armed.filter(|(place, _)| struck.contains(place)).map(|(_, armed)| armed.clone()).collect()
    }

    /// The faults that have struck. A crash in the middle of a step strikes as the step begins: it decides how far that goes.
    fn faults(&self) -> Vec<PlannedFault> {
        let last_step = self.prefix.last().map_or(0, |event| event.step);
        let has_struck = |planned: &&PlannedFault| {
            let mut events = self.failing.trace.events.iter().enumerate();
            events.any(|(place, event)| {
                let has_begun = matches!(event.what, What::Crashed { in_step: true, .. }) && event.step <= last_step;
                (place < self.prefix.len() || has_begun) && is_strike(planned, event)
            })
        };
        self.failing.plan.faults.iter().filter(has_struck).cloned().collect()
    }
}

fn is_strike(planned: &PlannedFault, event: &TraceEvent) -> bool {
    let same = |links: &[Link], cut: &[Link]| links == cut && event.at == planned.at;
    match (&planned.fault, &event.what) {
        (Fault::Crash { node, effects, .. }, What::Crashed { node: crashed, in_step, .. }) => {
            let in_time = if *in_step { event.at >= planned.at } else { event.at == planned.at };
            node == crashed && effects.is_some() == *in_step && in_time
        }
        (Fault::Pause { node, .. }, What::Paused { node: paused, .. }) => node == paused && event.at == planned.at,
        (Fault::Partition { links, .. }, What::Cut { links: cut }) => same(links, cut),
        _ => false,
    }
}

/// The fates of a forked run: what has come to pass, and light weather from then on.
#[derive(Clone)]
pub(crate) struct ForkedFates {
    known: IndexMap<MessageName, Known>,
    latency: Duration,
    rng: Rng,
}

impl Fates for ForkedFates {
    fn wants_names(&self) -> bool {
        true
    }

    fn fate(&mut self, name: NameRef<'_>, _at: Time) -> Option<Fate> {
        let Self { known, latency, rng } = self;
        let late = |rng: &mut Rng| Duration::from_micros(rng.between(1, LONGEST_US));
        match known.get(&name) {
            Some(Known::Whole(fate)) => Some(fate.clone()),
            Some(Known::Partly(came, waited)) if !came.is_empty() => {
                let more = rng.chance(DOUBLE_PERMILLE).then(|| *waited + late(rng));
                Some(Fate::copies(&came.iter().copied().chain(more).collect::<Vec<Duration>>()))
            }
            under_way => {
                let waited = match under_way {
                    Some(Known::Partly(_, waited)) => *waited,
                    _ => Duration::ZERO,
                };
                if rng.chance(DROP_PERMILLE) {
                    return Some(Fate::Drop);
                }
                let soon = if waited < *latency { *latency } else { waited + Duration::from_micros(1) };
                let first = if rng.chance(LATE_PERMILLE) { waited + late(rng) } else { soon };
                let second = rng.chance(DOUBLE_PERMILLE).then(|| waited + late(rng));
                Some(Fate::copies(&[Some(first), second].into_iter().flatten().collect::<Vec<Duration>>()))
            }
        }
    }
}
