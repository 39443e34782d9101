//! One node's place: the thread on which it lives, crashes, and lives again.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, select};
use indexmap::IndexMap;

use super::client::{Asked, Reply};
use super::links::DrawnFates;
use super::recording::Log;
use super::{Ask, Boot, ClusterError, NodeState, Order, Parcel, Shared};
use crate::protocol::{Effect, Env, Knobs, NodeId, RequestId, StateMachine, Time};
use crate::sim::{EventQueue, Fate, Fates, Link, MessageCounts, NameRef, Slot, Tally, catch_panic};

/// How long a node sleeps that has no timer; whatever comes wakes it.
const IDLE: Duration = Duration::from_secs(3_600);

/// From so many requests without an answer on a node looks whose clients have given up.
const UNANSWERED_MIN: usize = 1_024;

/// Once the cluster stops, no more of what is due is done in one go.
const CAUGHT_UP_MAX: u32 = 10_000;

/// Where everything comes in.
pub(super) struct Inbox<M: StateMachine> {
    pub(super) orders: Receiver<Order<M>>,
    pub(super) parcels: Receiver<Parcel<M>>,
    pub(super) asks: Receiver<Ask<M>>,
}

/// A node's place in a cluster of threads.
pub(super) struct Place<M: StateMachine> {
    pub(super) id: NodeId,
    pub(super) shared: Arc<Shared<M>>,
    pub(super) boot: Arc<Boot<M>>,
    pub(super) slot: Slot<M>,
    pub(super) fates: DrawnFates,
    /// What is due later: timers, and messages that take their time.
    pub(super) waiting: EventQueue<Waiting<M>>,
    /// Reused from step to step.
    pub(super) effects: Vec<Effect<M>>,
    /// Who waits for an answer.
    pub(super) unanswered: IndexMap<RequestId, Unanswered<M>, foldhash::fast::FixedState>,
    pub(super) unanswered_max: usize,
    /// What number the next message has; only if anybody wants to know.
    pub(super) counts: Option<MessageCounts>,
    /// The time of the last step, as the node was told it.
    pub(super) last: Time,
    /// How many timers the load counts.
    pub(super) timers_counted: usize,
    pub(super) tally: Tally,
    pub(super) log: Option<Log>,
    /// Timers are over: what is under way is handled, and nothing begins by itself.
    pub(super) is_draining: bool,
}

pub(super) enum Waiting<M: StateMachine> {
    Timer { life: u32, token: u64 },
    Parcel(Parcel<M>),
}

/// A client that waits.
pub(super) struct Unanswered<M: StateMachine> {
    reply: Sender<Reply<M>>,
    /// It has given up by then.
    until: Time,
}

/// What is left of a place when its thread ends.
pub(super) struct Ended {
    pub(super) tally: Tally,
    pub(super) log: Option<Log>,
}

impl<M: StateMachine> Place<M> {
    /// Lives until it is told to stop.
    pub(super) fn live(mut self, inbox: &Inbox<M>) -> Ended {
        // As in a simulated world all first lives begin with the world.
        self.start(Time::ZERO);
        self.shared.load.remove(1);
        loop {
            let wait = self.waiting.next_due().map_or(IDLE, |due| self.shared.clock.until(due));
            select! {
                recv(inbox.orders) -> order => match order {
                    Ok(Order::Stop) | Err(_) => break,
                    Ok(order) => self.obey(order),
                },
                recv(inbox.parcels) -> parcel => if let Ok(parcel) = parcel { self.receive(parcel) },
                recv(inbox.asks) -> ask => if let Ok(ask) = ask { self.take(ask) },
                default(wait) => self.catch_up(self.shared.clock.now()),
            }
        }
        Ended { tally: self.tally, log: self.log }
    }

    fn obey(&mut self, order: Order<M>) {
        match order {
            Order::Crash(done) => {
                let at = self.moment(Time::ZERO);
                self.crash(at, NodeState::Crashed);
                drop(done);
            }
            Order::Restart(done) => {
                if self.slot.machine.is_none() {
                    let at = self.moment(Time::ZERO);
                    if let Some((_, back)) = self.open_log().and_then(|log| log.crashes.last_mut()) {
                        *back = Some(at);
                    }
                    self.tally.restarts += 1;
                    self.start(at);
                }
                drop(done);
            }
            Order::Look(look) => look(self.slot.machine.as_ref(), &self.tally),
            Order::Drain(done) => {
                let now = self.moment(Time::ZERO);
                self.is_draining = true;
                self.slot.forget_timers();
                self.count_timers();
                if let Some(log) = &mut self.log {
                    log.closed = Some(now);
                }
                drop(done);
            }
            Order::Stop => {}
        }
    }

