//! What a node's methods return.

use super::context::Context;
use super::version::Version;
use crate::causality::Dot;

/// What a write was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its dot.
    pub dot: Dot,
    /// What its client has seen now: what it had seen before, and this write.
    pub context: Context,
    /// How many versions the key has now; see [`is_crowded`](Self::is_crowded).
    pub sibling_count: usize,
    pub(super) crowded: bool,
}

impl Written {
    /// True if the key has so many siblings ([`Config::siblings_warn`](super::Config::siblings_warn)) that its clients should
    /// begin to read before they write.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }
}

/// What a read returns to a client that will write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// All versions; nothing if there are none, or all were deleted.
    pub versions: Vec<Version>,
    /// What to write with, to overwrite just these.
    pub context: Context,
}

/// What [`Node::process_messages`](super::Node::process_messages) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processed {
    /// Messages taken in.
    pub messages: usize,
    /// Versions stored.
    pub stored: usize,
}

/// What a node holds beside its versions, because some other node may not have seen it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Deletes that may not be forgotten yet.
    pub tombstones: usize,
    /// Writes that some peer may not have seen.
    pub log_entries: usize,
    /// Updates that wait for peers that are not heard of.
    pub hints: usize,
    /// Keys that remember which of their writes they know of, because others are missing that were made before those.
    pub pending_keys: usize,
    /// Keys of which a client has overwritten a write that then died with its node. It may still come, late, so what is
    /// known of it is kept for ever, and so is the delete, if it was one, that overwrote it.
    pub retained_keys: usize,
    /// Gaps in what was seen. One stays for ever where a write died with its node.
    pub gaps: usize,
}
