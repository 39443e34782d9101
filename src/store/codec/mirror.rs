//! Envelopes as `prost` has them, and the way there and back. See [`Protobuf`](super::Protobuf) for the schema.

use std::sync::Arc;

use prost::bytes::Bytes;

use crate::causality;
use crate::protocol::NodeId;
use crate::store;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Envelope {
    #[prost(uint32, tag = "1")]
    from: u32,
    #[prost(uint32, tag = "2")]
    to: u32,
    #[prost(oneof = "Message", tags = "3, 4, 5")]
    message: Option<Message>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Message {
    #[prost(message, tag = "3")]
    Update(Update),
    #[prost(message, tag = "4")]
    Pull(Pull),
    #[prost(message, tag = "5")]
    Reply(Reply),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Update {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    write: Option<Write>,
    #[prost(message, repeated, tag = "3")]
    past: Vec<Counters>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pull {
    #[prost(message, optional, tag = "1")]
    actor: Option<Actor>,
    #[prost(message, repeated, tag = "2")]
    seen: Vec<Counters>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Reply {
    #[prost(message, optional, tag = "1")]
    actor: Option<Actor>,
    #[prost(message, optional, tag = "2")]
    asked_by: Option<Actor>,
    #[prost(uint32, tag = "3")]
    number: u32,
    #[prost(uint32, tag = "4")]
    batch: u32,
    #[prost(uint32, tag = "5")]
    batch_count: u32,
    #[prost(bool, tag = "6")]
    full: bool,
    #[prost(message, repeated, tag = "7")]
    keys: Vec<KeyState>,
    #[prost(message, repeated, tag = "8")]
    seen: Vec<Counters>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeyState {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, repeated, tag = "2")]
    writes: Vec<Write>,
    #[prost(message, repeated, tag = "3")]
    kept: Vec<Dot>,
    #[prost(message, repeated, tag = "4")]
    covered: Vec<Counters>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Write {
    #[prost(message, optional, tag = "1")]
    dot: Option<Dot>,
    #[prost(uint64, repeated, tag = "2")]
    clock: Vec<u64>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    value: Option<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Actor {
    #[prost(uint32, tag = "1")]
    incarnation: u32,
    #[prost(uint32, tag = "2")]
    node: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Dot {
    #[prost(uint32, tag = "1")]
    incarnation: u32,
    #[prost(uint32, tag = "2")]
    node: u32,
    #[prost(uint64, tag = "3")]
    counter: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Counters {
    #[prost(uint32, tag = "1")]
    incarnation: u32,
    #[prost(uint32, tag = "2")]
    node: u32,
    #[prost(uint64, tag = "3")]
    base: u64,
    /// Runs as first, last, first, last.
    #[prost(uint64, repeated, tag = "4")]
    runs: Vec<u64>,
}

/// What one takes, beside what is in it.
pub(super) const KEY_STATE_BYTES: usize = size_of::<KeyState>();
pub(super) const WRITE_BYTES: usize = size_of::<Write>();
pub(super) const DOT_BYTES: usize = size_of::<Dot>();
pub(super) const COUNTERS_BYTES: usize = size_of::<Counters>();

fn node_number(node: NodeId) -> u32 {
    u32::try_from(node.index()).expect("expect: a node's id has 32 bits")
}

impl From<&store::Envelope> for Envelope {
    fn from(store::Envelope { from, to, message }: &store::Envelope) -> Self {
        let message = match message {
            store::Message::Update(update) => Message::Update(update.as_ref().into()),
            store::Message::Pull(pull) => {
                Message::Pull(Pull { actor: Some(pull.actor.into()), seen: counters(&pull.seen) })
            }
            store::Message::Reply(reply) => Message::Reply(reply.as_ref().into()),
        };
        Self { from: node_number(*from), to: node_number(*to), message: Some(message) }
    }
}

impl From<&store::Update> for Update {
    fn from(store::Update { key, write, past }: &store::Update) -> Self {
        Self { key: key.to_string(), write: Some(write.into()), past: counters(past) }
    }
}

impl From<&store::Reply> for Reply {
    fn from(reply: &store::Reply) -> Self {
        Self {
            actor: Some(reply.actor.into()),
            asked_by: Some(reply.asked_by.into()),
            number: reply.number,
            batch: reply.batch,
            batch_count: reply.batch_count,
            full: reply.full,
            keys: reply.keys.iter().map(KeyState::from).collect(),
            seen: counters(&reply.seen),
        }
    }
}

impl From<&store::KeyState> for KeyState {
    fn from(store::KeyState { key, writes, kept, covered }: &store::KeyState) -> Self {
        Self {
            key: key.to_string(),
            writes: writes.iter().map(Write::from).collect(),
            kept: kept.iter().map(|&dot| dot.into()).collect(),
            covered: counters(covered),
        }
    }
}

impl From<&store::Write> for Write {
    fn from(store::Write { dot, clock, value }: &store::Write) -> Self {
        // The value is shared until it is written down.
        let value = value.as_ref().map(|value| Bytes::from_owner(value.clone()));
        Self { dot: dot.map(Dot::from), clock: clock.into(), value }
    }
}

impl From<causality::Actor> for Actor {
    fn from(causality::Actor { incarnation, node }: causality::Actor) -> Self {
        Self { incarnation, node }
    }
}

impl From<causality::Dot> for Dot {
    fn from(dot: causality::Dot) -> Self {
        let causality::Actor { incarnation, node } = dot.actor;
        Self { incarnation, node, counter: dot.counter.get() }
    }
}

fn counters(dots: &causality::DotSet) -> Vec<Counters> {
    let counters = dots.parts().map(|(causality::Actor { incarnation, node }, base, runs)| {
        let runs = runs.flat_map(|(first, last)| [first, last]).collect();
        Counters { incarnation, node, base, runs }
    });
    counters.collect()
}

/// What is wrong with a mirrored message.
type Wrong = String;

impl TryFrom<Envelope> for store::Envelope {
    type Error = Wrong;

    fn try_from(Envelope { from, to, message }: Envelope) -> Result<Self, Wrong> {
        let message = match message.ok_or("envelope without a message")? {
            Message::Update(update) => store::Message::Update(Arc::new(update.try_into()?)),
            Message::Pull(Pull { actor, seen }) => {
                store::Message::Pull(Arc::new(store::Pull { actor: read_actor(actor)?, seen: read_dots(seen)? }))
            }
            Message::Reply(reply) => store::Message::Reply(Arc::new(reply.try_into()?)),
        };
        Ok(Self { from: NodeId::new(from as usize), to: NodeId::new(to as usize), message })
    }
}

impl TryFrom<Update> for store::Update {
    type Error = Wrong;

    fn try_from(Update { key, write, past }: Update) -> Result<Self, Wrong> {
        let write = write.ok_or("update without a write")?.try_into()?;
        Ok(Self { key: key.into(), write, past: read_dots(past)? })
    }
}

impl TryFrom<Reply> for store::Reply {
    type Error = Wrong;

    fn try_from(reply: Reply) -> Result<Self, Wrong> {
        let Reply { actor, asked_by, number, batch, batch_count, full, keys, seen } = reply;
        let keys = keys.into_iter().map(store::KeyState::try_from).collect::<Result<_, _>>()?;
        let (actor, asked_by) = (read_actor(actor)?, read_actor(asked_by)?);
        Ok(Self { actor, asked_by, number, batch, batch_count, full, keys, seen: read_dots(seen)? })
    }
}

impl TryFrom<KeyState> for store::KeyState {
    type Error = Wrong;

    fn try_from(KeyState { key, writes, kept, covered }: KeyState) -> Result<Self, Wrong> {
        let writes = writes.into_iter().map(store::Write::try_from).collect::<Result<_, _>>()?;
        let kept = kept.into_iter().map(causality::Dot::try_from).collect::<Result<_, _>>()?;
        Ok(Self { key: key.into(), writes, kept, covered: read_dots(covered)? })
    }
}

impl TryFrom<Write> for store::Write {
    type Error = Wrong;

    fn try_from(Write { dot, clock, value }: Write) -> Result<Self, Wrong> {
        let dot = dot.map(causality::Dot::try_from).transpose()?;
        let clock = causality::VectorClock::try_from(clock).map_err(|error| error.to_string())?;
        Ok(Self { dot, clock, value: value.map(|value| value.as_ref().into()) })
    }
}

impl TryFrom<Dot> for causality::Dot {
    type Error = Wrong;

    fn try_from(Dot { incarnation, node, counter }: Dot) -> Result<Self, Wrong> {
        let dot = Self::new(causality::Actor { incarnation, node }, counter);
        dot.ok_or_else(|| "dot of the write 0: expected at least 1".to_owned())
    }
}

fn read_actor(actor: Option<Actor>) -> Result<causality::Actor, Wrong> {
    let Actor { incarnation, node } = actor.ok_or("message without an actor")?;
    Ok(causality::Actor { incarnation, node })
}

fn read_dots(actors: Vec<Counters>) -> Result<causality::DotSet, Wrong> {
    let mut parts = Vec::with_capacity(actors.len());
    for Counters { incarnation, node, base, runs } in actors {
        let (pairs, rest) = runs.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("run of a dot set without an end".to_owned());
        }
        let runs = pairs.iter().map(|&[first, last]| (first, last)).collect();
        parts.push((causality::Actor { incarnation, node }, base, runs));
    }
    causality::DotSet::from_parts(parts).map_err(str::to_owned)
}
