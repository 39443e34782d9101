//! Whole worlds: the store under every check, the textbook with and without its bugs, and the plans that once failed.
#![cfg(all(feature = "builtin", feature = "proptest"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::harness::Outcome;
use distributed_data_consistency::protocol::{Rng, StateMachine, Time};
use distributed_data_consistency::reference_store::{Bug, ReferenceStore};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::store::Node;
use distributed_data_consistency::strategy::{Profile, Strategy};
use distributed_data_consistency::sweep::{Seeds, SweepOptions};
use distributed_data_consistency::testing::plans_config;
use proptest::prelude::*;

const REPLAYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/replays");

/// Sweeps without asking the environment: these tests need the worlds they name.
fn options(worlds: u64, jobs: usize) -> SweepOptions {
    SweepOptions { jobs: NonZeroUsize::new(jobs).unwrap(), ..SweepOptions::new(Seeds::first(worlds)) }
}

#[test]
fn the_store_converges_and_keeps_exactly_the_right_siblings() {
    store().sweep(5_000).assert_clean();
}

#[test]
fn the_textbook_without_a_bug_is_right() {
    textbook(None).sweep(3_000).assert_clean();
}

/// Whatever the worlds of the planted bugs have: pauses, a majority that heals alone, disks that are lost.
#[test]
fn the_textbook_without_a_bug_stands_the_worst() {
    for strategy in [Strategy::Swarm, Strategy::Portfolio] {
        let worst = Profile { wipe_permille: 300, ..Profile::harsh() };
        let sweep = textbook(None).profile(worst).strategy(strategy).sweep_with(&options(500, 2), &|_| {});
        assert!(sweep.violations.is_empty(), "{:?}", sweep.failures);
        assert!(sweep.stats.wipes > 0 && sweep.stats.pauses > 0 && sweep.stats.abandoned > 0);
    }
}

#[test]
fn larger_clusters_are_right_too() {
    store().nodes(6..=12).sweep(300).assert_clean();
    store().nodes(1..=2).sweep(500).assert_clean();
}

proptest! {
    #![proptest_config(plans_config(512))]

    #[test]
    fn any_plan_converges_and_keeps_exactly_the_right_siblings(plan in store().plans()) {
        store().prop_assert_clean(&plan)?;
    }

    #[test]
    fn any_plan_is_right_for_those_who_are_left(plan in store().profile(Profile::harsh()).plans()) {
        store().prop_assert_clean(&plan)?;
    }

    #[test]
    fn any_plan_is_right_on_the_textbook(plan in textbook(None).plans()) {
        textbook(None).prop_assert_clean(&plan)?;
    }
}

#[test]
fn every_kind_of_fault_fires_and_siblings_are_seen() {
    let sweep = store().sweep_with(&options(300, 2), &|_| {});
    for (fault, count) in sweep.stats.faults() {
        assert!(count > 0, "{fault} never fired");
    }
    assert!(sweep.stats.marks["siblings"] > 0);
    assert!(sweep.stats.requests_lost > 0 && sweep.stats.responses > 0 && sweep.stats.timers > 0);
}

#[test]
fn milder_profiles_leave_the_harder_faults_out() {
    let faults = |profile| store().profile(profile).sweep_with(&options(200, 2), &|_| {}).stats;
    let calm = faults(Profile::calm());
    assert!(calm.reordered > 0 && calm.dropped + calm.duplicated + calm.crashes + calm.partitions + calm.cut == 0);
    let lossy = faults(Profile::lossy());
    assert!(lossy.dropped > 0 && lossy.duplicated_late > 0 && lossy.crashes + lossy.partitions + lossy.cut == 0);
}

