//! Who wants to hear how far a shrinking has come.

use std::fmt;
use std::sync::Arc;

/// How far the shrinking of one plan has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shrinking<'a> {
    /// The world that failed; `None` if it came from a plan.
    pub seed: Option<u64>,
    /// The check that it violates.
    pub check: &'a str,
    /// How many decisions the plan had at first.
    pub decisions_before: usize,
    /// How many are left.
    pub decisions: usize,
    /// How many plans were tried.
    pub runs: u64,
    /// How much was done, in steps of nodes …
    pub steps: u64,
    /// … and how much may be done: [`ShrinkOptions::steps_max`](crate::shrink::ShrinkOptions::steps_max).
    pub steps_max: u64,
}

/// `seed 0x2a, siblings: 12 of 340 decisions left after 1200 runs, 3 % of the budget`
impl fmt::Display for Shrinking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, check, decisions_before, decisions, runs, steps, steps_max } = self;
        match seed {
            Some(seed) => write!(f, "seed {seed:#x}")?,
            None => f.write_str("a plan")?,
        }
        let percent = u128::from(*steps) * 100 / u128::from((*steps_max).max(1));
        write!(f, ", {check}: {decisions} of {decisions_before} decisions left after {runs} runs")?;
        write!(f, ", {} % of the budget", percent.min(100))
    }
}

type Hear = dyn Fn(&Shrinking<'_>) + Send + Sync;

/// Hears how far a shrinking has come, now and then: after each smaller plan, and after some that were tried for nothing. Nobody, if
/// not told otherwise.
#[derive(Clone, Default)]
pub struct Watch {
    hear: Option<Arc<Hear>>,
    seed: Option<u64>,
}

impl Watch {
    /// `hear` is called on the thread that shrinks.
    pub fn new(hear: impl Fn(&Shrinking<'_>) + Send + Sync + 'static) -> Self {
        Self { hear: Some(Arc::new(hear)), seed: None }
    }

    /// The same for the world of this seed.
    pub(crate) fn of_seed(&self, seed: Option<u64>) -> Self {
        Self { seed, ..self.clone() }
    }

    pub(crate) fn tell(&self, shrinking: Shrinking<'_>) {
        if let Some(hear) = &self.hear {
            hear(&Shrinking { seed: self.seed, ..shrinking });
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("is_heard", &self.hear.is_some()).finish_non_exhaustive()
    }
}
