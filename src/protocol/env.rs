//! What a node may know and do during one step.

use std::time::Duration;

use super::{Disk, DiskError, NodeId, RequestId, Rng, StateMachine, Time};

/// One thing that a node wants done, in the order in which it asked.
pub enum Effect<M: StateMachine> {
    /// Send `message` to `to`.
    Send {
        /// The receiver; may be the sender itself.
        to: NodeId,
        /// What to send.
        message: M::Message,
    },
    /// Wake this incarnation of the node after a while.
    SetTimer {
        /// Which; one that is set already is moved.
        timer: M::Timer,
        /// How long from now.
        after: Duration,
    },
    /// Forget a timer.
    CancelTimer {
        /// Which; one that is not set is no matter.
        timer: M::Timer,
    },
    /// The durable state was edited, or synced; [`Env::persist`], [`Env::write`] or [`Env::sync`] has done it already.
    Persist,
    /// Answer a client.
    Respond {
        /// Whose request.
        id: RequestId,
        /// The answer.
        response: M::Response,
    },
    /// A thing worth counting happened.
    Mark(&'static str),
}

/// Hears each effect as a node asks for it, and says how many more of the step may happen; `None` for as many as before.
#[cfg(feature = "harness")]
pub(crate) trait Listener<M: StateMachine> {
    /// `effect` will happen.
    fn hears(&mut self, effect: &Effect<M>) -> Option<usize>;
}

/// A node's view of the world during one step, and its only means to act on it.
///
/// Effects go into a buffer that the driver owns and reuses. The driver may hand out a budget: effects beyond it
/// never happen, which is how a crash in the middle of a step is told.
pub struct Env<'a, M: StateMachine> {
    id: NodeId,
    node_count: usize,
    now: Time,
    rng: &'a mut Rng,
    durable: &'a mut M::Durable,
    effects: &'a mut Vec<Effect<M>>,
    budget: usize,
    /// `None` where nothing goes wrong with writes.
    disk: Option<&'a mut dyn Disk<M::Durable>>,
    #[cfg(feature = "harness")]
    listener: Option<&'a mut dyn Listener<M>>,
}

impl<'a, M: StateMachine> Env<'a, M> {
    /// What node `id` of `node_count` sees at `now`; its effects go to the end of `effects`.
    pub fn new(
        id: NodeId,
        node_count: usize,
        now: Time,
        rng: &'a mut Rng,
        durable: &'a mut M::Durable,
        effects: &'a mut Vec<Effect<M>>,
    ) -> Self {
        Self {
            id,
            node_count,
            now,
            rng,
            durable,
            effects,
            budget: usize::MAX,
            disk: None,
            #[cfg(feature = "harness")]
            listener: None,
        }
    }

    /// Lets somebody hear each effect.
    #[cfg(feature = "harness")]
    pub(crate) fn heard_by(mut self, listener: &'a mut dyn Listener<M>) -> Self {
        self.listener = Some(listener);
        self
    }

    #[cfg(feature = "harness")]
    #[inline]
    fn tell(&mut self) {
        if let Some(listener) = &mut self.listener
            && let Some(effect) = self.effects.last()
            && let Some(left) = listener.hears(effect)
        {
            self.budget = self.budget.min(left);
        }
    }

    #[cfg(not(feature = "harness"))]
    fn tell(&mut self) {}

    /// Lets only the first `effect_count` effects of the step happen.
    #[must_use]
    pub fn with_budget(mut self, effect_count: usize) -> Self {
        self.budget = effect_count;
        self
    }

    /// Lets this disk decide what becomes of writes.
    #[cfg(feature = "harness")]
    #[must_use]
    pub(crate) fn with_disk(mut self, disk: Option<&'a mut dyn Disk<M::Durable>>) -> Self {
        self.disk = disk;
        self
    }