#[test]
fn each_bug_is_found_shrunk_and_told_on_one_screen() {
    for bug in Bug::CORE {
        let sweep = textbook(Some(bug)).sweep_with(&options(300, 2), &|_| {});
        let failure = sweep.failures.first().unwrap_or_else(|| panic!("{bug} was not found"));
        assert!(failure.shrunk.plan.decision_count() <= 12, "{bug}: {:#?}", failure.shrunk.plan);
        let screen = Screen { failure, hints: &[("replay", "ddc replay FILE".to_owned())] }.to_string();
        assert!(screen.lines().count() <= 36, "{bug}:\n{screen}");
        assert!(screen.lines().all(|line| line.chars().count() <= 80), "{bug}:\n{screen}");
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
            description => format!("ddc sweep --system textbook --bug {bug} --seeds 300"),
        }, {
            insta::assert_snapshot!(format!("screen-{bug}"), screen);
        });
    }
}

#[test]
fn old_failures_stay_fixed() {
    // What has failed so far were planted bugs, and the store.
    store().replay_dir(REPLAYS).assert_clean();
    textbook(None).replay_dir(REPLAYS).allow_empty().assert_clean();
}

#[test]
fn planted_bugs_fail_as_they_did() {
    for bug in Bug::all() {
        let replays = textbook(Some(bug)).replay_dir(REPLAYS);
        assert!(!replays.replayed.is_empty(), "no plan of {bug} is saved");
        replays.assert_as_expected();
    }
}

#[test]
fn the_right_versions_pass_the_plans_of_the_planted_bugs() {
    for bug in Bug::all() {
        for replayed in textbook(Some(bug)).replay_dir(REPLAYS).replayed {
            let path = replayed.path.display();
            // The store relies on its disk.
            let store = (bug != Bug::NewDisk).then(|| store().run(&replayed.file.plan));
            assert!(store.as_ref().is_none_or(Outcome::is_clean), "{path} fails on the store: {store:?}");
            let textbook = textbook(None).run(&replayed.file.plan);
            assert!(textbook.is_clean(), "{path} fails on the textbook: {:?}", textbook.violation);
        }
    }
}

/// The plan that a seed's run writes down is that run.
fn assert_recorded<M: StateMachine>(harness: &Harness<M>, seed: u64) {
    let (first, again, recorded) = (harness.run_seed(seed), harness.run_seed(seed), harness.record_seed(seed));
    let replayed = harness.record(&recorded.plan);
    for outcome in [&again, &recorded.outcome, &replayed.outcome] {
        assert_eq!(outcome.digest, first.digest, "seed {seed}");
        assert_eq!(outcome.stats, first.stats, "seed {seed}");
        assert_eq!(outcome.violation.is_some(), first.violation.is_some(), "seed {seed}");
    }
    assert_eq!(replayed.trace.events, recorded.trace.events, "seed {seed}");
    assert_eq!(replayed.plan.fates, recorded.plan.fates, "seed {seed}");
}

#[test]
fn a_world_runs_the_same_again_and_from_its_recorded_plan() {
    for seed in 0..300 {
        assert_recorded(&store(), seed);
        assert_recorded(&textbook(Some(Bug::ZipCompare)), seed);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let sweep = |jobs| textbook(Some(Bug::DotReuse)).sweep_with(&options(500, jobs), &|_| {});
    let (one, three) = (sweep(1), sweep(3));
    assert_eq!((one.digest, &one.stats, &one.violations), (three.digest, &three.stats, &three.violations));
    let plans = |sweep: &distributed_data_consistency::sweep::Sweep| -> Vec<_> {
        sweep.failures.iter().map(|failure| (failure.shrunk.plan.clone(), failure.shrunk.digest)).collect()
    };
    assert_eq!(plans(&one), plans(&three));
}

#[test]
fn shards_are_the_whole() {
    let part = |shard, shard_count| {
        let mut options = options(0, 1);
        options.seeds = Seeds { range: 10..111, shard, shard_count };
        store().sweep_with(&options, &|_| {})
    };
    let whole = part(0, 1);
    let parts: Vec<_> = (0..3).map(|shard| part(shard, 3)).collect();
    assert_eq!(parts.iter().map(|part| part.worlds).sum::<u64>(), whole.worlds);
    assert_eq!(parts.iter().fold(0, |sum: u64, part| sum.wrapping_add(part.digest)), whole.digest);
}

/// The same in debug and release, on every machine, in every version: a change here breaks the meaning of seeds, and
/// belongs in the changelog.
#[test]
fn seeds_mean_what_they_meant() {
    let digest = |name: &str| match name {
        "store" => store().sweep_with(&options(1_000, 2), &|_| {}).digest,
        _ => textbook(None).sweep_with(&options(1_000, 2), &|_| {}).digest,
    };
    let rng = &mut Rng::new(0x9f2c41, 7);
    let draws: Vec<u64> =
        vec![rng.bits64(), rng.bits().into(), rng.below(1_000), rng.between(10, 20), rng.chance(500).into()];
    let pinned = format!("store {:#018x}\ntextbook {:#018x}\nrng {draws:?}\n", digest("store"), digest("textbook"));
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
        description => "ddc sweep --seeds 1000 --json, and --system textbook",
    }, {
        insta::assert_snapshot!("digests", pinned);
    });
}

