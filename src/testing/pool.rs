//! What a plan can be made of when no seed draws it: proptest and fuzzers choose from here.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::harness::Harness;
use crate::protocol::{Rng, StateMachine, Time};
use crate::sim::{Action, Links, Plan, Said, What};
#[cfg(feature = "proptest")]
use crate::strategy::Profile;
use crate::strategy::{ClockBounds, Disks, Knob, Retries};

/// How long the hostile phase of such a plan lasts, in microseconds.
pub(crate) const HOSTILE_US: u64 = 60_000;
/// The longest delay of a message, of a late copy, of a restart and of a partition, in microseconds.
pub(crate) const DELAY_US: u64 = 40_000;
pub(crate) const LATE_US: u64 = 150_000;
pub(crate) const RESTART_US: u64 = 30_000;
pub(crate) const PARTITION_US: u64 = 40_000;
/// How many requests there are to choose from, at the most: as many as a byte can tell apart.
const REQUESTS_MAX: usize = 256;
/// So many worlds of clients are asked for requests, and each of them for so many: what clients are like differs from world to world.
const CLIENTS: usize = 32;
const REQUESTS_EACH: usize = 24;
/// So many worlds are run to learn which kinds of messages there are.
const WORLDS: u64 = 4;

/// What a plan for one system can be made of.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(crate) node_counts: RangeInclusive<usize>,
    settle: Duration,
    /// How hostile drawn worlds are: what they do not have, plans have not either.
    #[cfg(feature = "proptest")]
    pub(crate) profile: Profile,
    /// Which limits may be shaken.
    pub(crate) knobs: Vec<Knob>,
    /// How many spare nodes there may be besides.
    pub(crate) spares: RangeInclusive<usize>,
    links: Links,
    closed_loop: Option<Duration>,
    /// When clients ask again, if they do.
    pub(crate) retries: Option<Retries>,
    /// What disks may do.
    pub(crate) disks: Disks,
    /// What clients may ask; nothing if there are no clients.
    pub(crate) actions: Vec<Action>,
    /// The kinds of messages that fates may be for; none if nobody ever sends.
    pub(crate) kinds: Vec<Arc<str>>,
    /// The kinds of timers that may be late; none if nobody sets any.
    pub(crate) timers: Vec<Arc<str>>,
    /// How far clocks may be from each other.
    pub(crate) clocks: ClockBounds,
    /// What faults may wait for.
    pub(crate) sayings: Vec<Said>,
}

impl Pool {
    /// A plan with no decisions in it yet.
    pub(crate) fn plan(&self, member_count: usize, spares: usize) -> Plan {
        let Self { settle, links, closed_loop, .. } = *self;
        let heal_at = micros(HOSTILE_US);
        Plan { settle, heal_at, spares, links, closed_loop, ..Plan::new(member_count + spares) }
    }
}

impl<M: StateMachine> Harness<M> {
    /// Runs a few worlds to learn what there is to choose from.
    pub(crate) fn pool(&self) -> Pool {
        let worlds = &self.worlds;
        Pool {
            node_counts: worlds.node_counts.clone(),
            settle: worlds.settle,
            #[cfg(feature = "proptest")]
            profile: worlds.profile.clone(),
            knobs: worlds.knobs.clone(),
            spares: worlds.spares.clone(),
            links: worlds.links,
            closed_loop: worlds.closed_loop,
            retries: worlds.retries,
            disks: worlds.disks,
            actions: self.actions(),
            kinds: self.kinds(),
            timers: self.calibration().timers.iter().map(|timer| Arc::clone(&timer.kind)).collect(),
            clocks: worlds.clocks,
            sayings: self.fitted().sayings.all(),
        }
    }

    /// Requests to choose from, all different, drawn from one fixed seed: only the workload can make them.
    fn actions(&self) -> Vec<Action> {
        let Some(clients) = &self.clients else { return Vec::new() };
        let rng = &mut Rng::new(0, 0);
        let mut actions: Vec<Action> = Vec::new();
        for _ in 0..CLIENTS {
            let mut clients = clients.fork();
            clients.begin(rng);
            let drawn = (0..REQUESTS_EACH).map(|_| clients.draw(rng));
            drawn.for_each(|action| {
                if !actions.contains(&action) {
                    actions.push(action)
                }
            });
        }
        actions.truncate(REQUESTS_MAX);
        actions
    }

    /// The kinds of messages that this system sends, as far as a few drawn worlds show.
    fn kinds(&self) -> Vec<Arc<str>> {
        let mut kinds: Vec<Arc<str>> = Vec::new();
        for seed in 0..WORLDS {
            for event in self.record_seed(seed).trace.events {
                if let What::Sent { name, .. } = event.what
                    && !kinds.contains(&name.kind)
                {
                    kinds.push(name.kind);
                }
            }
        }
        kinds.sort_unstable();
        kinds
    }
}

/// So long after the world began.
pub(crate) fn micros(micros: u64) -> Time {
    Time::ZERO + Duration::from_micros(micros)
}
