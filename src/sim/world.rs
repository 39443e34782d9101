//! The scheduler: takes what is due first, lets a node handle it, and puts what follows into the queue.

use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::network::Network;
use super::nodes::Slot;
use super::pending::Pending;
use super::{
    Clients, End, Event, EventQueue, Fate, Fates, Input, Limits, Link, LostWhy, Memory, NODE_COUNT_MAX, NameRef, Nodes,
    Observer, Plan, RunEnd, Tally,
};
use crate::protocol::{Boot, Digest, Effect, Env, NodeId, RequestId, Rng, StateMachine, Time};
use crate::running::{Doing, Running, input as said};

/// The random stream of node 0; node *i* has the *i*-th after it. Streams below are for drawing plans.
const NODE_STREAM: u64 = 1 << 32;

/// The random stream of one node.
pub(crate) fn node_rng(seed: u64, node: usize) -> Rng {
    Rng::new(seed, NODE_STREAM + node as u64)
}

/// A copy that comes this many base latencies after the first one comes late.
const LATE_LATENCIES: u32 = 20;

/// A cluster, its network and its clients, about to live through a plan.
pub struct World<'a, M: StateMachine, F, O> {
    pub(super) plan: &'a Plan,
    pub(super) boot: &'a dyn Fn(Boot<M::Durable>) -> M,
    pub(super) clients: Option<Box<dyn Clients<M>>>,
    pub(super) fates: F,
    observer: &'a mut O,
    limits: Limits,
    pub(super) nodes: Vec<Slot<M>>,
    pub(super) network: Network,
    pub(super) queue: EventQueue<Pending<M>>,
    /// Reused from step to step.
    pub(super) effects: Vec<Effect<M>>,
    pub(super) now: Time,
    pub(super) healed: bool,
    /// No node is paused from here on.
    pub(super) pauses_end: Time,
    pub(super) digest: Digest,
    pub(super) tally: Tally,
    /// Where others see whose code is being run.
    pub(super) running: Arc<Running>,
}

impl<'a, M: StateMachine, F: Fates, O: Observer<M>> World<'a, M, F, O> {
    /// The world of `plan`, whose nodes `boot` makes.
    pub fn new(
        plan: &'a Plan,
        boot: &'a dyn Fn(Boot<M::Durable>) -> M,
        clients: Option<Box<dyn Clients<M>>>,
        fates: F,
        observer: &'a mut O,
        limits: Limits,
    ) -> Self {
        Self::within(Memory::default(), plan, boot, clients, fates, observer, limits)
    }

    /// As [`new`](Self::new), in the memory of another world.
    pub fn within(
        memory: Memory<M>,
        plan: &'a Plan,
        boot: &'a dyn Fn(Boot<M::Durable>) -> M,
        clients: Option<Box<dyn Clients<M>>>,
        fates: F,
        observer: &'a mut O,
        limits: Limits,
    ) -> Self {
        let Memory { mut nodes, queue, effects } = memory;
        let node_count = plan.node_count.clamp(1, NODE_COUNT_MAX);
        let named = fates.wants_names() || observer.wants_names();
        nodes.extend((0..node_count).map(|node| Slot::new(node_rng(plan.seed, node))));
        Self {
            plan,
            boot,
            clients,
            fates,
            observer,
            limits,
            nodes,
            network: Network::new(node_count, named),
            queue: queue.unwrap_or_default(),
            effects,
            now: Time::ZERO,
            healed: false,
            pauses_end: Time::ZERO,
            digest: Digest::new(),
            tally: Tally::default(),
            running: Running::current(),
        }
    }

    /// Lives through the plan.
    pub fn run(self) -> RunEnd {
        self.run_and_leave().0
    }

    /// As [`run`](Self::run); leaves its memory to another world.
    pub fn run_and_leave(mut self) -> (RunEnd, Memory<M>) {
        let end = self.live_through();
        (end, self.leave())
    }

