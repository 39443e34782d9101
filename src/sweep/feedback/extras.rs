//! Changes of late timers, clocks and armed faults. A plan that has none keeps none: what it says of all else is drawn as before.

use crate::protocol::Rng;
use crate::sim::{Plan, TimerName, When};

/// Of the mutants of a plan that has some of these so many in a thousand change one of a sort.
const CHANGED_PERMILLE: u32 = 400;

/// Changes some of the plan's late timers, clocks and armed faults.
pub(super) fn change(plan: &mut Plan, rng: &mut Rng) {
    if !plan.timers.is_empty() && rng.chance(CHANGED_PERMILLE) {
        change_timer(plan, rng);
    }
    if !plan.clocks.is_empty() && rng.chance(CHANGED_PERMILLE) {
        let place = rng.below(plan.clocks.len() as u64) as usize;
        match rng.below(3) {
            0 => _ = plan.clocks.shift_remove_index(place),
            1 => plan.clocks[place].drift_ppm = plan.clocks[place].drift_ppm.saturating_neg(),
            _ => plan.clocks[place].offset_nanos /= 2,
        }
    }
    if !plan.armed.is_empty() && rng.chance(CHANGED_PERMILLE) {
        change_armed(plan, rng);
    }
}

fn change_timer(plan: &mut Plan, rng: &mut Rng) {
    let place = rng.below(plan.timers.len() as u64) as usize;
    let Some((name, late)) = plan.timers.get_index(place).map(|(name, late)| (name.clone(), *late)) else { return };
    match rng.below(3) {
        0 => _ = plan.timers.shift_remove(&name),
        1 => plan.timers[place] = if rng.chance(500) { late / 2 } else { late.saturating_mul(2) },
        _ => {
            // The one before or after is as late.
            let number = (name.number + rng.below(3) as u32).saturating_sub(1).max(1);
            plan.timers.insert(TimerName { number, ..name }, late);
        }
    }
}

fn change_armed(plan: &mut Plan, rng: &mut Rng) {
    let [place, other] = [rng.below(plan.armed.len() as u64), rng.below(plan.armed.len() as u64)].map(|at| at as usize);
    match rng.below(4) {
        0 => drop(plan.armed.remove(place)),
        1 => {
            let blow = plan.armed[other].blow.clone();
            plan.armed[place].blow = blow;
        }
        2 => plan.armed[place].lasts = plan.armed[place].lasts.map(|lasts| lasts / 2 * rng.between(1, 4) as u32),
        _ => {
            if let When::Said { moment, .. } = &mut plan.armed[place].when {
                moment.count = (moment.count + rng.below(3) as u32).saturating_sub(1).max(1);
            }
        }
    }
}
