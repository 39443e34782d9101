//! The vocabulary of a replicated key-value store: what clients say to one, and what a check must be able to see of it.
//!
//! [`store::Node`](crate::store::Node) and [`textbook::Textbook`](crate::textbook::Textbook) both speak it, so one
//! workload and one oracle test both. A store of your own that speaks it gets them too.

mod workload;

use std::fmt;
use std::sync::Arc;

use crate::causality::Dot;
use crate::machine::StateMachine;

pub use workload::{StoreAction, StoreWorkload};

/// A key. Shared, so that the same key in many messages is one allocation.
pub type Key = Arc<str>;

/// A value: bytes that nobody here looks into. Shared, so that one write fans out to all peers without a copy.
pub type Value = Arc<[u8]>;

/// What a client asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// Write, over everything that this node has of the key.
    Put {
        /// Where.
        key: Key,
        /// What.
        value: Value,
    },
    /// Read all siblings.
    Get {
        /// Where.
        key: Key,
    },
}

impl Request {
    /// The key that is asked about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Get { key } => key,
        }
    }
}

/// `put cart=b`, `get cart`.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value } => write!(f, "put {key}={}", Shown(value)),
            Self::Get { key } => write!(f, "get {key}"),
        }
    }
}

/// What a client is told.
#[derive(Clone, PartialEq, Eq)]
pub enum Response {
    /// The write was taken, under this name.
    Written(Dot),
    /// The siblings, in the order in which the node has them.
    Values(Vec<Value>),
    /// The request was refused, and changed nothing.
    Refused(String),
}

/// `written 0#3`, `{a b}`, `refused: ...`.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(dot) => write!(f, "written {dot}"),
            Self::Values(values) => {
                f.write_str("{")?;
                for (place, value) in values.iter().enumerate() {
                    let space = if place > 0 { " " } else { "" };
                    write!(f, "{space}{}", Shown(value))?;
                }
                f.write_str("}")
            }
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

/// A replicated key-value store that checks can look at.
///
/// Checks recognise a write by its value; [`StoreWorkload`] never writes the same value twice.
pub trait Replica: StateMachine<Request = Request, Response = Response> {
    /// Calls `each` with the siblings of `key` that a read would show now.
    fn siblings(&self, key: &str, each: &mut dyn FnMut(Sibling<'_>));

    /// Calls `each` with the versions, and their keys, that a message brings to its receiver.
    fn carried(message: &Self::Message, each: &mut dyn FnMut(&str, Sibling<'_>));
}

/// One version as a check sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sibling<'a> {
    /// The value.
    pub value: &'a [u8],
    /// The name that the store gave the write, if it knows it.
    pub dot: Option<Dot>,
}

/// Writes a value as text where it is text, and cuts what is long.
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LENGTH_MAX: usize = 24;
        let cut = &self.0[..self.0.len().min(LENGTH_MAX)];
        write!(f, "{}", cut.escape_ascii())?;
        if self.0.len() > LENGTH_MAX {
            write!(f, "… ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}
