//! One node's place: the thread on which it lives, crashes, and lives again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, select};
use indexmap::IndexMap;

use super::agenda::{Agenda, Due, after};
use super::client::{Asked, Reply};
use super::links::DrawnFates;
use super::recording::Log;
use super::{Boot, ClientRequest, ClusterError, Control, InFlight, Mailbox, NodeState, Shared, catch_panic, discard};
use crate::protocol::{Effect, NodeId, RequestId, StateMachine, Time};
use crate::sim::{MessageCounts, NodeDriver, Stats};

/// How long a node sleeps that has no timer; whatever comes wakes it.
const IDLE: Duration = Duration::from_secs(3_600);

/// From so many requests without an answer on a node looks whose clients have given up.
const UNANSWERED_MIN: usize = 1_024;

/// No more of what is due is done in one go when there is an control: a node whose timers never end can still be told to crash, or to stop.
const CAUGHT_UP_MAX: u32 = 100_000;

/// Where everything comes in.
pub(super) struct Inbox<M: StateMachine> {
    pub(super) controls: Receiver<Control<M>>,
    pub(super) messages: Receiver<InFlight<M>>,
    pub(super) asks: Receiver<ClientRequest<M>>,
}

/// A node's place in a cluster of threads.
pub(super) struct NodeThread<M: StateMachine> {
    pub(super) id: NodeId,
    pub(super) shared: Arc<Shared<M>>,
    pub(super) boot: Arc<Boot<M>>,
    pub(super) driver: NodeDriver<M>,
    pub(super) fates: DrawnFates,
    pub(super) agenda: Agenda<M>,
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
    pub(super) stats: Stats,
    pub(super) log: Option<Log>,
    /// Timers are over: what is under way is handled, and nothing begins by itself.
    pub(super) is_draining: bool,
    /// It has taken a control message that it has not carried out yet.
    pub(super) has_control: bool,
}

/// A client that waits.
pub(super) struct Unanswered<M: StateMachine> {
    pub(super) reply: Sender<Reply<M>>,
    /// It has given up by then.
    until: Time,
}

/// What is left of a place when its thread ends.
pub(super) struct Ended {
    pub(super) stats: Stats,
    pub(super) log: Option<Log>,
}

impl<M: StateMachine> NodeThread<M> {
    /// Lives until it is told to stop.
    pub(super) fn live(mut self, inbox: Inbox<M>) -> Ended {
        // As in a simulated world all first lives begin with the world.
        let _ = self.start(Time::ZERO);
        self.shared.quiescence.remove(1);
        loop {
            let mut wait = self.until_due();
            if wait.is_zero() {
                // However much comes in, what is due is not put off.
                self.catch_up(self.shared.clock.now(), &inbox);
                wait = self.until_due();
            }
            select! {
                recv(inbox.controls) -> control => match control {
                    Ok(Control::Stop) | Err(_) => break,
                    Ok(control) => {
                        self.has_control = true;
                        self.carry_out(control, &inbox);
                        self.has_control = false;
                    }
                },
                recv(inbox.messages) -> in_flight => if let Ok(in_flight) = in_flight { self.receive(in_flight, &inbox) },
                recv(inbox.asks) -> ask => if let Ok(ask) = ask { self.take(ask, &inbox) },
                default(wait) => {}
            }
        }
        self.end(inbox)
    }

    fn until_due(&self) -> Duration {
        self.agenda.next_due().map_or(IDLE, |due| self.shared.clock.until(due).min(IDLE))
    }

    /// Whoever still waits is told by the end of their channel.
    fn end(self, inbox: Inbox<M>) -> Ended {
        let mailbox = self.mailbox();
        mailbox.message_room.close();
        mailbox.ask_room.close();
        let Self { id, shared, boot, driver, mut agenda, stats, log, effects, .. } = self;
        let NodeDriver { machine, durable, .. } = driver;
        // All that is not ours, one by one.
        let panicked = [
            discard(machine.into_iter()),
            discard(agenda.take_timers()),
            discard(std::iter::from_fn(|| agenda.take_message())),
            discard(inbox.messages.try_iter()),
            discard(inbox.asks.try_iter()),
            discard(std::iter::once(inbox)),
            discard(std::iter::once((durable, boot, effects))),
        ];
        if let Some(text) = panicked.into_iter().flatten().next() {
            shared.set_state(id, NodeState::Panicked(text));
        }
        Ended { stats, log }
    }

    /// Where others reach it.
    fn mailbox(&self) -> &Mailbox<M> {
        &self.shared.mailboxes[self.id.index()]
    }

    fn carry_out(&mut self, control: Control<M>, inbox: &Inbox<M>) {
        match control {
            Control::Crash(done) => {
                let at = self.moment(Time::ZERO, inbox);
                if self.is_up() {
                    self.crash(at, NodeState::Crashed);
                }
                drop(done);
            }
            Control::Restart(done) => {
                if !self.is_up() {
                    let at = self.moment(Time::ZERO, inbox);
                    if let Some((_, back)) = self.open_log().and_then(|log| log.crashes.last_mut()) {
                        *back = Some(at);
                    }
                    self.stats.restarts += 1;
                    if let Err(text) = self.start(at) {
                        let _ = done.try_send(ClusterError::Panicked { node: self.id, text });
                    }
                }
                drop(done);
            }
            Control::Look(look) => look(self.driver.machine.as_ref(), &self.stats),
            Control::Drain(done) => {
                let now = self.moment(Time::ZERO, inbox);
                self.is_draining = true;
                if let Some(text) = discard(self.agenda.take_timers()) {
                    self.fail(text);
                }
                self.count_timers();
                if let Some(log) = &mut self.log {
                    log.closed = Some(now);
                }
                drop(done);
            }
            Control::Stop => {}
        }
    }

