//! The event loop as one writes it by hand for this one workload, over queues that differ.

use std::hint::black_box;
use std::time::Instant;

use distributed_data_consistency::protocol::Rng;

use super::ours::LATENCY_STREAM;
use super::queues::{Events, FourAryHeap, Queue, StdHeap, Wheel};
use super::{Outcome, SEED, TTL, Workload, latency_nanos, other};

/// As the world numbers the nodes' own streams. If that ever changes, the loops no longer agree, and we hear of it.
const NODE_STREAM: u64 = 1 << 32;

#[derive(Clone, Copy)]
pub struct Message {
    to: u32,
    id: u64,
    ttl: u64,
}

pub fn heap_of_events(workload: &Workload) -> Outcome {
    bare_loop::<Events<Message>>(workload, one_stream(workload))
}

pub fn heap_of_keys(workload: &Workload) -> Outcome {
    bare_loop::<StdHeap<Message>>(workload, one_stream(workload))
}

pub fn four_ary_heap(workload: &Workload) -> Outcome {
    bare_loop::<FourAryHeap<Message>>(workload, one_stream(workload))
}

pub fn wheel(workload: &Workload) -> Outcome {
    bare_loop::<Wheel<Message>>(workload, one_stream(workload))
}

/// With the very draws of the world, so that it lives through exactly the same run.
pub fn same_run(workload: &Workload) -> Outcome {
    let mut latencies = Rng::new(SEED, LATENCY_STREAM);
    let mut nodes: Vec<Rng> = (0..workload.node_count as u64).map(|node| Rng::new(SEED, NODE_STREAM + node)).collect();
    let node_count = workload.node_count;
    bare_loop::<Events<Message>>(workload, move |me| {
        (other(me, node_count, nodes[me].bits()), latency_nanos(latencies.bits()))
    })
}

/// All draws from one stream: the least that the workload needs.
fn one_stream(workload: &Workload) -> impl FnMut(usize) -> (usize, u64) {
    let (mut rng, node_count) = (Rng::new(SEED, LATENCY_STREAM), workload.node_count);
    move |me| (other(me, node_count, rng.bits()), latency_nanos(rng.bits()))
}

/// `draw` is given a node, and says to whom it sends and how long the message takes.
fn bare_loop<Q: Queue<Message>>(workload: &Workload, mut draw: impl FnMut(usize) -> (usize, u64)) -> Outcome {
    let begun = Instant::now();
    let mut queue = Q::default();
    let mut nodes = vec![(0_u64, 0_u64); workload.node_count];
    for node in 0..workload.node_count {
        for id in 0..workload.first_message_count(node) as u64 {
            let (to, at) = draw(node);
            queue.push(at, Message { to: to as u32, id, ttl: TTL });
        }
    }
    let (mut delivered, mut now) = (0, 0);
    while delivered < workload.delivery_count {
        let Some((at, Message { to, id, ttl })) = queue.pop() else { break };
        now = at;
        delivered += 1;
        let (heard, sum) = &mut nodes[to as usize];
        *heard += 1;
        *sum = sum.wrapping_add(id ^ ttl);
        if ttl > 0 {
            let (next, latency) = draw(to as usize);
            queue.push(now + latency, Message { to: next as u32, id, ttl: ttl - 1 });
        }
    }
    drop(queue);
    let took = begun.elapsed();
    black_box(nodes);
    Outcome { delivered, at: now, took }
}
