//! Worlds from bytes, for fuzzers; [`bytes`](crate::testing::bytes) says what the bytes mean.

use crate::check::Violation;
use crate::harness::Harness;
use crate::harness::Outcome;
use crate::protocol::{StateMachine, visible};
use crate::report::Screen;
use crate::shrink::ShrinkOptions;
use crate::sim::Plan;
use crate::sweep::{Failure, failure_of};
use crate::testing::pool::Pool;
use crate::testing::sweep::plan_hint;
use crate::testing::{Saved, Settings, bytes};

impl<M: StateMachine> Harness<M> {
    /// The plan that these bytes stand for: every byte string stands for one.
    ///
    /// This runs a few worlds first, to learn what there is to choose from; for many inputs prepare a [`Fuzzer`] once.
    #[must_use]
    pub fn plan_from_bytes(&self, data: &[u8]) -> Plan {
        bytes::to_plan(&self.pool(), data)
    }

    /// Runs the plan that these bytes stand for: the body of a fuzz target. For many inputs prepare a [`Fuzzer`] once.
    ///
    /// # Panics
    /// As [`Fuzzer::run`] does.
    pub fn fuzz(&self, data: &[u8]) {
        run(self, &self.plan_from_bytes(data), Settings::expect_from_env().save, |_| {});
    }

    /// Makes ready to run many inputs.
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    #[must_use]
    pub fn fuzzer(self) -> Fuzzer<M> {
        Fuzzer { pool: self.pool(), save: Settings::expect_from_env().save, harness: self }
    }

    /// Runs a plan; if it fails, shrinks it and finds its twin and its pivot.
    #[must_use]
    pub fn failure_of(&self, plan: &Plan) -> Option<Failure> {
        Some(failure(self, plan, &self.run(plan).violation?))
    }
}

/// A harness that runs bytes as plans.
///
/// ```
/// use std::sync::LazyLock;
///
/// use distributed_data_consistency::check::Convergence;
/// use distributed_data_consistency::{testing::Fuzzer, harness::Harness};
/// use distributed_data_consistency::kv::StoreWorkload;
/// use distributed_data_consistency::store::Node;
///
/// static FUZZER: LazyLock<Fuzzer<Node>> = LazyLock::new(|| {
///     Harness::new("store", Node::boot).workload(StoreWorkload::default()).check(Convergence::new()).fuzzer()
/// });
///
/// // In a fuzz target: fuzz_target!(|data: &[u8]| FUZZER.run(data));
/// FUZZER.run(b"any bytes are a plan");
/// ```
#[derive(Debug)]
pub struct Fuzzer<M: StateMachine> {
    harness: Harness<M>,
    pool: Pool,
    save: bool,
}

impl<M: StateMachine> Fuzzer<M> {
    /// The plan that these bytes stand for: every byte string stands for one.
    #[must_use]
    pub fn plan(&self, data: &[u8]) -> Plan {
        bytes::to_plan(&self.pool, data)
    }

    /// Bytes that stand for nearly this plan: seeds for a corpus. Some is lost where bytes cannot say it: requests that the
    /// workload was not seen to draw become the nearest that it was, times are cut at what bytes reach, of more than two copies two
    /// are left, and late messages (beyond the sixteenth of a kind and link) lose their fates. What
    /// [`plan`](Self::plan) makes of bytes loses nothing but the order of a cut's links.
    #[must_use]
    pub fn bytes(&self, plan: &Plan) -> Vec<u8> {
        bytes::from_plan(&self.pool, plan)
    }

    /// The harness that runs them.
    #[must_use]
    pub fn harness(&self) -> &Harness<M> {
        &self.harness
    }

    /// What comes of the plan that these bytes stand for.
    #[must_use]
    pub fn outcome(&self, data: &[u8]) -> Outcome {
        self.harness.run(&self.plan(data))
    }

    /// Runs the plan that these bytes stand for: the body of a fuzz target.
    ///
    /// # Panics
    /// If a check is violated: with the first screen of the shrunk plan, which is saved before, where
    /// [`Harness::snapshots`] says, unless the environment says `DDC_SNAPSHOTS=no`.
    #[track_caller]
    pub fn run(&self, data: &[u8]) {
        self.run_with(data, |_| {});
    }

    /// Runs as [`run`](Self::run) does, and shows `look` what comes of it, first: for a fuzzer that is to be told more than which
    /// code was reached.
    ///
    /// # Panics
    /// As [`run`](Self::run) does.
    #[track_caller]
    pub fn run_with(&self, data: &[u8], look: impl FnOnce(&Outcome)) {
        run(&self.harness, &self.plan(data), self.save, look);
    }
}

#[track_caller]
fn run<M: StateMachine>(harness: &Harness<M>, plan: &Plan, save: bool, look: impl FnOnce(&Outcome)) {
    let outcome = harness.run(plan);
    look(&outcome);
    if let Some(violation) = outcome.violation {
        panic!("{}", tell(harness, plan, &violation, save));
    }
}

/// Shrinks a plan that fails, saves it, and tells it.
pub(crate) fn tell<M: StateMachine>(harness: &Harness<M>, plan: &Plan, violation: &Violation, save: bool) -> String {
    let failure = failure(harness, plan, violation);
    let saved = save.then(|| Saved::new(&failure, &harness.snapshots));
    let hints: Vec<_> = saved.iter().map(plan_hint).collect();
    let (system, text) = (visible(&failure.system), saved.map(|saved| saved.tell_text()).unwrap_or_default());
    format!("a plan of \"{system}\" violated a check\n\n{}{text}", Screen { failure: &failure, hints: &hints })
}

fn failure<M: StateMachine>(harness: &Harness<M>, plan: &Plan, violation: &Violation) -> Failure {
    let system = harness;
    let (recorded, verified) = (system.record(plan), system.verify_plan(plan));
    let mut failure = failure_of(system, recorded, verified, &violation.check, &ShrinkOptions::default());
    failure.explain(system);
    failure
}
