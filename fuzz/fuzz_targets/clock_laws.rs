//! The laws of vector clocks and of sets of names.
#![no_main]

use distributed_data_consistency_fuzz::clocks::clock_laws;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| clock_laws(data));
