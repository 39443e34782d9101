//! The store against the textbook, told the same.
#![no_main]

use distributed_data_consistency_fuzz::versus::store_vs_textbook;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| store_vs_textbook(data));
