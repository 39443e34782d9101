//! Each message takes any place among those under way to the same receiver.

use std::time::Duration;

use indexmap::IndexMap;

use super::fates::{LinkFaults, SeededFates, fate_rng};
use super::scheduler::{Order, Scheduler, Sketch};
use crate::protocol::{NodeId, Rng, Time};
use crate::sim::{Link, Plan};
use crate::strategy::Profile;

/// With so many messages under way to a receiver a further one is sent at a delay of its own: to keep track of a storm would cost its square.
const UNDER_WAY_MAX: usize = 1_024;

pub(super) struct AnyPlace;

impl Scheduler for AnyPlace {
    fn draw(&self, sketch: &mut Sketch<'_>) -> (Plan, SeededFates) {
        let (plan, links, _) = sketch.busy();
        let order = Pos::draw(links.delay_max_us, &sketch.worlds.profile);
        (plan, SeededFates::new(fate_rng(sketch.seed), links, order))
    }
}

/// What is under way, by receiver.
#[derive(Clone, Debug)]
struct Pos {
    /// When each arrives, in order.
    under_way: IndexMap<NodeId, Vec<Time>>,
    /// The longest that a message takes which comes after all others that are under way.
    gap_max_us: u64,
    /// And none takes longer than this.
    longest: Duration,
}

impl Pos {
    fn draw(delay_max_us: u64, profile: &Profile) -> Self {
        Self { under_way: IndexMap::new(), gap_max_us: delay_max_us.max(1), longest: profile.delay_max }
    }
}

impl Order for Pos {
    fn delay(&mut self, link: Link, now: Time, _links: &LinkFaults, rng: &mut Rng) -> Duration {
        let arrivals = self.under_way.entry(link.to).or_default();
        arrivals.retain(|at| *at > now);
        if arrivals.len() >= UNDER_WAY_MAX {
            return Duration::from_micros(rng.between(1, self.gap_max_us)).min(self.longest);
        }
        let place = rng.below(arrivals.len() as u64 + 1) as usize;
        let before = place.checked_sub(1).map_or(now, |place| arrivals[place]);
        let gap_us = match arrivals.get(place) {
            Some(after) => ((*after - before).as_micros() as u64).max(1),
            None => self.gap_max_us,
        };
        let at = (before + Duration::from_micros(rng.between(1, gap_us))).min(now + self.longest);
        arrivals.insert(place, at);
        at - now
    }

    /// A timer takes any place among what is under way to its node, from when it is due.
    fn lateness(&mut self, node: NodeId, at: Time, due: Time, longest: Duration, rng: &mut Rng) -> Duration {
        let arrivals = self.under_way.entry(node).or_default();
        arrivals.retain(|arrival| *arrival > at);
        let first = arrivals.partition_point(|arrival| *arrival <= due);
        let behind = &arrivals[first..];
        // As likely among these as somewhere behind them all.
        if behind.is_empty() || rng.chance(500) {
            return super::scheduler::any_lateness(longest, rng);
        }
        let after = behind[rng.below(behind.len() as u64) as usize];
        ((after - due) + Duration::from_micros(1)).min(longest)
    }

    fn fork(&self) -> Box<dyn Order> {
        Box::new(self.clone())
    }
}
