//! The network: what becomes of each message.

use std::time::Duration;

use indexmap::IndexMap;

use super::{DrawnDisks, Fate, Link, MessageName, NameRef};
use crate::protocol::{NodeId, Time};

/// Decides what becomes of messages.
pub trait Fates {
    /// True if [`NameRef::number`] must be right. Counting costs a look-up a message.
    fn wants_names(&self) -> bool;

    /// What becomes of a message that is sent at `at`; `None` for the boring fate. Not asked for messages on cut links,
    /// nor once the world has healed.
    fn fate(&mut self, name: NameRef<'_>, at: Time) -> Option<Fate>;

    /// What disks do, beside what the plan says of them; `None` if that is nothing. Asked once, before the world begins.
    fn disks(&self) -> Option<DrawnDisks> {
        None
    }

    /// True if [`lateness`](Self::lateness) should be asked. By default timers fire when they are due.
    fn draws_timers(&self) -> bool {
        false
    }

    /// How late a timer fires that `node` sets at `at` and that is due at `due`; `None` if it is not late. Not asked once the
    /// world has healed, nor of timers that the plan decides on.
    fn lateness(&mut self, node: NodeId, at: Time, due: Time) -> Option<Duration> {
        let _ = (node, at, due);
        None
    }
}

/// The fates that a plan lists.
#[derive(Clone, Copy, Debug)]
pub struct PlannedFates<'a>(pub &'a IndexMap<MessageName, Fate>);

impl Fates for PlannedFates<'_> {
    fn wants_names(&self) -> bool {
        !self.0.is_empty()
    }

    fn fate(&mut self, name: NameRef<'_>, _at: Time) -> Option<Fate> {
        self.0.get(&name).cloned()
    }
}

/// Which links are cut, and how many messages each has carried.
#[derive(Debug)]
pub(super) struct Network {
    node_count: usize,
    /// How many partitions cut each link now; `None` while there is no partition.
    cuts: Option<PerLink<u16>>,
    /// For each link the sequence of the latest-sent message that has arrived.
    arrived: PerLink<u32>,
    /// How many messages of each kind each link has carried; only if anybody wants names.
    counts: Option<MessageCounts>,
}

/// How many messages of each kind each link has carried: what their names are made of.
#[derive(Debug, Default)]
pub(crate) struct MessageCounts(IndexMap<(Link, &'static str), u32, foldhash::fast::FixedState>);

impl MessageCounts {
    /// The number of the next message of this kind on this link, from 1.
    #[inline]
    pub(crate) fn next(&mut self, link: Link, kind: &'static str) -> u32 {
        let count = self.0.entry((link, kind)).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

impl Network {
    pub(super) fn new(node_count: usize, counted: bool) -> Self {
        let arrived = PerLink::new(node_count);
        Self { node_count, cuts: None, arrived, counts: counted.then(MessageCounts::default) }
    }

    /// The number of the next message of this kind on this link, from 1; 0 if nobody wants names.
    #[inline]
    pub(super) fn count(&mut self, link: Link, kind: &'static str) -> u32 {
        self.counts.as_mut().map_or(0, |counts| counts.next(link, kind))
    }

    /// Notes that the message with this sequence has arrived; true if one that was sent later came before it. Sequences wrap:
    /// of two, the one that is less than half a turn ahead is the later.
    #[inline]
    pub(super) fn arrives_late(&mut self, link: Link, sequence: u32) -> bool {
        let latest = self.arrived.get_mut(link);
        let late = (sequence.wrapping_sub(*latest) as i32) < 0;
        if !late {
            *latest = sequence;
        }
        late
    }

    #[inline]
    pub(super) fn is_cut(&self, link: Link) -> bool {
        self.cuts.as_ref().is_some_and(|cuts| cuts.get(link) > 0)
    }

    pub(super) fn cut(&mut self, links: &[Link]) {
        let node_count = self.node_count;
        let cuts = self.cuts.get_or_insert_with(|| PerLink::new(node_count));
        for link in links.iter().filter(|link| can_be_cut(**link, node_count)) {
            let count = cuts.get_mut(*link);
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn join(&mut self, links: &[Link]) {
        let (Some(cuts), node_count) = (&mut self.cuts, self.node_count) else { return };
        for link in links.iter().filter(|link| can_be_cut(**link, node_count)) {
            let count = cuts.get_mut(*link);
            *count = count.saturating_sub(1);
        }
    }

    pub(super) fn heal(&mut self) {
        self.cuts = None;
    }
}

/// Links of nodes that are not there cannot be cut, nor can that between a node and itself, which no cable carries.
fn can_be_cut(link: Link, node_count: usize) -> bool {
    link.from != link.to && link.from.index().max(link.to.index()) < node_count
}

/// Something for each link, at first the default.
#[derive(Debug)]
enum PerLink<T> {
    /// Of few nodes: all links in one table.
    Table { node_count: usize, cells: Vec<T> },
    /// Of many nodes: those of a sender are in a row that is made when one is first asked for. Most worlds of thousands of nodes
    /// use few of their millions of links.
    Rows { node_count: usize, rows: Vec<Vec<T>> },
}

/// Up to so many nodes have a table.
const TABLE_NODES_MAX: usize = 64;

impl<T: Copy + Default> PerLink<T> {
    fn new(node_count: usize) -> Self {
        if node_count <= TABLE_NODES_MAX {
            Self::Table { node_count, cells: vec![T::default(); node_count * node_count] }
        } else {
            Self::Rows { node_count, rows: vec![Vec::new(); node_count] }
        }
    }

    #[inline]
    fn get(&self, link: Link) -> T {
        match self {
            Self::Table { node_count, cells } => cells[link.from.index() * node_count + link.to.index()],
            Self::Rows { rows, .. } => rows[link.from.index()].get(link.to.index()).copied().unwrap_or_default(),
        }
    }

    #[inline]
    fn get_mut(&mut self, link: Link) -> &mut T {
        match self {
            Self::Table { node_count, cells } => &mut cells[link.from.index() * *node_count + link.to.index()],
            Self::Rows { node_count, rows } => {
                let row = &mut rows[link.from.index()];
                if row.is_empty() {
                    *row = vec![T::default(); *node_count];
                }
                &mut row[link.to.index()]
            }
        }
    }
}
