//! Fewer nodes, and nodes in the order in which they appear.

use indexmap::IndexSet;

use crate::harness::Recorded;
use crate::protocol::NodeId;
use crate::shrink::disk;
use crate::shrink::trial::{Edits, edit};
use crate::sim::{Fault, Link, MessageName, Plan, TimerName};

/// The plan without each node, the last one first: with its part of the plan gone, or played by another node. At least `least` nodes
/// stay.
pub(crate) fn fewer(best: &Recorded, least: usize) -> Edits<'_> {
    let plan = &best.plan;
    let nodes = move || (0..plan.node_count).rev().map(NodeId::new).filter(move |_| plan.node_count > least.max(1));
    let alone = nodes().map(move |gone| edit(move || without_node(plan, gone)));
    let asked: IndexSet<NodeId> = plan.requests.iter().map(|request| request.node).collect();
    let played = nodes().filter(move |gone| asked.contains(gone)).flat_map(move |gone| {
        let stand_ins = nodes().filter(move |node| *node != gone);
        stand_ins.map(move |stand_in| edit(move || played_by(plan, gone, stand_in)))
    });
    let all_members = (plan.spares > 0).then(|| edit(move || Plan { spares: 0, ..plan.clone() }));
    Box::new(alone.chain(played).chain(all_members).chain(std::iter::once(edit(move || in_order_of_appearance(plan)))))
}

fn played_by(plan: &Plan, gone: NodeId, stand_in: NodeId) -> Plan {
    let mut plan = plan.clone();
    let requests = plan.requests.iter_mut().filter(|request| request.node == gone);
    requests.for_each(|request| request.node = stand_in);
    without_node(&plan, gone)
}

/// The plan for one node fewer: what was for the node that goes is left out, and later nodes move up.
fn without_node(plan: &Plan, gone: NodeId) -> Plan {
    let moved = |node: NodeId| (node != gone).then(|| NodeId::new(node.index() - usize::from(node > gone)));
    let is_spare = gone.index() >= plan.member_count();
    let spares = plan.spares.min(plan.node_count - 1) - usize::from(is_spare);
    Plan { node_count: plan.node_count - 1, spares, ..with_nodes(plan, &moved) }
}

/// The node that is asked first is node 0, and so on.
fn in_order_of_appearance(plan: &Plan) -> Plan {
    let members = plan.member_count();
    let requests = plan.requests.iter().map(|request| request.node).filter(|node| node.index() < members);
    // Members stay members: they stand before all spares.
    let appear: IndexSet<NodeId> = requests.chain((0..plan.node_count).map(NodeId::new)).collect();
    with_nodes(plan, &|node| appear.get_index_of(&node).map(NodeId::new))
}

/// The plan with its nodes renamed; what was for a node without a new name is left out.
fn with_nodes(plan: &Plan, moved: &dyn Fn(NodeId) -> Option<NodeId>) -> Plan {
    let moved_link = |link: Link| Some(Link { from: moved(link.from)?, to: moved(link.to)? });
    let mut plan = plan.clone();
    plan.requests.retain_mut(|request| match moved(request.node) {
        Some(node) => {
            request.node = node;
            request.retries.retain_mut(|retry| moved(retry.node).map(|node| retry.node = node).is_some());
            true
        }
        None => false,
    });
    if let Some(core) = &mut plan.core {
        *core = core.iter().filter_map(|node| moved(*node)).collect();
        core.sort_unstable();
    }
    plan.disk = disk::moved(&plan.disk, moved);
    let fates = std::mem::take(&mut plan.fates).into_iter();
    let renamed = fates.filter_map(|(name, fate)| Some((MessageName { link: moved_link(name.link)?, ..name }, fate)));
    plan.fates = renamed.collect();
    let timers = std::mem::take(&mut plan.timers).into_iter();
    let renamed = timers.filter_map(|(name, late)| Some((TimerName { node: moved(name.node)?, ..name }, late)));
    plan.timers = renamed.collect();
    let clocks = std::mem::take(&mut plan.clocks).into_iter();
    plan.clocks = clocks.filter_map(|(node, clock)| Some((moved(node)?, clock))).collect();
    plan.armed.retain_mut(|armed| armed.rename_nodes(moved));
    plan.faults.retain_mut(|planned| match &mut planned.fault {
        Fault::Crash { node, .. } | Fault::Pause { node, .. } => match moved(*node) {
            Some(moved) => {
                *node = moved;
                true
            }
            None => false,
        },
        Fault::Partition { links, .. } => {
            *links = links.iter().filter_map(|link| moved_link(*link)).collect();
            !links.is_empty()
        }
    });
    plan
}
