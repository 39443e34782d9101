//! The systems that `ddc` knows, by name.

use super::ablation::Off;
use super::any_system::AnySystem;
use super::args::{DemoArguments, ExploreArguments};
use super::{Exit, Registry, Wrong, demo, system_name};
use crate::builtin::{store, textbook};
use crate::kv::{StoreAction, StoreWorkload, placements};
use crate::model_check::Ask;
use crate::protocol::NodeId;
use crate::reference_store::Bug;

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

    fn demo(&self, arguments: &DemoArguments) -> Result<Exit, Wrong> {
        demo::run(arguments)
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
