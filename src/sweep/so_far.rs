//! What a sweep has found so far: for whoever must tell it before the sweep is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::check::Violation;
use crate::harness::Harness;
use crate::harness::Origin;
use crate::protocol::StateMachine;
use crate::running::job;
use crate::shrink::not_shrunk;
use crate::sweep::Failure;

/// So many ways to fail are kept.
const KEPT_MAX: usize = 16;

/// The failures that a sweep has found so far, each as small as it is by then.
///
/// Empty unless somebody watches: the harness and the command line do.
#[derive(Clone, Debug, Default)]
pub struct SoFar(Arc<Mutex<Vec<Failure>>>);

impl SoFar {
    /// What there is so far, in the order in which it was found.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread has found a way to fail that is new to it.
    pub(crate) fn add<M: StateMachine>(&self, system: &Harness<M>, origin: &Origin, violation: &Violation) {
        let Some(job) = job() else { return };
        let is_known = |kept: &[Failure]| {
            kept.len() >= KEPT_MAX || kept.iter().any(|failure| failure.shrunk.violation.is_kin(violation))
        };
        if is_known(&self.locked()) {
            return;
        }
        let recorded = system.record_origin(origin);
        let failure = Failure { seed: origin.seed(), ..Failure::of(system, not_shrunk(recorded, violation.clone())) };
        let mut kept = self.locked();
        if !is_known(&kept) {
            kept.push(failure);
            drop(kept);
            let seed = origin.place();
            job.note(format!("{violation}: seed {seed:#x}: {}", job.again(Some(seed))));
        }
    }

    /// A failure has become smaller.
    pub(crate) fn replace(&self, failure: &Failure) {
        let mut kept = self.locked();
        if let Some(known) = kept.iter_mut().find(|known| known.shrunk.violation.is_kin(&failure.shrunk.violation)) {
            *known = failure.clone();
        }
    }
}
