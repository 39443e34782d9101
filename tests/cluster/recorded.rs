//! A recorded run is the same run again when a simulator replays its plan.

use std::thread;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::textbook;
use distributed_data_consistency::kv::{Request, Response, StoreAction, StoreWorkload};
use distributed_data_consistency::protocol::{Boot, NodeId, Observe, Rng, StateMachine};
use distributed_data_consistency::reference_store::{Bug, ReferenceStore};
use distributed_data_consistency::runtime::{Client, Cluster, LinkFaults, Stopped};
use distributed_data_consistency::shrink::{ShrinkOptions, shrink};
use distributed_data_consistency::sim::{Action, Plan, Stats};
use distributed_data_consistency::store::Node;

const LONG: Duration = Duration::from_secs(120);
const NODES: usize = 3;

fn put(key: &str, value: String, session: Option<u8>) -> Action {
    Action::new(StoreAction::Put { key: key.into(), value: value.into(), session })
}

/// A client at any node: puts, gets and deletes, some with what its session has seen.
fn work<M: StateMachine>(client: &Client<M>, session: u8, count: u64) {
    let mut rng = Rng::new(7, session.into());
    for number in 0..count {
        let node = NodeId::new(rng.below(NODES as u64) as usize);
        let (key, session) = (["cart", "user"][rng.below(2) as usize], rng.chance(500).then_some(session));
        let action = match rng.below(6) {
            0 => Action::new(StoreAction::Get { key: key.into(), session }),
            1 => Action::new(StoreAction::Delete { key: key.into(), session }),
            _ => put(key, format!("{session:?}-{number}"), session),
        };
        // A node that is down says so; what is asked of it is part of the run all the same.
        let _ = client.act(node, action);
    }
}

/// A running cluster that writes down what it does.
fn recorded<M>(
    seed: u64,
    boot: impl Fn(Boot<M::Durable>) -> M + Send + Sync + 'static,
    faults: LinkFaults,
) -> Cluster<M>
where
    M: Observe + StateMachine<Request = Request, Response = Response> + 'static,
    M::Message: Send,
    M::View: Send,
{
    let workload = StoreWorkload::default();
    Cluster::builder(NODES, boot).seed(seed).link_faults(faults).workload(workload).record().start()
}

/// A run with all that can go wrong: returns what each node shows at rest, and the recording.
fn hostile<M>(seed: u64, boot: impl Fn(Boot<M::Durable>) -> M + Send + Sync + 'static) -> (Vec<M::View>, Stopped)
where
    M: Observe + StateMachine<Request = Request, Response = Response> + 'static,
    M::Message: Send,
    M::View: Send,
{
    let faults = LinkFaults { delay_max: Duration::from_millis(2), ..LinkFaults::lossy() };
    let cluster = recorded(seed, boot, faults);
    thread::scope(|scope| {
        for session in 0..2 {
            // Who gave up would ask on before the answer comes, and what the session has read by then would be a matter of luck.
            let client = cluster.client().timeout(LONG);
            scope.spawn(move || work(&client, session, 60));
        }
        cluster.isolate(0);
        cluster.crash(1).unwrap();
        cluster.restart(1).unwrap();
        cluster.heal_all();
        cluster.crash(2).unwrap();
        cluster.restart(2).unwrap();
    });
    assert!(cluster.wait_for_rest(LONG), "the cluster comes to rest");
    let views = (0..NODES).map(|node| cluster.look(node, Observe::view).unwrap().unwrap()).collect();
    (views, cluster.stop(LONG))
}

/// What must be the same in both, and has nothing to do with how long messages took.
fn counts(stats: &Stats) -> impl PartialEq + std::fmt::Debug {
    let Stats {
        steps, requests, requests_lost, responses, timers, sent, delivered, cut, down, crashes, restarts, ..
    } = *stats;
    let mut marks = stats.marks.clone();
    marks.sort_unstable_keys();
    let of_nodes = (steps, requests, requests_lost, responses, timers);
    (of_nodes, [sent, delivered, cut, down, crashes, restarts], marks)
}

/// Runs the plan under a check that compares what nodes show with what they showed on threads.
fn assert_replays<M>(views: Vec<M::View>, stopped: &Stopped, boot: fn(Boot<M::Durable>) -> M)
where
    M: Observe + 'static,
    M::View: Send + Sync + Clone,
    StoreWorkload: distributed_data_consistency::protocol::Workload<M>,
{
    assert!(stopped.is_drained);
    let same = move |nodes: distributed_data_consistency::sim::Nodes<'_, M>| {
        let shown: Vec<M::View> = nodes.up().map(|(_, node)| node.view()).collect();
        if shown == views { Ok(()) } else { Err(format!("{shown:?}\nand on threads {views:?}")) }
    };
    let harness = Harness::new("recorded", boot).workload(StoreWorkload::default()).at_rest("same", same);
    let outcome = harness.run(stopped.plan.as_ref().unwrap());
    outcome.assert_clean();
    assert_eq!(counts(&outcome.stats), counts(&stopped.stats));
}

#[test]
fn a_recorded_run_of_the_store_is_the_same_run_in_the_simulator() {
    for seed in 0..4 {
        let (views, stopped) = hostile::<Node>(seed, Node::boot);
        assert_replays(views, &stopped, Node::boot);
    }
}

#[test]
fn a_recorded_run_of_the_textbook_is_the_same_run_in_the_simulator() {
    let boot = |boot| ReferenceStore::boot(boot, None);
    for seed in 0..4 {
        let (views, stopped) = hostile::<ReferenceStore>(seed, boot);
        assert_replays(views, &stopped, boot);
    }
}

/// A node writes over and over, and its messages overtake each other.
fn overtaken(seed: u64) -> Plan {
    let faults = LinkFaults { delay_max: Duration::from_millis(4), ..LinkFaults::calm() };
    let boot = |boot| ReferenceStore::boot(boot, Some(Bug::FifoOnly));
    let cluster = recorded(seed, boot, faults);
    thread::scope(|scope| {
        for node in 0..2 {
            let client = cluster.client().timeout(LONG);
            scope.spawn(move || {
                for number in 0..10 {
                    client.act(node, put("cart", format!("{node}-{number}"), Some(node as u8 * 10 + number))).unwrap();
                }
            });
        }
    });
    cluster.stop(LONG).plan.unwrap()
}

/// With these delays hardly any run goes well, and each attempt is another one. Which run fails, and so how few decisions it can be shrunk
/// to, is a matter of the threads.
#[test]
fn a_failure_on_threads_is_replayed_and_shrunk() {
    let harness = textbook(Some(Bug::FifoOnly));
    let failed = (0..50).map(overtaken).find(|plan| !harness.run(plan).is_clean());
    let plan = failed.expect("updates overtake each other");
    let violation = harness.run(&plan).violation.unwrap();
    assert!(plan.fates.keys().any(|name| name.to_string().contains("→2 update #")), "fates have names");
    assert_eq!(harness.run(&plan).violation.unwrap(), violation, "and again");

    let shrunk = shrink(&harness, &plan, &ShrinkOptions::default()).expect("it fails");
    assert_eq!(shrunk.violation.check, violation.check);
    assert!(shrunk.plan.decision_count() < plan.decision_count(), "{:?}", shrunk.plan);
    assert_eq!(harness.run(&shrunk.plan).violation, Some(shrunk.violation));
    // The textbook without the bug stands the same run.
    textbook(None).run(&plan).assert_clean();
}
