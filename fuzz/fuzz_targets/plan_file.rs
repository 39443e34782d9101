//! Bytes as the text of a plan file.
#![no_main]

use distributed_data_consistency_fuzz::plan_file::plan_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| plan_file(data));
