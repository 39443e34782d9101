//! A broken promise, as data.

use std::fmt;

use crate::machine::Time;

/// How a promise is broken: what a check says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// What sort of breach, in a word or two that stay the same when the run is shrunk: a smaller run shows the same
    /// failure only if its check and its sort are the same.
    pub sort: &'static str,
    /// What is wrong, on one line.
    pub summary: String,
    /// Why, a sentence each, without the word "because".
    pub because: Vec<String>,
}

impl Breach {
    /// A breach of this sort.
    pub fn new(sort: &'static str, summary: impl Into<String>) -> Self {
        Self { sort, summary: summary.into(), because: Vec::new() }
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.because.push(reason.into());
        self
    }
}

/// Which check was violated, when, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The check.
    pub check: String,
    /// How.
    pub breach: Breach,
    /// In which step of the run, or after which.
    pub step: u64,
    /// When.
    pub at: Time,
}

impl Violation {
    /// True if `other` is the same failure: the same check, broken in the same sort of way.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.check == other.check && self.breach.sort == other.breach.sort
    }
}

/// `siblings: key "cart" lost write b (by node 1) on node 2`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.breach.summary)
    }
}
