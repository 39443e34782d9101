//! Several checks on one run.

use std::ops::ControlFlow;

use super::{Check, Violation};
use crate::machine::{StateMachine, Time};
use crate::sim::{Event, Nodes, Observer};

/// Checks that look on together; the first breach, in the order in which they were added, stops the world.
pub struct Checks<M> {
    checks: Vec<Box<dyn Check<M>>>,
    step: u64,
    violation: Option<Violation>,
}

impl<M: StateMachine> Checks<M> {
    /// These checks, in this order.
    #[must_use]
    pub fn new(checks: Vec<Box<dyn Check<M>>>) -> Self {
        Self { checks, step: 0, violation: None }
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
        for check in &mut self.checks {
            if let Err(breach) = check.see(at, event, nodes) {
                let check = check.name().to_owned();
                self.violation = Some(Violation { check, breach, step: self.step, at });
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}
