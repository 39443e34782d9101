//! The systems that come with the crate: the store, and the reference store with its planted bugs.

use crate::check::{Convergence, Identity, Residue, Siblings};
use crate::harness::Harness;
use crate::kv::{Replica, StoreWorkload};
use crate::protocol::Observe;
use crate::reference_store::{Bug, ReferenceStore};
use crate::store::{Config, Node};
use crate::strategy::Profile;

/// The store, with every check that it must pass.
#[must_use]
pub fn store() -> Harness<Node> {
    // Small batches and few hints, so that small worlds have answers of many batches, and more to hint at than there is room.
    let config = Config { batch_keys_max: 1, hints_max: 2, ..Config::default() };
    held_to_all(Harness::new("store", move |boot| Node::boot_with(boot, config.clone())))
        .profile(without_moments(Profile::hostile()))
        .must_reach(Node::marks())
        .knob("batch_keys_max", 1..=8)
        .knob("batch_bytes", 1..=64)
        .knob("hints_max", 0..=16)
        .knob("outbox_max", 16..=64)
        .knob("sync_every_us", 5_000..=100_000)
}

/// The textbook's store, with the same checks; right, or with one known bug. Its name is `textbook` or `textbook/blind-put`.
#[must_use]
pub fn textbook(bug: Option<Bug>) -> Harness<ReferenceStore> {
    let name = bug.map_or_else(|| "textbook".to_owned(), |bug| format!("textbook/{bug}"));
    let harness = held_to_all(Harness::new(name, move |boot| ReferenceStore::boot(boot, bug)));
    let harness = harness.profile(without_moments(worlds_of(bug))).must_reach(["context used"]);
    match bug {
        Some(Bug::FullBatch | Bug::ShortLog) => harness.knob("part_length", 1..=64).knob("log_max", 1..=64),
        _ => harness,
    }
}

/// Worlds that have what the bug needs to show: some need what not every protocol stands, but the textbook does.
fn worlds_of(bug: Option<Bug>) -> Profile {
    match bug {
        Some(Bug::WaitsForAll | Bug::Quarantine) => Profile::harsh(),
        Some(Bug::NewDisk) => Profile { wipe_permille: 200, ..Profile::harsh() },
        _ => Profile::hostile(),
    }
}

/// Without faults that wait for marks, so that the seeds of the stores mean what they meant before there were such faults.
fn without_moments(profile: Profile) -> Profile {
    Profile { moments_permille: Some(0), ..profile }
}

/// The worlds and the checks of any key-value store.
fn held_to_all<M: Replica + Observe>(harness: Harness<M>) -> Harness<M> {
    harness
        .nodes(3..=5)
        // What a store promises it promises for any number of nodes.
        .shrunk_nodes(1)
        .workload(StoreWorkload::default())
        .check(Identity::new())
        .check(Siblings::new())
        .check(Convergence::new())
        .check(Residue::new())
        .must_reach(["siblings", "tombstones made", "tombstones forgotten"])
}
