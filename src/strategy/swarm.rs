//! Each world draws which kinds of fault it has, and how strong.

use super::draw::FaultCounts;
use super::fates::{LinkFaults, SeededFates, fate_rng};
use super::scheduler::{AnyOrder, Scheduler, Sketch};
use crate::protocol::Rng;
use crate::sim::Plan;
use crate::strategy::Profile;

pub(super) struct Swarm;

impl Scheduler for Swarm {
    fn draw(&self, sketch: &mut Sketch<'_>) -> (Plan, SeededFates) {
        let (plan, links) = sketch.any_time(sketch.worlds.profile.fixed_mix);
        (plan, SeededFates::new(fate_rng(sketch.seed), links, AnyOrder))
    }
}

impl Profile {
    pub(super) fn swarm_links(&self, rng: &mut Rng) -> LinkFaults {
        let mut strength = |permille: u32, low: u64, high: u64| {
            let drawn = rng.between(low, high);
            if rng.chance(permille) { drawn } else { 0 }
        };
        LinkFaults {
            // Squared, so that short delays, where much overtakes a little, are as common as long ones.
            delay_max_us: (u128::from(strength(self.delay_permille, 1_000, 1_000_000).pow(2))
                * self.delay_max.as_micros()
                / 1_000_000_000_000) as u64,
            drop_permille: strength(self.drop_permille, 10, 400) as u32,
            duplicate_permille: strength(self.duplicate_permille, 10, 400) as u32,
            late_permille: strength(self.late_permille, 100, 800) as u32,
            late_max_us: self.late_max.as_micros() as u64,
        }
    }

    pub(super) fn swarm_faults(&self, world: &mut Rng) -> FaultCounts {
        let mut count = |permille: u32| {
            let drawn = world.between(1, self.faults_max.into());
            if world.chance(permille) { drawn } else { 0 }
        };
        FaultCounts { partitions: count(self.partition_permille), crashes: count(self.crash_permille) }
    }
}
