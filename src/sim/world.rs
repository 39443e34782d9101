//! The scheduler: takes what is due first, lets a node handle it, and puts what follows into the queue.

use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

use indexmap::IndexMap;

use super::answers::Answers;
use super::armed::{Armed, Ear, Hits};
use super::clients::ClosedLoop;
use super::disk::FaultyDisk;
use super::live::Watch;
use super::network::Network;
use super::nodes::NodeDriver;
use super::pending::Pending;
use super::sessions::{Arrival, Sessions};
use super::timer_fates::TimerCounts;
use super::{
    Arena, Clients, End, Event, EventQueue, Fate, Fates, Input, Limits, Link, Links, LostWhy, Misanswer,
    NODE_COUNT_MAX, NameRef, Nodes, Observer, Plan, RunEnd, Stats,
};
use crate::protocol::{Boot, Digest, Effect, Env, NodeId, RequestId, Rng, StateMachine, Time};
use crate::running::{Doing, Running, input as said};

/// The random stream of node 0; node *i* has the *i*-th after it. Streams below are for drawing plans.
const NODE_STREAM: u64 = 1 << 32;

/// The random stream of one node.
pub(crate) fn node_rng(seed: u64, node: usize) -> Rng {
    Rng::new(seed, NODE_STREAM + node as u64)
}

