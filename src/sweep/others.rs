//! Failures that nobody has shrunk: told of on a line each, so that none is lost.

use std::fmt;
use std::mem;

use crate::check::Violation;
use crate::harness::Harness;
use crate::protocol::StateMachine;
use crate::shrink::not_shrunk;
use crate::sweep::Failure;
use crate::sweep::findings::{Findings, Found, Way};

/// At most so many different failures are shrunk and told.
pub(crate) const FAILURES_MAX: usize = 3;
/// Of so many failures without a seed the plans are kept.
const PLANS_MAX: usize = 16;

type Ways = Vec<(Way, Found)>;

/// A failure that was counted, and not shrunk.
#[derive(Clone, Debug)]
pub struct Other {
    /// How the shortest of its runs fails.
    pub violation: Violation,
    /// How many worlds of the sweep fail so; 0 if it was met only while another failure was shrunk.
    pub worlds: u64,
    /// A world that fails so; `None` if none has a seed.
    pub seed: Option<u64>,
    /// Its plan as it was found, where there is no seed.
    pub unshrunk: Option<Box<Failure>>,
}

/// `panic: node 1 panicked: seven is not handled (12 worlds, seed 0x5)`
impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { violation, worlds, seed, .. } = self;
        let seed = seed.map_or_else(String::new, |seed| format!(", seed {seed:#x}"));
        match worlds {
            0 => write!(f, "{violation} (met while another was shrunk)"),
            1 => write!(f, "{violation} (1 world{seed})"),
            count => write!(f, "{violation} ({count} worlds{seed})"),
        }
    }
}

/// Takes out of what was found the ways to fail that are shrunk, and those that are not: small runs first, but no check that has failed
/// twice before each has failed once.
pub(crate) fn choose(found: &mut Findings) -> (Ways, Ways) {
    let mut ways: Ways = mem::take(&mut found.ways).into_iter().collect();
    ways.sort_by(|(way, one), (other_way, other)| {
        one.candidates.keys().cmp(other.candidates.keys()).then_with(|| way.cmp(other_way))
    });
    let mut chosen: Vec<usize> = Vec::new();
    for is_first_round in [true, false] {
        for (place, ((check, sort, _), found)) in ways.iter().enumerate() {
            let is_known = |chosen: &usize| {
                let (known, known_sort, _) = &ways[*chosen].0;
                known == check && known_sort == sort
            };
            let is_taken = chosen.contains(&place) || (is_first_round && chosen.iter().any(is_known));
            if !is_taken && chosen.len() < FAILURES_MAX && has_plan(&found.violation) {
                chosen.push(place);
            }
        }
    }
    let (mut told, mut rest) = (Vec::new(), Vec::new());
    for (place, way) in ways.into_iter().enumerate() {
        if chosen.contains(&place) { told.push(way) } else { rest.push(way) }
    }
    (told, rest)
}

/// A world that was never drawn has none.
fn has_plan(violation: &Violation) -> bool {
    !violation.is_not_drawn()
}

/// What is not shrunk: `rest`, and what was met while `failures` were.
pub(crate) fn others<M: StateMachine>(
    system: &Harness<M>,
    rest: Ways,
    told: &[Violation],
    failures: &[Failure],
) -> Vec<Other> {
    let mut plans = 0;
    let mut others = Vec::new();
    for (_, Found { worlds, candidates, violation }) in rest {
        let seed = candidates.values().find_map(|origin| origin.seed());
        let origin = candidates.values().next().filter(|_| seed.is_none() && plans < PLANS_MAX);
        let unshrunk = origin.map(|origin| {
            plans += 1;
            let recorded = system.record_origin(origin);
            Box::new(Failure::of(system, not_shrunk(recorded, violation.clone())))
        });
        others.push(Other { violation, worlds, seed, unshrunk });
    }
    for (plan, violation) in failures.iter().flat_map(|failure| &failure.shrunk.met) {
        let known = told.iter().chain(failures.iter().map(|failure| &failure.shrunk.violation));
        let mut known = known.chain(others.iter().map(|other| &other.violation));
        if !known.any(|known| known.is_kin(violation)) {
            let recorded = system.record(plan);
            let unshrunk = Failure::of(system, not_shrunk(recorded, violation.clone()));
            let (violation, unshrunk) = (violation.clone(), Some(Box::new(unshrunk)));
            others.push(Other { violation, worlds: 0, seed: None, unshrunk });
        }
    }
    others
}
