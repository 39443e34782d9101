//! Faults at moments, by hand: what strikes whom, when, and how it ends.

use std::time::Duration;

use distributed_data_consistency::protocol::{NodeId, Time};
use distributed_data_consistency::sim::{ArmedFault, Blow, Moment, On, Plan, Said, What, When};
use distributed_data_consistency::strategy::{Profile, Scenario};

use crate::options;
use crate::raft::{Mistake, raft};

fn elected(count: u32) -> Moment {
    Moment { said: Said::Mark("leader elected".into()), count, by: None }
}

fn at(moment: Moment) -> When {
    When::Said { moment, after: Duration::ZERO }
}

/// Hold node 2 down until the second leader is elected.
fn down_until_second() -> ArmedFault {
    let blow = Blow::Crash { effects: None, wipe: false };
    ArmedFault { when: When::At(Time::ZERO), on: On::Node(NodeId::new(2)), blow, lasts: None, until: Some(elected(2)) }
}

fn isolate_first() -> ArmedFault {
    let lasts = Some(Duration::from_millis(900));
    ArmedFault { when: at(elected(1)), on: On::That, blow: Blow::Isolate, lasts, until: None }
}

fn plan(armed: Vec<ArmedFault>) -> Plan {
    Plan { heal_at: Time::from_millis(4_000), settle: Duration::from_secs(1), armed, ..Plan::new(5) }
}

#[test]
fn a_node_is_down_until_the_second_leader_is_elected() {
    let recorded = raft(Mistake::None).record(&plan(vec![down_until_second(), isolate_first()]));
    assert!(recorded.outcome.is_clean());
    assert_eq!((recorded.outcome.stats.armed, recorded.outcome.stats.struck), (2, 2));
    let events = &recorded.trace.events;
    let when = |is: &dyn Fn(&What) -> bool| -> Vec<Time> {
        events.iter().filter(|event| is(&event.what)).map(|event| event.at).collect()
    };
    let elections = when(&|what| matches!(what, What::Marked { mark: "leader elected", .. }));
    let two = NodeId::new(2);
    let restart = when(&|what| matches!(what, What::Started { node, incarnation: 1 } if *node == two)).first().copied();
    assert_eq!(restart, Some(elections[1]));
    let cut = when(&|what| matches!(what, What::Cut { links } if links.len() == 8)).first().copied();
    assert_eq!(cut, Some(elections[0]));
    let joined = when(&|what| matches!(what, What::Joined { .. })).first().copied();
    assert_eq!(joined, Some(elections[0] + Duration::from_millis(900)));
}

#[test]
fn messages_are_held_back_until_a_moment() {
    let blow = Blow::Hold { kind: "append".into() };
    let hold = ArmedFault { when: at(elected(1)), on: On::That, blow, lasts: None, until: Some(elected(2)) };
    let recorded = raft(Mistake::None).record(&plan(vec![hold]));
    let events = &recorded.trace.events;
    let held = events.iter().filter_map(|event| match &event.what {
        What::Held { name } => Some(name),
        _ => None,
    });
    let held: Vec<_> = held.collect();
    let second = events.iter().filter(|event| matches!(event.what, What::Marked { mark: "leader elected", .. })).nth(1);
    let second = second.unwrap().at;
    assert!(held.len() > 4);
    for name in held {
        let took = events.iter().find(|event| matches!(&event.what, What::Took { name: took, .. } if took == name));
        assert_eq!(took.unwrap().at, second + recorded.plan.latency, "{name}");
    }
}

#[test]
fn a_moment_that_never_comes_changes_nothing() {
    let raft = raft(Mistake::None);
    let never = |said| ArmedFault { when: at(Moment { said, count: 9_999, by: None }), ..isolate_first() };
    let armed = vec![
        never(Said::Mark("no such mark".into())),
        never(Said::Persisted),
        never(Said::Sent("append".into())),
        ArmedFault { when: at(elected(0)), ..isolate_first() },
        ArmedFault { when: When::At(Time::ZERO), ..isolate_first() },
        ArmedFault { on: On::Node(NodeId::new(77)), ..isolate_first() },
    ];
    let (with, without) = (raft.run(&plan(armed)), raft.run(&plan(Vec::new())));
    assert_eq!(with.digest, without.digest);
    assert_eq!((with.stats.armed, with.stats.struck), (6, 0));
}

#[test]
fn a_scenario_is_mixed_with_what_is_drawn_and_must_strike() {
    let scenario = || Scenario::new("two leaders").fault(down_until_second()).fault(isolate_first()).must_strike();
    let calm = Profile { moments_permille: Some(0), ..Profile::hostile() };
    let sweep = raft(Mistake::None)
        .nodes(3..=3)
        .profile(calm.clone())
        .scenario(scenario())
        .sweep_with(&options(1_000), &|_| {});
    assert!(sweep.violations.is_empty() && sweep.is_clean(), "{:?}", sweep.unstruck);
    assert!(sweep.stats.armed > 600 && sweep.stats.struck > 300, "{} {}", sweep.stats.armed, sweep.stats.struck);

    let never = ArmedFault { when: at(elected(5_000)), ..isolate_first() };
    let harness =
        raft(Mistake::None).nodes(3..=3).profile(calm).scenario(Scenario::new("never").fault(never).must_strike());
    let sweep = harness.sweep_with(&options(1_000), &|_| {});
    assert!(sweep.violations.is_empty() && !sweep.is_clean());
    let told = sweep.tell_unstruck().unwrap();
    assert!(
        told.contains("isolate that node at mark \"leader elected\" #5000 for 900ms\" of scenario \"never\""),
        "{told}"
    );
    assert!(harness.sweep_with(&options(10), &|_| {}).is_clean(), "so few worlds say nothing");
}
