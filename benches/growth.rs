//! How the cost of an event grows with the number of nodes and of pending messages, and how much memory a pending message
//! takes: the gossip of `gossip/`, in a world that nobody looks at. And what the checks of the store cost a step, by how long the
//! world is: what the oracle remembers must not make its steps longer. Then one number after the other grows, requests, keys,
//! nodes, decisions, files, traces, and an exponent tells how the time grows with it (`dimensions/`).
//!
//! `--once <dimension> <size>` runs a single one, to be counted with valgrind, whose instructions tell work from caches that are missed.
//! `cargo bench --bench growth` prints tables and writes `docs/growth.svg`; as a test it only runs small sizes once.

#![expect(clippy::disallowed_types, reason = "a benchmark measures real time; no run sees it")]

mod dimensions;
mod gossip;
mod plot;

use std::time::Instant;

use distributed_data_consistency::check::{Convergence, Identity, Residue, Siblings};
use distributed_data_consistency::harness::Harness;
use distributed_data_consistency::kv::StoreWorkload;
use distributed_data_consistency::store::Node;
use distributed_data_consistency::strategy::Profile;
use gossip::spread::spread;
use gossip::{Workload, bare, ours};
use peak_alloc::PeakAlloc;
use plot::{Curve, plot};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const NODES: [usize; 7] = [3, 10, 30, 100, 300, 1_000, 4_096];
const PENDING: [usize; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// The size that stays the same while the other grows.
const NODES_MIDDLE: usize = 10;
const PENDING_MIDDLE: usize = 1_000;

const ROUNDS: usize = 3;

/// Requests of a world of the store; the first is about what a sweep draws. Time and faults grow along.
const REQUESTS: [u32; 4] = [12, 120, 360, 1_200];
const REQUESTS_ALL: u32 = 12_000;

fn main() {
    if let [_, once, name, size, ..] = &*std::env::args().collect::<Vec<_>>()
        && once == "--once"
    {
        return dimensions::once(name, size.parse().expect("expect: a size"));
    }
    let quick = !std::env::args().any(|arg| arg == "--bench");
    let (nodes, pending) = if quick { (&NODES[..2], &PENDING[..2]) } else { (&NODES[..], &PENDING[..]) };
    dimensions::print(quick);
    println!(
        "\n{:>9}{:>11}{:>10}{:>10}{:>15}{:>17}",
        "nodes", "pending", "ns", "wheel ns", "std heap ns", "bytes a message"
    );
    let by_pending: Vec<[f64; 4]> = pending.iter().map(|pending| measure(NODES_MIDDLE, *pending, quick)).collect();
    checks(if quick { &REQUESTS[..1] } else { &REQUESTS }, quick);
    let by_nodes: Vec<[f64; 4]> = nodes.iter().map(|nodes| measure(*nodes, PENDING_MIDDLE, quick)).collect();
    if quick {
        return;
    }
    let curve = |name, sizes: &[usize], rows: &[[f64; 4]], column: usize| Curve {
        name,
        points: sizes.iter().zip(rows).map(|(size, row)| (*size as f64, row[column])).collect(),
    };
    let svg = plot(&[
        (
            "ns an event by pending messages, 10 nodes",
            vec![
                curve("world", pending, &by_pending, 0),
                curve("bare loop, wheel", pending, &by_pending, 1),
                curve("bare loop, std heap", pending, &by_pending, 2),
            ],
        ),
        (
            "ns an event by nodes, 1,000 messages pending",
            vec![
                curve("world", nodes, &by_nodes, 0),
                curve("bare loop, wheel", nodes, &by_nodes, 1),
                curve("bare loop, std heap", nodes, &by_nodes, 2),
            ],
        ),
        ("bytes a pending message of 16 bytes, 10 nodes", vec![curve("world", &pending[2..], &by_pending[2..], 3)]),
    ]);
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    std::fs::create_dir_all(docs).expect("docs can be made");
    std::fs::write(format!("{docs}/growth.svg"), svg).expect("docs/growth.svg can be written");
    println!("docs/growth.svg");
}

/// What a step of the store costs alone, and what all checks add to it.
fn checks(requests: &[u32], quick: bool) {
    println!("{:>9}{:>11}{:>10}{:>15}", "requests", "steps", "store ns", "checks more ns");
    for &count in requests {
        let scale = count.div_ceil(REQUESTS[0]);
        let hostile = Profile::hostile();
        let profile =
            Profile { hostile_max: hostile.hostile_max * scale, faults_max: hostile.faults_max * scale, ..hostile };
        let store = || Harness::new("store", Node::boot).profile(profile.clone()).request_counts(count..=count);
        let store = || store().workload(StoreWorkload::default());
        let alone = store();
        let checked = store().check(Siblings::new()).check(Identity::new()).check(Residue::new());
        let checked = checked.check(Convergence::new());
        let worlds = if quick { 1 } else { u64::from(REQUESTS_ALL / count) };
        let nanos = |harness: &Harness<Node>| {
            let start = Instant::now();
            let steps: u64 = (0..worlds).map(|seed| harness.run_seed(seed).stats.steps).sum();
            (start.elapsed().as_nanos() as f64 / steps as f64, steps)
        };
        let rounds = (0..if quick { 1 } else { ROUNDS }).map(|_| (nanos(&alone), nanos(&checked)));
        let (alone, checked): (Vec<_>, Vec<_>) = rounds.unzip();
        let (best, steps) = (|all: &[(f64, u64)]| spread(all.iter().map(|one| one.0).collect())[0], checked[0].1);
        let more = best(&checked) - best(&alone);
        println!("{count:>9}{:>11}{:>10.0}{more:>15.0}", steps / worlds, best(&alone));
    }
}

/// The best of some rounds in turn, as others use the machine too: ns of the world, of a bare wheel, of a std heap of events; and bytes a pending message.
fn measure(node_count: usize, in_flight: usize, quick: bool) -> [f64; 4] {
    // Each message is delivered at least twice, or what is measured is how they were sent first.
    let delivery_count = if quick { 1_000 } else { (4 * in_flight as u64).max(100_000) };
    let rounds = if quick { 1 } else { ROUNDS };
    let workload = Workload { name: "", node_count, in_flight, delivery_count, round_count: rounds };
    let loops = [ours::world, bare::wheel, bare::heap_of_events];
    let mut nanos = loops.map(|_| Vec::new());
    for _ in 0..rounds {
        nanos.iter_mut().zip(loops).for_each(|(nanos, run)| nanos.push(run(&workload).nanos_each()));
    }
    let [world, wheel, heap] = nanos.map(|nanos| spread(nanos)[0]);
    let bytes = ours::memory(&workload, delivery_count, || ALLOCATED.current_usage()) as f64 / in_flight as f64;
    println!("{node_count:>9}{in_flight:>11}{world:>10.1}{wheel:>10.1}{heap:>15.1}{bytes:>17.0}");
    [world, wheel, heap, bytes]
}
