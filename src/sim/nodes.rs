//! The nodes of a world: their machines, their durable state, their timers.

use std::fmt;

use super::disk::FaultyDisk;
use super::timers::Timers;
use crate::protocol::{Boot, Disk, Effect, Env, Knobs, Listener, NodeId, Rng, StateMachine, Time};

/// How the nodes stand at one moment.
pub struct Nodes<'a, M: StateMachine>(pub(super) &'a [NodeDriver<M>]);

impl<M: StateMachine> Clone for Nodes<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: StateMachine> Copy for Nodes<'_, M> {}

impl<M: StateMachine> fmt::Debug for Nodes<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} nodes up", self.up().count(), self.count())
    }
}

impl<'a, M: StateMachine> Nodes<'a, M> {
    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.0.len()
    }

    /// The machine of a node; `None` while it is down.
    #[must_use]
    pub fn get(self, node: NodeId) -> Option<&'a M> {
        self.0.get(node.index())?.machine.as_ref()
    }

    /// What would survive a crash of a node now; `None` if there is no such node.
    #[must_use]
    pub fn durable(self, node: NodeId) -> Option<&'a M::Durable> {
        Some(&self.0.get(node.index())?.durable)
    }

    /// The timers that a node has set, in no particular order; none if it is down or not there.
    pub fn timers(self, node: NodeId) -> impl Iterator<Item = &'a M::Timer> {
        self.0.get(node.index()).into_iter().flat_map(|driver| driver.timers.iter())
    }

    /// The nodes that are up, in order.
    pub fn up(self) -> impl Iterator<Item = (NodeId, &'a M)> {
        let machines = self.0.iter().map(|driver| driver.machine.as_ref()).enumerate();
        machines.filter_map(|(index, machine)| Some((NodeId::new(index), machine?)))
    }
}

/// One node's place in the world, be it simulated or on a thread of its own.
pub(crate) struct NodeDriver<M: StateMachine> {
    /// `None` while the node is down.
    pub(crate) machine: Option<M>,
    pub(crate) durable: M::Durable,
    pub(crate) rng: Rng,
    /// How many crashes it has had.
    pub(crate) incarnation: u32,
    /// The timers set in this incarnation, each with the token that its event in the queue carries.
    timers: Timers<M::Timer>,
    timers_set: u64,
    /// It handles nothing before this.
    pub(crate) paused_until: Time,
    /// `None` where nothing goes wrong with its disk.
    pub(super) disk: Option<Box<FaultyDisk<M::Durable>>>,
    /// It will crash in its next step.
    pub(crate) doomed: Option<Doom>,
}

/// A crash that waits for the node's next step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
    /// After this many effects.
    pub(crate) effects: u32,
    /// Which fault of the plan it is.
    pub(crate) fault: usize,
}

impl<M: StateMachine> NodeDriver<M> {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            machine: None,
            durable: M::Durable::default(),
            rng,
            incarnation: 0,
            timers: Timers::new(),
            timers_set: 0,
            paused_until: Time::ZERO,
            disk: None,
            doomed: None,
        }
    }

    /// Makes the machine of the next incarnation from what is durable. It has not started yet.
    pub(crate) fn boot(
        &mut self,
        (id, node_count, member_count): (NodeId, usize, usize),
        knobs: &Knobs,
        boot: &dyn Fn(Boot<M::Durable>) -> M,
    ) {
        let (durable, knobs) = (self.durable.clone(), knobs.clone());
        self.machine = Some(boot(Boot { id, node_count, member_count, durable, knobs }));
    }

    /// Lets the machine do one piece of work; what it wants done goes to the end of `effects`, up to `budget`. Returns how much of
    /// that it took: marks take none.
    #[inline]
    pub(crate) fn call(
        &mut self,
        place: (NodeId, usize),
        now: Time,
        budget: usize,
        effects: &mut Vec<Effect<M>>,
        work: impl FnOnce(&mut M, &mut Env<'_, M>),
    ) -> usize {
        let (machine, mut env) = self.step(place, now, budget, effects);
        work(machine, &mut env);
        budget - env.budget()
    }

    /// The same while somebody hears what it wants done, and may cut it short.
    pub(crate) fn call_heard(
        &mut self,
        place: (NodeId, usize),
        now: Time,
        budget: usize,
        effects: &mut Vec<Effect<M>>,
        listener: &mut dyn Listener<M>,
        work: impl FnOnce(&mut M, &mut Env<'_, M>),
    ) -> usize {
        let before = effects.len();
        let (machine, env) = self.step(place, now, budget, effects);
        work(machine, &mut env.heard_by(listener));
        effects[before..].iter().filter(|effect| !matches!(effect, Effect::Mark(_))).count()
    }

    /// The machine, and what it may know and do in one step.
    #[inline]
    fn step<'a>(
        &'a mut self,
        (id, node_count): (NodeId, usize),
        now: Time,
        budget: usize,
        effects: &'a mut Vec<Effect<M>>,
    ) -> (&'a mut M, Env<'a, M>) {
        let machine = self.machine.as_mut().expect("expect: only a node that is up handles a step");
        let disk = self.disk.as_deref_mut().map(|disk| disk as &mut dyn Disk<M::Durable>);
        let env = Env::new(id, node_count, now, &mut self.rng, &mut self.durable, effects);
        (machine, env.with_budget(budget).with_disk(disk))
    }

    /// How many timers are set.
    pub(crate) fn timer_count(&self) -> usize {
        self.timers.len()
    }

    /// Sets a timer, or moves it; returns the token for its event.
    pub(crate) fn set_timer(&mut self, timer: M::Timer) -> u64 {
        self.timers_set += 1;
        let token = self.timers_set;
        self.timers.set(timer, token);
        token
    }

    pub(crate) fn cancel_timer(&mut self, timer: &M::Timer) {
        self.timers.cancel(timer);
    }

    /// The timer whose event carries `token`; `None` if it was moved, cancelled or forgotten in a crash.
    #[inline]
    pub(crate) fn get_timer(&self, token: u64) -> Option<&M::Timer> {
        self.timers.get(token)
    }

    /// Takes out the timer whose event carries `token`.
    #[inline]
    pub(crate) fn take_timer(&mut self, token: u64) -> Option<M::Timer> {
        self.timers.take(token)
    }

    /// Loses everything but the durable state.
    pub(crate) fn crash(&mut self) {
        self.machine = None;
        self.timers.clear();
        self.paused_until = Time::ZERO;
        self.doomed = None;
        self.incarnation += 1;
    }
}
