//! What one world leaves to the next.

use std::fmt;

use super::pending::Pending;
use super::{EventQueue, NodeDriver};
use crate::protocol::{Effect, StateMachine};

/// The memory of a world that is over, for the next one to begin in: a world of some hundred steps spends a good part of its
/// time on getting its own. Nothing of what was in it is left.
pub struct Arena<M: StateMachine> {
    pub(super) nodes: Vec<NodeDriver<M>>,
    /// `None` before the first world: an empty queue has its room from the start.
    pub(super) queue: Option<EventQueue<Pending<M>>>,
    pub(super) effects: Vec<Effect<M>>,
}

impl<M: StateMachine> Arena<M> {
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.queue.iter_mut().for_each(EventQueue::clear);
        self.effects.clear();
    }
}

impl<M: StateMachine> Default for Arena<M> {
    fn default() -> Self {
        Self { nodes: Vec::new(), queue: None, effects: Vec::new() }
    }
}

impl<M: StateMachine> fmt::Debug for Arena<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
