//! Smaller plans by luck: when no single change helps any more, plans of fewer decisions are drawn from what is left.
//!
//! A local minimum is often far from the smallest plan that fails in the same way, and that one is so small that a few
//! thousand draws hit it: some of the requests, at any nodes, soon after each other, with one or two faults or fates.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexSet;

use crate::harness::{Harness, Recorded};
use crate::protocol::{NodeId, Rng, StateMachine, Time};
use crate::shrink::remove::moments;
use crate::shrink::simpler::{simpler_actions, with_actions};
use crate::shrink::trial::{Candidate, Trials, digest_of};
use crate::sim::{Fate, Fault, Link, MessageName, Plan, PlannedFault, What};
use crate::strategy::draw_links;

/// Drawn plans have at most so many decisions: larger ones are hardly hit by luck.
const DECISIONS_MAX: u64 = 6;
/// All drawn plans together may take about so many steps, counted in steps of the best plan.
const STEPS_MAX: u64 = 2_000_000;
/// How long after the one before a request or fault comes.
const GAPS_MS: [u64; 8] = [0, 0, 0, 1, 2, 10, 30, 50];
/// How long messages take that are drawn to be late.
const DELAYS_MS: [u64; 5] = [2, 5, 20, 30, 50];
/// Of the partitions drawn, how many in a thousand cut one way only.
const ONE_WAY_PERMILLE: u32 = 400;
/// Of what is not drawn anew so much of a thousand is left.
const KEPT_PERMILLE: u32 = 800;
/// The random stream of these draws; the seed is the plan itself.
const DRAW_STREAM: u64 = 4;

/// Draws at most `draws` plans, until one is the new best.
pub(crate) fn smaller<M: StateMachine>(trials: &mut Trials<'_>, system: &Harness<M>, draws: u64) {
    let best = trials.best();
    let draws = draws.min(STEPS_MAX / best.outcome.stats.steps.max(1));
    let least = system.worlds.node_count_least().max(2);
    let pool = Pool { plan: best.plan.clone(), least, kinds: kinds(best), moments: moments(best) };
    if pool.decisions() < 2 {
        return;
    }
    let mut rng = Rng::new(digest_of(&pool.plan), DRAW_STREAM);
    let drawn = (0..draws).map(|_| {
        let drawn = pool.draw(&mut rng);
        let mut simpler = if rng.chance(500) { simpler_actions(system, &drawn) } else { Vec::new() };
        let place = rng.below(simpler.len() as u64) as usize;
        if simpler.is_empty() { Candidate::from(drawn) } else { with_actions(&drawn, simpler.swap_remove(place)) }
    });
    let _ = trials.take_first(drawn);
}

/// What plans are drawn from.
struct Pool {
    plan: Plan,
    /// How many nodes there are at least.
    least: usize,
    kinds: Vec<Arc<str>>,
    /// When something happens in the run of the plan.
    moments: Vec<Time>,
}

/// The kinds of messages that the run has seen.
fn kinds(best: &Recorded) -> Vec<Arc<str>> {
    let sent = best.trace.events.iter().filter_map(|event| match &event.what {
        What::Sent { name, .. } => Some(Arc::clone(&name.kind)),
        _ => None,
    });
    sent.collect::<IndexSet<Arc<str>>>().into_iter().collect()
}

impl Pool {
    /// How many decisions there are to draw; knobs, disk faults, spare nodes and retries stay as they are; late timers, clocks and
    /// armed faults do or go.
    fn decisions(&self) -> u64 {
        let plan = &self.plan;
        (plan.requests.len() + plan.faults.len() + plan.fates.len() + usize::from(plan.core.is_some())) as u64
    }

