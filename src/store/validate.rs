//! Refuses what no right node would send and no right client would ask, so that nothing malformed ever reaches the state.

use super::config::Config;
use super::context::Context;
use super::error::StoreError;
use super::message::{Envelope, Message};
use super::replica::Replica;
use super::version::Write;
use crate::causality::{Actor, COUNTER_MAX, Dot, DotSet, VectorClock};
use crate::protocol::NodeId;

/// What a node may be given, at this moment.
#[derive(Clone, Copy)]
pub(super) struct Validator<'a> {
    pub(super) config: &'a Config,
    pub(super) replica: &'a Replica,
}

impl Validator<'_> {
    fn node_count(&self) -> usize {
        self.replica.node_count()
    }

    fn id(&self) -> NodeId {
        NodeId::new(self.replica.actor().node as usize)
    }

    pub(super) fn check_sizes(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let &Config { key_bytes_max, value_bytes_max, .. } = self.config;
        if key.len() > key_bytes_max {
            return Err(StoreError::KeyTooLong { bytes: key.len(), bytes_max: key_bytes_max });
        }
        if value.len() > value_bytes_max {
            return Err(StoreError::ValueTooLong { bytes: value.len(), bytes_max: value_bytes_max });
        }
        Ok(())
    }

    pub(super) fn check_clock(&self, clock: &VectorClock) -> Result<(), StoreError> {
        if clock.is_zero() {
            return Err(StoreError::ClockZero);
        }
        if clock.slot_count() <= self.node_count() {
            return Ok(());
        }
        let (entries, entries_max) =
            (clock.slot_count().next_multiple_of(self.node_count()), self.config.clock_slots_max);
        if entries > entries_max { Err(StoreError::ClockTooLong { entries, entries_max }) } else { Ok(()) }
    }

    /// A client carries only what a store has told it, and none tells of writes that were not made.
    pub(super) fn check_context(&self, key: &str, context: &Context) -> Result<(), StoreError> {
        context.check_key(key)?;
        context.dots.actors().try_for_each(|actor| self.check_actor(actor))?;
        if !context.clock.is_zero() {
            self.check_clock(&context.clock)?;
        }
        let own = [self.replica.latest_own_dot(&context.dots), self.replica.latest_own(&context.clock)];
        if own.into_iter().flatten().any(|own| own > self.replica.last_write()) {
            return Err(StoreError::ContextOfTheFuture);
        }
        Ok(())
    }

    pub(super) fn check_envelope(&self, envelope: &Envelope) -> Result<(), StoreError> {
        let Envelope { from, to, message } = envelope;
        if *to != self.id() {
            return Err(StoreError::WrongReceiver { to: *to });
        }
        self.check_peer(*from)?;
        match message {
            Message::Update(update) => {
                self.check_write(&update.key, &update.write)?;
                self.check_dots(&update.past)
            }
            Message::Pull(pull) => self.check_seen(*from, pull.actor, &pull.seen),
            Message::Reply(reply) => {
                self.check_actor(reply.asked_by)?;
                self.check_seen(*from, reply.actor, &reply.seen)?;
                if reply.batch >= reply.batch_count {
                    return Err(StoreError::WrongBatch);
                }
                reply.keys.iter().try_for_each(|state| {
                    state.writes.iter().try_for_each(|write| self.check_write(&state.key, write))?;
                    state.kept.iter().try_for_each(|dot| self.check_dot(*dot))?;
                    self.check_dots(&state.covered)
                })
            }
        }
    }

    pub(super) fn check_peer(&self, peer: NodeId) -> Result<(), StoreError> {
        if peer.index() >= self.node_count() {
            return Err(StoreError::NoSuchNode { node: peer.index(), node_count: self.node_count() });
        }
        if peer == self.id() { Err(StoreError::NotAPeer { node: peer.index() }) } else { Ok(()) }
    }

    fn check_write(&self, key: &str, write: &Write) -> Result<(), StoreError> {
        self.check_sizes(key, write.value.as_deref().unwrap_or_default())?;
        self.check_clock(&write.clock)?;
        if let Some(own) = self.replica.latest_own(&write.clock) {
            self.check_own(own)?;
        }
        match write.dot {
            None if write.value.is_none() => Err(StoreError::DotlessDelete),
            None => Ok(()),
            Some(dot) => {
                self.check_actor(dot.actor)?;
                let counts_it = write.clock.get(dot.actor.slot(self.node_count())) == dot.counter.get();
                if counts_it { Ok(()) } else { Err(StoreError::DotNotInClock) }
            }
        }
    }

    /// A dot that could be issued: what is kept is put into sets, which hold no greater counters.
    fn check_dot(&self, dot: Dot) -> Result<(), StoreError> {
        self.check_actor(dot.actor)?;
        let (slot, counter) = (dot.actor.slot(self.node_count()), dot.counter.get());
        if counter > COUNTER_MAX { Err(StoreError::CounterTooLarge { slot, counter }) } else { Ok(()) }
    }

    fn check_seen(&self, from: NodeId, actor: Actor, seen: &DotSet) -> Result<(), StoreError> {
        self.check_actor(actor)?;
        if actor.node as usize != from.index() {
            return Err(StoreError::WrongSender { from, actor });
        }
        self.check_dots(seen)
    }

    fn check_dots(&self, dots: &DotSet) -> Result<(), StoreError> {
        if let Some(own) = self.replica.latest_own_dot(dots) {
            self.check_own(own)?;
        }
        if dots.actors().all(|actor| self.surely_fits(actor)) {
            return Ok(());
        }
        dots.actors().try_for_each(|actor| self.check_actor(actor))
    }

    /// To hear of own writes that this node does not know of begins the incarnation after theirs: there must be room for it.
    fn check_own(&self, own: (Actor, u64)) -> Result<(), StoreError> {
        if own > self.replica.last_write() { self.check_actor(own.0.next()) } else { Ok(()) }
    }

    /// Clocks have room for this incarnation of this node, and so for that one of the other.
    fn surely_fits(&self, actor: Actor) -> bool {
        actor.incarnation <= self.replica.actor().incarnation && (actor.node as usize) < self.node_count()
    }

    /// Clocks must have room for the actor.
    fn check_actor(&self, actor: Actor) -> Result<(), StoreError> {
        if self.surely_fits(actor) {
            return Ok(());
        }
        if actor.node as usize >= self.node_count() {
            return Err(StoreError::NoSuchNode { node: actor.node as usize, node_count: self.node_count() });
        }
        let incarnations = (actor.incarnation as usize).saturating_add(1);
        let (entries, entries_max) = (self.node_count().saturating_mul(incarnations), self.config.clock_slots_max);
        if entries > entries_max { Err(StoreError::ClockTooLong { entries, entries_max }) } else { Ok(()) }
    }
}
