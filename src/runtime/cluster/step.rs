//! What a node's machine does on its thread: one step, what becomes of its effects, and how its incarnations begin and end.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::after;
use super::node_thread::NodeThread;
use super::room::NoRoom;
use super::{ClusterError, InFlight, Mailbox, NodeState, Shared, catch_panic, discard};
use crate::protocol::{Effect, Env, Knobs, NodeId, StateMachine, Time};
use crate::sim::{Fate, Fates, Link, NameRef};

impl<M: StateMachine> NodeThread<M> {
    pub(super) fn is_up(&self) -> bool {
        self.driver.machine.is_some()
    }

    /// Makes the machine from what is durable, and lets it start. If it panics, tells what that said.
    pub(super) fn start(&mut self, at: Time) -> Result<(), String> {
        let (id, node_count, boot) = (self.id, self.shared.mailboxes.len(), Arc::clone(&self.boot));
        if let Err(text) = catch_panic(|| self.driver.boot((id, node_count, node_count), &Knobs::default(), &*boot)) {
            self.crash(at, NodeState::Panicked(text.clone()));
            return Err(text);
        }
        self.shared.set_state(id, NodeState::Up);
        self.step(at, M::start);
        match self.shared.state(id) {
            Some(NodeState::Panicked(text)) => Err(text),
            _ => Ok(()),
        }
    }

    /// One step: the machine handles the input, then its effects happen. If it panics, none does, and the node has crashed.
    pub(super) fn step(&mut self, at: Time, work: impl FnOnce(&mut M, &mut Env<'_, M>)) {
        self.stats.steps += 1;
        let place = (self.id, self.shared.mailboxes.len());
        let mut effects = mem::take(&mut self.effects);
        let handled = catch_panic(|| self.driver.call(place, at, usize::MAX, &mut effects, work));
        let mut left = effects.drain(..);
        let done = handled.and_then(|_| {
            catch_panic(|| {
                // A step that sends to a node that is not there is over with that.
                while self.is_up() {
                    let Some(effect) = left.next() else { break };
                    self.apply(at, effect);
                }
            })
        });
        if left.len() > 0 {
            discard(left.by_ref());
        }
        drop(left);
        if let Err(text) = done {
            self.fail(text);
        }
        self.effects = effects;
        self.count_timers();
    }

    /// Brings the load up to date. What a step has sent is counted by now.
    pub(super) fn count_timers(&mut self) {
        let count = self.agenda.timer_count();
        let quiescence = &self.shared.quiescence;
        quiescence.add(count.saturating_sub(self.timers_counted));
        quiescence.remove(self.timers_counted.saturating_sub(count));
        self.timers_counted = count;
    }

    fn apply(&mut self, at: Time, effect: Effect<M>) {
        match effect {
            Effect::Send { to, message } => self.send(at, to, message),
            Effect::SetTimer { .. } if self.is_draining => {}
            Effect::SetTimer { timer, after } => self.agenda.set_timer(timer, at + after),
            Effect::CancelTimer { timer } => self.agenda.cancel_timer(&timer),
            Effect::Persist => {}
            Effect::Respond { id, response } => {
                self.stats.responses += 1;
                let heard = match &self.shared.workload {
                    None => Ok(()),
                    Some(workload) => catch_panic(|| super::lock(workload).response(id, &response)),
                };
                let heard = heard.map_err(|text| self.workload_panicked(text, true));
                if let Some(client) = self.unanswered.swap_remove(&id) {
                    // Whoever has given up does not hear it.
                    let _ = client.reply.try_send(heard.map(|()| response));
                }
            }
            Effect::Mark(what) => self.stats.mark(what, 1),
        }
    }

    fn send(&mut self, at: Time, to: NodeId, message: M::Message) {
        let link = Link { from: self.id, to };
        if to.index() >= self.shared.mailboxes.len() {
            let node_count = self.shared.mailboxes.len();
            return self.fail(format!("node {} sent to node {to}, but the cluster has {node_count} nodes", self.id));
        }
        let kind = M::kind(&message);
        let number = self.counts.as_mut().map_or(0, |counts| counts.next(link, kind));
        self.stats.sent += 1;
        if self.shared.cuts.is_cut(link, at) {
            self.stats.cut += 1;
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
            self.stats.dropped += 1;
            return;
        };
        let bytes = M::message_bytes(&message);
        let in_flight = |delay: Duration, message| InFlight { link, number, sent: at, due: at + delay, bytes, message };
        self.stats.delayed += u64::from(!first.is_zero());
        let mailbox = &self.shared.mailboxes[to.index()];
        let mut full = 0;
        if let Some(second) = second {
            self.stats.duplicated += 1;
            full += u64::from(self.shared.hand_over(mailbox, in_flight(second, message.clone())).is_err());
        }
        full += u64::from(self.shared.hand_over(mailbox, in_flight(first, message)).is_err());
        if full > 0 {
            self.stats.mark(QUEUE_FULL, full);
        }
    }

    /// Something of the machine has panicked, after the last step or in it.
    pub(super) fn fail(&mut self, text: String) {
        if !self.is_up() {
            return self.shared.set_state(self.id, NodeState::Panicked(text));
        }
        self.last = after(self.last);
        self.crash(self.last, NodeState::Panicked(text));
    }

    /// The node loses everything but its durable state, and whoever waits for it is told.
    pub(super) fn crash(&mut self, at: Time, state: NodeState) {
        let machine = self.driver.machine.take();
        self.driver.crash();
        let dropped = discard(machine.into_iter());
        let dropped = dropped.or(discard(self.agenda.take_timers()));
        let state = match (state, dropped) {
            (NodeState::Crashed, Some(text)) => NodeState::Panicked(text),
            (state, _) => state,
        };
        self.stats.crashes += 1;
        if let Some(log) = self.open_log() {
            log.crashes.push((at, None));
        }
        let node = self.id;
        // Before anybody hears of it: whoever does may ask how the node stands.
        self.shared.set_state(node, state);
        for (_, client) in self.unanswered.drain(..) {
            let _ = client.reply.try_send(Err(ClusterError::Crashed { node }));
        }
        self.count_timers();
    }
}

/// The mark of a message that was lost because its receiver's queue was full.
const QUEUE_FULL: &str = "queue full";

impl<M: StateMachine> Shared<M> {
    /// Gives a message to its receiver's thread. It never waits for room: two nodes that waited for each other would do so for ever.
    fn hand_over(&self, mailbox: &Mailbox<M>, in_flight: InFlight<M>) -> Result<(), NoRoom> {
        mailbox.message_room.try_take(in_flight.bytes)?;
        self.quiescence.add(1);
        mailbox.messages.send(in_flight).map_err(|_| {
            self.quiescence.remove(1);
            NoRoom::Closed
        })
    }
}
