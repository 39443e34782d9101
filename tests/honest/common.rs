//! A system to ask things of, and `ddc`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{Action, Plan, PlannedRequest};

/// Tells every number that it is asked to all others; `broken` once another has heard one.
pub(crate) struct Tells {
    heard: bool,
}

impl StateMachine for Tells {
    type Message = u8;
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, _number: u8, _env: &mut Env<'_, Self>) {
        self.heard = true;
    }

    fn on_request(&mut self, id: RequestId, number: u8, env: &mut Env<'_, Self>) {
        env.broadcast(&number);
        env.respond(id, ());
    }

    fn kind(_message: &u8) -> &'static str {
        "number"
    }
}

/// Without a check.
pub(crate) fn tells() -> Harness<Tells> {
    Harness::new("tells", |_| Tells { heard: false }).requests(|rng| rng.below(9) as u8)
}

/// Violates `broken` as soon as a message is heard.
pub(crate) fn broken() -> Harness<Tells> {
    tells().always("broken", |nodes| match nodes.up().any(|(_, node)| node.heard) {
        true => Err("somebody heard".to_owned()),
        false => Ok(()),
    })
}

pub(crate) fn request(at_ms: u64, node: usize, number: u8) -> PlannedRequest {
    PlannedRequest::new(Time::from_millis(at_ms), NodeId::new(node), Action::new(number))
}

/// Node 0 is asked, and node 1 hears of it.
pub(crate) fn heard() -> Plan {
    let mut plan = Plan::new(2);
    plan.requests.push(request(2, 0, 7));
    plan
}

/// What a panic says; nothing if there is none.
pub(crate) fn panic_of<T>(act: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(_) => String::new(),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => payload.downcast_ref::<&str>().map(|text| (*text).to_owned()).unwrap_or_default(),
        },
    }
}

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(command: &mut Command) -> Run {
    let output = command.output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("what is printed is text");
    Run { code: output.status.code().expect("it ends by itself"), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn ddc(arguments: &[&str]) -> Run {
    run(Command::new(env!("CARGO_BIN_EXE_ddc")).args(arguments))
}

/// Another process of this test program that runs one test, with these variables.
pub(crate) fn test_with(test: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env("RUST_BACKTRACE", "0");
    for name in ["DDC_SEED", "DDC_SEEDS", "DDC_SHARD", "DDC_JOBS", "DDC_SNAPSHOTS", "PROPTEST_CASES"] {
        command.env_remove(name);
    }
    run(command.envs(variables.iter().copied()))
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}

/// A directory that nobody can make: it would lie within a file.
pub(crate) fn nowhere(directory: &Path) -> String {
    let file = directory.join("file");
    std::fs::write(&file, "in the way").unwrap();
    text(&file.join("below")).to_owned()
}

/// Whether a terminal would do something else with it than show it.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
