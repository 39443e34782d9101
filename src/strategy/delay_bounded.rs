//! Delay-bounded scheduling: a few messages are late, lost or doubled, and all else is boring.

use std::time::Duration;

use super::fates::{LinkFaults, SeededFates, fate_rng};
use super::scheduler::{Order, Scheduler, Sketch};
use crate::protocol::{Rng, Time};
use crate::sim::{Fate, Link, NameRef, Plan};
use crate::strategy::Profile;

/// The most messages of a world that have a fate.
const COUNT_MAX: u64 = 6;

/// How long a message takes that is not late.
const BORING: Duration = Duration::from_millis(1);

pub(super) struct Delays;

impl Scheduler for Delays {
    fn draw(&self, sketch: &mut Sketch<'_>) -> (Plan, SeededFates) {
        let (plan, links, message_count) = sketch.busy();
        let mut rng = fate_rng(sketch.seed);
        let order = DelayBounded::draw(&sketch.worlds.profile, message_count, &mut rng);
        (plan, SeededFates::new(rng, links, order))
    }
}

/// Which messages have a fate, and which fates there are.
#[derive(Clone, Debug)]
struct DelayBounded {
    /// How many messages are sent before each of the few; the next one last.
    places: Vec<u64>,
    sent: u64,
    delay_max_us: u64,
    late_max_us: u64,
    /// Of the few, how many in a thousand are lost; of the others how many are doubled; and of the doubles how many come late.
    drop_permille: u32,
    duplicate_permille: u32,
    late_permille: u32,
}

impl DelayBounded {
    /// Up to [`COUNT_MAX`] among the first `message_count` messages or so.
    fn draw(profile: &Profile, message_count: u64, rng: &mut Rng) -> Self {
        let mut places: Vec<u64> = (0..rng.between(1, COUNT_MAX)).map(|_| rng.below(message_count)).collect();
        places.sort_unstable_by(|left, right| right.cmp(left));
        Self {
            places,
            sent: 0,
            delay_max_us: if profile.delay_permille > 0 { profile.delay_max.as_micros() as u64 } else { 0 },
            late_max_us: profile.late_max.as_micros() as u64,
            drop_permille: share(profile.drop_permille, rng),
            duplicate_permille: share(profile.duplicate_permille, rng),
            late_permille: profile.late_permille,
        }
    }
}

impl Order for DelayBounded {
    fn fate(&mut self, _name: NameRef<'_>, _at: Time, _links: &LinkFaults, rng: &mut Rng) -> Option<Fate> {
        let place = self.sent;
        self.sent += 1;
        self.places.pop_if(|next| *next == place)?;
        while self.places.pop_if(|next| *next == place).is_some() {}
        if rng.chance(self.drop_permille) {
            return Some(Fate::Drop);
        }
        let mut late = |longest_us| match longest_us {
            0 => BORING,
            longest_us => Duration::from_micros(rng.between(1, longest_us)),
        };
        let (delay, near, far) = (late(self.delay_max_us), late(self.delay_max_us), late(self.late_max_us));
        if !rng.chance(self.duplicate_permille) {
            return Some(Fate::delay(delay));
        }
        let copy = if rng.chance(self.late_permille) { far } else { near };
        Some(Fate::copies(&[BORING, copy]))
    }

    fn delay(&mut self, _link: Link, _at: Time, _links: &LinkFaults, _rng: &mut Rng) -> Duration {
        BORING
    }

    fn fork(&self) -> Box<dyn Order> {
        Box::new(self.clone())
    }
}

/// Of the few none, some or most; none if the profile has none.
fn share(permille: u32, rng: &mut Rng) -> u32 {
    let drawn = rng.pick(&[0, 300, 700]).copied().unwrap_or_default();
    if permille > 0 { drawn } else { 0 }
}
