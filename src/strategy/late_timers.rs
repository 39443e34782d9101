//! Timers that fire late: which ones, and by how much.

use std::time::Duration;

use super::Profile;
use super::scheduler::{Order, any_lateness};
use crate::protocol::{NodeId, Rng, Time};

/// The random stream of late timers: what a seed draws of all else does not depend on it.
const TIMER_STREAM: u64 = 17;

/// In so many of a thousand worlds with late timers each node is late in a way of its own.
const BY_NODE_PERMILLE: u32 = 400;

/// How late the timers of one world are.
#[derive(Clone, Debug)]
pub(crate) struct LateTimers {
    rng: Rng,
    /// Of the timers so many in a thousand are late …
    permille: u32,
    /// … by up to so much.
    longest: Duration,
    /// By up to how many thousandths of that on each node; everywhere alike if it is empty.
    shares: Vec<u32>,
}

impl LateTimers {
    /// Those of the world of `seed`; `None` if its timers fire when they are due.
    pub(crate) fn draw(profile: &Profile, node_count: usize, seed: u64) -> Option<Self> {
        let late_permille = profile.late_timers_permille.unwrap_or(0);
        if late_permille == 0 || profile.timer_late_max.is_zero() {
            return None;
        }
        let mut rng = Rng::new(seed, TIMER_STREAM);
        if !rng.chance(late_permille) {
            return None;
        }
        let reach = rng.between(100, 1_000);
        let longest_us = u128::from(reach * reach) * profile.timer_late_max.as_micros() / 1_000_000;
        let longest = Duration::from_micros(longest_us as u64);
        let (permille, by_node) = (rng.between(30, 600) as u32, rng.chance(BY_NODE_PERMILLE));
        let shares = (0..if by_node { node_count } else { 0 }).map(|_| rng.below(1_001) as u32).collect();
        Some(Self { rng, permille: if by_node { 900 } else { permille }, longest, shares })
    }

    /// How late a timer of `node` is.
    pub(crate) fn lateness(&mut self, node: NodeId, at: Time, due: Time, order: &mut dyn Order) -> Option<Duration> {
        let Self { rng, permille, longest, shares } = self;
        if !rng.chance(*permille) {
            return None;
        }
        let late = match shares.get(node.index()) {
            Some(share) => any_lateness(*longest * *share / 1_000, rng),
            None => order.lateness(node, at, due, *longest, rng),
        };
        (!late.is_zero()).then_some(late)
    }
}
