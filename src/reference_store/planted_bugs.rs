//! What only the bugs of faults and limits do, and what they go by: nothing of it happens in a textbook that is right.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::message::Seen;
use super::sync::{PART_LENGTH, SYNC_AFTER, node_of};
use super::{Bug, ReferenceDurable, ReferenceMessage, ReferenceStore, ReferenceVersion};
use crate::causality::{Actor, Dot};
use crate::kv::Key;
use crate::protocol::{Boot, Env, NodeId, Time};

/// For how long [`Bug::DedupWindow`] knows a name. Longer than any message takes that is no late copy.
const DEDUP_WINDOW: Duration = Duration::from_millis(100);

/// How often [`Bug::SymmetricLinks`] sends each answer …
const ANSWER_COPIES: usize = 4;
/// … and to how many questions that are the same …
const SAME_ANSWERS_MAX: u32 = 2;
/// … not counting what comes sooner than one would ask again.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(15);

/// How many later updates make an old copy of one, to [`Bug::ReplayWindow`].
const REPLAY_WINDOW: u64 = 4;

/// How many updates in order make [`Bug::TrustedStream`] trust a writer.
const TRUSTED_AFTER: u64 = 5;

/// How many versions [`Bug::FullBatch`] puts into one part of an answer.
const BATCH_LENGTH: u64 = 64;

/// How many names the log of [`Bug::ShortLog`] has room for.
const LOG_MAX: u64 = 64;

/// What only the bugs of faults and limits look at; and how long parts of answers are.
#[derive(Clone, Debug, Default)]
pub(super) struct BugState {
    /// How many acknowledgements of each own write have come.
    acks: BTreeMap<Dot, usize>,
    /// When each name was first seen.
    first_seen: BTreeMap<Dot, Time>,
    /// When the last message came.
    now: Time,
    /// What each peer asked last.
    questions: BTreeMap<NodeId, Question>,
    /// The actor of this incarnation is durable.
    is_actor_durable: bool,
    /// When each peer was heard of last, …
    heard: BTreeMap<NodeId, Time>,
    /// … when the timer was set, …
    timer_set: Time,
    /// … and which incarnations are taken to be over.
    dead: BTreeMap<NodeId, u32>,
    /// How the updates of each writer came.
    streams: BTreeMap<Actor, Stream>,
    /// How many versions there are in one part of an answer.
    part_length: usize,
    /// The latest names, …
    log: VecDeque<Dot>,
    /// … of which there are at most so many, …
    log_max: usize,
    /// … and all that were ever in it.
    logged: BTreeSet<Dot>,
}

/// A question, and how often it was answered in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    asker: Actor,
    asker_seen: Seen,
    own_seen: Seen,
    at: Time,
    count: u32,
}

/// The updates of one writer, as they came.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    latest: u64,
    in_order: u64,
}

impl BugState {
    /// Of an incarnation that begins.
    pub(super) fn of(boot: &Boot<ReferenceDurable>, bug: Option<Bug>) -> Self {
        let part_length = if bug == Some(Bug::FullBatch) { BATCH_LENGTH } else { PART_LENGTH };
        let knob = |name, limit| usize::try_from(boot.knob(name, limit)).unwrap_or(usize::MAX).max(1);
        Self { part_length: knob("part_length", part_length), log_max: knob("log_max", LOG_MAX), ..Self::default() }
    }

    /// A message of `from` comes.
    pub(super) fn hear(&mut self, from: NodeId, now: Time) {
        self.heard.insert(from, now);
        self.now = now;
    }

    pub(super) fn count_ack(&mut self, dot: Dot) {
        *self.acks.entry(dot).or_default() += 1;
    }

    pub(super) fn timer_is_set(&mut self, now: Time) {
        self.timer_set = now;
    }

