//! A seed expanded into a world.
//!
//! Separate streams of the seed draw what kind of world it is, the requests, the faults, and the fates; so that, say, one
//! request more leaves all faults where they were. The order of the draws is part of what a seed means.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Profile;
use crate::machine::{NodeId, Rng, StateMachine, Time};
use crate::sim::{Action, Clients, Fate, Fates, Fault, Link, NameRef, Plan, PlannedFault, PlannedRequest};

const WORLD_STREAM: u64 = 0;
const REQUEST_STREAM: u64 = 1;
const FAULT_STREAM: u64 = 2;
const FATE_STREAM: u64 = 3;
/// What not every profile has; so that the others mean what they meant before there was such a thing.
const HARSH_STREAM: u64 = 4;

/// The longest pause.
const PAUSE_MAX_US: u64 = 60_000;

/// Draws the fate of each message as it is sent.
#[derive(Clone, Debug)]
pub struct SeededFates {
    rng: Rng,
    weather: Weather,
}

/// How the network of one world behaves; 0 stands for "not at all".
#[derive(Clone, Copy, Debug)]
struct Weather {
    delay_max_us: u64,
    drop_permille: u32,
    duplicate_permille: u32,
    /// Of the doubles.
    late_permille: u32,
    late_max_us: u64,
}

impl Fates for SeededFates {
    fn wants_names(&self) -> bool {
        false
    }

    fn fate(&mut self, _name: NameRef<'_>, _at: Time) -> Option<Fate> {
        let Self { rng, weather } = self;
        let happens = |rng: &mut Rng, permille| permille > 0 && rng.chance(permille);
        if happens(rng, weather.drop_permille) {
            return Some(Fate::Drop);
        }
        let delay = |rng: &mut Rng| match weather.delay_max_us {
            0 => Duration::from_millis(1),
            delay_max_us => Duration::from_micros(rng.between(1, delay_max_us)),
        };
        let first = delay(rng);
        if happens(rng, weather.duplicate_permille) {
            let late = happens(rng, weather.late_permille);
            let more = if late { Duration::from_micros(rng.between(1, weather.late_max_us)) } else { delay(rng) };
            return Some(Fate::copies(&[first, more]));
        }
        (weather.delay_max_us > 0).then(|| Fate::delay(first))
    }
}

/// What a drawn world is drawn from, besides the seed.
pub(super) struct Recipe<'a, M: StateMachine> {
    pub(super) node_counts: RangeInclusive<usize>,
    pub(super) request_counts: RangeInclusive<u32>,
    pub(super) settle: Duration,
    pub(super) profile: &'a Profile,
    pub(super) clients: Option<Box<dyn Clients<M>>>,
}

impl<M: StateMachine> Recipe<'_, M> {
    /// The world of `seed`: a plan without fates, and the source that draws them.
    pub(super) fn draw(self, seed: u64) -> (Plan, SeededFates) {
        let world = &mut Rng::new(seed, WORLD_STREAM);
        let node_count = world.between(*self.node_counts.start() as u64, *self.node_counts.end() as u64) as usize;
        let hostile_max_ms = self.profile.hostile_max.as_millis() as u64;
        let mut plan = Plan {
            seed,
            heal_at: Time::from_millis(world.between(hostile_max_ms / 6, hostile_max_ms)),
            settle: self.settle,
            ..Plan::new(node_count)
        };
        let request_count = world.between((*self.request_counts.start()).into(), (*self.request_counts.end()).into());
        let weather = self.profile.draw_weather(world);
        self.profile.draw_faults(&mut plan, world, &mut Rng::new(seed, FAULT_STREAM));
        self.profile.draw_harshness(&mut plan, &mut Rng::new(seed, HARSH_STREAM));
        if let Some(clients) = self.clients {
            draw_requests(&mut plan, request_count, clients, &mut Rng::new(seed, REQUEST_STREAM));
        }
        (plan, SeededFates { rng: Rng::new(seed, FATE_STREAM), weather })
    }
}

fn draw_requests<M: StateMachine>(plan: &mut Plan, count: u64, mut clients: Box<dyn Clients<M>>, rng: &mut Rng) {
    clients.begin(rng);
    let mut due: Vec<(Time, NodeId)> = (0..count).map(|_| (moment(plan, rng), any_node(plan, rng))).collect();
    // In the order in which they fall due, so that what the workload draws reads as a story.
    due.sort_by_key(|(at, _)| *at);
    plan.requests = due.into_iter().map(|(at, node)| PlannedRequest { at, node, action: clients.draw(rng) }).collect();
}

/// Requests that are due at no time in particular.
pub(super) fn draw_asks<M: StateMachine>(
    mut clients: Box<dyn Clients<M>>,
    seed: u64,
    node_count: usize,
    request_count: usize,
) -> Vec<(NodeId, Action)> {
    let rng = &mut Rng::new(seed, REQUEST_STREAM);
    clients.begin(rng);
    let ask = |_| (NodeId::new(rng.below(node_count as u64) as usize), clients.draw(rng));
    (0..request_count).map(ask).collect()
}

