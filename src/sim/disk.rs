//! What goes wrong with disks: a crash takes writes that were not synced, and writes fail.
//!
//! Boring is a disk that keeps all that was written, synced or not, and refuses nothing. Plans name what is not: a loss by the node and
//! which crash of it that is, for this stays the same however many writes come before; an error by the node and which write that is.

use std::fmt;
use std::mem;
use std::ops::ControlFlow;

use super::{Event, Fates, Observer, Plan, World};
use crate::protocol::{Disk, NodeId, Rng, StateMachine, Unsynced};

/// The random stream of node 0's disk; node *i* has the *i*-th after it.
const DISK_STREAM: u64 = 1 << 34;
/// Of the crashes that may take writes so many in a thousand take all that are not synced.
const ALL_PERMILLE: u32 = 400;
/// Of so many writes in a thousand one fails, in worlds in which some do.
const ERROR_PERMILLE: u32 = 150;

/// One thing that goes wrong with a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// A crash takes writes that were not synced. Where fewer were, it takes those.
    Loses {
        /// Whose.
        node: NodeId,
        /// Which crash of the node, from 1.
        crash: u32,
        /// What it takes.
        loss: Loss,
    },
    /// A write fails, and the node is told. A write that cannot tell its node does not fail.
    Fails {
        /// Whose.
        node: NodeId,
        /// Which write of the node, from 1, whatever crashes lie between.
        write: u32,
    },
}

/// Which of the writes that are not synced a crash takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The last so many.
    Last(u32),
    /// These, counted from the last one, which is 1: a disk that writes in any order.
    Each(Vec<u32>),
}

impl DiskFault {
    /// The node whose disk it is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self {
            Self::Loses { node, .. } | Self::Fails { node, .. } => *node,
        }
    }

    /// True if both are about the same crash, or the same write.
    #[must_use]
    pub fn is_about_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Loses { node, crash, .. }, Self::Loses { node: other, crash: same, .. }) => {
                (node, crash) == (other, same)
            }
            (Self::Fails { node, write }, Self::Fails { node: other, write: same }) => (node, write) == (other, same),
            _ => false,
        }
    }
}

impl Loss {
    fn takes(&self, from_last: u32) -> bool {
        match self {
            Self::Last(count) => from_last <= *count,
            Self::Each(places) => places.contains(&from_last),
        }
    }

    /// The same of `count` writes that there are, in one form; `None` if it takes none of them.
    fn of(&self, count: u32) -> Option<Self> {
        let taken: Vec<u32> = (1..=count).filter(|place| self.takes(*place)).collect();
        let in_row = taken.len() as u32;
        match taken.last() {
            None => None,
            Some(last) if *last == in_row => Some(Self::Last(in_row)),
            Some(_) => Some(Self::Each(taken)),
        }
    }
}

/// `the last 2 unsynced writes`
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(1) => f.write_str("its last unsynced write"),
            Self::Last(count) => write!(f, "its last {count} unsynced writes"),
            Self::Each(places) => {
                let places: Vec<String> = places.iter().map(u32::to_string).collect();
                write!(f, "of its unsynced writes, counted from the last, {}", places.join(", "))
            }
        }
    }
}

/// `node 1 loses its last 2 unsynced writes in its crash #1`
impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loses { node, crash, loss } => write!(f, "node {node} loses {loss} in its crash #{crash}"),
            Self::Fails { node, write } => write!(f, "node {node} fails in its write #{write}"),
        }
    }
}

/// What the disks of a drawn world do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnDisks {
    /// What is drawn is drawn from it.
    pub seed: u64,
    /// Crashes take writes that were not synced.
    pub loses: bool,
    /// They take any of them, not just the last.
    pub is_disordered: bool,
    /// Some writes fail.
    pub fails: bool,
}

/// A disk with which something may go wrong. A node of a world in which nothing does has none.
pub(crate) struct FaultyDisk<D> {
    node: NodeId,
    planned: Vec<DiskFault>,
    drawn: Option<(DrawnDisks, Rng)>,
    healed: bool,
    writes: u32,
    /// What the durable state was before the first write that is not synced.
    before: Option<D>,
    unsynced: Vec<Unsynced<D>>,
    /// The writes that have failed and that nobody has seen yet.
    pub(super) failed: Vec<u32>,
}

