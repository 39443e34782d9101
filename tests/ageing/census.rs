//! Counts how many saved plans, and how many bare seeds, still fail the same way after the code has changed.

use std::path::Path;

use distributed_data_consistency::check::Violation;
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::sim::Plan;

use crate::refactored::{Refactor, harness};

/// Something that failed before the change: how, as a plan and as a seed.
pub(crate) struct Saved {
    pub(crate) bug: Bug,
    pub(crate) file: String,
    plan: Plan,
    /// How the plan fails.
    violation: Violation,
    /// The seed that it was found with, or the next one whose world fails as worlds are drawn now; and how.
    of_seed: (u64, Violation),
}

/// All saved plans of the textbook's bugs.
pub(crate) fn saved() -> Vec<Saved> {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/replays"));
    let of_bug = |bug| {
        let harness = harness(Some(bug), None);
        let replays = harness.replay_dir(directory);
        let failing = |seed| Some((seed, harness.run_seed(seed).violation?));
        let saved = replays.replayed.into_iter().map(|replayed| Saved {
            bug,
            file: replayed.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            of_seed: (replayed.file.plan.seed..).find_map(failing).expect("expect: worlds of a planted bug fail"),
            violation: replayed.outcome.violation.expect("expect: a saved plan of a planted bug fails"),
            plan: replayed.file.plan,
        });
        saved.collect::<Vec<Saved>>()
    };
    Bug::CORE.into_iter().flat_map(of_bug).collect()
}

/// What is left after a change.
#[derive(Default)]
pub(crate) struct Count {
    /// The plans that fail the same way.
    pub(crate) plans: usize,
    /// The seeds.
    pub(crate) seeds: usize,
    /// The plans that do not, by bug and file.
    pub(crate) lost: Vec<String>,
}

/// How much of `saved` fails the same way after `refactor`.
pub(crate) fn count(saved: &[Saved], refactor: Refactor) -> Count {
    let mut count = Count::default();
    for Saved { bug, file, plan, violation, of_seed } in saved {
        let harness = harness(Some(*bug), Some(refactor));
        let is_same = |then: &Violation, now: Option<Violation>| now.is_some_and(|now| now.is_like(then));
        if is_same(violation, harness.run(plan).violation) {
            count.plans += 1;
        } else {
            count.lost.push(format!("{bug} {file}"));
        }
        let (seed, then) = of_seed;
        count.seeds += usize::from(is_same(then, harness.run_seed(*seed).violation));
    }
    count
}
