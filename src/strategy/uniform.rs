//! A little of everything in each world: what swarm worlds have in the mean.

use super::draw::FaultCounts;
use super::fates::{LinkFaults, SeededFates, fate_rng};
use super::scheduler::{AnyOrder, Scheduler, Sketch};
use crate::protocol::Rng;
use crate::sim::Plan;
use crate::strategy::Profile;

pub(super) struct Uniform;

impl Scheduler for Uniform {
    fn draw(&self, sketch: &mut Sketch<'_>) -> (Plan, SeededFates) {
        let (plan, links) = sketch.any_time(true);
        (plan, SeededFates::new(fate_rng(sketch.seed), links, AnyOrder))
    }

    fn is_baseline(&self) -> bool {
        true
    }
}

impl Profile {
    /// The same links in each world.
    pub(crate) fn uniform_links(&self) -> LinkFaults {
        // The means of what `draw_links` draws.
        let mean = |permille: u32, strength: u32| permille * strength / 1_000;
        LinkFaults {
            delay_max_us: self.delay_max.as_micros() as u64 * u64::from(mean(self.delay_permille, 333)) / 1_000,
            drop_permille: mean(self.drop_permille, 205),
            duplicate_permille: mean(self.duplicate_permille, 205),
            late_permille: mean(self.late_permille, 450),
            late_max_us: self.late_max.as_micros() as u64,
        }
    }

    /// As many faults as swarm worlds have in the mean, but in each world some.
    pub(crate) fn uniform_faults(&self, rng: &mut Rng) -> FaultCounts {
        let count = |permille: u32, rng: &mut Rng| if permille > 0 { rng.below(self.faults_max.into()) } else { 0 };
        FaultCounts { partitions: count(self.partition_permille, rng), crashes: count(self.crash_permille, rng) }
    }
}
