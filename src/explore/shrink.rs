//! Makes a failing plan smaller, until every decision in it matters.
//!
//! Because plans are total, any smaller plan can be run; the question is only whether it still fails in the same way.
//! Decisions are removed in ever smaller chunks (delta debugging; Zeller and Hildebrandt, TSE 2002), over and over until
//! nothing can be removed any more; then what is left is made simpler.

use std::time::Duration;

use indexmap::IndexMap;

use super::{Recorded, System};
use crate::check::Violation;
use crate::machine::{NodeId, StateMachine, Time};
use crate::sim::{Fate, Fault, Link, MessageName, Plan, PlannedFault, What};

/// What is left of a failing plan.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest plan found.
    pub plan: Plan,
    /// How it fails.
    pub violation: Violation,
    /// The digest of its run.
    pub digest: u64,
    /// How many decisions the original plan had.
    pub decisions_before: usize,
    /// How many nodes.
    pub nodes_before: usize,
    /// How many runs it took.
    pub runs: u64,
}

/// Shrinks a failing plan with at most `runs_max` runs; `None` if it does not fail, or not every time.
pub fn shrink<M: StateMachine>(system: &System<M>, plan: &Plan, runs_max: u64) -> Option<Shrunk> {
    let recorded = system.record(plan);
    let violation = recorded.outcome.violation.clone()?;
    let (decisions_before, nodes_before) = (recorded.plan.decision_count(), plan.node_count);
    let mut shrinker = Shrinker { system, best: recorded.plan, violation, runs: 1, runs_max };
    shrinker.shrink();
    let Recorded { plan, outcome, .. } = system.record(&shrinker.best);
    let violation = outcome.violation?;
    Some(Shrunk { plan, violation, digest: outcome.digest, decisions_before, nodes_before, runs: shrinker.runs })
}

struct Shrinker<'a, M: StateMachine> {
    system: &'a System<M>,
    /// invariant: fails as `violation` does.
    best: Plan,
    violation: Violation,
    runs: u64,
    runs_max: u64,
}

impl<M: StateMachine> Shrinker<'_, M> {
    fn shrink(&mut self) {
        loop {
            let before = self.best.clone();
            self.remove_requests();
            self.remove_in_chunks(|plan| plan.fates.len(), without_fates);
            self.remove_in_chunks(|plan| plan.faults.len(), without_faults);
            self.remove_nodes();
            self.simplify();
            if self.best == before || self.runs >= self.runs_max {
                break;
            }
        }
    }

    /// Keeps `candidate` if it fails as the original does.
    fn try_plan(&mut self, candidate: Plan) -> bool {
        if self.runs >= self.runs_max || candidate == self.best {
            return false;
        }
        self.runs += 1;
        let outcome = self.system.run(&candidate);
        let fails = outcome.violation.is_some_and(|violation| violation.is_like(&self.violation));
        if fails {
            self.best = candidate;
        }
        fails
    }

    /// Tries to remove chunks of a list, from all of it down to single items.
    fn remove_in_chunks(&mut self, length: fn(&Plan) -> usize, without: fn(&Plan, usize, usize) -> Plan) {
        let mut size = length(&self.best);
        while size > 0 {
            let mut from = length(&self.best);
            while from > 0 {
                let to = from;
                from = from.saturating_sub(size);
                self.try_plan(without(&self.best, from, to));
            }
            size /= 2;
        }
    }

    /// Requests take their messages with them: later messages of the same link move up by as many numbers, and so must
    /// their fates. Where that fails, the fates stay as they are.
    fn remove_requests(&mut self) {
        let mut sends = self.messages_of_requests();
        let mut size = self.best.requests.len();
        while size > 0 {
            let mut from = self.best.requests.len();
            while from > 0 {
                let to = from;
                from = from.saturating_sub(size);
                let mut plain = self.best.clone();
                plain.requests.drain(from..to);
                let mut moved = plain.clone();
                moved.fates = moved_up(&plain.fates, sends[from..to].iter().flatten());
                if self.try_plan(moved) || self.try_plan(plain) {
                    sends = self.messages_of_requests();
                }
            }
            size /= 2;
        }
    }

    /// For each request the messages that were sent in the step that handled it.
    fn messages_of_requests(&mut self) -> Vec<Vec<MessageName>> {
        self.runs += 1;
        let events = self.system.record(&self.best).trace.events;
        let mut sends = vec![Vec::new(); self.best.requests.len()];
        let mut request = None;
        for event in events {
            match event.what {
                What::Asked { id, .. } => request = Some((event.step, id.0 as usize)),
                What::Sent { name, .. } => match request {
                    Some((step, id)) if step == event.step => sends[id].push(name),
                    _ => {}
                },
                _ => {}
            }
        }
        sends
    }

    /// Tries to do without each node, the others keeping their order.
    fn remove_nodes(&mut self) {
        for node in (0..self.best.node_count).rev() {
            if self.best.node_count > 1 {
                self.try_plan(without_node(&self.best, NodeId::new(node)));
            }
        }
    }

    /// Makes what is left easier to read: rounder times, plainer faults.
    fn simplify(&mut self) {
        for unit in [Duration::from_millis(10), Duration::from_millis(1)] {
            self.round(unit);
        }
        self.simplify_each(|_| 1, |plan, _| plan.heal_at = plan.heal_at.min(soonest_heal(plan)));
        self.simplify_each(|plan| plan.fates.len(), |plan, place| plan.fates[place] = Fate::Drop);
        self.simplify_each(|plan| plan.faults.len(), plain_fault);
        self.simplify_links();
    }

    /// Tries times that are multiples of `unit`.
    fn round(&mut self, unit: Duration) {
        self.simplify_each(
            |plan| plan.requests.len(),
            |plan, place| plan.requests[place].at = round_time(plan.requests[place].at, unit),
        );
        self.simplify_each(|plan| plan.faults.len(), |plan, place| round_fault(&mut plan.faults[place], unit));
        self.simplify_each(|plan| plan.fates.len(), |plan, place| round_fate(&mut plan.fates[place], unit));
    }

    fn simplify_each(&mut self, length: impl Fn(&Plan) -> usize, simpler: impl Fn(&mut Plan, usize)) {
        for place in 0..length(&self.best) {
            let mut candidate = self.best.clone();
            simpler(&mut candidate, place);
            self.try_plan(candidate);
        }
    }

    /// Tries to leave single links out of partitions.
    fn simplify_links(&mut self) {
        for place in 0..self.best.faults.len() {
            let Fault::Partition { links, .. } = &self.best.faults[place].fault else { continue };
            for cut in links.clone() {
                let mut candidate = self.best.clone();
                if let Fault::Partition { links, .. } = &mut candidate.faults[place].fault {
                    links.retain(|link| *link != cut);
                }
                self.try_plan(candidate);
            }
        }
    }
}

