//! What nodes send each other, and how it looks in a trace.

use std::collections::BTreeSet;
use std::fmt;

use super::Clock;
use crate::causality::{Actor, Dot};
use crate::kv::{Key, Shown, Value};

/// One write of a key, as it travels and as it is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The name of the write; `None` for one that came through the plain interface, which has no names.
    pub dot: Option<Dot>,
    /// What the writer knew of the key, this write included.
    pub clock: Clock,
    /// What was written.
    pub value: Value,
}

/// What nodes send each other.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// A write, just made, told to everybody. Nobody tells it again: what is lost is found by a pull.
    Update {
        /// Where.
        key: Key,
        /// What.
        version: Version,
    },
    /// "This is what I have seen: send me the rest."
    Pull {
        /// Who asks, in which life.
        from_actor: Actor,
        /// The dots it has seen.
        seen: BTreeSet<Dot>,
    },
    /// The answer to a pull.
    Reply {
        /// Who answers, in which life.
        from_actor: Actor,
        /// Who asked, in which life.
        to_actor: Actor,
        /// All that is current at the sender and that the asker had not seen.
        versions: Vec<(Key, Version)>,
        /// The dots that the sender has seen.
        seen: BTreeSet<Dot>,
    },
}

/// `b {0:2 1:1}`: the value and its clock.
impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", Shown(&self.value), self.clock)
    }
}

/// `cart=b {0:2 1:1}`, `pull {0:1..4,6}`, `reply [cart=b {0:2}, user=c {1:1}] {0:1,2 1:1}`. Lives after the first are
/// named: `pull as 2'1 {}`, `reply to 2'1 [] {}`.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update { key, version } => write!(f, "{key}={version:?}"),
            Self::Pull { from_actor, seen } => {
                f.write_str("pull ")?;
                write_life(f, "as", *from_actor)?;
                write_dots(f, seen)
            }
            Self::Reply { from_actor, to_actor, versions, seen } => {
                f.write_str("reply ")?;
                write_life(f, "as", *from_actor)?;
                write_life(f, "to", *to_actor)?;
                f.write_str("[")?;
                for (place, (key, version)) in versions.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{key}={version:?}")?;
                }
                f.write_str("] ")?;
                write_dots(f, seen)
            }
        }
    }
}

/// Writes `as 2'1 `, and nothing for a first life: the arrow in the trace names the node already.
fn write_life(f: &mut fmt::Formatter<'_>, role: &str, actor: Actor) -> fmt::Result {
    if actor.incarnation == 0 {
        return Ok(());
    }
    write!(f, "{role} {actor} ")
}

/// Writes `{0:1..4,6 1:1}`: three and more in a row are a range.
fn write_dots(f: &mut fmt::Formatter<'_>, dots: &BTreeSet<Dot>) -> fmt::Result {
    let dots: Vec<Dot> = dots.iter().copied().collect();
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
