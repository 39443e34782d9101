//! Plan files brought up to date: what changes in them, and what does not.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use distributed_data_consistency::builtin::textbook;
use distributed_data_consistency::reference_store::Bug;
use tempfile::TempDir;

/// A failure of `textbook/value-not-context` as somebody has worked on it.
const WORKED_ON: &str = r#"# The client is faster than replication.
format = 1
system   = "textbook/value-not-context"   # planted
violates = 'siblings'                     # for now
digest = "0x058b671fc2cd014d" # of the day it was found
nodes = 2
latency = "1ms"
heal_at = "22ms"

# Two clients:
[[request]]
at = "10ms"
node = 1
put = { key = "cart", session = 0, value = "a" }

[[request]]
at = "20ms"
node = 0
put = { key = "cart", session = 0, value = "b" } # with what the first has read

[[fate]]
message = "1->0 update #1"
delay = "10ms"

[run]
# how it went
trace = '''
0ms node 0 starts
0ms node 1 starts
10ms node 1 is asked: put cart=a over nothing
10ms node 1 answers: written 1#1
20ms node 0 is asked: put cart=b over what was read
20ms node 0 answers: written 0#1
20ms node 0 marks: context used
20ms 1→0 update #1 is taken: cart=a {1:1}
'''
"#;

/// A directory with one plan file in it.
fn saved(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("siblings-2cd28b.toml");
    fs::write(&path, text).unwrap();
    (directory, path)
}

/// The file says `after` once it is up to date, and is then left alone.
#[track_caller]
fn check(before: &str, after: &str) {
    let (_directory, path) = saved(before);
    let bug = before.contains("value-not-context").then_some(Bug::ValueNotContext);
    let updated = textbook(bug).update_file(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), after);
    assert_eq!(updated.now.is_some(), before != after);
    assert!(textbook(bug).update_file(&path).unwrap().now.is_none());
    assert_eq!(fs::read_to_string(&path).unwrap(), after);
}

#[test]
fn a_file_that_tells_the_truth_is_not_touched() {
    check(WORKED_ON, WORKED_ON);
    let crlf = WORKED_ON.replace('\n', "\r\n");
    check(&crlf, &crlf);
}

#[test]
fn digest_and_trace_follow_the_run_and_all_else_stays() {
    let older = WORKED_ON
        .replace("0x058b671fc2cd014d", "0x0000000000000001")
        .replace("10ms node 1 answers: written 1#1\n", "9ms node 1 said something else\n");
    check(&older, WORKED_ON);
}

#[test]
fn another_check_is_named() {
    let before = WORKED_ON.replace("'siblings'", "\"identity\"");
    check(&before, &WORKED_ON.replace("'siblings'", "\"siblings\""));
}

#[test]
fn what_is_fixed_must_stay_clean_however_it_goes() {
    let before = WORKED_ON.replace("textbook/value-not-context", "textbook");
    let (header, _) = before.split_once("\n\n[run]").unwrap();
    let after = header
        .replace("violates = 'siblings'  ", "expect = \"clean\"  ")
        .replace("digest = \"0x058b671fc2cd014d\" # of the day it was found", "# of the day it was found");
    check(&before, &format!("{after}\n# how it went\n"));
}

#[test]
fn what_a_file_does_not_tell_it_does_not_tell_afterwards() {
    let (plan, _) = WORKED_ON.split_once("\n[run]").unwrap();
    let digest = "digest = \"0x058b671fc2cd014d\" # of the day it was found\n";
    check(plan, plan);
    check(&plan.replace(digest, ""), &plan.replace(digest, ""));
    let clean = plan.replace("textbook/value-not-context", "textbook").replace(digest, "");
    check(&clean, &clean.replace("violates = 'siblings'", "expect = \"clean\""));
}

#[test]
fn what_is_written_in_an_unusual_way_is_left_to_its_writer() {
    let before = WORKED_ON.replace("textbook/value-not-context", "textbook").replace("[run]", "[ run ]");
    let (_directory, path) = saved(&before);
    let error = textbook(None).update_file(&path);
    match error {
        // Either it is understood, or it is refused; it is never mangled.
        Ok(_) => assert!(textbook(None).update_file(&path).unwrap().now.is_none()),
        Err(error) => {
            assert!(error.to_string().ends_with("edit it by hand"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), before);
        }
    }
}

/// What `ddc replay` says of the file, and how it exits.
#[track_caller]
fn replay(arguments: &[&str], text: &str, code: i32, says: &[&str]) -> String {
    let (_directory, path) = saved(text);
    let output = Command::new(env!("CARGO_BIN_EXE_ddc")).arg("replay").args(arguments).arg(&path).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{out}");
    for line in says {
        assert!(out.contains(line), "expected {line:?} in\n{out}");
    }
    assert_eq!(out.contains("replay --update"), code == 3, "{out}");
    fs::read_to_string(&path).unwrap()
}

#[test]
fn the_exit_code_tells_whether_the_file_tells_the_truth() {
    let older = WORKED_ON
        .replace("0x058b671fc2cd014d", "0x0000000000000001")
        .replace("node 0 is asked: put cart=b over what was read", "node 0 is asked: put cart=b");
    let fixed = WORKED_ON.replace("textbook/value-not-context", "textbook");
    let clean = |text: &str| text.replace("violates = 'siblings'", "expect = \"clean\"");
    let without_digest = |text: &str| text.replace("digest = \"0x058b671fc2cd014d\"", "");

    replay(&[], WORKED_ON, 1, &["violates siblings again (digest 0x058b671fc2cd014d)"]);
    // The same failure, on another way: both sides of the first step that differs, and what to do.
    replay(
        &[],
        &older,
        3,
        &[
            "violates siblings again, but the run went another way",
            "event 5 is the first that differs, in step 4\n",
            "  then   20ms node 0 is asked: put cart=b\n",
            "  now    20ms node 0 is asked: put cart=b over what was read\n",
        ],
    );
    replay(&[], &fixed, 3, &["clean, no longer violates siblings, but the run went another way"]);
    replay(&[], &without_digest(&clean(&fixed)), 0, &["clean, as expected"]);
    // A promise that is broken is nothing to bring up to date.
    replay(&[], &without_digest(&clean(WORKED_ON)), 1, &["violates siblings, expected clean"]);

    let after = replay(&["--update"], WORKED_ON, 0, &["up to date, violates siblings again"]);
    assert_eq!(after, WORKED_ON);
    let after = replay(
        &["--update"],
        &older,
        0,
        &[
            "updated, violates siblings again",
            "digest   0x058b671fc2cd014d, not 0x0000000000000001",
            "event 5 is the first that differs",
        ],
    );
    assert!(after.contains("20ms node 0 is asked: put cart=b over what was read\n"), "{after}");
    let after = replay(
        &["--update"],
        &fixed,
        0,
        &[
            "updated, clean, no longer violates siblings",
            "expects  expect = \"clean\", not violates = \"siblings\"",
            "digest   taken out, and the trace",
        ],
    );
    replay(&[], &after, 0, &["clean, as expected"]);
}
