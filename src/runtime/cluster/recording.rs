//! A threaded run as a plan.
//!
//! What a node does depends on what it handles, in order, and on the times that it is told. Each node tells all its steps times that
//! rise, and no message is taken at a time that is not after the one at which it was sent; timers are told the very time
//! for which they were set. So a simulator that delivers each message when its receiver said that it took it runs the same steps.

use indexmap::IndexMap;
use smallvec::SmallVec;

use super::agenda::after;
use crate::protocol::{NodeId, RequestId, Time};
use crate::sim::{Action, Fate, Fault, Link, NameRef, Plan, PlannedFault, PlannedRequest};

/// Names a message: its link, its kind, its number.
pub(super) type Name = (Link, &'static str, u32);

/// What one node writes down.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The messages that it sent over links that were not cut.
    pub(super) sent: Vec<(Name, Time)>,
    /// The messages and copies that came to it, each with when it was sent and when it came, be the link cut or the node down
    /// by then.
    pub(super) came: Vec<(Name, Time)>,
    pub(super) asked: Vec<(RequestId, Time, Action)>,
    /// When it crashed, and when it restarted after that.
    pub(super) crashes: Vec<(Time, Option<Time>)>,
    /// When it stopped to write down what it sends.
    pub(super) closed: Option<Time>,
}

/// The plan of what the logs of all nodes tell.
pub(super) fn to_plan(seed: u64, logs: &[Log], cuts: Vec<PlannedFault>) -> Plan {
    let mut plan = Plan { seed, faults: cuts, ..Plan::new(logs.len()) };
    let mut asked: Vec<(RequestId, PlannedRequest)> = Vec::new();
    let mut came: IndexMap<Name, SmallVec<[Time; 2]>> = IndexMap::new();
    for (node, log) in logs.iter().enumerate() {
        let node = NodeId::new(node);
        let planned = |(id, at, action): &(_, _, Action)| (*id, PlannedRequest::new(*at, node, action.clone()));
        asked.extend(log.asked.iter().map(planned));
        plan.faults.extend(log.crashes.iter().map(|&(at, back)| {
            let restart = back.map(|back| back - at);
            PlannedFault { at, fault: Fault::Crash { node, effects: None, restart, wipe: false } }
        }));
        for (name, at) in &log.came {
            came.entry(*name).or_default().push(*at);
        }
    }
    // A request's number is its place.
    asked.sort_by_key(|(id, _)| *id);
    plan.requests = asked.into_iter().map(|(_, request)| request).collect();
    plan.faults.sort_by_key(|planned| planned.at);
    let mut sent: Vec<&(Name, Time)> = logs.iter().flat_map(|log| &log.sent).collect();
    sent.sort_by_key(|(_, at)| *at);
    for &(name, at) in sent {
        let (link, kind, number) = name;
        let fate = match came.get(&name) {
            None => Fate::Drop,
            Some(times) => Fate::Deliver(times.iter().map(|time| *time - at).collect()),
        };
        plan.fates.insert(NameRef { link, kind, number }.into_name(), fate);
    }
    let ends = logs.iter().filter_map(|log| log.closed);
    let faults_end = plan.faults.iter().map(|planned| match planned.fault {
        Fault::Partition { heal: Some(span), .. } | Fault::Crash { restart: Some(span), .. } => planned.at + span,
        _ => planned.at,
    });
    plan.heal_at = after(ends.chain(faults_end).max().unwrap_or(Time::ZERO));
    plan
}
