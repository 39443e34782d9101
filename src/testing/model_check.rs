//! An exhaustive search, held to account.

use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::PathBuf;
use std::thread;

use crate::harness::Harness;
use crate::model_check::{Exploration, Scope, explore};
use crate::protocol::{StateMachine, visible};
use crate::testing::Settings;
use crate::testing::sweep::tell_failures;

/// What came of an exhaustive search, and where to save what failed.
#[derive(Clone, Debug)]
pub struct ModelCheckReport {
    exploration: Exploration,
    /// `None` to save nothing.
    snapshots: Option<PathBuf>,
}

impl Deref for ModelCheckReport {
    type Target = Exploration;

    fn deref(&self) -> &Exploration {
        &self.exploration
    }
}

impl ModelCheckReport {
    /// # Panics
    /// If a run violated a check: with the first screen of the smallest failure, whose shrunk plan is saved before. Also if
    /// the search did not go to the end of its scope, if nothing happened in it, or if it did not
    /// [reach what it must](crate::model_check::Scope::must_reach): with what is missing.
    #[track_caller]
    pub fn assert_clean(&self) {
        let Exploration { system, executions, failures, misses_reach, .. } = &self.exploration;
        let (violations, system) = (self.violation_count(), visible(system));
        if violations > 0 {
            let told = format!("{violations} of {executions} runs of \"{system}\" violated a check\n\n");
            panic!("{}", tell_failures(told, failures, self.snapshots.as_deref()));
        }
        if let Some(idle) = self.tell_idle() {
            panic!("{idle}");
        }
        let left_out = self.left_out();
        assert!(
            left_out.is_empty(),
            "the scope of \"{system}\" was not exhausted: left out are {}",
            left_out.join("; ")
        );
        if let Some(unreached) = self.tell_unreached().filter(|_| *misses_reach) {
            panic!("{unreached}");
        }
    }
}

impl<M: StateMachine> Harness<M> {
    /// Searches all runs of a small scope, on all processors, and shrinks what fails.
    ///
    /// `DDC_JOBS` and `DDC_SNAPSHOTS` have their say, as they have on a [sweep](Self::sweep).
    ///
    /// ```
    /// use distributed_data_consistency::check::{Convergence, Siblings};
    /// use distributed_data_consistency::model_check::{Ask, Scope};
    /// use distributed_data_consistency::kv::{StoreAction, StoreWorkload};
    /// use distributed_data_consistency::{Harness, Node};
    ///
    /// let put = |node: usize, value: &str| {
    ///     Ask::new(node, StoreAction::Put { key: "cart".into(), value: value.into(), session: None })
    /// };
    /// let harness = Harness::new("store", Node::boot)
    ///     .workload(StoreWorkload::default())
    ///     .check(Siblings::new())
    ///     .check(Convergence::new());
    /// harness.explore(&Scope::new(3, vec![put(0, "a"), put(1, "b")]).drops(1)).assert_clean();
    /// ```
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    #[must_use = "a search says nothing by itself: call `assert_clean`"]
    pub fn explore(&self, scope: &Scope) -> ModelCheckReport {
        let settings = match Settings::from_env() {
            Ok(settings) => settings,
            Err(error) => panic!("{error}"),
        };
        let all = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let _watch = self.watch_plans();
        let exploration = explore(self, scope, settings.jobs.unwrap_or(all), &|_| {});
        ModelCheckReport { exploration, snapshots: settings.save.then(|| self.snapshots.clone()) }
    }
}
