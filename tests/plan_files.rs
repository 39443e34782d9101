//! Plan files: what is written can be read, and what cannot be read says why and where.
#![cfg(feature = "builtin")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use distributed_data_consistency::kv::StoreAction;
use distributed_data_consistency::protocol::{NodeId, Time};
use distributed_data_consistency::replay::{Expect, FILE_BYTES_MAX, PlanFile};
use distributed_data_consistency::sim::{
    Action, Fate, Fault, Link, MessageName, NODE_COUNT_MAX, Plan, PlannedFault, PlannedRequest,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde::{Deserialize, Serialize};

const VALID: &str = r#"format = 1
system = "store"
seed = "0x9f2c41"
violates = "siblings"
digest = "0x5be1c0ffee15dead"
nodes = 3
latency = "1ms"
heal_at = "60ms"
settle = "10s"

[[request]]
at = "1ms"
node = 1
put = { key = "cart", value = "b" }

[[request]]
at = "1.25ms"
node = 7
get = { key = "cart" }

[[fault]]
at = "4ms"
crash = { node = 2, restart = "10ms" }

[[fault]]
at = "4ms"
crash = { node = 2, effects = 2 }

[[fault]]
at = "300us"
partition = { links = ["0↔1", "2→0"], heal = "20ms" }

[[fate]]
message = "1→2 update #1"
delay = "9ms"

[[fate]]
message = "1→2 update #2"
drop = true

[[fate]]
message = "0→2 ack #1"
copies = ["2ms", "40ms"]

[run]
trace = '''
1ms node 1 put cart=b
2ms node 2 takes 'b' from "node 1"

4ms node 2 crashes
'''
"#;

fn parse_store(value: toml::Value) -> Result<Action, String> {
    let action: StoreAction = value.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    Ok(Action::new(action))
}

fn read(text: &str) -> Result<PlanFile, String> {
    PlanFile::from_toml(Path::new("x.toml"), text, &parse_store).map_err(|error| error.to_string())
}

fn put(at: u64, node: usize, key: &str, value: &str) -> PlannedRequest {
    let action = Action::new(StoreAction::Put { key: key.into(), value: value.into(), session: None });
    PlannedRequest::new(Time::from_nanos(at), NodeId::new(node), action)
}

fn file(plan: Plan) -> PlanFile {
    let expect = Expect::Violates { check: "siblings".to_owned() };
    PlanFile { system: "store".to_owned(), plan, expect, digest: None, trace: Vec::new() }
}

fn name(name: &str) -> MessageName {
    name.parse().expect("expect: the tests name messages well")
}

#[test]
fn the_form_is_the_documented_one() {
    let ms = Duration::from_millis;
    let mut plan = Plan { seed: 0x9f_2c41, heal_at: Time::from_millis(60), ..Plan::new(3) };
    plan.requests.push(put(1_000_000, 1, "cart", "b"));
    let get = Action::new(StoreAction::Get { key: "cart".into(), session: None });
    plan.requests.push(PlannedRequest::new(Time::from_nanos(1_250_000), NodeId::new(7), get));
    let at = Time::from_millis(4);
    let node = NodeId::new(2);
    plan.faults
        .push(PlannedFault { at, fault: Fault::Crash { node, effects: None, restart: Some(ms(10)), wipe: false } });
    plan.faults.push(PlannedFault { at, fault: Fault::Crash { node, effects: Some(2), restart: None, wipe: false } });
    let links = vec![Link::new(0, 1), Link::new(1, 0), Link::new(2, 0)];
    let fault = Fault::Partition { links, heal: Some(ms(20)) };
    plan.faults.push(PlannedFault { at: Time::from_nanos(300_000), fault });
    plan.fates.insert(name("1→2 update #1"), Fate::delay(ms(9)));
    plan.fates.insert(name("1→2 update #2"), Fate::Drop);
    plan.fates.insert(name("0→2 ack #1"), Fate::copies(&[ms(2), ms(40)]));
    let trace = ["1ms node 1 put cart=b", "2ms node 2 takes 'b' from \"node 1\"", "", "4ms node 2 crashes"];
    let trace = trace.map(str::to_owned).to_vec();
    let file = PlanFile { digest: Some(0x5be1_c0ff_ee15_dead), trace, ..file(plan) };
    assert_eq!(file.to_toml().unwrap(), VALID);
    assert_eq!(read(VALID), Ok(file));
    assert_eq!(PlanFile::system_of(Path::new("x.toml"), VALID).as_deref(), Ok("store"));
}

/// What only harsh worlds have.
#[test]
fn a_core_pauses_and_lost_disks_stand_where_they_belong() {
    let mut plan = Plan { core: Some(vec![NodeId::new(0), NodeId::new(2)]), ..Plan::new(3) };
    let (at, node) = (Time::from_millis(4), NodeId::new(2));
    let crash = Fault::Crash { node, effects: None, restart: Some(Duration::from_millis(10)), wipe: true };
    plan.faults.push(PlannedFault { at, fault: crash });
    plan.faults.push(PlannedFault { at, fault: Fault::Pause { node, span: Duration::from_millis(20) } });
    let text = "heal_at = \"100ms\"\ncore = [0, 2]\nsettle = \"10s\"\n\n\
                [[fault]]\nat = \"4ms\"\ncrash = { node = 2, restart = \"10ms\", wipe = true }\n\n\
                [[fault]]\nat = \"4ms\"\npause = { node = 2, span = \"20ms\" }\n";
    let file = file(plan);
    let written = file.to_toml().unwrap();
    assert!(written.ends_with(text), "{written}");
    assert_eq!(read(&written), Ok(file));
    let check = |from: &str, to: &str, expected: &str| {
        let error = read(&written.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("wipe = true", "wipe = false", "expected wipe = true, found");
    check("[0, 2]", "[0, -2]", "expected a node number from 0 to 65535, found");
    check("[0, 2]", "true", "expected an array of the nodes that heal, like [0, 2], found");
    check(", span = \"20ms\"", "", "expected a field \"span\": a duration like \"9ms\"");
}

#[test]
fn knobs_stand_between_the_header_and_the_decisions() {
    let mut plan = Plan::new(3);
    for (name, value) in [("log_max", u64::MAX), ("batch_max", 1), ("two words", 0)] {
        plan.knobs.set(name, value);
    }
    let text = "settle = \"10s\"\n\n[knobs]\nbatch_max = 1\nlog_max = 9223372036854775807\n\"two words\" = 0\n";
    let file = file(plan);
    let written = file.to_toml().unwrap();
    assert!(written.ends_with(text), "{written}");
    assert_eq!(read(&written), Ok(file));
    let check = |from: &str, to: &str, expected: &str| {
        assert!(written.contains(from), "{from}");
        assert_eq!(read(&written.replacen(from, to, 1)).unwrap_err(), expected);
    };
    let number = "expected a number from 0 to 9223372036854775807, like batch_max = 1, found";
    check("max = 1", "max = -1", &format!("x.toml:11: {number} -1"));
    check("max = 1", "max = \"1\"", &format!("x.toml:11: {number} \"1\""));
    check("5807", "5808", &format!("x.toml:12: {number} 9223372036854775808"));
    check("\n[knobs]", "knobs = 7\n[request]", "x.toml:9: expected a table like [knobs], found 7");
    check("batch_max = 1", "batch.max = 1", &format!("x.toml:11: {number} a table"));
    let name = "expected a name of a knob of 1 to 64 bytes, like batch_max, found";
    check("\"two words\"", "\"\"", &format!("x.toml:13: {name} \"\""));
    let long = "x".repeat(65);
    check("batch_max", &long, &format!("x.toml:11: {name} \"{}\"…", &long[..60]));
    check("batch_max = 1", "log_max = 1", "x.toml:12: expected TOML: duplicate key");
    let many: String = (0..65).map(|place| format!("k{place} = 1\n")).collect();
    let head = written.split("batch_max").next().unwrap();
    assert_eq!(read(&format!("{head}{many}")).unwrap_err(), "x.toml:75: expected at most 64 knobs");
}

#[test]
fn knobs_that_no_reader_takes_are_not_written() {
    let with =
        |knobs: Vec<String>| file(Plan { knobs: knobs.into_iter().map(|name| (name, 1)).collect(), ..Plan::new(1) });
    let error = |knobs| with(knobs).to_toml().unwrap_err().to_string();
    assert!(
        error(vec![String::new()]).ends_with("expected a name of a knob of 1 to 64 bytes, like batch_max, found \"\"")
    );
    assert!(error((0..65).map(|place| place.to_string()).collect()).ends_with("expected at most 64 knobs, found 65"));
}

#[test]
fn a_file_by_hand_may_leave_out_what_is_boring() {
    let text = "format = 1\r\nsystem = 'mine'\nexpect = 'clean'\nnodes = 0x3\n[[fault]]\nat = '4ms'\n\
                partition.links = ['0<->1', \"2 -> 0\"]\n[run]\ntrace = '''a\r\nb'''";
    let read = read(text).unwrap();
    let mut plan = Plan::new(3);
    let links = vec![Link::new(0, 1), Link::new(1, 0), Link::new(2, 0)];
    plan.faults.push(PlannedFault { at: Time::from_millis(4), fault: Fault::Partition { links, heal: None } });
    assert_eq!(read.plan, plan);
    assert_eq!((read.system.as_str(), &read.expect, read.digest), ("mine", &Expect::Clean, None));
    assert_eq!(read.trace, ["a", "b"]);
}

/// What to put in place of what in [`VALID`], and what is then said about it.
const WRONG: &[(&str, &str, &str)] = &[
    ("\"9ms\"", "\"9 parsecs\"", "x.toml:35: expected a duration like \"9ms\", found \"9 parsecs\""),
    ("\"9ms\"", "9", "x.toml:35: expected a duration like \"9ms\", found 9"),
    ("\"9ms\"", "\"0.5ns\"", "x.toml:35: expected a whole number of nanoseconds, found \"0.5ns\""),
    (
        "\"10s\"",
        "\"18446744073709551616ns\"",
        "x.toml:9: expected a duration of at most 18446744073709551615ns, found \"18446744073709551616ns\"",
    ),
    ("format = 1\n", "format = 2\nnovel = 1\n", "x.toml:1: this version reads format 1, found format 2"),
    ("format = 1\n", "\n", "x.toml:1: expected a field \"format\": format = 1"),
    ("format = 1\n", "format = \"1\"\n", "x.toml:1: expected format = 1, found \"1\""),
    (
        "nodes = 3",
        "nodez = 3",
        "x.toml:6: expected one of format, system, seed, violates, expect, digest, nodes, latency, heal_at, core, \
         settle, links, closed_loop, spares, knobs, request, fault, fate, disk, timer, clock, run, found a field \"nodez\"",
    ),
    ("nodes = 3\n", "\n", "x.toml:1: expected a field \"nodes\": a number of nodes from 1 to 4096"),
    ("nodes = 3", "nodes = 0", "x.toml:6: expected a number of nodes from 1 to 4096, found 0"),
    ("nodes = 3", "nodes = 4_097", "x.toml:6: expected a number of nodes from 1 to 4096, found 4097"),
    ("nodes = 3", "nodes = -3", "x.toml:6: expected a number of nodes from 1 to 4096, found -3"),
    ("nodes = 3", "nodes = 3.0", "x.toml:6: expected a number of nodes from 1 to 4096, found a number with decimals"),
    (
        "0x9f2c41",
        "0x10000000000000000",
        "x.toml:3: expected a hex number of at most 16 digits like \"0x9f2c41\", found \"0x10000000000000000\"",
    ),
    (
        "\"0x9f2c41\"",
        "10431553",
        "x.toml:3: expected a hex number of at most 16 digits like \"0x9f2c41\", found 10431553",
    ),
    ("0x5be1c0ffee15dead", "0x5be1", "x.toml:5: expected 16 hex digits like \"0x5be1c0ffee15dead\", found \"0x5be1\""),
    (
        "nodes = 3",
        "nodes = 3\nexpect = \"clean\"",
        "x.toml:7: expected violates = \"<check>\" or expect = \"clean\", found \"expect\" besides \"violates\"",
    ),
    ("violates = \"siblings\"", "", "x.toml:1: expected violates = \"<check>\" or expect = \"clean\", found none"),
    ("violates = \"siblings\"", "expect = \"dirty\"", "x.toml:4: expected \"clean\", found \"dirty\""),
    ("node = 1\n", "node = 65536\n", "x.toml:13: expected a node number from 0 to 65535, found 65536"),
    ("node = 1\n", "\n", "x.toml:11: expected a field \"node\": a node number from 0 to 65535"),
    (
        "put = { key = \"cart\", value = \"b\" }",
        "get = { key = \"a\" }\nput = { key = \"a\", value = \"b\" }",
        "x.toml:15: expected one action, like put = { key = \"cart\", value = \"b\" }, found \"put\" besides \"get\"",
    ),
    (
        "put = { key = \"cart\", value = \"b\" }",
        "",
        "x.toml:11: expected one action, like put = { key = \"cart\", value = \"b\" }, found none",
    ),
    (
        "put = {",
        "pet = {",
        "x.toml:14: expected an action of this system: unknown variant `pet`, expected one of `put`, `delete`, `get`",
    ),
    (
        "restart = \"10ms\"",
        "reboot = \"10ms\"",
        "x.toml:23: expected one of node, effects, restart, wipe, found a field \"reboot\"",
    ),
    (
        "effects = 2",
        "effects = 4294967296",
        "x.toml:27: expected a number of effects from 0 to 4294967295, found 4294967296",
    ),
    (
        "crash = { node = 2, effects = 2 }",
        "crash = { node = 2 }\npartition = { links = [] }",
        "x.toml:28: expected a crash, a partition or a pause, found \"partition\" besides \"crash\"",
    ),
    ("crash = { node = 2, effects = 2 }", "", "x.toml:25: expected a crash, a partition or a pause, found none"),
    (
        "[\"0↔1\", \"2→0\"]",
        "[\n\"0↔1\",\n\"2→0→1\"]",
        "x.toml:33: expected a link like \"0↔1\", \"0→1\", \"0<->1\" or \"0->1\", found \"2→0→1\"",
    ),
    ("update #2", "update #1", "x.toml:38: expected one fate for each message, found \"1→2 update #1\""),
    ("update #2", "update #0", "x.toml:38: expected a message like \"0→1 update #3\", found \"1→2 update #0\""),
    ("drop = true", "drop = false", "x.toml:39: expected drop = true, found false"),
    (
        "drop = true",
        "drop = true\ndelay = \"1ms\"",
        "x.toml:40: expected one of drop, delay and copies, found \"delay\" besides \"drop\"",
    ),
    ("drop = true", "", "x.toml:37: expected one of drop, delay and copies, found none"),
    (
        "copies = [\"2ms\", \"40ms\"]",
        "copies = \"2ms\"",
        "x.toml:43: expected an array of durations like [\"2ms\", \"40ms\"], found \"2ms\"",
    ),
    (
        "[run]",
        "[runs]",
        "x.toml:45: expected one of format, system, seed, violates, expect, digest, nodes, latency, \
         heal_at, core, settle, links, closed_loop, spares, knobs, request, fault, fate, disk, timer, clock, run, found a field \"runs\"",
    ),
    ("trace = '''", "tracks = '''", "x.toml:46: expected one of trace, found a field \"tracks\""),
    ("nodes = 3", "nodes = 3\nnodes = 3", "x.toml:7: expected TOML: duplicate key"),
    ("nodes = 3", "nodes =", "x.toml:6: expected TOML: string values must be quoted, expected literal string"),
];

#[test]
fn what_is_wrong_names_its_line() {
    let found = WRONG.iter().map(|(from, to, _)| {
        assert!(VALID.contains(from), "{from}");
        read(&VALID.replacen(from, to, 1)).unwrap_err()
    });
    let expected: Vec<_> = WRONG.iter().map(|(_, _, message)| *message).collect();
    assert_eq!(found.collect::<Vec<_>>().join("\n"), expected.join("\n"));
}

#[test]
fn the_system_is_found_before_anything_else_is_judged() {
    let system = |text: &str| PlanFile::system_of(Path::new("x.toml"), text).map_err(|error| error.to_string());
    assert_eq!(system("format = 1\nsystem = 'textbook/x'\nnodes = 'many'").as_deref(), Ok("textbook/x"));
    assert_eq!(system("format = 3"), Err("x.toml:1: this version reads format 1, found format 3".to_owned()));
    let missing = "x.toml:1: expected a field \"system\": the name of a system, like \"store\"";
    assert_eq!(system("format = 1"), Err(missing.to_owned()));
}

#[test]
fn too_many_decisions_are_refused_before_they_are_read() {
    let head = "format = 1\nsystem = 'store'\nexpect = 'clean'\nnodes = 3\n";
    let text = format!("{head}fault = [{}]\nfate = [\n0,\n0,\n0]\n", "0,".repeat(999_998));
    assert_eq!(read(&text).unwrap_err(), "x.toml:9: expected at most 1000000 requests, faults and fates");
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |value: String| VALID.replacen("{ key = \"cart\", value = \"b\" }", &value, 1);
    let expected = "x.toml:14: expected at most 64 levels of nesting";
    for count in [66, 79, 100_000] {
        assert_eq!(read(&deep(format!("{}{}", "[".repeat(count), "]".repeat(count)))).unwrap_err(), expected);
        let key = format!("{}put = ", "a.".repeat(count));
        assert_eq!(read(&VALID.replacen("put = ", &key, 1)).unwrap_err(), expected);
    }
    // Each limit of a TOML reader by itself leaves room for a very deep tree.
    let key = format!("{}a = ", "a.".repeat(78));
    let both = format!("{}1{}", format!("{{ {key}").repeat(79), " }".repeat(79));
    assert_eq!(read(&deep(both)).unwrap_err(), expected);
}

/// An action of any sort, to see how each stands in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Odd {
    Tick,
    At(u8),
    Node {
        deep: Vec<Vec<bool>>,
    },
    Action(Box<Odd>),
    #[serde(rename = "white space")]
    Spaced(f64, char),
    Huge(u64),
    Nothing(Option<u8>),
}

fn odd(action: Odd) -> PlanFile {
    let request = PlannedRequest::new(Time::ZERO, NodeId::new(0), Action::new(action));
    file(Plan { requests: vec![request], ..Plan::new(1) })
}

#[test]
fn an_action_may_be_anything_that_toml_can_express() {
    let deep = vec![vec![true], vec![]];
    for (action, written) in [
        (Odd::Tick, "action = \"tick\""),
        (Odd::At(3), "action = { at = 3 }"),
        (Odd::Node { deep }, "action = { node = { deep = [[true], []] } }"),
        (Odd::Action(Box::new(Odd::Tick)), "action = { action = \"tick\" }"),
        (Odd::Spaced(1.5, '"'), "\"white space\" = [1.5, \"\\\"\"]"),
        (Odd::Huge(7), "huge = 7"),
        (Odd::Nothing(Some(7)), "nothing = 7"),
    ] {
        let file = odd(action);
        let text = file.to_toml().unwrap();
        assert!(text.ends_with(&format!("node = 0\n{written}\n")), "{text}");
        let parse = |value: toml::Value| match value.try_into::<Odd>() {
            Ok(action) => Ok(Action::new(action)),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(PlanFile::from_toml(Path::new("x.toml"), &text, &parse), Ok(file));
    }
}

#[test]
fn what_a_file_cannot_hold_is_an_error() {
    let message = |file: &PlanFile| file.to_toml().unwrap_err().to_string();
    let nested = (0..70).fold(Odd::Tick, |inner, _| Odd::Action(Box::new(inner)));
    assert!(message(&odd(nested)).ends_with("…: expected at most 64 levels of nesting"));
    let mut plan = Plan::new(3);
    plan.requests.push(put(0, 65_536, "a", "b"));
    assert_eq!(message(&file(plan)), "expected a node number from 0 to 65535, found 65536");
    let mut plan = Plan::new(3);
    plan.fates.insert(MessageName { link: Link::new(0, 1), kind: "update".into(), number: 0 }, Fate::Drop);
    assert!(message(&file(plan)).starts_with("expected a message like \"0→1 update #3\", found "));
    let mut plan = Plan::new(3);
    plan.requests.push(put(0, 0, "a", &"b".repeat(FILE_BYTES_MAX)));
    assert!(message(&file(plan)).starts_with("expected a plan of at most 16777216 bytes, found 1677"));
}

#[test]
fn what_no_run_can_tell_apart_is_written_as_the_nearest() {
    let plan = Plan { node_count: 0, latency: Duration::MAX, ..Plan::new(1) };
    let plan = read(&file(plan).to_toml().unwrap()).unwrap().plan;
    assert_eq!((plan.node_count, plan.latency), (1, Duration::from_nanos(u64::MAX)));
    let plan = Plan { node_count: usize::MAX, ..Plan::new(1) };
    assert_eq!(read(&file(plan).to_toml().unwrap()).unwrap().plan.node_count, NODE_COUNT_MAX);
}

#[test]
fn hostile_text_survives() {
    let hostile =
        ["", "\"'''\\", "a\nb\r\nc\rd\t", "\0\u{1b}\u{7f}\u{85}", "\u{202e}\u{feff}☃é", "# [x]", "{}", "'''", "''"];
    for text in hostile {
        let mut plan = Plan::new(3);
        plan.requests.push(put(0, 0, text, text));
        for trace in [vec![text.to_owned()], vec![String::new(), text.to_owned(), "x'".to_owned(), String::new()]] {
            let expect = Expect::Violates { check: text.to_owned() };
            let file = PlanFile { system: text.to_owned(), trace, expect, ..file(plan.clone()) };
            let written = file.to_toml().unwrap();
            assert!(!written.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{written}");
            assert_eq!(read(&written), Ok(file));
        }
    }
}

#[test]
fn a_file_is_written_whole_under_a_name_that_tells_what_it_is() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("snapshots/replays");
    let mut plan = Plan::new(3);
    plan.requests.push(put(0, 0, "cart", "a"));
    let first = file(plan);
    let path = first.write_new(&dir).unwrap();
    let shown = path.file_name().unwrap().to_str().unwrap();
    let digits = shown.strip_prefix("siblings-").and_then(|rest| rest.strip_suffix(".toml")).unwrap();
    assert!(digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{shown}");
    assert_eq!(PlanFile::read(&path, &parse_store), Ok(first.clone()));

    // Where it came from and how it went make no difference to the name, and the newer file stays.
    let mut second = PlanFile { digest: Some(7), trace: vec!["x".to_owned()], ..first.clone() };
    second.plan.seed = 99;
    assert_eq!(second.write_new(&dir), Ok(path.clone()));
    assert_eq!(PlanFile::read(&path, &parse_store), Ok(second));

    // All else does.
    let mut third = first.clone();
    third.plan.requests.clear();
    let system = PlanFile { system: "../other".to_owned(), ..first.clone() };
    let check = PlanFile { expect: Expect::Violates { check: "../../x".to_owned() }, ..first.clone() };
    let clean = PlanFile { expect: Expect::Clean, ..first };
    for other in [third, system, check, clean] {
        assert_eq!(other.write_new(&dir).unwrap().parent(), Some(dir.as_path()));
    }
    let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let starts: Vec<_> = names.iter().map(|name| name.to_str().unwrap().split_once('-').unwrap().0).collect();
    assert_eq!(starts, ["clean", "siblings", "siblings", "siblings", "x"], "{names:?}");
}

#[test]
fn many_at_a_time_may_write_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(Plan::new(3));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10).for_each(|_| drop(file.write_new(dir.path()).unwrap())));
        }
    });
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(Plan::new(3));
    // The name is taken by something that a file cannot replace.
    fs::create_dir_all(dir.path().join(file.name().unwrap()).join("x")).unwrap();
    let error = file.write_new(dir.path()).unwrap_err();
    assert_eq!((error.path, error.line), (dir.path().join(file.name().unwrap()), None));
    assert!(error.message.starts_with("expected to write a plan file: "), "{}", error.message);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_no_plan_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.toml");
    let read = || PlanFile::read(&path, &parse_store).unwrap_err().to_string().replace(path.to_str().unwrap(), "x");
    assert!(read().starts_with("x: expected a plan file: "), "{}", read());
    fs::write(&path, b"format = 1\nsystem = \"\xff\"").unwrap();
    assert_eq!(read(), "x:2: expected UTF-8 text");
    fs::write(&path, "#".repeat(FILE_BYTES_MAX + 1)).unwrap();
    assert_eq!(read(), "x: expected a plan file of at most 16777216 bytes");
    fs::write(&path, "#".repeat(FILE_BYTES_MAX)).unwrap();
    assert_eq!(read(), "x:1: expected a field \"format\": format = 1");
}

