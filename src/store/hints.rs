//! Hints: what a peer that does not answer shall have as soon as it is heard of again.
//!
//! They are a shortcut past anti-entropy, which delivers all that they do not: so they are bounded, and one that does not
//! fit is dropped.

use std::sync::Arc;

use super::marks::Mark;
use super::{Config, Message, Node, Update};
use crate::machine::NodeId;

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
    fn keep(&mut self, update: &Arc<Update>, config: &Config) -> bool {
        let bytes = update.bytes();
        let fits = self.updates.len() < config.hints_max && bytes <= config.hints_bytes_max.saturating_sub(self.bytes);
        if fits {
            self.updates.push(Arc::clone(update));
            self.bytes += bytes;
        }
        fits
    }
}

impl Node {
    /// Keeps an update of this node for each peer that is not heard of.
    pub(super) fn hint(&mut self, update: &Arc<Update>) {
        for peer in self.peers.iter_mut().filter(|peer| peer.silent) {
            if !peer.hints.keep(update, &self.config) {
                self.marks.note(Mark::HintDropped);
            }
        }
    }

    /// A peer is heard of: sends it the updates that were kept for it, as they were stamped. `answered` if it has just been
    /// sent all that it misses.
    pub(super) fn replay_hints(&mut self, to: NodeId, answered: bool) {
        let peer = &mut self.peers[to.index()];
        peer.silent = false;
        if peer.hints.len() == 0 {
            return;
        }
        for update in std::mem::take(&mut peer.hints).updates {
            let is_news = update.write.dot.is_none_or(|dot| !self.peers[to.index()].seen.contains(dot));
            if is_news && !answered {
                self.marks.note(Mark::HintReplayed);
                self.post(Some(to), Message::Update(update));
            }
        }
    }
}