    /// As [`run`](Self::run), but the world is still there: if this panics, none of its nodes is dropped while the panic goes its way,
    /// for a `Drop` that panicked then would end the process.
    pub(crate) fn live_through(&mut self) -> RunEnd {
        self.schedule_plan();
        let end = match self.live() {
            ControlFlow::Continue(End::Quiet) if self.see_rest(true).is_break() => End::Stopped,
            ControlFlow::Continue(End::TimeUp) if self.see_rest(false).is_break() => End::Stopped,
            ControlFlow::Continue(end) => end,
            ControlFlow::Break(()) => End::Stopped,
        };
        for (node, machine) in Nodes(&self.nodes).up() {
            self.running.doing(Doing::Fold(node));
            machine.fold(&mut self.digest);
        }
        self.digest.fold(self.tally.steps << 2 | end as u64);
        self.tally.virtual_nanos = self.now.as_nanos();
        self.drop_machines();
        RunEnd { end, at: self.now, digest: self.digest, tally: mem::take(&mut self.tally) }
    }

    /// All that the plan foresees goes into the queue first, so that at equal times it comes before what follows from it.
    fn schedule_plan(&mut self) {
        self.queue.push(self.plan.heal_at, Pending::Heal);
        for (index, planned) in self.plan.faults.iter().enumerate() {
            self.queue.push(planned.at, Pending::Fault(index));
        }
        for (id, planned) in (0..).zip(&self.plan.requests) {
            self.queue.push(planned.at, Pending::Request(id));
        }
    }

    fn live(&mut self) -> ControlFlow<(), End> {
        for index in 0..self.nodes.len() {
            self.restart(NodeId::new(index))?;
        }
        let time_up = self.plan.heal_at + self.plan.settle;
        while let Some((at, pending)) = self.queue.pop() {
            if at > time_up {
                return ControlFlow::Continue(End::TimeUp);
            }
            if self.tally.steps >= self.limits.step_count_max {
                return ControlFlow::Continue(End::TooLong);
            }
            debug_assert!(at >= self.now, "expect: virtual time never runs backwards");
            self.handle(at, pending)?;
        }
        ControlFlow::Continue(End::Quiet)
    }

    fn handle(&mut self, at: Time, pending: Pending<M>) -> ControlFlow<()> {
        if at < self.pauses_end
            && let Some(until) = self.waits_until(at, &pending)
        {
            self.queue.push(until, pending);
            return ControlFlow::Continue(());
        }
        match pending {
            Pending::Delivery { link, number, sent, message } => {
                self.now = at;
                self.deliver(link, number, sent, message)
            }
            Pending::Timer { node, life, token } => self.timer(at, node, life, token),
            other => {
                self.now = at;
                self.happen(other)
            }
        }
    }

    /// What comes seldom.
    fn happen(&mut self, pending: Pending<M>) -> ControlFlow<()> {
        match pending {
            Pending::Request(id) => self.request(id),
            Pending::Fault(index) => self.strike(index),
            Pending::PartitionEnd(index) => self.end_partition(index),
            Pending::Restart { node, life } => {
                let slot = &self.nodes[node.index()];
                if slot.machine.is_none() && slot.life == life { self.restart(node) } else { ControlFlow::Continue(()) }
            }
            Pending::Heal => self.heal(),
            Pending::Delivery { .. } | Pending::Timer { .. } => unreachable!("expect: those were handled before"),
        }
    }

    /// When the node that this is for goes on, if it is paused.
    fn waits_until(&self, at: Time, pending: &Pending<M>) -> Option<Time> {
        let node = match pending {
            Pending::Delivery { link, .. } => link.to,
            Pending::Timer { node, .. } => *node,
            Pending::Request(index) => self.plan.requests[*index as usize].node,
            _ => return None,
        };
        let until = self.nodes.get(node.index())?.paused_until;
        (at < until).then_some(until)
    }

