//! What must hold.

use super::Harness;
use crate::check::{Check, Predicate, RESERVED_CHECKS, Sometimes, When};
use crate::protocol::StateMachine;
use crate::sim::Nodes;

impl<M: StateMachine> Harness<M> {
    /// Something that must hold. Checks look on in the order in which they were added; the first breach stops the world.
    ///
    /// # Panics
    /// If there is a check of this name already, or the name is kept for what the harness itself finds: `determinism`, `panic`,
    /// `reach`, `rest`. Reports and plan files tell checks by their names.
    #[must_use]
    #[track_caller]
    pub fn check(mut self, check: impl Check<M> + Clone + Sync + 'static) -> Self {
        let (name, system) = (check.name(), &self.name);
        let is_new = !RESERVED_CHECKS.contains(&name) && self.checks.iter().all(|make| make().name() != name);
        assert!(is_new, "two checks of \"{system}\" are named \"{name}\": expected a name of its own for each");
        self.checks.push(Box::new(move || Box::new(check.clone())));
        self
    }

    /// A promise that holds after every step; the error says how it is broken.
    ///
    /// # Panics
    /// As [`check`](Self::check) does.
    #[must_use]
    #[track_caller]
    pub fn always<F>(self, name: &'static str, holds: F) -> Self
    where
        F: Fn(Nodes<'_, M>) -> Result<(), String> + Clone + Send + Sync + 'static,
    {
        self.check(Predicate { name, when: When::Always, holds })
    }

    /// A promise that holds in the end; the error says how it is broken.
    ///
    /// The end is when nothing is left to happen or, in a world that its timers keep going, when its [time to settle](Self::settle) is
    /// up. No message is under way then: [`Event::Rest`](crate::sim::Event::Rest) says it all. So a system that never falls silent,
    /// because it sends heartbeats, keeps this promise if it keeps it from some time on; and one that promises to fall silent is held
    /// to that by [`Quiescence`](crate::check::Quiescence).
    ///
    /// # Panics
    /// As [`check`](Self::check) does.
    #[must_use]
    #[track_caller]
    pub fn at_rest<F>(self, name: &'static str, holds: F) -> Self
    where
        F: Fn(Nodes<'_, M>) -> Result<(), String> + Clone + Send + Sync + 'static,
    {
        self.check(Predicate { name, when: When::AtRest, holds })
    }

    /// A state that must be seen in at least one world of a sweep, after some step: a sweep that never sees it fails as one does that
    /// misses a mark of [`must_reach`](Self::must_reach), and under the same conditions. A summary counts the worlds that have seen it.
    ///
    /// An event that must be seen is a [mark](crate::protocol::Env::mark) and needs only [`must_reach`](Self::must_reach).
    ///
    /// # Panics
    /// As [`check`](Self::check) does.
    #[must_use]
    #[track_caller]
    pub fn sometimes<F>(self, name: &'static str, holds: F) -> Self
    where
        F: Fn(Nodes<'_, M>) -> bool + Clone + Send + Sync + 'static,
    {
        self.check(Sometimes::new(name, holds)).must_reach([name])
    }
}
