//! Chains of messages with priorities, and a few moments at which one falls behind all others.

use std::time::Duration;

use super::fates::{LinkFaults, SeededFates, fate_rng};
use super::scheduler::{Order, Scheduler, Sketch};
use crate::protocol::{NodeId, Rng, Time};
use crate::sim::{Link, Plan};
use crate::strategy::Profile;

/// The most messages that fall behind.
const CHANGES_MAX: u64 = 6;

/// So many chains are kept track of: to look through all chains of a storm would cost its square.
const CHAINS_MAX: usize = 1_024;

pub(super) struct Chains;

impl Scheduler for Chains {
    fn draw(&self, sketch: &mut Sketch<'_>) -> (Plan, SeededFates) {
        let (plan, links, message_count) = sketch.busy();
        let mut rng = fate_rng(sketch.seed);
        let order = Pct::draw(links.delay_max_us, &sketch.worlds.profile, message_count, &mut rng);
        (plan, SeededFates::new(rng, links, order))
    }
}

/// The chains of one world.
///
/// A message that is sent when another one comes continues its chain, and keeps its priority; every other begins one. What
/// falls behind takes longer than any priority says.
#[derive(Clone, Debug)]
struct Pct {
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
    fn draw(delay_max_us: u64, profile: &Profile, message_count: u64, rng: &mut Rng) -> Self {
        let mut changes: Vec<u64> = (0..rng.between(0, CHANGES_MAX)).map(|_| rng.below(message_count)).collect();
        changes.sort_unstable_by(|left, right| right.cmp(left));
        Self { ends: Vec::new(), changes, sent: 0, delay_max_us, longest: profile.delay_max }
    }
}

impl Order for Pct {
    fn delay(&mut self, link: Link, now: Time, _links: &LinkFaults, rng: &mut Rng) -> Duration {
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

    /// A timer continues the chain of the step that sets it, and a few fall behind all others.
    fn lateness(&mut self, node: NodeId, at: Time, due: Time, longest: Duration, rng: &mut Rng) -> Duration {
        let place = self.sent;
        self.sent += 1;
        let known = self.ends.iter().find(|(end, came, _)| *end == node && *came == at);
        let mut late = known.map_or_else(|| super::scheduler::any_lateness(longest, rng), |(_, _, delay)| *delay);
        if self.changes.pop_if(|next| *next <= place).is_some() {
            late = longest;
        }
        let late = late.min(longest);
        if self.ends.len() < CHAINS_MAX {
            self.ends.push((node, due + late, late));
        }
        late
    }

    fn fork(&self) -> Box<dyn Order> {
        Box::new(self.clone())
    }
}
