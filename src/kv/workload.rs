//! Clients of a key-value store: few keys, many writers.

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::names::{KEYS, label};
use super::shrink_requests::simpler;
use super::{ClientContext, Key, Request, Response, Value, WRITES_USUAL};
use crate::protocol::{RequestId, Rng, Simpler, StateMachine, Workload};

/// Clients that put, get and delete at any node, over one to four keys.
///
/// Some are sessions: they carry what they last read or wrote of a key from node to node, and write over just that; a session
/// that has read nothing writes over nothing. Others write over all that the node has. Each world chooses which of this it
/// has. The values are `a`, `b`, `c`, … in the order of the plan, so that a story can be told with them.
#[derive(Clone, Debug)]
pub struct StoreWorkload {
    key_count_max: usize,
    /// In how many worlds of a thousand there are sessions, and in how many deletes.
    session_worlds: u32,
    delete_worlds: u32,
    world: WorldKind,
    drawn: usize,
    /// The keys and values written in this run: a value that a plan repeats is told apart.
    written: IndexSet<(Key, Value), foldhash::fast::FixedState>,
    /// How often each key and value was asked for again: all variants up to there are taken.
    again: IndexMap<(Key, SmolStr), u64, foldhash::fast::FixedState>,
    /// What each session last had of a key.
    contexts: IndexMap<(u8, Key), ClientContext, foldhash::fast::FixedState>,
    /// Whose answer is awaited, and for which key.
    asked: IndexMap<u32, (u8, Key), foldhash::fast::FixedState>,
}

/// What one world's clients are like.
#[derive(Clone, Copy, Debug)]
struct WorldKind {
    key_count: usize,
    get_permille: u32,
    delete_permille: u32,
    /// Of the requests.
    session_permille: u32,
    session_count: u8,
}

impl Default for StoreWorkload {
    fn default() -> Self {
        let world =
            WorldKind { key_count: 1, get_permille: 120, delete_permille: 0, session_permille: 0, session_count: 1 };
        Self {
            key_count_max: 3,
            session_worlds: 600,
            delete_worlds: 600,
            world,
            drawn: 0,
            written: IndexSet::default(),
            again: IndexMap::default(),
            contexts: IndexMap::default(),
            asked: IndexMap::default(),
        }
    }
}

impl StoreWorkload {
    /// Plain puts and gets only: no sessions, no deletes.
    #[must_use]
    pub fn plain() -> Self {
        Self::default().sessions(0).deletes(0)
    }

    /// Lets worlds have up to `key_count_max` keys, of the four there are.
    #[must_use]
    pub fn keys(mut self, key_count_max: usize) -> Self {
        self.key_count_max = key_count_max.clamp(1, KEYS.len());
        self
    }

    /// In how many worlds of a thousand there are sessions.
    #[must_use]
    pub fn sessions(mut self, permille: u32) -> Self {
        self.session_worlds = permille;
        self
    }

    /// In how many worlds of a thousand there are deletes.
    #[must_use]
    pub fn deletes(mut self, permille: u32) -> Self {
        self.delete_worlds = permille;
        self
    }

    /// `value`, or a variant of it that this run has not written to `key` yet.
    fn unused(&mut self, key: &Key, value: &SmolStr) -> Value {
        if self.written.is_empty() {
            self.written.reserve(WRITES_USUAL);
        }
        let mut unused = Value::from(value.as_bytes());
        if self.written.insert((key.clone(), unused.clone())) {
            return unused;
        }
        let times = self.again.entry((key.clone(), value.clone())).or_insert(1);
        loop {
            *times += 1;
            unused = format!("{value}~{times}").into_bytes().into();
            if self.written.insert((key.clone(), unused.clone())) {
                return unused;
            }
        }
    }

    /// What `session` has seen of `key`, if a session asks.
    fn context(&mut self, id: RequestId, session: Option<u8>, key: &Key) -> Option<ClientContext> {
        let asked = (session?, key.clone());
        let context = self.contexts.get(&asked).cloned().unwrap_or_default();
        self.asked.insert(id.0, asked);
        Some(context)
    }
}

/// What stands in a plan. A `session` carries what it last read or wrote of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum StoreAction {
    /// `put = { key = "cart", value = "b" }`
    Put {
        /// Where.
        key: Key,
        /// What; when a plan writes the same value to a key again, `~2`, `~3`, … is added to it.
        value: SmolStr,
        /// Over what this session has seen; without one over all that the node has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u8>,
    },
    /// `delete = { key = "cart", session = 2 }`
    Delete {
        /// Where.
        key: Key,
        /// What this session has seen; without one all that the node has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u8>,
    },
    /// `get = { key = "cart", session = 2 }`
    Get {
        /// Where.
        key: Key,
        /// Who remembers what was read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u8>,
    },
}

impl<M> Workload<M> for StoreWorkload
where
    M: StateMachine<Request = Request, Response = Response>,
{
    type Action = StoreAction;

    fn begin(&mut self, rng: &mut Rng) {
        self.drawn = 0;
        let sessions = rng.chance(self.session_worlds);
        let deletes = rng.chance(self.delete_worlds);
        self.world = WorldKind {
            key_count: rng.between(1, self.key_count_max as u64) as usize,
            get_permille: rng.between(50, 300) as u32,
            delete_permille: if deletes { rng.between(50, 350) as u32 } else { 0 },
            session_permille: if sessions { rng.between(200, 1_000) as u32 } else { 0 },
            session_count: rng.between(1, 4) as u8,
        };
    }

    fn draw(&mut self, rng: &mut Rng) -> StoreAction {
        let world = self.world;
        let key = Key::new_static(KEYS[rng.below(world.key_count as u64) as usize]);
        let session = rng.below(world.session_count.into()) as u8;
        let session = rng.chance(world.session_permille).then_some(session);
        if rng.chance(world.get_permille) {
            return StoreAction::Get { key, session };
        }
        if rng.chance(world.delete_permille) {
            return StoreAction::Delete { key, session };
        }
        self.drawn += 1;
        StoreAction::Put { key, value: label(self.drawn - 1), session }
    }

    fn request(&mut self, id: RequestId, action: &StoreAction) -> Request {
        match action {
            StoreAction::Get { key, session } => {
                self.context(id, *session, key);
                Request::Get { key: key.clone() }
            }
            StoreAction::Delete { key, session } => {
                let context = self.context(id, *session, key);
                Request::Delete { key: key.clone(), context }
            }
            StoreAction::Put { key, value, session } => {
                let context = self.context(id, *session, key);
                let value = self.unused(key, value);
                Request::Put { key: key.clone(), value, context }
            }
        }
    }

    fn simpler(&self, actions: &[StoreAction]) -> Vec<Simpler<StoreAction>> {
        simpler(actions)
    }

    fn session(&self, action: &StoreAction) -> Option<u64> {
        let (StoreAction::Put { session, .. } | StoreAction::Delete { session, .. } | StoreAction::Get { session, .. }) =
            action;
        session.map(u64::from)
    }

    fn response(&mut self, id: RequestId, response: &Response) {
        let Some(asked) = self.asked.swap_remove(&id.0) else { return };
        if let Response::Written { context, .. } | Response::Values { context, .. } = response {
            self.contexts.insert(asked, context.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn labels_count_in_letters() {
        let labels = [0, 1, 25, 26, 27, 701, 702].map(label);
        assert_eq!(labels, ["a", "b", "z", "aa", "ab", "zz", "aaa"]);
    }
}