#[test]
fn what_fails_is_saved_before_the_test_panics() {
    let directory = tempfile::tempdir().unwrap();
    let harness = textbook(Some(Bug::BlindPut)).snapshots(directory.path());
    let swept = harness.sweep(50);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| swept.assert_clean())).unwrap_err();
    let told = panic.downcast::<String>().unwrap();
    assert!(told.contains("VIOLATED siblings"), "{told}");
    assert!(told.contains("cargo test what_fails_is_saved_before_the_test_panics"), "{told}");
    let saved: Vec<PathBuf> = files(directory.path());
    assert_eq!(saved.len(), 1, "{told}");
    assert!(told.contains(saved[0].to_str().unwrap()), "{told}");
    harness.replay_dir(directory.path()).assert_as_expected();

    // Found again, it is the same file; once somebody has worked on it, it stays as it is.
    let edited = format!("# understood\n{}", std::fs::read_to_string(&saved[0]).unwrap());
    std::fs::write(&saved[0], &edited).unwrap();
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| harness.sweep(50).assert_clean()));
    assert_eq!(files(directory.path()), saved);
    assert_eq!(std::fs::read_to_string(&saved[0]).unwrap(), edited);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_node_that_panics_is_a_finding() {
    let harness = Harness::new("brittle", |boot| {
        assert!(boot.durable == Default::default(), "I was never meant to restart");
        Node::boot(boot)
    });
    let sweep = harness.sweep_with(&options(200, 2), &|_| {});
    let failure = sweep.failures.first().expect("some node restarts");
    let violation = &failure.shrunk.violation;
    assert_eq!(violation.to_string(), "panic: the boot of node 0 panicked: I was never meant to restart");
    assert!(violation.breach.because[0].starts_with("at tests/worlds.rs:"), "{violation:?}");
    assert!(violation.at > Time::ZERO && violation.step > 0, "{violation:?}");
    assert_eq!((failure.shrunk.plan.decision_count(), failure.shrunk.plan.node_count), (1, 3));
}

#[test]
fn checks_of_the_right_and_of_the_wrong_agree_on_their_names() {
    // A plan file names the check: renaming one breaks saved plans.
    let names = |bug| -> Vec<String> {
        let sweep = textbook(Some(bug)).sweep_with(&options(300, 2), &|_| {});
        sweep.violations.keys().cloned().collect()
    };
    assert_eq!(names(Bug::DotReuse), ["identity", "siblings"]);
    let only_convergence = Harness::new("textbook/digest-max", |boot| ReferenceStore::boot(boot, Some(Bug::DigestMax)))
        .workload(distributed_data_consistency::kv::StoreWorkload::default())
        .check(distributed_data_consistency::check::Convergence::new());
    let sweep = only_convergence.sweep_with(&options(300, 2), &|_| {});
    assert_eq!(sweep.violations.keys().collect::<Vec<_>>(), ["convergence"]);
}
