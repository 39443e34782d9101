//! Property tests over plans: drawn by proptest, shrunk by our own shrinker, kept as plan files.
//!
//! Proptest shrinks a plan as the tree of choices that it was drawn by; our shrinker knows what a plan is, and gets further in
//! fewer runs. So proptest is told not to shrink, and the plan that it ends with is shrunk here.

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestCaseError, TestError, TestRunner};

use crate::harness::Harness;
use crate::protocol::StateMachine;
use crate::sim::Plan;
use crate::testing::Settings;
use crate::testing::fuzz::tell;

/// Where proptest keeps the seeds of its own failures.
const PERSISTENCE: &str = "snapshots/proptest.txt";

impl<M: StateMachine> Harness<M> {
    /// Runs `cases` plans that proptest draws, and before them the plans of this system that are saved where
    /// [`snapshots`](Self::snapshots) says: what failed once is tried first. The environment goes before `cases`:
    /// `PROPTEST_CASES` says how many, `PROPTEST_RNG_SEED` which.
    ///
    /// ```no_run
    /// # use distributed_data_consistency::{Harness, Node};
    /// # fn harness() -> Harness<Node> { Harness::new("store", Node::boot) }
    /// // #[test]
    /// fn any_plan_is_clean() {
    ///     harness().check_plans(1_000);
    /// }
    /// ```
    ///
    /// # Panics
    /// If a plan violates a check: with the first screen of the plan that our shrinker leaves of it, which is saved before. If
    /// there are no `cases` to run, or the environment says what cannot be understood.
    #[track_caller]
    pub fn check_plans(&self, cases: u32) {
        // Nothing has failed yet where there is nothing.
        if self.snapshots.exists() {
            self.replay_dir(&self.snapshots).allow_empty().assert_clean();
        }
        let _watch = self.watch_plans();
        let config = ProptestConfig { failure_persistence: None, ..plans_config(cases) };
        let checked = TestRunner::new(config).run(&self.plans(), |plan| self.run(&plan).prop_assert_clean());
        match checked {
            Ok(()) => {}
            Err(TestError::Fail(_, plan)) => panic!("{}", self.shrunk(&plan).unwrap_or_else(never_again)),
            Err(TestError::Abort(reason)) => panic!("proptest gave up: {reason}"),
        }
    }

    /// For the body of a property test that draws [`plans`](Self::plans): runs the plan. Such a test is to be configured with
    /// [`plans_config`], or proptest shrinks as well, and asks here at each step.
    ///
    /// ```
    /// use distributed_data_consistency::{harness::Harness, testing::plans_config};
    /// # use distributed_data_consistency::Node;
    /// use proptest::prelude::*;
    /// # fn harness() -> Harness<Node> { Harness::new("store", Node::boot) }
    ///
    /// proptest! {
    ///     #![proptest_config(plans_config(256))]
    ///     // #[test]
    ///     fn any_plan_is_clean(plan in harness().plans()) {
    ///         harness().prop_assert_clean(&plan)?;
    ///     }
    /// }
    /// # any_plan_is_clean();
    /// ```
    ///
    /// # Errors
    /// If a check was violated: with the first screen of the plan that our shrinker leaves of it, which is saved before.
    pub fn prop_assert_clean(&self, plan: &Plan) -> Result<(), TestCaseError> {
        self.shrunk(plan).map_or(Ok(()), |told| Err(TestCaseError::fail(told)))
    }

    /// The first screen of the plan shrunk, if it fails.
    fn shrunk(&self, plan: &Plan) -> Option<String> {
        let violation = self.run(plan).violation?;
        Some(tell(self, plan, &violation, Settings::expect_from_env().save))
    }
}

fn never_again() -> String {
    "a plan violated a check, and is clean now: the system is not deterministic".to_owned()
}

/// How to configure a property test over plans: `cases` of them if `PROPTEST_CASES` does not say otherwise; proptest shrinks
/// nothing, for [`Harness::prop_assert_clean`] does, and keeps the seeds of what failed in `snapshots/proptest.txt`.
///
/// # Panics
/// If there are no `cases` to run, or the environment says what cannot be understood.
#[must_use]
#[track_caller]
pub fn plans_config(cases: u32) -> ProptestConfig {
    assert!(cases > 0, "cases: expected at least 1 plan, found 0: nothing that was run is no success");
    ProptestConfig {
        cases: Settings::expect_from_env().cases.unwrap_or(cases),
        max_shrink_iters: 0,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(PERSISTENCE))),
        ..ProptestConfig::default()
    }
}
