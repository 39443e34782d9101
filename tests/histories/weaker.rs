//! Sequential consistency, session guarantees, causal consistency.

use std::time::Duration;

use distributed_data_consistency::check::linearizability::{
    Counter, Lock, Map, Queue, Register, RegisterAnswer, RegisterOp, SearchLimits, check_history,
};
use distributed_data_consistency::check::{
    Causal, Guarantee, Liveness, Misfit, Sequential, Sessions, Verdict, check_causal, check_sequential, check_sessions,
};
use distributed_data_consistency::history::{History, Why};
use distributed_data_consistency::protocol::{Rng, Time};
use distributed_data_consistency::sweep::{Seeds, SweepOptions};

use crate::brute::{HistoryOf, Shape, draw, is_sequential};
use crate::central::{Bug, unchecked};
use crate::plain::Plain;

type Maps = HistoryOf<Map<String, u64>>;

fn agree<S: Plain>(seed: u64, count: u64) -> u64 {
    let mut rng = Rng::new(seed, 0);
    let mut right = 0;
    for number in 0..count {
        let shape = Shape::small(&mut rng);
        let history = draw::<S>(&mut rng, shape);
        let verdict = check_sequential(&S::default(), &history, SearchLimits::default());
        let expected = is_sequential::<S>(&history);
        assert!(!matches!(verdict, Verdict::Unknown { .. }), "history {number}: {history:#?}");
        assert_eq!(verdict.holds(), expected, "history {number}: {history:#?}\n{verdict:#?}");
        let linearizable = check_history(&S::default(), &history, SearchLimits::default()).holds();
        assert!(expected || !linearizable, "what is linearizable is sequential");
        right += u64::from(expected);
    }
    right
}

#[test]
fn sequential_consistency_agrees_with_all_orders() {
    let right = agree::<Register<u64>>(11, 1_000)
        + agree::<Map<String, u64>>(12, 1_000)
        + agree::<Counter>(13, 1_000)
        + agree::<Queue<u64>>(14, 1_000)
        + agree::<Lock<u64>>(15, 1_000);
    assert!((1_000..4_500).contains(&right), "{right} of 5,000 are sequential");
}

/// A history of one line: `0 x=1` is a write by session 0, `1 x:1` a read by session 1, `x:-` a read of nothing, one after the other.
fn told(text: &str) -> Maps {
    let mut history = History::new();
    for (at, word) in (0..).zip(text.split(", ")) {
        let (session, step) = word.split_once(' ').expect("a step of a history");
        let (session, at) = (session.parse().expect("a step of a history"), Time::from_millis(at));
        if let Some((key, value)) = step.split_once('=') {
            let write = RegisterOp::Write(Some(value.trim_end_matches('?').parse().expect("a step of a history")));
            let id = history.call(session, at, (key.to_owned(), write));
            match value.ends_with('?') {
                true => history.unknown(id, None, Why::TimedOut),
                false => history.returns(id, at, RegisterAnswer::Done),
            }
        } else {
            let (key, value) = step.split_once(':').expect("a step of a history");
            let id = history.call(session, at, (key.to_owned(), RegisterOp::Read));
            history.returns(id, at, RegisterAnswer::Value(value.parse().ok()));
        }
    }
    history
}

fn sort_of(verdict: &Verdict) -> &str {
    verdict.misfit().map_or(if verdict.holds() { "holds" } else { "unknown" }, |Misfit { breach, .. }| breach.sort)
}

#[test]
fn a_stale_read_is_sequential_as_long_as_all_can_agree() {
    let sequential =
        |text| sort_of(&check_sequential(&Map::default(), &told(text), SearchLimits::default())).to_owned();
    assert_eq!(sequential("0 x=1, 1 x:-, 1 x:1"), "holds");
    assert_eq!(sequential("0 x=1, 0 x:-"), "unordered");
    // Each key alone is fine; both together are not.
    assert_eq!(sequential("0 x=1, 0 y:-, 1 y=1, 1 x:-"), "unordered");
    assert_eq!(sequential("0 x=1, 0 x:1, 1 y=1, 1 x:-"), "holds");
}

