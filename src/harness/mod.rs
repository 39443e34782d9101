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

mod bytes;
mod explored;
mod fuzz;
mod knob;
mod mutation;
mod pool;
#[cfg(feature = "proptest")]
mod properties;
mod replayed;
mod saved;
mod settings;
mod snapshot;
#[cfg(feature = "proptest")]
mod strategy;
mod swept;
mod unmet;
mod updated;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::check::RESERVED_CHECKS;
use crate::check::{Check, Promise, When};
use crate::harness::{Outcome, Recorded, System};
use crate::protocol::{Boot, Requests, Rng, StateMachine, Workload};
use crate::replay::DECISIONS_MAX;
use crate::sim::{Limits, NODE_COUNT_MAX, Nodes, Plan};
use crate::strategy::{Profile, Strategy};

pub use explored::Explored;
pub use fuzz::Fuzzer;
pub use mutation::{mutate, splice};
#[cfg(feature = "proptest")]
pub use properties::plans_config;
pub use replayed::{Divergence, Replayed, Replays};
pub use saved::{Saved, save};
pub use settings::{JOBS_MAX, Settings, SettingsError, parse_jobs, parse_seed, parse_shard};
pub use swept::Swept;
pub use unmet::Unmet;
pub use updated::Updated;

/// A system under test, described once.
///
/// Built up by chaining; see the [module](self) for an example.
#[derive(Debug)]
pub struct Harness<M: StateMachine> {
    system: Harness<M>,
    snapshots: PathBuf,
}

impl<M: StateMachine> Harness<M> {
    /// The system `name`, whose nodes `boot` makes, at the start and after each crash. Without more there are 3 to 5 nodes,
    /// no clients, and nothing to check.
    ///
    /// The name stands in plan files and says which of them are this system's.
    pub fn new(name: impl Into<String>, boot: impl Fn(Boot<M::Durable>) -> M + Send + Sync + 'static) -> Self {
        let system = System {
            name: name.into(),
            boot: Box::new(boot),
            clients: None,
            checks: Vec::new(),
            must_reach: Vec::new(),
            node_counts: 3..=5,
            request_counts: 1..=24,
            settle: Duration::from_secs(10),
            profile: Profile::hostile(),
            knobs: Vec::new(),
            strategy: Strategy::default(),
            feedback: false,
            limits: Limits::default(),
        };
        Self { system, snapshots: PathBuf::from("snapshots/replays") }
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
        self.worlds.node_counts = counts;
        self
    }

    /// What clients do.
    #[must_use]
    pub fn workload(mut self, workload: impl Workload<M>) -> Self {
        self.clients = Some(Box::new(workload));
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
    /// [`DECISIONS_MAX`]: crate::replay::DECISIONS_MAX
    #[must_use]
    #[track_caller]
    pub fn request_counts(mut self, counts: RangeInclusive<u32>) -> Self {
        assert!(
            !counts.is_empty() && *counts.end() as usize <= DECISIONS_MAX,
            "request_counts: expected a range such as 1..=24 up to {DECISIONS_MAX}, found {counts:?}"
        );
        self.worlds.request_counts = counts;
        self
    }

    /// Something that must hold. Checks look on in the order in which they were added; the first breach stops the world.
    ///
    /// # Panics
    /// If there is a check of this name already, or the name is kept for what the harness itself finds: `determinism`, `panic`,
    /// `reach`, `rest`. The name is how a failure is known again.
    #[must_use]
    #[track_caller]
    pub fn check(mut self, check: impl Check<M> + Clone + Sync + 'static) -> Self {
        let name = check.name();
        let is_taken = RESERVED_CHECKS.contains(&name) || self.checks.iter().any(|make| make().name() == name);
        assert!(!is_taken, "check {name:?}: expected a name of its own: there is a check of this name already");
        self.checks.push(Box::new(move || Box::new(check.clone())));
        self
    }

    /// A promise that holds after every step; the error says how it is broken.
    ///
    /// # Panics
    /// As [`check`](Self::check) does.
    #[must_use]
    #[track_caller]
    pub fn always<F>(self, name: &'static str, holds: F) -> Self
    where
        F: Fn(Nodes<'_, M>) -> Result<(), String> + Clone + Send + Sync + 'static,
    {
        self.check(Promise { name, when: When::Always, holds })
    }

    /// A promise that holds once the world has come to rest; the error says how it is broken.
    ///
    /// # Panics
    /// As [`check`](Self::check) does.
    #[must_use]
    #[track_caller]
    pub fn at_rest<F>(self, name: &'static str, holds: F) -> Self
    where
        F: Fn(Nodes<'_, M>) -> Result<(), String> + Clone + Send + Sync + 'static,
    {
        self.check(Promise { name, when: When::AtRest, holds })
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
    /// If the profile says what no world can be like: [`Profile::check`] says what.
    #[must_use]
    #[track_caller]
    pub fn profile(mut self, profile: Profile) -> Self {
        if let Err(wrong) = profile.check() {
            panic!("profile {:?}: {wrong}", profile.name);
        }
        self.worlds.profile = profile;
        self
    }

    /// How worlds are drawn from seeds. A seed means another world with another strategy.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.worlds.strategy = strategy;
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

    /// How long drawn worlds may take to come to rest after they have healed. A system that never falls silent, because its
    /// timers go on for ever, runs that long in each world: give it no more than it needs.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.worlds.settle = settle;
        self
    }

    /// After how many steps a world counts as one that never comes to rest.
    ///
    /// # Panics
    /// If there are none: no world comes to rest in none.
    #[must_use]
    #[track_caller]
    pub fn step_count_max(mut self, step_count_max: u64) -> Self {
        assert!(step_count_max > 0, "step_count_max: expected at least 1 step, found 0");
        self.limits.step_count_max = step_count_max;
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

    /// The system itself, as [`explore`](crate::explore) takes it.
    #[must_use]
    pub fn system(&self) -> &Harness<M> {
        &self.system
    }

    /// Runs a plan.
    #[must_use]
    pub fn run(&self, plan: &Plan) -> Outcome {
        self.run(plan)
    }

    /// Runs the world of a seed.
    #[must_use]
    pub fn run_seed(&self, seed: u64) -> Outcome {
        self.run_seed(seed)
    }

    /// Runs a plan and writes down everything that happens.
    #[must_use]
    pub fn record(&self, plan: &Plan) -> Recorded {
        self.record(plan)
    }

    /// Runs the world of a seed and writes down everything that happens, the plan included.
    #[must_use]
    pub fn record_seed(&self, seed: u64) -> Recorded {
        self.record_seed(seed)
    }

    #[cfg(feature = "cli")]
    pub(crate) fn snapshots_dir(&self) -> &std::path::Path {
        &self.snapshots
    }

    #[cfg(feature = "cli")]
    pub(crate) fn system_mut(&mut self) -> &mut Harness<M> {
        &mut self.system
    }
}
