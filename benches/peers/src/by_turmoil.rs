//! turmoil: a host for each node, datagrams between them. Its latencies are exponential between the bounds.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use distributed_data_consistency::protocol::Rng;
use turmoil::net::UdpSocket;

use crate::gossip::{LATENCY_NANOS_MAX, LATENCY_NANOS_MIN, Outcome, SEED, TTL, Workload, other};

const PORT: u16 = 9_000;

pub fn tick_1ms(workload: &Workload) -> Outcome {
    run(workload, Duration::from_millis(1))
}

pub fn tick_10ms(workload: &Workload) -> Outcome {
    run(workload, Duration::from_millis(10))
}

fn run(workload: &Workload, tick: Duration) -> Outcome {
    let workload = *workload;
    let begun = Instant::now();
    let mut sim = turmoil::Builder::new()
        .rng_seed(SEED)
        .tick_duration(tick)
        .simulation_duration(Duration::from_secs(1 << 30))
        .min_message_latency(Duration::from_nanos(LATENCY_NANOS_MIN))
        .max_message_latency(Duration::from_nanos(LATENCY_NANOS_MAX))
        .udp_capacity(workload.in_flight.max(64))
        .build();
    let delivered = Rc::new(Cell::new(0));
    for me in 0..workload.node_count {
        let delivered = Rc::clone(&delivered);
        sim.host(name(me), move || gossip(me, workload, Rc::clone(&delivered)));
    }
    while delivered.get() < workload.delivery_count {
        sim.step().expect("no node fails");
    }
    Outcome { delivered: delivered.get(), at: 0, took: begun.elapsed() }
}

fn name(node: usize) -> String {
    format!("node-{node}")
}

async fn gossip(me: usize, workload: Workload, delivered: Rc<Cell<u64>>) -> turmoil::Result {
    let socket = UdpSocket::bind(("0.0.0.0", PORT)).await?;
    let peers: Vec<_> = (0..workload.node_count).map(|node| (turmoil::lookup(name(node)), PORT)).collect();
    let mut rng = Rng::new(SEED, me as u64);
    let (mut heard, mut sum) = (0_u64, 0_u64);
    let mut bytes = [0; 16];
    // All listen before any speaks.
    tokio::time::sleep(Duration::from_millis(20)).await;
    for id in 0..workload.first_message_count(me) as u64 {
        let to = other(me, workload.node_count, rng.bits());
        socket.send_to(&encode(id, TTL), peers[to]).await?;
    }
    loop {
        socket.recv_from(&mut bytes).await?;
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let (id, ttl) = (number(0), number(8));
        heard += 1;
        sum = sum.wrapping_add(id ^ ttl);
        std::hint::black_box((heard, sum));
        delivered.set(delivered.get() + 1);
        let to = other(me, workload.node_count, rng.bits());
        socket.send_to(&encode(id, ttl - 1), peers[to]).await?;
    }
}

fn encode(id: u64, ttl: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&id.to_le_bytes());
    bytes[8..].copy_from_slice(&ttl.to_le_bytes());
    bytes
}