    /// A plan of fewer decisions.
    fn draw(&self, rng: &mut Rng) -> Plan {
        let Self { plan, kinds, .. } = self;
        let decisions = rng.between(1, (self.decisions() - 1).min(DECISIONS_MAX)) as usize;
        let node_count = rng.between(self.least.min(plan.node_count) as u64, plan.node_count as u64) as usize;
        let (requests, faults, fates) = Default::default();
        let mut drawn = Plan { node_count, requests, faults, fates, ..plan.clone() };
        drawn.timers.retain(|_, _| rng.chance(KEPT_PERMILLE));
        drawn.clocks.retain(|_, _| rng.chance(KEPT_PERMILLE));
        drawn.armed.retain(|_| rng.chance(KEPT_PERMILLE));
        self.draw_requests(&mut drawn, decisions, rng);
        let last = drawn.requests.last().map_or(Time::ZERO, |request| request.at);
        for _ in drawn.requests.len()..decisions {
            if rng.chance(400) || kinds.is_empty() {
                let at = Time::from_nanos(rng.pick(&[0, last.as_nanos(), last.as_nanos() / 2]).copied().unwrap_or(0));
                drawn.faults.push(PlannedFault { at, fault: draw_fault(node_count, rng) });
            } else {
                let (name, fate) = draw_fate(node_count, kinds, rng);
                drawn.fates.insert(name, fate);
            }
        }
        drawn.heal_at = last + if rng.chance(500) { Duration::from_millis(2) } else { Duration::from_millis(50) };
        drawn
    }

    /// Some of the requests in their order, each at its node or at any; a while after each other, or when something happens.
    fn draw_requests(&self, drawn: &mut Plan, decisions: usize, rng: &mut Rng) {
        let requests = &self.plan.requests;
        let most = requests.len().min(decisions);
        let fewest = most.min(decisions.div_ceil(2));
        let mut places: Vec<usize> = (0..requests.len()).collect();
        rng.shuffle(&mut places);
        places.truncate(rng.between(fewest as u64, most as u64) as usize);
        places.sort_unstable();
        let mut at = Time::ZERO;
        for (order, place) in places.into_iter().enumerate() {
            let mut request = requests[place].clone();
            let moment = if rng.chance(300) { rng.pick(&self.moments).copied() } else { None };
            if order > 0 {
                at = moment.filter(|moment| *moment >= at).unwrap_or_else(|| at + millis(rng, &GAPS_MS));
            }
            let any = rng.below(self.plan.node_count as u64) as usize;
            let node = if rng.chance(500) { request.node.index() } else { any };
            request.at = at;
            request.node = NodeId::new(node % drawn.node_count);
            drawn.requests.push(request);
        }
    }
}

fn draw_fault(node_count: usize, rng: &mut Rng) -> Fault {
    let links = draw_links(node_count, ONE_WAY_PERMILLE, rng);
    if rng.chance(600) && !links.is_empty() {
        return Fault::Partition { links, heal: None };
    }
    let node = NodeId::new(rng.below(node_count as u64) as usize);
    let restart = rng.chance(300).then(|| millis(rng, &DELAYS_MS));
    Fault::Crash { node, effects: None, restart, wipe: false }
}

fn draw_fate(node_count: usize, kinds: &[Arc<str>], rng: &mut Rng) -> (MessageName, Fate) {
    let from = rng.below(node_count as u64) as usize;
    let to = (from + 1 + rng.below(node_count.saturating_sub(1) as u64) as usize) % node_count;
    let kind = Arc::clone(rng.pick(kinds).expect("expect: there are kinds to choose from"));
    let name = MessageName { link: Link::new(from, to), kind, number: rng.between(1, 3) as u32 };
    let fate = match rng.below(4) {
        0 => Fate::Drop,
        1 => Fate::copies(&[Duration::from_millis(1), millis(rng, &[1, 5, 50])]),
        _ => Fate::delay(millis(rng, &DELAYS_MS)),
    };
    (name, fate)
}

fn millis(rng: &mut Rng, choices: &[u64]) -> Duration {
    Duration::from_millis(rng.pick(choices).copied().unwrap_or(0))
}
