//! Every small plan there is, up to names and to times between which nothing happens: what the shrinker is held against.
//!
//! A plan is extended by one decision at a time. Whatever is decided happens just when something else happens in the run of
//! the plan so far, or just after; keys, sessions and nodes are numbered in the order in which they appear.

use std::collections::BTreeSet;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::Violation;
use distributed_data_consistency::harness::Recorded;
use distributed_data_consistency::kv::{Key, StoreAction};
use distributed_data_consistency::protocol::{NodeId, StateMachine, Time};
use distributed_data_consistency::sim::{
    Action, Fate, Fault, Link, MessageName, Plan, PlannedFault, PlannedRequest, What,
};

const KEYS: [&str; 2] = ["cart", "user"];
const SESSIONS: u8 = 2;
/// Things go wrong for so long.
const HOSTILE: Time = Time::from_millis(70);
const JUST_AFTER: Duration = Duration::from_micros(500);

/// What a search came to.
pub(crate) struct Searched {
    /// How many plans were run.
    pub(crate) plans: usize,
    /// One of those that fail, if any does.
    pub(crate) failing: Option<Plan>,
}

/// Runs every plan of at most `decisions` decisions for `node_count` nodes, until one fails in a way that counts.
pub(crate) fn search<M: StateMachine>(
    harness: &Harness<M>,
    node_count: usize,
    decisions: usize,
    counts: impl Fn(&Violation) -> bool,
) -> Searched {
    let empty = Plan { heal_at: HOSTILE, settle: Duration::from_secs(2), ..Plan::new(node_count) };
    let (mut plans, mut level, mut seen) = (0, vec![empty], BTreeSet::new());
    for depth in 1..=decisions {
        let mut next = Vec::new();
        for plan in &level {
            for longer in extended(&harness.record(plan)) {
                if !seen.insert(format!("{longer:?}")) {
                    continue;
                }
                plans += 1;
                if harness.run(&longer).violation.is_some_and(|violation| counts(&violation)) {
                    return Searched { plans, failing: Some(longer) };
                }
                if depth < decisions {
                    next.push(longer);
                }
            }
        }
        level = next;
    }
    Searched { plans, failing: None }
}

/// The plans of one decision more.
fn extended(recorded: &Recorded) -> Vec<Plan> {
    let Recorded { plan, trace, .. } = recorded;
    let times: BTreeSet<Time> = trace.events.iter().map(|event| event.at).filter(|at| *at <= HOSTILE).collect();
    let moments: Vec<Time> = match plan.decision_count() {
        0 => vec![Time::ZERO],
        _ => times.iter().flat_map(|at| [*at, *at + JUST_AFTER]).collect(),
    };
    let mut longer = Vec::new();
    for at in &moments {
        for node in (0..plan.node_count).map(NodeId::new).filter(|node| node.index() <= nodes_named(plan)) {
            longer.extend(actions(plan).into_iter().map(|action| {
                let mut plan = plan.clone();
                let place = plan.requests.partition_point(|request| request.at <= *at);
                plan.requests.insert(place, PlannedRequest::new(*at, node, action));
                plan
            }));
        }
        longer.extend(faults(plan.node_count).into_iter().map(|fault| {
            let mut plan = plan.clone();
            plan.faults.push(PlannedFault { at: *at, fault });
            plan.faults.sort_by_key(|planned| planned.at);
            plan
        }));
    }
    longer.extend(fates(recorded, &times).into_iter().map(|(name, fate)| {
        let mut plan = plan.clone();
        plan.fates.insert(name, fate);
        plan
    }));
    longer
}

/// How many nodes a plan names so far, in the order in which they appear; all of them once anything but a request does.
fn nodes_named(plan: &Plan) -> usize {
    if plan.faults.is_empty() && plan.fates.is_empty() {
        plan.requests.iter().map(|request| request.node.index() + 1).max().unwrap_or(0)
    } else {
        plan.node_count
    }
}

/// What a client may ask next.
fn actions(plan: &Plan) -> Vec<Action> {
    let asked: Vec<&StoreAction> = plan.requests.iter().filter_map(|request| request.action.downcast()).collect();
    let used = |(key, session): (&Key, &Option<u8>)| (KEYS.iter().position(|known| key == known), *session);
    let used: Vec<(Option<usize>, Option<u8>)> = asked
        .iter()
        .map(|action| match action {
            StoreAction::Put { key, session, .. }
            | StoreAction::Delete { key, session }
            | StoreAction::Get { key, session } => used((key, session)),
        })
        .collect();
    let keys = used.iter().filter_map(|(key, _)| *key).max().map_or(1, |key| (key + 2).min(KEYS.len()));
    let sessions =
        used.iter().filter_map(|(_, session)| *session).max().map_or(1, |session| (session + 2).min(SESSIONS));
    let mut actions = Vec::new();
    for key in KEYS[..keys].iter().map(|key| Key::from(*key)) {
        for session in [None].into_iter().chain((0..sessions).map(Some)) {
            let value = char::from(b'a' + asked.len() as u8).to_string();
            actions.push(StoreAction::Put { key: key.clone(), value: value.into(), session });
            // A delete or a read of nothing does nothing.
            if !asked.is_empty() {
                actions.push(StoreAction::Delete { key: key.clone(), session });
            }
            if !asked.is_empty() && session.is_some() {
                actions.push(StoreAction::Get { key: key.clone(), session });
            }
        }
    }
    actions.into_iter().map(Action::new).collect()
}

/// Each node crashes, between steps or in one; each set of links of two nodes, and of one node among three, is cut.
fn faults(node_count: usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    for node in (0..node_count).map(NodeId::new) {
        for effects in [None, Some(0), Some(1), Some(2)] {
            for restart in [None, Some(Duration::from_millis(1))] {
                faults.push(Fault::Crash { node, effects, restart, wipe: false });
            }
        }
    }
    let links = |from: usize| (0..node_count).filter(move |to| *to != from).map(move |to| Link::new(from, to));
    for node in 0..node_count {
        let out: Vec<Link> = links(node).collect();
        let reversed = |links: &[Link]| -> Vec<Link> { links.iter().map(|link| link.reversed()).collect() };
        let sets = [out.clone(), reversed(&out), [out.clone(), reversed(&out)].concat()];
        let single = out.iter().filter(|_| node_count > 2).flat_map(|link| [vec![*link], vec![*link, link.reversed()]]);
        let sets = sets.into_iter().chain(single).filter(|links| !links.is_empty());
        faults.extend(sets.map(|links| Fault::Partition { links, heal: None }));
    }
    faults
}

/// Each message is lost, or comes just after each thing that happens later, or comes a second time then.
fn fates(recorded: &Recorded, times: &BTreeSet<Time>) -> Vec<(MessageName, Fate)> {
    let latency = recorded.plan.latency;
    let mut fates = Vec::new();
    for event in &recorded.trace.events {
        let What::Sent { name, fate: None, .. } = &event.what else { continue };
        fates.push((name.clone(), Fate::Drop));
        fates.push((name.clone(), Fate::copies(&[latency, latency])));
        for later in times.range(event.at + latency..) {
            let delay = *later + JUST_AFTER - event.at;
            fates.push((name.clone(), Fate::delay(delay)));
            fates.push((name.clone(), Fate::copies(&[latency, delay])));
        }
    }
    fates
}