/// A moment of the hostile phase.
fn moment(plan: &Plan, rng: &mut Rng) -> Time {
    Time::from_nanos(rng.below(plan.heal_at.as_nanos() / 1_000) * 1_000)
}

fn any_node(plan: &Plan, rng: &mut Rng) -> NodeId {
    NodeId::new(rng.below(plan.node_count as u64) as usize)
}

/// Usually after a while, sometimes not before the world heals.
fn until(rng: &mut Rng, longest_us: u64) -> Option<Duration> {
    rng.chance(850).then(|| Duration::from_micros(rng.between(1_000, longest_us)))
}

impl Profile {
    fn draw_weather(&self, rng: &mut Rng) -> Weather {
        let mut strength = |permille: u32, low: u64, high: u64| {
            let drawn = rng.between(low, high);
            if rng.chance(permille) { drawn } else { 0 }
        };
        Weather {
            // Squared, so that short delays, where much overtakes a little, are as common as long ones.
            delay_max_us: strength(self.delay_permille, 1_000, 1_000_000).pow(2) * self.delay_max.as_micros() as u64
                / 1_000_000_000_000,
            drop_permille: strength(self.drop_permille, 10, 400) as u32,
            duplicate_permille: strength(self.duplicate_permille, 10, 400) as u32,
            late_permille: strength(self.late_permille, 100, 800) as u32,
            late_max_us: self.late_max.as_micros() as u64,
        }
    }

    fn draw_faults(&self, plan: &mut Plan, world: &mut Rng, rng: &mut Rng) {
        let mut count = |permille: u32| {
            let drawn = world.between(1, self.faults_max.into());
            if world.chance(permille) { drawn } else { 0 }
        };
        let (partitions, crashes) = (count(self.partition_permille), count(self.crash_permille));
        for _ in 0..partitions {
            let fault = Fault::Partition { links: draw_links(plan.node_count, rng), heal: until(rng, 60_000) };
            plan.faults.push(PlannedFault { at: moment(plan, rng), fault });
        }
        for _ in 0..crashes {
            let effects = rng.chance(400).then(|| rng.below(6) as u32);
            let fault = Fault::Crash { node: any_node(plan, rng), effects, restart: until(rng, 40_000), wipe: false };
            plan.faults.push(PlannedFault { at: moment(plan, rng), fault });
        }
        plan.faults.retain(|planned| !matches!(&planned.fault, Fault::Partition { links, .. } if links.is_empty()));
        plan.faults.sort_by_key(|planned| planned.at);
    }
}

impl Profile {
    /// Pauses, lost disks, and who is left when the world heals.
    fn draw_harshness(&self, plan: &mut Plan, rng: &mut Rng) {
        for planned in &mut plan.faults {
            if let Fault::Crash { wipe, .. } = &mut planned.fault {
                *wipe = rng.chance(self.wipe_permille);
            }
        }
        let pauses = rng.between(1, self.faults_max.into());
        let pauses = if rng.chance(self.pause_permille) { pauses } else { 0 };
        for _ in 0..pauses {
            let span = Duration::from_micros(rng.between(1_000, PAUSE_MAX_US));
            let fault = Fault::Pause { node: any_node(plan, rng), span };
            plan.faults.push(PlannedFault { at: moment(plan, rng), fault });
        }
        plan.faults.sort_by_key(|planned| planned.at);
        if rng.chance(self.core_permille) {
            let count = plan.node_count as u64;
            let fewest = if self.core_of_any_size { 1 } else { count / 2 + 1 };
            let size = rng.between(fewest, count.saturating_sub(1).max(fewest)) as usize;
            let mut nodes: Vec<NodeId> = (0..plan.node_count).map(NodeId::new).collect();
            rng.shuffle(&mut nodes);
            nodes.truncate(size);
            nodes.sort_unstable();
            plan.core = Some(nodes);
        }
    }
}

/// The links of a partition: of one pair, of one node, or between two halves; both ways, or only one.
pub(super) fn draw_links(node_count: usize, rng: &mut Rng) -> Vec<Link> {
    let mut nodes: Vec<usize> = (0..node_count).collect();
    rng.shuffle(&mut nodes);
    let (left, right) = match rng.below(3) {
        0 => (&nodes[..1], &nodes[1..node_count.min(2)]),
        1 => nodes.split_at(1),
        _ => nodes.split_at(node_count / 2),
    };
    let both_ways = rng.chance(600);
    let pairs = left.iter().flat_map(|from| right.iter().map(move |to| Link::new(*from, *to)));
    pairs.flat_map(|link| [Some(link), both_ways.then(|| link.reversed())]).flatten().collect()
}
