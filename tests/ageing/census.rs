//! Counts how many saved plans, and how many bare seeds, still fail the same way after the code has changed.

use std::path::Path;

use distributed_data_consistency::check::Violation;
use distributed_data_consistency::sim::Plan;
use distributed_data_consistency::textbook::Bug;

use crate::refactored::{Refactor, harness};

/// Something that failed before the change: how, as a plan and as the seed it was found with.
pub(crate) struct Saved {
    pub(crate) bug: Bug,
    pub(crate) file: String,
    plan: Plan,
    /// How the plan fails.
    violation: Violation,
    /// How the seed fails, if it still does.
    of_seed: Option<Violation>,
}

/// All saved plans of the textbook's bugs.
pub(crate) fn saved() -> Vec<Saved> {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/replays"));
    let of_bug = |bug| {
        let harness = harness(Some(bug), None);
        let replays = harness.replay_dir(directory);
        replays.replayed.into_iter().map(move |replayed| Saved {
            bug,
            file: replayed.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            of_seed: harness.run_seed(replayed.file.plan.seed).violation,
            violation: replayed.outcome.violation.expect("expect: a saved plan of a planted bug fails"),
            plan: replayed.file.plan,
        })
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
        let of_seed = of_seed.as_ref().is_some_and(|then| is_same(then, harness.run_seed(plan.seed).violation));
        count.seeds += usize::from(of_seed);
    }
    count
}
