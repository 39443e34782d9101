//! Worlds whose faults strike where something is going on.

use std::time::Duration;

use crate::protocol::{NodeId, Rng, Time};
use crate::sim::{Fault, Plan, PlannedFault};
use crate::strategy::Profile;
use crate::strategy::draw::{draw_links, micros, until};

/// Of so many faults in a thousand the request is one of the first: what a node does first, under a new name, it does only once …
const FIRST_PERMILLE: u32 = 200;
/// … and these are the first.
const FIRST_COUNT: usize = 2;

impl Profile {
    /// Adds faults to a plan that has its requests: at or shortly after a request, and at its node.
    pub(crate) fn aim_faults(&self, plan: &mut Plan, partitions: u64, crashes: u64, rng: &mut Rng) {
        // Half as many again as elsewhere: a node that hears and is not heard, or the other way, shows what a mere cut does not.
        let one_way_permille = self.one_way_permille * 3 / 2;
        // Long enough for whoever is cut off to ask several times.
        let partition_max_us = 2 * micros(self.partition_max);
        for _ in 0..partitions {
            let (at, _) = aim(plan, rng);
            let links = draw_links(plan.node_count, one_way_permille, rng);
            let fault = Fault::Partition { links, heal: until(rng, partition_max_us) };
            plan.faults.push(PlannedFault { at, fault });
        }
        for _ in 0..crashes {
            let (at, node) = aim(plan, rng);
            let (effects, restart) = (self.draw_budget(rng), soon(rng, micros(self.restart_max)));
            plan.faults.push(PlannedFault { at, fault: Fault::Crash { node, effects, restart, wipe: false } });
        }
        plan.faults.retain(|planned| !matches!(&planned.fault, Fault::Partition { links, .. } if links.is_empty()));
        plan.faults.sort_by_key(|planned| planned.at);
    }
}

/// When and where a request comes, or a little after.
fn aim(plan: &Plan, rng: &mut Rng) -> (Time, NodeId) {
    let count = if rng.chance(FIRST_PERMILLE) { FIRST_COUNT.min(plan.requests.len()) } else { plan.requests.len() };
    let drawn = rng.pick(&plan.requests[..count]).map(|request| (request.at, request.node));
    let (at, node) = drawn.unwrap_or((Time::ZERO, NodeId::new(0)));
    let after = if rng.chance(500) { 0 } else { rng.below(5_000) };
    (at + Duration::from_micros(after), node)
}

/// Mostly after a short while, so that something is still to come.
fn soon(rng: &mut Rng, longest_us: u64) -> Option<Duration> {
    let drawn = rng.between(1, 1_000);
    until(rng, (drawn * drawn * longest_us / 1_000_000).max(1_000))
}
