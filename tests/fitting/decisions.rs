//! Late timers, clocks and armed faults as decisions of a plan: written, read, decoded, shrunk, replayed, explained.

use std::path::Path;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::explain::Changed;
use distributed_data_consistency::protocol::{NodeId, StateMachine, Time};
use distributed_data_consistency::replay::{Expect, PlanFile};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::sim::{ArmedFault, Blow, Clock, Moment, On, Plan, Said, TimerName, When};
use distributed_data_consistency::strategy::ClockBounds;
use distributed_data_consistency::sweep::Failure;

use crate::machines::{compacting, hasty, lease};
use crate::raft::{Mistake, raft};
use crate::{first_failing, options};

const BOUNDS: ClockBounds = ClockBounds { offset_max: Duration::from_millis(50), drift_ppm_max: 100_000 };

fn file<M: StateMachine>(harness: &Harness<M>, plan: Plan) -> PlanFile {
    PlanFile { system: harness.name().to_owned(), plan, expect: Expect::Clean, digest: None, trace: Vec::new() }
}

fn parse<M: StateMachine>(
    harness: &Harness<M>,
    text: &str,
) -> Result<PlanFile, distributed_data_consistency::replay::Error> {
    harness.parse_plan(Path::new("plan.toml"), text)
}

fn moment(said: Said, count: u32) -> Moment {
    Moment { said, count, by: None }
}

/// A plan of every word that there is for these decisions.
fn wordy() -> Plan {
    let mut plan = Plan::new(3);
    let name = |node, kind: &str, number| TimerName { node: NodeId::new(node), kind: kind.into(), number };
    plan.timers.insert(name(1, "election", 3), Duration::from_millis(40));
    plan.timers.insert(name(0, "step down", 1), Duration::from_micros(7));
    plan.clocks.insert(NodeId::new(1), Clock { offset_nanos: 5_000_000, drift_ppm: 200 });
    plan.clocks.insert(NodeId::new(2), Clock { offset_nanos: -250_000, drift_ppm: -500_000 });
    plan.clocks.insert(NodeId::new(0), Clock::default());
    let elected = |count| moment(Said::Mark("leader elected".into()), count);
    let said = |moment, after| When::Said { moment, after };
    let (ms, at_once) = (Duration::from_millis(10), Duration::ZERO);
    let by = Moment { by: Some(NodeId::new(2)), ..moment(Said::Persisted, 3) };
    let blow = Blow::Crash { effects: Some(1), wipe: false };
    plan.armed = vec![
        ArmedFault { when: said(elected(2), at_once), on: On::That, blow, lasts: Some(ms), until: None },
        ArmedFault {
            when: said(by, ms),
            on: On::Peers,
            blow: Blow::Crash { effects: None, wipe: true },
            lasts: None,
            until: Some(elected(4)),
        },
        ArmedFault {
            when: When::At(Time::from_millis(4)),
            on: On::Node(NodeId::new(1)),
            blow: Blow::Isolate,
            lasts: None,
            until: Some(moment(Said::Sent("append \"entries\"".into()), 9)),
        },
        ArmedFault { when: said(elected(1), at_once), on: On::That, blow: Blow::Deafen, lasts: None, until: None },
        ArmedFault { when: said(elected(1), at_once), on: On::That, blow: Blow::Mute, lasts: None, until: None },
        ArmedFault { when: said(elected(1), at_once), on: On::That, blow: Blow::Pause, lasts: Some(ms), until: None },
        ArmedFault {
            when: said(moment(Said::Sent("append".into()), 4), at_once),
            on: On::That,
            blow: Blow::Hold { kind: "append".into() },
            lasts: None,
            until: Some(elected(2)),
        },
    ];
    plan
}

