//! The systems that `ddc` knows.

use crate::check::{Convergence, Identity, Leftovers, Siblings};
use crate::cli::ablation::Off;
use crate::cli::{AnySystem, ExploreArguments, Registry, Wrong, system_name};
use crate::harness::Harness;
use crate::kv::{Replica, StoreAction, StoreWorkload, placements};
use crate::model_check::Ask;
use crate::protocol::{NodeId, Observe};
use crate::reference_store::{Bug, Textbook};
use crate::store::{Config, Node};
use crate::strategy::Profile;

/// The store, with every check that it must pass.
#[must_use]
pub fn store() -> Harness<Node> {
    // Small batches and few hints, so that small worlds have answers of many batches, and more to hint at than there is room.
    let config = Config { batch_keys_max: 1, hints_max: 2, ..Config::default() };
    held_to_all(Harness::new("store", move |boot| Node::boot_with(boot, config.clone())))
        .must_reach(Node::marks())
        .knob("batch_keys_max", 1..=8)
        .knob("batch_bytes", 1..=64)
        .knob("hints_max", 0..=16)
        .knob("outbox_max", 16..=64)
        .knob("sync_every_us", 5_000..=100_000)
}

/// The textbook's store, with the same checks; right, or with one known bug. Its name is `textbook` or `textbook/blind-put`.
#[must_use]
pub fn textbook(bug: Option<Bug>) -> Harness<Textbook> {
    let name = bug.map_or_else(|| "textbook".to_owned(), |bug| format!("textbook/{bug}"));
    let harness = held_to_all(Harness::new(name, move |boot| Textbook::boot(boot, bug)));
    let harness = harness.profile(worlds_of(bug)).must_reach(["context used"]);
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

/// The worlds and the checks of any key-value store.
fn held_to_all<M: Replica + Observe>(harness: Harness<M>) -> Harness<M> {
    harness
        .nodes(3..=5)
        .workload(StoreWorkload::default())
        .check(Identity::new())
        .check(Siblings::new())
        .check(Convergence::new())
        .check(Leftovers::new())
        .must_reach(["siblings", "tombstones made", "tombstones forgotten"])
}

/// All of them, by name.
#[derive(Default)]
pub(super) struct BuiltIn {
    /// The one that was asked for last.
    found: Option<Box<dyn AnySystem>>,
    /// What clients do not do.
    off: Off,
}

impl BuiltIn {
    fn workload(&self) -> StoreWorkload {
        match self.off {
            Off::Sessions => StoreWorkload::default().sessions(0),
            Off::Deletes => StoreWorkload::default().deletes(0),
            Off::OtherKeys => StoreWorkload::default().keys(1),
            _ => StoreWorkload::default(),
        }
    }
}

impl Registry for BuiltIn {
    fn find(&mut self, name: &str) -> Result<&mut dyn AnySystem, Wrong> {
        let found: Box<dyn AnySystem> = match name.split_once('/') {
            None if name == "store" => Box::new(store().workload(self.workload())),
            None if name == "textbook" => Box::new(textbook(None).workload(self.workload())),
            Some(("textbook", bug)) => match bug.parse() {
                Ok(bug) => Box::new(textbook(Some(bug)).workload(self.workload())),
                Err(unknown) => return Err(Wrong::Usage(unknown.to_string())),
            },
            Some(("store", bug)) => {
                return Err(Wrong::Usage(format!(
                    "the store has no bug \"{}\" to switch on: bugs are planted in --system textbook",
                    bug.escape_default()
                )));
            }
            _ => {
                return Err(Wrong::Usage(format!(
                    "there is no system \"{}\": expected store, textbook, or textbook with a --bug",
                    name.escape_default()
                )));
            }
        };
        Ok(&mut **self.found.insert(found))
    }

    fn default_name(&self) -> String {
        "store".to_owned()
    }

    fn program(&self) -> String {
        "ddc".to_owned()
    }

    fn scored(&self, system: Option<&str>, bug: Option<&str>) -> Vec<String> {
        match (system, bug) {
            (None, None) => Bug::all().map(|bug| format!("textbook/{bug}")).collect(),
            (system, bug) => vec![system_name(self, Some(system.unwrap_or("textbook")), bug)],
        }
    }

    fn switch_off(&mut self, off: Off) -> bool {
        self.off = off;
        true
    }

    fn has_demo(&self) -> Result<(), Wrong> {
        Ok(())
    }

    fn placements(&self, arguments: &ExploreArguments) -> Result<Option<Vec<Vec<Ask>>>, Wrong> {
        if arguments.requests.is_some() {
            return Ok(None);
        }
        let keys = arguments.keys.unwrap_or(2).into();
        let puts = arguments.puts.unwrap_or(3).into();
        let placements = placements(arguments.nodes, keys, puts, arguments.sessions.unwrap_or(0));
        let asks = |placement: Vec<(NodeId, StoreAction)>| {
            placement.into_iter().map(|(node, action)| Ask::new(node, action)).collect()
        };
        Ok(Some(placements.into_iter().map(asks).collect()))
    }
}