    /// Notes when names were first seen, for [`Bug::DedupWindow`], and in which order, for [`Bug::ShortLog`].
    pub(super) fn note_seen(&mut self, bug: Option<Bug>, seen: &Seen, now: Time) {
        match bug {
            Some(Bug::DedupWindow) => seen.keys().for_each(|dot| _ = self.first_seen.entry(*dot).or_insert(now)),
            Some(Bug::ShortLog) => {
                self.log.extend(seen.keys().filter(|dot| self.logged.insert(**dot)));
                self.log.drain(..self.log.len().saturating_sub(self.log_max));
            }
            _ => {}
        }
    }

    /// [`Bug::DedupWindow`]: true for what is no longer in the window.
    pub(super) fn has_forgotten(&self, dot: Dot) -> bool {
        self.first_seen.get(&dot).is_some_and(|first| *first + DEDUP_WINDOW < self.now)
    }

    /// [`Bug::Quarantine`]: true for a peer that is taken for dead.
    pub(super) fn is_dead(&self, peer: NodeId) -> bool {
        self.dead.contains_key(&peer)
    }
}

impl ReferenceStore {
    /// Makes the actor of the next incarnation durable.
    pub(super) fn keep_name(&mut self, env: &mut Env<'_, Self>) {
        let next = self.actor.next().incarnation;
        env.persist(|durable| durable.next_incarnation = next);
    }

    /// The mistake of [`Bug::PersistAfterSend`]: only now, when the name is out.
    pub(super) fn keep_name_late(&mut self, env: &mut Env<'_, Self>) {
        if self.bug == Some(Bug::PersistAfterSend) && !self.bug_state.is_actor_durable {
            self.bug_state.is_actor_durable = true;
            self.keep_name(env);
        }
    }

    /// An update comes.
    pub(super) fn on_update(&mut self, from: NodeId, key: &Key, version: ReferenceVersion, env: &mut Env<'_, Self>) {
        let is_dropped = match self.bug {
            Some(Bug::FifoOnly) => self.is_overtaken(key, &version, 0),
            Some(Bug::ReplayWindow) => self.is_overtaken(key, &version, REPLAY_WINDOW - 1),
            _ => false,
        };
        if is_dropped {
            return;
        }
        if self.bug == Some(Bug::TrustedStream) {
            self.follow(key, &version);
        }
        let acks = self.bug == Some(Bug::AckCount) && self.actor.incarnation == 0;
        if let Some(dot) = version.dot.filter(|dot| acks && !self.sync.has_seen(*dot)) {
            env.send(from, ReferenceMessage::Ack { dot });
        }
        self.apply(key, version);
    }

    /// The mistake of [`Bug::AckCount`]: what was acknowledged so often must be everywhere. An incarnation that is not a node's first has
    /// acknowledged nothing.
    pub(super) fn has_all_acks(&self, dot: Dot, asker: Actor, node_count: usize) -> bool {
        asker.incarnation == 0 && self.bug_state.acks.get(&dot).is_some_and(|acks| *acks + 1 >= node_count)
    }

    /// The mistake of [`Bug::ShortLog`]: what the log has no more room for must be everywhere.
    pub(super) fn is_out_of_log(&self, dot: Dot) -> bool {
        self.bug == Some(Bug::ShortLog) && !self.bug_state.log.contains(&dot)
    }

    /// An answer in parts, at least one; that nothing is missing is an answer too.
    pub(super) fn in_parts(&self, news: Vec<(Key, ReferenceVersion)>) -> Vec<Vec<(Key, ReferenceVersion)>> {
        let mut parts = vec![Vec::new()];
        for version in news {
            match parts.last_mut() {
                Some(last) if last.len() < self.bug_state.part_length => last.push(version),
                // The mistake of `Bug::FullBatch`: what finds the part full opens the next, and is in neither.
                _ if self.bug == Some(Bug::FullBatch) => parts.push(Vec::new()),
                _ => parts.push(vec![version]),
            }
        }
        parts
    }

