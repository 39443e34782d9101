//! The vocabulary of a replicated key-value store: what clients say to one, and what a check must be able to see of it.
//!
//! [`store::Node`](crate::store::Node) and [`reference_store::ReferenceStore`](crate::reference_store::ReferenceStore) both speak it, so one
//! workload and one oracle test both. A store of your own that speaks it gets them too.

mod enumerate;
mod names;
mod shrink_requests;
mod workload;

use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::causality::Dot;
use crate::protocol::StateMachine;

pub use enumerate::placements;
pub use workload::{StoreAction, StoreWorkload};

/// A key. To clone one copies no text: one of up to 23 bytes lies within, without an allocation; a longer one is shared.
pub type Key = SmolStr;

/// Most small worlds have no more writes: whoever keeps a list of them makes room for so many at once.
pub(crate) const WRITES_USUAL: usize = 14;

/// How a [`Breach`](crate::check::Breach) about a key calls it: `key "cart"`.
#[must_use]
pub fn key_subject(key: &str) -> String {
    format!("key \"{key}\"")
}

/// A value: bytes that nobody here looks into. Shared, so that one write fans out to all peers without a copy.
pub type Value = Arc<[u8]>;

/// What a client has read of one key, as the store that it read from has written it down.
///
/// Opaque: a client carries it from a read, or from a write, to its next write, which then covers just what the client has
/// seen. A client that has read nothing has the [empty](Self::empty) context, and covers nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ClientContext(Arc<[u8]>);

impl ClientContext {
    /// The context of a client that has read nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A context that travelled as bytes. Whether they are one, the store says that it is given to.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The context as bytes; none for the empty context.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True if both are one and the same answer of a store, not only equal.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it lies: the same for two that are [the same](Self::is_same), and for no others as long as both are held. Only to look
    /// up by, never to order by.
    #[cfg(feature = "harness")]
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// How long it is: what it says is the store's business.
impl fmt::Debug for ClientContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context of {} bytes", self.0.len())
    }
}

/// What a client asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// Write.
    Put {
        /// Where.
        key: Key,
        /// What.
        value: Value,
        /// Over what the client has seen; `None` for all that the node has.
        context: Option<ClientContext>,
    },
    /// Remove.
    Delete {
        /// Where.
        key: Key,
        /// What the client has seen; `None` for all that the node has.
        context: Option<ClientContext>,
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
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Get { key } => key,
        }
    }

    /// About how many bytes of memory it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        let of = |context: &Option<ClientContext>| context.as_ref().map_or(0, |context| context.as_bytes().len());
        let owned = match self {
            Self::Put { value, context, .. } => value.len() + of(context),
            Self::Delete { context, .. } => of(context),
            Self::Get { .. } => 0,
        };
        size_of::<Self>() + self.key().len() + owned
    }
}

/// `put cart=b`, `put cart=b over what was read`, `delete cart`, `get cart`.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = |context: &Option<ClientContext>| match context {
            None => "",
            Some(context) if context.as_bytes().is_empty() => " over nothing",
            Some(_) => " over what was read",
        };
        match self {
            Self::Put { key, value, context } => write!(f, "put {key}={}{}", Shown(value), over(context)),
            Self::Delete { key, context } => write!(f, "delete {key}{}", over(context)),
            Self::Get { key } => write!(f, "get {key}"),
        }
    }
}

/// What a client is told.
#[derive(Clone, PartialEq, Eq)]
pub enum Response {
    /// The write was taken.
    Written {
        /// Its name.
        dot: Dot,
        /// What the client has seen now: what it had seen before, and this write.
        context: ClientContext,
    },
    /// The key was read.
    Values {
        /// The siblings, in the order in which the node has them.
        values: Vec<Value>,
        /// What the client has seen now.
        context: ClientContext,
    },
    /// The request was refused, and changed nothing.
    Refused(String),
}

/// `written 0#3`, `{a b}`, `refused: ...`.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written { dot, .. } => write!(f, "written {dot}"),
            Self::Values { values, .. } => {
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
/// Checks recognise a write by its value, which [`StoreWorkload`] never writes twice, and a delete, which has none, by its
/// name.
pub trait Replica: StateMachine<Request = Request, Response = Response> {
    /// Calls `each` with the siblings of `key` that a read would show now.
    fn siblings(&self, key: &str, each: &mut dyn FnMut(Sibling<'_>));

    /// True if the node has taken in the write of this name, or something that builds on it.
    fn has_seen(&self, dot: Dot) -> bool;

    /// How many deletes the node has not forgotten yet.
    fn tombstone_count(&self) -> usize {
        0
    }

    /// How much the node holds, beside its versions, that must be gone at rest.
    fn leftover_count(&self) -> usize {
        0
    }

    /// False if the node will pass over a message that has come for it, say because it answers an earlier incarnation.
    fn takes(&self, message: &Self::Message) -> bool {
        let _ = message;
        true
    }

    /// Calls `each` with the versions, and their keys, that a message brings to its receiver; deletes as well.
    fn carried(message: &Self::Message, each: &mut dyn FnMut(&str, Sibling<'_>));

    /// True if a message makes its receiver take the write of this name for overwritten in `key`, without bringing it: it tells
    /// of a delete that its sender has forgotten.
    fn tells_of(message: &Self::Message, key: &str, dot: Dot) -> bool {
        let _ = (message, key, dot);
        false
    }
}

/// One version as a check sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sibling<'a> {
    /// The value; `None` for a delete.
    pub value: Option<&'a [u8]>,
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
