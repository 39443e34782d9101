//! What the scheduler costs on top of a bare event loop.
//!
//! The workload is gossip: each delivered message (id, ttl) updates two integers of its node and sends one message to a
//! random other node, 1 to 100 ms of virtual time away. So the number of messages in flight never changes, and there
//! is next to nothing to do but to run the event loop.
//!
//! Three loops run it in turns, round after round, because wall times on a shared machine drift:
//!
//! - *bare*: a std `BinaryHeap` of whole events, one random stream, two 32-bit draws a message;
//! - *same run*: the same, but with the very draws of the world (a 64-bit one from the node's stream, another from the
//!   network's), so that it lives through exactly the same run, which is asserted;
//! - *world*: the same workload as a [`StateMachine`] in a [`World`], nobody looking on.
//!
//! `cargo bench --bench event_loop` measures; with `-- --quick`, or as a test, it only checks that the loops agree.

#![expect(clippy::disallowed_types, reason = "a benchmark measures real time; no run sees it")]

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use distributed_data_consistency::machine::{Boot, Digest, Env, NodeId, RequestId, Rng, StateMachine, Time};
use distributed_data_consistency::sim::{End, Fate, Fates, Limits, NameRef, Plan, World};

const SEED: u64 = 7;
const LATENCY_NANOS_MIN: u64 = 1_000_000;
const LATENCY_NANOS_MAX: u64 = 100_000_000;

/// The stream that latencies are drawn from.
const LATENCY_STREAM: u64 = 0;

/// As the world numbers the nodes' own streams. If that ever changes, the loops no longer agree, and we hear of it.
const NODE_STREAM: u64 = 1 << 32;

/// More hops than any message makes.
const TTL: u64 = 1 << 40;

/// One size of the gossip.
struct Workload {
    name: &'static str,
    node_count: usize,
    in_flight: usize,
    /// How many deliveries one measurement takes.
    delivery_count: u64,
    round_count: usize,
}

const FULL: [Workload; 2] = [
    Workload { name: "W1", node_count: 5, in_flight: 64, delivery_count: 1_000_000, round_count: 31 },
    Workload { name: "W2", node_count: 64, in_flight: 100_000, delivery_count: 2_000_000, round_count: 11 },
];

const QUICK: [Workload; 2] = [
    Workload { name: "W1", node_count: 5, in_flight: 64, delivery_count: 20_000, round_count: 3 },
    Workload { name: "W2", node_count: 64, in_flight: 10_000, delivery_count: 20_000, round_count: 3 },
];

/// A loop and its name.
type Loop = (&'static str, fn(&Workload) -> Outcome);

/// The loops, in the order in which they take turns. The world comes last: ratios are world to each of the others.
const LOOPS: [Loop; 3] = [("bare", bare), ("same run", same_run), ("world", world)];

/// What a loop tells of its run.
struct Outcome {
    delivered: u64,
    /// When the last delivery was.
    at: Time,
    took: Duration,
}

fn main() {
    // Cargo passes `--bench` when it benches, and nothing or `--test` when it tests.
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
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
        for outcome in &outcomes {
            assert_eq!(outcome.delivered, workload.delivery_count, "each loop delivers as many messages");
        }
        assert_eq!(outcomes[1].at, outcomes[2].at, "the world lives through the same run as the loop beside it");
        // The first round warms up.
        if round > 0 {
            for (nanos, outcome) in nanos.iter_mut().zip(&outcomes) {
                nanos.push(outcome.took.as_nanos() as f64 / outcome.delivered as f64);
            }
        }
    }
    let [.., world] = &nanos;
    for ((name, _), it) in LOOPS.iter().zip(&nanos) {
        let [min, median, max] = spread(it.clone());
        print!("{} {name:<16} {min:>7.1} {median:>7.1} {max:>7.1}", workload.name);
        if *name == "world" {
            println!();
            continue;
        }
        let [_, world_median, _] = spread(world.clone());
        let [low, middle, high] = spread(world.iter().zip(it).map(|(world, it)| world / it).collect());
        println!("   {:.2}   ({low:.2} .. {middle:.2} .. {high:.2})", world_median / median);
    }
}

/// Minimum, median and maximum.
fn spread(mut numbers: Vec<f64>) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    [numbers[0], numbers[numbers.len() / 2], numbers[numbers.len() - 1]]
}

impl Workload {
    /// How many messages a node sends at the start.
    fn first_message_count(&self, node: usize) -> usize {
        self.in_flight / self.node_count + usize::from(node < self.in_flight % self.node_count)
    }
}

/// Another node than `me`; `choice` is below `node_count - 1`.
fn other(me: usize, choice: usize) -> usize {
    choice + usize::from(choice >= me)
}

// The world.

#[derive(Clone, Debug)]
struct Gossip {
    id: u64,
    ttl: u64,
}

/// A node, and the two integers that each message updates.
struct Gossiper {
    first_message_count: usize,
    heard: u64,
    sum: u64,
}

impl Gossiper {
    fn pass_on(gossip: Gossip, env: &mut Env<'_, Self>) {
        let (me, peer_count) = (env.id().index(), env.node_count() as u64 - 1);
        let to = other(me, env.rng().below(peer_count) as usize);
        env.send(NodeId::new(to), gossip);
    }
}

