//! When a world is over: what is dead leaves no trace, time up is not rest, and what goes on for ever is told as that.
#![cfg(feature = "builtin")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "rest/actor.rs"]
mod actor;
#[path = "rest/answers.rs"]
mod answers;
#[path = "rest/dead.rs"]
mod dead;
#[path = "rest/endless.rs"]
mod endless;
#[path = "rest/large.rs"]
mod large;
#[path = "rest/time_up.rs"]
mod time_up;
