//! The systems that `ddc` knows, by name.

use std::cell::Cell;
use std::rc::Rc;

use super::ablation::Off;
use super::any_system::AnySystem;
use super::args::{DemoArguments, ExploreArguments};
use super::{Exit, Registry, Systems, Wrong, demo, system_name};
use crate::builtin::{store, textbook};
use crate::kv::{StoreAction, StoreWorkload, placements};
use crate::model_check::Ask;
use crate::protocol::NodeId;
use crate::reference_store::Bug;

/// All of them, by name.
pub(super) struct BuiltIn {
    systems: Systems,
    /// What clients do not do.
    off: Rc<Cell<Off>>,
}

impl Default for BuiltIn {
    fn default() -> Self {
        let off = Rc::new(Cell::new(Off::default()));
        let (of_store, of_textbook) = (Rc::clone(&off), Rc::clone(&off));
        let systems = Systems::new()
            .with(move || store().workload(workload(of_store.get())))
            .with_bugs(Bug::all(), move |bug| textbook(bug).workload(workload(of_textbook.get())));
        Self { systems, off }
    }
}

fn workload(off: Off) -> StoreWorkload {
    match off {
        Off::Sessions => StoreWorkload::default().sessions(0),
        Off::Deletes => StoreWorkload::default().deletes(0),
        Off::OtherKeys => StoreWorkload::default().keys(1),
        _ => StoreWorkload::default(),
    }
}

impl Registry for BuiltIn {
    fn find(&mut self, name: &str) -> Result<&mut dyn AnySystem, Wrong> {
        self.systems.find(name)
    }

    fn default_name(&self) -> String {
        self.systems.default_name()
    }

    fn program(&self) -> String {
        "ddc".to_owned()
    }

    fn scored(&self, system: Option<&str>, bug: Option<&str>) -> Vec<String> {
        match (system, bug) {
            (None, None) => self.systems.scored(Some("textbook"), None),
            (system, bug) => vec![system_name(self, Some(system.unwrap_or("textbook")), bug)],
        }
    }

    fn switch_off(&mut self, off: Off) -> bool {
        self.off.set(off);
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
