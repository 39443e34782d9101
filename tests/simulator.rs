//! What a plan means: each test is a plan and the run that it must give.
#![cfg(feature = "builtin")]

use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::harness::Recorded;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{
    Action, End, Fate, Fault, Link, MessageName, Plan, PlannedFault, PlannedRequest,
};
use serde::{Deserialize, Serialize};

/// Does as it is told, so that a test can say what happens.
#[derive(Debug, Default)]
struct Puppet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Order {
    /// Send one message to each of these nodes.
    Send(Vec<usize>),
    /// Set timer `0`, due after so many milliseconds.
    SetTimer(u8, u64),
    CancelTimer(u8),
    /// Make a number durable, and tell everybody; in this order.
    PersistAndTell(u32),
    /// The same in the wrong order.
    TellAndPersist(u32),
    SendTo4096,
    Sleep,
}

impl StateMachine for Puppet {
    type Message = u32;
    type Timer = u8;
    type Request = Order;
    type Response = u32;
    type Durable = u32;

    fn on_message(&mut self, _from: NodeId, _message: u32, _env: &mut Env<'_, Self>) {}

    fn on_timer(&mut self, timer: u8, env: &mut Env<'_, Self>) {
        if timer == 255 {
            env.set_timer(255, Duration::from_millis(1));
        }
    }

    fn on_request(&mut self, id: RequestId, order: Order, env: &mut Env<'_, Self>) {
        match order {
            Order::Send(nodes) => nodes.into_iter().for_each(|node| env.send(NodeId::new(node), id.0)),
            Order::SetTimer(timer, millis) => env.set_timer(timer, Duration::from_millis(millis)),
            Order::CancelTimer(timer) => env.cancel_timer(timer),
            Order::PersistAndTell(number) => {
                env.persist(|durable| *durable = number);
                env.broadcast(&number);
            }
            Order::TellAndPersist(number) => {
                env.broadcast(&number);
                env.persist(|durable| *durable = number);
            }
            Order::SendTo4096 => env.send(NodeId::new(4_096), 0),
            Order::Sleep => {}
        }
        let durable = *env.durable();
        env.respond(id, durable);
    }
}

fn harness() -> Harness<Puppet> {
    Harness::new("puppet", |_| Puppet).requests(|_| Order::Sleep)
}

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A world in which node 0, and others, are told what to do when.
fn plan(node_count: usize, orders: &[(u64, usize, Order)]) -> Plan {
    let mut plan = Plan { settle: ms(1_000), ..Plan::new(node_count) };
    for (millis, node, order) in orders {
        let action = Action::new(order.clone());
        plan.requests.push(PlannedRequest::new(at(*millis), NodeId::new(*node), action));
    }
    plan
}

fn fault(mut plan: Plan, millis: u64, fault: Fault) -> Plan {
    plan.faults.push(PlannedFault { at: at(millis), fault });
    plan
}

fn fate(mut plan: Plan, message: &str, fate: Fate) -> Plan {
    plan.fates.insert(message.parse::<MessageName>().expect("tests name messages right"), fate);
    plan
}

fn crash(node: usize, effects: Option<u32>, restart: Option<Duration>) -> Fault {
    Fault::Crash { node: NodeId::new(node), effects, restart, wipe: false }
}

/// Runs the plan, from the record as well, and returns what happened between the nodes' start and the healing at 100 ms.
fn run(plan: &Plan) -> Vec<String> {
    let Recorded { plan: recorded, outcome, trace } = harness().record(plan);
    assert_eq!(harness().run(plan).digest, outcome.digest, "looking on changes nothing");
    assert_eq!(harness().record(&recorded).trace.events, trace.events, "the recorded plan is the run");
    let told = |line: &String| !line.ends_with(" starts") && !line.contains("answers") && !line.contains("is asked");
    trace.lines().into_iter().filter(told).collect()
}

fn send(nodes: &[usize]) -> Order {
    Order::Send(nodes.to_vec())
}

#[test]
fn a_boring_message_arrives_once_in_order_after_the_base_latency() {
    let plan = plan(2, &[(1, 0, send(&[1])), (1, 0, send(&[1])), (2, 0, send(&[1]))]);
    assert_eq!(
        run(&plan),
        [
            "2ms 0→1 message #1 is taken: 0",
            "2ms 0→1 message #2 is taken: 1",
            "3ms 0→1 message #3 is taken: 2",
            "100ms the world heals",
        ]
    );
}

#[test]
fn fates_belong_to_links_kinds_and_numbers() {
    let plan = plan(3, &[(1, 0, send(&[1, 2])), (2, 0, send(&[1, 2])), (3, 0, send(&[1, 2]))]);
    let plan = fate(plan, "0→1 message #2", Fate::Drop);
    let plan = fate(plan, "0→2 message #1", Fate::delay(ms(9)));
    let plan = fate(plan, "0→2 message #3", Fate::copies(&[ms(2), ms(50)]));
    assert_eq!(
        run(&plan),
        [
            "2ms 0→1 message #2 is lost: dropped",
            "2ms 0→1 message #1 is taken: 0",
            "3ms 0→2 message #2 is taken: 1",
            "4ms 0→1 message #3 is taken: 2",
            "5ms 0→2 message #3 is taken: 2",
            "10ms 0→2 message #1 is taken: 0",
            "53ms 0→2 message #3 is taken: 2",
            "100ms the world heals",
        ]
    );
    let stats = harness().run(&plan).stats;
    assert_eq!((stats.dropped, stats.delayed, stats.duplicated, stats.duplicated_late), (1, 2, 1, 1));
    assert_eq!(stats.reordered, 1, "the one that came after two sent later");
}

#[test]
fn plans_are_total() {
    let boring = plan(2, &[(1, 0, send(&[1]))]);
    let odd = fate(boring.clone(), "0→1 message #7", Fate::Drop);
    let odd = fate(odd, "9→1 message #1", Fate::Drop);
    let odd = fate(odd, "0→1 letter #1", Fate::Drop);
    let odd = fault(odd, 1, crash(7, None, None));
    let mut odd = fault(odd, 1, crash(7, Some(3), Some(ms(1))));
    odd.requests.push(PlannedRequest::new(at(1), NodeId::new(7), Action::new(Order::Sleep)));
    assert_eq!(run(&odd), run(&boring));

    let links = vec![Link::new(0, 7), Link::new(7, 0), Link::new(1, 1)];
    let cut = run(&fault(boring.clone(), 0, Fault::Partition { links, heal: Some(Duration::MAX) }));
    assert_eq!(cut, ["0ms cut 0↔7 1↔1", "2ms 0→1 message #1 is taken: 0", "100ms the world heals"]);

    for node_count in [0, 1] {
        let lonely = plan(1, &[(1, 0, send(&[0]))]);
        assert_eq!(run(&Plan { node_count, ..lonely })[0], "2ms 0→0 message #1 is taken: 0");
    }
    let for_ever = fate(boring.clone(), "0→1 message #1", Fate::copies(&[Duration::MAX, Duration::MAX]));
    let outcome = harness().run(&for_ever);
    assert_eq!((outcome.end, outcome.stats.delivered), (Some(End::Quiet), 2), "in the end, as late as can be");
    let never_heals = Plan { heal_at: Time::from_nanos(u64::MAX), settle: Duration::MAX, ..boring.clone() };
    assert_eq!(harness().run(&never_heals).end, Some(End::Quiet));
    let nothing_listed = fate(boring, "0→1 message #1", Fate::copies(&[]));
    assert_eq!(run(&nothing_listed)[0], "1ms 0→1 message #1 is lost: dropped");
}

#[test]
fn a_partition_loses_what_is_sent_and_what_is_under_way_and_only_in_its_directions() {
    let orders = [(1, 0, send(&[1])), (3, 0, send(&[1])), (3, 1, send(&[0])), (6, 0, send(&[1]))];
    let plan = fate(plan(2, &orders), "0→1 message #1", Fate::delay(ms(3)));
    let one_way = Fault::Partition { links: vec![Link::new(0, 1)], heal: Some(ms(3)) };
    assert_eq!(
        run(&fault(plan.clone(), 2, one_way)),
        [
            "2ms cut 0→1",
            "3ms 0→1 message #2 is lost: link cut",
            "4ms 0→1 message #1 is lost: link cut",
            "4ms 1→0 message #1 is taken: 2",
            "5ms joined 0→1",
            "7ms 0→1 message #3 is taken: 3",
            "100ms the world heals",
        ]
    );
    let both_ways = Fault::Partition { links: vec![Link::new(0, 1), Link::new(1, 0)], heal: None };
    let stats = harness().run(&fault(plan, 2, both_ways)).stats;
    assert_eq!((stats.partitions, stats.partitions_one_way, stats.cut), (1, 0, 4));
}

#[test]
fn partitions_that_overlap_end_each_for_itself() {
    let orders: Vec<_> = (1..=5).map(|millis| (millis * 2, 0, send(&[1]))).collect();
    let cut = |heal| Fault::Partition { links: vec![Link::new(0, 1)], heal: Some(ms(heal)) };
    let plan = fault(fault(plan(2, &orders), 1, cut(4)), 3, cut(4));
    let taken: Vec<String> = run(&plan).into_iter().filter(|line| line.contains("taken")).collect();
    assert_eq!(taken, ["9ms 0→1 message #4 is taken: 3", "11ms 0→1 message #5 is taken: 4"]);
}

#[test]
fn a_node_that_pauses_handles_all_that_waited_in_order_when_it_goes_on() {
    let orders = [
        (1, 0, send(&[1])),
        (2, 1, Order::SetTimer(1, 2)),
        (4, 0, send(&[1])),
        (5, 1, send(&[0])),
        (6, 0, send(&[0])),
        (30, 0, send(&[1])),
    ];
    let pause = |millis| Fault::Pause { node: NodeId::new(1), span: ms(millis) };
    let paused = fault(plan(2, &orders), 3, pause(10));
    assert_eq!(
        run(&paused),
        [
            "2ms 0→1 message #1 is taken: 0",
            "3ms node 1 pauses until 13ms",
            "7ms 0→0 message #1 is taken: 4",
            "13ms node 1 wakes: 1",
            "13ms 0→1 message #2 is taken: 2",
            "14ms 1→0 message #1 is taken: 3",
            "31ms 0→1 message #3 is taken: 5",
            "100ms the world heals",
        ]
    );
    // The longer one of two counts; the healing ends it; who is down, or not there, does not pause.
    let told = |plan: &Plan| run(plan).into_iter().filter(|line| line.contains("pauses")).collect::<Vec<_>>();
    let twice = fault(fault(paused.clone(), 4, pause(2)), 5, Fault::Pause { node: NodeId::new(7), span: ms(2) });
    assert_eq!(told(&twice), ["3ms node 1 pauses until 13ms", "4ms node 1 pauses until 13ms"]);
    assert_eq!(told(&fault(paused.clone(), 90, pause(u64::MAX / 1_000_000)))[1], "90ms node 1 pauses until 100ms");
    assert_eq!(told(&fault(fault(plan(2, &orders), 2, crash(1, None, None)), 3, pause(10))), [""; 0]);
    // A crash ends it.
    let crashed = run(&fault(paused.clone(), 5, crash(1, None, Some(ms(1)))));
    assert!(crashed.iter().any(|line| line.starts_with("6ms node 1 restarts")), "{crashed:?}");
    assert_eq!(harness().run(&paused).stats.pauses, 1);
}

#[test]
fn a_lost_disk_is_lost() {
    let orders = [(1, 1, Order::PersistAndTell(7)), (12, 1, Order::Sleep)];
    let answers = |wipe| {
        let crash = Fault::Crash { node: NodeId::new(1), effects: None, restart: Some(ms(5)), wipe };
        let lines = harness().record(&fault(plan(2, &orders), 3, crash)).trace.lines();
        let told = |line: &String| line.contains("answers") || line.contains("crashes");
        lines.into_iter().filter(told).collect::<Vec<_>>()
    };
    assert_eq!(answers(false), ["1ms node 1 answers: 7", "3ms node 1 crashes", "12ms node 1 answers: 7"]);
    let lost = ["1ms node 1 answers: 7", "3ms node 1 crashes and loses its disk", "12ms node 1 answers: 0"];
    assert_eq!(answers(true), lost);
}

#[test]
fn only_the_core_heals() {
    let orders = [(99, 1, send(&[0])), (99, 0, send(&[1])), (1, 0, Order::SetTimer(1, 110))];
    let mut plan = fault(plan(4, &orders), 2, crash(2, None, None));
    plan = fault(plan, 3, crash(3, None, Some(ms(200))));
    plan = fault(plan, 4, Fault::Partition { links: vec![Link::new(1, 0)], heal: Some(ms(95)) });
    plan.core = Some([0, 2, 9].map(NodeId::new).to_vec());
    assert_eq!(
        run(&plan),
        [
            "2ms node 2 crashes",
            "3ms node 3 crashes",
            "4ms cut 1→0",
            "99ms 1→0 message #1 is lost: link cut",
            "99ms joined 1→0",
            "100ms the world heals",
            "100ms node 1 is down for good",
            "100ms node 3 is down for good",
            "100ms node 2 restarts, incarnation 2",
            "100ms 0→1 message #1 is lost: receiver down",
            "111ms node 0 wakes: 1",
        ]
    );
    assert_eq!(harness().run(&plan).stats.abandoned, 2);
    plan.core = Some(Vec::new());
    assert_eq!(harness().run(&plan).end, Some(End::Quiet), "nobody is left");
}

#[test]
fn a_crash_loses_requests_messages_and_timers_but_not_what_is_durable() {
    let orders = [
        (1, 1, Order::PersistAndTell(7)),
        (2, 1, Order::SetTimer(1, 20)),
        (4, 0, send(&[1])),
        (5, 1, Order::Sleep),
        (12, 1, Order::Sleep),
    ];
    let plan = fault(plan(2, &orders), 3, crash(1, None, Some(ms(5))));
    assert_eq!(
        run(&plan),
        [
            "2ms 1→0 message #1 is taken: 7",
            "3ms node 1 crashes",
            "5ms node 1 is down and never hears request 3",
            "5ms 0→1 message #1 is lost: receiver down",
            "8ms node 1 restarts, incarnation 2",
            "100ms the world heals",
        ]
    );
    let lines = harness().record(&plan).trace.lines();
    assert!(lines.contains(&"12ms node 1 answers: 7".to_owned()), "{lines:?}");
}

#[test]
fn a_crash_may_strike_between_any_two_effects() {
    let told_after = |effects| {
        let plan = fault(plan(3, &[(5, 0, Order::PersistAndTell(7))]), 2, crash(0, Some(effects), Some(ms(10))));
        let recorded = harness().record(&plan);
        let taken = recorded.trace.lines().iter().filter(|line| line.contains("is taken")).count();
        (taken, recorded.outcome.stats.crashes_in_step)
    };
    assert_eq!([0, 1, 2, 3, 4].map(told_after), [(0, 1), (0, 1), (1, 1), (2, 1), (2, 1)]);

    let durable_after = |order: Order, effects| {
        let orders = [(5, 0, order), (20, 0, Order::Sleep)];
        let plan = fault(plan(2, &orders), 2, crash(0, Some(effects), Some(ms(10))));
        let lines = harness().record(&plan).trace.lines();
        lines.iter().find_map(|line| line.strip_prefix("20ms node 0 answers: ").map(str::to_owned))
    };
    assert_eq!(durable_after(Order::PersistAndTell(7), 0).as_deref(), Some("0"));
    assert_eq!(durable_after(Order::PersistAndTell(7), 1).as_deref(), Some("7"));
    assert_eq!(durable_after(Order::TellAndPersist(7), 1).as_deref(), Some("0"), "told, and forgotten");
    assert_eq!(durable_after(Order::TellAndPersist(7), 2).as_deref(), Some("7"));
}

#[test]
fn timers_fire_once_when_due_and_can_be_moved_and_cancelled() {
    let orders = [
        (1, 0, Order::SetTimer(1, 5)),
        (2, 0, Order::SetTimer(2, 5)),
        (3, 0, Order::SetTimer(1, 10)),
        (4, 0, Order::CancelTimer(2)),
        (4, 0, Order::CancelTimer(9)),
        (5, 0, Order::SetTimer(3, 0)),
    ];
    assert_eq!(run(&plan(1, &orders)), ["5ms node 0 wakes: 3", "13ms node 0 wakes: 1", "100ms the world heals"]);
}

#[test]
fn healing_ends_every_fault_and_makes_later_fates_boring() {
    let orders = [(101, 0, send(&[1])), (102, 1, send(&[0]))];
    let plan = fault(plan(2, &orders), 90, crash(1, None, None));
    let plan = fault(plan, 91, Fault::Partition { links: vec![Link::new(0, 1)], heal: None });
    let plan = fault(plan, 92, crash(0, Some(0), None));
    let plan = fault(plan, 103, crash(0, None, None));
    let plan = fate(plan, "0→1 message #1", Fate::Drop);
    let plan = fate(plan, "1→0 message #1", Fate::delay(ms(50)));
    assert_eq!(
        run(&plan),
        [
            "90ms node 1 crashes",
            "91ms cut 0→1",
            "100ms the world heals",
            "100ms node 1 restarts, incarnation 2",
            "102ms 0→1 message #1 is taken: 0",
            "103ms 1→0 message #1 is taken: 1",
        ]
    );
}

#[test]
fn a_world_ends_when_nothing_is_left_when_its_time_is_up_or_when_it_never_rests() {
    let end = |plan: &Plan| {
        let outcome = harness().step_count_max(5_000).run(plan);
        (outcome.end, outcome.violation.map(|violation| violation.to_string()))
    };
    assert_eq!(end(&plan(2, &[(1, 0, send(&[1]))])), (Some(End::Quiet), None));
    let ticking = plan(1, &[(1, 0, Order::SetTimer(255, 1))]);
    assert_eq!(end(&ticking), (Some(End::TimeUp), None));
    let endless = Plan { settle: ms(1_000_000), ..ticking };
    let told = "rest: the world has not come to rest after 5000 steps".to_owned();
    assert_eq!(end(&endless), (Some(End::TooLong), Some(told)));
}

#[test]
fn idle_time_costs_nothing() {
    let orders = [(1, 0, Order::SetTimer(1, 3_600_000))];
    let plan = Plan { settle: ms(10_000_000), ..plan(1, &orders) };
    let outcome = harness().run(&plan);
    assert_eq!((outcome.at, outcome.stats.steps), (at(3_600_001), 3), "start, request, timer");
}

#[test]
fn a_node_that_sends_to_nowhere_is_a_finding() {
    let outcome = harness().run(&plan(2, &[(1, 0, Order::SendTo4096)]));
    let told = outcome.violation.expect("a bug of the node").to_string();
    assert_eq!(told, "panic: node 0 panicked: node 0 sent to node 4096, but the cluster has 2 nodes");
}

#[test]
fn names_read_as_they_are_written() {
    for name in ["0→1 update #3", "12→0 pull #1"] {
        assert_eq!(name.parse::<MessageName>().map(|name| name.to_string()).as_deref(), Ok(name));
    }
    assert_eq!("3->4 update #1".parse::<MessageName>().map(|name| name.to_string()).as_deref(), Ok("3→4 update #1"));
    for wrong in ["", "0→1", "0→1 update", "0→1 update 3", "0→1 update #0", "0→1 update #3 x", "0 update #3", "→1 a #1"]
    {
        assert!(wrong.parse::<MessageName>().is_err(), "{wrong}");
    }
}
