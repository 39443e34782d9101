//! Plans near to a plan.
//!
//! Unlike a fuzzer's mutations, which go by bytes, these keep to what the profile allows, and so to what the system promises to
//! stand. What clients ask stays: who they are and what they have read makes a story that only the workload can tell.

use std::time::Duration;

use crate::protocol::{Rng, Time};
use crate::sim::{Fate, Fault, MessageName, Plan, PlannedFault};
use crate::strategy::Profile;
use crate::strategy::{any_node, draw_links, draw_pause, micros, until};

/// In so many cases of a thousand what goes wrong comes from another plan.
const SPLICE_PERMILLE: u32 = 250;

/// A plan near to `plan`, changed in up to eight places; some have the faults or the fates of `other`.
pub(crate) fn mutate(plan: &Plan, other: &Plan, profile: &Profile, rng: &mut Rng) -> Plan {
    let mut plan = plan.clone();
    if rng.chance(SPLICE_PERMILLE) && plan.node_count == other.node_count {
        if rng.chance(500) {
            plan.faults.clone_from(&other.faults);
            plan.armed.clone_from(&other.armed);
        } else {
            plan.fates.clone_from(&other.fates);
            plan.timers.clone_from(&other.timers);
        }
    }
    for _ in 0..1 << rng.below(4) {
        match rng.below(10) {
            0..3 => change_request(&mut plan, rng),
            3..6 => change_fault(&mut plan, profile, rng),
            _ => change_fate(&mut plan, profile, rng),
        }
    }
    super::extras::change(&mut plan, rng);
    plan.requests.sort_by_key(|planned| planned.at);
    plan.faults.sort_by_key(|planned| planned.at);
    plan
}

fn change_request(plan: &mut Plan, rng: &mut Rng) {
    let Some((one, other)) = two_places(plan.requests.len(), rng) else { return };
    let (left, right) = (plan.requests[one].at, plan.requests[other].at);
    match rng.below(4) {
        0 => drop(plan.requests.remove(one)),
        1 => plan.requests[one].node = any_node(plan, rng),
        2 => (plan.requests[one].at, plan.requests[other].at) = (right, left),
        // What matters happens close together.
        _ => plan.requests[one].at = near(right, plan.heal_at, rng),
    }
}

fn change_fault(plan: &mut Plan, profile: &Profile, rng: &mut Rng) {
    let Some((place, _)) = two_places(plan.faults.len(), rng).filter(|_| !rng.chance(200)) else {
        plan.faults.extend(new_fault(plan, profile, rng));
        return;
    };
    match rng.below(4) {
        0 => drop(plan.faults.remove(place)),
        1 | 2 => plan.faults[place].at = moment(plan, rng),
        _ => {
            let (node, node_count) = (any_node(plan, rng), plan.node_count);
            match &mut plan.faults[place].fault {
                Fault::Crash { node: crashed, effects, restart, .. } => match rng.below(3) {
                    0 => *crashed = node,
                    1 => *effects = profile.draw_budget(rng),
                    _ => *restart = until(rng, micros(profile.restart_max)),
                },
                Fault::Pause { node: paused, span } => match rng.below(2) {
                    0 => *paused = node,
                    _ => *span = draw_pause(rng, profile),
                },
                Fault::Partition { links, heal } => match rng.below(2) {
                    0 if node_count > 1 => *links = draw_links(node_count, profile.one_way_permille, rng),
                    _ => *heal = until(rng, 2 * micros(profile.partition_max)),
                },
            }
        }
    }
}

/// One fault more, if the profile has such faults and the plan not yet twice as many as other worlds.
fn new_fault(plan: &Plan, profile: &Profile, rng: &mut Rng) -> Option<PlannedFault> {
    let (at, node) = (moment(plan, rng), any_node(plan, rng));
    let fault = match rng.below(3) {
        0 if profile.crash_permille > 0 => {
            let (effects, restart) = (profile.draw_budget(rng), until(rng, micros(profile.restart_max)));
            Fault::Crash { node, effects, restart, wipe: rng.chance(profile.wipe_permille) }
        }
        1 if profile.pause_permille > 0 => Fault::Pause { node, span: draw_pause(rng, profile) },
        2 if profile.partition_permille > 0 && plan.node_count > 1 => {
            let links = draw_links(plan.node_count, profile.one_way_permille, rng);
            Fault::Partition { links, heal: until(rng, 2 * micros(profile.partition_max)) }
        }
        _ => return None,
    };
    let is_room = plan.faults.len() < 6 * profile.faults_max as usize;
    is_room.then_some(PlannedFault { at, fault })
}

fn change_fate(plan: &mut Plan, profile: &Profile, rng: &mut Rng) {
    let Some((one, other)) = two_places(plan.fates.len(), rng) else { return };
    match rng.below(6) {
        // A part of the run is boring.
        0 => drop(plan.fates.drain(one.min(other)..=one.max(other))),
        // What is in store for the later messages comes to others of them.
        1 => {
            let mut later: Vec<Fate> = plan.fates.values().skip(one).cloned().collect();
            rng.shuffle(&mut later);
            plan.fates.values_mut().skip(one).zip(later).for_each(|(fate, other)| *fate = other);
        }
        2 => {
            let (left, right) = (plan.fates[one].clone(), plan.fates[other].clone());
            (plan.fates[one], plan.fates[other]) = (right, left);
        }
        _ => {
            let Some((name, _)) = plan.fates.get_index(one) else { return };
            // It, or the one before or after.
            let number = (name.number + rng.below(3) as u32).saturating_sub(1).max(1);
            let name = MessageName { number, ..name.clone() };
            plan.fates.insert(name, new_fate(profile, rng));
        }
    }
}

