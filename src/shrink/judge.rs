//! Who says whether a candidate fails as the best plan does.

use crate::check::Violation;
use crate::harness::bounds::Bounds;
use crate::harness::{Harness, Recorded};
use crate::protocol::StateMachine;
use crate::sim::Plan;

/// What came of a candidate.
pub(crate) struct Tried {
    /// How many steps it took to find out.
    pub(crate) steps: u64,
    /// How it fails, if it does so in the way that is looked for.
    pub(crate) violation: Option<Violation>,
    /// How it fails, if it does so in a way of another kind: a finding of its own.
    pub(crate) other: Option<Box<Violation>>,
}

/// Says whether a candidate fails as the best plan does.
pub(crate) trait Judge: Sync {
    /// Runs the plan. It fails in the way that is looked for if `violation` is the same failure, about `subject`.
    fn judge(&self, plan: &Plan, violation: &Violation, subject: &str) -> Tried;

    /// Runs a plan that fails once more, and writes everything down; `None` if it does not fail any more.
    fn record(&self, plan: &Plan, violation: &Violation) -> Option<Recorded>;
}

/// Looks for the same violation.
pub(crate) struct SameViolation<'a, M: StateMachine> {
    pub(crate) system: &'a Harness<M>,
    pub(crate) bounds: Bounds<'a>,
}

impl<M: StateMachine> Judge for SameViolation<'_, M> {
    fn judge(&self, plan: &Plan, violation: &Violation, subject: &str) -> Tried {
        let Some(outcome) = self.system.run_bounded(plan, &self.bounds) else {
            // It went as far as it may, or somebody has seen enough, and nothing is tried any more.
            return Tried { steps: self.bounds.step_count_max(), violation: None, other: None };
        };
        let found = outcome.violation;
        // Of a world that panicked nothing is counted.
        let steps = outcome.stats.steps.max(found.as_ref().map_or(0, |found| found.step));
        match found {
            Some(found) if found.is_about(violation, subject) => Tried { steps, violation: Some(found), other: None },
            found => {
                let other = found.filter(|found| !found.is_kin(violation)).map(Box::new);
                Tried { steps, violation: None, other }
            }
        }
    }

    fn record(&self, plan: &Plan, violation: &Violation) -> Option<Recorded> {
        let recorded = self.system.record_bounded(plan, &self.bounds);
        recorded.outcome.violation.as_ref().is_some_and(|found| found.is_like(violation)).then_some(recorded)
    }
}