impl<D: Clone> FaultyDisk<D> {
    /// What the disk of `node` does in the world of a plan; `None` if nothing goes wrong with it.
    pub(super) fn of(node: NodeId, plan: &Plan, drawn: Option<DrawnDisks>) -> Option<Box<Self>> {
        if plan.disk.is_empty() && drawn.is_none() {
            return None;
        }
        let planned: Vec<DiskFault> = plan.disk.iter().filter(|fault| fault.node() == node).cloned().collect();
        let drawn = drawn.map(|drawn| (drawn, Rng::new(drawn.seed, DISK_STREAM + node.index() as u64)));
        let (before, unsynced, failed) = (None, Vec::new(), Vec::new());
        (!planned.is_empty() || drawn.is_some())
            .then(|| Box::new(Self { node, planned, drawn, healed: false, writes: 0, before, unsynced, failed }))
    }

    /// From here on nothing goes wrong any more.
    pub(super) fn heal(&mut self) {
        self.healed = true;
    }

    fn forget_unsynced(&mut self) {
        self.before = None;
        self.unsynced.clear();
    }

    /// The `crash`-th crash of the node: takes what it takes, and tells it.
    pub(super) fn crash(&mut self, crash: u32, durable: &mut D) -> Option<DiskFault> {
        let count = self.unsynced.len() as u32;
        let loss = if count > 0 { self.loss(crash, count) } else { None };
        if let Some((loss, before)) = loss.as_ref().zip(self.before.take()) {
            *durable = before;
            for (edit, from_last) in self.unsynced.iter().zip((1..=count).rev()) {
                if !loss.takes(from_last) {
                    edit(durable);
                }
            }
        }
        self.forget_unsynced();
        Some(DiskFault::Loses { node: self.node, crash, loss: loss? })
    }

    fn loss(&mut self, crash: u32, count: u32) -> Option<Loss> {
        let planned = self.planned.iter().find_map(|fault| match fault {
            DiskFault::Loses { crash: same, loss, .. } if *same == crash => Some(loss.of(count)),
            _ => None,
        });
        if let Some(loss) = planned {
            return loss;
        }
        let (drawn, rng) = self.drawn.as_mut().filter(|(drawn, _)| drawn.loses)?;
        let loss = if rng.chance(ALL_PERMILLE) {
            Loss::Last(count)
        } else if drawn.is_disordered {
            Loss::Each((1..=count).filter(|_| rng.chance(500)).collect())
        } else {
            Loss::Last(rng.between(0, count.into()) as u32)
        };
        loss.of(count)
    }

    fn fails(&mut self) -> bool {
        if self.healed {
            return false;
        }
        let (node, write) = (self.node, self.writes);
        if self.planned.contains(&DiskFault::Fails { node, write }) {
            return true;
        }
        self.drawn.as_mut().is_some_and(|(drawn, rng)| drawn.fails && rng.chance(ERROR_PERMILLE))
    }
}

impl<D: Clone> Disk<D> for FaultyDisk<D> {
    fn accepts(&mut self, fallible: bool) -> bool {
        self.writes = self.writes.saturating_add(1);
        let fails = fallible && self.fails();
        if fails {
            self.failed.push(self.writes);
        }
        !fails
    }

    fn write(&mut self, durable: &mut D, write: Unsynced<D>) {
        if self.unsynced.is_empty() {
            self.before = Some(durable.clone());
        }
        write(durable);
        self.unsynced.push(write);
    }

