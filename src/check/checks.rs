//! Several checks on one run.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Check, Violation};
use crate::protocol::{StateMachine, Time};
use crate::running::{Running, Word};
use crate::sim::{Event, EventKind, Nodes, Observer};

/// Checks that look on together; the first breach, in the order in which they were added, stops the world.
pub struct Checks<M> {
    checks: Vec<Looking<M>>,
    /// What any of them looks at.
    looks: u16,
    step: u64,
    violation: Option<Violation>,
    /// Where others see which check is being asked.
    running: Arc<Running>,
}

/// A check, and what it looks at: a bit for each kind of event.
struct Looking<M> {
    looks: u16,
    /// What others see while it is asked.
    word: Word,
    check: Box<dyn Check<M>>,
}

impl<M: StateMachine> Checks<M> {
    /// These checks, in this order.
    #[must_use]
    pub fn new(checks: Vec<Box<dyn Check<M>>>) -> Self {
        let looks_of = |check: &dyn Check<M>| check.looks_at().iter().fold(0, |looks, kind| looks | bit_of(*kind));
        let looking = |(place, check): (usize, Box<dyn Check<M>>)| Looking {
            looks: looks_of(&*check),
            word: Word::check(place),
            check,
        };
        let checks: Vec<Looking<M>> = checks.into_iter().enumerate().map(looking).collect();
        let looks = checks.iter().fold(0, |all, looking| all | looking.looks);
        Self { checks, looks, step: 0, violation: None, running: Running::current() }
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

    /// The name of the check at this place.
    pub(crate) fn name_at(&self, place: usize) -> Option<String> {
        self.checks.get(place).map(|looking| looking.check.name().to_owned())
    }

    /// What the checks have counted.
    pub fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        for Looking { word, check, .. } in &self.checks {
            self.running.put(*word);
            check.count(add);
        }
    }
}

const fn bit_of(kind: EventKind) -> u16 {
    1 << kind as u16
}

impl<M: StateMachine> Observer<M> for Checks<M> {
    #[inline]
    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()> {
        if let Event::Begins { step, .. } = event {
            self.step = *step;
        }
        let bit = bit_of(event.kind());
        if self.looks & bit == 0 { ControlFlow::Continue(()) } else { self.show(bit, at, event, nodes) }
    }
}

impl<M: StateMachine> Checks<M> {
    fn show(&mut self, bit: u16, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()> {
        let before = self.running.word();
        for Looking { looks, word, check } in &mut self.checks {
            if *looks & bit == 0 {
                continue;
            }
            self.running.put(*word);
            if let Err(breach) = check.see(at, event, nodes) {
                self.violation = Some(Violation { check: check.name().to_owned(), breach, step: self.step, at });
                return ControlFlow::Break(());
            }
        }
        self.running.put(before);
        ControlFlow::Continue(())
    }
}