#[test]
fn a_plan_file_holds_them_all() {
    let raft = raft(Mistake::None);
    let file = file(&raft, wordy());
    let text = file.to_toml().unwrap();
    for line in [
        "timer = \"1 election #3\"\nlate = \"40ms\"",
        "timer = \"0 \\\"step down\\\" #1\"",
        "node = 1\noffset = \"5ms\"\ndrift_ppm = 200",
        "offset = \"-250us\"\ndrift_ppm = -500000",
        "when = { mark = \"leader elected\", count = 2 }\non = \"that node\"\ncrash = { effects = 1, restart = \"10ms\" }",
        "when = { persisted = 3, by = 2, after = \"10ms\" }\non = \"its peers\"",
        "at = \"4ms\"\non = 1\nisolate = { until = { sent = ",
        "deafen = {}",
        "pause = { span = \"10ms\" }",
        "hold = { kind = \"append\", until = { mark = \"leader elected\", count = 2 } }",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let back = parse(&raft, &text).unwrap();
    assert_eq!(back.plan, file.plan);
    assert_eq!(back.to_toml().unwrap(), text);
    assert!(raft.run(&back.plan).is_clean());
}

#[test]
fn what_is_not_understood_is_told_with_its_line() {
    let head = "format = 1\nsystem = \"raft\"\nexpect = \"clean\"\nnodes = 3\n";
    let raft = raft(Mistake::None);
    for (body, expected) in [
        ("[[timer]]\ntimer = \"election #3\"\nlate = \"1ms\"", ":6: expected a timer like"),
        ("[[timer]]\ntimer = \"1 election #3\"", ":5: expected a field \"late\""),
        ("[[timer]]\ntimer = \"1 e #3\"\nlate = \"-1ms\"", ":7: expected"),
        ("[[clock]]\nnode = 1\noffset = \"5\"", ":7: expected a duration"),
        ("[[clock]]\nnode = 1\ndrift_ppm = 500001", ":7: expected millionths"),
        ("[[clock]]\nnode = 1\n[[clock]]\nnode = 1", ":7: expected one clock"),
        ("[[fault]]\nwhen = { mark = \"x\" }\ncrash = {}", ":5: expected a field \"on\""),
        ("[[fault]]\nwhen = { mark = \"x\", sent = \"y\" }\non = 1\ncrash = {}", ":6: expected one of mark"),
        ("[[fault]]\nwhen = { mark = \"x\" }\non = \"me\"\ncrash = {}", ":7: expected \"that node\""),
        ("[[fault]]\nwhen = { mark = \"x\" }\non = 1\nburn = {}", ":8: expected one of at, when"),
        ("[[fault]]\nwhen = { mark = \"x\" }\non = 1\nhold = {}", ":8: expected a field \"kind\""),
        ("[[fault]]\nwhen = { mark = \"x\" }\nat = \"1ms\"\non = 1\nmute = {}", ":7: expected at or when"),
    ] {
        let error = raft.parse_plan(Path::new("plan.toml"), &format!("{head}{body}\n")).unwrap_err().to_string();
        assert!(format!(":{error}").contains(expected) || error.contains(expected), "{body}\n{error}");
    }
}

/// The shrunk failure of the first world that fails, after what must hold of any failure.
fn failure<M: StateMachine>(harness: &Harness<M>, worlds: u64) -> Failure {
    let seed = first_failing(harness, worlds).unwrap();
    let recorded = harness.record_seed(seed);
    let (drawn, replayed) = (harness.run_seed(seed), harness.record(&recorded.plan));
    assert_eq!((drawn.digest, &drawn.stats), (replayed.outcome.digest, &replayed.outcome.stats), "{}", harness.name());
    assert_eq!(replayed.plan, recorded.plan);
    let text = file(harness, recorded.plan.clone()).to_toml().unwrap();
    assert_eq!(parse(harness, &text).unwrap().plan, recorded.plan);
    let failure = harness.failure_of(&recorded.plan).unwrap();
    let plan = &failure.shrunk.plan;
    let text = file(harness, plan.clone()).to_toml().unwrap();
    assert_eq!(&parse(harness, &text).unwrap().plan, plan);
    assert_eq!(harness.run(plan).digest, failure.shrunk.digest);
    failure
}

#[test]
fn a_late_timer_is_shrunk_and_told() {
    let failure = failure(&hasty(), 300);
    let plan = &failure.shrunk.plan;
    assert_eq!((plan.timers.len(), plan.requests.len(), plan.decision_count()), (1, 1, 2), "{plan:?}");
    assert_eq!(plan.timers.keys().next().unwrap().to_string(), "0 work #1");
    assert_eq!(failure.twin.as_ref().unwrap().changed, Changed::Timer);
    let screen = Screen { failure: &failure, hints: &[] }.to_string();
    assert!(screen.contains("work will be 50ms late"), "{screen}");
    assert!(screen.contains("without \"timer 0 work #1 50ms late\" it passes"), "{screen}");
}

#[test]
fn a_crash_at_a_mark_is_shrunk_and_told() {
    let failure = failure(&compacting(), 400);
    let plan = &failure.shrunk.plan;
    assert_eq!((plan.armed.len(), plan.faults.len(), plan.fates.len()), (1, 0, 0), "{plan:?}");
    assert_eq!(plan.requests.len(), 4, "{plan:?}");
    let screen = Screen { failure: &failure, hints: &[] }.to_string();
    assert!(screen.contains("CRASHES in the step"), "{screen}");
}

#[test]
fn a_clock_is_shrunk_and_told() {
    let failure = failure(&lease(BOUNDS), 1_000);
    let plan = &failure.shrunk.plan;
    assert_eq!(plan.clocks.len(), 1, "{plan:?}");
    assert!(plan.clocks.values().all(|clock| clock.offset_nanos == 0), "{plan:?}");
    assert!(plan.faults.is_empty() && plan.armed.is_empty(), "{plan:?}");
}

#[test]
fn clocks_are_shrunk_to_none_where_they_do_not_matter() {
    let seed = (0..400)
        .find(|seed| {
            let recorded = compacting().clocks(BOUNDS).record_seed(*seed);
            !recorded.plan.clocks.is_empty() && !recorded.outcome.is_clean()
        })
        .unwrap();
    let harness = compacting().clocks(BOUNDS);
    let failure = harness.failure_of(&harness.record_seed(seed).plan).unwrap();
    assert!(failure.shrunk.plan.clocks.is_empty());
}

#[test]
fn bytes_stand_for_them() {
    let fuzzer = raft(Mistake::None).clocks(BOUNDS).fuzzer();
    let lengths = |plan: &Plan| (plan.timers.len(), plan.clocks.len(), plan.armed.len());
    let mut seen = [false; 3];
    for seed in 0..60 {
        let plan = fuzzer.harness().record_seed(seed).plan;
        let once = fuzzer.plan(&fuzzer.bytes(&plan));
        assert_eq!(fuzzer.plan(&fuzzer.bytes(&once)), once, "seed {seed}");
        let (timers, clocks, armed) = lengths(&once);
        assert!(timers <= plan.timers.len() && clocks <= plan.clocks.len() && armed <= plan.armed.len());
        seen = [seen[0] || timers > 0, seen[1] || clocks > 0, seen[2] || armed > 0];
    }
    assert_eq!(seen, [true; 3]);
    // Any bytes are a plan.
    let mut data = vec![1];
    data.extend((0..2_000_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8));
    (0..8).for_each(|shift| assert!(fuzzer.outcome(&data[shift..]).is_clean()));
}

#[test]
fn feedback_changes_them_and_finds_with_them() {
    let sweep = hasty().feedback(true).sweep_with(&options(600), &|_| {});
    assert!(sweep.violation_count() > 0);
}
