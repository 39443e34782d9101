//! The store as a state machine: what drivers and checks know of it.

use std::collections::BTreeMap;

use super::{Bug, ReferenceMessage, ReferenceStore, ReferenceVersion, context};
use crate::causality::{Actor, Dot};
use crate::kv::{ClientContext, Key, Replica, Request, Response, Sibling, Value};
use crate::protocol::{Digest, Env, NodeId, Observe, RequestId, StateMachine};

/// All that survives a crash: who the node will be after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferenceDurable {
    /// The number of the next incarnation.
    pub next_incarnation: u32,
}

/// What a node may wake up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Ask the peers that may have seen something else.
    Sync,
    /// Forget deletes, right or wrong; only [`Bug::EarlyForget`] sets it.
    Forget,
}

impl StateMachine for ReferenceStore {
    type Message = ReferenceMessage;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = ReferenceDurable;

    /// Gives the next incarnation another actor before anybody can hear of this one: a node that forgot what it wrote must
    /// never write under the same name again.
    fn start(&mut self, env: &mut Env<'_, Self>) {
        self.begin_anew_on_a_new_disk(env);
        if !matches!(self.bug, Some(Bug::DotReuse | Bug::PersistAfterSend)) {
            self.keep_name(env);
        }
        self.settle(env);
    }

    fn on_message(&mut self, from: NodeId, message: ReferenceMessage, env: &mut Env<'_, Self>) {
        if self.is_quarantined(from, &message) {
            return;
        }
        self.bug_state.hear(from, env.now());
        match message {
            ReferenceMessage::Update { key, version } => self.on_update(from, &key, version, env),
            ReferenceMessage::Pull { from_actor, seen } => self.on_pull(from_actor, &seen, env),
            ReferenceMessage::Reply { to_actor, answer, part, versions, known } => {
                self.on_reply(to_actor, answer, part, versions, &known);
            }
            ReferenceMessage::Ack { dot } => self.bug_state.count_ack(dot),
            ReferenceMessage::Tick => self.on_sync_timer(env),
        }
        self.settle(env);
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        match request {
            Request::Put { key, value, context } => self.on_write(id, key, Some(value), context, env),
            Request::Delete { key, context } => self.on_write(id, key, None, context, env),
            Request::Get { key } => {
                let values = self.versions(&key).iter().filter_map(|version| version.value.clone()).collect();
                env.respond(id, Response::Values { values, context: context::encode(&key, &self.seen_of(&key)) });
            }
        }
        self.settle(env);
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Sync if self.bug == Some(Bug::LoopbackTrust) => env.send(env.id(), ReferenceMessage::Tick),
            Timer::Sync => self.on_sync_timer(env),
            Timer::Forget => self.on_forget_timer(),
        }
        self.settle(env);
    }

    fn kind(message: &ReferenceMessage) -> &'static str {
        match message {
            ReferenceMessage::Update { .. } => "update",
            ReferenceMessage::Pull { .. } => "pull",
            ReferenceMessage::Reply { .. } => "reply",
            ReferenceMessage::Ack { .. } => "ack",
            ReferenceMessage::Tick => "tick",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        for (key, siblings) in &self.keys {
            digest.fold_bytes(key.as_bytes());
            digest.fold(siblings.len() as u64);
            for version in siblings {
                digest.fold(u64::from(version.value.is_some()));
                digest.fold_bytes(version.value.as_deref().unwrap_or_default());
                if let Some(dot) = version.dot {
                    fold_entry(digest, dot.actor, dot.counter.get());
                }
                for dot in &version.past {
                    fold_entry(digest, dot.actor, dot.counter.get());
                }
                version.clock.entries().for_each(|(actor, counter)| fold_entry(digest, actor, counter));
            }
        }
    }
}

impl ReferenceStore {
    /// Writes, tells everybody, and answers the client.
    fn on_write(
        &mut self,
        id: RequestId,
        key: Key,
        value: Option<Value>,
        context: Option<ClientContext>,
        env: &mut Env<'_, Self>,
    ) {
        let dots = context.as_ref().map(|context| context::decode(&key, context));
        let written = match &dots {
            Some(None) => Err("this is no context of this key"),
            Some(Some(dots)) => self.write(&key, value, Some(dots.clone())),
            None => self.write(&key, value, None),
        };
        let (dot, version) = match written {
            Ok(written) => written,
            Err(why) => return env.respond(id, Response::Refused(why.to_owned())),
        };
        let mut told = version.past.clone();
        told.insert(dot);
        let told = context::encode(&key, &told);
        env.broadcast(&ReferenceMessage::Update { key, version });
        self.keep_name_late(env);
        env.respond(id, Response::Written { dot, context: told });
        if dots.flatten().is_some_and(|dots| !dots.is_empty()) {
            env.mark("context used");
        }
    }
}

fn fold_entry(digest: &mut Digest, actor: Actor, counter: u64) {
    digest.fold(u64::from(actor.incarnation));
    digest.fold(u64::from(actor.node));
    digest.fold(counter);
}

impl Replica for ReferenceStore {
    fn siblings(&self, key: &str, each: &mut dyn FnMut(Sibling<'_>)) {
        let live = self.versions(key).iter().filter(|version| version.value.is_some());
        live.for_each(|version| each(sibling(version)));
    }

    fn has_seen(&self, dot: Dot) -> bool {
        self.sync.has_seen(dot)
    }

    fn tombstone_count(&self) -> usize {
        self.keys.values().flatten().filter(|version| version.value.is_none()).count()
    }

    fn leftover_count(&self) -> usize {
        self.tombstone_count()
    }

    fn carried(message: &ReferenceMessage, each: &mut dyn FnMut(&str, Sibling<'_>)) {
        match message {
            ReferenceMessage::Update { key, version } => each(key, sibling(version)),
            ReferenceMessage::Pull { .. } | ReferenceMessage::Ack { .. } | ReferenceMessage::Tick => {}
            ReferenceMessage::Reply { versions, .. } => {
                versions.iter().for_each(|(key, version)| each(key, sibling(version)));
            }
        }
    }
}

fn sibling(version: &ReferenceVersion) -> Sibling<'_> {
    Sibling { value: version.value.as_deref(), dot: version.dot }
}

impl Observe for ReferenceStore {
    /// The versions of each key, deletes included, sorted: nodes may have received them in different orders.
    type View = BTreeMap<Key, Vec<ReferenceVersion>>;

    fn view(&self) -> Self::View {
        let mut view = self.keys.clone();
        view.values_mut().for_each(|siblings| siblings.sort());
        view
    }

    /// Without deletes: they are forgotten once every node is known to have seen them.
    fn view_without_the_gone(&self) -> Self::View {
        let mut view = self.view();
        view.values_mut().for_each(|siblings| siblings.retain(|version| version.value.is_some()));
        view.retain(|_, siblings| !siblings.is_empty());
        view
    }
}
