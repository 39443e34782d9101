//! Causal contexts: what a client has seen of a key.

use serde::{Deserialize, Serialize};

use super::codec::{Bincode, decode_as, encode_shared};
use super::error::StoreError;
use crate::causality::{Dot, DotSet, VectorClock};
use crate::kv;
use crate::protocol::Digest;

/// The first byte of a context; another form of contexts will have another one.
const FORMAT: u8 = 1;

/// What a client has seen of one key: a write with this context overwrites just that.
///
/// A read and a write each return the context that follows it. Any node takes the context of any other: a client may
/// outrun replication. To write without having read, use [`Context::empty`]: it overwrites nothing.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Context {
    /// Of which key; a digest, so that a context stays small.
    key: u64,
    /// All that the node that was read from knew of the key; see [`Update::past`](super::Update::past).
    pub(super) dots: DotSet,
    /// The join of the clocks of what was read.
    pub(super) clock: VectorClock,
}

impl Context {
    /// The context of a client that has seen nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    pub(super) fn new(key: &str, dots: DotSet, clock: VectorClock) -> Self {
        Self { key: digest(key), dots, clock }
    }

    /// True if nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dots.is_empty() && self.clock.is_zero()
    }

    /// True if the write of this dot was seen, or is of another key.
    #[must_use]
    pub fn covers(&self, dot: Dot) -> bool {
        self.dots.contains(dot)
    }

    /// Refuses a context of another key: it would overwrite what its client has never seen.
    pub(super) fn check_key(&self, key: &str) -> Result<(), StoreError> {
        if self.is_empty() || self.key == digest(key) { Ok(()) } else { Err(StoreError::ContextOfAnotherKey) }
    }

    /// The context as clients carry it: opaque, with a version byte; no bytes for the empty one.
    #[must_use]
    pub fn to_bytes(&self) -> kv::ClientContext {
        if self.is_empty() {
            return kv::ClientContext::empty();
        }
        let bytes = encode_shared(FORMAT, self).expect("expect: what this crate makes can be encoded");
        kv::ClientContext::from_bytes(bytes)
    }

    /// The context that a client has carried.
    ///
    /// # Errors
    /// If the bytes are no context, or anything beside it, or are more than `bytes_max`.
    pub fn from_bytes(bytes: &kv::ClientContext, bytes_max: usize) -> Result<Self, StoreError> {
        let limits = Bincode { bytes_max, ..Bincode::default() };
        match bytes.as_bytes() {
            [] => Ok(Self::empty()),
            bytes => {
                let context: Self = decode_as(FORMAT, bytes, &limits)?;
                // Of nothing there is one form.
                if context.is_empty() {
                    return Err(StoreError::Undecodable { why: "a context of nothing, in bytes".to_owned() });
                }
                Ok(context)
            }
        }
    }
}

fn digest(key: &str) -> u64 {
    let mut digest = Digest::new();
    digest.fold_bytes(key.as_bytes());
    digest.value()
}
