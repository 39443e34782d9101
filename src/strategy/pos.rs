//! Each message takes any place among those under way to the same receiver.

use std::time::Duration;

use indexmap::IndexMap;

use crate::protocol::{NodeId, Rng, Time};
use crate::sim::Link;
use crate::strategy::Profile;

/// With so many messages under way to a receiver a further one is sent at a delay of its own: to keep track of a storm would cost its square.
const UNDER_WAY_MAX: usize = 1_024;

/// What is under way, by receiver.
#[derive(Clone, Debug)]
pub(crate) struct Pos {
    /// When each arrives, in order.
    under_way: IndexMap<NodeId, Vec<Time>>,
    /// The longest that a message takes which comes after all others that are under way.
    gap_max_us: u64,
    /// And none takes longer than this.
    longest: Duration,
}

impl Pos {
    pub(crate) fn draw(delay_max_us: u64, profile: &Profile) -> Self {
        Self { under_way: IndexMap::new(), gap_max_us: delay_max_us.max(1), longest: profile.delay_max }
    }

    /// How long a message takes that is sent now.
    pub(crate) fn delay(&mut self, link: Link, now: Time, rng: &mut Rng) -> Duration {
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
}