fn without_fates(plan: &Plan, from: usize, to: usize) -> Plan {
    let mut plan = plan.clone();
    plan.fates.drain(from..to.min(plan.fates.len()));
    plan
}

fn without_faults(plan: &Plan, from: usize, to: usize) -> Plan {
    let mut plan = plan.clone();
    plan.faults.drain(from..to.min(plan.faults.len()));
    plan
}

/// The fates as they are named once the messages `gone` are never sent.
fn moved_up<'a>(
    fates: &IndexMap<MessageName, Fate>,
    gone: impl Iterator<Item = &'a MessageName>,
) -> IndexMap<MessageName, Fate> {
    let gone: Vec<&MessageName> = gone.collect();
    let stays = fates.iter().filter(|(name, _)| !gone.contains(name));
    let renamed = stays.map(|(name, fate)| {
        let before =
            |other: &&&MessageName| other.link == name.link && other.kind == name.kind && other.number < name.number;
        let moved = gone.iter().filter(before).count() as u32;
        (MessageName { number: name.number - moved, ..name.clone() }, fate.clone())
    });
    renamed.collect()
}

/// The plan for one node fewer: what was for the node that goes is left out, and later nodes move up.
fn without_node(plan: &Plan, gone: NodeId) -> Plan {
    let moved = |node: NodeId| NodeId::new(node.index() - usize::from(node > gone));
    let stays = |link: &Link| link.from != gone && link.to != gone;
    let moved_link = |link: Link| Link { from: moved(link.from), to: moved(link.to) };
    let mut plan = plan.clone();
    plan.node_count -= 1;
    plan.requests.retain(|request| request.node != gone);
    plan.requests.iter_mut().for_each(|request| request.node = moved(request.node));
    plan.fates = std::mem::take(&mut plan.fates)
        .into_iter()
        .filter(|(name, _)| stays(&name.link))
        .map(|(name, fate)| (MessageName { link: moved_link(name.link), ..name }, fate))
        .collect();
    plan.faults.retain_mut(|planned| match &mut planned.fault {
        Fault::Crash { node, .. } => {
            let stays = *node != gone;
            *node = moved(*node);
            stays
        }
        Fault::Partition { links, .. } => {
            links.retain(stays);
            links.iter_mut().for_each(|link| *link = moved_link(*link));
            !links.is_empty()
        }
    });
    plan
}

/// The world may heal as soon as all that is planned has come to pass, to the millisecond.
fn soonest_heal(plan: &Plan) -> Time {
    const MILLISECOND: Duration = Duration::from_millis(1);
    let requests = plan.requests.iter().map(|request| request.at);
    let last = requests.chain(plan.faults.iter().map(|planned| planned.at)).max().unwrap_or_default();
    round_time(last, MILLISECOND) + MILLISECOND + MILLISECOND
}

/// A crash between two steps rather than in one, a partition until the world heals rather than a shorter one.
fn plain_fault(plan: &mut Plan, place: usize) {
    match &mut plan.faults[place].fault {
        Fault::Crash { effects, .. } => *effects = None,
        Fault::Partition { heal, .. } => *heal = None,
    }
}

fn round_fault(planned: &mut PlannedFault, unit: Duration) {
    planned.at = round_time(planned.at, unit);
    match &mut planned.fault {
        Fault::Crash { restart: Some(span), .. } | Fault::Partition { heal: Some(span), .. } => {
            *span = round_up(*span, unit);
        }
        Fault::Crash { .. } | Fault::Partition { .. } => {}
    }
}

fn round_fate(fate: &mut Fate, unit: Duration) {
    if let Fate::Deliver(delays) = fate {
        delays.iter_mut().for_each(|delay| *delay = round_up(*delay, unit));
    }
}

fn round_time(at: Time, unit: Duration) -> Time {
    let unit = unit.as_nanos() as u64;
    Time::from_nanos(at.as_nanos() / unit * unit)
}

/// Never to zero: a message takes some time.
fn round_up(span: Duration, unit: Duration) -> Duration {
    let (nanos, unit) = (u64::try_from(span.as_nanos()).unwrap_or(u64::MAX), unit.as_nanos() as u64);
    Duration::from_nanos(nanos.div_ceil(unit).max(1).saturating_mul(unit))
}
