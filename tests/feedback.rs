//! Sweeps with feedback: they find what a long way leads to, the same whatever the number of threads, and it can be seen again.
#![cfg(feature = "harness")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::score::{Score, ScoreOptions, score};
use distributed_data_consistency::strategy::{Profile, Strategy};
use distributed_data_consistency::sweep::{Seeds, Sweep, SweepOptions};
use distributed_data_consistency::testing::save;

const RUNGS: [&str; 5] = ["ground", "first rung", "second rung", "third rung", "top"];

/// Climbs a rung for each message that came twice, beginning with the first, as long as none came only once.
#[derive(Default)]
struct Climber {
    sent: u64,
    came: BTreeSet<u64>,
    twice: BTreeSet<u64>,
}

impl Climber {
    fn height(&self) -> usize {
        (0..).take_while(|number| self.twice.contains(number)).count()
    }
}

impl StateMachine for Climber {
    type Message = u64;
    type Timer = ();
    type Request = bool;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, number: u64, env: &mut Env<'_, Self>) {
        if !self.came.insert(number) {
            self.twice.insert(number);
        }
        env.mark(RUNGS[self.height().min(4)]);
    }

    fn on_request(&mut self, _id: RequestId, _asked: bool, env: &mut Env<'_, Self>) {
        env.broadcast(&self.sent);
        self.sent += 1;
    }
}

/// In each world about a tenth of the messages come twice: one world in some thousands leads to the top.
fn climber() -> Harness<Climber> {
    Harness::new("climber", |_| Climber::default())
        .nodes(2..=2)
        .requests(|rng| rng.chance(500))
        .request_counts(8..=12)
        .profile(Profile { fixed_mix: true, ..Profile::lossy() })
        .strategy(Strategy::Uniform)
        .always("below the top", |nodes| match nodes.up().find(|(_, node)| node.height() > 3) {
            Some((id, _)) => Err(format!("node {id} is at the top")),
            None => Ok(()),
        })
}

fn campaigns(feedback: bool) -> Score {
    let jobs = NonZeroUsize::new(2).unwrap();
    let options = ScoreOptions { campaigns: 8, first: 0, worlds_max: 6_000, jobs, stop: Arc::default() };
    score(&climber().feedback(feedback), &options, &|_| {})
}

fn sweep(jobs: usize, worlds: u64) -> Sweep {
    let jobs = NonZeroUsize::new(jobs).unwrap();
    let options = SweepOptions { jobs, ..SweepOptions::new(Seeds::first(worlds)) };
    climber().feedback(true).sweep_with(&options, &|_| {})
}

#[test]
fn what_a_long_way_leads_to_is_found_sooner() {
    let (with, without) = (campaigns(true), campaigns(false));
    assert_eq!(with.found(), 8, "{with:?}");
    assert!(with.worlds() * 3 < without.worlds(), "{} and {} worlds", with.worlds(), without.worlds());
}

#[test]
fn a_sweep_with_feedback_does_not_depend_on_the_number_of_threads() {
    let [one, three] = [1, 3].map(|jobs| sweep(jobs, 3_000));
    let told = |sweep: &Sweep| {
        let failures = sweep.failures.iter().map(|failure| (failure.seed, failure.shrunk.plan.clone()));
        (sweep.worlds, sweep.digest, sweep.coverage, sweep.violations.clone(), failures.collect::<Vec<_>>())
    };
    assert_eq!(told(&one), told(&three));
    assert!(one.violation_count() > 0);
    let without = climber().sweep_with(&SweepOptions::new(Seeds::first(3_000)), &|_| {});
    assert_ne!(one.digest, without.digest);
}

#[test]
fn what_is_found_in_a_mutant_has_no_seed_and_its_plan_fails_again() {
    let sweep = sweep(2, 3_000);
    let failure = sweep.failures.iter().find(|failure| failure.seed.is_none()).expect("expect: a mutant failed");
    let again = climber().run(&failure.shrunk.plan);
    assert_eq!(again.violation.unwrap().check, "below the top");
    let directory = tempfile::tempdir().unwrap();
    save(failure, directory.path()).unwrap();
    climber().replay_dir(directory.path()).assert_as_expected();
}
