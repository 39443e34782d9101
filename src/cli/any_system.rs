//! A harness whose machine type is forgotten, so that one command can serve several systems.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use crate::harness::Harness;
use crate::harness::Recorded;
use crate::model_check::{Ask, Exploration, Scope};
use crate::model_check::{ExploreOptions, explore_with};
use crate::protocol::StateMachine;
use crate::replay::Error;
use crate::score::{Score, ScoreOptions, score};
use crate::shrink::ShrinkOptions;
use crate::sim::{Links, Plan};
use crate::strategy::{Calibration, Profile, Strategy};
use crate::sweep::{Failure, Sweep, SweepOptions};
use crate::testing::{Replayed, Updated};

pub(super) trait AnySystem {
    /// Where plans that fail are saved, if the command line does not say.
    fn snapshots(&self) -> &Path;
    /// After how long in one step a run counts as one that never ends, if the command line does not say.
    fn hangs_after(&self) -> Option<Duration>;
    /// Worlds of other sizes may not reach what the system's own must.
    fn set_nodes(&mut self, counts: RangeInclusive<usize>);
    fn profile(&self) -> &Profile;
    /// What quiet worlds of the system have shown.
    fn calibration(&self) -> &Calibration;
    /// Worlds of another profile may not reach what the system's own must.
    fn set_profile(&mut self, profile: Profile);
    fn set_strategy(&mut self, strategy: Strategy);
    fn set_feedback(&mut self, feedback: bool);
    fn score(&self, options: &ScoreOptions, progress: &(dyn Fn(u64) + Sync)) -> Score;
    fn sweep(&self, options: &SweepOptions, progress: &(dyn Fn(u64) + Sync)) -> Sweep;
    fn draw_asks(&self, seed: u64, node_count: usize, request_count: usize) -> Vec<Ask>;
    fn links(&self) -> Links;
    fn explore(&self, scope: &Scope, options: &ExploreOptions, progress: &(dyn Fn(u64) + Sync)) -> Exploration;
    fn replay_file(&self, path: &Path) -> Result<Replayed, Error>;
    fn update_file(&self, path: &Path) -> Result<Updated, Error>;
    /// The failure that a replay ran into, with its twin and its pivot.
    fn explain(&self, replayed: &Replayed) -> Option<Failure>;
    fn shrink_file(&self, path: &Path, options: &ShrinkOptions) -> Result<Option<Failure>, Error>;
    /// The plan that bytes of a fuzzer stand for.
    fn plan_from_bytes(&self, data: &[u8]) -> Plan;
    fn record(&self, plan: &Plan) -> Recorded;
    fn failure_of(&self, plan: &Plan) -> Option<Failure>;
}

impl<M: StateMachine> AnySystem for Harness<M> {
    fn snapshots(&self) -> &Path {
        &self.snapshots
    }

    fn hangs_after(&self) -> Option<Duration> {
        Self::hangs_after(self)
    }

    fn calibration(&self) -> &Calibration {
        Self::calibration(self)
    }

    fn set_nodes(&mut self, counts: RangeInclusive<usize>) {
        self.worlds_mut().node_counts = counts;
        self.must_reach.clear();
    }

    fn profile(&self) -> &Profile {
        &self.worlds.profile
    }

    fn set_profile(&mut self, mut profile: Profile) {
        // Whether faults wait for moments is the system's affair, unless the profile says.
        profile.moments_permille = profile.moments_permille.or(self.worlds.profile.moments_permille);
        if profile != self.worlds.profile {
            self.must_reach.clear();
        }
        self.worlds_mut().profile = profile;
    }

    fn set_strategy(&mut self, strategy: Strategy) {
        self.worlds_mut().strategy = strategy;
    }

    fn set_feedback(&mut self, feedback: bool) {
        self.feedback = feedback;
    }

    fn score(&self, options: &ScoreOptions, progress: &(dyn Fn(u64) + Sync)) -> Score {
        score(self, options, progress)
    }

    fn sweep(&self, options: &SweepOptions, progress: &(dyn Fn(u64) + Sync)) -> Sweep {
        self.sweep_with(options, progress)
    }

    fn draw_asks(&self, seed: u64, node_count: usize, request_count: usize) -> Vec<Ask> {
        Harness::draw_asks(self, seed, node_count, request_count)
    }

    fn links(&self) -> Links {
        self.worlds().links
    }

    fn explore(&self, scope: &Scope, options: &ExploreOptions, progress: &(dyn Fn(u64) + Sync)) -> Exploration {
        explore_with(self, scope, options, progress)
    }

    fn replay_file(&self, path: &Path) -> Result<Replayed, Error> {
        Harness::replay_file(self, path)
    }

    fn update_file(&self, path: &Path) -> Result<Updated, Error> {
        Harness::update_file(self, path)
    }

    fn explain(&self, replayed: &Replayed) -> Option<Failure> {
        let mut failure = replayed.failure()?;
        failure.explain(self);
        Some(failure)
    }

    fn shrink_file(&self, path: &Path, options: &ShrinkOptions) -> Result<Option<Failure>, Error> {
        Harness::shrink_file(self, path, options)
    }

    fn plan_from_bytes(&self, data: &[u8]) -> Plan {
        Harness::plan_from_bytes(self, data)
    }

    fn record(&self, plan: &Plan) -> Recorded {
        Harness::record(self, plan)
    }

    fn failure_of(&self, plan: &Plan) -> Option<Failure> {
        Harness::failure_of(self, plan)
    }
}
