//! The store under any requests, faults and fates of messages that bytes can spell, with every check.
//!
//! `cargo fuzz run message_order` with a nightly compiler, or `cargo fuzz run -s none message_order` with a stable one.
#![no_main]

use std::sync::LazyLock;

use distributed_data_consistency::cli::store;
use distributed_data_consistency::harness::Fuzzer;
use distributed_data_consistency::store::Node;
use libfuzzer_sys::fuzz_target;

static FUZZER: LazyLock<Fuzzer<Node>> =
    LazyLock::new(|| store().snapshots(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/replays")).fuzzer());

fuzz_target!(|data: &[u8]| FUZZER.run(data));
