//! What goes wrong between nodes on threads: the same that goes wrong in plans.

use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::clock::Clock;
use crate::protocol::{Rng, Time};
use crate::sim::{Fate, Fates, Fault, Link, NameRef, PlannedFault};

/// A cut, or its end, takes effect so much later, so that no step that asked before and was told an answer is of a later time.
const NOTICE: Duration = Duration::from_micros(1);

/// Unless the run is recorded, cuts that ended so long ago are forgotten.
const REMEMBERED: Duration = Duration::from_secs(60);

/// How links treat messages. Probabilities are in parts of a thousand, as in a [`Profile`](crate::strategy::Profile).
///
/// All are drawn from the cluster's seed, but which message meets which draw is a matter of the threads' timing: to see the same
/// run again, record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LinkFaults {
    /// Of so many messages in a thousand each takes a time of its own, up to `delay_max`, and so overtakes others.
    pub delay_permille: u32,
    /// The longest time.
    pub delay_max: Duration,
    /// So many messages in a thousand are lost.
    pub drop_permille: u32,
    /// So many in a thousand are doubled.
    pub duplicate_permille: u32,
}

impl LinkFaults {
    /// Messages arrive at once, each once.
    #[must_use]
    pub const fn none() -> Self {
        Self { delay_permille: 0, delay_max: Duration::ZERO, drop_permille: 0, duplicate_permille: 0 }
    }

    /// Messages overtake each other; nothing is lost.
    #[must_use]
    pub const fn calm() -> Self {
        Self { delay_permille: 850, delay_max: Duration::from_millis(5), ..Self::none() }
    }

    /// Messages are lost and doubled as well.
    #[must_use]
    pub const fn lossy() -> Self {
        Self { drop_permille: 100, duplicate_permille: 50, ..Self::calm() }
    }
}

/// Draws the fates of the messages that one node sends.
#[derive(Debug)]
pub(super) struct DrawnFates {
    pub(super) faults: LinkFaults,
    pub(super) rng: Rng,
}

impl Fates for DrawnFates {
    fn wants_names(&self) -> bool {
        false
    }

    fn fate(&mut self, _name: NameRef<'_>, _at: Time) -> Option<Fate> {
        let Self { faults, rng } = self;
        let happens = |rng: &mut Rng, permille| permille > 0 && rng.chance(permille);
        if happens(rng, faults.drop_permille) {
            return Some(Fate::Drop);
        }
        let delay = |rng: &mut Rng| match happens(rng, faults.delay_permille) {
            true => Duration::from_nanos(rng.between(0, (Time::ZERO + faults.delay_max).as_nanos())),
            false => Duration::ZERO,
        };
        let first = delay(rng);
        if happens(rng, faults.duplicate_permille) {
            return Some(Fate::copies(&[first, delay(rng)]));
        }
        (!first.is_zero()).then(|| Fate::delay(first))
    }
}

/// Which links are cut, and were: a step that is told to be of an earlier moment asks for that moment.
#[derive(Debug)]
pub(super) struct Cuts {
    /// False as long as there was none: the usual case costs nothing.
    any: AtomicBool,
    cuts: RwLock<Vec<Cut>>,
    is_recorded: bool,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    link: Link,
    from: Time,
    /// `None` as long as it lasts.
    to: Option<Time>,
}

impl Cuts {
    pub(super) fn new(is_recorded: bool) -> Self {
        Self { any: AtomicBool::new(false), cuts: RwLock::default(), is_recorded }
    }

    pub(super) fn is_cut(&self, link: Link, at: Time) -> bool {
        if !self.any.load(Ordering::SeqCst) {
            return false;
        }
        let cuts = self.cuts.read().unwrap_or_else(PoisonError::into_inner);
        cuts.iter().any(|cut| cut.link == link && cut.from <= at && cut.to.is_none_or(|to| at < to))
    }

    /// Cuts links, from now on; those that are cut already stay so.
    pub(super) fn cut(&self, links: &[Link], clock: Clock) {
        let mut cuts = self.cuts.write().unwrap_or_else(PoisonError::into_inner);
        self.any.store(true, Ordering::SeqCst);
        let from = clock.now() + NOTICE;
        if !self.is_recorded {
            cuts.retain(|cut| cut.to.is_none_or(|to| to + REMEMBERED > from));
        }
        for link in links {
            if !cuts.iter().any(|cut| cut.link == *link && cut.to.is_none()) {
                cuts.push(Cut { link: *link, from, to: None });
            }
        }
        drop(cuts);
        clock.pass(from);
    }

    /// Ends what is cut, of links that `is_meant` chooses.
    pub(super) fn heal(&self, is_meant: impl Fn(Link) -> bool, clock: Clock) {
        let mut cuts = self.cuts.write().unwrap_or_else(PoisonError::into_inner);
        let mut now = clock.now() + NOTICE;
        for cut in cuts.iter_mut().filter(|cut| cut.to.is_none() && is_meant(cut.link)) {
            now = now.max(cut.from + NOTICE);
            cut.to = Some(now);
        }
        drop(cuts);
        clock.pass(now);
    }

    /// As faults of a plan: links that were cut and healed together are one partition.
    pub(super) fn planned(&self) -> Vec<PlannedFault> {
        let cuts = self.cuts.read().unwrap_or_else(PoisonError::into_inner);
        let mut faults: Vec<PlannedFault> = Vec::new();
        for cut in cuts.iter() {
            let heal = cut.to.map(|to| to - cut.from);
            let same = faults.iter_mut().find_map(|planned| match &mut planned.fault {
                Fault::Partition { links, heal: other } if planned.at == cut.from && *other == heal => Some(links),
                _ => None,
            });
            match same {
                Some(links) => links.push(cut.link),
                None => {
                    let fault = Fault::Partition { links: vec![cut.link], heal };
                    faults.push(PlannedFault { at: cut.from, fault });
                }
            }
        }
        faults
    }
}
