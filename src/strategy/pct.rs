//! Chains of messages with priorities, and a few moments at which one falls behind all others.

use std::time::Duration;

use crate::protocol::{NodeId, Rng, Time};
use crate::sim::Link;
use crate::strategy::Profile;

/// The most messages that fall behind.
const CHANGES_MAX: u64 = 6;

/// So many chains are kept track of: to look through all chains of a storm would cost its square.
const CHAINS_MAX: usize = 1_024;

/// The chains of one world.
///
/// A message that is sent when another one comes continues its chain, and keeps its priority; every other begins one. What
/// falls behind takes longer than any priority says.
#[derive(Clone, Debug)]
pub(crate) struct Pct {
    /// The ends of the chains: where and when the last message comes, and how long the next one takes.
    ends: Vec<(NodeId, Time, Duration)>,
    /// How many messages are sent before each that falls behind; the next one last.
    changes: Vec<u64>,
    sent: u64,
    /// The lowest priority.
    delay_max_us: u64,
    /// What falls behind takes no longer than this either.
    longest: Duration,
}

impl Pct {
    pub(crate) fn draw(delay_max_us: u64, profile: &Profile, message_count: u64, rng: &mut Rng) -> Self {
        let mut changes: Vec<u64> = (0..rng.between(0, CHANGES_MAX)).map(|_| rng.below(message_count)).collect();
        changes.sort_unstable_by(|left, right| right.cmp(left));
        Self { ends: Vec::new(), changes, sent: 0, delay_max_us, longest: profile.delay_max }
    }

    /// How long a message takes that is sent now.
    pub(crate) fn delay(&mut self, link: Link, now: Time, rng: &mut Rng) -> Duration {
        let place = self.sent;
        self.sent += 1;
        self.ends.retain(|(_, at, _)| *at >= now);
        let known = self.ends.iter().position(|(node, at, _)| *node == link.from && *at == now);
        let mut delay = match known {
            Some(end) => self.ends.swap_remove(end).2,
            None => Duration::from_micros(rng.between(1, self.delay_max_us)),
        };
        while self.changes.pop_if(|next| *next <= place).is_some() {
            delay = Duration::from_micros(rng.between(1, 3) * self.delay_max_us).min(self.longest);
        }
        if self.ends.len() < CHAINS_MAX {
            self.ends.push((link.to, now + delay, delay));
        }
        delay
    }
}
