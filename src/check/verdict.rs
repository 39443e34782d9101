//! What a judge of a history answers.

use super::Breach;
use crate::history::OperationId;

/// What a judge of a history answers: never a guess.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is as promised.
    Holds,
    /// It is not.
    Violated(Box<Misfit>),
    /// The search reached a limit before it knew, after so many states.
    Unknown {
        /// How many.
        states: u64,
    },
}

/// What does not fit into a history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Misfit {
    /// The operations that cannot follow, the decisive one first: its answer is the first that nothing explains.
    pub stuck: Vec<OperationId>,
    /// All that was answered before, in an order that explains it. Empty where the judge asks for no order.
    pub ordered: Vec<OperationId>,
    /// The same in words, as a check tells it.
    pub breach: Breach,
}

impl Verdict {
    /// True if the promise is known to hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        *self == Self::Holds
    }

    /// What does not fit, if that is known.
    #[must_use]
    pub fn misfit(&self) -> Option<&Misfit> {
        match self {
            Self::Violated(misfit) => Some(misfit),
            _ => None,
        }
    }

    /// # Panics
    /// If the promise is not known to hold, with the reasons.
    #[track_caller]
    pub fn assert_holds(&self) {
        match self {
            Self::Holds => {}
            Self::Violated(misfit) => panic!("VIOLATED {}{}", misfit.breach.summary, reasons(&misfit.breach)),
            Self::Unknown { states } => panic!("unknown after {states} states: expected a verdict; raise the limits"),
        }
    }
}

fn reasons(breach: &Breach) -> String {
    breach.because.iter().map(|reason| format!("\n  because  {reason}")).collect()
}