#[test]
fn a_trace_too_long_to_be_read_back_is_left_out() {
    let short = file(Plan::new(3));
    let long = PlanFile { trace: vec!["x".repeat(FILE_BYTES_MAX)], ..short.clone() };
    assert_eq!(read(&long.to_toml().unwrap()), Ok(short));
}

#[test]
fn no_truncation_panics() {
    for end in 0..VALID.len() {
        if let Ok(file) = read(&String::from_utf8_lossy(&VALID.as_bytes()[..end])) {
            assert_eq!(read(&file.to_toml().unwrap()), Ok(file));
        }
    }
}

fn times() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), (0..500_u64).prop_map(|ms| ms * 1_000_000), 0..5_000_u64]
}

fn spans() -> impl Strategy<Value = Duration> {
    times().prop_map(Duration::from_nanos)
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,6}", ".{0,8}", vec(any::<char>(), 0..6).prop_map(String::from_iter), "['\"\\\\\n\r\t]{0,6}"]
}

fn requests() -> impl Strategy<Value = PlannedRequest> {
    let action = prop_oneof![
        (texts(), texts()).prop_map(|(key, value)| StoreAction::Put {
            key: key.into(),
            value: value.into(),
            session: None
        }),
        texts().prop_map(|key| StoreAction::Get { key: key.into(), session: None }),
    ];
    (times(), 0..=65_535_usize, action).prop_map(|(at, node, action)| {
        PlannedRequest::new(Time::from_nanos(at), NodeId::new(node), Action::new(action))
    })
}

