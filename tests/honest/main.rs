//! What is asked is done or refused, what was run is said, and what was found is told.
#![cfg(all(feature = "cli", feature = "proptest"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;
mod names;
mod numbers;
mod output;
mod saved;
mod settings;
mod shown;
mod unmet;
mod vacuous;
