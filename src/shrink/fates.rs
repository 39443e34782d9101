//! Fewer and plainer fates: a partition in the place of many losses, a loss or a delay in the place of a double.

use indexmap::{IndexMap, IndexSet};

use crate::harness::Recorded;
use crate::protocol::Time;
use crate::shrink::trial::{Edits, edit};
use crate::sim::{Fate, Fault, Link, Plan, PlannedFault, What};

pub(crate) fn simpler(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    let each = (0..plan.fates.len()).flat_map(move |place| plainer(plan, place));
    Box::new(as_partitions(best).chain(each))
}

/// All messages lost on one link, or on all links, are lost to one partition from the first of them on.
fn as_partitions(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    let mut first_loss: IndexMap<Link, (Time, usize)> = IndexMap::new();
    for event in &best.trace.events {
        if let What::Sent { name, fate: Some(Fate::Drop), .. } = &event.what {
            first_loss.entry(name.link).or_insert((event.at, 0)).1 += 1;
        }
    }
    let instead = move |at: Time, links: Vec<Link>| {
        edit(move || {
            let mut plan = plan.clone();
            let lost: IndexSet<Link> = links.iter().copied().collect();
            plan.fates.retain(|name, fate| *fate != Fate::Drop || !lost.contains(&name.link));
            plan.faults.push(PlannedFault { at, fault: Fault::Partition { links, heal: None } });
            plan.faults.sort_by_key(|planned| planned.at);
            plan
        })
    };
    let first = first_loss.first().filter(|_| first_loss.len() > 1);
    let on_all = first.map(|(_, (at, _))| instead(*at, first_loss.keys().copied().collect()));
    let on_one = first_loss.into_iter().filter(|(_, (_, count))| *count > 1);
    Box::new(on_all.into_iter().chain(on_one.map(move |(link, (at, _))| instead(at, vec![link]))))
}

/// The message is lost, or comes once.
fn plainer(plan: &Plan, place: usize) -> Edits<'_> {
    let with = move |fate: Fate| {
        edit(move || {
            let mut plan = plan.clone();
            plan.fates[place] = fate;
            plan
        })
    };
    let mut simpler = vec![Fate::Drop];
    if let Fate::Deliver(delays) = &plan.fates[place]
        && delays.len() > 1
    {
        simpler.extend(delays.iter().map(|delay| Fate::delay(*delay)));
        simpler.extend(delays.windows(2).map(Fate::copies));
    }
    Box::new(simpler.into_iter().map(with))
}
