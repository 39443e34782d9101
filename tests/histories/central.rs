//! A machine that keeps any object on node 0, with a switch for each mistake.

use std::collections::BTreeMap;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::Linearizable;
use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, StateMachine};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::plain::Plain;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// What only reads is answered from a copy.
    StaleRead,
    /// What the network delivers twice happens twice.
    Doubled,
    /// Each node decides by its own copy, and tells the others.
    Local,
    /// Node 0 answers before it keeps what it did.
    Forgotten,
}

/// A node.
pub(crate) struct Central<S: Plain> {
    held: S::Held,
    /// What node 0 has answered.
    done: BTreeMap<(NodeId, RequestId), S::Output>,
    /// Who waits here.
    waiting: Vec<RequestId>,
    bug: Option<Bug>,
}

#[derive(Clone, Debug)]
pub(crate) enum Message<I, O, H> {
    Ask(RequestId, I),
    Answer(RequestId, O),
    Copy(H),
}

/// What node 0 keeps.
#[derive(Clone, Debug)]
pub(crate) struct Kept<O, H> {
    held: H,
    done: BTreeMap<(NodeId, RequestId), O>,
}

impl<O, H: Default> Default for Kept<O, H> {
    fn default() -> Self {
        Self { held: H::default(), done: BTreeMap::new() }
    }
}

impl<S: Plain + 'static> Central<S> {
    fn asked(&mut self, from: NodeId, id: RequestId, input: &S::Input, env: &mut Env<'_, Self>) {
        let known = self.done.get(&(from, id)).filter(|_| self.bug != Some(Bug::Doubled)).cloned();
        let output = known.unwrap_or_else(|| {
            let output = S::run(&mut self.held, input);
            self.done.insert((from, id), output.clone());
            output
        });
        let keep = |env: &mut Env<'_, Self>, kept: &Self| {
            let (held, done) = (kept.held.clone(), kept.done.clone());
            env.persist(|durable| *durable = Kept { held, done });
        };
        if self.bug == Some(Bug::Forgotten) {
            self.answer(from, id, output, env);
            keep(env, self);
        } else {
            keep(env, self);
            self.answer(from, id, output, env);
        }
        env.broadcast(&Message::Copy(self.held.clone()));
    }

    fn answer(&mut self, to: NodeId, id: RequestId, output: S::Output, env: &mut Env<'_, Self>) {
        if to != env.id() {
            env.send(to, Message::Answer(id, output));
        } else if let Some(place) = self.waiting.iter().position(|waiting| *waiting == id) {
            self.waiting.swap_remove(place);
            env.respond(id, output);
        }
    }
}

impl<S: Plain + 'static> StateMachine for Central<S> {
    type Message = Message<S::Input, S::Output, S::Held>;
    type Timer = ();
    type Request = S::Input;
    type Response = S::Output;
    type Durable = Kept<S::Output, S::Held>;

    fn on_request(&mut self, id: RequestId, input: S::Input, env: &mut Env<'_, Self>) {
        self.waiting.push(id);
        let reads = S::default().only_reads(&input, None);
        let is_local = self.bug == Some(Bug::Local) || self.bug == Some(Bug::StaleRead) && reads;
        match env.id().index() {
            0 => self.asked(env.id(), id, &input, env),
            _ if is_local => {
                let output = S::run(&mut self.held, &input);
                let me = env.id();
                self.answer(me, id, output, env);
                env.broadcast(&Message::Copy(self.held.clone()));
            }
            _ => env.send(NodeId::new(0), Message::Ask(id, input)),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Self::Message, env: &mut Env<'_, Self>) {
        match message {
            Message::Ask(id, input) => self.asked(from, id, &input, env),
            Message::Answer(id, output) => {
                let me = env.id();
                self.answer(me, id, output, env);
            }
            Message::Copy(held) if self.bug == Some(Bug::Local) || env.id().index() > 0 => self.held = held,
            Message::Copy(_) => {}
        }
    }
}

/// The machine, without a check.
pub(crate) fn unchecked<S>(bug: Option<Bug>) -> Harness<Central<S>>
where
    S: Plain + 'static,
    S::Input: Serialize + DeserializeOwned + Send + Sync,
    S::Output: Send + Sync,
{
    let boot = move |Boot { durable, .. }: Boot<Kept<S::Output, S::Held>>| Central {
        held: durable.held,
        done: durable.done,
        waiting: Vec::new(),
        bug,
    };
    Harness::new("central", boot).nodes(3..=4).requests(|rng| S::draw(rng)).snapshots("target/central")
}

/// The machine, as its clients see it.
pub(crate) fn central<S>(bug: Option<Bug>) -> Harness<Central<S>>
where
    S: Plain + Clone + Send + Sync + 'static,
    S::Input: Serialize + DeserializeOwned + Send + Sync,
    S::Output: Send + Sync,
    S::State: Send + Sync,
    S::Key: Send + Sync,
{
    unchecked::<S>(bug).check(Linearizable::new(S::default()))
}
