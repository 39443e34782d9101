//! The textbook's store, refactored in twenty ways that change nothing in what it promises, or which bug is planted in it: as
//! code changes between the day on which a plan is saved and the day on which it is replayed.
//!
//! A refactored node is a textbook node in a wrapper that rewrites what goes in and out.

use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::causality::Dot;
use distributed_data_consistency::check::{Convergence, Identity, Residue, Siblings};
use distributed_data_consistency::kv::{Replica, Request, Response, Sibling, StoreWorkload};
use distributed_data_consistency::protocol::{
    Boot, Digest, Effect, Env, NodeId, Observe, RequestId, Rng, StateMachine,
};
use distributed_data_consistency::reference_store::{self, Bug, ReferenceDurable, ReferenceStore};

/// A change of the code that no client could tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refactor {
    /// A greeting to everybody at the start of each incarnation.
    GreetAtStart,
    /// Ten heartbeats to everybody, every 5 ms.
    Heartbeats,
    /// Timers have other names, in another order.
    RenamedTimers,
    /// What goes to the same node in one step goes as one message.
    Batches,
    /// Whatever goes to several nodes goes to the last one first.
    PeersReversed,
    /// As above, but only for pulls.
    PullsReversed,
    /// A request sets a timer that does nothing.
    IdleTimer,
    /// Each update is acknowledged.
    AckUpdates,
    /// Each reply is acknowledged.
    AckReplies,
    /// Timers go off 1 ms later.
    TimersLater,
    /// Timers go off 1 ms earlier.
    TimersEarlier,
    /// Timers go off later by 200 µs for each node before this one.
    TimersStaggered,
    /// Each part of a reply comes as two.
    HalfReplies,
    /// Something more is persisted at each request.
    PersistAtRequest,
    /// Something more is marked at each message.
    MarkMessages,
    /// A node sends itself a note at each request.
    NoteToSelf,
    /// Clients are answered before the others are told.
    AnswerFirst,
    /// Updates are collected, and leave after 1 ms.
    Outbox,
    /// Each update is announced by another message.
    Announce,
    /// Deletes travel as a kind of message of their own.
    DeletesApart,
}

impl Refactor {
    /// All of them.
    pub(crate) const ALL: [Self; 20] = [
        Self::GreetAtStart,
        Self::Heartbeats,
        Self::RenamedTimers,
        Self::Batches,
        Self::PeersReversed,
        Self::PullsReversed,
        Self::IdleTimer,
        Self::AckUpdates,
        Self::AckReplies,
        Self::TimersLater,
        Self::TimersEarlier,
        Self::TimersStaggered,
        Self::HalfReplies,
        Self::PersistAtRequest,
        Self::MarkMessages,
        Self::NoteToSelf,
        Self::AnswerFirst,
        Self::Outbox,
        Self::Announce,
        Self::DeletesApart,
    ];
}

/// The textbook's store with a bug, refactored. It has the name and the checks of the one that `ddc` knows.
pub(crate) fn harness(bug: Option<Bug>, refactor: Option<Refactor>) -> Harness<Refactored> {
    let name = bug.map_or_else(|| "textbook".to_owned(), |bug| format!("textbook/{bug}"));
    Harness::new(name, move |boot| Refactored::boot(boot, bug, refactor))
        .nodes(3..=5)
        .workload(StoreWorkload::default())
        .check(Identity::new())
        .check(Siblings::new())
        .check(Convergence::new())
        .check(Residue::new())
}

/// A textbook node, refactored.
pub(crate) struct Refactored {
    inner: ReferenceStore,
    how: Option<Refactor>,
    /// Updates that wait for their timer.
    outbox: Vec<(NodeId, Message)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Message {
    Inner(reference_store::ReferenceMessage),
    Delete(reference_store::ReferenceMessage),
    Batch(Vec<reference_store::ReferenceMessage>),
    Greeting,
    Ack,
    Announcement,
    Note,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Outbox,
    Renamed(std::cmp::Reverse<reference_store::Timer>),
    Inner(reference_store::Timer),
    Beat(u32),
    Idle,
}

type Effects = Vec<Effect<Refactored>>;

impl Refactored {
    fn boot(boot: Boot<ReferenceDurable>, bug: Option<Bug>, how: Option<Refactor>) -> Self {
        Self { inner: ReferenceStore::boot(boot, bug), how, outbox: Vec::new() }
    }

    fn is(&self, refactor: Refactor) -> bool {
        self.how == Some(refactor)
    }

