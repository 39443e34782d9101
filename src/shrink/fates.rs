//! Fewer and plainer fates: a partition in the place of many losses, a loss or a delay in the place of a double.

use indexmap::IndexMap;

use crate::harness::Recorded;
use crate::protocol::Time;
use crate::shrink::trial::Candidate;
use crate::sim::{Fate, Fault, Link, MessageName, Plan, PlannedFault, What};

pub(crate) fn simpler(best: &Recorded) -> Vec<Candidate> {
    let mut candidates = as_partitions(best);
    candidates.extend((0..best.plan.fates.len()).flat_map(|place| plainer(&best.plan, place)));
    candidates.into_iter().map(Candidate::from).collect()
}

/// All messages lost on one link, or on all links, are lost to one partition from the first of them on.
fn as_partitions(best: &Recorded) -> Vec<Plan> {
    let plan = &best.plan;
    let mut first_loss: IndexMap<Link, (Time, usize)> = IndexMap::new();
    for event in &best.trace.events {
        if let What::Sent { name, fate: Some(Fate::Drop), .. } = &event.what {
            first_loss.entry(name.link).or_insert((event.at, 0)).1 += 1;
        }
    }
    let instead = |at: Time, links: Vec<Link>| {
        let mut plan = plan.clone();
        let is_lost = |name: &MessageName, fate: &Fate| *fate == Fate::Drop && links.contains(&name.link);
        plan.fates.retain(|name, fate| !is_lost(name, fate));
        plan.faults.push(PlannedFault { at, fault: Fault::Partition { links, heal: None } });
        plan.faults.sort_by_key(|planned| planned.at);
        plan
    };
    let on_one = first_loss.iter().filter(|(_, (_, count))| *count > 1);
    let mut candidates: Vec<Plan> = on_one.map(|(link, (at, _))| instead(*at, vec![*link])).collect();
    if let (Some((_, (at, _))), true) = (first_loss.first(), first_loss.len() > 1) {
        candidates.insert(0, instead(*at, first_loss.keys().copied().collect()));
    }
    candidates
}

/// The message is lost, or comes once.
fn plainer(plan: &Plan, place: usize) -> Vec<Plan> {
    let with = |fate: Fate| {
        let mut plan = plan.clone();
        plan.fates[place] = fate;
        plan
    };
    let mut candidates = vec![with(Fate::Drop)];
    if let Fate::Deliver(delays) = &plan.fates[place]
        && delays.len() > 1
    {
        candidates.extend(delays.iter().map(|delay| with(Fate::delay(*delay))));
        candidates.extend(delays.windows(2).map(Fate::copies).map(with));
    }
    candidates
}