    /// The time of what comes now: after all that was, after `sent`, and after all that is due by then, which is done first.
    fn moment(&mut self, sent: Time) -> Time {
        let after = |time: Time| time + Duration::from_nanos(1);
        let mut now = self.shared.clock.now().max(after(sent));
        self.catch_up(now);
        now = now.max(after(self.last));
        self.last = now;
        now
    }

    /// Does all that is due by `now`, each at its own time.
    fn catch_up(&mut self, now: Time) {
        let mut done = 0;
        while let Some(due) = self.waiting.next_due().filter(|due| *due <= now) {
            match self.waiting.pop() {
                Some((_, Waiting::Timer { life, token })) => {
                    let timer = if self.slot.life == life { self.slot.take_timer(token) } else { None };
                    let Some(timer) = timer else { continue };
                    self.last = due.max(self.last);
                    self.tally.timers += 1;
                    self.step(self.last, |machine, env| machine.on_timer(timer, env));
                }
                Some((_, Waiting::Parcel(parcel))) => {
                    self.last = due.max(self.last + Duration::from_nanos(1));
                    self.deliver(self.last, parcel);
                }
                None => return,
            }
            // A machine whose timers never end can still be stopped.
            done += 1;
            if done >= CAUGHT_UP_MAX && self.shared.is_stopping.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn receive(&mut self, parcel: Parcel<M>) {
        if parcel.due > self.shared.clock.now() {
            if self.waiting.len() < self.shared.queue_max {
                self.waiting.push(parcel.due, Waiting::Parcel(parcel));
            } else {
                self.tally.mark(QUEUE_FULL, 1);
                self.shared.load.remove(1);
            }
            return;
        }
        let at = self.moment(parcel.sent);
        self.deliver(at, parcel);
    }

    fn deliver(&mut self, at: Time, parcel: Parcel<M>) {
        let Parcel { link, number, message, .. } = parcel;
        if let Some(log) = &mut self.log {
            log.came.push(((link, M::kind(&message), number), at));
        }
        if self.shared.cuts.is_cut(link, at) {
            self.tally.cut += 1;
        } else if self.slot.machine.is_none() {
            self.tally.down += 1;
        } else {
            self.tally.delivered += 1;
            self.step(at, |machine, env| machine.on_message(link.from, message, env));
        }
        self.shared.load.remove(1);
    }

    fn take(&mut self, ask: Ask<M>) {
        let at = self.moment(Time::ZERO);
        let id = RequestId(self.shared.request_count.fetch_add(1, Ordering::Relaxed));
        let Ask { what, reply, until } = ask;
        if let (Asked::Action(action), Some(log)) = (&what, self.open_log()) {
            log.asked.push((id, at, action.clone()));
        }
        if self.slot.machine.is_none() {
            self.tally.requests_lost += 1;
            let _ = reply.try_send(Err(ClusterError::Down { node: self.id }));
        } else {
            let request = match what {
                Asked::Request(request) => Some(request),
                Asked::Action(action) => self.shared.request(id, &action),
            };
            self.forget_the_impatient(at);
            self.unanswered.insert(id, Unanswered { reply, until });
            if let Some(request) = request {
                self.tally.requests += 1;
                self.step(at, |machine, env| machine.on_request(id, request, env));
            }
        }
        self.shared.load.remove(1);
    }

    /// A machine may leave requests unanswered; their clients do not wait for ever.
    fn forget_the_impatient(&mut self, now: Time) {
        if self.unanswered.len() >= self.unanswered_max {
            self.unanswered.retain(|_, client| client.until > now);
            self.unanswered_max = UNANSWERED_MIN.max(2 * self.unanswered.len());
        }
    }

    /// Makes the machine from what is durable, and lets it start.
    fn start(&mut self, at: Time) {
        let (id, node_count, boot) = (self.id, self.shared.posts.len(), Arc::clone(&self.boot));
        if let Err(text) = catch_panic(|| self.slot.boot((id, node_count), &Knobs::default(), &*boot)) {
            return self.crash(at, NodeState::Panicked(text));
        }
        self.shared.set_state(id, NodeState::Up);
        self.step(at, M::start);
    }

    /// One step: the machine handles the input, then its effects happen. If it panics, none does, and the node has crashed.
    fn step(&mut self, at: Time, work: impl FnOnce(&mut M, &mut Env<'_, M>)) {
        self.tally.steps += 1;
        let place = (self.id, self.shared.posts.len());
        let mut effects = mem::take(&mut self.effects);
        let handled = catch_panic(|| self.slot.call(place, at, usize::MAX, &mut effects, work));
        match handled {
            Ok(_) => effects.drain(..).for_each(|effect| self.apply(at, effect)),
            Err(text) => {
                effects.clear();
                self.last = at + Duration::from_nanos(1);
                self.crash(self.last, NodeState::Panicked(text));
            }
        }
        self.effects = effects;
        self.count_timers();
    }

    /// Brings the load up to date. What a step has sent is counted by now.
    fn count_timers(&mut self) {
        let count = self.slot.timer_count();
        let load = &self.shared.load;
        load.add(count.saturating_sub(self.timers_counted));
        load.remove(self.timers_counted.saturating_sub(count));
        self.timers_counted = count;
    }

    fn apply(&mut self, at: Time, effect: Effect<M>) {
        match effect {
            Effect::Send { to, message } => self.send(at, to, message),
            Effect::SetTimer { .. } if self.is_draining => {}
            Effect::SetTimer { timer, after } => {
                let (life, token) = (self.slot.life, self.slot.set_timer(timer));
                self.waiting.push(at + after, Waiting::Timer { life, token });
            }
            Effect::CancelTimer { timer } => self.slot.cancel_timer(&timer),
            Effect::Persist => {}
            Effect::Respond { id, response } => {
                self.tally.responses += 1;
                self.shared.hear(id, &response);
                if let Some(client) = self.unanswered.swap_remove(&id) {
                    // Whoever has given up does not hear it.
                    let _ = client.reply.try_send(Ok(response));
                }
            }
            Effect::Mark(what) => self.tally.mark(what, 1),
        }
    }

    fn send(&mut self, at: Time, to: NodeId, message: M::Message) {
        let link = Link { from: self.id, to };
        let Some(post) = self.shared.posts.get(to.index()) else {
            let node_count = self.shared.posts.len();
            let text = format!("node {} sent to node {to}, but the cluster has {node_count} nodes", self.id);
            self.last = at + Duration::from_nanos(1);
            return self.crash(self.last, NodeState::Panicked(text));
        };
        let kind = M::kind(&message);
        let number = self.counts.as_mut().map_or(0, |counts| counts.next(link, kind));
        self.tally.sent += 1;
        if self.shared.cuts.is_cut(link, at) {
            self.tally.cut += 1;
            return;
        }
        if let Some(log) = self.log.as_mut().filter(|log| log.closed.is_none()) {
            log.sent.push(((link, kind, number), at));
        }
        let delays = match self.fates.fate(NameRef { link, kind, number }, at) {
            None => Some((Duration::ZERO, None)),
            Some(Fate::Drop) => None,
            Some(Fate::Deliver(delays)) => delays.first().map(|first| (*first, delays.get(1).copied())),
        };
        let Some((first, second)) = delays else {
            self.tally.dropped += 1;
            return;
        };
        let parcel = |delay: Duration, message| Parcel { link, number, sent: at, due: at + delay, message };
        self.tally.delayed += u64::from(!first.is_zero());
        let mut full = 0;
        if let Some(second) = second {
            self.tally.duplicated += 1;
            full += u64::from(!self.shared.hand_over(post, parcel(second, message.clone())));
        }
        full += u64::from(!self.shared.hand_over(post, parcel(first, message)));
        if full > 0 {
            self.tally.mark(QUEUE_FULL, full);
        }
    }

    /// The node loses everything but its durable state, and whoever waits for it is told.
    fn crash(&mut self, at: Time, state: NodeState) {
        if self.slot.machine.is_none() && state == NodeState::Crashed {
            return;
        }
        // To drop a machine whose step panicked may panic as well.
        let _ = catch_panic(|| self.slot.crash());
        self.tally.crashes += 1;
        if let Some(log) = self.open_log() {
            log.crashes.push((at, None));
        }
        let node = self.id;
        for (_, client) in self.unanswered.drain(..) {
            let _ = client.reply.try_send(Err(ClusterError::Crashed { node }));
        }
        self.shared.set_state(node, state);
        self.count_timers();
    }

    fn open_log(&mut self) -> Option<&mut Log> {
        self.log.as_mut().filter(|log| log.closed.is_none())
    }
}

/// The mark of a message that was lost because its receiver's queue was full.
const QUEUE_FULL: &str = "queue full";

impl<M: StateMachine> Shared<M> {
    /// Gives a message to its receiver's thread; false if there is no room. It never waits: two nodes that waited for each other would
    /// do so for ever.
    fn hand_over(&self, post: &super::Post<M>, parcel: Parcel<M>) -> bool {
        self.load.add(1);
        match post.parcels.try_send(parcel) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.load.remove(1);
                false
            }
        }
    }
}
