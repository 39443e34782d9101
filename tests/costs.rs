//! What a world costs: allocations and idle time. Counted, never timed.
#![cfg(feature = "builtin")]

#[path = "../benches/gossip/mod.rs"]
mod gossip;

use std::time::Duration;

use allocation_counter::measure;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{Arena, End, EventQueue, Limits, Plan, PlannedFates, World};
use gossip::{Workload, ours};

fn workload(node_count: usize, in_flight: usize) -> Workload {
    Workload { name: "", node_count, in_flight, delivery_count: 0, round_count: 0 }
}

#[test]
fn a_delivery_allocates_nothing() {
    let w1 = workload(5, 64);
    // The first world of a thread makes what says what the thread is running.
    drop(ours::live(&w1, 1));
    let allocations = |deliveries| measure(|| drop(ours::live(&w1, deliveries))).count_total;
    let [short, long] = [50_000, 500_000].map(allocations);
    assert_eq!(long, short, "ten times the deliveries allocate nothing more");
    assert!(short < 200, "{short} allocations to start a world of five nodes");
}

#[test]
fn a_queue_that_was_full_once_allocates_nothing_more() {
    let mut queue = EventQueue::new();
    let fill = |queue: &mut EventQueue<u64>, begin: u64| {
        for event in 0..5_000 {
            queue.push(Time::from_nanos(begin + event * 7_919 % 400_000_000), event);
        }
        while queue.pop().is_some() {}
    };
    fill(&mut queue, 0);
    fill(&mut queue, 450_000_000);
    // A few turns of the wheel later other buckets are full, out of the same memory.
    let again = measure(|| fill(&mut queue, 900_000_000));
    assert_eq!(again.count_total, 0);
}

#[test]
fn a_world_in_the_memory_of_another_allocates_little() {
    let plan = Plan { settle: HOUR * 10, ..Plan::new(5) };
    let boot = |_| Sleeper;
    let (mut left, mut ends) = (Arena::default(), Vec::with_capacity(2));
    let mut run = || {
        let (fates, observer) = (PlannedFates(&plan.fates), &mut ());
        let memory = std::mem::take(&mut left);
        let world = World::within(memory, &plan, &boot, None, fates, observer, Limits::default());
        let (end, memory) = world.run_and_leave();
        ends.push(end.digest);
        left = memory;
    };
    let [first, second] = [0, 1].map(|_| measure(&mut run).count_total);
    assert_eq!(ends[0], ends[1]);
    assert!(second < first / 2, "{second} allocations after {first}");
}

/// Waits an hour, and then waits again.
struct Sleeper;

const HOUR: Duration = Duration::from_secs(3_600);

impl StateMachine for Sleeper {
    type Message = ();
    type Timer = ();
    type Request = ();
    type Response = ();
    type Durable = ();

    fn start(&mut self, env: &mut Env<'_, Self>) {
        env.set_timer((), HOUR);
    }

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, _id: RequestId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
        env.set_timer((), HOUR);
    }
}

#[test]
fn an_idle_hour_costs_one_step() {
    let hours = 10_000;
    let plan = Plan { settle: HOUR * hours, ..Plan::new(1) };
    let boot = |_| Sleeper;
    let run = || World::new(&plan, &boot, None, PlannedFates(&plan.fates), &mut (), Limits::default()).run();
    let end = run();
    assert_eq!(end.end, End::TimeUp);
    // The first step is the start; the last hour ends just as time is up.
    assert_eq!(end.stats.steps, u64::from(hours) + 1);
    assert_eq!(end.at, Time::ZERO + HOUR * hours);
}
