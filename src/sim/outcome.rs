//! How far a run may go, and what is left of it.

use super::Tally;
use crate::protocol::{Digest, Time};

/// How far a run may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After this many steps the run ends, as one that never comes to rest.
    pub step_count_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { step_count_max: 1_000_000 }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to happen.
    Quiet,
    /// The time to settle is up.
    TimeUp,
    /// [`Limits::step_count_max`] was reached.
    TooLong,
    /// The observer stopped it.
    Stopped,
}

/// What is left of a run.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// How it ended.
    pub end: End,
    /// When the last thing happened.
    pub at: Time,
    /// The digest of everything that happened.
    pub digest: Digest,
    /// What happened, counted.
    pub tally: Tally,
}
