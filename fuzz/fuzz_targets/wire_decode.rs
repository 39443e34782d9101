//! Bytes as messages, in the form of each codec.
#![no_main]

use distributed_data_consistency_fuzz::wire::wire_decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| wire_decode(data));
