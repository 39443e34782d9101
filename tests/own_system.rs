//! The command line of a system of one's own, which is not well-behaved: it prints, and what it says would do things to a terminal.
//!
//! This program is that command line, if it is called with a command, and else the tests of it, each in a process of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::env;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use serde_json::Value;

const HOSTILE: &str = "a\u{1b}[2J\tb\r\u{202e}c\u{9b}1m\u{7f}\nVIOLATED nothing";

#[derive(Clone)]
struct Loud;

impl fmt::Debug for Loud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HOSTILE)
    }
}

struct Node(bool);

impl StateMachine for Node {
    type Message = Loud;
    type Timer = ();
    type Request = u64;
    type Response = Loud;
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, _loud: Loud, env: &mut Env<'_, Self>) {
        env.mark(HOSTILE);
        self.0 = true;
    }

    fn on_request(&mut self, id: RequestId, _number: u64, env: &mut Env<'_, Self>) {
        println!("a node was asked");
        env.broadcast(&Loud);
        env.respond(id, Loud);
    }

    fn kind(_message: &Loud) -> &'static str {
        HOSTILE
    }
}

fn harness() -> Harness<Node> {
    Harness::new("loud", |_| Node(false)).nodes(2..=3).requests(|_| u64::MAX).always(HOSTILE, |nodes| {
        match nodes.up().any(|(_, node)| node.0) {
            true => Err(format!("heard {HOSTILE}")),
            false => Ok(()),
        }
    })
}

fn main() -> ExitCode {
    if env::args().nth(1).is_some_and(|command| ["sweep", "explore", "replay", "shrink"].contains(&command.as_str())) {
        return harness().cli();
    }
    hostile_text_is_written_out();
    a_replay_is_one_run();
    println!("test result: ok. 2 passed");
    ExitCode::SUCCESS
}

/// How it exits, and what it prints; what the nodes print is left out, and counted.
struct Run {
    code: i32,
    out: String,
    asked: usize,
}

fn own(arguments: &[&str]) -> Run {
    let output = Command::new(env::current_exe().unwrap()).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (asked, out): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| *line == "a node was asked");
    let out = out.iter().map(|line| format!("{line}\n")).collect();
    Run { code: output.status.code().unwrap(), out, asked: asked.len() }
}

#[track_caller]
fn harmless(shown: &str) {
    let is_hostile = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!shown.contains(is_hostile), "{shown:?}");
    assert!(!shown.lines().any(|line| line.starts_with("VIOLATED nothing")), "{shown}");
}

fn plan_in(directory: &Path) -> String {
    let mut plans = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    plans.next().expect("a plan is saved").to_str().unwrap().to_owned()
}

fn hostile_text_is_written_out() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let sweep = ["sweep", "--seeds", "20", "--out", out];
    let run = own(&sweep);
    assert_eq!(run.code, 1, "{}", run.out);
    harmless(&run.out);
    assert!(run.out.contains("VIOLATED a\\u{1b}[2J b \\u{202e}c"), "{}", run.out);
    let explore = ["explore", "--requests", "1", "--nodes", "2", "--out", out];
    harmless(&own(&explore).out);
    let plan = plan_in(directory.path());
    for replay in
        [&["replay", &plan][..], &["replay", "--explain", &plan], &["shrink", &plan], &["replay", "--update", &plan]]
    {
        let run = own(replay);
        assert!(run.code <= 1 && !run.out.is_empty(), "{replay:?}: {}", run.out);
        harmless(&run.out);
    }
    // To programs it is what it was.
    for json in [&sweep[..], &explore] {
        let run = own(&[json, &["--json"]].concat());
        harmless(&run.out);
        let summary: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(summary["failures"][0]["check"], HOSTILE, "{summary}");
    }
    let clean = own(&["sweep", "--seeds", "20", "--nodes", "1"]);
    assert_eq!(clean.code, 0, "{}", clean.out);
    harmless(&clean.out);
}

fn a_replay_is_one_run() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(own(&["sweep", "--seeds", "20", "--out", directory.path().to_str().unwrap()]).code, 1);
    let plan = plan_in(directory.path());
    let requests = fs::read_to_string(&plan).unwrap().matches("[[request]]").count();
    let run = own(&["replay", &plan]);
    assert_eq!((run.code, run.asked), (1, requests), "{}", run.out);
    assert!(run.out.contains(" replay --explain ") && !run.out.contains("\ntwin "), "{}", run.out);
    let explained = own(&["replay", "--explain", &plan]);
    assert!(explained.code == 1 && explained.asked > requests, "{} times: {}", explained.asked, explained.out);
    assert!(explained.out.contains("\ntwin     ") && !explained.out.contains("--explain"), "{}", explained.out);
}
