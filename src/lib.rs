//! A replicated key-value store that keeps every concurrent write, and the deterministic simulator that proves it, or a
//! state machine of your own.
#![forbid(unsafe_code)]

pub mod causality;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod explore;
pub mod harness;
pub mod kv;
pub mod machine;
pub mod replay;
pub mod report;
pub mod sim;
pub mod store;
pub mod textbook;

pub use harness::Harness;
pub use store::Node;
