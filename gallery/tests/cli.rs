//! The command line of several systems with their bugs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;

/// The exit code, and what is printed.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ddc-gallery")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_bug_is_found_saved_and_replayed_by_its_name() {
    let directory = std::env::temp_dir().join(format!("ddc-gallery-{}", std::process::id()));
    let out = directory.to_str().unwrap();
    let sweep = ["sweep", "--system", "crdts", "--bug", "merge-adds", "--seeds", "20", "--out", out];
    let (code, told, _) = run(&sweep);
    assert_eq!(code, 1, "{told}");
    let plan = fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
    assert!(fs::read_to_string(&plan).unwrap().contains("system = \"crdts/merge-adds\""));
    let (code, told, _) = run(&["replay", plan.to_str().unwrap()]);
    assert_eq!(code, 1, "{told}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_score_is_of_all_bugs_of_a_system_by_the_strategies_that_are_named() {
    let score = ["score", "--system", "crdts", "--campaigns", "1", "--worlds", "50", "--strategy", "uniform,portfolio"];
    let (code, told, _) = run(&score);
    assert_eq!(code, 0, "{told}");
    let head = told.lines().nth(1).unwrap();
    assert_eq!(head.split_whitespace().collect::<Vec<_>>(), ["uniform", "portfolio", "found", "by"], "{told}");
    for bug in ddc_gallery::crdts::Bug::ALL {
        assert_eq!(told.lines().filter(|line| line.starts_with(&bug.to_string())).count(), 1, "{told}");
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let (code, _, told) = run(&["sweep", "--system", "zab"]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("there is no system \"zab\": expected raft, paxos, "), "{told}");
    let (code, _, told) = run(&["sweep", "--system", "raft", "--bug", "all"]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("expected one of vote-not-persisted, "), "{told}");
}
