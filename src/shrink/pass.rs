//! The passes, one sort of change after the other, over and over.

use crate::harness::Harness;
use crate::protocol::StateMachine;
use crate::shrink::trial::Trials;
use crate::shrink::{
    clocks, cut, disk, draw, fates, faults, knobs, late_timers, moments, nodes, remove, retries, simpler, times,
};

/// Shrinks until nothing helps any more, or the budget is spent. The run is cut short first: what comes after the violation goes, and
/// then requests, by halves. A plan is never tried twice, so the last round, which finds nothing, costs little.
pub(crate) fn to_fixpoint<M: StateMachine>(trials: &mut Trials<'_>, system: &Harness<M>, draws_max: u64) {
    loop {
        let before = trials.best().plan.clone();
        trials.exhaust(cut::after_the_violation);
        trials.exhaust(knobs::fewer);
        trials.exhaust(disk::fewer);
        trials.exhaust(retries::fewer);
        remove::requests(trials);
        remove::fates(trials);
        remove::faults(trials);
        remove::timers(trials);
        remove::armed(trials);
        remove::clocks(trials);
        trials.exhaust(|best| knobs::smaller(best, &system.worlds.knobs));
        trials.exhaust(disk::simpler);
        trials.exhaust(|best| nodes::fewer(best, system.worlds.node_count_least()));
        trials.exhaust(|best| simpler::requests(system, &best.plan));
        trials.exhaust(faults::simpler);
        trials.exhaust(fates::simpler);
        trials.exhaust(late_timers::earlier);
        trials.exhaust(moments::simpler);
        trials.exhaust(clocks::simpler);
        times::simplify(trials);
        if trials.best().plan == before {
            trials.exhaust(remove::pairs);
            trials.exhaust(remove::retimed);
        }
        if trials.best().plan == before {
            draw::smaller(trials, system, draws_max);
        }
        if trials.best().plan == before || trials.is_over() {
            break;
        }
    }
}
