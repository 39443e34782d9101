//! What goes on for ever is found, told by its kind, and cheap to look into.

use std::sync::atomic::Ordering;

use allocation_counter::measure;
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::shrink::{ShrinkOptions, shrink};
use distributed_data_consistency::sim::{End, Plan, What};
use distributed_data_consistency::strategy::Profile;
use distributed_data_consistency::sweep::{Seeds, SweepOptions};

use super::actor::{Actor, Order, STEPS, counted, harness, ms, plan};

type Harness = distributed_data_consistency::Harness<Actor>;

fn told(harness: &Harness, plan: &Plan) -> (Option<End>, String, String) {
    let outcome = harness.run(plan);
    let violation = outcome.violation.expect("expect: it goes on for ever");
    assert_eq!((violation.check.as_str(), violation.breach.sort), ("rest", "endless"));
    (outcome.end, violation.breach.subject, violation.breach.because.join("; "))
}

#[test]
fn messages_alone_must_not_go_on_for_ever() {
    for (node_count, peer) in [(1, 0), (2, 1), (3, 0)] {
        let (end, subject, because) = told(&harness(), &plan(node_count, &[(1, 0, Order::Ping(peer))]));
        assert_eq!((end, subject.as_str()), (Some(End::Restless), "message \"ping\""));
        assert!(because.contains("× message \"ping\" (0→"), "{because}");
        assert!(because.contains("without any timer"), "{because}");
    }
    // Whatever timers do beside them.
    let (end, ..) = told(&harness(), &plan(2, &[(1, 0, Order::Ping(0)), (3, 1, Order::Beat(40_000))]));
    assert_eq!(end, Some(End::Restless));
    // Without latency the time stands still.
    let at_once = Plan { latency: ms(0), ..plan(1, &[(1, 0, Order::Ping(0))]) };
    let (end, _, because) = told(&harness().step_count_max(50_000), &at_once);
    assert_eq!(end, Some(End::TooLong));
    assert!(because.contains("with the time at 1ms all along: 2000 × message \"ping\" (0→0)"), "{because}");
    // A token that goes round may say so.
    let outcome = harness().never_rests().run(&plan(2, &[(1, 0, Order::Ping(1))]));
    assert_eq!((outcome.violation, outcome.end), (None, Some(End::TimeUp)));
}

#[test]
fn a_timer_that_is_due_at_once_again_and_again_is_told() {
    let spin = plan(3, &[(1, 2, Order::Spin)]);
    let (end, subject, because) = told(&harness(), &spin);
    assert_eq!((end, subject.as_str()), (Some(End::TooLong), "timer Spin"));
    assert_eq!(because, "what was handled at the end, with the time at 1ms all along: 2000 × timer Spin (node 2)");
}

#[test]
fn a_storm_is_told_before_it_fills_the_memory() {
    let storm = plan(64, &[(1, 3, Order::Storm(0))]);
    let (end, subject, because) = told(&harness(), &storm);
    assert_eq!((end, subject.as_str()), (Some(End::TooMany), "message \"storm\""));
    assert!(because.contains("× message \"storm\" ("), "{because}");
    let peak = measure(|| drop(harness().run(&storm))).bytes_max;
    assert!(peak < 512 << 20, "{peak} bytes");
    let limited = harness().pending_count_max(5_000).run(&storm);
    assert!(limited.stats.sent - limited.stats.delivered < 5_000 * 9 / 8 + 64, "{:?}", limited.stats);

    // Few messages, but large ones.
    let large = harness().pending_bytes_max(64 << 20);
    let storm = plan(4, &[(1, 0, Order::Storm(256 << 10))]);
    assert_eq!(told(&large, &storm).0, Some(End::TooMany));
    let peak = measure(|| drop(large.run(&storm))).bytes_max;
    assert!(peak < 256 << 20, "{peak} bytes");
    let recorded = measure(|| drop(large.record(&storm))).bytes_max;
    assert!(recorded < 512 << 20, "{recorded} bytes to write it down");
}

/// Takes and tells what the shrinker leaves, and says how many steps that took.
fn shrunk(plan: &Plan) -> (Plan, u64) {
    let system = counted();
    let before = STEPS.load(Ordering::Relaxed);
    let shrunk = shrink(&system, plan, &ShrinkOptions::default()).expect("expect: it goes on for ever");
    (shrunk.plan, STEPS.load(Ordering::Relaxed) - before)
}

#[test]
fn what_is_endless_is_shrunk_without_running_for_ever() {
    let noise = |order: Order| {
        let tells = (0..12).map(|number| (number * 5 + 1, number as usize % 3, Order::Tell(number)));
        plan(5, &tells.chain([(33, 4, order)]).collect::<Vec<_>>())
    };
    for order in [Order::Spin, Order::Ping(0), Order::Storm(0)] {
        let (plan, steps) = shrunk(&noise(order.clone()));
        assert_eq!(plan.requests.len(), 1, "{order:?}: {plan:#?}");
        // A whole run takes up to a million of them, and there are hundreds of runs.
        assert!(steps < 20_000_000, "{order:?}: {steps} steps");
    }
}

#[test]
fn the_trace_and_the_screen_show_what_repeats_itself() {
    let record = |order| harness().record(&plan(2, &[(1, 0, order)])).trace;
    for (order, period) in [(Order::Spin, Some(1)), (Order::Ping(1), Some(4)), (Order::Storm(0), Some(4))] {
        let trace = record(order.clone());
        let omitted = trace.events.iter().rev().find_map(|event| match event.what {
            What::Omitted { period, count } => Some((period, count)),
            _ => None,
        });
        let (found, count) = omitted.expect("expect: most of it is left out");
        assert!(count > 1_000 && trace.events.len() < 60, "{order:?}: {:#?}", trace.lines());
        assert_eq!(found, period, "{order:?}: {:#?}", trace.lines());
    }
    // A storm of three does not repeat itself: its beginning is left, and its end.
    let storm = harness().record(&plan(3, &[(1, 0, Order::Storm(0))])).trace;
    assert!(storm.events.len() < 100 && storm.lines().iter().any(|line| line.contains("events are left out")));

    let spinning = harness().requests(|_| Order::Spin).profile(Profile::calm()).step_count_max(30_000);
    let sweep = spinning.sweep_with(&SweepOptions::new(Seeds::first(2)), &|_| {});
    let failure = sweep.failures.first().expect("expect: it spins");
    assert!(failure.trace.lines().len() < 40);
    let screen = Screen { failure, hints: &[] }.to_string();
    for told in ["rest: the world has not come to rest after", "timer Spin", "the same again, "] {
        assert!(screen.contains(told), "{told}:\n{screen}");
    }
}

/// What is only long is not taken for endless, nor written down with less than all.
#[test]
fn what_is_long_is_whole() {
    let long = Plan { settle: ms(30_000), ..plan(2, &[(1, 0, Order::Beat(1_000))]) };
    let (outcome, recorded) = (harness().run(&long), harness().record(&long));
    assert!(outcome.stats.steps > 60_000, "{}", outcome.stats.steps);
    assert_eq!((recorded.outcome.digest, recorded.outcome.violation), (outcome.digest, None));
    let taken = |what: &What| {
        matches!(what, What::Took { .. } | What::Fired { .. } | What::Started { .. } | What::Asked { .. })
    };
    let steps = recorded.trace.events.iter().filter(|event| taken(&event.what)).count() as u64;
    assert_eq!(steps, outcome.stats.steps);
}