fn links() -> impl Strategy<Value = Vec<Link>> {
    vec(prop_oneof![(0..4_usize, 0..4_usize), (0..=65_535_usize, 0..=65_535_usize)], 0..12)
        .prop_map(|links| links.into_iter().map(|(from, to)| Link::new(from, to)).collect())
}

fn faults() -> impl Strategy<Value = PlannedFault> {
    let fault = prop_oneof![
        (0..=65_535_usize, option::of(any::<u32>()), option::of(spans()), any::<bool>()).prop_map(
            |(node, effects, restart, wipe)| Fault::Crash { node: NodeId::new(node), effects, restart, wipe }
        ),
        (0..=65_535_usize, spans()).prop_map(|(node, span)| Fault::Pause { node: NodeId::new(node), span }),
        (links(), option::of(spans())).prop_map(|(links, heal)| Fault::Partition { links, heal }),
    ];
    (times(), fault).prop_map(|(at, fault)| PlannedFault { at: Time::from_nanos(at), fault })
}

fn fates() -> impl Strategy<Value = Vec<(MessageName, Fate)>> {
    let name = ((0..9_usize, 0..=65_535_usize), "[a-z\\[\"'→#-]{1,8}", 1..=u32::MAX);
    let name = name.prop_map(|((from, to), kind, number)| MessageName {
        link: Link::new(from, to),
        kind: kind.as_str().into(),
        number,
    });
    let fate = prop_oneof![Just(Fate::Drop), vec(spans(), 0..4).prop_map(|delays| Fate::copies(&delays))];
    btree_map(name, fate, 0..6).prop_map(|fates| fates.into_iter().collect::<Vec<_>>()).prop_shuffle()
}

