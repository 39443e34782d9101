//! A broken promise, as data.

use std::fmt;

use crate::protocol::{Time, one_line, visible};

/// How a promise is broken: what a check says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// What sort of breach, in a word or two that stay the same when the run is shrunk: a smaller run shows the same
    /// failure only if its check and its sort are the same.
    pub sort: &'static str,
    /// What it is about, such as `key "cart"`, where a run can break one promise about several things; else empty. A
    /// smaller run shows the same failure only if it is about the same.
    pub subject: String,
    /// What is wrong, on one line.
    pub summary: String,
    /// Why, a sentence each, without the word "because".
    pub because: Vec<String>,
}

impl Breach {
    /// A breach of this sort.
    pub fn new(sort: &'static str, summary: impl Into<String>) -> Self {
        Self { sort, subject: String::new(), summary: summary.into(), because: Vec::new() }
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
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
    /// True if `other` is the same failure: the same check, broken in the same sort of way, about the same subject.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.is_about(other, &other.breach.subject)
    }

    /// True if `other` is the same failure, but for its subject, which goes by the name `subject` here.
    #[must_use]
    pub fn is_about(&self, other: &Self, subject: &str) -> bool {
        self.check == other.check && self.breach.sort == other.breach.sort && self.breach.subject == subject
    }
}

/// `siblings: key "cart" lost write b (by node 1) on node 2`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", visible(&self.check), one_line(&self.breach.summary))
    }
}