impl StateMachine for Gossiper {
    type Message = Gossip;
    type Timer = ();
    type Request = ();
    type Response = ();
    type Durable = ();

    fn start(&mut self, env: &mut Env<'_, Self>) {
        for id in 0..self.first_message_count as u64 {
            Self::pass_on(Gossip { id, ttl: TTL }, env);
        }
    }

    fn on_message(&mut self, _from: NodeId, Gossip { id, ttl }: Gossip, env: &mut Env<'_, Self>) {
        self.heard += 1;
        self.sum = self.sum.wrapping_add(id ^ ttl);
        if ttl > 0 {
            Self::pass_on(Gossip { id, ttl: ttl - 1 }, env);
        }
    }

    fn on_request(&mut self, _id: RequestId, _request: (), _env: &mut Env<'_, Self>) {}

    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.heard);
        digest.fold(self.sum);
    }
}

struct RandomLatency(Rng);

impl Fates for RandomLatency {
    fn wants_names(&self) -> bool {
        false
    }

    fn fate(&mut self, _name: NameRef<'_>, _at: Time) -> Option<Fate> {
        let nanos = self.0.between(LATENCY_NANOS_MIN, LATENCY_NANOS_MAX);
        Some(Fate::delay(Duration::from_nanos(nanos)))
    }
}

fn world(workload: &Workload) -> Outcome {
    let plan = Plan { seed: SEED, heal_at: Time::from_nanos(u64::MAX), ..Plan::new(workload.node_count) };
    let boot = |boot: Boot<()>| Gossiper {
        first_message_count: workload.first_message_count(boot.id.index()),
        heard: 0,
        sum: 0,
    };
    let fates = RandomLatency(Rng::new(SEED, LATENCY_STREAM));
    // The starts of the nodes are steps, too.
    let limits = Limits { step_count_max: workload.delivery_count + workload.node_count as u64 };
    let begun = Instant::now();
    let end = World::new(&plan, &boot, None, fates, &mut (), limits).run();
    let took = begun.elapsed();
    black_box(end.digest);
    assert_eq!(end.end, End::TooLong, "gossip never ends by itself");
    Outcome { delivered: end.tally.delivered, at: end.at, took }
}

// The loops beside it.

struct Delivery {
    at: u64,
    sequence: u64,
    to: u32,
    id: u64,
    ttl: u64,
}

impl Delivery {
    /// Their order, as one number: a sixth faster than the derived order, field by field.
    fn key(&self) -> u128 {
        u128::from(self.at) << 64 | u128::from(self.sequence)
    }
}

impl Ord for Delivery {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Delivery {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Delivery {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Delivery {}

fn bare(workload: &Workload) -> Outcome {
    let mut rng = Rng::new(SEED, LATENCY_STREAM);
    bare_loop(workload, move |me, peer_count| {
        let below = |bits: u32, limit: u64| (u64::from(bits) * limit) >> 32;
        let to = other(me, below(rng.bits(), peer_count) as usize);
        (to, LATENCY_NANOS_MIN + below(rng.bits(), LATENCY_NANOS_MAX - LATENCY_NANOS_MIN + 1))
    })
}

fn same_run(workload: &Workload) -> Outcome {
    let mut latencies = Rng::new(SEED, LATENCY_STREAM);
    let mut nodes: Vec<Rng> = (0..workload.node_count as u64).map(|node| Rng::new(SEED, NODE_STREAM + node)).collect();
    bare_loop(workload, move |me, peer_count| {
        let to = other(me, nodes[me].below(peer_count) as usize);
        (to, latencies.between(LATENCY_NANOS_MIN, LATENCY_NANOS_MAX))
    })
}

/// The event loop as one writes it by hand. `draw` is given a node and how many others there are, and says to whom the
/// node sends, and how long the message takes.
fn bare_loop(workload: &Workload, mut draw: impl FnMut(usize, u64) -> (usize, u64)) -> Outcome {
    let begun = Instant::now();
    let peer_count = workload.node_count as u64 - 1;
    let mut heap = BinaryHeap::new();
    let mut nodes = vec![(0_u64, 0_u64); workload.node_count];
    let mut sequence = 0;
    for node in 0..workload.node_count {
        for id in 0..workload.first_message_count(node) as u64 {
            let (to, at) = draw(node, peer_count);
            heap.push(Reverse(Delivery { at, sequence, to: to as u32, id, ttl: TTL }));
            sequence += 1;
        }
    }
    let (mut delivered, mut now) = (0, 0);
    while delivered < workload.delivery_count {
        let Some(Reverse(Delivery { at, to, id, ttl, .. })) = heap.pop() else { break };
        now = at;
        delivered += 1;
        let (heard, sum) = &mut nodes[to as usize];
        *heard += 1;
        *sum = sum.wrapping_add(id ^ ttl);
        if ttl > 0 {
            let (next, latency) = draw(to as usize, peer_count);
            heap.push(Reverse(Delivery { at: now + latency, sequence, to: next as u32, id, ttl: ttl - 1 }));
            sequence += 1;
        }
    }
    drop(heap);
    let took = begun.elapsed();
    black_box(nodes);
    Outcome { delivered, at: Time::from_nanos(now), took }
}