fn plans() -> impl Strategy<Value = Plan> {
    let header = (any::<u64>(), 1..=NODE_COUNT_MAX, spans(), times(), spans());
    let decisions = (vec(requests(), 0..6), vec(faults(), 0..6), fates());
    let core = option::of(vec((0..=65_535_usize).prop_map(NodeId::new), 0..4));
    let knobs = vec(("[a-z_ .\"é]{1,16}", prop_oneof![0..9_u64, any::<u64>()]), 0..4);
    let knobs = knobs.prop_map(|knobs| knobs.into_iter().collect());
    (header, core, knobs, decisions).prop_map(|(header, core, knobs, (requests, faults, fates))| {
        let (seed, node_count, latency, heal_at, settle) = header;
        let (heal_at, fates) = (Time::from_nanos(heal_at), fates.into_iter().collect());
        let plan = Plan::new(node_count);
        Plan { seed, latency, heal_at, core, settle, knobs, requests, faults, fates, ..plan }
    })
}

fn files() -> impl Strategy<Value = PlanFile> {
    let expect = prop_oneof![Just(Expect::Clean), texts().prop_map(|check| Expect::Violates { check })];
    (texts(), plans(), expect, any::<Option<u64>>(), vec(texts(), 0..5))
        .prop_map(|(system, plan, expect, digest, trace)| PlanFile { system, plan, expect, digest, trace })
}

