//! The fates of a seed's messages and timers, drawn as its world runs.

use std::time::Duration;

use super::late_timers::LateTimers;
use super::scheduler::Order;
use crate::protocol::{NodeId, Rng, Time};
use crate::sim::{DrawnDisks, Fate, Fates, NameRef};

const FATE_STREAM: u64 = 3;

/// Draws the fate of each message as it is sent, and of each timer as it is set.
#[derive(Debug)]
pub struct SeededFates {
    rng: Rng,
    links: LinkFaults,
    order: Box<dyn Order>,
    timers: Option<LateTimers>,
    disks: Option<DrawnDisks>,
}

impl SeededFates {
    pub(crate) fn new(rng: Rng, links: LinkFaults, order: impl Order + 'static) -> Self {
        Self { rng, links, order: Box::new(order), timers: None, disks: None }
    }

    /// The same, with timers that are late.
    pub(crate) fn with_timers(self, timers: Option<LateTimers>) -> Self {
        Self { timers, ..self }
    }

    /// The same, with disks that do this beside what the plan says of them.
    pub(crate) fn with_disks(self, disks: Option<DrawnDisks>) -> Self {
        Self { disks, ..self }
    }
}

/// The random stream that the fates of a seed are drawn from.
pub(crate) fn fate_rng(seed: u64) -> Rng {
    Rng::new(seed, FATE_STREAM)
}

impl Clone for SeededFates {
    fn clone(&self) -> Self {
        let Self { rng, links, order, timers, disks } = self;
        Self { rng: rng.clone(), links: *links, order: order.fork(), timers: timers.clone(), disks: *disks }
    }
}

/// How the network of one world behaves; 0 stands for "not at all".
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkFaults {
    pub(crate) delay_max_us: u64,
    pub(crate) drop_permille: u32,
    pub(crate) duplicate_permille: u32,
    /// Of the doubles.
    pub(crate) late_permille: u32,
    pub(crate) late_max_us: u64,
}

impl LinkFaults {
    /// What becomes of a message that takes `delay`, if messages take their own time at all.
    #[inline]
    pub(crate) fn fate(&self, rng: &mut Rng, mut delay: impl FnMut(&mut Rng) -> Duration) -> Option<Fate> {
        let happens = |rng: &mut Rng, permille| permille > 0 && rng.chance(permille);
        if happens(rng, self.drop_permille) {
            return Some(Fate::Drop);
        }
        let mut delay = |rng: &mut Rng| if self.delay_max_us == 0 { Duration::from_millis(1) } else { delay(rng) };
        let first = delay(rng);
        if happens(rng, self.duplicate_permille) {
            let late = happens(rng, self.late_permille);
            let more = if late { Duration::from_micros(rng.between(1, self.late_max_us)) } else { delay(rng) };
            return Some(Fate::copies(&[first, more]));
        }
        (self.delay_max_us > 0).then(|| Fate::delay(first))
    }
}

impl Fates for SeededFates {
    fn wants_names(&self) -> bool {
        false
    }

    fn fate(&mut self, name: NameRef<'_>, at: Time) -> Option<Fate> {
        let Self { rng, links, order, .. } = self;
        order.fate(name, at, links, rng)
    }

    fn disks(&self) -> Option<DrawnDisks> {
        self.disks
    }

    fn draws_timers(&self) -> bool {
        self.timers.is_some()
    }

    fn lateness(&mut self, node: NodeId, at: Time, due: Time) -> Option<Duration> {
        let Self { order, timers, .. } = self;
        timers.as_mut()?.lateness(node, at, due, &mut **order)
    }
}