#[test]
fn each_session_guarantee_is_judged() {
    use Guarantee::{MonotonicReads, MonotonicWrites, ReadYourWrites, WritesFollowReads};
    let cases: [(&str, &[Guarantee], &str); 14] = [
        ("0 x=1, 0 x:-", &[ReadYourWrites], "read your writes"),
        ("0 x=1, 0 x:-", &[MonotonicReads, MonotonicWrites, WritesFollowReads], "holds"),
        ("0 x=1, 1 x:-", &Guarantee::ALL, "holds"),
        ("0 x=1, 1 x:1, 1 x:-", &[MonotonicReads], "monotonic reads"),
        ("0 x=1, 0 x=2, 1 x:2, 1 x:1, 1 x:2", &[MonotonicReads], "monotonic reads"),
        ("0 x=1, 0 x=2, 1 x:2, 1 x:1", &[MonotonicReads], "holds"),
        ("0 x=1, 0 x=2, 1 x:2, 1 x:1", &[MonotonicReads, MonotonicWrites], "monotonic reads"),
        ("0 x=1, 1 x:1, 1 x=2, 0 x:2, 0 x:1", &[MonotonicReads, WritesFollowReads], "monotonic reads"),
        ("0 x=1, 1 x:1, 1 x=2, 0 x:2, 0 x:1", &[MonotonicReads], "holds"),
        ("0 x=1, 0 x=2, 0 x:1", &[ReadYourWrites, MonotonicWrites], "read your writes"),
        ("0 x=1, 1 x:1, 1 x=2, 0 x=3, 2 x:2, 2 x:3, 2 x:2", &Guarantee::ALL, "monotonic reads"),
        ("0 x=1?, 0 x:-", &Guarantee::ALL, "holds"),
        ("0 x:7", &Guarantee::ALL, "unwritten"),
        ("0 x=1, 1 x=1", &Guarantee::ALL, "unknown"),
    ];
    for (text, guarantees, expected) in cases {
        let verdict = check_sessions(&told(text), guarantees);
        assert_eq!(sort_of(&verdict), expected, "{text} with {guarantees:?}: {verdict:#?}");
    }
    let verdict = check_sessions(&told("0 x=1, 1 x:1, 1 x=2, 0 x:2, 0 x:1"), &Guarantee::ALL);
    let misfit = verdict.misfit().unwrap();
    assert_eq!(misfit.breach.summary, "key \"x\": read → Some(1) of session 0 (4ms to 4ms) breaks \"monotonic reads\"");
    assert_eq!(misfit.breach.subject, "key \"x\"");
    assert!(misfit.breach.because.len() >= 2, "{misfit:#?}");
}

#[test]
fn effects_are_not_seen_without_their_causes() {
    let cases = [
        ("0 x=1, 0 y=1, 1 y:1, 1 x:1", "holds"),
        ("0 x=1, 0 y=1, 1 y:1, 1 x:-", "overwritten"),
        ("0 x=1, 1 x:1, 1 y=1, 2 y:1, 2 x:-", "overwritten"),
        ("0 x=1, 0 x=2, 0 y=1, 1 y:1, 1 x:1", "overwritten"),
        // Concurrent writes may be seen in any order.
        ("0 x=1, 1 x=2, 2 x:1, 2 x:2, 3 x:2, 3 x:1", "holds"),
        ("0 x=1, 1 x:1, 1 x=2, 2 x:2, 2 x:1", "overwritten"),
        ("0 x=1?, 1 x:1, 1 y=1, 2 y:1, 2 x:-", "overwritten"),
        ("0 x=1?, 0 x:-", "holds"),
        ("0 x=1, 1 x:1, 0 x=1", "unknown"),
    ];
    for (text, expected) in cases {
        let verdict = check_causal(&told(text));
        assert_eq!(sort_of(&verdict), expected, "{text}: {verdict:#?}");
    }
    // One reads what the other writes later, and the other way round.
    let mut history: Maps = History::new();
    let at = Time::from_millis;
    let call = |history: &mut Maps, session, key: &str, op| history.call(session, at(1), (key.to_owned(), op));
    let reads = [call(&mut history, 0, "x", RegisterOp::Read), call(&mut history, 1, "y", RegisterOp::Read)];
    let open = [
        call(&mut history, 2, "x", RegisterOp::Write(Some(1))),
        call(&mut history, 3, "y", RegisterOp::Write(Some(1))),
    ];
    for id in reads {
        history.returns(id, at(2), RegisterAnswer::Value(Some(1)));
    }
    for id in open {
        history.returns(id, at(3), RegisterAnswer::Done);
    }
    assert!(check_causal(&history).holds());
}

