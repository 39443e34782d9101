//! Fewer and plainer disk faults.

use crate::harness::Recorded;
use crate::protocol::NodeId;
use crate::shrink::trial::{Edits, edit, none};
use crate::sim::{DiskFault, Fault, Loss, Plan};

/// A write that fails becomes an earlier one by at most so many.
const EARLIER_MAX: u32 = 8;

/// Disks that do nothing wrong, or one thing less.
pub(crate) fn fewer(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    if plan.disk.is_empty() {
        return none();
    }
    let each = (0..plan.disk.len()).map(move |gone| {
        edit(move || {
            let mut plan = plan.clone();
            plan.disk.remove(gone);
            plan
        })
    });
    Box::new(std::iter::once(edit(move || Plan { disk: Vec::new(), ..plan.clone() })).chain(each))
}

/// Each loss in a row at the end, and smaller; each crash and each failing write an earlier one, with what came before it gone.
pub(crate) fn simpler(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    Box::new((0..plan.disk.len()).flat_map(move |place| match &plan.disk[place] {
        DiskFault::Loses { node, crash, loss } => {
            let losses = smaller(loss).into_iter().map(move |loss| (*crash, loss));
            let crashes = (1..*crash).map(|crash| (crash, loss.clone()));
            let with = move |(crash, loss)| with(plan, place, DiskFault::Loses { node: *node, crash, loss });
            let plainer = losses.chain(crashes).map(move |changed| edit(move || with(changed)));
            Box::new(plainer.chain(without_crashes(plan, place, *node, *crash))) as Edits<'_>
        }
        DiskFault::Fails { node, write } => {
            let fails = move |write| DiskFault::Fails { node: *node, write };
            let earlier = move || (write.saturating_sub(EARLIER_MAX).max(1)..*write).rev();
            let alone = earlier().map(move |write| edit(move || with(plan, place, fails(write))));
            // A request that goes may take writes along.
            let requests = (0..plan.requests.len()).flat_map(move |gone| {
                earlier().map(move |write| {
                    edit(move || {
                        let mut plan = with(plan, place, fails(write));
                        plan.requests.remove(gone);
                        plan
                    })
                })
            });
            Box::new(alone.chain(requests))
        }
    }))
}

/// A crash of the node less, and the loss in the one before.
fn without_crashes(plan: &Plan, place: usize, node: NodeId, crash: u32) -> Edits<'_> {
    if crash <= 1 {
        return none();
    }
    let is_crash =
        move |fault: &usize| matches!(plan.faults[*fault].fault, Fault::Crash { node: of, .. } if of == node);
    Box::new((0..plan.faults.len()).filter(is_crash).map(move |gone| {
        edit(move || {
            let mut plan = plan.clone();
            plan.faults.remove(gone);
            if let DiskFault::Loses { crash, .. } = &mut plan.disk[place] {
                *crash -= 1;
            }
            plan
        })
    }))
}

fn with(plan: &Plan, place: usize, fault: DiskFault) -> Plan {
    let mut plan = plan.clone();
    plan.disk[place] = fault;
    plan
}

fn smaller(loss: &Loss) -> Vec<Loss> {
    match loss {
        Loss::Last(count) => {
            let mut counts: Vec<u32> = [1, *count / 2, count.saturating_sub(1)].into_iter().collect();
            counts.retain(|fewer| (1..*count).contains(fewer));
            counts.dedup();
            counts.into_iter().map(Loss::Last).collect()
        }
        Loss::Each(places) => {
            let last = (1..=places.iter().copied().max().unwrap_or(1)).map(Loss::Last);
            let one = places.iter().filter(|_| places.len() > 1).map(|place| Loss::Each(vec![*place]));
            let without = places
                .iter()
                .filter(|_| places.len() > 2)
                .map(|gone| Loss::Each(places.iter().copied().filter(|place| place != gone).collect()));
            last.chain(one).chain(without).collect()
        }
    }
}

/// The disk faults with their nodes renamed; those of a node without a new name are left out.
pub(crate) fn moved(disk: &[DiskFault], moved: &dyn Fn(NodeId) -> Option<NodeId>) -> Vec<DiskFault> {
    let renamed = disk.iter().filter_map(|fault| {
        let mut fault = fault.clone();
        let to = moved(fault.node())?;
        match &mut fault {
            DiskFault::Loses { node, .. } | DiskFault::Fails { node, .. } => *node = to,
        }
        Some(fault)
    });
    renamed.collect()
}
