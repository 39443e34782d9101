//! Clusters on threads: what clients are told, what becomes of nodes, and that a recorded run is a plan like any other.
#![cfg(feature = "builtin")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "cluster/bounds.rs"]
mod bounds;
#[path = "cluster/errors.rs"]
mod errors;
#[path = "cluster/panics.rs"]
mod panics;
#[cfg(feature = "cli")]
#[path = "cluster/recorded.rs"]
mod recorded;
#[path = "cluster/stress.rs"]
mod stress;
#[path = "cluster/stressed.rs"]
mod stressed;
