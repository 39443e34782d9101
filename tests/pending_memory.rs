//! How much memory a pending message takes.
#![cfg(feature = "harness")]

#[path = "../benches/gossip/mod.rs"]
mod gossip;

use gossip::{Workload, ours};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// So many bytes beside the message itself.
const BYTES_BESIDE_MAX: usize = 48;

#[test]
fn a_pending_message_takes_little_more_than_itself() {
    for (node_count, in_flight) in [(5, 100_000), (64, 100_000), (64, 300_000)] {
        let workload = Workload { name: "", node_count, in_flight, delivery_count: 0, round_count: 0 };
        let bytes = ours::memory(&workload, 3 * in_flight as u64, || ALLOCATED.current_usage()) / in_flight;
        let payload = size_of::<ours::Gossip>();
        assert!(bytes > payload, "{bytes} bytes cannot be all");
        assert!(bytes <= payload + BYTES_BESIDE_MAX, "{bytes} bytes a message of {payload} with {in_flight} in flight");
    }
}
