//! A little world to test in: messages and timers wait until a test lets them happen.

use std::collections::BTreeSet;

use crate::kv::{ClientContext, Request, Response};
use crate::protocol::{Boot, Effect, Env, NodeId, RequestId, Rng, StateMachine, Time};
use crate::reference_store::{Bug, ReferenceDurable, ReferenceMessage, ReferenceStore, Timer};

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) message: ReferenceMessage,
}

/// A cluster whose network does nothing by itself.
pub(super) struct World {
    pub(super) nodes: Vec<ReferenceStore>,
    pub(super) letters: Vec<Letter>,
    pub(super) response: Option<Response>,
    durables: Vec<ReferenceDurable>,
    timers: Vec<BTreeSet<Timer>>,
    bug: Option<Bug>,
}

impl World {
    pub(super) fn new(node_count: usize, bug: Option<Bug>) -> Self {
        let boot = |index| ReferenceStore::boot(boot(index, node_count, ReferenceDurable::default()), bug);
        let mut world = Self {
            nodes: (0..node_count).map(boot).collect(),
            letters: Vec::new(),
            response: None,
            durables: vec![ReferenceDurable::default(); node_count],
            timers: vec![BTreeSet::new(); node_count],
            bug,
        };
        (0..node_count).for_each(|node| world.step(node, usize::MAX, |node, env| node.start(env)));
        world
    }

    /// One step of one node; only its first `budget` effects happen.
    pub(super) fn step(
        &mut self,
        node: usize,
        budget: usize,
        run: impl FnOnce(&mut ReferenceStore, &mut Env<'_, ReferenceStore>),
    ) {
        let (mut rng, mut effects) = (Rng::new(0, 0), Vec::new());
        let (id, node_count) = (NodeId::new(node), self.nodes.len());
        let durable = &mut self.durables[node];
        let env = Env::new(id, node_count, Time::ZERO, &mut rng, durable, &mut effects);
        run(&mut self.nodes[node], &mut env.with_budget(budget));
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    self.letters.push(Letter { from: node, to: to.index(), message });
                }
                Effect::SetTimer { timer, .. } => _ = self.timers[node].insert(timer),
                Effect::Respond { response, .. } => self.response = Some(response),
                Effect::CancelTimer { .. } | Effect::Persist | Effect::Mark(_) => {}
            }
        }
    }

    pub(super) fn put(&mut self, node: usize, key: &str, value: &str) {
        self.put_within(node, key, value, usize::MAX);
    }

    pub(super) fn put_within(&mut self, node: usize, key: &str, value: &str, budget: usize) {
        let request = Request::Put { key: key.into(), value: value.as_bytes().into(), context: None };
        self.step(node, budget, |node, env| node.on_request(RequestId(0), request, env));
    }

    pub(super) fn delete(&mut self, node: usize, key: &str) {
        self.write(node, key, None, None);
    }

    /// A put by a client that has seen `context`; returns what it has seen then.
    pub(super) fn put_over(&mut self, node: usize, key: &str, value: &str, context: &ClientContext) -> ClientContext {
        self.write(node, key, Some(value), Some(context.clone()))
    }

    /// A put, or a delete without a value. Returns what the client has seen then; what it had seen if it was refused.
    pub(super) fn write(
        &mut self,
        node: usize,
        key: &str,
        value: Option<&str>,
        context: Option<ClientContext>,
    ) -> ClientContext {
        let (key, had) = (key.into(), context.clone());
        let request = match value {
            Some(value) => Request::Put { key, value: value.as_bytes().into(), context },
            None => Request::Delete { key, context },
        };
        self.step(node, usize::MAX, |node, env| node.on_request(RequestId(0), request, env));
        match &self.response {
            Some(Response::Written { context, .. }) => context.clone(),
            _ => had.unwrap_or_default(),
        }
    }

    /// What a client that reads has seen then.
    pub(super) fn read(&mut self, node: usize, key: &str) -> ClientContext {
        self.get(node, key);
        let Some(Response::Values { context, .. }) = &self.response else { panic!("expect: a get is answered") };
        context.clone()
    }

    /// What a client reads, as text.
    pub(super) fn get(&mut self, node: usize, key: &str) -> String {
        let request = Request::Get { key: key.into() };
        self.step(node, usize::MAX, |node, env| node.on_request(RequestId(0), request, env));
        format!("{:?}", self.response.as_ref().expect("expect: a get is answered at once"))
    }

    /// Delivers `letter`, which may be one that was delivered before.
    pub(super) fn deliver(&mut self, letter: &Letter) {
        let (from, message) = (NodeId::new(letter.from), letter.message.clone());
        self.step(letter.to, usize::MAX, |node, env| node.on_message(from, message, env));
    }

    /// Takes the first letter to `to` out of the network, to deliver it, or to lose it.
    pub(super) fn take(&mut self, to: usize) -> Letter {
        let place = self.letters.iter().position(|letter| letter.to == to);
        self.letters.remove(place.expect("expect: a letter is under way"))
    }

    /// Lets the timer of `node` fire, if it is set.
    pub(super) fn wake(&mut self, node: usize) {
        self.fire(node, Timer::Sync);
    }

    pub(super) fn fire(&mut self, node: usize, timer: Timer) {
        if self.timers[node].remove(&timer) {
            self.step(node, usize::MAX, |node, env| node.on_timer(timer, env));
        }
    }

    /// The node forgets all but what is durable, and starts again.
    pub(super) fn restart(&mut self, node: usize) {
        let boot = boot(node, self.nodes.len(), self.durables[node].clone());
        self.nodes[node] = ReferenceStore::boot(boot, self.bug);
        self.timers[node].clear();
        self.step(node, usize::MAX, |node, env| node.start(env));
    }

    /// The network heals: delivers everything in order, and lets timers fire, until nothing is left to do.
    pub(super) fn rest(&mut self) {
        assert!(self.rest_watched(|_, _| ()), "expect: a healed cluster comes to rest");
    }

    /// The same, showing each letter; false if there is no end to it.
    pub(super) fn rest_watched(&mut self, mut watch: impl FnMut(&Letter, &ReferenceStore)) -> bool {
        for _ in 0..20 {
            while !self.letters.is_empty() {
                let letter = self.letters.remove(0);
                self.deliver(&letter);
                watch(&letter, &self.nodes[letter.to]);
            }
            if self.timers.iter().all(BTreeSet::is_empty) {
                return true;
            }
            (0..self.nodes.len())
                .for_each(|node| [Timer::Sync, Timer::Forget].iter().for_each(|&timer| self.fire(node, timer)));
        }
        false
    }
}

fn boot(index: usize, node_count: usize, durable: ReferenceDurable) -> Boot<ReferenceDurable> {
    Boot::new(NodeId::new(index), node_count, durable)
}
