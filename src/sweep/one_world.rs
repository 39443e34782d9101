//! One world of a sweep.

use super::findings::Findings;
use super::{SweepOptions, TransitionKinds};
use crate::harness::bounds::Brake;
use crate::harness::{Harness, Origin, Outcome};
use crate::protocol::{Digest, StateMachine};
use crate::sim::{Arena, End};

/// Runs a world; some twice, which `found` counts. `None` if it was broken off, because somebody has seen enough: nobody knows what
/// would have come of it.
pub(super) fn run<M: StateMachine>(
    system: &Harness<M>,
    arena: &mut Arena<M>,
    origin: &Origin,
    options: &SweepOptions,
    transitions: &mut TransitionKinds,
    found: &mut Findings,
) -> Option<Outcome> {
    let outcome = if is_verified(origin, options.verify_permille) {
        match system.verify_origin(arena, origin, transitions, system.limits, &options.stop) {
            Ok(verified) => {
                found.add_verified(&verified);
                verified.into_outcome()
            }
            Err(outcome) => *outcome,
        }
    } else {
        system.run_origin(arena, origin, &mut (&mut Brake(&options.stop), transitions), system.limits)
    };
    let is_broken_off = outcome.is_clean() && outcome.end == Some(End::Stopped);
    (!is_broken_off).then_some(outcome)
}

/// True if this world of a sweep is run twice: its seed says so.
pub(crate) fn is_verified(origin: &Origin, verify_permille: u32) -> bool {
    let mut draw = Digest::new();
    draw.fold(origin.place());
    draw.value() % 1_000 < verify_permille.into()
}
