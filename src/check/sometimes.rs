//! What must be seen now and then.

use super::{Breach, Check};
use crate::protocol::{StateMachine, Time};
use crate::sim::{Event, EventKind, Nodes};

/// A state that must be seen in at least one world of a sweep. [`Harness::sometimes`](crate::harness::Harness::sometimes) makes one, and
/// adds its name to the marks that [must be reached](crate::harness::Harness::must_reach).
#[derive(Clone, Debug)]
pub struct Sometimes<F> {
    name: &'static str,
    seen: bool,
    holds: F,
}

impl<F> Sometimes<F> {
    /// The state in which `holds` says yes.
    pub fn new(name: &'static str, holds: F) -> Self {
        Self { name, seen: false, holds }
    }
}

impl<M, F> Check<M> for Sometimes<F>
where
    M: StateMachine,
    F: Fn(Nodes<'_, M>) -> bool + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    /// It breaks nothing: a search that leaves out some order of steps may only miss it.
    fn is_causal(&self) -> bool {
        true
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends]
    }

    fn see(&mut self, _at: Time, _event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        self.seen = self.seen || (self.holds)(nodes);
        Ok(())
    }

    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        if self.seen {
            add(self.name, 1);
        }
    }
}
