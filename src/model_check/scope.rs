//! What an exhaustive search covers.

use crate::harness::Harness;
use crate::protocol::{NodeId, StateMachine};
use crate::sim::Action;
use crate::strategy::draw_asks;

/// Larger clusters are for sweeps.
pub const SCOPE_NODES_MAX: usize = 8;

/// A small world, all of whose runs are wanted.
#[derive(Clone, Debug)]
pub struct Scope {
    /// How many nodes, from 1 to [`SCOPE_NODES_MAX`].
    pub node_count: usize,
    /// What clients ask. Each set is a world of its own, and all of them are searched. The requests of one node come in the
    /// order of their set, and so do those of one session ([`Workload::session`](crate::protocol::Workload::session)).
    pub request_sets: Vec<Vec<Ask>>,
    /// True if all requests come in the order of their set, not only those of one node.
    pub in_order: bool,
    /// At most so many messages of a run are lost.
    pub drops: u8,
    /// At most so many messages of a run are doubled.
    pub duplicates: u8,
    /// At most so many times a node of a run crashes: between two steps, or after any effect of a step. It restarts at any
    /// time after, or when the world heals.
    pub crashes: u8,
    /// At most so many timers of a run fire at any time; all others wait until every message has come, and fire in the
    /// order in which they are due.
    pub timers: u8,
    /// A run heals after so many steps, whatever is under way: what follows is not searched.
    pub depth_max: u32,
    /// The search of a request set is given up before it finds more states than this, on each of the threads: it bounds the memory
    /// that a search takes. Very large states count as several: on the average one has up to 64 numbers (nodes and messages under
    /// way), and so have what nodes do and send. It is 2^32 at most.
    pub states_max: u64,
    /// Which runs are taken for the same; `None` for the strongest that the checks allow.
    pub reduction: Option<Reduction>,
    /// The marks that at least one run must hit. `None` for at least one of those that a sweep of the system
    /// [must reach](crate::harness::Harness::must_reach): a small scope has not all that large worlds have.
    pub must_reach: Option<Vec<&'static str>>,
}

/// One request of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Whom.
    pub node: NodeId,
    /// What.
    pub action: Action,
}

/// Which runs are taken for the same, from none to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// None: each order of steps is run. Only for measuring the others.
    Naive,
    /// Two orders of the same steps lead to the same; but each set of steps that can have happened at some state is
    /// seen. For checks that look at several nodes in the middle of a run.
    Moments,
    /// Runs that differ only in how steps of different nodes fall in time, where no message passes between them, are the
    /// same: one of each such class is run. For checks that are [causal](crate::check::Check::is_causal).
    Classes,
    /// Beyond that, nodes whose [`fold`](crate::protocol::StateMachine::fold) is the same are in the same state, however they came to it.
    /// Only right if `fold` tells all states apart and the checks look at nothing but the states at rest.
    States,
}

impl Scope {
    /// All orders of these requests and their messages on `node_count` nodes; nothing is lost, doubled, or crashes.
    ///
    /// # Panics
    /// If there are no nodes, or more than [`SCOPE_NODES_MAX`].
    #[must_use]
    #[track_caller]
    pub fn new(node_count: usize, requests: Vec<Ask>) -> Self {
        let scope = Self {
            node_count,
            request_sets: vec![requests],
            in_order: false,
            drops: 0,
            duplicates: 0,
            crashes: 0,
            timers: 0,
            depth_max: 200,
            states_max: 5_000_000,
            reduction: None,
            must_reach: None,
        };
        scope.expect_nodes();
        scope
    }

    #[track_caller]
    pub(crate) fn expect_nodes(&self) {
        let nodes = self.node_count;
        assert!((1..=SCOPE_NODES_MAX).contains(&nodes), "Scope: expected 1 to {SCOPE_NODES_MAX} nodes, found {nodes}");
    }

    /// The same with other requests, one set after the other.
    #[must_use]
    pub fn with_request_sets(self, request_sets: Vec<Vec<Ask>>) -> Self {
        Self { request_sets, ..self }
    }

    /// Requests come only in the order of their set.
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { in_order: true, ..self }
    }

    /// Up to so many messages are lost.
    #[must_use]
    pub fn drops(self, drops: u8) -> Self {
        Self { drops, ..self }
    }

    /// Up to so many messages are doubled.
    #[must_use]
    pub fn duplicates(self, duplicates: u8) -> Self {
        Self { duplicates, ..self }
    }

    /// Up to so many crashes.
    #[must_use]
    pub fn crashes(self, crashes: u8) -> Self {
        Self { crashes, ..self }
    }

    /// Up to so many timers fire at any time.
    #[must_use]
    pub fn timers(self, timers: u8) -> Self {
        Self { timers, ..self }
    }

    /// At least one run must hit each of these marks.
    #[must_use]
    pub fn must_reach(self, marks: impl IntoIterator<Item = &'static str>) -> Self {
        Self { must_reach: Some(marks.into_iter().collect()), ..self }
    }

    /// Takes these runs for the same, whatever the checks say of themselves.
    #[must_use]
    pub fn reduction(self, reduction: Reduction) -> Self {
        Self { reduction: Some(reduction), ..self }
    }
}

impl Ask {
    /// `action`, asked of `node`.
    pub fn new<A>(node: impl Into<NodeId>, action: A) -> Self
    where
        A: std::fmt::Debug + PartialEq + serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
    {
        Self { node: node.into(), action: Action::new(action) }
    }
}

impl<M: StateMachine> Harness<M> {
    /// So many requests as the workload draws them from a seed, of `node_count` nodes; none if there are no clients.
    #[must_use]
    pub fn draw_asks(&self, seed: u64, node_count: usize, request_count: usize) -> Vec<Ask> {
        let Some(clients) = &self.clients else { return Vec::new() };
        let drawn = draw_asks(clients.fork(), seed, node_count, request_count);
        drawn.into_iter().map(|(node, action)| Ask { node, action }).collect()
    }
}