    #[inline]
    fn deliver(&mut self, link: Link, number: u32, sent: u32, message: M::Message) -> ControlFlow<()> {
        if self.network.is_cut(link) {
            return self.lose(link, number, &message, LostWhy::Cut);
        }
        if self.nodes[link.to.index()].machine.is_none() {
            return self.lose(link, number, &message, LostWhy::Down);
        }
        self.tally.delivered += 1;
        self.tally.reordered += u64::from(self.network.arrives_late(link, sent));
        let name = NameRef { link, kind: M::kind(&message), number };
        self.begin(link.to, Input::Message { name, message: &message })?;
        self.act(link.to, |machine, env| machine.on_message(link.from, message, env))
    }

    /// A timer that was moved or forgotten leaves no trace, not even in the time.
    fn timer(&mut self, at: Time, node: NodeId, life: u32, token: u64) -> ControlFlow<()> {
        let slot = &mut self.nodes[node.index()];
        let timer = if slot.life == life { slot.take_timer(token) } else { None };
        let Some(timer) = timer else { return ControlFlow::Continue(()) };
        self.now = at;
        self.tally.timers += 1;
        self.begin(node, Input::Timer { timer: &timer })?;
        self.act(node, |machine, env| machine.on_timer(timer, env))
    }

    fn request(&mut self, index: u32) -> ControlFlow<()> {
        let planned = &self.plan.requests[index as usize];
        let (id, node) = (RequestId(index), planned.node);
        let Some(slot) = self.nodes.get(node.index()) else { return ControlFlow::Continue(()) };
        if slot.machine.is_none() {
            self.tally.requests_lost += 1;
            return self.see(&Event::RequestLost { node, id });
        }
        let Some(clients) = self.clients.as_mut() else { return ControlFlow::Continue(()) };
        self.running.step(self.tally.steps, self.now);
        self.running.doing(Doing::Clients);
        let request = clients.request(id, &planned.action);
        self.tally.requests += 1;
        self.begin(node, Input::Request { id, request: &request })?;
        self.act(node, |machine, env| machine.on_request(id, request, env))
    }

    /// The first half of a step: the node is about to handle `input`.
    #[inline]
    pub(super) fn begin(&mut self, node: NodeId, input: Input<'_, M>) -> ControlFlow<()> {
        self.tally.steps += 1;
        let step = self.tally.steps;
        let (tag, from, kind) = match &input {
            Input::Start { .. } => (said::START, 0, None),
            Input::Message { name, .. } => (said::MESSAGE, name.link.from.index() as u64, Some(name.kind)),
            Input::Request { id, .. } => (said::REQUEST, u64::from(id.0), None),
            Input::Timer { .. } => (said::TIMER, 0, None),
        };
        self.running.begin((step, self.now), (node, tag), from);
        self.see(&Event::Begins { step, node, input })?;
        self.digest.fold(self.now.as_nanos());
        self.digest.fold(tag | (node.index() as u64) << 3 | from << 32);
        if let Some(kind) = kind {
            self.digest.fold_bytes(kind.as_bytes());
        }
        ControlFlow::Continue(())
    }

