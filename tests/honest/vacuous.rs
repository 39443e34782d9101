//! Nothing that was run is no success.

use std::fs;
use std::path::Path;

use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::sweep::{Seeds, SweepOptions};
use distributed_data_consistency::testing::Replays;

use crate::common::{broken, ddc, panic_of, tells, test_with, text};

const REPLAYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/replays");

#[track_caller]
fn both_fail(replays: &Replays, says: &[&str]) {
    for told in [panic_of(|| replays.assert_clean()), panic_of(|| replays.assert_as_expected())] {
        assert!(!told.is_empty() && says.iter().all(|says| told.contains(says)), "{says:?}: {told:?}");
    }
}

/// A plan of `tells`, and whether its run must violate `broken`.
fn write(directory: &Path, system: &str, expect: &str) {
    let plan = format!(
        "format = 1\nsystem = \"{system}\"\n{expect}\nnodes = 2\n\n[[request]]\nat = \"2ms\"\nnode = 0\naction = 7\n"
    );
    fs::write(directory.join(format!("{system}.toml")), plan).unwrap();
}

#[test]
fn a_directory_that_is_not_there_fails_whoever_allows_what() {
    both_fail(&tells().replay_dir("no/such/directory"), &["no/such/directory: expected a directory", "seen from /"]);
    both_fail(&tells().replay_dir("no/such/directory").allow_empty(), &["no/such/directory"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    both_fail(&tells().replay_dir(&file), &["expected a directory"]);
}

#[test]
fn a_directory_without_a_plan_of_the_system_fails_unless_that_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    both_fail(&tells().replay_dir(path), &["0 plans of \"tells\" replayed", "allow_empty"]);
    tells().replay_dir(path).allow_empty().assert_clean();
    write(path, "renamed", "expect = \"clean\"");
    both_fail(&tells().replay_dir(path), &["0 plans of \"tells\" replayed", "1 of \"renamed\""]);
    tells().replay_dir(path).allow_empty().assert_as_expected();
    write(path, "tells", "expect = \"clean\"");
    let replays = tells().replay_dir(path);
    replays.assert_clean();
    assert!(replays.to_string().starts_with("1 plan of \"tells\" replayed from "), "{replays}");
    assert!(replays.to_string().ends_with("passed over: 1 of other systems"), "{replays}");
}

/// What is expected may change; what is broken is never allowed.
#[test]
fn allowing_nothing_allows_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "tells", "expect = \"clean\"");
    let told = panic_of(|| broken().replay_dir(directory.path()).allow_empty().assert_clean());
    assert!(told.contains("violates a check: broken: somebody heard"), "{told}");
}

#[test]
fn a_request_that_no_longer_parses_fails() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "tells", "expect = \"clean\"");
    let path = directory.path().join("tells.toml");
    let renamed = fs::read_to_string(&path).unwrap().replace("action = 7", "tell = { number = 7 }");
    fs::write(&path, renamed).unwrap();
    both_fail(
        &tells().replay_dir(directory.path()).allow_empty(),
        &["tells.toml:9: expected an action of this system"],
    );
}

#[test]
fn a_sweep_of_nothing_fails() {
    for told in [panic_of(|| tells().sweep(0).assert_clean()), panic_of(|| tells().verify(0).assert_clean())] {
        assert!(told.contains("no world of \"tells\" was run: expected at least 1 world"), "{told:?}");
    }
    let options = SweepOptions::new(Seeds { range: 0..5, shard_count: 8, shard: 7 });
    assert!(!tells().sweep_with(&options, &|_| {}).is_clean());
    options.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let options = SweepOptions { seeds: Seeds::first(5), ..options };
    assert!(!tells().sweep_with(&options, &|_| {}).is_clean(), "stopped before the first");
}

/// Clean by itself; the next test runs it with an environment in which there is nothing to run.
#[test]
fn a_sweep_of_five() {
    tells().sweep(5).assert_clean();
}

/// As the one before.
#[test]
fn three_plans() {
    tells().snapshots("no/such/directory").check_plans(3);
}

#[test]
fn an_environment_that_leaves_nothing_to_run_fails() {
    for (test, variable, value, says) in [
        ("vacuous::a_sweep_of_five", "DDC_SEEDS", "0", "DDC_SEEDS=0: expected a number above 0"),
        ("vacuous::a_sweep_of_five", "DDC_SHARD", "7/8", "shard 7/8 of 5 has none"),
        ("vacuous::three_plans", "PROPTEST_CASES", "0", "PROPTEST_CASES=0: expected a number above 0"),
    ] {
        let run = test_with(test, &[(variable, value)]);
        assert!(run.code != 0 && run.err.contains(says), "{variable}={value}: {}{}", run.out, run.err);
        assert_eq!(test_with(test, &[]).code, 0, "{test}");
    }
    let last = test_with("vacuous::a_sweep_of_five", &[("DDC_SEED", "0xffffffffffffffff"), ("DDC_SHARD", "4/5")]);
    assert_eq!(last.code, 0, "{}{}", last.out, last.err);
}

#[test]
fn properties_of_no_case_fail() {
    let told = panic_of(|| tells().snapshots("no/such/directory").check_plans(0));
    assert!(told.contains("cases: expected at least 1 plan"), "{told}");
}

#[test]
fn a_saved_plan_that_fails_is_told_as_a_failure_is() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "tells", "expect = \"clean\"");
    let harness = || broken().snapshots(directory.path());
    for told in [
        panic_of(|| harness().replay_dir(directory.path()).assert_clean()),
        panic_of(|| harness().replay_dir(directory.path()).assert_as_expected()),
        panic_of(|| harness().check_plans(3)),
    ] {
        for says in
            ["VIOLATED broken: somebody heard", "←0 7", "plan     ", "tells.toml\nreplay   cargo test vacuous::"]
        {
            assert!(told.contains(says), "{says}: {told}");
        }
    }
}

#[test]
fn what_no_longer_fails_is_not_as_its_file_tells() {
    let directory = tempfile::tempdir().unwrap();
    let saved = textbook(Some(Bug::BlindPut)).replay_dir(REPLAYS).replayed;
    let plan = fs::read_to_string(&saved[0].path).unwrap();
    let without_digest: Vec<&str> = plan.lines().filter(|line| !line.starts_with("digest")).collect();
    let check = |text: String, code, says: &str| {
        let path = directory.path().join("plan.toml");
        fs::write(&path, text).unwrap();
        let run = ddc(&["replay", self::text(&path)]);
        assert_eq!(run.code, code, "{}{}", run.out, run.err);
        assert!(run.out.contains(says), "{}", run.out);
    };
    let plan = without_digest.join("\n");
    check(plan.clone(), 1, "violates siblings again");
    check(plan.replace("textbook/blind-put", "textbook"), 3, "clean, no longer violates siblings");
    check(plan.replace("violates = \"siblings\"", "violates = \"identity\""), 3, "violates siblings, not identity");
    check(plan.replace("violates = \"siblings\"", "expect = \"clean\""), 1, "violates siblings, expected clean");
    let path = directory.path().join("plan.toml");
    fs::write(&path, plan.replace("textbook/blind-put", "store")).unwrap();
    let run = ddc(&["shrink", text(&path)]);
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert!(run.out.ends_with("clean, no longer violates siblings: there is nothing to shrink\n"), "{}", run.out);
    store().replay_dir(REPLAYS).allow_empty().assert_clean();
}
