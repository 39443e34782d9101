//! `ddc demo` as a newcomer meets it. What it says does not depend on the timing of its threads.
#![cfg(all(feature = "builtin", feature = "cli"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Exit code, standard output, standard error.
fn demo(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ddc"))
        .arg("demo")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ddc runs");
    // Whoever does not read it is no error.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn check(input: &str, expected: &str) {
    let (code, out, err) = demo(&[], input);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert_eq!(out, expected);
}

#[test]
fn the_tour_is_the_same_each_time() {
    let (code, tour, err) = demo(&["--tour"], "");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(tour.lines().all(|line| line.chars().count() <= 80), "it fits on a screen");
    insta::with_settings!({ snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"), prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("demo-tour", tour);
    });
}

#[test]
fn siblings_appear_and_are_settled() {
    check(
        "cut 0 1\ncut 1 2\nput 0 cart bread\nput 1 cart milk\nget 2 cart\nheal 0 1\nget 2 cart\nresolve 0 cart\nheal\nget 2 cart\n",
        "> cut 0 1\n  nodes 0 and 1 no longer hear each other\n\
         > cut 1 2\n  nodes 1 and 2 no longer hear each other\n\
         > put 0 cart bread\n  node 0 has cart = {bread}\n\
         > put 1 cart milk\n  node 1 has cart = {milk}\n\
         > get 2 cart\n  cart = {bread}\n\
         > heal 0 1\n  nodes 0 and 1 hear each other\n\
         > get 2 cart\n  cart = {bread} | {milk}    2 siblings\n\
         > resolve 0 cart\n  node 0 has cart = {bread milk}\n\
         > heal\n  all links work\n\
         > get 2 cart\n  cart = {bread milk}\n",
    );
}

/// Nobody else had it: that is what an acknowledgement is worth.
#[test]
fn what_only_a_crashed_node_had_is_gone() {
    check(
        "cut 2\nput 2 cart bread\ncrash 2\nheal\nrestart 2\nget 2 cart\ncrash 2\nput 2 cart milk\nquit\nget 0 cart",
        "> cut 2\n  node 2 is cut off\n\
         > put 2 cart bread\n  node 2 has cart = {bread}\n\
         > crash 2\n  node 2 is down, and has forgotten everything\n\
         > heal\n  all links work\n\
         > restart 2\n  node 2 is up\n\
         > get 2 cart\n  cart = nothing\n\
         > crash 2\n  node 2 is down, and has forgotten everything\n\
         > put 2 cart milk\n  node 2 is down\n",
    );
}

#[test]
fn a_wrong_line_is_named() {
    let (code, out, err) = demo(&[], "put 0 cart bread\nput 9 cart milk\n");
    assert_eq!((code, err.as_str()), (2, "error: standard input:2: \"9\": expected a node from 0 to 2\n"), "{out}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script.txt");
    fs::write(&path, "# nothing\n\nfly\n").unwrap();
    let path = path.to_str().unwrap();
    let (code, out, err) = demo(&["--script", path], "");
    assert_eq!((code, out.as_str()), (2, "# nothing\n"));
    assert_eq!(err, format!("error: {path}:3: there is no command \"fly\": \"help\" lists them\n"));
    let (code, _, err) = demo(&["--script", "/nowhere/at/all"], "");
    assert!(code == 2 && err.starts_with("error: /nowhere/at/all: "), "{err}");
}

#[test]
fn no_input_is_told_of_the_tour() {
    let (code, _, err) = demo(&[], "");
    assert!(code == 2 && err.contains("--tour"), "{err}");
}