/// What is stronger implies what is weaker.
#[test]
fn what_is_linearizable_is_causal_and_keeps_sessions() {
    let mut rng = Rng::new(21, 0);
    let (mut linear, mut causal) = (0, 0);
    for _ in 0..3_000 {
        let mut value = 0;
        let shape =
            Shape { clients: 3, operations: 1 + rng.below(8), unknown: 15, wrong: [0, 30][rng.below(2) as usize] };
        let history = crate::brute::draw_with::<Map<String, u64>>(&mut rng, shape, |rng| {
            value += 1;
            let key = if rng.below(2) == 0 { "a" } else { "b" };
            (key.to_owned(), if rng.below(2) == 0 { RegisterOp::Read } else { RegisterOp::Write(Some(value)) })
        });
        let is_linear = check_history(&Map::default(), &history, SearchLimits::default()).holds();
        let is_sequential = check_sequential(&Map::default(), &history, SearchLimits::default()).holds();
        let (is_causal, keeps) = (check_causal(&history).holds(), check_sessions(&history, &Guarantee::ALL).holds());
        assert!(!is_linear || is_sequential && is_causal && keeps, "{history:#?}");
        assert!(!is_sequential || is_causal && keeps, "{history:#?}");
        (linear, causal) = (linear + u64::from(is_linear), causal + u64::from(is_causal));
    }
    assert!(linear > 500 && causal >= linear && causal < 3_000, "{linear}, {causal}");
}

#[test]
fn they_are_checks_like_any_other() {
    // No two writes write the same.
    let unique = |rng: &mut Rng| {
        let key = if rng.below(2) == 0 { "a" } else { "b" };
        (key.to_owned(), if rng.below(2) == 0 { RegisterOp::Read } else { RegisterOp::Write(Some(rng.below(1 << 60))) })
    };
    let options = SweepOptions { shrink_runs_max: 500, ..SweepOptions::new(Seeds::first(300)) };
    let machine = |bug| unchecked::<Map<String, u64>>(bug).requests(unique);
    let right =
        machine(None).check(Sequential::new(Map::default())).check(Sessions::new(&Guarantee::ALL)).check(Causal::new());
    let swept = right.sweep_with(&options, &|_| {});
    assert!(swept.violation_count() == 0, "{:?}", swept.violations);
    assert_eq!(swept.stats.marks.get("causal: unknown"), None);
    let found = |sweep: distributed_data_consistency::sweep::Sweep, name| {
        assert!(sweep.violations.get(name).is_some_and(|count| *count > 0), "{name}: {:?}", sweep.violations);
    };
    let wrong = || machine(Some(Bug::Local));
    found(wrong().check(Sequential::new(Map::default())).sweep_with(&options, &|_| {}), "sequential");
    found(wrong().check(Sessions::new(&[Guarantee::MonotonicReads])).sweep_with(&options, &|_| {}), "sessions");
    found(wrong().check(Causal::new()).sweep_with(&options, &|_| {}), "causal");
    // Where values are written twice, nobody knows, and it is told.
    let swept = unchecked::<Map<String, u64>>(None).check(Causal::new()).sweep_with(&options, &|_| {});
    assert!(swept.violation_count() == 0 && swept.stats.marks["causal: unknown"] > 0, "{:?}", swept.stats.marks);
}

#[test]
fn answers_come_in_time() {
    let options = SweepOptions { shrink_runs_max: 1_000, ..SweepOptions::new(Seeds::first(300)) };
    let central = |span| unchecked::<Counter>(None).check(Liveness::new().needs(|_| usize::MAX).within(span));
    // Two messages of 1 ms each, where nothing goes wrong.
    let swept = central(Duration::from_millis(3)).sweep_with(&options, &|_| {});
    let late = swept.violations.get("answered").copied().unwrap_or_default();
    let swept = central(Duration::from_micros(1_500)).sweep_with(&options, &|_| {});
    assert!(swept.violations["answered"] > late, "{late} and {:?}", swept.violations);
    assert_eq!(swept.failures[0].shrunk.violation.breach.sort, "late");
}

#[test]
fn what_must_be_seen_sometimes_is_asked_of_a_sweep() {
    let idle = |seen| unchecked::<Counter>(None).sometimes("three nodes", move |nodes| nodes.count() == seen);
    let swept = idle(3).sweep(1_000);
    swept.assert_clean();
    assert!(swept.stats.marks["three nodes"] > 100);
    let swept = idle(9).sweep(1_000);
    assert!(!swept.is_clean());
    assert_eq!(swept.unreached, ["three nodes"]);
}
