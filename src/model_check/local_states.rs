//! What may become of each node by itself.
//!
//! A node's state is a function of what it has handled, in order: its *local history*. Worlds are many, but the local
//! histories in them are few, so each step of a node is taken once, noted here, and after that is a number. A machine
//! is never copied: where two steps begin in the same state, it is made again for the second by handling its history.

use std::ops::Range;
use std::time::Duration;

use indexmap::IndexMap;
use smallvec::SmallVec;

use super::dependence::{ANSWERED, Dependence, STARTED, TIMED, class_of_kind};
use super::fates::KnownMishaps;
use super::running::{Armed, Running};
use crate::harness::Harness;
use crate::model_check::Ask;
use crate::protocol::{Digest, Effect, NodeId, RequestId, StateMachine, Time};
use crate::running::{Doing, Made, Running as Here, catch_panic};

/// A node after a local history; in a search by states, after any that leads to the same.
pub(crate) type LocalId = u32;
/// One step of a local history.
pub(crate) type StepId = u32;
/// A message that a step sends.
pub(crate) type MessageId = u32;
/// What a session has asked and been told.
pub(crate) type SessionId = u32;

type Map<K, V> = IndexMap<K, V, foldhash::fast::FixedState>;

/// What a node handles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Input {
    /// An incarnation begins.
    Start,
    Message(MessageId),
    Request {
        index: u32,
        session: SessionId,
    },
    /// The armed timer at this place.
    Timer(u32),
    /// It crashes between two steps.
    Crash,
}

/// What a node handles, and the crash that strikes while it does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Cause {
    pub(crate) input: Input,
    /// It crashes after so many effects.
    pub(crate) crash: Option<u32>,
}

impl Cause {
    pub(crate) const fn plain(input: Input) -> Self {
        Self { input, crash: None }
    }
}

pub(crate) struct Local<M: StateMachine> {
    pub(crate) node: u32,
    /// How it came about; `None` before the first incarnation.
    via: Option<StepId>,
    pub(crate) is_up: bool,
    /// How many requests have come for the node.
    pub(crate) asked: u32,
    pub(crate) timers: Vec<Armed<M>>,
    /// The node panicked: nothing follows.
    pub(crate) panicked: bool,
    /// The machine itself, until the first step that begins here takes it along.
    running: Option<Running<M>>,
}

pub(crate) struct Step<M: StateMachine> {
    pub(crate) from: LocalId,
    pub(crate) cause: Cause,
    pub(crate) to: LocalId,
    pub(crate) sends: Range<MessageId>,
    pub(crate) effect_count: u32,
    /// What sessions are told.
    answers: Vec<(RequestId, M::Response)>,
    /// The sessions that hear or ask something in this step.
    pub(crate) sessions: SmallVec<[u32; 1]>,
    /// For each armed timer after the step its place before it; `None` if the step has set it.
    pub(crate) timer_origins: SmallVec<[Option<u32>; 2]>,
}

pub(crate) struct Sent<M: StateMachine> {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) kind: &'static str,
    pub(crate) class: u32,
    content: M::Message,
    at: Time,
}

/// All steps that were ever asked for.
pub(crate) struct LocalStates<'a, M: StateMachine> {
    system: &'a Harness<M>,
    asks: &'a [Ask],
    node_count: usize,
    by_state: bool,
    pub(crate) locals: Vec<Local<M>>,
    pub(crate) steps: Vec<Step<M>>,
    pub(crate) sent: Vec<Sent<M>>,
    known: Map<(LocalId, Cause), StepId>,
    /// Only in a search by states.
    same: Map<(u32, u64), Vec<LocalId>>,
    /// What a session has been through: what it had before, and one step more.
    sessions: Vec<(SessionId, StepId)>,
    known_sessions: Map<(SessionId, StepId), SessionId>,
    /// Of each request; sessions are numbered from 0.
    pub(crate) session_of: Vec<Option<u32>>,
    pub(crate) session_count: usize,
    kinds: Vec<&'static str>,
    pub(crate) dependence: Dependence,
    /// What may become of the messages of a step.
    pub(crate) mishaps: KnownMishaps,
    /// How many numbers all of this takes, roughly.
    size: u64,
    /// In a search by states: how many states were asked for, and told anything.
    states_asked: u64,
    states_told: u64,
}

