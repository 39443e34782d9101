//! The store under any requests, faults and fates of messages that bytes can spell, with every check.
#![no_main]

use std::sync::LazyLock;

use distributed_data_consistency::store::Node;
use distributed_data_consistency::testing::{Fuzzer, mutate, splice};
use distributed_data_consistency_fuzz::worlds;
use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};

static STORE: LazyLock<Fuzzer<Node>> =
    LazyLock::new(|| worlds::store_worlds(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/replays")));

fuzz_target!(|data: &[u8]| worlds::run(&STORE, data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // Now and then as libFuzzer would: it knows which comparisons an input has nearly passed.
    if seed.is_multiple_of(8) { fuzzer_mutate(data, size, max_size) } else { mutate(data, size, max_size, seed) }
});

fuzz_crossover!(|left: &[u8], right: &[u8], out: &mut [u8], seed: u32| { splice(left, right, out, seed) });
