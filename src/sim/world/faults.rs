//! What goes wrong other than with a single message, and how it ends.

use std::ops::ControlFlow;

use super::{Pending, Work, World};
use crate::machine::{Boot, NodeId, StateMachine};
use crate::sim::cluster::Doom;
use crate::sim::{Event, Fates, Fault, Observer};

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    pub(super) fn strike(&mut self, index: usize) -> ControlFlow<()> {
        if self.healed {
            return ControlFlow::Continue(());
        }
        match &self.plan.faults[index].fault {
            Fault::Crash { node, effects, .. } => {
                let Some(slot) = self.nodes.get_mut(node.index()).filter(|slot| slot.machine.is_some()) else {
                    return ControlFlow::Continue(());
                };
                match *effects {
                    None => self.crash(*node, index, false),
                    Some(effects) => {
                        slot.doomed = Some(Doom { effects, fault: index });
                        ControlFlow::Continue(())
                    }
                }
            }
            Fault::Partition { links, heal } => {
                self.network.cut(links);
                let one_way = links.iter().any(|link| !links.contains(&link.reversed()));
                self.tally.partitions_one_way += u64::from(one_way);
                self.tally.partitions += u64::from(!one_way);
                if let Some(heal) = heal {
                    self.queue.push(self.now + *heal, Pending::PartitionEnd(index));
                }
                self.see(&Event::Cut { links })
            }
        }
    }

    pub(super) fn end_partition(&mut self, index: usize) -> ControlFlow<()> {
        match &self.plan.faults[index].fault {
            Fault::Partition { links, .. } if !self.healed => {
                self.network.join(links);
                self.see(&Event::Joined { links })
            }
            _ => ControlFlow::Continue(()),
        }
    }

    pub(super) fn crash(&mut self, node: NodeId, fault: usize, in_step: bool) -> ControlFlow<()> {
        let slot = &mut self.nodes[node.index()];
        slot.crash();
        let life = slot.life;
        self.tally.crashes += 1;
        self.tally.crashes_in_step += u64::from(in_step);
        if let Fault::Crash { restart: Some(restart), .. } = &self.plan.faults[fault].fault {
            self.queue.push(self.now + *restart, Pending::Restart { node, life });
        }
        self.digest.fold(5 | (node.index() as u64) << 3);
        self.see(&Event::Crashed { node, in_step })
    }

    /// Makes the machine from what is durable, and lets it start.
    pub(super) fn restart(&mut self, node: NodeId) -> ControlFlow<()> {
        let node_count = self.nodes.len();
        let slot = &mut self.nodes[node.index()];
        slot.machine = Some((self.boot)(Boot { id: node, node_count, durable: slot.durable.clone() }));
        self.tally.restarts += u64::from(slot.life > 0);
        self.step(node, Work::Start)
    }

    pub(super) fn heal(&mut self) -> ControlFlow<()> {
        self.healed = true;
        self.network.heal();
        self.see(&Event::Healed)?;
        for index in 0..self.nodes.len() {
            self.nodes[index].doomed = None;
            if self.nodes[index].machine.is_none() {
                self.restart(NodeId::new(index))?;
            }
        }
        ControlFlow::Continue(())
    }
}
