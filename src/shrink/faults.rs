//! Fewer and weaker faults: two partitions in one, fewer links, a lost message in the place of a fault.

use crate::harness::Recorded;
use crate::protocol::NodeId;
use crate::shrink::trial::Candidate;
use crate::sim::{Fate, Fault, Link, LostWhy, MessageName, Plan, PlannedFault, What};

pub(crate) fn simpler(best: &Recorded) -> Vec<Candidate> {
    let mut candidates = with_larger_core(&best.plan);
    candidates.extend(merged(&best.plan));
    for place in 0..best.plan.faults.len() {
        candidates.extend(as_one_loss(best, place));
        candidates.extend(plainer(&best.plan, place));
        candidates.extend(with_fewer_links(&best.plan, place));
    }
    candidates.into_iter().map(Candidate::from).collect()
}

/// All nodes heal, or one more does.
fn with_larger_core(plan: &Plan) -> Vec<Plan> {
    let Some(core) = &plan.core else { return Vec::new() };
    let with = |core: Option<Vec<NodeId>>| Plan { core, ..plan.clone() };
    let missing = (0..plan.node_count).map(NodeId::new).filter(|node| !core.contains(node));
    let larger = missing.map(|node| {
        let mut core: Vec<NodeId> = core.iter().copied().chain([node]).collect();
        core.sort_unstable();
        with(Some(core))
    });
    [with(None)].into_iter().chain(larger).collect()
}

/// Two partitions in one, from the beginning of the first to the end of the last.
fn merged(plan: &Plan) -> Vec<Plan> {
    let mut merged = Vec::new();
    for second in 0..plan.faults.len() {
        for first in 0..second {
            let (one, other) = (&plan.faults[first], &plan.faults[second]);
            let (Fault::Partition { links, heal }, Fault::Partition { links: more, heal: later }) =
                (&one.fault, &other.fault)
            else {
                continue;
            };
            let at = one.at.min(other.at);
            let heal = heal.zip(*later).map(|(heal, later)| (one.at + heal).max(other.at + later) - at);
            let mut links = links.clone();
            let more: Vec<Link> = more.iter().filter(|link| !links.contains(link)).copied().collect();
            links.extend(more);
            let mut plan = plan.clone();
            plan.faults.remove(second);
            plan.faults[first] = PlannedFault { at, fault: Fault::Partition { links, heal } };
            merged.push(plan);
        }
    }
    merged
}

/// One of the messages that this fault swallowed is lost, and nothing else goes wrong.
fn as_one_loss(best: &Recorded, place: usize) -> Vec<Plan> {
    let fault = &best.plan.faults[place].fault;
    let losses = best.trace.events.iter().filter_map(|event| match (&event.what, fault) {
        (What::Lost { name, why: LostWhy::Cut, .. }, Fault::Partition { links, .. }) => {
            links.contains(&name.link).then_some(name)
        }
        (What::Lost { name, why: LostWhy::Down, .. }, Fault::Crash { node, .. }) => {
            (name.link.to == *node).then_some(name)
        }
        _ => None,
    });
    let instead = |name: &MessageName| {
        let mut plan = best.plan.clone();
        plan.faults.remove(place);
        plan.fates.insert(name.clone(), Fate::Drop);
        plan
    };
    losses.map(instead).collect()
}

/// A crash that leaves the disk, between two steps rather than in one; a fault that lasts until the world heals rather than a shorter one.
fn plainer(plan: &Plan, place: usize) -> Vec<Plan> {
    let with = |fault: Fault| {
        let mut plan = plan.clone();
        plan.faults[place].fault = fault;
        plan
    };
    match plan.faults[place].fault.clone() {
        Fault::Crash { node, effects, restart, wipe: true } => vec![
            with(Fault::Crash { node, effects, restart, wipe: false }),
            with(Fault::Crash { node, effects: None, restart, wipe: true }),
            with(Fault::Crash { node, effects, restart: None, wipe: true }),
        ],
        Fault::Crash { node, effects, restart, wipe } => vec![
            with(Fault::Crash { node, effects: None, restart: None, wipe }),
            with(Fault::Crash { node, effects: None, restart, wipe }),
            with(Fault::Crash { node, effects, restart: None, wipe }),
        ],
        Fault::Pause { .. } => Vec::new(),
        Fault::Partition { links, .. } => vec![with(Fault::Partition { links, heal: None })],
    }
}

/// Only one direction of each pair, only one link, or all but one.
fn with_fewer_links(plan: &Plan, place: usize) -> Vec<Plan> {
    let Fault::Partition { links, .. } = &plan.faults[place].fault else { return Vec::new() };
    let with = |keep: &dyn Fn(&Link) -> bool| {
        let mut plan = plan.clone();
        if let Fault::Partition { links, .. } = &mut plan.faults[place].fault {
            links.retain(keep);
        }
        plan
    };
    let mut candidates: Vec<Plan> = links.iter().map(|one| with(&|link| link == one)).collect();
    candidates.extend(links.iter().map(|gone| with(&|link| link != gone)));
    candidates
}
