//! What came of one run.

use crate::check::Violation;
use crate::protocol::{Time, one_line};
use crate::sim::{End, Stats};

/// What came of one run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which check was violated, if one was.
    pub violation: Option<Violation>,
    /// The digest of the run: every step, every effect, the states at the end and the verdict.
    pub digest: u64,
    /// How the run ended; `None` if a node panicked.
    pub end: Option<End>,
    /// When the last thing happened.
    pub at: Time,
    /// What happened, counted.
    pub stats: Stats,
}

impl Outcome {
    /// True if no check was violated.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violation.is_none()
    }

    /// # Panics
    /// If a check was violated, with what it said.
    #[track_caller]
    pub fn assert_clean(&self) {
        if let Some(violation) = &self.violation {
            panic!("{}", tell(violation));
        }
    }

    /// For the body of a property test.
    ///
    /// # Errors
    /// If a check was violated, with what it said.
    #[cfg(feature = "proptest")]
    pub fn prop_assert_clean(&self) -> Result<(), proptest::test_runner::TestCaseError> {
        match &self.violation {
            Some(violation) => Err(proptest::test_runner::TestCaseError::fail(tell(violation))),
            None => Ok(()),
        }
    }
}

fn tell(violation: &Violation) -> String {
    let mut told = format!("VIOLATED {violation}");
    for reason in &violation.breach.because {
        told.push_str("\n  because  ");
        told.push_str(&one_line(reason));
    }
    told
}
