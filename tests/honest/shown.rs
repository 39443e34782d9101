//! Text of others is shown, and does nothing else to a terminal.

use std::fmt;
use std::fs;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::sweep::{Seeds, SweepOptions};

use crate::common::{ddc, is_hostile, panic_of, text};

const HOSTILE: &str = "a\u{1b}[2J\tb\r\u{202e}c\u{9b}1m\nVIOLATED nothing";

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
    type Request = String;
    type Response = Loud;
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, _loud: Loud, env: &mut Env<'_, Self>) {
        env.mark(HOSTILE);
        self.0 = true;
    }

    fn on_request(&mut self, id: RequestId, _request: String, env: &mut Env<'_, Self>) {
        env.broadcast(&Loud);
        env.respond(id, Loud);
    }

    fn kind(_message: &Loud) -> &'static str {
        HOSTILE
    }
}

fn harness() -> Harness<Node> {
    Harness::new(format!("loud {HOSTILE}"), |_| Node(false))
        .requests(|_| HOSTILE.to_owned())
        .knob(HOSTILE, 1..=3)
        .must_reach(["no such\u{1b} mark"])
        .always(HOSTILE, |nodes| match nodes.up().any(|(_, node)| node.0) {
            true => Err(format!("heard {HOSTILE}")),
            false => Ok(()),
        })
}

#[track_caller]
fn harmless(shown: &str) {
    let at = shown.find(is_hostile);
    assert!(at.is_none(), "{:?}\n{shown:?}", at.map(|at| &shown[at..]));
    assert!(!shown.lines().any(|line| line.starts_with("VIOLATED nothing")), "{shown}");
}

#[test]
fn whatever_a_system_says_is_written_out() {
    let directory = tempfile::tempdir().unwrap();
    let sweep = harness().sweep_with(&SweepOptions::new(Seeds::first(30)), &|_| {});
    let failure = &sweep.failures[0];
    let screen = Screen { failure, hints: &[("saved", HOSTILE.to_owned())] }.to_string();
    harmless(&screen);
    assert!(screen.contains("\\u{1b}[2J") && screen.contains("\\u{202e}"), "{screen}");
    assert!(screen.lines().count() <= 40 && screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    failure.trace.lines().iter().for_each(|line| {
        harmless(line);
        assert!(!line.contains('\n'), "{line:?}");
    });
    harmless(&harness().snapshot(&failure.shrunk.plan));
    harmless(&failure.shrunk.violation.to_string());
    let at_home = || harness().snapshots(directory.path());
    harmless(&panic_of(|| at_home().sweep(30).assert_clean()));
    harmless(&panic_of(|| at_home().run(&failure.shrunk.plan).assert_clean()));
    let replays = at_home().replay_dir(directory.path());
    assert_eq!(replays.replayed.len(), 1);
    replays.assert_as_expected();
    harmless(&replays.to_string());
    harmless(&panic_of(|| at_home().replay_dir(directory.path()).assert_clean()));
    let calm = Harness::new(HOSTILE, |_| Node(false)).must_reach(["no such\u{1b} mark"]);
    harmless(&calm.sweep_with(&SweepOptions::new(Seeds::first(1_000)), &|_| {}).tell_unreached().unwrap());
    harmless(&panic_of(|| calm.replay_dir(directory.path()).assert_clean()));
}

/// What a file that was written before holds is no other run.
#[test]
fn a_trace_that_holds_more_than_is_shown_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let failure = harness()
        .failure_of(&harness().sweep_with(&SweepOptions::new(Seeds::first(30)), &|_| {}).failures[0].shrunk.plan);
    let path = distributed_data_consistency::testing::save(&failure.unwrap(), directory.path()).unwrap();
    let mut replayed = harness().replay_file(&path).unwrap();
    replayed.file.digest = Some(1);
    for line in &mut replayed.file.trace {
        *line = line.replace("\\u{1b}", "\u{1b}").replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r");
    }
    assert_eq!(replayed.divergence().unwrap().event, None, "no event differs");
}

#[test]
fn errors_about_files_are_written_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a\u{1b}[31m\u{202e}b\nc.toml");
    for contents in [
        "format = 1\nsystem = \"a\\u001b\\u202e\"\nexpect = \"clean\"\nnodes = 1\n",
        "format = 1\nsystem = \"store\"\nexpect = \"clean\"\nnodes = 1\n[[request]]\nat = \"1ms\"\nnode = 0\n\"\\u001b\\u202e\" = 1\n",
        "\u{1b} = \u{202e}",
        "format = 1\n\"\\u001b\" = 3",
    ] {
        fs::write(&path, contents).unwrap();
        let run = ddc(&["replay", text(&path)]);
        assert_eq!(run.code, 2, "{}", run.out);
        assert_eq!(run.err.lines().count(), 1, "{:?}", run.err);
        harmless(&run.err);
    }
    fs::write(&path, "format = 1\nsystem = \"store\"\nexpect = \"clean\"\nnodes = 1\n").unwrap();
    let run = ddc(&["replay", text(&path)]);
    assert_eq!((run.code, run.out.lines().count()), (0, 1), "{}{}", run.out, run.err);
    harmless(&run.out);
    let unknown = ddc(&["sweep", "--system", "a\u{1b}\u{202e}\nb"]);
    assert_eq!((unknown.code, unknown.err.lines().count()), (2, 1), "{}", unknown.err);
    harmless(&unknown.err);
}
