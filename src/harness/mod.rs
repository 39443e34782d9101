//! Describe a system once, and use it in five ways: `cargo test`, proptest, replay of old failures, `cargo fuzz`, and a
//! command line of its own.
//!
//! ```
//! use distributed_data_consistency::check::{Convergence, Identity, Siblings};
//! use distributed_data_consistency::harness::Harness;
//! use distributed_data_consistency::kv::StoreWorkload;
//! use distributed_data_consistency::store::Node;
//!
//! fn harness() -> Harness<Node> {
//!     Harness::new("store", Node::boot)
//!         .nodes(3..=5)
//!         .workload(StoreWorkload::default())
//!         .check(Identity::new())
//!         .check(Siblings::new())
//!         .check(Convergence::new())
//! }
//!
//! harness().sweep(100).assert_clean();
//! ```
//!
//! A protocol of your own from end to end, with a bug to find, is in `examples/your_protocol.rs`.

pub(crate) mod bounds;
mod calibrate;
mod checks;
mod clients;
mod compared;
pub(crate) mod endless;
mod environment;
mod knob;
mod limits;
mod origin;
mod outcome;
mod run;
mod worlds;

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::check::Check;
use crate::protocol::{Boot, Requests, Rng, StateMachine, Workload};
use crate::sim::{Clients, DECISIONS_MAX, Limits, NODE_COUNT_MAX};
use crate::strategy::{Fitted, Profile, Strategy, Worlds};

pub(crate) use origin::Origin;
pub use outcome::Outcome;
pub use run::Recorded;

/// A system under test, described once: how its nodes are made, what its clients do, what must hold, and what its worlds are
/// like.
///
/// Built up by chaining; see the [module](self) for an example.
pub struct Harness<M: StateMachine> {
    /// As it stands in plan files.
    pub(crate) name: String,
    pub(crate) boot: Box<dyn Fn(Boot<M::Durable>) -> M + Send + Sync>,
    pub(crate) clients: Option<Box<dyn Clients<M>>>,
    /// What must hold; each run has checks of its own.
    pub(crate) checks: Vec<CheckMaker<M>>,
    /// Marks, of nodes or counted by checks, that at least one world of a sweep must hit.
    pub(crate) must_reach: Vec<&'static str>,
    pub(crate) worlds: Worlds,
    /// The same in the system's own scale, once somebody has asked for it.
    pub(crate) fitted: OnceLock<Fitted>,
    /// Whether sweeps and scores learn from what worlds show: a quarter of the worlds are then made of the plans of earlier
    /// ones. What a seed means does not change.
    pub(crate) feedback: bool,
    pub(crate) limits: Limits,
    /// Where plans that fail are saved.
    pub(crate) snapshots: PathBuf,
    /// After so long in one step a run counts as one that never ends.
    pub(crate) hang_after: Option<Duration>,
    /// What a node's state looks like, where two runs of a world are compared; without it only what its
    /// [`fold`](StateMachine::fold) tells is. See [`debug_state`](Self::debug_state).
    pub(crate) show_state: Option<ShowState<M>>,
}

/// Shows the state of a node as text.
pub(crate) type ShowState<M> = fn(&M, &mut dyn fmt::Write) -> fmt::Result;

/// Makes a check for one run.
type CheckMaker<M> = Box<dyn Fn() -> Box<dyn Check<M>> + Send + Sync>;

impl<M: StateMachine> fmt::Debug for Harness<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness").field("name", &self.name).field("worlds", &self.worlds).finish_non_exhaustive()
    }
}

impl<M: StateMachine> Harness<M> {
    /// The system `name`, whose nodes `boot` makes, at the start and after each crash. Without more there are 3 to 5 nodes,
    /// no clients, and nothing to check.
    ///
    /// The name stands in plan files and says which of them are this system's.
    pub fn new(name: impl Into<String>, boot: impl Fn(Boot<M::Durable>) -> M + Send + Sync + 'static) -> Self {
        Self {
            name: name.into(),
            boot: Box::new(boot),
            clients: None,
            checks: Vec::new(),
            must_reach: Vec::new(),
            worlds: Worlds::default(),
            fitted: OnceLock::new(),
            feedback: false,
            limits: Limits::default(),
            snapshots: PathBuf::from("snapshots/replays"),
            hang_after: None,
            show_state: None,
        }
    }

    /// How many nodes drawn worlds have.
    ///
    /// # Panics
    /// If the range is empty, or not within 1 to [`NODE_COUNT_MAX`].
    #[must_use]
    #[track_caller]
    pub fn nodes(mut self, counts: RangeInclusive<usize>) -> Self {
        assert!(
            !counts.is_empty() && *counts.start() >= 1 && *counts.end() <= NODE_COUNT_MAX,
            "nodes: expected a range such as 3..=5 within 1..={NODE_COUNT_MAX}, found {counts:?}"
        );
        self.worlds_mut().node_counts = counts;
        self
    }

