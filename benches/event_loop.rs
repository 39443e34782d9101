//! What the scheduler costs on top of a bare event loop, for the gossip of `gossip/`.
//!
//! The loops run in turns, round after round, because wall times on a shared machine drift:
//!
//! - bare loops, written by hand for this workload, over four queues, with one random stream;
//! - *same run*: one of them with the very draws of the world, so that it lives through exactly the same run, which is
//!   asserted;
//! - *world*: the same workload as a `StateMachine` in a `World`, nobody looking on.
//!
//! `cargo bench --bench event_loop` measures; with `-- --quick`, or as a test, it only checks that the loops agree. With
//! `--count` it runs the world alone, for `benches/instructions`.
//! `benches/peers` measures the same beside other simulators.

mod gossip;

use std::hint::black_box;

use gossip::spread::spread;
use gossip::{Outcome, Workload, bare, ours};

const FULL: [Workload; 2] = [
    Workload { name: "W1", node_count: 5, in_flight: 64, delivery_count: 200_000, round_count: 101 },
    Workload { name: "W2", node_count: 64, in_flight: 100_000, delivery_count: 1_000_000, round_count: 11 },
];

const QUICK: [Workload; 2] = [
    Workload { name: "W1", node_count: 5, in_flight: 64, delivery_count: 20_000, round_count: 3 },
    Workload { name: "W2", node_count: 64, in_flight: 10_000, delivery_count: 20_000, round_count: 3 },
];

/// A loop and its name.
type Loop = (&'static str, fn(&Workload) -> Outcome);

/// The loops, in the order in which they take turns. The world comes last: ratios are world to each of the others.
const LOOPS: [Loop; 6] = [
    ("heap of events", bare::heap_of_events),
    ("heap of keys", bare::heap_of_keys),
    ("4-ary heap", bare::four_ary_heap),
    ("wheel", bare::wheel),
    ("same run", bare::same_run),
    ("world", ours::world),
];

fn main() {
    // Cargo passes `--bench` when it benches, and nothing or `--test` when it tests.
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    if has("--count") {
        black_box(ours::live(&FULL[0], FULL[0].delivery_count).digest);
        return;
    }
    let quick = has("--quick") || has("--test") || !has("--bench");
    println!("ns per message          min  median     max   world / it: of medians, of pairs (min .. median .. max)");
    for workload in if quick { &QUICK } else { &FULL } {
        measure(workload);
    }
}

fn measure(workload: &Workload) {
    let mut nanos = LOOPS.map(|_| Vec::new());
    for round in 0..=workload.round_count {
        let outcomes = LOOPS.map(|(_, run)| run(workload));
        let [with_heap, others @ .., same_run, world] = &outcomes;
        for outcome in &outcomes {
            assert_eq!(outcome.delivered, workload.delivery_count, "each loop delivers as many messages");
        }
        assert!(others.iter().all(|other| other.at == with_heap.at), "the bare loops live through the same run");
        assert_eq!(same_run.at, world.at, "the world lives through the same run as the loop beside it");
        // The first round warms up.
        if round > 0 {
            nanos.iter_mut().zip(&outcomes).for_each(|(nanos, outcome)| nanos.push(outcome.nanos_each()));
        }
    }
    let [.., world] = &nanos;
    let [_, world_median, _] = spread(world.clone());
    for ((name, _), it) in LOOPS.iter().zip(&nanos) {
        let [min, median, max] = spread(it.clone());
        print!("{} {name:<16} {min:>7.1} {median:>7.1} {max:>7.1}", workload.name);
        let [low, middle, high] = spread(world.iter().zip(it).map(|(world, it)| world / it).collect());
        println!("   {:.2}   ({low:.2} .. {middle:.2} .. {high:.2})", world_median / median);
    }
}