    /// How many effects more may happen; marks cost nothing.
    #[must_use]
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// This node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// How many nodes the cluster has, this one included.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.node_count
    }

    /// All nodes of the cluster, this one included, in order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeId> + use<M> {
        (0..self.node_count).map(NodeId::new)
    }

    /// All other nodes, in order.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + use<M> {
        let me = self.id;
        self.nodes().filter(move |&node| node != me)
    }

    /// This node's own clock. In a world with [clocks](crate::sim::Plan::clocks) of their own it is ahead of that of other nodes, or
    /// goes faster; it never goes back.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// This node's own stream of random bits.
    pub fn rng(&mut self) -> &mut Rng {
        self.rng
    }

    /// What would survive a crash now, if that takes nothing that was [written](Self::write) and not synced.
    #[must_use]
    pub fn durable(&self) -> &M::Durable {
        self.durable
    }

    /// Sends `message` to `to`.
    pub fn send(&mut self, to: NodeId, message: M::Message) {
        self.push(Effect::Send { to, message });
    }

    /// Sends a copy of `message` to every other node, in order; a crash may strike in between.
    pub fn broadcast(&mut self, message: &M::Message) {
        for peer in self.peers() {
            self.send(peer, message.clone());
        }
    }

    /// Calls [`StateMachine::on_timer`] with `timer` after `after`, once; never early.
    pub fn set_timer(&mut self, timer: M::Timer, after: Duration) {
        self.push(Effect::SetTimer { timer, after });
    }

    /// Forgets `timer`.
    pub fn cancel_timer(&mut self, timer: M::Timer) {
        self.push(Effect::CancelTimer { timer });
    }

    /// Edits the durable state in place: written and synced at once, together with all that was [written](Self::write) before. What
    /// was persisted before a crash is what the next incarnation is made from.
    pub fn persist(&mut self, edit: impl FnOnce(&mut M::Durable)) {
        if self.budget > 0 {
            if let Some(disk) = &mut self.disk {
                disk.accepts(false);
                disk.sync();
            }
            edit(self.durable);
        }
        self.push(Effect::Persist);
    }

    /// As [`persist`](Self::persist), with a disk that may refuse.
    ///
    /// # Errors
    /// If the disk refuses, which a plan decides: then nothing has happened.
    pub fn try_persist(&mut self, edit: impl FnOnce(&mut M::Durable)) -> Result<(), DiskError> {
        if self.budget > 0 {
            if let Some(disk) = &mut self.disk {
                if !disk.accepts(true) {
                    return Err(DiskError);
                }
                disk.sync();
            }
            edit(self.durable);
        }
        self.push(Effect::Persist);
        Ok(())
    }

    /// Edits the durable state, and does not wait until that is safe: [`durable`](Self::durable) shows it at once, but until the next
    /// [`sync`](Self::sync) or [`persist`](Self::persist) a crash may take it, where the plan says so. Which writes a crash takes, the
    /// last ones or any of them, is a matter of the [disks](crate::harness::Harness::disks) that worlds are drawn with.
    ///
    /// `edit` is done once more, to what was synced, if a crash takes another write; so it must do the same each time.
    pub fn write(&mut self, edit: impl Fn(&mut M::Durable) + Send + 'static) {
        if self.budget > 0 {
            match &mut self.disk {
                None => edit(self.durable),
                Some(disk) => {
                    disk.accepts(false);
                    disk.write(self.durable, Box::new(edit));
                }
            }
        }
        self.push(Effect::Persist);
    }

    /// As [`write`](Self::write), with a disk that may refuse.
    ///
    /// # Errors
    /// If the disk refuses, which a plan decides: then nothing has happened.
    pub fn try_write(&mut self, edit: impl Fn(&mut M::Durable) + Send + 'static) -> Result<(), DiskError> {
        if self.budget > 0 {
            match &mut self.disk {
                None => edit(self.durable),
                Some(disk) => {
                    if !disk.accepts(true) {
                        return Err(DiskError);
                    }
                    disk.write(self.durable, Box::new(edit));
                }
            }
        }
        self.push(Effect::Persist);
        Ok(())
    }

    /// Waits until all that was [written](Self::write) is safe from crashes.
    pub fn sync(&mut self) {
        if let Some(disk) = self.disk.as_mut().filter(|_| self.budget > 0) {
            disk.sync();
        }
        self.push(Effect::Persist);
    }

    /// Answers the request `id`.
    pub fn respond(&mut self, id: RequestId, response: M::Response) {
        self.push(Effect::Respond { id, response });
    }

    /// Says that a thing worth counting happened, by a short fixed name. A sweep tells how often it did: a promise that holds
    /// in worlds where nothing happens is worth nothing.
    ///
    /// It costs none of the budget and is no part of the digest: to say more changes no run.
    pub fn mark(&mut self, what: &'static str) {
        if self.budget > 0 {
            self.effects.push(Effect::Mark(what));
            self.tell();
        }
    }

    fn push(&mut self, effect: Effect<M>) {
        if self.budget > 0 {
            self.budget -= 1;
            self.effects.push(effect);
            self.tell();
        }
    }
}
