//! Clients of drawn worlds that do not wait for ever, and nodes that nobody needs yet.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Worlds;
use crate::protocol::{NodeId, Rng};
use crate::sim::{Plan, Retry};

/// The random stream of retries: a system whose clients never ask again draws the worlds it always drew.
const RETRY_STREAM: u64 = 23;
/// The random stream of spare nodes.
const SPARE_STREAM: u64 = 24;

/// In so many worlds of a thousand clients ask again.
const RETRIES_PERMILLE: u32 = 800;
/// Of the retries so many in a thousand ask the same node again.
const SAME_PERMILLE: u32 = 250;

/// When clients of drawn worlds ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// After about so long without an answer: from half of it to twice as long.
    pub after: Duration,
    /// How often at the most.
    pub count: u32,
}

impl Worlds {
    /// How many nodes a world with so many initial members has besides.
    pub(crate) fn spare_count(&self, seed: u64) -> usize {
        let (fewest, most) = (*self.spares.start() as u64, *self.spares.end() as u64);
        if most == 0 { 0 } else { Rng::new(seed, SPARE_STREAM).between(fewest, most) as usize }
    }

    /// Adds what clients do when they have no answer to a plan that has its requests.
    pub(crate) fn draw_retries(&self, plan: &mut Plan, seed: u64) {
        let Some(Retries { after, count }) = self.retries else { return };
        let rng = &mut Rng::new(seed, RETRY_STREAM);
        if !rng.chance(RETRIES_PERMILLE) {
            return;
        }
        let micros = (after.as_micros() as u64).max(1);
        let members = plan.member_count();
        for request in &mut plan.requests {
            let mut node = request.node;
            for _ in 0..rng.between(0, count.into()) {
                let after = Duration::from_micros(rng.between(micros.div_ceil(2), micros.saturating_mul(2)));
                // Another one, mostly, if there is one.
                let steps = 1 + rng.below(members.saturating_sub(1) as u64) as usize;
                if !rng.chance(SAME_PERMILLE) {
                    node = NodeId::new((node.index() + steps) % members);
                }
                request.retries.push(Retry { after, node });
            }
        }
    }
}

/// No spare nodes.
pub(super) const NO_SPARES: RangeInclusive<usize> = 0..=0;