    /// The time of what comes now: after all that was, after `sent`, and after all that is due by then, which is done first.
    fn moment(&mut self, sent: Time, inbox: &Inbox<M>) -> Time {
        let mut now = self.shared.clock.now().max(after(sent)).max(after(self.last));
        self.catch_up(now, inbox);
        // What was due may have taken until then.
        while self.last >= now {
            now = after(self.last);
            self.catch_up(now, inbox);
        }
        self.last = now;
        now
    }

    /// Does all that is due by `now`, each at its own time.
    fn catch_up(&mut self, now: Time, inbox: &Inbox<M>) {
        let mut done = 0;
        while let Some((at, due)) = self.agenda.pop(self.last, now) {
            self.last = at;
            match due {
                Due::Timer(timer) => {
                    self.stats.timers += 1;
                    self.step(at, |machine, env| machine.on_timer(timer, env));
                }
                Due::InFlight(in_flight) => self.deliver(at, in_flight),
            }
            done += 1;
            if done >= CAUGHT_UP_MAX && (self.has_control || !inbox.controls.is_empty()) {
                return;
            }
        }
    }

    fn receive(&mut self, in_flight: InFlight<M>, inbox: &Inbox<M>) {
        if in_flight.due > self.shared.clock.now() {
            // It keeps its room.
            return self.agenda.keep(in_flight);
        }
        let at = self.moment(in_flight.sent, inbox);
        self.deliver(at, in_flight);
    }

    fn deliver(&mut self, at: Time, in_flight: InFlight<M>) {
        let InFlight { link, number, bytes, message, .. } = in_flight;
        self.mailbox().message_room.give(bytes);
        self.guarded(|place| {
            if let Some(log) = &mut place.log {
                log.came.push(((link, M::kind(&message), number), at));
            }
            if place.shared.cuts.is_cut(link, at) {
                place.stats.cut += 1;
            } else if !place.is_up() {
                place.stats.down += 1;
            } else {
                place.stats.delivered += 1;
                place.step(at, |machine, env| machine.on_message(link.from, message, env));
            }
        });
        self.shared.quiescence.remove(1);
    }

    fn take(&mut self, ask: ClientRequest<M>, inbox: &Inbox<M>) {
        self.mailbox().ask_room.give(ask.bytes);
        let at = self.moment(Time::ZERO, inbox);
        self.guarded(|place| place.ask(at, ask));
        self.shared.quiescence.remove(1);
    }

    fn ask(&mut self, at: Time, ClientRequest { what, reply, until, .. }: ClientRequest<M>) {
        let id = RequestId(self.shared.request_count.fetch_add(1, Ordering::Relaxed));
        if let (Asked::Action(action), Some(log)) = (&what, self.open_log()) {
            log.asked.push((id, at, action.clone()));
        }
        if !self.is_up() {
            self.stats.requests_lost += 1;
            let _ = reply.try_send(Err(ClusterError::Down { node: self.id }));
            return;
        }
        let request = match what {
            Asked::Request(request) => Ok(request),
            Asked::Action(action) => catch_panic(|| self.shared.request(id, &action)),
        };
        match request {
            Ok(request) => {
                self.forget_the_impatient(at);
                self.unanswered.insert(id, Unanswered { reply, until });
                self.stats.requests += 1;
                self.step(at, |machine, env| machine.on_request(id, request, env));
            }
            Err(text) => {
                let _ = reply.try_send(Err(self.workload_panicked(text, false)));
            }
        }
    }

    /// A machine may leave requests unanswered; their clients do not wait for ever.
    fn forget_the_impatient(&mut self, now: Time) {
        if self.unanswered.len() >= self.unanswered_max {
            self.unanswered.retain(|_, client| client.until > now);
            self.unanswered_max = UNANSWERED_MIN.max(2 * self.unanswered.len());
        }
    }

    pub(super) fn workload_panicked(&mut self, text: String, has_happened: bool) -> ClusterError {
        self.stats.mark(WORKLOAD_PANICKED, 1);
        ClusterError::WorkloadPanicked { node: self.id, text, has_happened }
    }

    /// Does what may call code of the machine's outside of its steps: what drops a message, say. If that panics the node has crashed, and
    /// its thread lives on.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        if let Err(text) = catch_panic(|| work(self)) {
            self.fail(text);
        }
    }

    pub(super) fn open_log(&mut self) -> Option<&mut Log> {
        self.log.as_mut().filter(|log| log.closed.is_none())
    }
}

/// The mark of a workload that panicked.
const WORKLOAD_PANICKED: &str = "workload panicked";
