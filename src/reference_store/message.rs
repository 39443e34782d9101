//! What nodes send each other, and how it looks in a trace.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Clock;
use crate::causality::{Actor, Dot};
use crate::kv::{Key, Shown, Value};

/// One write of a key, as it travels and as it is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReferenceVersion {
    /// The name of the write; `None` for one that came through the plain interface, which has no names.
    pub dot: Option<Dot>,
    /// For each actor the latest of its writes of the key that this one builds on, this write included.
    pub clock: Clock,
    /// The names of all writes of the key that this one builds on. A client that has not read everything leaves gaps, which a
    /// clock cannot tell.
    pub past: BTreeSet<Dot>,
    /// What was written; `None` for a delete.
    pub value: Option<Value>,
}

/// The dots that a node has seen, each with its key.
pub type Seen = BTreeMap<Dot, Key>;

/// What nodes send each other.
#[derive(Clone, PartialEq, Eq)]
pub enum ReferenceMessage {
    /// A write, just made, told to everybody. Nobody tells it again: what is lost is found by a pull.
    Update {
        /// Where.
        key: Key,
        /// What.
        version: ReferenceVersion,
    },
    /// "This is what I have seen: send me the rest."
    Pull {
        /// Who asks, in which incarnation.
        from_actor: Actor,
        /// The dots it has seen.
        seen: Seen,
    },
    /// A part of an answer to a pull.
    Reply {
        /// Who asked, in which incarnation.
        to_actor: Actor,
        /// Which of the sender's answers it is.
        answer: u64,
        /// Which part this is, from 1, and of how many.
        part: (usize, usize),
        /// The versions of this part.
        versions: Vec<(Key, ReferenceVersion)>,
        /// What the sender knew when it was asked; the same in each part.
        known: Known,
    },
    /// "I have taken this update." Only [`Bug::AckCount`](super::Bug::AckCount) sends it.
    Ack {
        /// Which.
        dot: Dot,
    },
    /// A node's word to itself that it is time to ask. Only [`Bug::LoopbackTrust`](super::Bug::LoopbackTrust) sends it.
    Tick,
}

/// What a node knows: what is seen and not held is obsolete.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    /// Who, in which incarnation.
    pub actor: Actor,
    /// The dots it has seen.
    pub seen: Seen,
    /// The dots of the versions it holds.
    pub held: BTreeSet<Dot>,
}

/// `b {0:2 1:1}`, `deleted {0:3}`: the value and its clock.
impl fmt::Debug for ReferenceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} {:?}", Shown(value), self.clock),
            None => write!(f, "deleted {:?}", self.clock),
        }
    }
}

/// `cart=b {0:2 1:1}`, `pull {0:1..4,6}`, `reply [cart=b {0:2}, user=c {1:1}] {0:1,2 1:1}`. Lives after the first are
/// named: `pull as 2'1 {}`, `reply to 2'1 [] {}`; and so are parts: `reply 1 of 2 [cart=b {0:2}] {0:1,2 1:1}`.
impl fmt::Debug for ReferenceMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update { key, version } => write!(f, "{key}={version:?}"),
            Self::Pull { from_actor, seen } => {
                f.write_str("pull ")?;
                write_incarnation(f, "as", *from_actor)?;
                write_dots(f, seen.keys())
            }
            Self::Reply { to_actor, part, versions, known, .. } => {
                f.write_str("reply ")?;
                write_incarnation(f, "as", known.actor)?;
                write_incarnation(f, "to", *to_actor)?;
                if part.1 > 1 {
                    write!(f, "{} of {} ", part.0, part.1)?;
                }
                f.write_str("[")?;
                for (place, (key, version)) in versions.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{key}={version:?}")?;
                }
                f.write_str("] ")?;
                write_dots(f, known.seen.keys())
            }
            Self::Ack { dot } => write!(f, "ack {dot}"),
            Self::Tick => f.write_str("tick"),
        }
    }
}

/// Writes `as 2'1 `, and nothing for a first incarnation: the arrow in the trace names the node already.
fn write_incarnation(f: &mut fmt::Formatter<'_>, role: &str, actor: Actor) -> fmt::Result {
    if actor.incarnation == 0 {
        return Ok(());
    }
    write!(f, "{role} {actor} ")
}

/// Writes `{0:1..4,6 1:1}`: three and more in a row are a range.
fn write_dots<'a>(f: &mut fmt::Formatter<'_>, dots: impl Iterator<Item = &'a Dot>) -> fmt::Result {
    let dots: Vec<Dot> = dots.copied().collect();
    f.write_str("{")?;
    for (place, of_actor) in dots.chunk_by(|left, right| left.actor == right.actor).enumerate() {
        let space = if place > 0 { " " } else { "" };
        write!(f, "{space}{}:", of_actor[0].actor)?;
        let follows = |left: &Dot, right: &Dot| left.counter.checked_add(1) == Some(right.counter);
        for (place, run) in of_actor.chunk_by(follows).enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match run {
                [one] => write!(f, "{comma}{}", one.counter)?,
                [first, last] => write!(f, "{comma}{},{}", first.counter, last.counter)?,
                [first, .., last] => write!(f, "{comma}{}..{}", first.counter, last.counter)?,
                [] => {}
            }
        }
    }
    f.write_str("}")
}