    /// Shrunk worlds may have as few nodes as this, fewer than drawn ones: for a system that promises the same for fewer nodes, so that
    /// its failures become smaller. Without it a failure of three to five nodes is shown with three at least.
    ///
    /// # Panics
    /// If there is to be no node.
    #[must_use]
    #[track_caller]
    pub fn shrunk_nodes(mut self, least: usize) -> Self {
        assert!(least >= 1, "shrunk_nodes: expected at least 1 node, found 0");
        self.worlds.shrunk_nodes = Some(least);
        self
    }

    /// What clients do.
    #[must_use]
    pub fn workload(mut self, workload: impl Workload<M>) -> Self {
        self.clients = Some(Box::new(workload));
        self.fitted = OnceLock::new();
        self
    }

    /// Clients that ask what `draw` draws.
    ///
    /// A request stands in plan files as serde writes it, so an enum reads well: `lock = "alice"`. Workloads that are to
    /// remember what they were told are for [`workload`](Self::workload).
    #[must_use]
    pub fn requests(self, draw: impl Fn(&mut Rng) -> M::Request + Clone + Send + Sync + 'static) -> Self
    where
        M::Request: PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.workload(Requests(draw))
    }

    /// How many requests drawn worlds have.
    ///
    /// # Panics
    /// If the range is empty, or holds more requests than a plan file does: [`DECISIONS_MAX`].
    ///
    /// [`DECISIONS_MAX`]: crate::sim::DECISIONS_MAX
    #[must_use]
    #[track_caller]
    pub fn request_counts(mut self, counts: RangeInclusive<u32>) -> Self {
        assert!(
            !counts.is_empty() && *counts.end() as usize <= DECISIONS_MAX,
            "request_counts: expected a range such as 1..=24 up to {DECISIONS_MAX}, found {counts:?}"
        );
        self.worlds_mut().request_counts = counts;
        self
    }

    /// Things that must happen now and then: a sweep of at least [`REACH_WORLDS_MIN`] worlds in which one of these
    /// [marks](crate::protocol::Env::mark), or of what checks count, is never hit fails. "Always" says that nothing bad happens;
    /// this says that something does, so that a promise is not kept by worlds too idle to break it.
    ///
    /// Fewer worlds, a single seed or a small shard may miss a mark by bad luck, and are not judged; neither is a sweep whose
    /// command line asks for another profile or other nodes than the system's own.
    ///
    /// [`REACH_WORLDS_MIN`]: crate::sweep::REACH_WORLDS_MIN
    #[must_use]
    pub fn must_reach(mut self, marks: impl IntoIterator<Item = &'static str>) -> Self {
        self.must_reach.extend(marks);
        self
    }

    /// How hostile drawn worlds are.
    ///
    /// # Panics
    /// If the range is empty, or if a plan file could not hold the knob: a name of no or more than [`KNOB_NAME_BYTES_MAX`] bytes,
    /// or more than [`KNOB_COUNT_MAX`] knobs.
    ///
    /// [`KNOB_NAME_BYTES_MAX`]: crate::protocol::KNOB_NAME_BYTES_MAX
    /// [`KNOB_COUNT_MAX`]: crate::protocol::KNOB_COUNT_MAX
    #[must_use]
    #[track_caller]
    pub fn profile(mut self, profile: Profile) -> Self {
        if let Err(wrong) = profile.check() {
            panic!("profile {:?}: {wrong}", profile.name);
        }
        self.worlds_mut().profile = profile;
        self
    }

    /// How worlds are drawn from seeds. A seed means another world with another strategy.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.worlds_mut().strategy = strategy;
        self
    }

    /// Whether sweeps learn from what their worlds show: a quarter of the worlds are then made of the plans of worlds that showed a
    /// new kind of move, changed in some places. What is found in such a world has a plan, but no seed.
    ///
    /// Off, if not told otherwise: over the planted bugs it takes more worlds with it than without.
    #[must_use]
    pub fn feedback(mut self, feedback: bool) -> Self {
        self.feedback = feedback;
        self
    }

    /// Where plans that fail are saved; `snapshots/replays` if not told otherwise. `--out` on the command line goes before it.
    #[must_use]
    pub fn snapshots(mut self, directory: impl Into<PathBuf>) -> Self {
        self.snapshots = directory.into();
        self
    }

    /// The name of the system.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What drawn worlds are like.
    #[must_use]
    pub fn worlds(&self) -> &Worlds {
        &self.worlds
    }
}
