//! Promises that fit in a closure.

use super::{Breach, Check, Source};
use crate::protocol::{StateMachine, Time};
use crate::sim::{Event, EventKind, Nodes};

/// A promise that fits in a closure. [`Harness::always`](crate::harness::Harness::always) and
/// [`Harness::at_rest`](crate::harness::Harness::at_rest) make one.
#[derive(Clone, Debug)]
pub struct Predicate<F> {
    /// The name of the check.
    pub name: &'static str,
    /// When it must hold.
    pub when: When,
    /// What must hold; an error says how it is broken. Errors that differ in more than numbers, and what stands in quotes or brackets,
    /// are different failures ([`Source::of`]).
    pub holds: F,
}

/// When a [`Predicate`] must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After every step.
    Always,
    /// When the world has come to rest.
    AtRest,
}

impl<M, F> Check<M> for Predicate<F>
where
    M: StateMachine,
    F: Fn(Nodes<'_, M>) -> Result<(), String> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_causal(&self) -> bool {
        self.when == When::AtRest
    }

    fn looks_at(&self) -> &'static [EventKind] {
        match self.when {
            When::Always => &[EventKind::Ends],
            When::AtRest => &[EventKind::Rest],
        }
    }

    fn see(&mut self, _at: Time, _event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        (self.holds)(nodes).map_err(|summary| {
            let source = Source::of("", &summary);
            Breach::new("broken", summary).from(source)
        })
    }
}
