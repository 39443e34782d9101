//! Where a world comes from.

use std::sync::Arc;

use crate::harness::{Harness, Outcome, Recorded};
use crate::protocol::StateMachine;
use crate::sim::{Arena, Limits, Observer, Plan};

/// Where one world of a sweep comes from. Each has a place in the sweep that a seed stands for.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// The seed is expanded into it.
    Seed(u64),
    /// It is made of plans that were run before it, and means nothing without them: the seed says only how.
    Plan(u64, Arc<Plan>),
}

impl Origin {
    /// The seed of its place in the sweep.
    pub(crate) fn place(&self) -> u64 {
        match self {
            Self::Seed(seed) | Self::Plan(seed, _) => *seed,
        }
    }

    /// The seed that is expanded into it; `None` if there is no such seed.
    pub(crate) fn seed(&self) -> Option<u64> {
        match self {
            Self::Seed(seed) => Some(*seed),
            Self::Plan(..) => None,
        }
    }
}

impl<M: StateMachine> Harness<M> {
    /// Runs a world while somebody looks on, in the memory that another world has left, under these limits.
    pub(crate) fn run_origin(
        &self,
        arena: &mut Arena<M>,
        origin: &Origin,
        observer: &mut impl Observer<M>,
        limits: Limits,
    ) -> Outcome {
        match origin {
            Origin::Seed(seed) => self.run_seed_within(arena, *seed, observer, limits),
            Origin::Plan(_, plan) => self.run_within(arena, plan, observer, limits),
        }
    }

    /// Runs a world and writes everything down.
    pub(crate) fn record_origin(&self, origin: &Origin) -> Recorded {
        match origin {
            Origin::Seed(seed) => self.record_seed(*seed),
            Origin::Plan(_, plan) => self.record(plan),
        }
    }
}