    /// The second half: `work` is done, then its effects happen, up to the crash that may strike among them.
    #[inline]
    pub(super) fn act(&mut self, node: NodeId, work: impl FnOnce(&mut M, &mut Env<'_, M>)) -> ControlFlow<()> {
        let place = (node, self.nodes.len());
        let slot = &mut self.nodes[node.index()];
        let doom = slot.doomed;
        let budget = doom.map_or(usize::MAX, |doom| doom.effects as usize);
        // Marks are no part of the digest: to say more changes no run.
        let effect_count = slot.call(place, self.now, budget, &mut self.effects, work);
        let mut effects = mem::take(&mut self.effects);
        self.see(&Event::Ends { step: self.tally.steps, node, effects: &effects })?;
        self.digest.fold(effect_count as u64);
        for effect in effects.drain(..) {
            self.apply(node, effect)?;
        }
        self.effects = effects;
        match doom {
            Some(doom) => self.crash(node, doom.fault, true),
            None => ControlFlow::Continue(()),
        }
    }

    #[inline]
    fn apply(&mut self, node: NodeId, effect: Effect<M>) -> ControlFlow<()> {
        match effect {
            Effect::Send { to, message } => {
                self.digest.fold(to.index() as u64);
                return self.send(Link { from: node, to }, message);
            }
            Effect::SetTimer { timer, after } => {
                let slot = &mut self.nodes[node.index()];
                let (life, token) = (slot.life, slot.set_timer(timer));
                self.queue.push(self.now + after, Pending::Timer { node, life, token });
            }
            Effect::CancelTimer { timer } => self.nodes[node.index()].cancel_timer(&timer),
            Effect::Persist => {}
            Effect::Respond { id, response } => {
                self.tally.responses += 1;
                if let Some(clients) = self.clients.as_mut() {
                    let before = self.running.word();
                    self.running.doing(Doing::Clients);
                    clients.response(id, &response);
                    self.running.put(before);
                }
            }
            Effect::Mark(what) => self.tally.mark(what, 1),
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn send(&mut self, link: Link, message: M::Message) -> ControlFlow<()> {
        let (from, to, node_count) = (link.from, link.to, self.nodes.len());
        assert!(to.index() < node_count, "node {from} sent to node {to}, but the cluster has {node_count} nodes");
        let kind = M::kind(&message);
        let number = self.network.count(link, kind);
        let name = NameRef { link, kind, number };
        self.tally.sent += 1;
        let sent = self.tally.sent as u32;
        let is_cut = self.network.is_cut(link);
        let fate = if self.healed || is_cut { None } else { self.fates.fate(name, self.now) };
        self.see(&Event::Sent { name, message: &message, fate: fate.as_ref() })?;
        if is_cut {
            return self.lose(link, number, &message, LostWhy::Cut);
        }
        let delay = match &fate {
            None => self.plan.latency,
            Some(Fate::Deliver(delays)) if delays.len() == 1 => delays[0],
            Some(Fate::Deliver(delays)) if !delays.is_empty() => {
                self.send_copies(delays, link, number, &message);
                return ControlFlow::Continue(());
            }
            Some(_) => return self.lose(link, number, &message, LostWhy::Dropped),
        };
        self.tally.delayed += u64::from(delay != self.plan.latency);
        self.queue.push(self.now + delay, Pending::Delivery { link, number, sent, message });
        ControlFlow::Continue(())
    }

    fn send_copies(&mut self, delays: &[Duration], link: Link, number: u32, message: &M::Message) {
        let Some(first) = delays.iter().min() else { return };
        self.tally.delayed += u64::from(*first != self.plan.latency);
        // Plans are total, so no delay is too long for the sum.
        let late = first.saturating_add(self.plan.latency.saturating_mul(LATE_LATENCIES));
        self.tally.duplicated += delays.len() as u64 - 1;
        self.tally.duplicated_late += delays.iter().filter(|delay| **delay > late).count() as u64;
        let sent = self.tally.sent as u32;
        for delay in delays {
            let message = message.clone();
            self.queue.push(self.now + *delay, Pending::Delivery { link, number, sent, message });
        }
    }

    fn lose(&mut self, link: Link, number: u32, message: &M::Message, why: LostWhy) -> ControlFlow<()> {
        match why {
            LostWhy::Dropped => self.tally.dropped += 1,
            LostWhy::Cut => self.tally.cut += 1,
            LostWhy::Down => self.tally.down += 1,
        }
        let name = NameRef { link, kind: M::kind(message), number };
        self.see(&Event::Lost { name, message, why })
    }

    fn see_rest(&mut self, quiet: bool) -> ControlFlow<()> {
        self.see(&Event::Rest { quiet })
    }

    #[inline]
    pub(super) fn see(&mut self, event: &Event<'_, M>) -> ControlFlow<()> {
        self.observer.see(self.now, event, Nodes(&self.nodes))
    }
}
