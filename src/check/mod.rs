//! What must hold: checks look on as a world runs, and say where it broke its promise.

mod causal;
mod checks;
mod convergence;
mod identity;
mod judged;
pub mod linearizability;
mod liveness;
mod predicate;
mod quiescence;
mod residue;
mod sequential;
mod sessions;
mod siblings;
mod sometimes;
mod verdict;
mod violation;
mod writes;

pub use causal::{Causal, Causes, check_causal};
pub use checks::Checks;
pub use convergence::Convergence;
pub use identity::Identity;
pub use judged::{Judge, Judged};
pub use linearizability::Linearizable;
pub use liveness::{Excuse, Liveness};
pub use predicate::{Predicate, When};
pub use quiescence::Quiescence;
pub use residue::Residue;
pub use sequential::{InOneOrder, Sequential, check_sequential};
pub use sessions::{Guarantee, Promised, Sessions, check_sessions};
pub use siblings::Siblings;
pub use sometimes::Sometimes;
pub use verdict::{Misfit, Verdict};
pub use violation::{Breach, Source, Violation};

use crate::protocol::{StateMachine, Time};
use crate::sim::{Event, EventKind, Nodes};

/// How a check says why a promise of the end is broken for good …
const QUIET: &str = "nothing is left to happen";
/// … and how that it is only not kept in time.
const TIME_UP: &str = "the time to settle is up, though timers are still set";

/// Names under which the harness itself tells of failures: no check may have one of them.
pub(crate) const RESERVED_CHECKS: [&str; 4] = ["determinism", "panic", "reach", "rest"];

/// A promise, checked as a world runs.
///
/// A check is shown every event of the kinds that it [looks at](Self::looks_at). It should look hard at [`Event::Ends`] (one step is
/// handled: what must hold always) and at [`Event::Rest`] (the world has come to rest, or had all the time that its plan gives it to do
/// so: what must hold in the end).
pub trait Check<M: StateMachine>: Send {
    /// Its name, as it stands in reports and plan files: short, lower case, no spaces.
    fn name(&self) -> &'static str;

    /// Something happened.
    ///
    /// # Errors
    /// How the promise is broken. The world stops there.
    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach>;

    /// True if what the check says depends only on what happened before what, and not on how steps of different nodes fall in
    /// time where no message passes between them: it looks at the node of the step alone, or at rest. Exhaustive search
    /// then runs one of each class of such runs; otherwise it must show the check every moment that can come about.
    fn is_causal(&self) -> bool {
        false
    }

    /// What the check looks at, always the same. It is shown nothing else: a check of the end costs nothing before.
    fn looks_at(&self) -> &'static [EventKind] {
        &EventKind::ALL
    }

    /// Adds to a summary what the check has counted.
    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        let _ = add;
    }
}
