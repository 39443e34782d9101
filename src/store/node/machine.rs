//! The node as a state machine: the same code, driven by a simulator or by real threads.

use std::collections::BTreeMap;

use super::Node;
use crate::causality::Dot;
use crate::kv::{self, Key, Replica, Request, Response, Sibling};
use crate::protocol::{Boot, Digest, Env, NodeId, Observe, RequestId, StateMachine};
use crate::store::config::Config;
use crate::store::context::Context;
use crate::store::error::StoreError;
use crate::store::message::{Envelope, Message};
use crate::store::results::Retained;
use crate::store::version::{Version, Write};

/// All that a node keeps through a crash: which incarnation comes next. Its data it gets back from its peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// The next incarnation.
    pub incarnation: u32,
}

/// The one timer of a node: time to ask again those who lack something, or have something that it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncTimer;

impl Node {
    /// The node that a crash, or the beginning, makes.
    ///
    /// # Panics
    /// If the cluster is larger, or the node has had more incarnations, than a clock may have entries.
    #[must_use]
    pub fn boot(boot: Boot<Durable>) -> Self {
        Self::boot_with(boot, Config::default())
    }

    /// As [`boot`](Self::boot), with other limits. Knobs of a plan go before them, by the names of the fields: `batch_keys_max`,
    /// `batch_bytes`, `hints_max`, `outbox_max`, and `sync_every_us` in microseconds.
    ///
    /// # Panics
    /// As [`boot`](Self::boot).
    #[must_use]
    pub fn boot_with(boot: Boot<Durable>, config: Config) -> Self {
        let config = config.shaken(&boot);
        match Self::with_config(boot.id.index(), boot.node_count, boot.durable.incarnation, config) {
            Ok(node) => node,
            Err(error) => panic!("Node::boot: {error}"),
        }
    }

    /// Hands over what the step has left to do. The next incarnation is made durable before a message of this one can
    /// leave.
    fn act(&mut self, env: &mut Env<'_, Self>) {
        let next = self.actor().next().incarnation;
        if env.durable().incarnation != next {
            env.persist(|durable| durable.incarnation = next);
        }
        self.flush(|to, message| env.send(to, message));
        self.take_marks().drain().for_each(|mark| env.mark(mark.name()));
        if !self.sync_pending && self.unsettled_peers().next().is_some() {
            self.sync_pending = true;
            env.set_timer(SyncTimer, self.config.sync_every);
        }
    }

    fn serve(&mut self, request: Request) -> Result<Response, StoreError> {
        let context = |context: Option<kv::ClientContext>| {
            context.map(|context| Context::from_bytes(&context, self.config.message_bytes_max)).transpose()
        };
        let written = match request {
            Request::Get { key } => {
                let values = self.versions(&key).iter().map(|version| version.value.clone()).collect();
                return Ok(Response::Values { values, context: self.context(&key).to_bytes() });
            }
            Request::Put { key, value, context: bytes } => {
                let context = context(bytes)?;
                self.write(key, Some(value), context.as_ref())?
            }
            Request::Delete { key, context: bytes } => {
                let context = context(bytes)?;
                self.write(key, None, context.as_ref())?
            }
        };
        Ok(Response::Written { dot: written.dot, context: written.context.to_bytes() })
    }
}

impl StateMachine for Node {
    type Message = Message;
    type Timer = SyncTimer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        self.replica.note_start();
        self.tick();
        self.act(env);
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        let to = self.id();
        self.take_alone(Envelope { from, to, message });
        self.act(env);
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        let response = self.serve(request).unwrap_or_else(|error| Response::Refused(error.to_string()));
        self.act(env);
        env.respond(id, response);
    }

    fn on_timer(&mut self, SyncTimer: SyncTimer, env: &mut Env<'_, Self>) {
        self.sync_pending = false;
        self.tick();
        self.act(env);
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Update(_) => "update",
            Message::Pull(_) => "pull",
            Message::Reply(_) => "reply",
        }
    }

    fn message_bytes(message: &Message) -> usize {
        message.bytes()
    }

    fn request_bytes(request: &Request) -> usize {
        request.memory()
    }

    fn fold(&self, digest: &mut Digest) {
        for (key, versions) in self.replica.keys() {
            digest.fold_bytes(key.as_bytes());
            for version in versions {
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
        self.keys().map(|key| (key.clone(), sorted(self.versions(key)))).collect()
    }
}

impl Replica for Node {
    fn siblings(&self, key: &str, each: &mut dyn FnMut(Sibling<'_>)) {
        for version in self.versions(key) {
            each(Sibling { value: Some(&version.value), dot: version.dot });
        }
    }

    fn has_seen(&self, dot: Dot) -> bool {
        self.seen().contains(dot)
    }

    fn tombstone_count(&self) -> usize {
        self.replica.tombstone_count()
    }

    fn leftover_count(&self) -> usize {
        let Retained { tombstones, log_entries, hints, pending_keys, .. } = self.retained();
        tombstones + log_entries + hints + pending_keys
    }

    fn takes(&self, message: &Message) -> bool {
        match message {
            Message::Update(_) | Message::Pull(_) => true,
            Message::Reply(reply) => self.is_answer(reply),
        }
    }

    fn tells_of(message: &Message, key: &str, dot: Dot) -> bool {
        let Message::Reply(reply) = message else { return false };
        // First what costs little: of most deletes its sender has not seen that are asked about, nothing is told.
        let mut states = reply.keys.iter();
        reply.seen.contains(dot)
            && states.find(|state| &*state.key == key).is_some_and(|state| !state.kept.contains(&dot))
    }

    fn carried(message: &Message, each: &mut dyn FnMut(&str, Sibling<'_>)) {
        let mut tell = |key: &str, write: &Write| each(key, Sibling { value: write.value.as_deref(), dot: write.dot });
        match message {
            Message::Update(update) => tell(&update.key, &update.write),
            Message::Pull(_) => {}
            Message::Reply(reply) => {
                for state in &reply.keys {
                    state.writes.iter().for_each(|write| tell(&state.key, write));
                }
            }
        }
    }
}
