//! Hints: what a peer that does not answer shall have as soon as it is heard of again.
//!
//! They are a shortcut past anti-entropy, which delivers all that they do not: so they are bounded, and one that does not
//! fit is dropped.

use std::sync::Arc;

use crate::store::config::Config;
use crate::store::message::Update;

/// What is kept for one peer, in the order in which it was written.
#[derive(Debug, Default)]
pub(super) struct Hints {
    updates: Vec<Arc<Update>>,
    /// invariant: what `updates` take, in bytes.
    bytes: usize,
}

impl Hints {
    pub(super) fn len(&self) -> usize {
        self.updates.len()
    }

    /// Keeps an update; false if there is no room for it.
    pub(super) fn keep(&mut self, update: &Arc<Update>, config: &Config) -> bool {
        let bytes = update.bytes();
        let fits = self.updates.len() < config.hints_max && bytes <= config.hints_bytes_max.saturating_sub(self.bytes);
        if fits {
            self.updates.push(Arc::clone(update));
            self.bytes += bytes;
        }
        fits
    }

    /// Hands all of them over.
    pub(super) fn take(&mut self) -> Vec<Arc<Update>> {
        self.bytes = 0;
        std::mem::take(&mut self.updates)
    }
}
