//! A seed expanded into a world.
//!
//! Separate streams of the seed draw what kind of world it is, the requests, the faults, and the fates; so that, say, one
//! request more leaves all faults where they were. The order of the draws is part of what a seed means.

use std::time::Duration;

use super::fates::{LinkFaults, SeededFates};
use super::late_timers::LateTimers;
use super::scheduler::{Actions, ActionsOf, Sketch};
use super::{Fitted, Profile, Sayings, Worlds, add_scenario, arm, draw_knobs, scheduler_of, set_clocks};
use crate::protocol::{NodeId, Rng, StateMachine, Time};
use crate::sim::{Action, Clients, Fault, Link, Plan, PlannedFault, PlannedRequest};

const WORLD_STREAM: u64 = 0;
const REQUEST_STREAM: u64 = 1;
const FAULT_STREAM: u64 = 2;
/// What not every profile has; so that the others mean what they meant before there was such a thing.
const HARSH_STREAM: u64 = 4;

/// The random stream of when requests begin.
const WARM_UP_STREAM: u64 = 21;

/// Of the worlds whose faults are aimed, so many in a thousand draw for themselves which faults they have.
const SWARM_PERMILLE: u32 = 400;

/// How many faults of each kind a world has.
pub(crate) struct FaultCounts {
    pub(crate) partitions: u64,
    pub(crate) crashes: u64,
}

impl Fitted {
    /// The world of `seed`: a plan without fates, and the source that draws them.
    pub(crate) fn draw<M: StateMachine>(&self, clients: Option<Box<dyn Clients<M>>>, seed: u64) -> (Plan, SeededFates) {
        self.worlds.draw_world(clients, seed, &self.sayings)
    }
}

impl Worlds {
    fn draw_world<M: StateMachine>(
        &self,
        clients: Option<Box<dyn Clients<M>>>,
        seed: u64,
        sayings: &Sayings,
    ) -> (Plan, SeededFates) {
        let mut clients = clients.map(ActionsOf);
        let clients = clients.as_mut().map(|clients| clients as &mut dyn Actions);
        let scheduler = scheduler_of(self.strategy.of(seed));
        let (mut plan, fates) = scheduler.draw(&mut Sketch { worlds: self, clients, seed });
        self.draw_retries(&mut plan, seed);
        let fates = fates.with_disks(self.disks.draw(seed));
        set_clocks(&mut plan, self.clocks, self.profile.clock_permille);
        if scheduler.is_baseline() {
            add_scenario(&mut plan, &self.scenarios);
            return (plan, fates);
        }
        arm(&mut plan, &self.profile, sayings);
        add_scenario(&mut plan, &self.scenarios);
        plan.knobs = draw_knobs(&self.knobs, self.profile.knob_permille, seed);
        let timers = LateTimers::draw(&self.profile, plan.node_count, seed);
        (plan, fates.with_timers(timers))
    }
}

