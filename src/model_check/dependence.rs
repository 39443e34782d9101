//! Which nodes must be looked at together.
//!
//! Steps of different nodes commute, so where no other node can send anything to a set of nodes before one of them has
//! moved, it is enough to let that set move: whatever the others do can be done later (persistent sets; Godefroid 1996, which
//! source sets refine; Abdulla et al., POPL 2014). Who may send what to whom is not told by anybody but *learned*: a step
//! of some class at some node was seen to cause a message of some class to some node. A search begins with nothing, and
//! begins again whenever it learns something new.
//!
//! Why that is sound: suppose that a search in which nothing new was learned has missed a step that would have taught
//! something, and take the first such step of any run. All steps before it do only what is known, so up to there the sets
//! were right, and a run with the same steps before this one was searched; in it the node was in the same state and handled
//! the same input. So the step was taken, and learned from.

use indexmap::IndexMap;

/// Lives that begin, and what else is no other class.
pub(crate) const STARTED: u32 = 0;
/// Requests.
pub(crate) const ANSWERED: u32 = 1;
/// Timers.
pub(crate) const TIMED: u32 = 2;
/// From here on, kinds of messages.
const KINDS: u32 = 3;
/// So many classes there are for each node; further kinds count as the last one.
const CLASSES: u32 = 16;

/// The class of messages of this kind.
pub(crate) fn class_of_kind(kinds: &mut Vec<&'static str>, kind: &'static str) -> u32 {
    let place = kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
        kinds.push(kind);
        kinds.len() - 1
    });
    (KINDS + place as u32).min(CLASSES - 1)
}

/// A set of sorts of step, each a node and a class.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Sorts(u128);

impl Sorts {
    pub(crate) fn add(&mut self, node: u32, class: u32) {
        self.0 |= 1 << (node * CLASSES + class);
    }

    fn touches(self, nodes: NodeSet) -> bool {
        nodes.into_iter().any(|node| self.0 & of_node(node) != 0)
    }
}

fn of_node(node: u32) -> u128 {
    ((1 << CLASSES) - 1) << (node * CLASSES)
}

/// A set of nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub(crate) struct NodeSet(u8);

impl NodeSet {
    /// The first `count` nodes.
    pub(crate) fn first(count: usize) -> Self {
        (0..count as u32).fold(Self::default(), |mut nodes, node| {
            nodes.add(node);
            nodes
        })
    }

    pub(crate) fn add(&mut self, node: u32) {
        self.0 |= 1 << node;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn count(self) -> u32 {
        self.0.count_ones()
    }
}

impl Iterator for NodeSet {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let node = (self.0 != 0).then(|| self.0.trailing_zeros());
        self.0 &= self.0.wrapping_sub(1);
        node
    }
}

/// Who may send what to whom.
pub(crate) struct Dependence {
    /// For each sort of step the sorts that it may cause.
    causes: Vec<Sorts>,
    /// Something was learned since somebody asked.
    has_news: bool,
    chosen: IndexMap<(Sorts, NodeSet), NodeSet, foldhash::fast::FixedState>,
}

impl Dependence {
    pub(crate) fn new() -> Self {
        Self { causes: vec![Sorts::default(); 128], has_news: false, chosen: IndexMap::default() }
    }

    /// A step of `class` at `node` was seen to cause one of `sent_class` at `to`.
    pub(crate) fn learn(&mut self, node: u32, class: u32, to: u32, sent_class: u32) {
        let causes = &mut self.causes[(node * CLASSES + class) as usize];
        let before = *causes;
        causes.add(to, sent_class);
        if *causes != before {
            self.has_news = true;
            self.chosen.clear();
        }
    }

    /// True if something was learned since this was asked last.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// The fewest nodes that may move alone, where steps of the sorts `pending` may be taken now. One of them is of
    /// `must_move`: the nodes with a step that will be taken sooner or later and uses up nothing that others need.
    pub(crate) fn choose(&mut self, pending: Sorts, must_move: NodeSet) -> NodeSet {
        if let Some(chosen) = self.chosen.get(&(pending, must_move)) {
            return *chosen;
        }
        let sets = must_move.map(|node| self.closed(pending, node));
        let chosen = sets.min_by_key(|nodes| (nodes.count(), *nodes)).expect("expect: some node must move");
        self.chosen.insert((pending, must_move), chosen);
        chosen
    }

    /// `node`, and others until none is left that can send to any of them.
    fn closed(&self, pending: Sorts, node: u32) -> NodeSet {
        let mut nodes = NodeSet::default();
        nodes.add(node);
        'more: loop {
            let inside = nodes.fold(0, |sum, node| sum | of_node(node));
            let mut reached = pending.0 & !inside;
            let mut open = reached;
            while open != 0 {
                let sort = open.trailing_zeros();
                open &= open - 1;
                let causes = self.causes[sort as usize];
                if causes.touches(nodes) {
                    nodes.add(sort / CLASSES);
                    continue 'more;
                }
                open |= causes.0 & !reached;
                reached |= causes.0;
            }
            return nodes;
        }
    }
}
