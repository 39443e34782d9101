//! The node as a state machine: the same code, driven by a simulator or by real threads.

use std::collections::BTreeMap;

use super::{Config, Envelope, Message, Node, Version};
use crate::causality::Dot;
use crate::kv::{Context, Key, Replica, Request, Response, Sibling};
use crate::machine::{Boot, Digest, Env, NodeId, Observe, RequestId, StateMachine};

/// All that a node keeps through a crash: which life comes next. Its data it gets back from its peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// The incarnation of the next life.
    pub incarnation: u32,
}

/// The one timer of a node: time to ask again those who lack something, or have something that it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncTimer;

impl Node {
    /// The node that a crash, or the beginning, makes.
    ///
    /// # Panics
    /// If the cluster is larger, or the node has lived more often, than a clock may have entries.
    #[must_use]
    pub fn boot(boot: Boot<Durable>) -> Self {
        let Boot { id, node_count, durable } = boot;
        match Self::with_config(id.index(), node_count, durable.incarnation, Config::default()) {
            Ok(node) => node,
            Err(error) => panic!("Node::boot: {error}"),
        }
    }

    /// Hands over what the step has left to do. The next life is made durable before a message can tell of this one.
    fn act(&mut self, env: &mut Env<'_, Self>) {
        let next = self.actor.next().incarnation;
        if env.durable().incarnation != next {
            env.persist(|durable| durable.incarnation = next);
        }
        self.flush(|to, message| env.send(to, message));
        if self.unsettled_peers().next().is_some() && !self.sync_pending {
            self.sync_pending = true;
            env.set_timer(SyncTimer, self.config.sync_every);
        }
    }

    fn sync_unsettled(&mut self) {
        let peers: Vec<NodeId> = self.unsettled_peers().collect();
        for peer in peers {
            self.start_sync(peer);
        }
    }
}

impl StateMachine for Node {
    type Message = Message;
    type Timer = SyncTimer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        self.sync_unsettled();
        self.act(env);
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        let to = self.id();
        if self.deliver(Envelope { from, to, message }).is_ok() {
            self.process_messages();
        }
        self.act(env);
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        let response = match request {
            Request::Put { key, value, .. } => match self.put(key, value).result() {
                Ok(dot) => Response::Written { dot, context: Context::empty() },
                Err(error) => Response::Refused(error.to_string()),
            },
            Request::Delete { .. } => Response::Refused("not yet".to_owned()),
            Request::Get { key } => Response::Values {
                values: self.versions(&key).iter().map(|version| version.value.clone()).collect(),
                context: Context::empty(),
            },
        };
        self.act(env);
        env.respond(id, response);
    }

    fn on_timer(&mut self, SyncTimer: SyncTimer, env: &mut Env<'_, Self>) {
        self.sync_pending = false;
        self.sync_unsettled();
        self.act(env);
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Update { .. } => "update",
            Message::Pull { .. } => "pull",
            Message::Reply(_) => "reply",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        for (key, siblings) in &self.keys {
            digest.fold_bytes(key.as_bytes());
            for version in siblings.versions() {
                digest.fold_bytes(&version.value);
                version.clock.iter().for_each(|counter| digest.fold(counter));
            }
        }
    }
}

/// The versions of each key, in an order that does not tell in which order they came.
impl Observe for Node {
    type View = BTreeMap<Key, Vec<Version>>;

    fn view(&self) -> Self::View {
        let sorted = |versions: &[Version]| {
            let mut sorted = versions.to_vec();
            sorted.sort_unstable_by(|left, right| (left.dot, &left.value).cmp(&(right.dot, &right.value)));
            sorted
        };
        self.keys.iter().map(|(key, siblings)| (key.clone(), sorted(siblings.versions()))).collect()
    }
}

impl Replica for Node {
    fn siblings(&self, key: &str, each: &mut dyn FnMut(Sibling<'_>)) {
        for version in self.versions(key) {
            each(Sibling { value: Some(&version.value), dot: version.dot });
        }
    }

    fn has_seen(&self, dot: Dot) -> bool {
        self.seen.contains(dot)
    }

    fn carried(message: &Message, each: &mut dyn FnMut(&str, Sibling<'_>)) {
        match message {
            Message::Update { key, version } => each(key, Sibling { value: Some(&version.value), dot: version.dot }),
            Message::Pull { .. } => {}
            Message::Reply(reply) => {
                for (key, version) in &reply.versions {
                    each(key, Sibling { value: Some(&version.value), dot: version.dot });
                }
            }
        }
    }
}