impl<'a, M: StateMachine> LocalStates<'a, M> {
    pub(crate) fn new(system: &'a Harness<M>, asks: &'a [Ask], node_count: usize, by_state: bool) -> Self {
        let names: Vec<Option<u64>> = asks.iter().map(|ask| system.clients.as_ref()?.session(&ask.action)).collect();
        let mut distinct: Vec<u64> = names.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let place = |name: u64| distinct.iter().position(|other| *other == name).map(|place| place as u32);
        let local = |node: usize| Local {
            node: node as u32,
            via: None,
            is_up: false,
            asked: 0,
            timers: Vec::new(),
            panicked: false,
            running: None,
        };
        Self {
            system,
            asks,
            node_count,
            by_state,
            locals: (0..node_count).map(local).collect(),
            steps: Vec::new(),
            sent: Vec::new(),
            known: Map::default(),
            same: Map::default(),
            sessions: vec![(0, 0)],
            known_sessions: Map::default(),
            session_of: names.into_iter().map(|name| name.and_then(place)).collect(),
            session_count: distinct.len(),
            kinds: Vec::new(),
            dependence: Dependence::new(),
            mishaps: KnownMishaps::new(),
            size: 0,
            states_asked: 0,
            states_told: 0,
        }
    }

    /// How many numbers all that is known takes, roughly.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// True if nodes have states, and are taken for the same by a digest that tells nothing of any.
    pub(crate) fn is_blind(&self) -> bool {
        size_of::<M>() > 0 && self.states_asked > 0 && self.states_told == 0
    }

    /// True before the node's first incarnation.
    pub(crate) fn is_unborn(&self, local: LocalId) -> bool {
        self.locals[local as usize].via.is_none()
    }

    /// The step that begins in `from` with `cause`.
    pub(crate) fn step(&mut self, from: LocalId, cause: Cause) -> StepId {
        match self.known.get(&(from, cause)) {
            Some(step) => *step,
            None => self.take_step(from, cause),
        }
    }

    /// What the session knows that was at `session` and hears or asks something in `step`.
    pub(crate) fn session_after(&mut self, session: SessionId, step: StepId) -> SessionId {
        let next = self.sessions.len() as SessionId;
        let known = *self.known_sessions.entry((session, step)).or_insert(next);
        if known == next {
            self.sessions.push((session, step));
        }
        known
    }

    fn take_step(&mut self, from: LocalId, cause: Cause) -> StepId {
        let mut running = match self.locals[from as usize].running.take() {
            Some(running) => running,
            None => self.made_again(from),
        };
        let was_up = running.is_up();
        let mut effects = Vec::new();
        let here = Here::current();
        let _search = here.enter(&self.system.name, Made::Search, 0);
        here.doing(self.doing(from, cause.input));
        let handled = catch_panic(|| self.handle(&mut running, cause, &mut effects));
        let id = self.steps.len() as StepId;
        let mut step = Step {
            from,
            cause,
            to: 0,
            sends: 0..0,
            effect_count: effects.len() as u32,
            answers: Vec::new(),
            sessions: SmallVec::new(),
            timer_origins: running.timers.iter().map(|armed| armed.origin).collect(),
        };
        if let (Input::Request { index, .. }, true) = (cause.input, was_up) {
            step.sessions.extend(self.session_of[index as usize]);
        }
        let timers = running.timers.len() + step.timer_origins.len();
        self.size += (1 + effects.len() + timers) as u64;
        self.keep_effects(&mut step, effects, running.now);
        step.to = self.local_after(id, &step, running, handled.is_err());
        self.steps.push(step);
        self.known.insert((from, cause), id);
        id
    }

    fn doing(&self, local: LocalId, input: Input) -> Doing {
        let node = NodeId::new(self.locals[local as usize].node as usize);
        match input {
            Input::Start => Doing::Start(node),
            Input::Message(message) => Doing::Message(node, self.sent[message as usize].from),
            Input::Request { .. } => Doing::Request(node),
            Input::Timer(_) => Doing::Timer(node),
            Input::Crash => Doing::Drop(node),
        }
    }

    /// The machine after the history of `local`.
    fn made_again(&self, local: LocalId) -> Running<M> {
        let node = NodeId::new(self.locals[local as usize].node as usize);
        let mut history = Vec::new();
        let mut place = local;
        while let Some(step) = self.locals[place as usize].via {
            history.push(step);
            place = self.steps[step as usize].from;
        }
        let mut running = Running::new(node, self.node_count);
        for step in history.into_iter().rev() {
            self.handle(&mut running, self.steps[step as usize].cause, &mut Vec::new());
        }
        running
    }

