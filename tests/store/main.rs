//! The store through its public interface: the plain interface, what it refuses, bytes, and anti-entropy by hand.
#![cfg(feature = "builtin")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod amnesia;
mod bytes;
mod common;
mod hints;
mod key_contexts;
mod limits;
mod nameless;
mod plain;
mod promises;
mod refused;
mod rest;
mod sharing;
mod world;
