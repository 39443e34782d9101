//! Worlds that fit the system: its own scale, late timers, clocks, and faults at moments that matter.
#![cfg(all(feature = "builtin", feature = "proptest"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod decisions;
mod found;
mod machines;
mod measured;
mod raft;
mod scenarios;

use std::num::NonZeroUsize;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::StateMachine;
use distributed_data_consistency::sweep::{Seeds, SweepOptions};

/// Sweeps without asking the environment: these tests need the worlds they name.
pub(crate) fn options(worlds: u64) -> SweepOptions {
    let mut options = SweepOptions::new(Seeds::first(worlds));
    options.jobs = NonZeroUsize::new(2).unwrap();
    options
}

/// The first of so many worlds that fails.
pub(crate) fn first_failing<M: StateMachine>(harness: &Harness<M>, worlds: u64) -> Option<u64> {
    (0..worlds).find(|seed| !harness.run_seed(*seed).is_clean())
}
