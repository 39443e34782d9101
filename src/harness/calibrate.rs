//! Runs a few quiet worlds of a system, to learn its scale and what its nodes say; and one that is not, for what they say only then.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::Harness;
use crate::protocol::{Effect, NodeId, RequestId, Rng, StateMachine, Time};
use crate::running::{Doing, Made, Running, catch_panic_at};
use crate::sim::{
    End, Event, Fault, Input, Limits, Link, Nodes, Observer, Plan, PlannedFates, PlannedFault, PlannedRequest,
    catch_panic, timer_kind_of,
};
use crate::strategy::{Calibration, Fitted, TimerSpans};

/// The seed of the quiet worlds.
const SEED: u64 = 0;
/// So many requests each of them has, or as many as drawn worlds have at the most, if that is less …
const REQUESTS: u32 = 32;
/// … one after the other has had so long, where timers are short.
const GAP: Duration = Duration::from_millis(5);
/// So many nodes are cut off and crash, one after the other, in the world that is not quiet.
const STIRRED_MAX: usize = 5;
/// So many steps show what there is to see.
const STEPS_MAX: u64 = 20_000;
/// So many spans of timers are kept of each kind.
const SPANS_MAX: usize = 4_096;
/// So many kinds and marks are told apart.
const KINDS_MAX: usize = 64;

impl<M: StateMachine> Harness<M> {
    /// What quiet worlds of this system have shown. They are run when somebody first needs it, and never again.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.fitted().calibration
    }

    /// What drawn worlds are like, in the system's own scale.
    pub(crate) fn fitted(&self) -> &Fitted {
        self.fitted.get_or_init(|| Fitted::new(self.calibrate(), &self.worlds))
    }

    fn calibrate(&self) -> Calibration {
        let (fewest, most) = (*self.worlds.node_counts.start(), *self.worlds.node_counts.end());
        // Both sizes show the same of most systems; the second world knows the scale already.
        let first = self.quiet_world(fewest, GAP, Time::ZERO);
        let unit = first.unit();
        let (gap, start) = unit.map_or((GAP, Time::ZERO), |unit| (unit / 2, Time::ZERO + unit * 2));
        let second = self.quiet_world(most.min(fewest.saturating_add(4)), gap, start);
        // Where timers are long, requests before the first of them has fired show little.
        let mut calibration = if unit.is_some() || second.answers > first.answers { second } else { first };
        let profile = &self.worlds.profile;
        if profile.crash_permille > 0 && profile.partition_permille > 0 {
            calibration.add_sayings(self.stirred_world(fewest, gap, start));
        }
        calibration
    }

    /// A world in which each node is cut off once and crashes once, for what nodes say only then.
    fn stirred_world(&self, node_count: usize, gap: Duration, start: Time) -> Calibration {
        let mut plan = self.quiet_plan(node_count, gap, start);
        let lasts = Some(gap * 4);
        let mut at = start;
        for node in (0..node_count.min(STIRRED_MAX)).map(NodeId::new) {
            let peers = (0..node_count).filter(|peer| *peer != node.index());
            let links = peers.flat_map(|peer| [Link::new(node.index(), peer), Link::new(peer, node.index())]).collect();
            plan.faults.push(PlannedFault { at, fault: Fault::Partition { links, heal: lasts } });
            let crash = Fault::Crash { node, effects: None, restart: lasts, wipe: false };
            plan.faults.push(PlannedFault { at: at + gap * 6, fault: crash });
            at = at + gap * 8;
        }
        plan.heal_at = plan.heal_at.max(at + gap * 4);
        let mut gauge = Gauge::default();
        let _ = self.run_limited(&plan, PlannedFates(&plan.fates), self.short_limits(), &mut gauge);
        gauge.finish(0)
    }

    fn short_limits(&self) -> Limits {
        Limits { step_count_max: self.limits.step_count_max.min(STEPS_MAX), ..self.limits }
    }

    fn quiet_plan(&self, node_count: usize, gap: Duration, start: Time) -> Plan {
        let mut plan = Plan { seed: SEED, settle: self.worlds.settle, ..Plan::new(node_count) };
        for (place, action) in self.quiet_actions().into_iter().enumerate() {
            let at = start + gap * place as u32;
            plan.requests.push(PlannedRequest::new(at, NodeId::new(place % node_count.max(1)), action));
        }
        let last = plan.requests.last().map_or(start, |request| request.at);
        plan.heal_at = last + gap;
        plan
    }

    fn quiet_world(&self, node_count: usize, gap: Duration, start: Time) -> Calibration {
        let plan = self.quiet_plan(node_count, gap, start);
        let last = plan.requests.last().map_or(start, |request| request.at);
        let mut gauge = Gauge::default();
        let outcome = self.run_limited(&plan, PlannedFates(&plan.fates), self.short_limits(), &mut gauge);
        let mut calibration = gauge.finish(plan.requests.len() as u64);
        match outcome.end {
            Some(End::Quiet) => calibration.rest_time = Some(outcome.at - last),
            Some(End::Restless) => calibration.restless = Some("messages alone keep it going".to_owned()),
            Some(End::TooMany) => calibration.restless = Some("it fills up with messages or timers".to_owned()),
            Some(End::TooLong) => {
                calibration.restless = Some(format!("{} steps by {}", outcome.stats.steps, outcome.at));
            }
            Some(End::TimeUp | End::Stopped) | None => {}
        }
        calibration
    }

    /// What clients ask in a quiet world; nothing if there are none, or if they panic as they are asked.
    fn quiet_actions(&self) -> Vec<crate::sim::Action> {
        let Some(clients) = &self.clients else { return Vec::new() };
        let running = Running::current();
        let _world = running.enter(&self.name, Made::Plan, SEED);
        running.doing(Doing::Draw);
        let drawn = catch_panic_at(|| {
            let (mut clients, rng) = (clients.fork(), &mut Rng::new(SEED, 1));
            clients.begin(rng);
            let count = (*self.worlds.request_counts.end()).min(REQUESTS);
            (0..count).map(|_| clients.draw(rng)).collect()
        });
        drawn.unwrap_or_default()
    }
}