impl Sketch<'_> {
    /// A world whose requests and faults come at any time, with a little of everything or as swarms have it.
    pub(super) fn any_time(&mut self, little_of_all: bool) -> (Plan, LinkFaults) {
        let Self { worlds, seed, .. } = *self;
        let profile = &worlds.profile;
        let world = &mut Rng::new(seed, WORLD_STREAM);
        let node_count = world.between(*worlds.node_counts.start() as u64, *worlds.node_counts.end() as u64) as usize;
        let mut plan = worlds.empty(node_count, seed, world);
        let request_count = worlds.request_count(world);
        let (links, counts) = if little_of_all {
            (profile.uniform_links(), profile.uniform_faults(world))
        } else {
            (profile.swarm_links(world), profile.swarm_faults(world))
        };
        profile.draw_faults(&mut plan, &counts, &mut Rng::new(seed, FAULT_STREAM));
        profile.draw_harshness(&mut plan, &mut Rng::new(seed, HARSH_STREAM));
        if let Some(clients) = &mut self.clients {
            draw_requests(&mut plan, request_count, &mut **clients, &mut Rng::new(seed, REQUEST_STREAM));
        }
        (plan, links)
    }

    /// A world whose faults strike where something is going on; and about how many messages it has.
    pub(super) fn busy(&mut self) -> (Plan, LinkFaults, u64) {
        let Self { worlds, seed, .. } = *self;
        let profile = &worlds.profile;
        let world = &mut Rng::new(seed, WORLD_STREAM);
        let (fewest, most) = (*worlds.node_counts.start() as u64, *worlds.node_counts.end() as u64);
        // Most failures need no more than three nodes; but a world with more requests has more chances, at hardly more cost.
        let node_count = world.between(fewest, most).min(world.between(fewest, most)) as usize;
        let mut plan = worlds.empty(node_count, seed, world);
        let request_count = worlds.request_count(world).max(worlds.request_count(world));
        // Some have much of something, as swarm has: what only shows where something else never happens shows there.
        let (links, counts) = if world.chance(SWARM_PERMILLE) && !profile.fixed_mix {
            (profile.swarm_links(world), profile.swarm_faults(world))
        } else {
            (profile.uniform_links(), profile.uniform_faults(world))
        };
        if let Some(clients) = &mut self.clients {
            let rng = &mut Rng::new(seed, REQUEST_STREAM);
            draw_paced(&mut plan, request_count, &mut **clients, profile, rng);
        }
        profile.aim_faults(&mut plan, counts.partitions, counts.crashes, &mut Rng::new(seed, FAULT_STREAM));
        profile.draw_harshness(&mut plan, &mut Rng::new(seed, HARSH_STREAM));
        let message_count = request_count.max(1) * node_count as u64 * 2;
        (plan, links, message_count)
    }
}

impl Worlds {
    fn empty(&self, node_count: usize, seed: u64, world: &mut Rng) -> Plan {
        let hostile_max_ms = self.profile.hostile_max.as_millis() as u64;
        let heal_at = Time::from_millis(world.between(hostile_max_ms / 6, hostile_max_ms));
        let (spares, links, closed_loop) = (self.spare_count(seed), self.links, self.closed_loop);
        Plan { seed, heal_at, settle: self.settle, spares, links, closed_loop, ..Plan::new(node_count + spares) }
    }

    fn request_count(&self, world: &mut Rng) -> u64 {
        world.between((*self.request_counts.start()).into(), (*self.request_counts.end()).into())
    }
}

fn draw_requests(plan: &mut Plan, count: u64, clients: &mut dyn Actions, rng: &mut Rng) {
    clients.begin(rng);
    let mut due: Vec<(Time, NodeId)> = (0..count).map(|_| (moment(plan, rng), any_member(plan, rng))).collect();
    // In the order in which they fall due, so that what the workload draws reads as a story.
    due.sort_by_key(|(at, _)| *at);
    plan.requests = due.into_iter().map(|(at, node)| PlannedRequest::new(at, node, clients.draw(rng))).collect();
}

/// Requests at a pace of the world's own; it does not heal before the last.
fn draw_paced(plan: &mut Plan, count: u64, clients: &mut dyn Actions, profile: &Profile, rng: &mut Rng) {
    clients.begin(rng);
    let pace = rng.between(1, 1_000);
    let gap_max_us = (pace * pace * (profile.pace_max.as_micros() as u64) / 1_000_000).max(1);
    let mut at = warm_up(profile, plan.seed);
    plan.requests.reserve_exact(count as usize);
    for _ in 0..count {
        at = at + Duration::from_micros(rng.below(gap_max_us));
        let node = any_member(plan, rng);
        plan.requests.push(PlannedRequest::new(at, node, clients.draw(rng)));
    }
    plan.heal_at = plan.heal_at.max(at);
}

/// When the first request may come. Before a protocol has its leader there is little to ask for; but sometimes that is the story.
fn warm_up(profile: &Profile, seed: u64) -> Time {
    let longest = profile.warm_up.unwrap_or_default();
    if longest.is_zero() {
        return Time::ZERO;
    }
    let rng = &mut Rng::new(seed, WARM_UP_STREAM);
    if rng.chance(300) { Time::ZERO } else { Time::ZERO + Duration::from_micros(rng.below(micros(longest))) }
}

