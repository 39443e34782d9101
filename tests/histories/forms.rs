//! Histories as text.

use distributed_data_consistency::check::linearizability::{
    Map, Register, RegisterAnswer, RegisterOp, SearchLimits, check_history, jepsen,
};
use distributed_data_consistency::history::{History, Interval, IntervalError, Outcome, Why};
use distributed_data_consistency::protocol::{Rng, Time};

use crate::brute::{HistoryOf, Shape, draw};

type Registers = History<RegisterOp<u64>, RegisterAnswer<u64>>;

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn example() -> Registers {
    let mut history = History::new();
    let write = history.call(0, at(1), RegisterOp::Write(7));
    let read = history.call(1, at(2), RegisterOp::Read);
    history.returns(read, at(2), RegisterAnswer::Value(7));
    history.unknown(write, None, Why::Crashed);
    let swap = history.call(0, at(3), RegisterOp::CompareAndSet { from: 1, to: 2 });
    history.returns(swap, at(4), RegisterAnswer::Swapped(false));
    history
}

#[test]
fn json_lines_are_what_they_should_be() {
    let expected = r#"{"session":0,"input":{"write":7},"call":0,"call_ns":1000000,"outcome":"crashed"}
{"session":1,"input":"read","output":{"value":7},"call":1,"return":2,"call_ns":2000000,"return_ns":2000000,"outcome":"ok"}
{"session":0,"input":{"compare_and_set":{"from":1,"to":2}},"output":{"swapped":false},"call":3,"return":4,"call_ns":3000000,"return_ns":4000000,"outcome":"ok"}
"#;
    assert_eq!(example().to_json_lines().unwrap(), expected);
}

#[test]
fn json_lines_are_read_back() {
    let mut rng = Rng::new(5, 0);
    for _ in 0..200 {
        let shape = Shape { clients: 4, operations: 1 + rng.below(30), unknown: 20, wrong: 20 };
        let history = draw::<Map<String, u64>>(&mut rng, shape);
        let lines = history.to_json_lines().unwrap();
        let back: HistoryOf<Map<String, u64>> = History::from_json_lines(&lines).unwrap();
        assert_eq!(back, history);
        assert_eq!(back.to_json_lines().unwrap(), lines);
    }
}

#[test]
fn what_others_recorded_is_read() {
    // Another order, times only, and the same instant: the two overlap.
    let text = r#"
{"session":2,"input":"read","output":{"value":0},"call":100,"return":130}

{"session":1,"input":{"write":5},"output":"done","call":90,"return":100}
{"session":3,"input":{"write":6},"call":10}
"#;
    let history: Registers = History::from_json_lines(text).unwrap();
    let sessions: Vec<u64> = history.operations().iter().map(|operation| operation.session).collect();
    assert_eq!(sessions, [3, 1, 2]);
    assert_eq!(history.operations()[0].outcome, Outcome::Unknown(Why::NoAnswer));
    assert!(check_history(&Register::default(), &history, SearchLimits::default()).holds());
}

#[test]
fn what_was_asked_again_is_one_operation() {
    let text = r#"
{"id":"a","session":1,"input":{"write":5},"call":1,"return":4,"outcome":"timed_out"}
{"id":"b","session":2,"input":"read","output":{"value":5},"call":2,"return":3}
{"id":"a","session":1,"input":{"write":5},"output":"done","call":5,"return":9}
"#;
    let history: Registers = History::from_json_lines(text).unwrap();
    assert_eq!(history.len(), 2);
    let write = &history.operations()[0];
    assert_eq!(write.outcome, Outcome::Known(RegisterAnswer::Done));
    assert!(check_history(&Register::default(), &history, SearchLimits::default()).holds());
}

