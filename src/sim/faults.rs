//! Faults: what strikes nodes and links, and how it ends.

use std::ops::ControlFlow;
use std::time::Duration;

use super::names::has_one_way;
use super::nodes::Doom;
use super::pending::Pending;
use super::{Event, Fates, Fault, Input, Link, Observer, World};
use crate::protocol::{NodeId, StateMachine};
use crate::running::Doing;

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// Strikes with a fault that is not [dead](Self::is_dead).
    pub(super) fn strike(&mut self, index: usize) -> ControlFlow<()> {
        match &self.plan.faults[index].fault {
            Fault::Crash { node, effects: None, .. } => self.crash(*node, index, false),
            Fault::Crash { node, effects: Some(effects), .. } => {
                self.nodes[node.index()].doomed = Some(Doom { effects: *effects, fault: index });
                ControlFlow::Continue(())
            }
            Fault::Pause { node, span } => self.pause(*node, *span),
            Fault::Partition { links, heal } => {
                if let Some(heal) = heal {
                    self.queue.push(self.now + *heal, Pending::PartitionEnd(index));
                }
                self.cut(links)
            }
        }
    }

    pub(super) fn cut(&mut self, links: &[Link]) -> ControlFlow<()> {
        self.network.cut(links);
        let one_way = has_one_way(links);
        self.stats.partitions_one_way += u64::from(one_way);
        self.stats.partitions += u64::from(!one_way);
        self.see(&Event::Cut { links })?;
        links.iter().for_each(|link| self.break_session(*link));
        ControlFlow::Continue(())
    }

    pub(super) fn end_partition(&mut self, index: usize) -> ControlFlow<()> {
        let Fault::Partition { links, .. } = &self.plan.faults[index].fault else {
            unreachable!("expect: only a partition ends");
        };
        self.network.join(links);
        self.seek_sessions();
        self.see(&Event::Joined { links })
    }

    pub(super) fn pause(&mut self, node: NodeId, span: Duration) -> ControlFlow<()> {
        let until = (self.now + span).min(self.plan.heal_at);
        let driver = &mut self.nodes[node.index()];
        driver.paused_until = until.max(driver.paused_until);
        let until = driver.paused_until;
        self.pauses_end = until.max(self.pauses_end);
        self.stats.pauses += 1;
        self.see(&Event::Paused { node, until })
    }

    pub(super) fn crash(&mut self, node: NodeId, fault: usize, in_step: bool) -> ControlFlow<()> {
        let Fault::Crash { restart, wipe, .. } = self.plan.faults[fault].fault else {
            unreachable!("expect: only a crash crashes");
        };
        self.crash_node(node, restart, wipe, in_step)
    }

    pub(super) fn crash_node(
        &mut self,
        node: NodeId,
        restart: Option<Duration>,
        wiped: bool,
        in_step: bool,
    ) -> ControlFlow<()> {
        self.running.doing(Doing::Drop(node));
        let driver = &mut self.nodes[node.index()];
        let crash = driver.incarnation.saturating_add(1);
        let lost = driver.disk.as_mut().and_then(|disk| disk.crash(crash, &mut driver.durable));
        driver.crash();
        let incarnation = driver.incarnation;
        self.stats.crashes += 1;
        self.stats.crashes_in_step += u64::from(in_step);
        self.digest.fold(5 | (node.index() as u64) << 3);
        if let Some(restart) = restart {
            self.queue.push(self.now + restart, Pending::Restart { node, incarnation });
        }
        if wiped {
            self.nodes[node.index()].durable = M::Durable::default();
            self.stats.wipes += 1;
        }
        self.break_sessions_of(node);
        self.see(&Event::Crashed { node, in_step, wiped, for_good: false })?;
        self.see_loss(lost.filter(|_| !wiped))
    }

    /// A node that is left out as the world heals. Whatever was to restart it does not know its incarnation any more.
    fn abandon(&mut self, node: NodeId) -> ControlFlow<()> {
        self.running.doing(Doing::Drop(node));
        let driver = &mut self.nodes[node.index()];
        driver.crash();
        self.stats.abandoned += 1;
        self.break_sessions_of(node);
        self.digest.fold(6 | (node.index() as u64) << 3);
        self.see(&Event::Crashed { node, in_step: false, wiped: false, for_good: true })
    }

    /// Makes the machine from what is durable, and lets it start.
    pub(super) fn restart(&mut self, node: NodeId) -> ControlFlow<()> {
        let node_count = self.nodes.len();
        let driver = &mut self.nodes[node.index()];
        let incarnation = driver.incarnation;
        self.running.doing(Doing::Boot(node));
        driver.boot((node, node_count, self.plan.member_count()), &self.plan.knobs, self.boot);
        self.stats.restarts += u64::from(incarnation > 0);
        self.begin(node, Input::Start { incarnation })?;
        self.act(node, M::start)?;
        self.seek_sessions();
        ControlFlow::Continue(())
    }

    pub(super) fn heal(&mut self) -> ControlFlow<()> {
        self.healed = true;
        self.disarm();
        self.network.heal();
        self.see(&Event::Healed)?;
        let mut stays = vec![self.plan.core.is_none(); self.nodes.len()];
        for node in self.plan.core.iter().flatten() {
            stays.get_mut(node.index()).into_iter().for_each(|stays| *stays = true);
        }
        for (node, _) in stays.iter().enumerate().filter(|(_, stays)| !**stays) {
            self.abandon(NodeId::new(node))?;
        }
        for (node, stays) in stays.into_iter().enumerate() {
            self.nodes[node].doomed = None;
            self.nodes[node].disk.iter_mut().for_each(|disk| disk.heal());
            if stays && self.nodes[node].machine.is_none() {
                self.restart(NodeId::new(node))?;
            }
        }
        self.seek_sessions();
        ControlFlow::Continue(())
    }
}
