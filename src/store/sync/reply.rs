//! Answers to pulls: how they are cut into batches, and put together again.

use std::collections::BTreeSet;

use smallvec::{SmallVec, smallvec};

use crate::causality::{Actor, DotSet};
use crate::store::config::Config;
use crate::store::key_state::KeyState;
use crate::store::message::Reply;

/// An answer of which not all batches have come.
#[derive(Debug)]
pub(super) struct PartialReply {
    /// The incarnation of the peer that answers.
    actor: Actor,
    /// Which of its answers; a question that the network doubled has two, and their batches do not go together.
    number: u32,
    /// Which batches have come.
    batches: BTreeSet<u32>,
    /// The dots of all current writes that they have listed; only of a full answer.
    pub(super) listed: DotSet,
}

impl PartialReply {
    /// The batch `reply`, and what `partial` has of the same answer.
    pub(super) fn with(partial: Option<Self>, reply: &Reply) -> Self {
        let mut partial = partial.filter(|partial| partial.is_same(reply)).unwrap_or(Self {
            actor: reply.actor,
            number: reply.number,
            batches: BTreeSet::new(),
            listed: DotSet::new(),
        });
        partial.batches.insert(reply.batch);
        if reply.full {
            for state in &reply.keys {
                partial.listed.extend(state.kept.iter().copied());
                partial.listed.extend(state.writes.iter().filter_map(|write| write.dot));
            }
        }
        partial
    }

    /// True if `reply` is a batch of it.
    pub(super) fn is_same(&self, reply: &Reply) -> bool {
        (self.actor, self.number) == (reply.actor, reply.number)
    }

    /// True if all batches have come, of which `reply` is one.
    pub(super) fn is_whole(&self, reply: &Reply) -> bool {
        self.batches.len() == reply.batch_count as usize
    }
}

/// Cuts an answer. There is at least one batch, which may be empty: that nothing is missing is an answer too.
pub(in crate::store) fn batches(states: Vec<KeyState>, config: &Config) -> SmallVec<[Vec<KeyState>; 1]> {
    let fits = states.iter().map(KeyState::payload_bytes).sum::<usize>() <= config.batch_bytes;
    if fits && states.len() <= config.batch_keys_max {
        return smallvec![states];
    }
    let mut batches: SmallVec<[Vec<KeyState>; 1]> = smallvec![Vec::new()];
    let mut bytes = 0;
    for state in states {
        let size = state.payload_bytes();
        let last = batches.last_mut().expect("expect: there is a batch from the start");
        let full = last.len() >= config.batch_keys_max || bytes + size > config.batch_bytes;
        if full && !last.is_empty() {
            batches.push(vec![state]);
            bytes = size;
        } else {
            last.push(state);
            bytes += size;
        }
    }
    batches
}
