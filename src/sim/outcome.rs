//! How far a run may go, and what is left of it.

use super::{Going, Misanswer, Stats};
use crate::protocol::{Digest, Time};

/// How far a run may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After this many steps the run ends, as one that never comes to rest; 1,000,000 if not told otherwise.
    pub step_count_max: u64,
    /// With more messages and timers than this pending the run ends, as one that never comes to rest; 1,000,000 if not told
    /// otherwise: with the usual limit of steps, more could not be handled anyway. It is looked at now and then, so that up to an
    /// eighth more may be pending when it is noticed. A timer that was moved or cancelled does not count.
    pub pending_count_max: usize,
    /// The same for the bytes that pending messages take; 512 MiB if not told otherwise. What a message takes is estimated from a
    /// few of them: its own size, or the length of its text (`Debug`) if that is more. What one step alone sends is not limited.
    pub pending_bytes_max: u64,
    /// The system sends messages for ever, as one does in which a token goes round. Without this, a world that messages alone
    /// keep going is one that never comes to rest; with it, the world is over when its time to settle is up, whatever is under way.
    pub never_rests: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            step_count_max: 1_000_000,
            pending_count_max: 1_000_000,
            pending_bytes_max: 512 << 20,
            never_rests: false,
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to happen.
    Quiet,
    /// The time to settle is up, and timers are still set.
    TimeUp,
    /// [`Limits::step_count_max`] was reached.
    TooLong,
    /// The observer stopped it, or a node gave an [answer](Misanswer) that it must not give.
    Stopped,
    /// [`Limits::pending_count_max`] or [`Limits::pending_bytes_max`] was reached.
    TooMany,
    /// The time to settle is up, and messages alone, without any timer, kept the world going as long again.
    Restless,
}

impl End {
    /// As it is told to the digest of a run.
    pub(super) fn fold(self, steps: u64, digest: &mut Digest) {
        digest.fold(steps << 2 | (self as u64).min(Self::Stopped as u64));
        if self as u64 > Self::Stopped as u64 {
            digest.fold(self as u64);
        }
    }
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
    pub stats: Stats,
    /// What kept it going, if it ended because it would not come to rest.
    pub going: Option<Going>,
    /// The answer that ended it.
    pub misanswer: Option<Misanswer>,
    /// The [armed faults](super::Plan::armed) that struck, by their places, in the order in which they did.
    pub struck: Vec<u32>,
}