/// Requests that are due at no time in particular.
pub(crate) fn draw_asks<M: StateMachine>(
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

pub(crate) fn any_node(plan: &Plan, rng: &mut Rng) -> NodeId {
    NodeId::new(rng.below(plan.node_count as u64) as usize)
}

fn any_member(plan: &Plan, rng: &mut Rng) -> NodeId {
    NodeId::new(rng.below(plan.member_count() as u64) as usize)
}

/// How long a node pauses.
pub(crate) fn draw_pause(rng: &mut Rng, profile: &Profile) -> Duration {
    Duration::from_micros(rng.between(1_000, micros(profile.pause_max)))
}

/// A span of a profile in whole microseconds.
pub(crate) fn micros(span: Duration) -> u64 {
    span.as_micros() as u64
}

/// Usually after a while, sometimes not before the world heals.
pub(crate) fn until(rng: &mut Rng, longest_us: u64) -> Option<Duration> {
    rng.chance(850).then(|| Duration::from_micros(rng.between(1_000, longest_us)))
}

impl Profile {
    /// After how many of its step's effects a node crashes; `None` between two steps.
    pub(crate) fn draw_budget(&self, rng: &mut Rng) -> Option<u32> {
        rng.chance(self.in_step_permille).then(|| rng.below(6) as u32)
    }

    /// At any time, anywhere.
    fn draw_faults(&self, plan: &mut Plan, counts: &FaultCounts, rng: &mut Rng) {
        for _ in 0..counts.partitions {
            let links = draw_links(plan.node_count, self.one_way_permille, rng);
            let fault = Fault::Partition { links, heal: until(rng, micros(self.partition_max)) };
            plan.faults.push(PlannedFault { at: moment(plan, rng), fault });
        }
        for _ in 0..counts.crashes {
            let effects = self.draw_budget(rng);
            let fault = Fault::Crash {
                node: any_node(plan, rng),
                effects,
                restart: until(rng, micros(self.restart_max)),
                wipe: false,
            };
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
            let span = draw_pause(rng, self);
            let fault = Fault::Pause { node: any_node(plan, rng), span };
            plan.faults.push(PlannedFault { at: moment(plan, rng), fault });
        }
        plan.faults.sort_by_key(|planned| planned.at);
        if rng.chance(self.core_permille) {
            // Of the members; whether spares are left is nobody's loss.
            let members = plan.member_count();
            let count = members as u64;
            let fewest = if self.core_of_any_size { 1 } else { count / 2 + 1 };
            let size = rng.between(fewest, count.saturating_sub(1).max(fewest)) as usize;
            let mut nodes: Vec<NodeId> = (0..members).map(NodeId::new).collect();
            rng.shuffle(&mut nodes);
            nodes.truncate(size);
            nodes.extend((members..plan.node_count).map(NodeId::new));
            nodes.sort_unstable();
            plan.core = Some(nodes);
        }
    }
}

/// The links of a partition: of one pair, of one node, or between two halves; both ways, or only one.
pub(crate) fn draw_links(node_count: usize, one_way_permille: u32, rng: &mut Rng) -> Vec<Link> {
    let mut nodes: Vec<usize> = (0..node_count).collect();
    rng.shuffle(&mut nodes);
    let (left, right) = match rng.below(3) {
        0 => (&nodes[..1], &nodes[1..node_count.min(2)]),
        1 => nodes.split_at(1),
        _ => nodes.split_at(node_count / 2),
    };
    // One way is as likely as the other: a node that hears nothing, and one that nobody hears.
    let (left, right) = if rng.chance(500) { (left, right) } else { (right, left) };
    let both_ways = rng.chance(1_000_u32.saturating_sub(one_way_permille));
    let pairs = left.iter().flat_map(|from| right.iter().map(move |to| Link::new(*from, *to)));
    pairs.flat_map(|link| [Some(link), both_ways.then(|| link.reversed())]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::draw_links;
    use crate::protocol::Rng;

    #[test]
    fn cuts_of_one_way_leave_nodes_mute_and_nodes_deaf() {
        let rng = &mut Rng::new(1, 2);
        let cuts: Vec<_> = (0..400).map(|_| draw_links(4, 1_000, rng)).filter(|links| links.len() == 3).collect();
        let mute = cuts.iter().filter(|links| links.iter().all(|link| link.from == links[0].from)).count();
        let deaf = cuts.iter().filter(|links| links.iter().all(|link| link.to == links[0].to)).count();
        assert_eq!(mute + deaf, cuts.len());
        assert!(mute > 40 && deaf > 40, "{mute} mute, {deaf} deaf");
    }
}
