//! madsim: a node of its runtime for each node, its endpoints between them; messages are not encoded, as it likes best.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use distributed_data_consistency::protocol::Rng;
use madsim::net::Endpoint;
use madsim::runtime::Runtime;
use tokio::sync::Notify;

use crate::gossip::{LATENCY_NANOS_MAX, LATENCY_NANOS_MIN, Outcome, SEED, TTL, Workload, other};

const TAG: u64 = 1;

struct Progress {
    delivered: AtomicU64,
    is_done: Notify,
}

pub fn run(workload: &Workload) -> Outcome {
    let workload = *workload;
    let begun = Instant::now();
    let mut config = madsim::Config::default();
    config.net.send_latency = Duration::from_nanos(LATENCY_NANOS_MIN)..Duration::from_nanos(LATENCY_NANOS_MAX);
    let runtime = Runtime::with_seed_and_config(SEED, config);
    let progress = Arc::new(Progress { delivered: AtomicU64::new(0), is_done: Notify::new() });
    for me in 0..workload.node_count {
        let node = runtime.create_node().ip(address(me).ip()).build();
        node.spawn(gossip(me, workload, Arc::clone(&progress)));
    }
    runtime.block_on(progress.is_done.notified());
    let took = begun.elapsed();
    Outcome { delivered: progress.delivered.load(Ordering::Relaxed), at: 0, took }
}

fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, node as u8 + 1], 9_000))
}

async fn gossip(me: usize, workload: Workload, progress: Arc<Progress>) {
    let endpoint = Endpoint::bind(address(me)).await.expect("an endpoint");
    let mut rng = Rng::new(SEED, me as u64);
    let (mut heard, mut sum) = (0_u64, 0_u64);
    // All listen before any speaks.
    madsim::time::sleep(Duration::from_millis(20)).await;
    for id in 0..workload.first_message_count(me) as u64 {
        let to = other(me, workload.node_count, rng.bits());
        endpoint.send_to_raw(address(to), TAG, Box::new((id, TTL))).await.expect("nothing is cut");
    }
    loop {
        let (payload, _) = endpoint.recv_from_raw(TAG).await.expect("nothing is cut");
        let (id, ttl) = *payload.downcast::<(u64, u64)>().expect("nothing else is sent");
        heard += 1;
        sum = sum.wrapping_add(id ^ ttl);
        std::hint::black_box((heard, sum));
        if progress.delivered.fetch_add(1, Ordering::Relaxed) + 1 == workload.delivery_count {
            progress.is_done.notify_one();
        }
        let to = other(me, workload.node_count, rng.bits());
        endpoint.send_to_raw(address(to), TAG, Box::new((id, ttl - 1))).await.expect("nothing is cut");
    }
}