/// Looks on, and counts.
#[derive(Default)]
struct Gauge {
    timers: IndexMap<Arc<str>, (u64, Vec<Duration>)>,
    sent: IndexMap<&'static str, u64>,
    marks: IndexMap<&'static str, u64>,
    persists: u64,
    asked: IndexMap<RequestId, Time>,
    answer_times: Vec<Duration>,
}

impl Gauge {
    fn finish(self, requests: u64) -> Calibration {
        let timers = self.timers.into_iter().map(|(kind, (count, mut spans))| {
            spans.sort_unstable();
            let [least, median, most] = [0, spans.len() / 2, spans.len() - 1].map(|place| spans[place]);
            TimerSpans { kind, count, least, median, most }
        });
        let mut answer_times = self.answer_times;
        answer_times.sort_unstable();
        let counted = |counts: IndexMap<&'static str, u64>| {
            counts.into_iter().map(|(what, count)| (Arc::from(what), count)).collect()
        };
        Calibration {
            timers: timers.collect(),
            sent: counted(self.sent),
            marks: counted(self.marks),
            persists: self.persists,
            requests,
            answers: answer_times.len() as u64,
            answer_time: answer_times.get(answer_times.len() / 2).copied(),
            rest_time: None,
            restless: None,
        }
    }

    fn effect<M: StateMachine>(&mut self, at: Time, effect: &Effect<M>) {
        let count = |counts: &mut IndexMap<&'static str, u64>, what| {
            if counts.len() < KINDS_MAX || counts.contains_key(what) {
                *counts.entry(what).or_default() += 1;
            }
        };
        match effect {
            Effect::Send { message, .. } => count(&mut self.sent, M::kind(message)),
            Effect::Mark(mark) => count(&mut self.marks, mark),
            Effect::Persist => self.persists += 1,
            Effect::Respond { id, .. } => {
                let asked = self.asked.swap_remove(id);
                self.answer_times.extend(asked.map(|asked| at - asked));
            }
            Effect::SetTimer { timer, after } => {
                let kind = timer_kind_of::<M>(timer);
                let is_known = self.timers.contains_key(&*kind);
                if !is_known && self.timers.len() >= KINDS_MAX {
                    return;
                }
                let (count, spans) = self.timers.entry(kind.into()).or_default();
                *count += 1;
                if spans.len() < SPANS_MAX {
                    spans.push(*after);
                }
            }
            Effect::CancelTimer { .. } => {}
        }
    }
}

impl<M: StateMachine> Observer<M> for Gauge {
    fn see(&mut self, at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> ControlFlow<()> {
        match event {
            Event::Begins { input: Input::Request { id, .. }, .. } => _ = self.asked.insert(*id, at),
            // The kinds are the machine's to say, and it may panic.
            Event::Ends { effects, .. } => {
                let _ = catch_panic(|| effects.iter().for_each(|effect| self.effect(at, effect)));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
