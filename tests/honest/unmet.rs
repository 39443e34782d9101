//! Decisions that met nothing are told when a plan is replayed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::protocol::{NodeId, Time};
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::replay::{Expect, PlanFile};
use distributed_data_consistency::sim::{Fate, Fault, Link, MessageName, Plan, PlannedFault};
use distributed_data_consistency::testing::Replayed;

use crate::common::{Tells, broken, ddc, heard, request, tells, text};

fn replayed(harness: &Harness<Tells>, plan: Plan) -> Replayed {
    let directory = tempfile::tempdir().unwrap();
    let file = PlanFile { system: "tells".to_owned(), plan, expect: Expect::Clean, digest: None, trace: Vec::new() };
    harness.replay_file(&file.write_new(directory.path()).unwrap()).unwrap()
}

fn told(harness: &Harness<Tells>, plan: Plan) -> Vec<String> {
    replayed(harness, plan).unmet.iter().map(ToString::to_string).collect()
}

fn fault(at_ms: u64, fault: Fault) -> PlannedFault {
    PlannedFault { at: Time::from_millis(at_ms), fault }
}

fn crash(at_ms: u64, node: usize, effects: Option<u32>) -> PlannedFault {
    fault(at_ms, Fault::Crash { node: NodeId::new(node), effects, restart: None, wipe: false })
}

fn name(from: usize, to: usize, kind: &str, number: u32) -> MessageName {
    MessageName { link: Link::new(from, to), kind: kind.into(), number }
}

fn cut(at_ms: u64, links: &[Link]) -> PlannedFault {
    fault(at_ms, Fault::Partition { links: links.to_vec(), heal: Some(Duration::from_millis(1)) })
}

#[test]
fn what_meets_something_is_not_told() {
    let mut plan = heard();
    plan.requests.extend([request(20, 1, 1), request(31, 1, 1), request(200, 0, 2)]);
    plan.fates.insert(name(0, 1, "number", 1), Fate::delay(Duration::from_millis(1)));
    plan.fates.insert(name(1, 0, "number", 1), Fate::Drop);
    let pause = Fault::Pause { node: NodeId::new(0), span: Duration::from_millis(1) };
    plan.faults = vec![cut(10, &[Link::new(0, 1)]), fault(12, pause), crash(30, 1, None), crash(40, 0, Some(1))];
    plan.requests.push(request(41, 0, 3));
    plan.core = Some(vec![NodeId::new(0)]);
    assert_eq!(told(&tells(), plan), [""; 0]);
}

#[test]
fn what_meets_nothing_is_told_with_why() {
    let mut plan = heard();
    plan.requests.push(request(5, 9, 1));
    plan.fates.insert(name(0, 1, "nunber", 1), Fate::Drop);
    plan.fates.insert(name(0, 1, "number", 3), Fate::Drop);
    plan.fates.insert(name(1, 0, "number", 1), Fate::Drop);
    plan.fates.insert(name(0, 9, "number", 1), Fate::Drop);
    plan.faults = vec![
        crash(5, 9, None),
        crash(6, 1, None),
        crash(7, 1, None),
        crash(8, 0, Some(0)),
        fault(150, Fault::Pause { node: NodeId::new(0), span: Duration::from_millis(1) }),
        cut(9, &[Link::new(0, 7), Link::new(1, 1)]),
    ];
    plan.knobs.set("batch_max", 1);
    plan.core = Some(vec![NodeId::new(0), NodeId::new(1)]);
    let replayed = replayed(&tells(), plan);
    let expected = [
        "knob batch_max: no node asked for it",
        "core [0, 1]: it leaves out no node",
        "request 2 at 5ms, of node 9: there is no such node",
        "fault 1 at 5ms, crash of node 9: there is no such node",
        "fault 3 at 7ms, crash of node 1: the node was down",
        "fault 4 at 8ms, crash of node 0: the node was down, or took no step from there on",
        "fault 5 at 150ms, pause of node 0: the world had healed by then",
        "fault 6 at 9ms, partition: there are no such links",
        "fate 0→1 nunber #1: no message of that kind was sent",
        "fate 0→1 number #3: fewer such messages were sent",
        "fate 1→0 number #1: no such message was sent over that link",
        "fate 0→9 number #1: there is no such node",
    ];
    assert_eq!(replayed.unmet.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    assert!(replayed.tell_unmet().unwrap().starts_with("12 of 14 decisions met nothing:\n  knob batch_max: "));
}

#[test]
fn what_comes_after_the_end_met_nothing() {
    let mut plan = heard();
    plan.requests.push(request(50, 0, 1));
    plan.faults = vec![crash(60, 0, None)];
    plan.core = Some(vec![NodeId::new(0)]);
    let over = [
        "core [0]: the run was over by then",
        "request 2 at 50ms, of node 0: the run was over by then",
        "fault 1 at 60ms, crash of node 0: the run was over by then",
    ];
    assert_eq!(told(&broken(), plan), over);
}

#[test]
fn messages_on_a_cut_link_or_after_the_healing_have_no_fate() {
    let mut plan = heard();
    plan.requests.push(request(200, 1, 1));
    plan.faults = vec![cut(1, &[Link::new(0, 1)])];
    plan.faults[0].fault = Fault::Partition { links: vec![Link::new(0, 1)], heal: None };
    plan.fates.insert(name(0, 1, "number", 1), Fate::Drop);
    plan.fates.insert(name(1, 0, "number", 1), Fate::Drop);
    let why = "it was sent over a link that was cut, or after the world had healed";
    assert_eq!(told(&tells(), plan), [format!("fate 0→1 number #1: {why}"), format!("fate 1→0 number #1: {why}")]);
}

/// Two crashes within a step: the later one takes the place of the one before.
#[test]
fn a_crash_within_a_step_is_one_decision() {
    let mut plan = heard();
    plan.faults = vec![crash(0, 0, Some(1)), crash(1, 0, Some(0))];
    let why = "the node was down, or took no step from there on";
    assert_eq!(told(&tells(), plan), [format!("fault 1 at 0ms, crash of node 0: {why}")]);
}

/// They were shrunk until every decision mattered.
#[test]
fn no_saved_plan_has_a_decision_that_meets_nothing() {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/replays"));
    let of_bugs = Bug::all().flat_map(|bug| textbook(Some(bug)).replay_dir(directory).replayed);
    let all = of_bugs.chain(store().replay_dir(directory).replayed);
    let unmet: Vec<String> =
        all.filter_map(|replayed| Some(format!("{}: {}", replayed.path.display(), replayed.tell_unmet()?))).collect();
    assert_eq!(unmet, [""; 0]);
}

#[test]
fn ddc_tells_them_and_exits_as_it_would() {
    let directory = tempfile::tempdir().unwrap();
    let saved =
        textbook(Some(Bug::BlindPut)).replay_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/replays")).replayed;
    let (plan, _) = fs::read_to_string(&saved[0].path)
        .unwrap()
        .split_once("\n[run]")
        .map(|(a, b)| (a.to_owned(), b.len()))
        .unwrap();
    let path = directory.path().join("plan.toml");
    fs::write(&path, plan + "\n[[fate]]\nmessage = \"0→1 updat #1\"\ndrop = true\n").unwrap();
    let run = ddc(&["replay", text(&path)]);
    let decisions = saved[0].file.plan.decision_count() + 1;
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let says =
        format!("1 of {decisions} decisions met nothing:\n  fate 0→1 updat #1: no message of that kind was sent\n");
    assert!(run.out.ends_with(&says), "{}", run.out);
}