/// The file with the links of its partitions in order: how they are grouped is up to the writer.
fn sorted(mut file: PlanFile) -> PlanFile {
    for fault in &mut file.plan.faults {
        if let Fault::Partition { links, .. } = &mut fault.fault {
            links.sort();
        }
    }
    file
}

/// What a clumsy hand does to a file.
fn damage(bytes: &mut Vec<u8>, from: usize, to: usize, how: u8, byte: u8) {
    let (first, last) = (from.min(to), from.max(to));
    match how {
        0 => bytes[from] = byte,
        1 => bytes.insert(from, b"[]{}='\"#.,\n\\"[usize::from(byte) % 12]),
        2 => bytes.swap(from, to),
        3 => drop(bytes.drain(first..last.min(first + 40))),
        _ => {
            let copied = bytes[first..last.min(first + 200)].to_vec();
            bytes.splice(to..to, copied);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/proptest.txt"),
        ))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_written_can_be_read(file in files()) {
        let text = file.to_toml().unwrap();
        let read_back = read(&text).unwrap();
        prop_assert_eq!(&sorted(read_back.clone()), &sorted(file));
        prop_assert_eq!(read_back.to_toml().unwrap(), text.clone());
        prop_assert_eq!(read(&text), Ok(read_back));
    }

    #[test]
    fn no_random_text_panics(bytes in vec(any::<u8>(), 0..400), text in "[\\[\\]{}=.\"'#a-z0-9 \n\\\\]{0,200}") {
        let _ = read(&String::from_utf8_lossy(&bytes));
        let _ = read(&text);
    }

    #[test]
    fn no_mutation_panics(
        changes in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..5_u8, any::<u8>()), 1..6),
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        for (from, to, how, byte) in changes {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            damage(&mut bytes, from, to, how, byte);
            bytes.push(b'\n');
        }
        if let Ok(file) = read(&String::from_utf8_lossy(&bytes)) {
            prop_assert_eq!(read(&file.to_toml().unwrap()).map(sorted), Ok(sorted(file)));
        }
    }
}
