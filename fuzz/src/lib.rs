//! The bodies of the fuzz targets: each takes any bytes, and panics where they show a mistake.
//!
//! They know of no fuzzer, so that `tests/fuzz_bodies.rs` can run them as an ordinary test.
#![forbid(unsafe_code)]

pub mod clocks;
pub mod feedback;
pub mod plan_file;
pub mod versus;
pub mod wire;
pub mod worlds;