    /// Lets the node take a step, and rewrites what comes of it.
    fn step(&mut self, env: &mut Env<'_, Self>, input: impl FnOnce(&mut ReferenceStore, &mut Env<'_, ReferenceStore>)) {
        let (mut durable, mut effects, mut rng) = (env.durable().clone(), Vec::new(), Rng::new(0, 0));
        let inner = Env::new(env.id(), env.node_count(), env.now(), &mut rng, &mut durable, &mut effects);
        input(&mut self.inner, &mut { inner });
        let effects = effects.into_iter().map(|effect| self.rewrap(effect, env.id())).collect();
        for effect in self.rewrite(effects) {
            match effect {
                Effect::Send { to, message } => env.send(to, message),
                Effect::SetTimer { timer, after } => env.set_timer(timer, after),
                Effect::CancelTimer { timer } => env.cancel_timer(timer),
                Effect::Persist => env.persist(|outer| outer.clone_from(&durable)),
                Effect::Respond { id, response } => env.respond(id, response),
                Effect::Mark(mark) => env.mark(mark),
            }
        }
    }

    fn wrap(&self, message: reference_store::ReferenceMessage) -> Message {
        let is_delete =
            matches!(&message, reference_store::ReferenceMessage::Update { version, .. } if version.value.is_none());
        if is_delete && self.is(Refactor::DeletesApart) { Message::Delete(message) } else { Message::Inner(message) }
    }

    /// One effect as it looks outside; timers as they are set now.
    fn rewrap(&self, effect: Effect<ReferenceStore>, me: NodeId) -> Effect<Self> {
        let name = |timer| match self.how {
            Some(Refactor::RenamedTimers) => Timer::Renamed(std::cmp::Reverse(timer)),
            _ => Timer::Inner(timer),
        };
        let ms = Duration::from_millis(1);
        match effect {
            Effect::Send { to, message } => Effect::Send { to, message: self.wrap(message) },
            Effect::SetTimer { timer, after } => {
                let after = match self.how {
                    Some(Refactor::TimersLater) => after + ms,
                    Some(Refactor::TimersEarlier) => after - ms,
                    Some(Refactor::TimersStaggered) => after + ms / 5 * me.index() as u32,
                    _ => after,
                };
                Effect::SetTimer { timer: name(timer), after }
            }
            Effect::CancelTimer { timer } => Effect::CancelTimer { timer: name(timer) },
            Effect::Persist => Effect::Persist,
            Effect::Respond { id, response } => Effect::Respond { id, response },
            Effect::Mark(mark) => Effect::Mark(mark),
        }
    }

    /// All effects of a step as they look outside.
    fn rewrite(&mut self, effects: Effects) -> Effects {
        match self.how {
            Some(Refactor::PeersReversed) => reversed(effects, |_| true),
            Some(Refactor::PullsReversed) => reversed(effects, |message| Self::kind(message) == "pull"),
            Some(Refactor::Batches) => batched(effects),
            Some(Refactor::HalfReplies) => effects.into_iter().flat_map(halved).collect(),
            Some(Refactor::AnswerFirst) => {
                let (mut first, then): (Effects, Effects) =
                    effects.into_iter().partition(|effect| matches!(effect, Effect::Respond { .. }));
                first.extend(then);
                first
            }
            Some(Refactor::Outbox) => effects.into_iter().map(|effect| self.sent_later(effect)).collect(),
            Some(Refactor::Announce) => effects.into_iter().flat_map(announced).collect(),
            _ => effects,
        }
    }

    fn sent_later(&mut self, effect: Effect<Self>) -> Effect<Self> {
        match effect {
            Effect::Send { to, message } if Self::kind(&message) == "update" => {
                self.outbox.push((to, message));
                Effect::SetTimer { timer: Timer::Outbox, after: Duration::from_millis(1) }
            }
            other => other,
        }
    }
}

/// The sends for which `applies` change places, the first with the last; all else stays where it is.
fn reversed(mut effects: Effects, applies: impl Fn(&Message) -> bool) -> Effects {
    let is_meant = |effect: &Effect<_>| matches!(effect, Effect::Send { message, .. } if applies(message));
    let places: Vec<usize> = (0..effects.len()).filter(|place| is_meant(&effects[*place])).collect();
    for (left, right) in places.iter().zip(places.iter().rev()).take(places.len() / 2) {
        effects.swap(*left, *right);
    }
    effects
}

fn batched(effects: Effects) -> Effects {
    let mut out: Effects = Vec::new();
    for effect in effects {
        let Effect::Send { to, message: Message::Inner(message) } = effect else {
            out.push(effect);
            continue;
        };
        let same = out.iter_mut().find_map(|effect| match effect {
            Effect::Send { to: other, message: Message::Batch(batch) } if *other == to => Some(batch),
            _ => None,
        });
        match same {
            Some(batch) => batch.push(message),
            None => out.push(Effect::Send { to, message: Message::Batch(vec![message]) }),
        }
    }
    out
}

