//! Promises that fit in a closure.

use super::{Breach, Check};
use crate::machine::{StateMachine, Time};
use crate::sim::{Event, Nodes};

/// Holds after every step. [`Harness::always`](crate::harness::Harness::always) makes one.
#[derive(Clone, Debug)]
pub struct EveryStep<F> {
    /// The name of the check.
    pub name: &'static str,
    /// The promise; an error says how it is broken.
    pub promise: F,
}

impl<M, F> Check<M> for EveryStep<F>
where
    M: StateMachine,
    F: Fn(Nodes<'_, M>) -> Result<(), String> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        match event {
            Event::Ends { .. } => (self.promise)(nodes).map_err(|summary| Breach::new("broken", summary)),
            _ => Ok(()),
        }
    }
}

/// Holds when the world has come to rest. [`Harness::at_rest`](crate::harness::Harness::at_rest) makes one.
#[derive(Clone, Debug)]
pub struct AtRest<F> {
    /// The name of the check.
    pub name: &'static str,
    /// The promise; an error says how it is broken.
    pub promise: F,
}

impl<M, F> Check<M> for AtRest<F>
where
    M: StateMachine,
    F: Fn(Nodes<'_, M>) -> Result<(), String> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        match event {
            Event::Rest { .. } => (self.promise)(nodes).map_err(|summary| Breach::new("broken", summary)),
            _ => Ok(()),
        }
    }
}
