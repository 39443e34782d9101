//! Settings that no world can have are refused where they are said.

use std::time::Duration;

use distributed_data_consistency::model_check::Scope;
use distributed_data_consistency::report::diagram;
use distributed_data_consistency::sim::Plan;
use distributed_data_consistency::strategy::Profile;
use distributed_data_consistency::sweep::{Seeds, SweepOptions};

use crate::common::{ddc, heard, panic_of, tells};

#[track_caller]
fn refused<T>(setting: &str, act: impl FnOnce() -> T) {
    let told = panic_of(act);
    assert!(told.contains(setting) && told.contains("expected"), "{setting}: {told:?}");
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
fn ranges_that_hold_nothing_are_refused() {
    refused("nodes", || tells().nodes(5..=3));
    refused("nodes", || tells().nodes(0..=0));
    refused("nodes", || tells().nodes(0..=3));
    refused("nodes", || tells().nodes(1..=5_000));
    refused("request_counts", || tells().request_counts(9..=2));
    refused("request_counts", || tells().request_counts(1..=u32::MAX));
    refused("step_count_max", || tells().step_count_max(0));
    refused("Scope", || Scope::new(0, Vec::new()));
    refused("Scope", || Scope::new(9, Vec::new()));
    assert_eq!(panic_of(|| tells().nodes(1..=4_096).request_counts(0..=0).step_count_max(1)), "");
}

#[test]
fn profiles_of_no_world_are_refused() {
    let hostile = Profile::hostile;
    let profiles = [
        ("delay_permille", Profile { delay_permille: 1_001, ..hostile() }),
        ("drop_permille", Profile { drop_permille: u32::MAX, ..hostile() }),
        ("duplicate_permille", Profile { duplicate_permille: 1_001, ..hostile() }),
        ("late_permille", Profile { late_permille: 1_001, ..hostile() }),
        ("partition_permille", Profile { partition_permille: 1_001, ..hostile() }),
        ("one_way_permille", Profile { one_way_permille: 1_001, ..hostile() }),
        ("crash_permille", Profile { crash_permille: 1_001, ..hostile() }),
        ("in_step_permille", Profile { in_step_permille: 1_001, ..hostile() }),
        ("wipe_permille", Profile { wipe_permille: 1_001, ..hostile() }),
        ("pause_permille", Profile { pause_permille: 1_001, ..hostile() }),
        ("core_permille", Profile { core_permille: 1_001, ..hostile() }),
        ("knob_permille", Profile { knob_permille: 1_001, ..hostile() }),
        ("faults_max", Profile { faults_max: 0, ..hostile() }),
        ("faults_max", Profile { faults_max: u32::MAX, ..hostile() }),
        ("hostile_max", Profile { hostile_max: Duration::ZERO, ..hostile() }),
        ("hostile_max", Profile { hostile_max: Duration::MAX, ..hostile() }),
        ("delay_max", Profile { delay_max: Duration::MAX, ..hostile() }),
        ("late_max", Profile { late_max: Duration::from_secs(4_000), ..hostile() }),
    ];
    for (field, profile) in profiles {
        refused(field, || tells().profile(profile));
    }
}

/// The draw of delays holds what the longest allowed are.
#[test]
fn worlds_may_be_slow() {
    let hour = Duration::from_secs(3_600);
    let slow = Profile { delay_max: hour, late_max: hour, hostile_max: hour, ..Profile::hostile() };
    let options = SweepOptions::new(Seeds::first(100));
    assert_eq!(tells().profile(slow).sweep_with(&options, &|_| {}).worlds, 100);
}

#[test]
fn two_checks_of_one_name_are_refused() {
    refused("twice", || tells().always("twice", |_| Ok(())).at_rest("twice", |_| Ok(())));
    for kept in ["determinism", "panic", "reach", "rest"] {
        refused(kept, || tells().always(kept, |_| Ok(())));
    }
}

#[test]
fn sweeps_that_cannot_be_are_refused() {
    let options = |shard, shard_count, verify_permille| {
        let seeds = Seeds { range: 0..10, shard_count, shard };
        SweepOptions { verify_permille, ..SweepOptions::new(seeds) }
    };
    refused("shard", || tells().sweep_with(&options(3, 3, 10), &|_| {}));
    refused("shard", || tells().sweep_with(&options(0, 0, 10), &|_| {}));
    refused("verify_permille", || tells().sweep_with(&options(0, 1, 1_001), &|_| {}));
}

#[test]
fn the_last_seed_is_a_world_like_any_other() {
    let last = Seeds::only(u64::MAX);
    assert_eq!((last.count(), last.get(0)), (1, u64::MAX));
    let sweep = |seed| tells().sweep_with(&SweepOptions::new(Seeds::only(seed)), &|_| {});
    let (last, before) = (sweep(u64::MAX), sweep(u64::MAX - 1));
    assert_eq!((last.worlds, before.worlds), (1, 1));
    assert_eq!(last.stats.steps, tells().run_seed(u64::MAX).stats.steps);
    assert_ne!(last.digest, before.digest);

    let digest = |arguments: &[&str]| {
        let run = ddc(&[&["sweep", "--json"], arguments].concat());
        let summary: serde_json::Value = serde_json::from_str(&run.out).expect(&run.err);
        assert_eq!(summary["runs"], 1);
        summary["digest"].clone()
    };
    let last = digest(&["--seed", "0xffffffffffffffff"]);
    assert_eq!(last, digest(&["--from", "0xffffffffffffffff", "--seeds", "1"]));
    assert_ne!(last, digest(&["--seed", "0xfffffffffffffffe"]));
}

#[test]
fn a_diagram_has_any_size() {
    let mut plan = heard();
    let trace = tells().record(&plan).trace;
    for node_count in [0, 1, 2, 9] {
        plan.node_count = node_count;
        for columns in 0..90 {
            for rows in 0..12 {
                let lines = diagram(&trace, &plan, None, columns, rows);
                let fits = |line: &String| line.chars().count() <= columns;
                assert!(lines.len() <= rows && lines.iter().all(fits), "{columns}, {rows}: {lines:#?}");
            }
        }
    }
    let none = Plan::new(0);
    assert!(!diagram(&tells().record(&none).trace, &none, None, 80, 40).is_empty());
}

#[test]
fn arguments_that_cannot_be_are_refused() {
    for arguments in [
        &["sweep", "--seeds", "0"][..],
        &["sweep", "--seeds", "5", "--shard", "7/8"],
        &["sweep", "--seed", "5", "--shard", "0/8"],
        &["sweep", "--jobs", "1000000000"],
        &["sweep", "--from", "0xffffffffffffffff", "--seeds", "2"],
        &["explore", "--requests", "0"],
        &["explore", "--requests", "99999999999999"],
        &["explore", "--requests", "2", "--seeds", "0"],
        &["explore", "--states", "0"],
        &["explore", "--jobs", "0"],
        &["shrink", "x.toml", "--runs", "0"],
        &["score", "--campaigns", "0"],
        &["demo", "--nodes", "0"],
    ] {
        let run = ddc(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}\n{}", run.err);
        assert!(run.err.starts_with("error: ") && !run.err.contains("panicked"), "{arguments:?}\n{}", run.err);
    }
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "# nothing to do\n\n").unwrap();
    let run = ddc(&["demo", "--script", script.to_str().unwrap()]);
    assert_eq!((run.code, run.err.contains("expected commands, found none")), (2, true), "{}", run.err);
    let run = ddc(&["explore", "--requests", "1", "--seed", "0xffffffffffffffff", "--seeds", "2", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(summary["request_sets"], 2, "{summary}");
}
