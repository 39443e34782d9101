//! The store as a state machine: what drivers and checks know of it.

use std::collections::BTreeMap;

use super::{Bug, Message, Textbook, Version};
use crate::causality::{Actor, Dot};
use crate::kv::{Context, Key, Replica, Request, Response, Sibling, Value};
use crate::machine::{Digest, Env, NodeId, Observe, RequestId, StateMachine};

/// All that survives a crash: who the node will be after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// The incarnation that the next life takes.
    pub next_incarnation: u32,
}

/// What a node may wake up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Ask the peers that may have seen something else.
    Sync,
}

impl StateMachine for Textbook {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    /// Gives the next life another name before anybody can hear of this one: a node that forgot what it wrote must
    /// never write under the same name again.
    fn start(&mut self, env: &mut Env<'_, Self>) {
        if self.bug != Some(Bug::DotReuse) {
            let next = self.actor.next().incarnation;
            env.persist(|durable| durable.next_incarnation = next);
        }
        self.stay_awake_until_settled(env);
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        match message {
            Message::Update { key, version } => self.apply(key, version),
            Message::Pull { from_actor, seen } => self.on_pull(from, from_actor, &seen, env),
            Message::Reply { from_actor, to_actor, versions, seen } => {
                self.on_reply(from_actor, to_actor, versions, &seen);
            }
        }
        self.stay_awake_until_settled(env);
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        match request {
            Request::Put { key, value, .. } => self.on_put(id, key, value, env),
            Request::Delete { .. } => env.respond(id, Response::Refused("not yet".to_owned())),
            Request::Get { key } => {
                let values = self.versions(&key).iter().map(|version| version.value.clone()).collect();
                env.respond(id, Response::Values { values, context: Context::empty() });
            }
        }
        self.stay_awake_until_settled(env);
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Sync => self.on_sync_timer(env),
        }
        self.stay_awake_until_settled(env);
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Update { .. } => "update",
            Message::Pull { .. } => "pull",
            Message::Reply { .. } => "reply",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        for (key, siblings) in &self.keys {
            digest.fold_bytes(key.as_bytes());
            digest.fold(siblings.len() as u64);
            for version in siblings {
                digest.fold_bytes(&version.value);
                if let Some(dot) = version.dot {
                    fold_entry(digest, dot.actor, dot.counter.get());
                }
                version.clock.entries().for_each(|(actor, counter)| fold_entry(digest, actor, counter));
            }
        }
    }
}

impl Textbook {
    /// Writes, tells everybody, and answers the client.
    fn on_put(&mut self, id: RequestId, key: Key, value: Value, env: &mut Env<'_, Self>) {
        let Some((dot, version)) = self.write(&key, value) else {
            let why = "this life of the node has no counter left".to_owned();
            return env.respond(id, Response::Refused(why));
        };
        env.broadcast(&Message::Update { key, version });
        env.respond(id, Response::Written { dot, context: Context::empty() });
    }
}

fn fold_entry(digest: &mut Digest, actor: Actor, counter: u64) {
    digest.fold(u64::from(actor.incarnation));
    digest.fold(u64::from(actor.node));
    digest.fold(counter);
}

impl Replica for Textbook {
    fn siblings(&self, key: &str, each: &mut dyn FnMut(Sibling<'_>)) {
        self.versions(key).iter().for_each(|version| each(sibling(version)));
    }

    fn has_seen(&self, dot: Dot) -> bool {
        self.sync.has_seen(dot)
    }

    fn carried(message: &Message, each: &mut dyn FnMut(&str, Sibling<'_>)) {
        match message {
            Message::Update { key, version } => each(key, sibling(version)),
            Message::Pull { .. } => {}
            Message::Reply { versions, .. } => {
                versions.iter().for_each(|(key, version)| each(key, sibling(version)));
            }
        }
    }
}

fn sibling(version: &Version) -> Sibling<'_> {
    Sibling { value: Some(&version.value), dot: version.dot }
}

impl Observe for Textbook {
    /// The versions of each key, sorted: nodes may have received them in different orders.
    type View = BTreeMap<Key, Vec<Version>>;

    fn view(&self) -> Self::View {
        let mut view = self.keys.clone();
        view.values_mut().for_each(|siblings| siblings.sort());
        view
    }
}
