//! The network: what becomes of each message.

use indexmap::IndexMap;

use super::{Fate, Link, MessageName, NameRef};
use crate::protocol::Time;

/// Decides what becomes of messages.
pub trait Fates {
    /// True if [`NameRef::number`] must be right. Counting costs a look-up a message.
    fn wants_names(&self) -> bool;

    /// What becomes of a message that is sent at `at`; `None` for the boring fate. Not asked for messages on cut links,
    /// nor once the world has healed.
    fn fate(&mut self, name: NameRef<'_>, at: Time) -> Option<Fate>;
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
    /// How many partitions cut each link now; empty until the first partition.
    cuts: Vec<u16>,
    /// For each link the sequence of the latest-sent message that has arrived.
    arrived: Vec<u32>,
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
        Self {
            node_count,
            cuts: Vec::new(),
            arrived: vec![0; node_count * node_count],
            counts: counted.then(MessageCounts::default),
        }
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
        let latest = &mut self.arrived[link.from.index() * self.node_count + link.to.index()];
        let late = (sequence.wrapping_sub(*latest) as i32) < 0;
        if !late {
            *latest = sequence;
        }
        late
    }

    #[inline]
    pub(super) fn is_cut(&self, link: Link) -> bool {
        !self.cuts.is_empty() && self.cuts[link.from.index() * self.node_count + link.to.index()] > 0
    }

    pub(super) fn cut(&mut self, links: &[Link]) {
        self.cuts.resize(self.node_count * self.node_count, 0);
        for place in self.places(links) {
            self.cuts[place] = self.cuts[place].saturating_add(1);
        }
    }

    pub(super) fn join(&mut self, links: &[Link]) {
        for place in self.places(links) {
            self.cuts[place] = self.cuts[place].saturating_sub(1);
        }
    }

    pub(super) fn heal(&mut self) {
        self.cuts.clear();
    }

    /// Where the links stand in the tables; links of nodes that are not there stand nowhere, nor does that between a node and
    /// itself, which no cable carries.
    fn places(&self, links: &[Link]) -> Vec<usize> {
        let there = |link: &&Link| link.from != link.to && link.from.index().max(link.to.index()) < self.node_count;
        links.iter().filter(there).map(|link| link.from.index() * self.node_count + link.to.index()).collect()
    }
}
