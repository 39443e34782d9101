//! Plans of any size.

use std::time::Duration;

use distributed_data_consistency::kv::StoreAction;
use distributed_data_consistency::protocol::{NodeId, Time};
use distributed_data_consistency::sim::{Action, Fate, Fault, Link, MessageName, Plan, PlannedFault, PlannedRequest};

const NODES: usize = 3;
const EACH: Duration = Duration::from_millis(1);

fn empty(node_count: usize, count: usize) -> Plan {
    let heal_at = Time::ZERO + EACH * count as u32;
    Plan { heal_at, settle: Duration::from_secs(3_600), ..Plan::new(node_count) }
}

/// A put a millisecond, at one node after the other, over so many keys.
pub(super) fn puts(count: usize, key_count: usize) -> Plan {
    let put = |place: usize| {
        let (key, value) = (format!("k{}", place % key_count).into(), format!("v{place}").into());
        let action = Action::new(StoreAction::Put { key, value, session: None });
        PlannedRequest::new(Time::ZERO + EACH * place as u32, NodeId::new(place % NODES), action)
    };
    Plan { requests: (0..count).map(put).collect(), ..empty(NODES, count) }
}

/// One put, of which all nodes then hear.
pub(super) fn settled(node_count: usize) -> Plan {
    Plan { requests: puts(1, 1).requests, ..empty(node_count, 1) }
}

/// As many puts as fates: one message in three is lost, the others late.
pub(super) fn fates(count: usize) -> Plan {
    let mut plan = puts(count, 20);
    for place in 0..count {
        let from = place % NODES;
        let (link, number) = (Link::new(from, (from + 1) % NODES), (place / NODES + 1) as u32);
        let fate = if place % 3 == 0 { Fate::Drop } else { Fate::delay(EACH * 3) };
        plan.fates.insert(MessageName { link, kind: "update".into(), number }, fate);
    }
    plan
}

/// A put every ten milliseconds for a while, and so many short faults.
pub(super) fn faults(count: usize) -> Plan {
    let fault = |place: usize| {
        let fault = match place % 2 {
            0 => Fault::Pause { node: NodeId::new(place / 2 % NODES), span: EACH / 2 },
            _ => Fault::Partition { links: vec![Link::new(place % NODES, (place + 1) % NODES)], heal: Some(EACH / 2) },
        };
        PlannedFault { at: Time::ZERO + EACH * place as u32, fault }
    };
    let mut plan = Plan { faults: (0..count).map(fault).collect(), ..empty(NODES, count) };
    plan.requests = puts(count, 20).requests.into_iter().step_by(10).collect();
    plan
}
