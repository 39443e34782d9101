//! Dead events leave no trace.

use distributed_data_consistency::check::Liveness;
use distributed_data_consistency::harness::Outcome;
use distributed_data_consistency::protocol::{NodeId, Time};
use distributed_data_consistency::sim::{End, Fault, Link, Plan};

use super::actor::{Order, crash, fault, harness, ms, plan};

const HOUR: u64 = 3_600_000;

/// The world has come to rest by the time it heals, whatever dead thing is pending then for an hour.
fn assert_at_rest(what: &str, plan: &Plan) -> Outcome {
    let outcome = harness().run(plan);
    assert_eq!((outcome.end, outcome.stats.ended_by_time), (Some(End::Quiet), 0), "{what}");
    assert_eq!((outcome.at, outcome.stats.virtual_nanos), (Time::from_millis(100), 100_000_000), "{what}: the clock");
    // Neither does it count against the limit of steps: the run takes just so many.
    let limited = harness().step_count_max(outcome.stats.steps).run(plan);
    assert_eq!((limited.end, limited.digest), (outcome.end, outcome.digest), "{what}: the limit");
    outcome
}

#[test]
fn dead_timers_leave_no_trace() {
    assert_at_rest("cancelled", &plan(2, &[(1, 0, Order::Set(1, HOUR)), (2, 0, Order::Cancel(1))]));
    assert_at_rest("moved", &plan(2, &[(1, 0, Order::Set(1, HOUR)), (2, 0, Order::Set(1, 5))]));
    let set = plan(2, &[(1, 0, Order::Set(1, HOUR))]);
    assert_at_rest("of an earlier incarnation", &fault(set.clone(), 3, crash(0, Some(ms(1)))));
    let abandoned = Plan { core: Some(vec![NodeId::new(1)]), ..set.clone() };
    assert_at_rest("of a node that is down for good", &abandoned);
    let pause = Fault::Pause { node: NodeId::new(0), span: ms(50) };
    let postponed = fault(plan(2, &[(1, 0, Order::Set(1, 4)), (2, 0, Order::Nothing)]), 3, pause);
    assert_at_rest("postponed, of a node that has crashed", &fault(postponed, 10, crash(0, None)));
}

#[test]
fn faults_that_come_too_late_leave_no_trace() {
    let boring = plan(3, &[(1, 0, Order::Tell(1)), (2, 1, Order::Tell(2))]);
    let whole = assert_at_rest("nothing", &boring);
    let link = vec![Link::new(0, 1)];
    let faults = [
        ("a crash after the healing", HOUR, crash(0, None)),
        ("a pause after the healing", HOUR, Fault::Pause { node: NodeId::new(0), span: ms(HOUR) }),
        ("a cut after the healing", HOUR, Fault::Partition { links: link.clone(), heal: None }),
        ("a crash of a node that is not there", HOUR, crash(7, None)),
        ("the same before the healing", 50, crash(7, None)),
    ];
    for (what, at, late) in faults {
        assert_eq!(assert_at_rest(what, &fault(boring.clone(), at, late)).digest, whole.digest, "{what}");
    }
    let cut = |heal| fault(boring.clone(), 50, Fault::Partition { links: link.clone(), heal });
    let (ended, never) =
        (assert_at_rest("the end of a cut", &cut(Some(ms(HOUR)))), assert_at_rest("a cut", &cut(None)));
    assert_eq!(ended.digest, never.digest);
    let crashed = |restart| fault(boring.clone(), 50, crash(2, restart));
    let (again, healed) = (crashed(Some(ms(HOUR))), crashed(None));
    assert_eq!(assert_at_rest("a restart", &again).digest, assert_at_rest("none", &healed).digest);
    let twice = fault(fault(boring, 50, crash(2, Some(ms(1)))), 60, crash(2, Some(ms(HOUR))));
    assert_at_rest("a restart that the healing has overtaken", &twice);
}

#[test]
fn requests_that_nobody_hears_leave_no_trace() {
    let boring = plan(2, &[(1, 0, Order::Tell(1))]);
    let whole = assert_at_rest("nothing", &boring);
    let orders =
        [(1, 0, Order::Tell(1)), (500, 7, Order::Tell(2)), (HOUR, 7, Order::Tell(3)), (HOUR, 0, Order::Tell(4))];
    assert_eq!(assert_at_rest("of nodes that are not there, or too late", &plan(2, &orders)).digest, whole.digest);
}

/// The verdict does not hang on them either.
#[test]
fn a_cancelled_timer_does_not_excuse_who_never_answers() {
    for orders in [vec![], vec![(150, 0, Order::Set(1, HOUR)), (151, 0, Order::Cancel(1))]] {
        let plan = plan(1, &[vec![(200, 0, Order::Nothing)], orders].concat());
        let outcome = harness().check(Liveness::new()).run(&plan);
        let told = outcome.violation.expect("expect: nobody answers");
        assert!(told.breach.summary.starts_with("node 0 never answers"), "{told}");
        assert!(told.breach.because[1].starts_with("nothing is left to happen"), "{told:?}");
    }
}

/// Timers that are set anew all the time are not what waits.
#[test]
fn dead_timers_do_not_fill_a_world() {
    let orders: Vec<_> = (0..90).map(|at| (at, 0, Order::SetAgain(1, HOUR, 1_000))).collect();
    let plan = Plan { settle: ms(2 * HOUR), ..plan(1, &orders) };
    let limited = harness().pending_count_max(100).pending_bytes_max(20_000);
    let (outcome, peak) = (limited.run(&plan), allocation_counter::measure(|| drop(limited.run(&plan))).bytes_max);
    assert_eq!((outcome.violation, outcome.end, outcome.stats.timers), (None, Some(End::Quiet), 1));
    assert!(peak < 1 << 20, "{peak} bytes for one timer");
}