fn new_fate(profile: &Profile, rng: &mut Rng) -> Fate {
    let boring = Duration::from_millis(1);
    let late = |longest: Duration, rng: &mut Rng| {
        // Squared, so that short delays are as common as long ones.
        let reach = rng.between(1, 1_000);
        Duration::from_micros((reach * reach * longest.as_micros() as u64 / 1_000_000).max(1))
    };
    let delay = |rng: &mut Rng| if profile.delay_permille > 0 { late(profile.delay_max, rng) } else { boring };
    match rng.below(4) {
        0 if profile.drop_permille > 0 => Fate::Drop,
        1 if profile.duplicate_permille > 0 => {
            let more = if rng.chance(profile.late_permille) { late(profile.late_max, rng) } else { delay(rng) };
            Fate::copies(&[delay(rng), more])
        }
        _ => Fate::delay(delay(rng)),
    }
}

fn two_places(count: usize, rng: &mut Rng) -> Option<(usize, usize)> {
    let mut place = || rng.below(count as u64) as usize;
    (count > 0).then(|| (place(), place()))
}

/// Mostly about when a client asks something.
fn moment(plan: &Plan, rng: &mut Rng) -> Time {
    match rng.pick(&plan.requests) {
        Some(planned) if rng.chance(800) => near(planned.at, plan.heal_at, rng),
        _ => Time::from_nanos(rng.below(plan.heal_at.as_nanos() / 1_000 + 1) * 1_000),
    }
}

/// A little before or after, and before the world heals; short ways are as common as long ones.
fn near(at: Time, heal_at: Time, rng: &mut Rng) -> Time {
    let reach = 1 << rng.below(15);
    let way = rng.below(reach) * 1_000;
    let at = at.as_nanos();
    let moved = if rng.chance(500) { at.saturating_add(way) } else { at.saturating_sub(way) };
    Time::from_nanos(moved).min(heal_at)
}

#[cfg(test)]
mod tests {
    use super::mutate;
    use crate::protocol::{NodeId, Rng, Time};
    use crate::sim::{Action, Fate, Fault, Link, MessageName, Plan, PlannedRequest};
    use crate::strategy::Profile;

    /// A plan of requests and fates, none of which is a loss or a double.
    fn calm(node_count: usize) -> Plan {
        let mut plan = Plan::new(node_count);
        for place in 0..8 {
            let (at, node) = (Time::from_millis(place as u64), NodeId::new(place % node_count));
            plan.requests.push(PlannedRequest::new(at, node, Action::new(place)));
            let name = MessageName { link: Link::new(0, 1), kind: "update".into(), number: place as u32 + 1 };
            plan.fates.insert(name, Fate::delay(std::time::Duration::from_millis(3)));
        }
        plan
    }

    /// What is changed for good by a thousand mutations, each of the one before.
    fn mutants(profile: &Profile) -> Vec<Plan> {
        let (rng, mut plan) = (&mut Rng::new(1, 2), calm(3));
        let mut next = || {
            plan = mutate(&plan, &calm(3), profile, rng);
            plan.clone()
        };
        (0..1_000).map(|_| next()).collect()
    }

    #[test]
    fn a_mutant_keeps_to_the_profile() {
        let longest = Profile::calm().delay_max;
        for plan in mutants(&Profile::calm()) {
            assert!(plan.faults.is_empty());
            let is_calm =
                |fate: &Fate| matches!(fate, Fate::Deliver(delays) if delays.len() == 1 && delays[0] <= longest);
            assert!(plan.fates.values().all(is_calm), "{plan:?}");
        }
        let two_ways = Profile { one_way_permille: 0, in_step_permille: 0, ..Profile::hostile() };
        for fault in mutants(&two_ways).into_iter().flat_map(|plan| plan.faults) {
            match fault.fault {
                Fault::Partition { links, .. } => assert!(links.iter().all(|link| links.contains(&link.reversed()))),
                Fault::Crash { effects, wipe, .. } => assert!(effects.is_none() && !wipe),
                Fault::Pause { .. } => panic!("expect: the profile has no pauses"),
            }
        }
    }

    #[test]
    fn mutants_have_whatever_the_profile_has_and_stay_small() {
        let plans = mutants(&Profile::harsh());
        let any_fault =
            |is: fn(&Fault) -> bool| plans.iter().any(|plan| plan.faults.iter().any(|fault| is(&fault.fault)));
        assert!(any_fault(|fault| matches!(fault, Fault::Crash { effects: Some(_), .. })));
        assert!(any_fault(|fault| matches!(fault, Fault::Pause { .. })));
        assert!(any_fault(|fault| matches!(fault, Fault::Partition { links, .. } if links.len() == 1)));
        let any_fate = |is: fn(&Fate) -> bool| plans.iter().any(|plan| plan.fates.values().any(is));
        assert!(any_fate(|fate| *fate == Fate::Drop));
        assert!(any_fate(|fate| matches!(fate, Fate::Deliver(delays) if delays.len() == 2)));
        assert!(plans.iter().all(|plan| plan.decision_count() < 60 && plan.faults.len() <= 18));
        assert!(plans.iter().all(|plan| plan.requests.is_sorted_by_key(|planned| planned.at)));
    }
}
