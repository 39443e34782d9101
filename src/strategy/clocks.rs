//! Clocks of nodes, drawn within the bounds that the system says it stands.

use std::time::Duration;

use crate::protocol::{NodeId, Rng};
use crate::sim::{Clock, DRIFT_PPM_MAX, Plan};

/// The random stream of clocks: what a seed draws of all else does not depend on it.
const CLOCK_STREAM: u64 = 19;

/// Of the nodes of a world that has clocks so many in a thousand have one.
const NODES_PERMILLE: u32 = 600;

/// How far the clocks of nodes may be from each other, and from the time that passes. A system that relies on clocks says what it
/// stands; all clocks are the same if nobody does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockBounds {
    /// How far one may be ahead of another at the beginning.
    pub offset_max: Duration,
    /// By how many millionths one may go faster or slower than the time of the world; up to [`DRIFT_PPM_MAX`].
    pub drift_ppm_max: u32,
}

impl ClockBounds {
    /// True if all clocks are the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// A clock within these bounds; those at the bounds are as likely as all others.
    pub(crate) fn draw(self, rng: &mut Rng) -> Clock {
        let Self { offset_max, drift_ppm_max } = self;
        let extreme = |most: u64, rng: &mut Rng| if rng.chance(400) { most } else { rng.between(0, most) };
        let offset_nanos = extreme(offset_max.as_micros().min(1 << 40) as u64, rng) as i64 * 1_000;
        let drift = extreme(drift_ppm_max.min(DRIFT_PPM_MAX).into(), rng) as i32;
        Clock { offset_nanos, drift_ppm: if rng.chance(500) { drift } else { -drift } }
    }
}

/// Adds the clocks of the world of its seed to a plan, if it has any.
pub(crate) fn set_clocks(plan: &mut Plan, bounds: ClockBounds, permille: u32) {
    if bounds.is_none() {
        return;
    }
    let rng = &mut Rng::new(plan.seed, CLOCK_STREAM);
    if !rng.chance(permille) {
        return;
    }
    for node in (0..plan.node_count).map(NodeId::new) {
        let (is_set, clock) = (rng.chance(NODES_PERMILLE), bounds.draw(rng));
        if is_set && clock != Clock::default() {
            plan.clocks.insert(node, clock);
        }
    }
}