fn halved(effect: Effect<Refactored>) -> Effects {
    let Effect::Send {
        to,
        message:
            Message::Inner(reference_store::ReferenceMessage::Reply {
                to_actor,
                answer,
                part: (part, count),
                versions,
                known,
            }),
    } = effect
    else {
        return vec![effect];
    };
    let halves = [versions[..versions.len().min(1)].to_vec(), versions[versions.len().min(1)..].to_vec()];
    let half = |(place, versions)| {
        let part = (part * 2 - 1 + place, count * 2);
        let message =
            reference_store::ReferenceMessage::Reply { to_actor, answer, part, versions, known: known.clone() };
        Effect::Send { to, message: Message::Inner(message) }
    };
    halves.into_iter().enumerate().map(half).collect()
}

fn announced(effect: Effect<Refactored>) -> Effects {
    match effect {
        Effect::Send { to, message: Message::Inner(message @ reference_store::ReferenceMessage::Update { .. }) } => {
            vec![
                Effect::Send { to, message: Message::Announcement },
                Effect::Send { to, message: Message::Inner(message) },
            ]
        }
        other => vec![other],
    }
}

impl StateMachine for Refactored {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = ReferenceDurable;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        self.step(env, ReferenceStore::start);
        if self.is(Refactor::GreetAtStart) {
            env.broadcast(&Message::Greeting);
        }
        if self.is(Refactor::Heartbeats) {
            env.set_timer(Timer::Beat(10), Duration::from_millis(5));
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        if self.is(Refactor::MarkMessages) {
            env.mark("message taken");
        }
        let kind = Self::kind(&message);
        match message {
            Message::Inner(message) | Message::Delete(message) => {
                self.step(env, |node, env| node.on_message(from, message, env));
            }
            Message::Batch(batch) => self.step(env, |node, env| {
                batch.into_iter().for_each(|message| node.on_message(from, message, env));
            }),
            Message::Greeting | Message::Ack | Message::Announcement | Message::Note => {}
        }
        let acked =
            (self.is(Refactor::AckUpdates) && kind == "update") || (self.is(Refactor::AckReplies) && kind == "reply");
        if acked {
            env.send(from, Message::Ack);
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        if self.is(Refactor::NoteToSelf) {
            env.send(env.id(), Message::Note);
        }
        if self.is(Refactor::PersistAtRequest) {
            env.persist(|_| {});
        }
        if self.is(Refactor::IdleTimer) {
            env.set_timer(Timer::Idle, Duration::from_millis(3));
        }
        self.step(env, |node, env| node.on_request(id, request, env));
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Inner(timer) | Timer::Renamed(std::cmp::Reverse(timer)) => {
                self.step(env, |node, env| node.on_timer(timer, env));
            }
            Timer::Outbox => self.outbox.drain(..).for_each(|(to, message)| env.send(to, message)),
            Timer::Beat(left) => {
                env.broadcast(&Message::Greeting);
                if left > 1 {
                    env.set_timer(Timer::Beat(left - 1), Duration::from_millis(5));
                }
            }
            Timer::Idle => {}
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Inner(message) => ReferenceStore::kind(message),
            Message::Delete(_) => "delete",
            Message::Batch(batch) => batch.first().map_or("batch", ReferenceStore::kind),
            Message::Greeting => "greeting",
            Message::Ack => "ack",
            Message::Announcement => "announcement",
            Message::Note => "note",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        self.inner.fold(digest);
    }
}

impl Replica for Refactored {
    fn siblings(&self, key: &str, each: &mut dyn FnMut(Sibling<'_>)) {
        self.inner.siblings(key, each);
    }

    fn has_seen(&self, dot: Dot) -> bool {
        self.inner.has_seen(dot)
    }

    fn tombstone_count(&self) -> usize {
        self.inner.tombstone_count()
    }

    fn leftover_count(&self) -> usize {
        self.inner.leftover_count()
    }

    fn carried(message: &Message, each: &mut dyn FnMut(&str, Sibling<'_>)) {
        match message {
            Message::Inner(message) | Message::Delete(message) => ReferenceStore::carried(message, each),
            Message::Batch(batch) => batch.iter().for_each(|message| ReferenceStore::carried(message, each)),
            Message::Greeting | Message::Ack | Message::Announcement | Message::Note => {}
        }
    }
}

impl Observe for Refactored {
    type View = <ReferenceStore as Observe>::View;

    fn view(&self) -> Self::View {
        self.inner.view()
    }
}