#[test]
fn hostile_json_gives_errors() {
    let deep = format!("{{\"session\":1,\"input\":{}", "[".repeat(100_000));
    let cases = [
        ("{", 1, "column 1"),
        ("\n\nnull", 3, "expected"),
        ("[]", 1, ""),
        (deep.as_str(), 1, "column"),
        ("{\"session\":-1,\"input\":\"read\",\"call\":1}", 1, "invalid value"),
        ("{\"session\":1,\"input\":\"red\",\"call\":1}", 1, "unknown variant `red`"),
        ("{\"session\":1,\"input\":\"read\",\"call\":1e30}", 1, "invalid"),
        ("{\"session\":1,\"input\":\"read\",\"call\":1,\"color\":2}", 1, "unknown field `color`"),
        ("{\"session\":1,\"input\":\"read\"}", 1, "missing field `call`"),
        ("{\"session\":1,\"input\":\"read\",\"call\":5,\"return\":4,\"outcome\":\"failed\"}", 1, "after the call at 5"),
        ("{\"session\":1,\"input\":\"read\",\"output\":{\"value\":1},\"call\":5}", 1, "expected a return"),
        ("{\"session\":1,\"input\":\"read\",\"call\":5,\"return\":6,\"outcome\":\"ok\"}", 1, "expected an output"),
        (
            "{\"session\":1,\"input\":\"read\",\"output\":\"done\",\"call\":5,\"return\":6,\"outcome\":\"crashed\"}",
            1,
            "expected no output",
        ),
        ("{\"session\":1,\"input\":\"read\",\"call\":1}\n\u{1b}[2J", 2, "column 1"),
    ];
    for (text, line, expected) in cases {
        let error = Registers::from_json_lines(text).expect_err(&text[..text.len().min(100)]);
        assert_eq!(error.line, line, "{error}");
        let told = error.to_string();
        assert!(told.contains(expected) && !told.contains('\u{1b}') && told.len() < 400, "{told}");
    }
}

#[test]
fn intervals_that_make_no_history_are_refused() {
    let interval = |called, ended, outcome| Interval::<u8, u8> { session: 0, input: 1, called, ended, outcome };
    let refused = |interval| History::from_intervals(vec![interval]).unwrap_err();
    let failed = interval(at(3), Some(at(2)), Outcome::Failed);
    assert_eq!(refused(failed), IntervalError::EndsBeforeCall(0));
    assert_eq!(refused(interval(at(3), None, Outcome::Known(1))), IntervalError::NoEnd(0));
}

#[test]
fn edn_is_what_jepsen_writes() {
    let expected = "\
{:index 0, :time 1000000, :type :invoke, :process 0, :f :write, :value 7}
{:index 1, :time 2000000, :type :invoke, :process 1, :f :read, :value nil}
{:index 2, :time 2000000, :type :ok, :process 1, :f :read, :value 7}
{:index 3, :time 3000000, :type :invoke, :process 2, :f :cas, :value [1 2]}
{:index 4, :time 4000000, :type :fail, :process 2, :f :cas, :value [1 2]}
{:index 5, :time 4000000, :type :info, :process 0, :f :write, :value 7}
";
    assert_eq!(example().to_edn(jepsen::register), expected);
}

#[test]
fn edn_for_elle_has_a_transaction_for_each_operation() {
    let mut history = History::new();
    let write = history.call(0, at(1), ("a\"b\n".to_owned(), RegisterOp::Write(Some(7))));
    history.returns(write, at(2), RegisterAnswer::Done);
    let read = history.call(0, at(3), ("x".to_owned(), RegisterOp::Read));
    history.returns(read, at(4), RegisterAnswer::Value(None));
    let edn = history.to_edn(jepsen::transactions);
    let values: Vec<&str> = edn.lines().map(|line| line.split(":f :txn, :value ").nth(1).unwrap()).collect();
    let expected = [r#"[[:w "a\"b\n" 7]]}"#, r#"[[:w "a\"b\n" 7]]}"#, r#"[[:r "x" nil]]}"#, r#"[[:r "x" nil]]}"#];
    assert_eq!(values, expected);
    assert!(history.to_edn(jepsen::map).contains(":f :read, :value [\"x\" nil]}"));
}

#[test]
fn a_process_has_one_operation_at_a_time_and_none_after_an_unknown_one() {
    let mut rng = Rng::new(6, 0);
    let history = draw::<Register<u64>>(&mut rng, Shape { clients: 3, operations: 200, unknown: 20, wrong: 0 });
    let edn = history.to_edn(jepsen::register);
    let field = |line: &str, name: &str| line.split(name).nth(1).unwrap().split([',', '}']).next().unwrap().to_owned();
    let mut busy = std::collections::BTreeMap::new();
    for line in edn.lines() {
        let process = field(line, ":process ");
        let before = match field(line, ":type :").as_str() {
            "invoke" => busy.insert(process, "busy"),
            "info" => busy.insert(process, "gone"),
            _ => busy.insert(process, "idle"),
        };
        let expected: &[Option<&str>] = if line.contains(":invoke") { &[None, Some("idle")] } else { &[Some("busy")] };
        assert!(expected.contains(&before), "{line}: {before:?}");
    }
}
