//! How small failures get, and how well they are explained, held against what is known of the planted bugs.
#![cfg(feature = "builtin")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bounds;
mod ground_truth;
mod laws;
mod optimum;
mod search;
mod slips;
mod why;

use distributed_data_consistency::builtin::textbook;
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::testing::Replayed;

const REPLAYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/replays");

/// The saved plan of a bug that has the fewest decisions.
fn smallest_saved(bug: Bug) -> Replayed {
    let saved = textbook(Some(bug)).replay_dir(REPLAYS).replayed.into_iter();
    saved
        .min_by_key(|replayed| replayed.file.plan.decision_count())
        .unwrap_or_else(|| panic!("no plan of {bug} is saved"))
}
