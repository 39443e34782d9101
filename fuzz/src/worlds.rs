//! Bytes as worlds of the store, and of the textbook with a bug that somebody has planted in it.

use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::protocol::StateMachine;
use distributed_data_consistency::reference_store::{Bug, ReferenceStore};
use distributed_data_consistency::store::Node;
use distributed_data_consistency::testing::Fuzzer;

use super::feedback;

/// The store under any requests, faults and fates of messages that bytes can spell, with every check. Plans that fail are
/// saved in `snapshots`.
#[must_use]
pub fn store_worlds(snapshots: &str) -> Fuzzer<Node> {
    store().snapshots(snapshots).fuzzer()
}

/// The same of the textbook, with the bug of this name; without one it is right.
///
/// # Panics
/// If there is no bug of this name; the message lists them.
#[must_use]
pub fn textbook_worlds(bug: Option<&str>, snapshots: &str) -> Fuzzer<ReferenceStore> {
    let bug = bug.map(|name| name.parse::<Bug>().unwrap_or_else(|unknown| panic!("DDC_BUG: {unknown}")));
    textbook(bug).snapshots(snapshots).fuzzer()
}

/// Runs one input.
///
/// # Panics
/// If a check is violated, with the first screen.
pub fn run<M: StateMachine>(fuzzer: &Fuzzer<M>, data: &[u8]) {
    fuzzer.run_with(data, |outcome| feedback::stats(&outcome.stats));
}
