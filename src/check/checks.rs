//! Several checks on one run.

use std::ops::ControlFlow;

use super::{Check, Violation};
use crate::machine::{StateMachine, Time};
use crate::sim::{Event, Nodes, Observer};

/// Checks that look on together; the first breach, in the order in which they were added, stops the world.
pub struct Checks<M> {
    checks: Vec<Box<dyn Check<M>>>,
    /// The places of those that look at more than the end.
    watching: Vec<usize>,
    step: u64,
    violation: Option<Violation>,
}

impl<M: StateMachine> Checks<M> {
    /// These checks, in this order.
    #[must_use]
    pub fn new(checks: Vec<Box<dyn Check<M>>>) -> Self {
        let watching = (0..checks.len()).filter(|place| !checks[*place].is_at_rest_only()).collect();
        Self { checks, watching, step: 0, violation: None }
    }

    /// The breach that stopped the world, if one did.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The step that was seen last.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What the checks have counted.
    pub fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        self.checks.iter().for_each(|check| check.count(add));
    }
}

impl<M: StateMachine> Observer<M> for Checks<M> {
    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()> {
        if let Event::Begins { step, .. } = event {
            self.step = *step;
        }
        if let Event::Rest { .. } = event {
            return (0..self.checks.len()).try_for_each(|place| self.show(place, at, event, nodes));
        }
        (0..self.watching.len()).try_for_each(|place| self.show(self.watching[place], at, event, nodes))
    }
}

impl<M: StateMachine> Checks<M> {
    fn show(&mut self, place: usize, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()> {
        let check = &mut self.checks[place];
        let Err(breach) = check.see(at, event, nodes) else { return ControlFlow::Continue(()) };
        let check = check.name().to_owned();
        self.violation = Some(Violation { check, breach, step: self.step, at });
        ControlFlow::Break(())
    }
}
