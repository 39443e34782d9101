//! One node, running by itself.

use std::time::Duration;

use crate::protocol::{Boot, Digest, Effect, Env, Knobs, NodeId, RequestId, StateMachine, Time};
use crate::sim::{NodeDriver, node_rng};

/// What a node believes a message or a step to take: as far as a node can tell, time passes as in the plan made of its run.
const TICK: Duration = Duration::from_millis(1);

/// A timer that is set.
pub(crate) struct Armed<M: StateMachine> {
    timer: M::Timer,
    set_at: Time,
    pub(crate) after: Duration,
    /// Its place before the step in progress; `None` if that step has set it.
    pub(crate) origin: Option<u32>,
}

impl<M: StateMachine> Clone for Armed<M> {
    fn clone(&self) -> Self {
        Self { timer: self.timer.clone(), ..*self }
    }
}

impl<M: StateMachine> Armed<M> {
    pub(crate) fn are_same(one: &[Self], other: &[Self]) -> bool {
        let same = |(one, other): (&Self, &Self)| one.timer == other.timer && one.after == other.after;
        one.len() == other.len() && one.iter().zip(other).all(same)
    }
}

/// A node, running.
pub(crate) struct Running<M: StateMachine> {
    id: NodeId,
    node_count: usize,
    /// What drives it in a simulated world and on threads, too. Its timers are those below: here their order counts, not their times.
    driver: NodeDriver<M>,
    pub(crate) timers: Vec<Armed<M>>,
    /// What its clock shows: as much as must have passed at least.
    pub(crate) now: Time,
}

impl<M: StateMachine> Running<M> {
    pub(crate) fn new(id: NodeId, node_count: usize) -> Self {
        Self { id, node_count, driver: NodeDriver::new(node_rng(0, id.index())), timers: Vec::new(), now: Time::ZERO }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.driver.machine.is_some()
    }

    pub(crate) fn start(&mut self, boot: &dyn Fn(Boot<M::Durable>) -> M, effects: &mut Vec<Effect<M>>) {
        let members = self.node_count;
        self.driver.boot((self.id, self.node_count, members), &Knobs::default(), boot);
        let now = if self.driver.incarnation == 0 { Time::ZERO } else { self.now + TICK };
        self.run(now, None, effects, |machine, env| machine.start(env));
    }

    pub(crate) fn take(
        &mut self,
        from: NodeId,
        message: M::Message,
        sent_at: Time,
        crash: Option<u32>,
        effects: &mut Vec<Effect<M>>,
    ) {
        let now = (self.now + TICK).max(sent_at + TICK);
        self.run(now, crash, effects, |machine, env| machine.on_message(from, message, env));
    }

    pub(crate) fn answer(
        &mut self,
        id: RequestId,
        request: M::Request,
        crash: Option<u32>,
        effects: &mut Vec<Effect<M>>,
    ) {
        self.run(self.now + TICK, crash, effects, |machine, env| machine.on_request(id, request, env));
    }

    pub(crate) fn fire(&mut self, place: usize, crash: Option<u32>, effects: &mut Vec<Effect<M>>) {
        self.number_timers();
        let Armed { timer, set_at, after, .. } = self.timers.remove(place);
        let now = (self.now + TICK).max(set_at + after);
        self.handle(now, crash, effects, |machine, env| machine.on_timer(timer, env));
    }

    pub(crate) fn crash(&mut self) {
        self.driver.crash();
        self.timers.clear();
    }

    /// All that the node's further incarnation depends on, as far as the machine's own digest tells; false if it tells nothing.
    pub(crate) fn fold(&self, digest: &mut Digest) -> bool {
        use std::fmt::Write as _;
        digest.fold(u64::from(self.driver.incarnation) << 1 | u64::from(self.is_up()));
        let mut rng = self.driver.rng.clone();
        digest.fold(rng.bits64());
        write!(digest, "{:?}", self.driver.durable).expect("expect: a digest takes all text");
        let Some(machine) = &self.driver.machine else { return false };
        let before = *digest;
        machine.fold(digest);
        *digest != before
    }

    fn number_timers(&mut self) {
        for (place, armed) in self.timers.iter_mut().enumerate() {
            armed.origin = Some(place as u32);
        }
    }

    fn run(
        &mut self,
        now: Time,
        crash: Option<u32>,
        effects: &mut Vec<Effect<M>>,
        step: impl FnOnce(&mut M, &mut Env<'_, M>),
    ) {
        self.number_timers();
        self.handle(now, crash, effects, step);
    }

    /// One step, as the simulator takes it. A node that is down hears nothing.
    fn handle(
        &mut self,
        now: Time,
        crash: Option<u32>,
        effects: &mut Vec<Effect<M>>,
        step: impl FnOnce(&mut M, &mut Env<'_, M>),
    ) {
        self.now = now;
        if !self.is_up() {
            return;
        }
        let budget = crash.map_or(usize::MAX, |effects| effects as usize);
        self.driver.call((self.id, self.node_count), now, budget, effects, step);
        for effect in &*effects {
            match effect {
                Effect::SetTimer { timer, after } => {
                    let armed = Armed { timer: timer.clone(), set_at: now, after: *after, origin: None };
                    match self.timers.iter_mut().find(|set| set.timer == *timer) {
                        Some(set) => *set = armed,
                        None => self.timers.push(armed),
                    }
                }
                Effect::CancelTimer { timer } => self.timers.retain(|set| set.timer != *timer),
                _ => {}
            }
        }
        if crash.is_some() {
            self.crash();
        }
    }
}
