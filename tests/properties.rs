//! Proptest and insta as their users know them: plans that proptest draws and we shrink, and traces as snapshots.
#![cfg(all(feature = "builtin", feature = "proptest"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::reference_store::{Bug, ReferenceStore};
use distributed_data_consistency::sim::Plan;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// What a failing test tells.
fn told(test: impl FnOnce()) -> String {
    *panic::catch_unwind(AssertUnwindSafe(test)).unwrap_err().downcast::<String>().unwrap()
}

fn planted(directory: &Path) -> Harness<ReferenceStore> {
    textbook(Some(Bug::BlindPut)).snapshots(directory)
}

#[test]
fn a_plan_that_proptest_draws_is_shrunk_by_us_saved_and_tried_first_from_then_on() {
    let directory = tempfile::tempdir().unwrap();
    let first = told(|| planted(directory.path()).check_plans(2_000));
    assert!(first.contains("VIOLATED siblings: "), "{first}");
    assert!(first.contains("saved    "), "{first}");
    let replays = planted(directory.path()).replay_dir(directory.path());
    assert_eq!(replays.replayed.len(), 1);
    let plan = &replays.replayed[0].file.plan;
    assert!(plan.decision_count() <= 4, "{plan:#?}");
    replays.assert_as_expected();
    // Found at once, before anything is drawn.
    let again = told(|| planted(directory.path()).check_plans(0));
    assert!(again.contains(&replays.replayed[0].path.display().to_string()), "{again}");
    // With the bug fixed, the same file is tried, and clean.
    textbook(None).snapshots(directory.path()).check_plans(32);
}

#[test]
fn in_a_property_test_the_first_screen_is_the_message() {
    let directory = tempfile::tempdir().unwrap();
    let harness = planted(directory.path());
    let mut runner = TestRunner::deterministic();
    let mut drawn = || harness.plans().new_tree(&mut runner).unwrap().current();
    let failed = (0..2_000).find_map(|_| harness.prop_assert_clean(&drawn()).err()).expect("the bug is found");
    assert!(failed.to_string().contains("VIOLATED siblings: "), "{failed}");
    assert!(failed.to_string().contains("shrunk   "), "{failed}");
}

static CASES: AtomicU64 = AtomicU64::new(0);

/// Run by the next test, in a process of its own; by itself it has nothing to say.
#[test]
fn cases_are_counted() {
    let counting = store().always("counted", |_| Ok(())).at_rest("counted at rest", |_| {
        CASES.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    counting.snapshots("no/such/directory").check_plans(3);
    println!("{} cases", CASES.load(Ordering::Relaxed));
}

#[test]
fn proptest_cases_is_respected() {
    let run = |cases: Option<&str>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "cases_are_counted", "--nocapture"]).env_remove("PROPTEST_CASES");
        cases.into_iter().for_each(|cases| _ = command.env("PROPTEST_CASES", cases));
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.split_once(" cases")).expect("the cases are told").0.to_owned();
        line.split_whitespace().last().unwrap().parse::<u64>().unwrap()
    };
    // A few worlds more are run to learn what plans can be made of.
    let learning = run(Some("1")) - 1;
    assert_eq!((run(None) - learning, run(Some("7")) - learning), (3, 7));
}

/// The smallest saved plan of a bug.
fn saved(bug: Bug) -> Plan {
    let saved = textbook(Some(bug)).replay_dir("snapshots/replays").replayed.into_iter();
    let plans = saved.map(|replayed| replayed.file.plan);
    plans.min_by_key(Plan::decision_count).unwrap_or_else(|| panic!("no plan of {bug} is saved"))
}

#[test]
fn a_trace_is_a_snapshot_that_says_how_to_replay_it() {
    let (harness, plan) = (textbook(Some(Bug::ValueNotContext)), saved(Bug::ValueNotContext));
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
        description => harness.replay_line("ddc", &plan).unwrap(),
    }, {
        insta::assert_snapshot!("trace-value-not-context", harness.snapshot(&plan));
    });
}

#[test]
fn a_snapshot_tells_nothing_that_changes_for_no_reason() {
    let (harness, plan) = (textbook(Some(Bug::ValueNotContext)), saved(Bug::ValueNotContext));
    let snapshot = harness.snapshot(&plan);
    assert_eq!(snapshot, harness.snapshot(&plan));
    // Where a plan came from is no part of how it runs.
    assert_eq!(snapshot, harness.snapshot(&Plan { seed: plan.seed + 1, ..plan.clone() }));
    let digest = format!("{:016x}", harness.run(&plan).digest);
    assert!(!snapshot.contains(&digest) && !snapshot.contains("0x"), "{snapshot}");
}

#[test]
fn the_replay_line_names_a_file_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let harness = store().snapshots(directory.path());
    let plan = harness.record_seed(7).plan;
    let line = harness.replay_line("ddc", &plan).unwrap();
    let path = line.strip_prefix("ddc replay ").unwrap();
    let replayed = harness.replay_file(Path::new(path)).unwrap();
    assert!(replayed.is_as_expected() && replayed.divergence().is_none());
    assert_eq!(replayed.file.plan, plan);
    // One that is there is left as it is.
    std::fs::write(path, "# mine\n").unwrap();
    assert_eq!(harness.replay_line("ddc", &plan).unwrap(), line);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "# mine\n");
}
