//! What nodes send each other.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Write;
use crate::causality::{Actor, COUNTER_MAX, Dot, DotSet, VectorClock};
use crate::kv::{Key, Value};
use crate::machine::NodeId;

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

/// A write, as its writer tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Where.
    #[serde(deserialize_with = "read_key")]
    pub key: Key,
    /// What.
    pub write: Write,
    /// The writes of this key that it overwrites, seen or not. Names of other keys' writes do no harm, so this is all that
    /// the writer's client had seen.
    pub past: DotSet,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// The life of the node that asks.
    pub actor: Actor,
    /// All that it has seen in this life.
    pub seen: DotSet,
}

/// One batch of the answer to a [`Pull`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The life of the node that answers.
    pub actor: Actor,
    /// The life that had asked. Another life must not take `seen` for its own: it may have forgotten what the one that
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
    pub keys: Vec<KeyState>,
    /// All that the answering node had seen when it read all the batches.
    pub seen: DotSet,
}

/// What the answering node has of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PackedState", into = "PackedState")]
pub struct KeyState {
    /// Which.
    pub key: Key,
    /// Its current writes that the asker had not seen.
    pub writes: Vec<Write>,
    /// The names of its other current writes. Whatever else of this key was seen is overwritten.
    pub kept: Vec<Dot>,
    /// What the answering node knows to be overwritten without having seen it.
    pub covered: DotSet,
}

/// Clocks of so many entries live inline: to read a packed state makes no room for more than its bytes are worth.
const PACKED_NODES_MAX: u8 = 5;

/// A [`KeyState`] as it travels. Nearly all are of the first kind, and there are as many as there are keys to repair.
#[derive(Serialize, Deserialize)]
enum PackedState {
    /// One value, whose clock counts its writer's own writes only, in the writer's first life.
    Alone(#[serde(deserialize_with = "read_key")] Key, Writer, Counter, Value),
    /// Anything else.
    Any(#[serde(deserialize_with = "read_key")] Key, Vec<Write>, Vec<Dot>, DotSet),
}

/// A node whose entry of a clock lives inline.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
struct Writer(u8);

impl TryFrom<u8> for Writer {
    type Error = &'static str;

    fn try_from(node: u8) -> Result<Self, Self::Error> {
        if node < PACKED_NODES_MAX { Ok(Self(node)) } else { Err("the writer of a packed write out of range") }
    }
}

impl From<Writer> for u8 {
    fn from(writer: Writer) -> Self {
        writer.0
    }
}

/// The counter of a dot.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
struct Counter(NonZeroU64);

impl TryFrom<u64> for Counter {
    type Error = &'static str;

    fn try_from(counter: u64) -> Result<Self, Self::Error> {
        let counter = NonZeroU64::new(counter).filter(|counter| counter.get() <= COUNTER_MAX);
        counter.map(Self).ok_or("the counter of a packed write out of range")
    }
}

impl From<Counter> for u64 {
    fn from(counter: Counter) -> Self {
        counter.0.get()
    }
}

impl KeyState {
    /// The writer and the counter from which the only write can be told.
    fn alone(&self) -> Option<(Writer, Counter, &Value)> {
        let [Write { dot: Some(dot), clock, value: Some(value) }] = &self.writes[..] else { return None };
        let writer = u8::try_from(dot.actor.node).ok().and_then(|node| Writer::try_from(node).ok())?;
        let nothing_else = self.kept.is_empty() && self.covered.is_empty() && dot.actor.incarnation == 0;
        (nothing_else && *clock == lone_clock(writer, dot.counter)).then_some((writer, Counter(dot.counter), value))
    }
}

fn lone_clock(Writer(node): Writer, counter: NonZeroU64) -> VectorClock {
    let mut clock = VectorClock::new();
    clock.raise(usize::from(node), counter.get());
    clock
}

impl From<KeyState> for PackedState {
    fn from(state: KeyState) -> Self {
        match state.alone() {
            Some((writer, counter, value)) => Self::Alone(state.key.clone(), writer, counter, value.clone()),
            None => Self::Any(state.key, state.writes, state.kept, state.covered),
        }
    }
}

impl From<PackedState> for KeyState {
    fn from(packed: PackedState) -> Self {
        match packed {
            PackedState::Alone(key, writer, Counter(counter), value) => {
                let dot = Dot { actor: Actor::first(u32::from(writer.0)), counter };
                let write = Write { dot: Some(dot), clock: lone_clock(writer, counter), value: Some(value) };
                Self { key, writes: vec![write], kept: Vec::new(), covered: DotSet::new() }
            }
            PackedState::Any(key, writes, kept, covered) => Self { key, writes, kept, covered },
        }
    }
}

/// Reads a key from where it lies: to make a `String` of it first would make room for as many bytes as are claimed.
fn read_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = Key;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a key")
        }

        fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
            Ok(key.into())
        }
    }

    deserializer.deserialize_str(Text)
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
