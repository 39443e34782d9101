//! A replicated key-value store that keeps every concurrent write, and the deterministic simulator that proves it, or a
//! state machine of your own.
//!
//! # To use the store
//!
//! [`Node`] is all there is to it; see [`store`].
//!
//! # To test a protocol of your own
//!
//! 1. Write it as a [`protocol::StateMachine`]: one input at a time, effects through [`protocol::Env`].
//! 2. Describe it with [`Harness`]: how many nodes, what clients do, what must hold.
//! 3. [`Harness::sweep`] it in `cargo test`. What fails is shrunk, told on one screen, and saved as a plan file, which
//!    [`Harness::replay_dir`](harness::Harness::replay_dir) runs again for ever.
//!
//! # To read the code
//!
//! Begin with [`protocol`] (the contract), [`sim::Plan`] (the one idea: a run is a pure function of a plan) and
//! [`sim::World`] (the loop). ARCHITECTURE.md is the map.
#![forbid(unsafe_code)]

#[cfg(feature = "builtin")]
pub mod builtin;
pub mod causality;
#[cfg(feature = "harness")]
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "harness")]
pub mod determinism;
#[cfg(feature = "harness")]
pub mod explain;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "harness")]
pub mod history;
pub mod kv;
#[cfg(feature = "harness")]
pub mod model_check;
pub mod protocol;
#[cfg(feature = "builtin")]
pub mod reference_store;
#[cfg(feature = "harness")]
pub mod replay;
#[cfg(feature = "harness")]
pub mod report;
#[cfg(feature = "harness")]
mod running;
#[cfg(any(feature = "harness", feature = "store"))]
pub mod runtime;
#[cfg(feature = "harness")]
pub mod score;
#[cfg(feature = "harness")]
pub mod shrink;
#[cfg(feature = "harness")]
pub mod sim;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "harness")]
pub mod strategy;
#[cfg(feature = "harness")]
pub mod sweep;
#[cfg(feature = "harness")]
pub mod testing;

#[cfg(feature = "harness")]
pub use harness::Harness;
#[cfg(feature = "harness")]
pub use runtime::Cluster;
#[cfg(feature = "store")]
pub use runtime::SharedNode;
// The node, and all that its methods take and return.
#[cfg(feature = "store")]
pub use causality::{Actor, Dot, DotSet, VectorClock};
#[cfg(feature = "store")]
pub use kv::{Key, Value};
#[cfg(feature = "store")]
pub use protocol::NodeId;
#[cfg(feature = "store")]
pub use store::{
    Change, Config, Context, Envelope, Message, Node, Processed, Read, Retained, StoreError, Version, Written,
};

/// The examples of the documents, compiled and run.
#[cfg(all(doctest, feature = "builtin", feature = "cli", feature = "proptest"))]
mod documents {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/guide.md")]
    struct Guide;
    #[doc = include_str!("../docs/store.md")]
    struct Store;
}
