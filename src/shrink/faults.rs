//! Fewer and weaker faults: two partitions in one, fewer links, a lost message in the place of a fault.

use std::iter;

use indexmap::IndexSet;

use crate::harness::Recorded;
use crate::protocol::NodeId;
use crate::shrink::trial::{Edits, edit};
use crate::sim::{Fate, Fault, Link, LostWhy, MessageName, Plan, PlannedFault, What};

pub(crate) fn simpler(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    let each = (0..plan.faults.len()).flat_map(move |place| {
        as_one_loss(best, place).chain(plainer(plan, place)).chain(with_fewer_links(plan, place))
    });
    Box::new(with_larger_core(plan).chain(merged(plan)).chain(each))
}

/// All nodes heal, or one more does.
fn with_larger_core(plan: &Plan) -> Edits<'_> {
    let Some(core) = &plan.core else { return Box::new(iter::empty()) };
    let missing = (0..plan.node_count).map(NodeId::new).filter(|node| !core.contains(node));
    let larger = missing.map(move |node| {
        let mut core: Vec<NodeId> = core.iter().copied().chain([node]).collect();
        core.sort_unstable();
        Some(core)
    });
    Box::new(iter::once(None).chain(larger).map(move |core| edit(move || Plan { core, ..plan.clone() })))
}

/// Two partitions in one, from the beginning of the first to the end of the last.
fn merged(plan: &Plan) -> Edits<'_> {
    let pairs = (0..plan.faults.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
    let are_cuts = |place: usize| matches!(plan.faults[place].fault, Fault::Partition { .. });
    let pairs = pairs.filter(move |(first, second)| are_cuts(*first) && are_cuts(*second));
    Box::new(pairs.map(move |(first, second)| edit(move || with_merged(plan, first, second))))
}

fn with_merged(plan: &Plan, first: usize, second: usize) -> Plan {
    let mut merged = plan.clone();
    let (one, other) = (&plan.faults[first], &plan.faults[second]);
    if let (Fault::Partition { links, heal }, Fault::Partition { links: more, heal: later }) =
        (&one.fault, &other.fault)
    {
        let at = one.at.min(other.at);
        let heal = heal.zip(*later).map(|(heal, later)| (one.at + heal).max(other.at + later) - at);
        let known: IndexSet<Link> = links.iter().copied().collect();
        let links = links.iter().chain(more.iter().filter(|link| !known.contains(*link))).copied().collect();
        merged.faults.remove(second);
        merged.faults[first] = PlannedFault { at, fault: Fault::Partition { links, heal } };
    }
    merged
}

/// One of the messages that this fault swallowed is lost, and nothing else goes wrong.
fn as_one_loss(best: &Recorded, place: usize) -> Edits<'_> {
    let fault = &best.plan.faults[place].fault;
    let cut: IndexSet<Link> = match fault {
        Fault::Partition { links, .. } => links.iter().copied().collect(),
        Fault::Crash { .. } | Fault::Pause { .. } => IndexSet::new(),
    };
    let losses = best.trace.events.iter().filter_map(move |event| match (&event.what, fault) {
        (What::Lost { name, why: LostWhy::Cut | LostWhy::Broken, .. }, Fault::Partition { .. }) => {
            cut.contains(&name.link).then_some(name)
        }
        (What::Lost { name, why: LostWhy::Down, .. }, Fault::Crash { node, .. }) => {
            (name.link.to == *node).then_some(name)
        }
        _ => None,
    });
    let instead = move |name: &MessageName| {
        let mut plan = best.plan.clone();
        plan.faults.remove(place);
        plan.fates.insert(name.clone(), Fate::Drop);
        plan
    };
    Box::new(losses.map(move |name| edit(move || instead(name))))
}

/// A crash that leaves the disk, between two steps rather than in one; a fault that lasts until the world heals rather than a shorter one.
fn plainer(plan: &Plan, place: usize) -> Edits<'_> {
    let simpler = match plan.faults[place].fault.clone() {
        Fault::Crash { node, effects, restart, wipe: true } => vec![
            Fault::Crash { node, effects, restart, wipe: false },
            Fault::Crash { node, effects: None, restart, wipe: true },
            Fault::Crash { node, effects, restart: None, wipe: true },
        ],
        Fault::Crash { node, effects, restart, wipe } => vec![
            Fault::Crash { node, effects: None, restart: None, wipe },
            Fault::Crash { node, effects: None, restart, wipe },
            Fault::Crash { node, effects, restart: None, wipe },
        ],
        Fault::Pause { .. } => Vec::new(),
        Fault::Partition { links, .. } => vec![Fault::Partition { links, heal: None }],
    };
    let with = move |fault: Fault| {
        edit(move || {
            let mut plan = plan.clone();
            plan.faults[place].fault = fault;
            plan
        })
    };
    Box::new(simpler.into_iter().map(with))
}

/// Only one direction of each pair, only one link, or all but one.
fn with_fewer_links(plan: &Plan, place: usize) -> Edits<'_> {
    let Fault::Partition { links, .. } = &plan.faults[place].fault else { return Box::new(iter::empty()) };
    let with = move |keep: &dyn Fn(&Link) -> bool| {
        let mut plan = plan.clone();
        if let Fault::Partition { links, .. } = &mut plan.faults[place].fault {
            links.retain(keep);
        }
        plan
    };
    let only = links.iter().map(move |one| edit(move || with(&|link| link == one)));
    let without = links.iter().map(move |gone| edit(move || with(&|link| link != gone)));
    Box::new(only.chain(without))
}
