//! The loop of a world: what is due first is handled, until nothing is left, or its time is up, or a limit is reached.
//!
//! An event that is *dead* can bring about nothing any more: a timer that was moved, cancelled or forgotten in a crash, the end of
//! a partition that the healing has ended, a restart of a node that is up. That is decided as it comes out of the queue, before
//! anything else is asked, so that it leaves no trace: not in the time, not in the digest, not against a limit.

use std::fmt::{self, Write as _};
use std::mem;
use std::ops::ControlFlow;

use super::going::{Census, Seen, text_of};
use super::pending::Pending;
use super::{End, EventQueue, Fates, Fault, Going, Limits, NodeDriver, Observer, World};
use crate::protocol::{NodeId, StateMachine, Time};

/// So many steps before the limit a run is looked at, to tell what keeps it going.
const WATCHED_STEPS: u64 = 2_000;
/// With so many events pending it is looked for the first time how many they are and what they take.
const LOOK_FIRST: usize = 128;
/// The size of pending messages is estimated from so many of them …
const SAMPLES: usize = 8;
/// … and of each from at most so many bytes of its text.
const SAMPLE_BYTES_MAX: usize = 16 << 20;
/// What an event takes beside its message.
const EVENT_BYTES: u64 = 48;
/// When its time to settle is up, messages may go on for as long again, and at least for so many latencies.
const LAST_LATENCIES_MIN: u32 = 1_000;

/// How far a run has gone, as far as its limits go.
pub(super) struct Watch {
    /// From this step on it is looked at.
    steps: u64,
    /// With so many events pending it is looked at.
    pending: usize,
    /// Since when, and what has been seen since.
    since: Option<Time>,
    seen: Census,
    pending_bytes: u64,
}

impl Watch {
    pub(super) fn new(limits: &Limits) -> Self {
        let steps = limits.step_count_max - WATCHED_STEPS.min(limits.step_count_max / 2);
        let pending = limits.pending_count_max.saturating_add(1).min(LOOK_FIRST);
        Self { steps, pending, since: None, seen: Census::default(), pending_bytes: 0 }
    }

    /// What kept a world going that did not come to rest.
    pub(super) fn finish<M: StateMachine>(
        &mut self,
        end: End,
        queue: &mut EventQueue<Pending<M>>,
        nodes: &[NodeDriver<M>],
    ) -> Option<Going> {
        if !matches!(end, End::TooLong | End::TooMany | End::Restless) {
            return None;
        }
        let mut pending = Census::default();
        while let Some((_, event)) = queue.pop().filter(|_| end == End::TooMany) {
            pending_kind(&event, nodes).into_iter().for_each(|seen| pending.note(seen));
        }
        let (handled, pending) = (mem::take(&mut self.seen).shares(), pending.shares());
        Some(Going { since: self.since.unwrap_or_default(), handled, pending, pending_bytes: self.pending_bytes })
    }
}

