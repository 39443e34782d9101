//! Histories beyond the limits, and long ones within.

use distributed_data_consistency::check::Verdict;
use distributed_data_consistency::check::linearizability::{
    Counter, Map, Model, Queue, Register, RegisterAnswer, RegisterOp, SearchLimits, check_history,
};
use distributed_data_consistency::history::{History, Outcome, Why};
use distributed_data_consistency::protocol::{Rng, Time};

use crate::brute::{HistoryOf, Shape, draw, draw_with};

/// What a register of many values is asked.
pub(crate) fn ask(rng: &mut Rng) -> RegisterOp<u64> {
    match rng.below(2) {
        0 => RegisterOp::Read,
        _ => RegisterOp::Write(rng.below(1 << 20)),
    }
}

fn long(operations: u64, clients: u64, unknown: u64) -> HistoryOf<Register<u64>> {
    draw_with::<Register<u64>>(&mut Rng::new(7, 0), Shape { clients, operations, unknown, wrong: 0 }, ask)
}

#[test]
fn long_histories_are_judged() {
    for (clients, unknown) in [(1, 0), (5, 0), (20, 0), (5, 5)] {
        let history = long(2_000, clients, unknown);
        let verdict = check_history(&Register::default(), &history, SearchLimits::default());
        assert_eq!(verdict, Verdict::Holds, "{clients} clients, {unknown} % unknown");
    }
}

#[test]
fn a_wrong_answer_at_the_end_of_a_long_history_is_found() {
    let mut history = long(2_000, 5, 0);
    let read = history.call(9, Time::from_millis(1 << 40), RegisterOp::Read);
    history.returns(read, Time::from_millis(1 << 41), RegisterAnswer::Value(u64::MAX));
    let verdict = check_history(&Register::default(), &history, SearchLimits::default());
    let misfit = verdict.misfit().expect("expect: nobody wrote that");
    assert_eq!(misfit.stuck, [read]);
    assert_eq!(misfit.ordered.len(), history.len() - 1);
}

#[test]
fn beyond_a_limit_nobody_knows() {
    let mut rng = Rng::new(3, 0);
    for _ in 0..50 {
        let history = draw::<Counter>(&mut rng, Shape { clients: 8, operations: 40, unknown: 40, wrong: 10 });
        let whole = check_history(&Counter, &history, SearchLimits { states_max: 20_000, ..SearchLimits::default() });
        for states_max in [0, 1, 10, 100] {
            let limits = SearchLimits { states_max, ..SearchLimits::default() };
            match check_history(&Counter, &history, limits) {
                Verdict::Unknown { states } => assert!(states <= states_max + 1, "{states} of {states_max}"),
                verdict => {
                    // What is known with less is what is known with more.
                    let is_same = matches!(whole, Verdict::Unknown { .. }) || verdict.holds() == whole.holds();
                    assert!(is_same, "{verdict:?}, {whole:?}");
                }
            }
        }
    }
}

#[test]
fn memory_is_a_limit() {
    let history = long(2_000, 5, 0);
    let limits = SearchLimits { bytes_max: 10_000, ..SearchLimits::default() };
    let verdict = check_history(&Register::default(), &history, limits);
    assert!(matches!(verdict, Verdict::Unknown { states } if states < 200), "{verdict:?}");
}

#[test]
fn parts_are_judged_apart() {
    let shape = Shape { clients: 10, operations: 2_000, unknown: 2, wrong: 0 };
    let ask = |rng: &mut Rng| {
        (
            if rng.below(2) == 0 { "a" } else { "b" }.to_owned(),
            match rng.below(2) {
                0 => RegisterOp::Read,
                _ => RegisterOp::Write(Some(rng.below(1 << 20))),
            },
        )
    };
    let history = draw_with::<Map<String, u64>>(&mut Rng::new(8, 0), shape, ask);
    check_history(&Map::default(), &history, SearchLimits::default()).assert_holds();
    let queue = draw::<Queue<u64>>(&mut Rng::new(9, 0), Shape { clients: 3, operations: 400, unknown: 0, wrong: 0 });
    check_history(&Queue::default(), &queue, SearchLimits::default()).assert_holds();
}

#[test]
fn unknown_outcomes_may_happen_late_or_never() {
    let at = Time::from_millis;
    // A write that never returns may be seen long after, and once seen it has happened.
    let seen_then = |second: u64| {
        let mut history = History::new();
        let write = history.call(0, at(0), RegisterOp::Write(7));
        history.unknown(write, None, Why::TimedOut);
        for (value, time) in [(0, 10), (7, 20), (second, 30)] {
            let read = history.call(1, at(time), RegisterOp::Read);
            history.returns(read, at(time + 1), RegisterAnswer::Value(value));
        }
        check_history(&Register::<u64>::default(), &history, SearchLimits::default())
    };
    assert!(seen_then(7).holds());
    assert!(seen_then(0).misfit().is_some(), "it cannot be unwritten");
    // One that failed is never seen.
    let mut history = History::new();
    let write = history.call(0, at(0), RegisterOp::Write(7));
    history.fails(write, at(1));
    let read = history.call(1, at(2), RegisterOp::Read);
    history.returns(read, at(3), RegisterAnswer::Value(7));
    assert!(check_history(&Register::<u64>::default(), &history, SearchLimits::default()).misfit().is_some());
    // Asked again, it may have happened after all.
    history.call_again(write);
    assert!(matches!(history.get(write).unwrap().outcome, Outcome::Unknown(_)));
    assert!(check_history(&Register::<u64>::default(), &history, SearchLimits::default()).holds());
}

#[test]
fn models_say_what_they_are_asked() {
    let register = Register::<u64>::default();
    assert_eq!(register.show(&RegisterOp::Read, Some(&RegisterAnswer::Value(3))), "read → 3");
    assert_eq!(register.show(&RegisterOp::Write(3), None), "write 3 → ?");
}
