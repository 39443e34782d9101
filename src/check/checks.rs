//! Several checks on one run.

use std::ops::ControlFlow;

use super::{Breach, Check, Violation};
use crate::machine::{StateMachine, Time};
use crate::sim::{Event, Nodes, Observer};

/// Checks that look on together; the first breach, in the order in which they were added, stops the world.
pub struct Checks<M> {
    checks: Vec<Box<dyn Check<M>>>,
    /// The places of those that look at more than the end …
    watching: Vec<usize>,
    /// … and of those among them that look at what is sent.
    watching_sends: Vec<usize>,
    step: u64,
    violation: Option<Violation>,
}

impl<M: StateMachine> Checks<M> {
    /// These checks, in this order.
    #[must_use]
    pub fn new(checks: Vec<Box<dyn Check<M>>>) -> Self {
        let watching: Vec<usize> = (0..checks.len()).filter(|place| !checks[*place].is_at_rest_only()).collect();
        let watching_sends = watching.iter().copied().filter(|place| !checks[*place].is_blind_to_sends()).collect();
        Self { checks, watching, watching_sends, step: 0, violation: None }
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
        let watching = match event {
            Event::Sent { .. } => &self.watching_sends,
            Event::Rest { .. } => {
                return (0..self.checks.len()).try_for_each(|place| self.show(place, at, event, nodes));
            }
            Event::Begins { step, .. } => {
                self.step = *step;
                &self.watching
            }
            _ => &self.watching,
        };
        for &place in watching {
            if let Err(breach) = self.checks[place].see(at, event, nodes) {
                return self.stop(place, at, breach);
            }
        }
        ControlFlow::Continue(())
    }
}

impl<M: StateMachine> Checks<M> {
    fn show(&mut self, place: usize, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()> {
        match self.checks[place].see(at, event, nodes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(breach) => self.stop(place, at, breach),
        }
    }

    #[cold]
    fn stop(&mut self, place: usize, at: Time, breach: Breach) -> ControlFlow<()> {
        let check = self.checks[place].name().to_owned();
        self.violation = Some(Violation { check, breach, step: self.step, at });
        ControlFlow::Break(())
    }
}
