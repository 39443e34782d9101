//! How far a run may go that somebody tries: a candidate of the shrinker, a twin, a fork, a run of a search.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Harness, Outcome, Recorded};
use crate::protocol::{StateMachine, Time};
use crate::running::Made;
use crate::sim::{End, Event, Fates, Limits, Nodes, Observer, Plan, PlannedFates};

/// A run that is tried in the place of another one may take so many times its steps …
const STEPS_FACTOR: u64 = 4;
/// … and so many more. What takes longer is another story, and would be told worse.
const STEPS_MORE: u64 = 10_000;

/// Whoever has seen enough is heard after so many steps.
const STEPS_UNHEARD: u64 = 1_024;

/// How far a run may go that somebody tries.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    limits: Limits,
    /// How far the system lets its runs go: who gets there has never come to rest.
    own: Limits,
    stop: &'a AtomicBool,
}

impl<'a> Bounds<'a> {
    /// As far as any run of the system.
    pub(crate) fn own<M: StateMachine>(system: &Harness<M>, stop: &'a AtomicBool) -> Self {
        Self { limits: system.limits, own: system.limits, stop }
    }

    /// Not much farther than a run that took `steps`, which it is to take the place of.
    pub(crate) fn beside<M: StateMachine>(system: &Harness<M>, steps: u64, stop: &'a AtomicBool) -> Self {
        Self { limits: limits_beside(system.limits, steps), own: system.limits, stop }
    }

    /// So many steps for any run; who gets there has never come to rest.
    pub(crate) fn at_most(limits: Limits, stop: &'a AtomicBool) -> Self {
        Self { limits, own: limits, stop }
    }

    /// So many steps it takes at most to find out.
    pub(crate) fn step_count_max(&self) -> u64 {
        self.limits.step_count_max
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// True if nobody can say what would have come of the run.
    fn has_cut(&self, outcome: &Outcome) -> bool {
        let is_short = self.limits.step_count_max < self.own.step_count_max
            || self.limits.pending_count_max < self.own.pending_count_max;
        match outcome.end {
            Some(End::Stopped) => outcome.violation.is_none(),
            Some(End::TooLong | End::TooMany | End::Restless) => is_short,
            _ => false,
        }
    }
}

/// The limits of a run that is tried in the place of one that took so many steps. What bounds its memory bounds that of the
/// other as well, and stays.
fn limits_beside(own: Limits, steps: u64) -> Limits {
    let most = steps.saturating_mul(STEPS_FACTOR).saturating_add(STEPS_MORE);
    let mut limits = own;
    limits.step_count_max = own.step_count_max.min(most);
    limits
}

/// Breaks the run off once somebody has seen enough.
pub(crate) struct Brake<'a>(pub(crate) &'a AtomicBool);

impl<M: StateMachine> Observer<M> for Brake<'_> {
    #[inline]
    fn see(&mut self, _at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> ControlFlow<()> {
        match event {
            Event::Begins { step, .. } if step % STEPS_UNHEARD == 0 && self.0.load(Ordering::Relaxed) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

impl<M: StateMachine> Harness<M> {
    /// Runs a plan; `None` if it went farther than it may, or was stopped: then nobody knows what would have come of it.
    pub(crate) fn run_bounded(&self, plan: &Plan, bounds: &Bounds<'_>) -> Option<Outcome> {
        self.run_bounded_with(plan, PlannedFates(&plan.fates), bounds)
    }

    /// The same with other fates than the plan's own.
    pub(crate) fn run_bounded_with(&self, plan: &Plan, fates: impl Fates, bounds: &Bounds<'_>) -> Option<Outcome> {
        let outcome = self.run_limited(plan, fates, bounds.limits, &mut Brake(bounds.stop));
        (!bounds.has_cut(&outcome)).then_some(outcome)
    }

    /// Runs a plan while somebody else looks on, as far as it may go.
    pub(crate) fn run_bounded_seen(
        &self,
        plan: &Plan,
        bounds: &Bounds<'_>,
        observer: &mut impl Observer<M>,
    ) -> Outcome {
        let both = &mut (&mut Brake(bounds.stop), observer);
        self.run_limited(plan, PlannedFates(&plan.fates), bounds.limits, both)
    }

    /// Runs a plan as far as it may go, and writes everything down. Nobody stops it: a finding is worth a run.
    pub(crate) fn record_bounded(&self, plan: &Plan, bounds: &Bounds<'_>) -> Recorded {
        self.record_limited(plan.clone(), Made::Plan, PlannedFates(&plan.fates), bounds.limits)
    }
}