    /// [`Bug::SymmetricLinks`] makes sure that answers arrive.
    pub(super) fn copies_of_answers(&self) -> usize {
        if self.bug == Some(Bug::SymmetricLinks) { ANSWER_COPIES } else { 1 }
    }

    /// The mistake of [`Bug::SymmetricLinks`]: whoever asks the same again and again has been told.
    pub(super) fn is_confused(&mut self, asker: Actor, asker_seen: &Seen, now: Time) -> bool {
        let own_seen = self.sync.seen().clone();
        let new = Question { asker, asker_seen: asker_seen.clone(), own_seen, at: now, count: 1 };
        let Some(question) = self.bug_state.questions.get_mut(&node_of(asker)) else {
            self.bug_state.questions.insert(node_of(asker), new);
            return false;
        };
        let is_same =
            question.asker == new.asker && question.asker_seen == new.asker_seen && question.own_seen == new.own_seen;
        if !is_same {
            *question = new;
        } else if now - question.at >= ASKED_AGAIN_AFTER {
            question.at = now;
            question.count += 1;
        }
        question.count > SAME_ANSWERS_MAX
    }

    /// Whoever is up later than at first and finds nothing on its disk has lost it; so it takes an actor that no former incarnation had.
    pub(super) fn begin_anew_on_a_new_disk(&mut self, env: &Env<'_, Self>) {
        let is_new = env.now() > Time::ZERO && env.durable().next_incarnation == 0;
        let is_blind = matches!(self.bug, Some(Bug::DotReuse | Bug::PersistAfterSend | Bug::NewDisk));
        if is_new && !is_blind {
            // Each incarnation takes longer than the microsecond that an actor does.
            self.actor.incarnation = u32::try_from(env.now().as_nanos() / 1_000).unwrap_or(u32::MAX - 1);
        }
    }

    /// The mistake of [`Bug::Quarantine`]: a timer that is late tells that the others were silent.
    pub(super) fn quarantine_the_silent(&mut self, env: &Env<'_, Self>) {
        let since = self.bug_state.timer_set;
        if env.now() - since < SYNC_AFTER * 2 {
            return;
        }
        for peer in env.peers() {
            if self.bug_state.heard.get(&peer).is_none_or(|heard| *heard <= since) {
                let incarnation = self.sync.incarnation_of(peer);
                self.bug_state.dead.insert(peer, incarnation);
            }
        }
    }

    /// True for a message of a peer that is taken for dead, unless it comes from a later incarnation.
    pub(super) fn is_quarantined(&mut self, from: NodeId, message: &ReferenceMessage) -> bool {
        let Some(incarnation) = self.bug_state.dead.get(&from) else { return false };
        let is_later = match message {
            ReferenceMessage::Pull { from_actor, .. } => from_actor.incarnation > *incarnation,
            ReferenceMessage::Reply { known, .. } => known.actor.incarnation > *incarnation,
            ReferenceMessage::Update { version, .. } => {
                version.dot.is_some_and(|dot| dot.actor.incarnation > *incarnation)
            }
            ReferenceMessage::Ack { .. } | ReferenceMessage::Tick => false,
        };
        if is_later {
            self.bug_state.dead.remove(&from);
        }
        !is_later
    }

    /// The mistake of [`Bug::TrustedStream`]: of a writer whose updates have come in order, what lies between two must be old.
    fn follow(&mut self, key: &Key, version: &ReferenceVersion) {
        let Some(dot) = version.dot else { return };
        let counter = dot.counter.get();
        let stream = self.bug_state.streams.entry(dot.actor).or_default();
        let (latest, is_trusted) = (stream.latest, stream.in_order >= TRUSTED_AFTER);
        if counter == latest + 1 {
            stream.in_order += 1;
        } else if !is_trusted {
            stream.in_order = 0;
        }
        stream.latest = latest.max(counter);
        if is_trusted {
            let holes: BTreeSet<Dot> = (latest + 1..counter).filter_map(|hole| Dot::new(dot.actor, hole)).collect();
            self.see(key, holes);
        }
    }
}
