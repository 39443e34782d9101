//! Priorities of links as delays, with a few moments at which one is drawn anew.

use std::time::Duration;

use indexmap::IndexMap;

use crate::machine::Rng;
use crate::sim::Link;

/// The most moments at which a priority changes.
const CHANGES_MAX: u64 = 8;

/// The priorities of the links of one world.
#[derive(Clone, Debug)]
pub(in crate::explore) struct Pct {
    /// How long the messages of each link take now; drawn when the first one is sent.
    delays: IndexMap<Link, Duration>,
    /// How many messages are sent before each change; the next one last.
    changes: Vec<u64>,
    sent: u64,
    delay_max_us: u64,
}

impl Pct {
    pub(in crate::explore) fn draw(delay_max_us: u64, message_count: u64, rng: &mut Rng) -> Self {
        let mut changes: Vec<u64> = (0..rng.between(0, CHANGES_MAX)).map(|_| rng.below(message_count)).collect();
        changes.sort_unstable_by(|left, right| right.cmp(left));
        Self { delays: IndexMap::new(), changes, sent: 0, delay_max_us }
    }

    /// How long the next message takes.
    pub(in crate::explore) fn delay(&mut self, link: Link, rng: &mut Rng) -> Duration {
        let place = self.sent;
        self.sent += 1;
        let mut changes = false;
        while self.changes.pop_if(|next| *next <= place).is_some() {
            changes = true;
        }
        let longest = self.delay_max_us;
        // Squared: what is to overtake must be much sooner.
        let priority = |rng: &mut Rng| {
            let drawn = rng.between(1, 1_000);
            Duration::from_micros((drawn * drawn * longest / 1_000_000).max(1))
        };
        if changes {
            let drawn = priority(rng);
            self.delays.insert(link, drawn);
            return drawn;
        }
        *self.delays.entry(link).or_insert_with(|| priority(rng))
    }
}
