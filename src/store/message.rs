//! What nodes send each other.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::key_state::{KeyState, read_key};
use super::packed;
use super::version::Write;
use crate::causality::{Actor, DotSet};
use crate::kv::Key;
use crate::protocol::NodeId;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sends it.
    pub from: NodeId,
    /// Who shall have it.
    pub to: NodeId,
    /// What it says.
    pub message: Message,
}

/// What nodes say to each other. To clone one copies nothing but a pointer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// "I have written this."
    Update(Arc<Update>),
    /// "This is what I have seen; send me what I miss."
    Pull(Arc<Pull>),
    /// "This is what you miss", in one or more batches.
    Reply(Arc<Reply>),
}

/// A write, as its writer sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Where.
    #[serde(deserialize_with = "read_key")]
    pub key: Key,
    /// What.
    pub write: Write,
    /// The writes of this key that it overwrites, seen or not: of this key's dots just those that its client knew of. Dots of other
    /// keys' writes do no harm, so of each actor all may be in here that the node has seen without a gap.
    pub past: DotSet,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// The incarnation of the node that asks.
    pub actor: Actor,
    /// All that it has seen in this incarnation.
    pub seen: DotSet,
}

/// One batch of the answer to a [`Pull`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The incarnation of the node that answers.
    pub actor: Actor,
    /// The incarnation that had asked. Another one must not take `seen` for its own: it may have forgotten what the one that
    /// asked still had.
    pub asked_by: Actor,
    /// Which of its answers this is.
    pub number: u32,
    /// Which batch it is, from 0.
    pub batch: u32,
    /// How many there are.
    pub batch_count: u32,
    /// The asker has lost its memory, or is new: the batches list every key there is.
    pub full: bool,
    /// The keys about which the asker misses something.
    #[serde(with = "packed")]
    pub keys: Vec<KeyState>,
    /// All that the answering node had seen when it read all the batches.
    pub seen: DotSet,
}

/// What a message takes in memory beside what is in it: about as much as the largest of them.
const MESSAGE_BYTES: usize = 256;

impl Message {
    /// About how many bytes it takes in memory, with all that it holds. Costs a look at each key that it tells of.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Update(update) => update.bytes(),
            Self::Pull(pull) => MESSAGE_BYTES + pull.seen.heap_bytes(),
            Self::Reply(reply) => {
                let keys: usize = reply.keys.iter().map(KeyState::bytes).sum();
                MESSAGE_BYTES + reply.seen.heap_bytes() + keys
            }
        }
    }
}

impl Update {
    /// As [`Message::bytes`].
    pub(super) fn bytes(&self) -> usize {
        MESSAGE_BYTES + self.key.len() + self.write.bytes() + self.past.heap_bytes()
    }
}

/// `cart=b [0,1]`, `has {0:1}`, `sends cart=b [0,1]; has {0:1 1:1}`.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update(update) => write!(f, "{}={:?}", update.key, update.write),
            Self::Pull(pull) => write!(f, "has {:?}", pull.seen),
            Self::Reply(reply) => reply.fmt(f),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "sends ";
        for KeyState { key, writes, .. } in &self.keys {
            for write in writes {
                write!(f, "{separator}{key}={write:?}")?;
                separator = ", ";
            }
            if writes.is_empty() {
                write!(f, "{separator}{key} as it is")?;
                separator = ", ";
            }
        }
        let separator = if self.keys.is_empty() { "" } else { "; " };
        write!(f, "{separator}has {:?}", self.seen)?;
        if self.batch_count > 1 {
            write!(f, " ({} of {})", self.batch + 1, self.batch_count)?;
        }
        Ok(())
    }
}
