//! A replicated key-value store that keeps every concurrent write, and the deterministic simulator that proves it, or a
//! state machine of your own.
//!
//! # To use the store
//!
//! [`Node`] is all there is to it; see [`store`].
//!
//! # To test a protocol of your own
//!
//! 1. Write it as a [`machine::StateMachine`]: one input at a time, effects through [`machine::Env`].
//! 2. Describe it with [`Harness`]: how many nodes, what clients do, what must hold.
//! 3. [`Harness::sweep`] it in `cargo test`. What fails is shrunk, told on one screen, and saved as a plan file, which
//!    [`Harness::replay_dir`](harness::Harness::replay_dir) runs again for ever.
//!
//! # To read the code
//!
//! Begin with [`machine`] (the contract), [`sim::Plan`] (the one idea: a run is a pure function of a plan) and
//! [`sim::World`] (the loop). ARCHITECTURE.md is the map.
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
pub mod runtime;
pub mod sim;
pub mod store;
pub mod textbook;

pub use harness::Harness;
pub use runtime::{Cluster, SharedNode};
// The node, and all that its methods take and return.
pub use causality::{Actor, Dot, DotSet, VectorClock};
pub use kv::{Key, Value};
pub use machine::NodeId;
pub use store::{
    Change, Config, Context, Envelope, Leftovers, Message, Node, Outcome, Processed, Read, StoreError, Version, Written,
};

/// The examples of the README, compiled and run.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
