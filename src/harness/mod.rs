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
mod mutation;
mod pool;
#[cfg(feature = "proptest")]
mod properties;
mod replayed;
mod settings;
mod snapshot;
#[cfg(feature = "proptest")]
mod strategy;
mod swept;
mod updated;
mod watch;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::check::{Check, Promise, When};
use crate::harness::{Outcome, Recorded, System};
use crate::protocol::{Boot, KNOB_VALUE_MAX, Requests, Rng, StateMachine, Workload};
use crate::replay::{KNOB_COUNT_MAX, KNOB_NAME_BYTES_MAX};
use crate::sim::{Limits, NODE_COUNT_MAX, Nodes, Plan};
use crate::strategy::{Knob, Profile, Strategy};
use crate::sweep::{Seeds, SweepOptions, sweep};

pub use explored::Explored;
pub use fuzz::Fuzzer;
pub use mutation::{mutate, splice};
#[cfg(feature = "proptest")]
pub use properties::plans_config;
pub use replayed::{Divergence, Replayed, Replays};
pub use settings::{Settings, SettingsError, parse_seed, parse_shard, parse_span};
pub use swept::{Swept, save};
pub use updated::Updated;
#[cfg(feature = "cli")]
pub(crate) use watch::{GivenUp, Watched};

/// A system under test, described once.
///
/// Built up by chaining; see the [module](self) for an example.
#[derive(Debug)]
pub struct Harness<M: StateMachine> {
    system: Harness<M>,
    snapshots: PathBuf,
    hang_after: Option<Duration>,
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
        Self { system, snapshots: PathBuf::from("snapshots/replays"), hang_after: None }
    }

    /// How many nodes drawn worlds have.
    #[must_use]
    pub fn nodes(mut self, counts: RangeInclusive<usize>) -> Self {
        let clamp = |count: &usize| (*count).clamp(1, NODE_COUNT_MAX);
        self.worlds.node_counts = clamp(counts.start())..=clamp(counts.end());
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
    #[must_use]
    pub fn request_counts(mut self, counts: RangeInclusive<u32>) -> Self {
        self.worlds.request_counts = counts;
        self
    }

    /// Something that must hold. Checks look on in the order in which they were added; the first breach stops the world.
    #[must_use]
    pub fn check(mut self, check: impl Check<M> + Clone + Sync + 'static) -> Self {
        self.checks.push(Box::new(move || Box::new(check.clone())));
        self
    }

    /// A promise that holds after every step; the error says how it is broken.
    #[must_use]
    pub fn always<F>(self, name: &'static str, holds: F) -> Self
    where
        F: Fn(Nodes<'_, M>) -> Result<(), String> + Clone + Send + Sync + 'static,
    {
        self.check(Promise { name, when: When::Always, holds })
    }

    /// A promise that holds once the world has come to rest; the error says how it is broken.
    #[must_use]
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
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.worlds.profile = profile;
        self
    }

    /// A limit of the machine that worlds may shake: the machine asks for it with [`Boot::knob`], and in some worlds
    /// ([`Profile::knob_permille`]) it gets a value of this range, mostly one of the smallest. So a batch, a log or a queue that
    /// would never be full in a world of twenty requests is full all the time, and what goes wrong then is found; a plan that
    /// fails names the knobs that it needs, and no others. [`Strategy::Uniform`] shakes nothing.
    ///
    /// The range should hold whatever the machine promises to work with. A name that is declared again has the new range.
    ///
    /// Here what fills a batch is lost; but no world fills one of 64:
    ///
    /// ```
    /// use distributed_data_consistency::{Harness, protocol::{Boot, Env, NodeId, RequestId, StateMachine}};
    ///
    /// /// Every number that a client tells anybody should come to be known to all. A batch is told when it is full, or after 5 ms.
    /// struct Batching { batch_max: usize, batch: Vec<u32>, known: Vec<u32> }
    ///
    /// impl StateMachine for Batching {
    ///     type Message = Vec<u32>;
    ///     type Timer = ();
    ///     type Request = u32;
    ///     type Response = ();
    ///     type Durable = ();
    ///
    ///     fn on_request(&mut self, id: RequestId, number: u32, env: &mut Env<'_, Self>) {
    ///         self.known.push(number);
    ///         if self.batch.len() == self.batch_max {
    ///             env.broadcast(&std::mem::take(&mut self.batch)); // and `number` is in none
    ///         } else {
    ///             self.batch.push(number);
    ///             env.set_timer((), std::time::Duration::from_millis(5));
    ///         }
    ///         env.respond(id, ());
    ///     }
    ///
    ///     fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
    ///         env.broadcast(&std::mem::take(&mut self.batch));
    ///     }
    ///
    ///     fn on_message(&mut self, _from: NodeId, batch: Vec<u32>, _env: &mut Env<'_, Self>) {
    ///         self.known.extend(batch);
    ///     }
    /// }
    ///
    /// fn harness() -> Harness<Batching> {
    ///     let boot = |boot: Boot<()>| {
    ///         let batch_max = boot.knob("batch_max", 64).max(1) as usize;
    ///         Batching { batch_max, batch: Vec::new(), known: Vec::new() }
    ///     };
    ///     Harness::new("batching", boot)
    ///         .requests(|rng| rng.bits())
    ///         .profile(Profile { crash_permille: 0, partition_permille: 0, drop_permille: 0, ..Profile::hostile() })
    ///         .at_rest("all known", |nodes| {
    ///             let counts: Vec<usize> = nodes.up().map(|(_, node)| node.known.iter().collect::<BTreeSet<_>>().len()).collect();
    ///             if counts.iter().all(|count| *count == counts[0]) { Ok(()) } else { Err(format!("nodes know {counts:?}")) }
    ///         })
    /// }
    ///
    /// # use std::collections::BTreeSet;
    /// # use distributed_data_consistency::{strategy::Profile, sweep::{Seeds, SweepOptions}};
    /// let options = SweepOptions::new(Seeds::first(200));
    /// assert_eq!(harness().sweep_with(&options, &|_| {}).violation_count(), 0);
    /// let sweep = harness().knob("batch_max", 1..=64).sweep_with(&options, &|_| {});
    /// let plan = &sweep.failures[0].shrunk.plan;
    /// assert_eq!((plan.requests.len(), plan.knobs.get("batch_max")), (2, Some(1)));
    /// ```
    ///
    /// # Panics
    /// If the range is empty, or if a plan file could not hold the knob: a name of no or more than [`KNOB_NAME_BYTES_MAX`] bytes,
    /// or more than [`KNOB_COUNT_MAX`] knobs.
    ///
    /// [`KNOB_NAME_BYTES_MAX`]: crate::replay::KNOB_NAME_BYTES_MAX
    /// [`KNOB_COUNT_MAX`]: crate::replay::KNOB_COUNT_MAX
    #[must_use]
    pub fn knob(mut self, name: impl Into<String>, range: RangeInclusive<u64>) -> Self {
        let name = name.into();
        let (low, high) = (*range.start(), (*range.end()).min(KNOB_VALUE_MAX));
        assert!(
            low <= high,
            "knob {name:?}: expected a range up to {KNOB_VALUE_MAX} that is not empty, found {range:?}"
        );
        let bytes = 1..=KNOB_NAME_BYTES_MAX;
        assert!(
            bytes.contains(&name.len()),
            "expected a name of 1 to {KNOB_NAME_BYTES_MAX} bytes, found knob {name:?}"
        );
        let knobs = &mut self.worlds.knobs;
        knobs.retain(|knob| knob.name != name);
        knobs.push(Knob { name, range: low..=high });
        assert!(knobs.len() <= KNOB_COUNT_MAX, "expected at most {KNOB_COUNT_MAX} knobs");
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
    #[must_use]
    pub fn step_count_max(mut self, step_count_max: u64) -> Self {
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

    /// Runs the worlds of the first `world_count` seeds on all processors, and shrinks what fails.
    ///
    /// The environment may say otherwise, without a change of code: `DDC_SEED` (just this one), `DDC_SEEDS` (how many),
    /// `DDC_SHARD=i/n` (only the i-th of n parts), `DDC_JOBS` (on how many threads), `DDC_SNAPSHOTS=no` (save nothing),
    /// `DDC_HANG_AFTER=10s` (see [`hang_after`](Self::hang_after)).
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    #[must_use = "a sweep says nothing by itself: call `assert_clean`"]
    pub fn sweep(&self, world_count: u64) -> Swept {
        self.sweep_verifying(world_count, 0)
    }

    /// Sweeps as [`sweep`](Self::sweep) does, and runs each world twice, on two threads: everything that can be seen of both
    /// runs must be the same, or it is a violation named `determinism`, which tells the first event that differs and what is
    /// probably to blame. (`sweep` does so with one world in a hundred, and with each that fails.) Three to four times as slow.
    ///
    /// What only the state shows is seen if the machine tells it to [`StateMachine::fold`].
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    #[must_use = "a sweep says nothing by itself: call `assert_clean`"]
    pub fn verify(&self, world_count: u64) -> Swept {
        self.sweep_verifying(world_count, 1_000)
    }

    /// At least so many worlds in a thousand are verified.
    fn sweep_verifying(&self, world_count: u64, verify_permille_min: u32) -> Swept {
        let settings = Settings::expect_from_env();
        let mut options = settings.options(Seeds::first(world_count));
        options.verify_permille = options.verify_permille.max(verify_permille_min);
        let _watch = self.watch(&settings, &options);
        let sweep = sweep(&self.system, &options, &|_| {});
        Swept { sweep, snapshots: settings.save.then(|| self.snapshots.clone()) }
    }
}

impl<M: StateMachine> Harness<M> {
    /// Sweeps as `options` say; `progress` hears how many worlds more have been run. The environment has no say.
    #[must_use = "a sweep says nothing by itself"]
    pub fn sweep_with(&self, options: &SweepOptions, progress: &(dyn Fn(u64) + Sync)) -> crate::sweep::Sweep {
        sweep(&self.system, options, progress)
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