    fn sync(&mut self) {
        self.forget_unsynced();
    }
}

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// Tells of the writes that have failed in the step of a node.
    #[cold]
    pub(super) fn see_failed_writes(&mut self, node: NodeId) -> ControlFlow<()> {
        let Some(disk) = &mut self.nodes[node.index()].disk else { return ControlFlow::Continue(()) };
        for write in mem::take(&mut disk.failed) {
            self.stats.disk_errors += 1;
            self.digest.fold((node.index() as u64) << 3 | u64::from(write) << 32);
            self.see(&Event::Disk { fault: &DiskFault::Fails { node, write } })?;
        }
        ControlFlow::Continue(())
    }

    /// What a crash takes of a node's disk. It has crashed already.
    pub(super) fn see_loss(&mut self, lost: Option<DiskFault>) -> ControlFlow<()> {
        let Some(fault) = lost else { return ControlFlow::Continue(()) };
        self.stats.disk_losses += 1;
        self.digest.fold((fault.node().index() as u64) << 3);
        self.see(&Event::Disk { fault: &fault })
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskFault, DrawnDisks, FaultyDisk, Loss};
    use crate::protocol::{Disk, NodeId};
    use crate::sim::Plan;

    const NODE: NodeId = NodeId::new(1);

    fn planned(faults: Vec<DiskFault>) -> Box<FaultyDisk<Vec<u8>>> {
        FaultyDisk::of(NODE, &Plan { disk: faults, ..Plan::new(3) }, None).expect("expect: something goes wrong")
    }

    fn loses(crash: u32, loss: Loss) -> DiskFault {
        DiskFault::Loses { node: NODE, crash, loss }
    }

    /// Writes 0, 1, 2 and so on, up to `count`, the first of them synced.
    fn written(disk: &mut FaultyDisk<Vec<u8>>, count: u8) -> Vec<u8> {
        let mut durable = Vec::new();
        for number in 0..count {
            assert!(disk.accepts(false));
            disk.write(&mut durable, Box::new(move |durable| durable.push(number)));
            if number == 0 {
                disk.sync();
            }
        }
        durable
    }

    #[test]
    fn a_crash_takes_what_the_plan_says_and_nothing_that_was_synced() {
        for (loss, kept, told) in [
            (Loss::Last(0), &[0, 1, 2, 3][..], None),
            (Loss::Last(1), &[0, 1, 2], Some(Loss::Last(1))),
            (Loss::Last(99), &[0], Some(Loss::Last(3))),
            (Loss::Each(vec![3]), &[0, 2, 3], Some(Loss::Each(vec![3]))),
            (Loss::Each(vec![2, 1, 77]), &[0, 1], Some(Loss::Last(2))),
            (Loss::Each(vec![]), &[0, 1, 2, 3], None),
        ] {
            let mut disk = planned(vec![loses(2, loss.clone())]);
            let mut durable = written(&mut disk, 4);
            assert_eq!(disk.crash(1, &mut durable), None, "another crash");
            assert_eq!(durable, [0, 1, 2, 3], "nothing is lost by default");
            let mut durable = written(&mut disk, 4);
            assert_eq!(disk.crash(2, &mut durable), told.map(|loss| loses(2, loss)));
            assert_eq!(durable, kept, "{loss}");
            // What has survived is on the disk.
            assert_eq!(disk.crash(2, &mut durable), None);
        }
    }

    #[test]
    fn a_write_fails_only_where_its_node_is_told() {
        let fails = |write| DiskFault::Fails { node: NODE, write };
        let mut disk = planned(vec![fails(2), fails(3)]);
        assert_eq!([true, false, true, true].map(|fallible| disk.accepts(fallible)), [true, true, false, true]);
        assert_eq!(disk.failed, [3]);
        let mut healed = planned(vec![fails(1)]);
        healed.heal();
        assert!(healed.accepts(true));
    }

    #[test]
    fn a_drawn_disk_is_one_that_a_plan_can_say() {
        for seed in 0..200 {
            let drawn = DrawnDisks { seed, loses: true, is_disordered: seed % 2 == 0, fails: false };
            let mut disk = FaultyDisk::of(NODE, &Plan::new(3), Some(drawn)).expect("expect: it is drawn");
            let (mut durable, mut again) = (written(&mut disk, 5), Vec::new());
            let lost = disk.crash(1, &mut durable);
            if let Some(fault) = lost {
                let mut planned = planned(vec![fault.clone()]);
                again.extend(written(&mut planned, 5));
                assert_eq!(planned.crash(1, &mut again), Some(fault));
                assert_eq!(again, durable);
            } else {
                assert_eq!(durable, [0, 1, 2, 3, 4]);
            }
        }
    }

    #[test]
    fn a_node_of_a_plan_without_disk_faults_has_a_plain_disk() {
        assert!(FaultyDisk::<()>::of(NODE, &Plan::new(3), None).is_none());
        let other = vec![DiskFault::Fails { node: NodeId::new(2), write: 1 }];
        assert!(FaultyDisk::<()>::of(NODE, &Plan { disk: other, ..Plan::new(3) }, None).is_none());
    }
}
