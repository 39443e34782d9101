//! Nothing is left behind.

use super::{Breach, Check, QUIET, TIME_UP};
use crate::kv::Replica;
use crate::protocol::{NodeId, Time};
use crate::sim::{Event, EventKind, Nodes};

/// At rest, or when the time to settle is up, no node holds anything beside its versions: every delete is forgotten, and every record of what some peer may not
/// have seen. Where some nodes are [down for good](crate::sim::Plan::core), such records are counted, and are no breach: nobody can
/// know that those who have not seen something never will.
#[derive(Clone, Debug, Default)]
pub struct Residue {
    /// How many tombstones each node holds.
    held: Vec<usize>,
    made: u64,
    forgotten: u64,
    /// At rest, for writes that were overwritten, died with their node, and may still come.
    kept: u64,
    /// At rest, records that wait for nodes which are down for good: nobody can know that they never come back.
    waiting: u64,
}

impl Residue {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn note(&mut self, node: NodeId, count: usize) {
        if self.held.len() <= node.index() {
            self.held.resize(node.index() + 1, 0);
        }
        let before = std::mem::replace(&mut self.held[node.index()], count);
        self.made += count.saturating_sub(before) as u64;
        self.forgotten += before.saturating_sub(count) as u64;
    }
}

impl<M: Replica> Check<M> for Residue {
    fn name(&self) -> &'static str {
        "leftovers"
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends, EventKind::Crashed, EventKind::Rest]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        match event {
            Event::Ends { node, .. } => {
                if let Some(machine) = nodes.get(*node) {
                    self.note(*node, machine.tombstone_count());
                }
            }
            // Whoever loses its memory forgets its tombstones too.
            Event::Crashed { node, .. } => self.note(*node, 0),
            Event::Rest { quiet } => {
                self.kept = self.held.iter().sum::<usize>() as u64;
                let some_are_gone = nodes.up().count() < nodes.count();
                for (node, machine) in nodes.up() {
                    let count = machine.leftover_count();
                    if some_are_gone {
                        self.waiting += count as u64;
                    } else if count > 0 {
                        let held = machine.tombstone_count();
                        return Err(Breach::new("left", format!("node {node} holds {count} records at rest"))
                            .because(format!("{held} of what it holds are deletes that are not forgotten"))
                            .because(format!("no node is down, and {}", if *quiet { QUIET } else { TIME_UP })));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        add("tombstones made", self.made);
        add("tombstones forgotten", self.forgotten);
        add("tombstones kept for the dead", self.kept);
        if self.waiting > 0 {
            add("records kept for the gone", self.waiting);
        }
    }
}
