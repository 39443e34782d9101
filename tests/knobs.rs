//! Knobs: limits that are tiny in some worlds, and what hides behind them.
#![cfg(all(feature = "builtin", feature = "proptest"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::explain::Changed;
use distributed_data_consistency::protocol::{Boot, Env, Knobs, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::reference_store::{Bug, ReferenceStore};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::score::{ScoreOptions, score};
use distributed_data_consistency::sim::{Fault, Plan, PlannedFault};
use distributed_data_consistency::strategy::{Profile, Strategy};
use distributed_data_consistency::sweep::{Seeds, Sweep, SweepOptions};
use distributed_data_consistency::testing::plans_config;
use proptest::prelude::*;

fn sweep<M: StateMachine>(harness: &Harness<M>, worlds: u64) -> Sweep {
    harness.sweep_with(&SweepOptions::new(Seeds::first(worlds)), &|_| {})
}

fn always_shaken() -> Profile {
    Profile { knob_permille: 1_000, ..Profile::hostile() }
}

fn never_shaken() -> Profile {
    Profile { knob_permille: 0, ..Profile::hostile() }
}

fn knobs(knobs: &[(&str, u64)]) -> Knobs {
    knobs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

/// A node that does nothing but to note what it is told at its boots.
struct Asks;

impl StateMachine for Asks {
    type Message = ();
    type Timer = ();
    type Request = ();
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}
    fn on_request(&mut self, _id: RequestId, (): (), _env: &mut Env<'_, Self>) {}
}

/// What the nodes are told under a plan with these knobs, two of them and one of those twice.
fn told(set: Knobs) -> Vec<(u64, u64)> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let boot = move |boot: Boot<()>| {
        heard.lock().unwrap().push((boot.knob("batch_max", 64), boot.knob("log_max", 1_000)));
        Asks
    };
    let mut plan = Plan { knobs: set, ..Plan::new(2) };
    let fault = Fault::Crash { node: NodeId::new(1), effects: None, restart: None, wipe: true };
    plan.faults.push(PlannedFault { at: Time::from_millis(1), fault });
    assert!(Harness::new("asks", boot).run(&plan).is_clean());
    let told = told.lock().unwrap();
    told.clone()
}

#[test]
fn each_boot_of_each_node_is_told_the_same() {
    assert_eq!(told(Knobs::default()), [(64, 1_000); 3]);
    assert_eq!(told(knobs(&[("batch_max", 1), ("nobody_asks", 5)])), [(1, 1_000); 3]);
    assert_eq!(told(knobs(&[("batch_max", 0), ("log_max", u64::MAX)])), [(0, i64::MAX as u64); 3]);
}

#[test]
fn a_knob_that_nobody_asks_for_changes_nothing() {
    for seed in 0..20 {
        let plan = textbook(None).record_seed(seed).plan;
        let with = Plan { knobs: knobs(&[("nobody_asks", 0)]), ..plan.clone() };
        assert_eq!(textbook(None).run(&with).digest, textbook(None).run(&plan).digest, "{seed}");
    }
}

#[test]
fn a_system_without_knobs_draws_the_worlds_it_always_drew() {
    for strategy in Strategy::ALL {
        let digest = |profile| sweep(&textbook(None).strategy(strategy).profile(profile), 100).digest;
        assert_eq!(digest(always_shaken()), digest(never_shaken()), "{strategy}");
    }
    assert!(!format!("{:?}", Plan::new(3)).contains("knob"));
}

#[test]
fn a_shaken_world_differs_in_nothing_else() {
    for strategy in Strategy::ALL {
        let plan = |profile, seed| store().strategy(strategy).profile(profile).record_seed(seed).plan;
        for seed in 0..20 {
            let (shaken, plain) = (plan(always_shaken(), seed), plan(never_shaken(), seed));
            let drawn = |plan: &Plan| (plan.node_count, plan.heal_at, plan.requests.clone(), plan.faults.clone());
            assert_eq!(drawn(&shaken), drawn(&plain), "{strategy} {seed}");
            let is_uniform = strategy == Strategy::Uniform;
            assert_eq!((shaken.knobs.is_empty(), plain.knobs.is_empty()), (is_uniform, true), "{strategy} {seed}");
        }
    }
}

/// With limits of any size, too.
#[test]
fn what_is_right_is_clean_however_limits_are_shaken() {
    for strategy in [Strategy::Swarm, Strategy::Portfolio] {
        let worst = Profile { knob_permille: 1_000, wipe_permille: 300, ..Profile::harsh() };
        let textbook = textbook(None).knob("part_length", 1..=64).profile(worst).strategy(strategy);
        assert_eq!(sweep(&textbook, 500).violation_count(), 0, "{strategy}");
        let profile = Profile { knob_permille: 1_000, ..Profile::harsh() };
        assert_eq!(sweep(&store().profile(profile).strategy(strategy), 1_000).violation_count(), 0, "{strategy}");
    }
}

#[test]
fn each_bug_of_a_limit_needs_a_limit_that_is_met() {
    for bug in Bug::OF_LIMITS {
        let found = |harness: &Harness<ReferenceStore>| {
            let options = ScoreOptions {
                first: 0,
                campaigns: 3,
                worlds_max: 400,
                jobs: NonZeroUsize::new(2).unwrap(),
                stop: Arc::default(),
            };
            score(harness, &options, &|_| {}).found()
        };
        assert_eq!(found(&textbook(Some(bug))), 3, "{bug} is not found");
        assert_eq!(found(&textbook(Some(bug)).profile(never_shaken())), 0, "{bug} does not need it");
        assert_eq!(found(&textbook(Some(bug)).strategy(Strategy::Uniform)), 0, "{bug} is found by the baseline");
    }
}

#[test]
fn the_shrinker_leaves_the_knob_that_is_needed_and_no_other() {
    for (bug, needed) in [(Bug::FullBatch, "part_length"), (Bug::ShortLog, "log_max")] {
        // Both are shaken here, and one that nobody asks for.
        let harness = textbook(Some(bug)).knob("nobody_asks", 0..=9);
        let failing = (0..)
            .map(|seed| harness.record_seed(seed))
            .find(|run| run.plan.knobs.len() == 3 && !run.outcome.is_clean());
        let failure = harness.failure_of(&failing.unwrap().plan).unwrap();
        let plan = &failure.shrunk.plan;
        assert_eq!(plan.knobs, knobs(&[(needed, 1)]), "{bug}");
        assert!(plan.decision_count() <= 6, "{bug}: {plan:?}");
        let screen = Screen { failure: &failure, hints: &[] }.to_string();
        assert!(screen.contains(&format!("\nknobs    {needed} = 1\n")), "{screen}");
        assert!(harness.run(&Plan { knobs: Knobs::default(), ..plan.clone() }).is_clean(), "{bug}");
    }
}

/// Where nothing else is to blame, the twin is the world with the limit of production.
#[test]
fn a_limit_may_be_all_the_difference() {
    let harness = textbook(Some(Bug::FullBatch));
    let kinds = sweep(&harness, 400).failures.into_iter().filter_map(|failure| failure.twin).map(|twin| twin.changed);
    let kinds: Vec<Changed> = kinds.collect();
    assert!(kinds.iter().all(|changed| matches!(changed, Changed::Knob | Changed::Fate | Changed::Fault)), "{kinds:?}");
}

#[test]
fn bytes_hold_the_knobs_that_the_harness_declares() {
    let fuzzer = store().fuzzer();
    // A knob by its place, and how far above the smallest value; the places go round.
    for (bytes, set) in [
        (&[0, 0x10, 0, 0, 0, 2, 0][..], &[("batch_keys_max", 3)][..]),
        (&[0, 0x10, 0, 9, 9, 255, 255], &[("batch_keys_max", 8)]),
        (&[0, 0x10, 2], &[("hints_max", 0)]),
        (&[0, 0x10, 7], &[("hints_max", 0)]),
        (&[0, 0x20, 2], &[]),
    ] {
        let plan = fuzzer.plan(bytes);
        assert_eq!(plan.knobs, knobs(set), "{bytes:?}");
        assert_eq!(fuzzer.plan(&fuzzer.bytes(&plan)).knobs, plan.knobs, "{bytes:?}");
    }
    assert!(textbook(None).fuzzer().plan(&[0, 0x10, 1]).knobs.is_empty());
}

proptest! {
    #![proptest_config(plans_config(64))]

    #[test]
    fn plans_of_proptest_have_knobs_within_their_ranges(plan in store().plans()) {
        for (name, value) in plan.knobs.iter() {
            let knob = store().worlds().knobs.iter().find(|knob| knob.name == name).cloned();
            prop_assert!(knob.is_some_and(|knob| knob.range.contains(&value)));
        }
    }
}

#[test]
#[should_panic(expected = "knob \"batch_max\": expected a range up to 9223372036854775807 that is not empty")]
fn an_empty_range_is_refused() {
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let _ = textbook(None).knob("batch_max", 2..=1);
}

#[test]
#[should_panic(expected = "expected a name of 1 to 64 bytes, found knob \"\"")]
fn a_knob_without_a_name_is_refused() {
    let _ = textbook(None).knob("", 1..=2);
}
