//! The textbook, right or with the bug that `DDC_BUG` names: shows what a fuzzer finds, and how fast.
#![no_main]

use std::sync::LazyLock;

use distributed_data_consistency::reference_store::ReferenceStore;
use distributed_data_consistency::testing::{Fuzzer, mutate, splice};
use distributed_data_consistency_fuzz::worlds;
use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};

#[allow(clippy::disallowed_methods, reason = "a fuzz target has no command line of its own")]
static TEXTBOOK: LazyLock<Fuzzer<ReferenceStore>> = LazyLock::new(|| {
    let snapshots = concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/replays");
    worlds::textbook_worlds(std::env::var("DDC_BUG").ok().as_deref(), snapshots)
});

fuzz_target!(|data: &[u8]| worlds::run(&TEXTBOOK, data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(8) { fuzzer_mutate(data, size, max_size) } else { mutate(data, size, max_size, seed) }
});

fuzz_crossover!(|left: &[u8], right: &[u8], out: &mut [u8], seed: u32| { splice(left, right, out, seed) });