/// A cluster, its network and its clients, about to live through a plan.
pub struct World<'a, M: StateMachine, F, O> {
    pub(super) plan: &'a Plan,
    pub(super) boot: &'a dyn Fn(Boot<M::Durable>) -> M,
    pub(super) clients: Option<Box<dyn Clients<M>>>,
    pub(super) fates: F,
    observer: &'a mut O,
    pub(super) limits: Limits,
    pub(super) nodes: Vec<NodeDriver<M>>,
    pub(super) network: Network,
    pub(super) queue: EventQueue<Pending<M>>,
    /// Reused from step to step.
    pub(super) effects: Vec<Effect<M>>,
    pub(super) now: Time,
    pub(super) healed: bool,
    /// When the time to settle is up: so long after the last thing that the plan brings about.
    pub(super) time_up: Time,
    /// How far the run has gone, as far as its limits go.
    pub(super) watch: Watch,
    pub(super) answers: Answers,
    /// What clients asked that may ask again.
    pub(super) requests: IndexMap<u32, M::Request, foldhash::fast::FixedState>,
    /// Only where clients ask one thing after the other.
    pub(super) closed_loop: Option<Box<ClosedLoop>>,
    /// Only where links are streams.
    pub(super) sessions: Option<Box<Sessions>>,
    misanswer: Option<Misanswer>,
    /// No node is paused from here on.
    pub(super) pauses_end: Time,
    pub(super) digest: Digest,
    pub(super) stats: Stats,
    /// When a timer fires is not only a matter of when it was set: its fate is asked, its number, or a clock.
    pub(super) times_timers: bool,
    /// How many timers of each kind each node has set; only if anybody wants names.
    pub(super) timer_counts: Option<TimerCounts>,
    /// Until the world heals, the faults that wait for a moment; `None` if there are none.
    pub(super) armed: Option<Box<Armed<M>>>,
    /// The armed faults that have struck.
    pub(super) struck: Vec<u32>,
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
        Self::within(Arena::default(), plan, boot, clients, fates, observer, limits)
    }

    /// As [`new`](Self::new), in the memory of another world.
    pub fn within(
        arena: Arena<M>,
        plan: &'a Plan,
        boot: &'a dyn Fn(Boot<M::Durable>) -> M,
        clients: Option<Box<dyn Clients<M>>>,
        fates: F,
        observer: &'a mut O,
        limits: Limits,
    ) -> Self {
        let Arena { mut nodes, queue, effects } = arena;
        let node_count = plan.node_count.clamp(1, NODE_COUNT_MAX);
        let named = fates.wants_names() || observer.wants_names();
        let names_timers = observer.wants_names() || !plan.timers.is_empty();
        let times_timers = names_timers || fates.draws_timers() || !plan.clocks.is_empty();
        nodes.extend((0..node_count).map(|node| NodeDriver::new(node_rng(plan.seed, node))));
        let disks = fates.disks();
        if disks.is_some() || !plan.disk.is_empty() {
            nodes
                .iter_mut()
                .enumerate()
                .for_each(|(node, driver)| driver.disk = FaultyDisk::of(NodeId::new(node), plan, disks));
        }
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
            time_up: plan.heal_at + plan.settle,
            watch: Watch::new(&limits),
            answers: Answers::default(),
            requests: IndexMap::default(),
            closed_loop: plan.closed_loop.map(|timeout| Box::new(ClosedLoop::new(timeout))),
            sessions: (plan.links == Links::Stream).then(Box::default),
            misanswer: None,
            pauses_end: Time::ZERO,
            digest: Digest::new(),
            stats: Stats::default(),
            times_timers,
            timer_counts: names_timers.then(TimerCounts::default),
            armed: Armed::of(&plan.armed),
            struck: Vec::new(),
            running: Running::current(),
        }
    }

    /// Lives through the plan.
    pub fn run(self) -> RunEnd {
        self.run_and_leave().0
    }

    /// As [`run`](Self::run); leaves its memory to another world.
    pub fn run_and_leave(mut self) -> (RunEnd, Arena<M>) {
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
        end.fold(self.stats.steps, &mut self.digest);
        self.stats.virtual_nanos = self.now.as_nanos();
        self.stats.ended_by_time = u64::from(end == End::TimeUp);
        let going = self.watch.finish(end, &mut self.queue, &self.nodes);
        self.drop_machines();
        let (at, stats) = (self.now, mem::take(&mut self.stats));
        let struck = mem::take(&mut self.struck);
        RunEnd { end, at, digest: self.digest, stats, going, misanswer: self.misanswer.take(), struck }
    }

    #[inline]
    pub(super) fn deliver(&mut self, link: Link, number: u32, sent: u32, message: M::Message) -> ControlFlow<()> {
        if let Some(sessions) = &mut self.sessions {
            match sessions.arrive(link, sent) {
                Arrival::Next => {}
                Arrival::Early => {
                    self.queue.push(self.now, Pending::Delivery { link, number, sent, message });
                    return ControlFlow::Continue(());
                }
                Arrival::Lost => return self.lose(link, number, &message, LostWhy::Broken),
            }
        }
        if self.network.is_cut(link) {
            return self.lose(link, number, &message, LostWhy::Cut);
        }
        if self.nodes[link.to.index()].machine.is_none() {
            return self.lose(link, number, &message, LostWhy::Down);
        }
        self.stats.delivered += 1;
        self.stats.reordered += u64::from(self.network.arrives_late(link, sent));
        let name = NameRef { link, kind: M::kind(&message), number };
        self.begin(link.to, Input::Message { name, message: &message })?;
        self.act(link.to, |machine, env| machine.on_message(link.from, message, env))
    }

    pub(super) fn timer(&mut self, node: NodeId, token: u64, number: u32) -> ControlFlow<()> {
        let timer = self.nodes[node.index()].take_timer(token).expect("expect: only a timer that is set is due");
        self.stats.timers += 1;
        self.begin(node, Input::Timer { timer: &timer, number })?;
        self.act(node, |machine, env| machine.on_timer(timer, env))
    }

    /// A client asks this node, for the first time or again.
    pub(super) fn ask(&mut self, index: u32, node: NodeId) -> ControlFlow<()> {
        let planned = &self.plan.requests[index as usize];
        let id = RequestId(index);
        let driver = &self.nodes[node.index()];
        if driver.machine.is_none() {
            self.stats.requests_lost += 1;
            return self.see(&Event::RequestLost { node, id });
        }
        self.answers.ask(id, node, driver.incarnation);
        self.running.step(self.stats.steps, self.now);
        self.running.doing(Doing::Clients);
        let clients = self.clients.as_mut().expect("expect: without clients nobody asks");
        let request = if planned.retries.is_empty() {
            clients.request(id, &planned.action)
        } else {
            // It says the same each time, whatever it has heard meanwhile.
            self.requests.entry(index).or_insert_with(|| clients.request(id, &planned.action)).clone()
        };
        self.stats.requests += 1;
        self.begin(node, Input::Request { id, request: &request })?;
        self.act(node, |machine, env| machine.on_request(id, request, env))
    }

    /// The first half of a step: the node is about to handle `input`.
    #[inline]
    pub(super) fn begin(&mut self, node: NodeId, input: Input<'_, M>) -> ControlFlow<()> {
        self.stats.steps += 1;
        let step = self.stats.steps;
        let (tag, from, kind) = match &input {
            Input::Start { .. } => (said::START, 0, None),
            Input::Message { name, .. } => (said::MESSAGE, name.link.from.index() as u64, Some(name.kind)),
            Input::Request { id, .. } => (said::REQUEST, u64::from(id.0), None),
            Input::Timer { .. } => (said::TIMER, 0, None),
            Input::Disconnected { peer } => (said::SESSION, peer.index() as u64, Some("disconnected")),
            Input::Reconnected { peer } => (said::SESSION, peer.index() as u64, Some("reconnected")),
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
        let (place, now) = ((node, self.nodes.len()), self.local_now(node));
        let driver = &mut self.nodes[node.index()];
        let doom = driver.doomed;
        let budget = doom.map_or(usize::MAX, |doom| doom.effects as usize);
        // Marks are no part of the digest: to say more changes no run.
        let (effect_count, hits) = match &mut self.armed {
            None => (driver.call(place, now, budget, &mut self.effects, work), None),
            Some(armed) => {
                let mut ear = Ear { armed, faults: &self.plan.armed, node, hits: Hits::default() };
                (driver.call_heard(place, now, budget, &mut self.effects, &mut ear, work), Some(ear.hits))
            }
        };
        let mut effects = mem::take(&mut self.effects);
        self.see(&Event::Ends { step: self.stats.steps, node, effects: &effects })?;
        if self.nodes[node.index()].disk.as_ref().is_some_and(|disk| !disk.failed.is_empty()) {
            self.see_failed_writes(node)?;
        }
        self.digest.fold(effect_count as u64);
        for effect in effects.drain(..) {
            self.apply(node, effect)?;
        }
        self.effects = effects;
        if let Some(doom) = doom {
            self.crash(node, doom.fault, true)?;
        }
        match hits {
            Some(hits) if !hits.is_empty() => self.hit(node, hits),
            _ => ControlFlow::Continue(()),
        }
    }

    #[inline]
    fn apply(&mut self, node: NodeId, effect: Effect<M>) -> ControlFlow<()> {
        match effect {
            Effect::Send { to, message } => {
                self.digest.fold(to.index() as u64);
                return self.send(Link { from: node, to }, message);
            }
            Effect::SetTimer { timer, after } => return self.set_timer(node, timer, after),
            Effect::CancelTimer { timer } => self.nodes[node.index()].cancel_timer(&timer),
            Effect::Persist => {}
            Effect::Respond { id, response } => {
                self.stats.responses += 1;
                let incarnation = self.nodes[node.index()].incarnation;
                let is_first = match self.answers.answer(id, (node, incarnation), self.now) {
                    Ok((is_first, mark)) => {
                        mark.into_iter().for_each(|mark| self.stats.mark(mark, 1));
                        is_first
                    }
                    Err(misanswer) => {
                        self.misanswer = Some(misanswer);
                        return ControlFlow::Break(());
                    }
                };
                if self.closed_loop.is_some() {
                    self.end_turn(id.0);
                }
                if let Some(clients) = self.clients.as_mut().filter(|_| is_first) {
                    let before = self.running.word();
                    self.running.doing(Doing::Clients);
                    clients.response(id, &response);
                    self.running.put(before);
                }
            }
            Effect::Mark(what) => self.stats.mark(what, 1),
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
        self.stats.sent += 1;
        if self.sessions.is_some() {
            return self.send_in_session(link, number, message);
        }
        let sent = self.stats.sent as u32;
        let is_cut = self.network.is_cut(link);
        if self.armed.is_some() && !is_cut && self.holds(link, kind) {
            return self.hold_back(name, sent, message);
        }
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
        self.stats.delayed += u64::from(delay != self.plan.latency);
        let at = if fate.is_some() { self.comes_at(delay) } else { self.now + delay };
        self.queue.push(at, Pending::Delivery { link, number, sent, message });
        ControlFlow::Continue(())
    }

    pub(super) fn see_rest(&mut self, quiet: bool) -> ControlFlow<()> {
        self.see(&Event::Rest { quiet })
    }

    #[inline]
    pub(super) fn see(&mut self, event: &Event<'_, M>) -> ControlFlow<()> {
        self.observer.see(self.now, event, Nodes(&self.nodes))
    }
}