    fn handle(&self, running: &mut Running<M>, cause: Cause, effects: &mut Vec<Effect<M>>) {
        match cause.input {
            Input::Start => running.start(&*self.system.boot, effects),
            Input::Crash => running.crash(),
            Input::Timer(place) => running.fire(place as usize, cause.crash, effects),
            Input::Message(message) => {
                let Sent { from, content, at, .. } = &self.sent[message as usize];
                running.take(*from, content.clone(), *at, cause.crash, effects);
            }
            Input::Request { index, session } => {
                if let Some(request) = self.request(index, session) {
                    running.answer(RequestId(index), request, cause.crash, effects);
                }
            }
        }
    }

    /// What the workload makes of an action, after what its session has been through.
    fn request(&self, index: u32, mut session: SessionId) -> Option<M::Request> {
        let mut clients = self.system.clients.as_ref()?.fork();
        let mut heard = Vec::new();
        while session != 0 {
            let (before, step) = self.sessions[session as usize];
            heard.push(step);
            session = before;
        }
        let asked = |index: u32| &self.asks[index as usize].action;
        for step in heard.into_iter().rev() {
            let step = &self.steps[step as usize];
            if let Input::Request { index, .. } = step.cause.input {
                clients.request(RequestId(index), asked(index));
            }
            step.answers.iter().for_each(|(id, response)| clients.response(*id, response));
        }
        Some(clients.request(RequestId(index), asked(index)))
    }

    fn keep_effects(&mut self, step: &mut Step<M>, effects: Vec<Effect<M>>, at: Time) {
        let node = self.locals[step.from as usize].node;
        let class = match step.cause.input {
            Input::Start | Input::Crash => STARTED,
            Input::Request { .. } => ANSWERED,
            Input::Timer(_) => TIMED,
            Input::Message(message) => self.sent[message as usize].class,
        };
        let first = self.sent.len() as MessageId;
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    assert!(to.index() < self.node_count, "expect: a node sends to nodes of its cluster");
                    let kind = M::kind(&message);
                    let sent_class = class_of_kind(&mut self.kinds, kind);
                    self.dependence.learn(node, class, to.index() as u32, sent_class);
                    let from = NodeId::new(node as usize);
                    self.sent.push(Sent { from, to, kind, class: sent_class, content: message, at });
                }
                Effect::SetTimer { .. } => self.dependence.learn(node, class, node, TIMED),
                Effect::Respond { id, response } => {
                    let Some(session) = self.session_of.get(id.0 as usize).copied().flatten() else { continue };
                    if !step.sessions.contains(&session) {
                        step.sessions.push(session);
                    }
                    step.answers.push((id, response));
                    self.learn_answer(node, class, session);
                }
                Effect::CancelTimer { .. } | Effect::Persist | Effect::Mark(_) => {}
            }
        }
        step.sends = first..self.sent.len() as MessageId;
    }

    /// An answer changes what its session asks next, wherever that is.
    fn learn_answer(&mut self, node: u32, class: u32, session: u32) {
        for (ask, of) in self.asks.iter().zip(&self.session_of) {
            if *of == Some(session) {
                self.dependence.learn(node, class, ask.node.index() as u32, ANSWERED);
            }
        }
    }

    fn local_after(&mut self, id: StepId, step: &Step<M>, running: Running<M>, panicked: bool) -> LocalId {
        let from = &self.locals[step.from as usize];
        let (node, via) = (from.node, Some(id));
        let asked = from.asked + u32::from(matches!(step.cause.input, Input::Request { .. }));
        let (is_up, timers) = (running.is_up(), running.timers.clone());
        let next = self.locals.len() as LocalId;
        if self.by_state && !panicked {
            let mut digest = Digest::new();
            digest.fold(u64::from(asked));
            self.states_asked += 1;
            self.states_told += u64::from(running.fold(&mut digest));
            let alike = self.same.entry((node, digest.value())).or_default();
            let locals = &self.locals;
            let is_same = |local: &&LocalId| Armed::are_same(&locals[**local as usize].timers, &timers);
            if let Some(same) = alike.iter().find(is_same) {
                return *same;
            }
            alike.push(next);
        }
        self.locals.push(Local { node, via, is_up, asked, timers, panicked, running: Some(running) });
        next
    }

    /// How long a timer waits.
    pub(crate) fn timer_after(&self, local: LocalId, place: usize) -> Duration {
        self.locals[local as usize].timers[place].after
    }
}
