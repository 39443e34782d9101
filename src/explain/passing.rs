//! A plan beside a failing one that passes.

use std::time::Duration;

use crate::harness::Recorded;
use crate::protocol::Time;
use crate::sim::Plan;

/// How much later messages and requests are tried.
pub(super) const LATER: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(50)];

/// A plan that differs in one thing from one that fails, and passes.
#[derive(Clone, Debug)]
pub struct Twin {
    /// What differs, as in "it passes …": `without "2→0 update #1 dropped"`.
    pub change: String,
    /// Which sort of decision differs.
    pub changed: Changed,
    /// The plan that passes.
    pub plan: Plan,
    /// Where the runs part.
    pub parting: Option<Parting>,
}

/// Which sort of decision a twin differs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// What becomes of a message.
    Fate,
    /// A crash or a partition.
    Fault,
    /// A limit of the machine.
    Knob,
    /// What a disk does.
    Disk,
    /// When a timer fires.
    Timer,
    /// A node's clock.
    Clock,
    /// What a client asks, when, or of whom.
    Request,
}

/// The first step that one of two runs takes and the other does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// The step of the run that takes it first.
    pub step: u64,
    /// When.
    pub at: Time,
    /// What happens then.
    pub what: String,
}

pub(super) fn change(changed: Changed, change: String, failing: &Recorded, edit: impl FnOnce(&mut Plan)) -> Twin {
    let mut plan = failing.plan.clone();
    edit(&mut plan);
    Twin { change, changed, plan, parting: None }
}
