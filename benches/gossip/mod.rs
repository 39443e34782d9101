//! Gossip, to measure event loops by: each delivered message (id, ttl) updates two integers of its node and sends one
//! message to a random other node, 1 to 100 ms of virtual time away. So the number of messages in flight never changes,
//! and there is next to nothing to do but to run the event loop.

#![allow(dead_code, reason = "each bench uses its part")]
#![allow(unreachable_pub, reason = "several crates take it in")]
#![allow(clippy::disallowed_types, reason = "a benchmark measures real time; no run sees it")]

pub mod bare;
pub mod ours;
pub mod queues;
pub mod spread;

use std::time::Duration;

pub const SEED: u64 = 7;
pub const LATENCY_NANOS_MIN: u64 = 1_000_000;
pub const LATENCY_NANOS_MAX: u64 = 100_000_000;

/// More hops than any message makes.
pub const TTL: u64 = 1 << 40;

/// One size of the gossip.
#[derive(Clone, Copy)]
pub struct Workload {
    pub name: &'static str,
    pub node_count: usize,
    pub in_flight: usize,
    /// How many deliveries one measurement takes.
    pub delivery_count: u64,
    pub round_count: usize,
}

/// What a loop tells of its run.
#[derive(Clone, Copy)]
pub struct Outcome {
    pub delivered: u64,
    /// When the last delivery was, in nanoseconds of virtual time.
    pub at: u64,
    pub took: Duration,
}

impl Outcome {
    pub fn nanos_each(&self) -> f64 {
        self.took.as_nanos() as f64 / self.delivered as f64
    }
}

impl Workload {
    /// How many messages a node sends at the start.
    pub fn first_message_count(&self, node: usize) -> usize {
        self.in_flight / self.node_count + usize::from(node < self.in_flight % self.node_count)
    }
}

/// Another node than `me`, out of 32 random bits.
pub fn other(me: usize, node_count: usize, bits: u32) -> usize {
    let choice = below(bits, node_count as u64 - 1) as usize;
    choice + usize::from(choice >= me)
}

/// A latency, out of 32 random bits.
pub fn latency_nanos(bits: u32) -> u64 {
    LATENCY_NANOS_MIN + below(bits, LATENCY_NANOS_MAX - LATENCY_NANOS_MIN + 1)
}

fn below(bits: u32, limit: u64) -> u64 {
    (u64::from(bits) * limit) >> 32
}
