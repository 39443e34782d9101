//! An actor is one incarnation of one node; a dot identifies one write of one actor.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// One incarnation of one node: a node that lost its memory in a crash comes back as a new actor, because
/// whoever forgets what it wrote must never reuse a dot that others remember.
///
/// Ordered by incarnation first, so that actors sort in the order of their clock slots.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// How many times the node had lost its memory before.
    pub incarnation: u32,
    /// The node, from 0.
    pub node: u32,
}

impl Actor {
    /// The first incarnation of a node.
    pub const fn first(node: u32) -> Self {
        Self { incarnation: 0, node }
    }

    /// The next incarnation of the same node; the same again once the number is used up.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { incarnation: self.incarnation.saturating_add(1), node: self.node }
    }

    /// The place of this actor in a [`VectorClock`](super::VectorClock) of a cluster of `node_count` nodes.
    ///
    /// ```
    /// use distributed_data_consistency::causality::Actor;
    /// assert_eq!(Actor::first(2).slot(3), 2);
    /// assert_eq!(Actor::first(2).next().slot(3), 5);
    /// assert_eq!(Actor::at_slot(5, 3), Actor::first(2).next());
    /// ```
    pub const fn slot(self, node_count: usize) -> usize {
        self.incarnation as usize * node_count + self.node as usize
    }

    /// The actor whose place in a clock is `slot`.
    ///
    /// # Panics
    /// If `node_count` is 0.
    pub const fn at_slot(slot: usize, node_count: usize) -> Self {
        Self { incarnation: (slot / node_count) as u32, node: (slot % node_count) as u32 }
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `2`, or `2'1` for the incarnation after the first crash.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.node)?;
        if self.incarnation > 0 {
            write!(f, "'{}", self.incarnation)?;
        }
        Ok(())
    }
}

/// The identity of one write: the actor that made it, and its number among that actor's writes, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// Who wrote.
    pub actor: Actor,
    /// Which of its writes, from 1.
    pub counter: NonZeroU64,
}

impl Dot {
    /// The dot `(actor, counter)`, or `None` for a counter of 0, which no write has.
    pub const fn new(actor: Actor, counter: u64) -> Option<Self> {
        match NonZeroU64::new(counter) {
            Some(counter) => Some(Self { actor, counter }),
            None => None,
        }
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `2#7`: the seventh write of node 2.
impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.actor, self.counter)
    }
}