/// What an event is, for the count; nothing if it comes from the plan.
fn pending_kind<M: StateMachine>(pending: &Pending<M>, nodes: &[NodeDriver<M>]) -> Option<Seen> {
    match pending {
        Pending::Delivery { link, message, .. } => Some(Seen::Message(M::kind(message), *link)),
        Pending::Timer { node, token, .. } => {
            nodes[node.index()].get_timer(*token).map(|timer| Seen::Timer(text_of(timer), *node))
        }
        Pending::Restart { node, .. } => Some(Seen::Start(*node)),
        _ => None,
    }
}

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// All that the plan foresees goes into the queue first, so that at equal times it comes before what follows from it. A request
    /// that comes only after the whole time to settle is none of this run.
    pub(super) fn schedule_plan(&mut self) {
        let plan = self.plan;
        self.queue.push(plan.heal_at, Pending::Heal);
        for (index, planned) in plan.faults.iter().enumerate() {
            self.queue.push(planned.at, Pending::Fault(index));
        }
        self.schedule_armed();
        let last = plan.heal_at + plan.settle;
        for (id, planned) in (0..).zip(&plan.requests).filter(|(_, planned)| planned.at <= last) {
            let request = Pending::Request(id);
            if planned.at > plan.heal_at && !self.is_dead(&request) {
                self.settle_after(planned.at);
            }
            self.queue.push(planned.at, request);
        }
        self.watch.pending += self.queue.len();
    }

    /// The plan brings something about at `at`, after the healing: all of the time to settle is left from then on. Returns when it
    /// comes about: not later than the time to settle after the healing, so that there is an end to it.
    pub(super) fn settle_after(&mut self, at: Time) -> Time {
        let at = at.min(self.plan.heal_at + self.plan.settle);
        self.time_up = self.time_up.max(at + self.plan.settle);
        at
    }

    pub(super) fn live(&mut self) -> ControlFlow<(), End> {
        for index in 0..self.nodes.len() {
            self.restart(NodeId::new(index))?;
        }
        while let Some((at, pending)) = self.queue.pop() {
            if self.is_dead(&pending) {
                continue;
            }
            if at > self.time_up {
                return if self.limits.never_rests {
                    ControlFlow::Continue(End::TimeUp)
                } else {
                    self.land(at, pending)
                };
            }
            if let Some(end) = self.limit_reached(&pending) {
                return ControlFlow::Continue(end);
            }
            self.handle(at, pending)?;
        }
        ControlFlow::Continue(End::Quiet)
    }

    /// The time to settle is up. What is under way still comes, so that nobody judges a world by what was about to happen; but no
    /// timer fires any more, which a timer that is late does not either. So what only timers keep going comes to an end here.
    fn land(&mut self, at: Time, pending: Pending<M>) -> ControlFlow<(), End> {
        let longest = self.plan.settle.max(self.plan.latency.saturating_mul(LAST_LATENCIES_MIN));
        let (watched_from, until) = (self.time_up + longest / 2, self.time_up + longest);
        let mut next = Some((at, pending));
        while let Some((at, pending)) = next.take().or_else(|| self.queue.pop()) {
            if !matches!(pending, Pending::Delivery { .. }) {
                continue;
            }
            if at > until {
                return ControlFlow::Continue(End::Restless);
            }
            if at > watched_from {
                self.note(&pending);
            }
            if let Some(end) = self.limit_reached(&pending) {
                return ControlFlow::Continue(end);
            }
            self.handle(at, pending)?;
        }
        let has_timers = self.nodes.iter().any(|driver| driver.timer_count() > 0);
        ControlFlow::Continue(if has_timers { End::TimeUp } else { End::Quiet })
    }

    /// True if nothing can come of it any more.
    #[inline]
    pub(super) fn is_dead(&self, pending: &Pending<M>) -> bool {
        match pending {
            Pending::Delivery { .. } => false,
            Pending::Timer { node, incarnation, token, .. } => {
                let driver = &self.nodes[node.index()];
                driver.incarnation != *incarnation || driver.get_timer(*token).is_none()
            }
            other => self.is_dead_plan(other),
        }
    }

    /// The same of what comes from the plan.
    fn is_dead_plan(&self, pending: &Pending<M>) -> bool {
        let is_down = |node: NodeId| self.nodes.get(node.index()).is_none_or(|driver| driver.machine.is_none());
        match pending {
            Pending::Request(index) => {
                let node = self.plan.requests[*index as usize].node;
                self.clients.is_none() || node.index() >= self.nodes.len()
            }
            Pending::Fault(index) => {
                self.healed
                    || match self.plan.faults[*index].fault {
                        Fault::Crash { node, .. } | Fault::Pause { node, .. } => is_down(node),
                        Fault::Partition { .. } => false,
                    }
            }
            Pending::PartitionEnd(_) | Pending::Armed { .. } => self.healed,
            Pending::ArmedEnd(place) => self.is_dead_end(*place),
            Pending::Open { pair, number } => !self.can_open(*pair, *number),
            Pending::Session { link, incarnation, .. } => {
                is_down(link.from) || self.nodes[link.from.index()].incarnation != *incarnation
            }
            Pending::Retry { id, number } => self.is_retry_dead(*id, *number),
            Pending::GiveUp(id) => self.is_given_up(*id),
            Pending::Restart { node, incarnation } => {
                !is_down(*node) || self.nodes[node.index()].incarnation != *incarnation
            }
            Pending::Heal | Pending::Delivery { .. } | Pending::Timer { .. } => false,
        }
    }

    /// Handles what is due at `at`, and not dead.
    #[inline]
    fn handle(&mut self, at: Time, pending: Pending<M>) -> ControlFlow<()> {
        debug_assert!(at >= self.now, "expect: virtual time never runs backwards");
        if at < self.pauses_end
            && let Some(until) = self.waits_until(at, &pending)
        {
            self.queue.push(until, pending);
            return ControlFlow::Continue(());
        }
        self.now = at;
        match pending {
            Pending::Delivery { link, number, sent, message } => self.deliver(link, number, sent, message),
            Pending::Timer { node, token, number, .. } => self.timer(node, token, number),
            other => self.happen(other),
        }
    }

    /// What comes seldom.
    fn happen(&mut self, pending: Pending<M>) -> ControlFlow<()> {
        match pending {
            Pending::Request(id) => self.request(id),
            Pending::Fault(index) => self.strike(index),
            Pending::PartitionEnd(index) => self.end_partition(index),
            Pending::Armed { fault, that } => self.strike_armed(fault as usize, that, false),
            Pending::ArmedEnd(place) => self.end_armed(place as usize),
            Pending::Restart { node, .. } => self.restart(node),
            Pending::Heal => self.heal(),
            Pending::Open { pair, .. } => self.open(pair),
            Pending::Session { link, begins, .. } => self.hear_session(link.from, link.to, begins),
            Pending::Retry { id, number } => self.retry(id, number),
            Pending::GiveUp(id) => {
                self.end_turn(id);
                ControlFlow::Continue(())
            }
            Pending::Delivery { .. } | Pending::Timer { .. } => unreachable!("expect: those were handled before"),
        }
    }

    /// When the node that this is for goes on, if it is paused.
    fn waits_until(&self, at: Time, pending: &Pending<M>) -> Option<Time> {
        let node = match pending {
            Pending::Delivery { link, .. } => link.to,
            Pending::Timer { node, .. } => *node,
            Pending::Session { link, .. } => link.from,
            Pending::Retry { id, number } => self.plan.requests[*id as usize].retries[*number as usize].node,
            Pending::Request(index) => self.plan.requests[*index as usize].node,
            _ => return None,
        };
        let until = self.nodes.get(node.index())?.paused_until;
        (at < until).then_some(until)
    }

    /// The limit that the run has reached, with `pending` as the next thing to happen.
    #[inline]
    fn limit_reached(&mut self, pending: &Pending<M>) -> Option<End> {
        if self.stats.steps < self.watch.steps && self.queue.len() < self.watch.pending {
            return None;
        }
        self.look_closer(pending)
    }

    #[cold]
    fn look_closer(&mut self, pending: &Pending<M>) -> Option<End> {
        if self.stats.steps >= self.limits.step_count_max {
            if self.makes_steps(pending) {
                return Some(End::TooLong);
            }
        } else if self.stats.steps >= self.watch.steps {
            self.note(pending);
        }
        (self.queue.len() >= self.watch.pending && self.is_too_full()).then_some(End::TooMany)
    }

    fn note(&mut self, pending: &Pending<M>) {
        self.watch.since.get_or_insert(self.now);
        let seen = match pending {
            Pending::Request(index) => Some(Seen::Request(self.plan.requests[*index as usize].node)),
            other => pending_kind(other, &self.nodes),
        };
        seen.into_iter().for_each(|seen| self.watch.seen.note(seen));
    }

    /// False if it is over without any node having handled anything.
    fn makes_steps(&self, pending: &Pending<M>) -> bool {
        let is_up = |node: NodeId| self.nodes[node.index()].machine.is_some();
        match pending {
            Pending::Delivery { link, .. } => !self.network.is_cut(*link) && is_up(link.to),
            Pending::Request(index) => is_up(self.plan.requests[*index as usize].node),
            Pending::Timer { .. } | Pending::Restart { .. } | Pending::Session { .. } => true,
            Pending::Retry { id, number } => is_up(self.plan.requests[*id as usize].retries[*number as usize].node),
            Pending::Heal => self.nodes.iter().any(|driver| driver.machine.is_none()),
            Pending::Fault(_) | Pending::PartitionEnd(_) | Pending::Open { .. } | Pending::GiveUp(_) => false,
            Pending::Armed { .. } | Pending::ArmedEnd(_) => false,
        }
    }

    /// Forgets what is dead, and counts what is left. The next look comes when there may be too much, or twice as much.
    fn is_too_full(&mut self) -> bool {
        let mut queue = mem::take(&mut self.queue);
        let stride = (queue.len() / SAMPLES).max(1);
        let (mut count, mut messages, mut sampled) = (0_usize, 0_usize, Sampled::default());
        queue.retain(|_, pending| {
            if self.is_dead(pending) {
                return false;
            }
            if let Pending::Delivery { message, .. } = pending {
                if messages.is_multiple_of(stride) {
                    sampled.add(message);
                }
                messages += 1;
            }
            count += usize::from(matches!(pending, Pending::Delivery { .. } | Pending::Timer { .. }));
            true
        });
        self.queue = queue;
        let bytes = sampled.bytes_each().max(size_of::<M::Message>() as u64).saturating_mul(messages as u64);
        self.watch.pending_bytes = bytes.saturating_add((count as u64).saturating_mul(EVENT_BYTES));
        let Limits { pending_count_max, pending_bytes_max, .. } = self.limits;
        let left = self.queue.len();
        let room = pending_count_max.saturating_sub(count).saturating_add(1);
        self.watch.pending = left + room.min(left.max(LOOK_FIRST)).max(left / 8);
        count > pending_count_max || self.watch.pending_bytes > pending_bytes_max
    }
}

/// How long the texts of some messages are.
#[derive(Default)]
struct Sampled {
    count: u64,
    bytes: u64,
}

impl Sampled {
    fn add(&mut self, message: &impl fmt::Debug) {
        /// Counts what is written, and refuses what would be too long.
        struct Length(usize);
        impl fmt::Write for Length {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 += text.len();
                if self.0 < SAMPLE_BYTES_MAX { Ok(()) } else { Err(fmt::Error) }
            }
        }
        let mut length = Length(0);
        // A text that is cut off is long enough to tell.
        let _ = write!(length, "{message:?}");
        self.count += 1;
        self.bytes += length.0 as u64;
    }

    fn bytes_each(&self) -> u64 {
        self.bytes / self.count.max(1)
    }
}
