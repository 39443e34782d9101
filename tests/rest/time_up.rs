//! Time up before rest is not rest.

use distributed_data_consistency::check::{Convergence, Liveness, Quiescence};
use distributed_data_consistency::protocol::Time;
use distributed_data_consistency::sim::{End, Fate, MessageName, Plan};
use distributed_data_consistency::strategy::Profile;
use distributed_data_consistency::sweep::{Seeds, SweepOptions};

use super::actor::{Order, harness, ms, plan};

/// A store that is right, and a request at any time to the last moment of the time to settle.
#[cfg(feature = "cli")]
#[test]
fn a_late_request_is_no_violation() {
    use distributed_data_consistency::builtin::{store, textbook};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("late.toml");
    for at in ["2ms", "3ms", "9990ms", "10001ms", "10002ms", "10003ms"] {
        let text = format!(
            "format = 1\nsystem = \"store\"\nseed = \"0x1\"\nexpect = \"clean\"\nnodes = 2\nlatency = \"1ms\"\n\
             heal_at = \"2ms\"\nsettle = \"10s\"\n\n[[request]]\nat = \"{at}\"\nnode = 0\n\
             put = {{ key = \"cart\", value = \"a\" }}\n"
        );
        std::fs::write(&path, &text).unwrap();
        let outcome = store().replay_file(&path).unwrap().outcome;
        assert_eq!((outcome.violation, outcome.end), (None, Some(End::Quiet)), "{at}");
        std::fs::write(&path, text.replace("\"store\"", "\"textbook\"")).unwrap();
        let outcome = textbook(None).replay_file(&path).unwrap().outcome;
        assert_eq!((outcome.violation, outcome.end), (None, Some(End::Quiet)), "{at}");
    }
}

#[test]
fn the_time_to_settle_counts_from_the_last_request_and_the_last_late_message() {
    let ticks = |orders: &[(u64, usize, Order)]| harness().run(&plan(1, orders)).at;
    assert_eq!(ticks(&[(1, 0, Order::Beat(100_000))]), Time::from_millis(1_001));
    assert_eq!(ticks(&[(1, 0, Order::Beat(100_000)), (600, 0, Order::Nothing)]), Time::from_millis(1_501));
    assert_eq!(ticks(&[(1, 0, Order::Beat(100_000)), (1_100, 0, Order::Nothing)]), Time::from_millis(2_001));
    assert_eq!(
        ticks(&[(1, 0, Order::Beat(100_000)), (1_101, 0, Order::Nothing)]),
        Time::from_millis(1_001),
        "too late"
    );

    // A message that takes an hour is none that never comes.
    let name: MessageName = "0→1 tell #1".parse().unwrap();
    for delay in [300, 1_099, 3_600_000, u64::MAX] {
        let mut plan = plan(2, &[(1, 0, Order::Tell(7))]);
        plan.fates.insert(name.clone(), Fate::delay(ms(delay)));
        let outcome = harness().check(Convergence::new()).run(&plan);
        assert_eq!((outcome.violation, outcome.end), (None, Some(End::Quiet)), "{delay}");
        assert!(outcome.at <= Time::from_millis(1_100), "{delay}: {}", outcome.at);
    }
}

/// Heartbeats in flight when the time is up have landed when a promise is judged.
#[test]
fn nothing_is_under_way_when_a_promise_is_judged() {
    let harness = harness().at_rest("all taken", |nodes| {
        let (sent, taken) = nodes.up().fold((0, 0), |(sent, taken), (_, node)| (sent + node.sent, taken + node.taken));
        if sent == taken { Ok(()) } else { Err(format!("{sent} sent, {taken} taken")) }
    });
    for settle in 0..40 {
        let plan = Plan { settle: ms(settle), ..plan(3, &[(1, 0, Order::Beat(7_000)), (2, 1, Order::Beat(3_300))]) };
        let outcome = harness.run(&plan);
        assert_eq!((outcome.violation, outcome.end), (None, Some(End::TimeUp)), "{settle}");
    }
    // With no time at all to settle what was asked last is still heard by all.
    let told = Plan { settle: ms(0), ..plan(3, &[(100, 0, Order::Tell(1))]) };
    let outcome = super::actor::harness().check(Convergence::new()).run(&told);
    assert_eq!((outcome.violation, outcome.end), (None, Some(End::Quiet)));
}

/// What is told of a promise that is not kept in time claims no more than that.
#[test]
fn a_promise_broken_when_time_is_up_is_not_told_as_broken_for_ever() {
    let told = |orders: &[(u64, usize, Order)]| {
        let mut plan = plan(2, orders);
        plan.fates.insert("0→1 tell #1".parse().unwrap(), Fate::Drop);
        let violation = harness().check(Convergence::new()).run(&plan).violation.unwrap();
        violation.breach.because.last().unwrap().clone()
    };
    assert_eq!(told(&[(1, 0, Order::Tell(1))]), "nothing is left to happen, so they will not come to agree");
    let time_up = "the time to settle is up, though timers are still set: they have not come to agree in time";
    assert_eq!(told(&[(1, 0, Order::Tell(1)), (2, 1, Order::Beat(50_000))]), time_up);
    let plan = plan(1, &[(300, 0, Order::Nothing), (2, 0, Order::Beat(50_000))]);
    let violation = harness().check(Liveness::new()).run(&plan).violation.unwrap();
    assert_eq!(violation.to_string(), "answered: node 0 has not answered request 1");
}

#[test]
fn timers_may_go_on_for_ever_unless_rest_is_promised() {
    let beating = plan(3, &[(1, 0, Order::Beat(10_000)), (1, 2, Order::Set(4, 3_600_000))]);
    let outcome = harness().run(&beating);
    assert_eq!((outcome.violation, outcome.end, outcome.stats.ended_by_time), (None, Some(End::TimeUp), 1));
    let outcome = harness().check(Quiescence::new()).run(&beating);
    let violation = outcome.violation.expect("expect: it does not rest");
    assert_eq!(violation.to_string(), "quiescence: the world has not come to rest when its time to settle is up");
    assert_eq!(violation.breach.because, ["node 0 has set timer Beat(10000)", "node 2 has set timer Idle(4)"]);
    let quiet = plan(3, &[(1, 0, Order::Tell(1)), (1, 2, Order::Set(4, 30))]);
    assert_eq!(harness().check(Quiescence::new()).run(&quiet).violation, None);
    // Those who are left may wait for those who are gone.
    let left = Plan {
        core: Some(vec![0, 1].into_iter().map(distributed_data_consistency::protocol::NodeId::new).collect()),
        ..beating
    };
    let outcome = harness().check(Quiescence::new()).run(&left);
    assert_eq!((outcome.violation, outcome.stats.marks["restless, waiting for the gone"]), (None, 1));
}

/// A sweep says how many of its worlds were judged before they came to rest.
#[test]
fn a_sweep_counts_the_worlds_that_ended_by_time() {
    let beating = harness().requests(|rng| if rng.chance(50) { Order::Beat(20_000) } else { Order::Nothing });
    let beating = beating.settle(ms(300)).profile(Profile::calm()).request_counts(10..=10);
    let sweep = beating.sweep_with(&SweepOptions::new(Seeds::first(50)), &|_| {});
    assert_eq!(sweep.violation_count(), 0);
    assert!((5..45).contains(&sweep.stats.ended_by_time), "{}", sweep.stats.ended_by_time);
    assert_eq!((sweep.check_count, sweep.has_clients), (0, true));
}
