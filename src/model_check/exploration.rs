//! What an exhaustive search has covered and found, and how far that goes.

use indexmap::IndexMap;

use super::Reduction;
use crate::sim::Stats;
use crate::sweep::Failure;

/// What an exhaustive search has covered and found. The same scope gives the same, whatever the number of threads, unless it is
/// stopped.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// The system that was searched.
    pub system: String,
    /// How many request sets.
    pub request_sets: u64,
    /// Which runs were taken for the same.
    pub reduction: Reduction,
    /// How many runs were made.
    pub executions: u64,
    /// What happened in these runs before the world healed.
    pub happened: Happened,
    /// How many orders of steps these runs stand for, counted exactly: so many runs it would take without reduction. `None` if it
    /// was not counted, or is more than the number holds.
    pub interleavings: Option<u128>,
    /// How many states were found.
    pub states: u64,
    /// How many steps between them.
    pub transitions: u64,
    /// How many steps of single nodes were worked out.
    pub steps: u64,
    /// How many runs were healed with messages under way, because they were too long or a node panicked.
    pub cut: u64,
    /// How many classes of runs were left out because a timer fires late in them: clocks are exact in plans.
    pub unrunnable: u64,
    /// How many request sets were given up, because they have too many states, or too large ones.
    pub given_up: u64,
    /// Somebody had seen enough: what there is was found by then.
    pub stopped: bool,
    /// Runs were taken for the same by the digest of states ([`Reduction::States`]), but the machine's
    /// [`fold`](crate::protocol::StateMachine::fold) tells nothing.
    pub blind: bool,
    /// More runs were taken for the same than the checks allow, because the scope said so.
    pub forced: bool,
    /// How many runs violated a check, by check.
    pub violations: IndexMap<String, u64>,
    /// What happened in all of them, counted.
    pub stats: Stats,
    /// The marks that should be reached, of the scope or else of the system, and were not.
    pub unreached: Vec<&'static str>,
    /// True if what should be reached was not. Marks of the scope must all be reached; of those of the system one must, as a small
    /// scope has not all that large worlds have.
    pub misses_reach: bool,
    /// The digests of all runs, folded.
    pub digest: u64,
    /// The failures, shrunk; the one with the fewest decisions first.
    pub failures: Vec<Failure>,
}

/// Steps of runs, by what they handle. The beginnings of incarnations are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// A request.
    pub requests: u64,
    /// A message.
    pub messages: u64,
    /// A timer.
    pub timers: u64,
    /// A crash, between steps or in one of the others.
    pub crashes: u64,
}

impl Happened {
    /// True if nothing did.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn add(&mut self, other: Self) {
        let Self { requests, messages, timers, crashes } = other;
        self.requests += requests;
        self.messages += messages;
        self.timers += timers;
        self.crashes += crashes;
    }
}

impl Exploration {
    /// How many runs violated a check.
    #[must_use]
    pub fn violation_count(&self) -> u64 {
        self.violations.values().sum()
    }

    /// True if the search went to the end of its scope, so that what was not found is not there. With checks that are not
    /// causal, or timers that fire early, that is all the worlds of the scope whose clocks are exact.
    #[must_use]
    pub fn is_exhaustive(&self) -> bool {
        self.left_out().is_empty()
    }

    /// True if the search went to the end of its scope, something happened in it, what must be reached was, and no run violated a
    /// check.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violation_count() == 0 && self.is_exhaustive() && self.tell_idle().is_none() && !self.misses_reach
    }

    /// What keeps the search from being exhaustive, a line each.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        let mut left_out = Vec::new();
        if self.cut > 0 {
            left_out.push(format!("{} runs were cut off while messages were under way", self.cut));
        }
        if self.given_up > 0 {
            left_out
                .push(format!("{} request sets were given up: more states than --states, or larger", self.given_up));
        }
        if self.stopped {
            left_out.push("all that had not been run when the search was stopped".to_owned());
        }
        if self.blind {
            left_out.push("states that differ: the machine's `fold` tells none of them apart".to_owned());
        }
        if self.forced {
            left_out.push(format!("what the checks can tell apart, but the reduction {:?} cannot", self.reduction));
        }
        left_out
    }

    /// That nothing was run, or nothing happened, and what would change that; `None` if something happened. Such a search has no
    /// verdict: it did not look.
    #[must_use]
    pub fn tell_idle(&self) -> Option<String> {
        let system = &self.system;
        if self.executions == 0 {
            let why = if self.request_sets == 0 {
                "there are no request sets"
            } else if self.stopped {
                "the search was stopped before"
            } else if self.given_up > 0 {
                "the search was given up before any run had come to its end (--states, `Scope::states_max`)"
            } else {
                "in each class a timer fires late, which no plan can say"
            };
            return Some(format!("nothing was run of \"{system}\": {why}"));
        }
        self.happened.is_nothing().then(|| {
            let timers = if self.stats.timers > 0 { "timers fired only after that, in one order; " } else { "" };
            let late = match self.unrunnable {
                0 => String::new(),
                classes => format!("in {classes} more classes a timer fires late, which no plan can say; "),
            };
            format!(
                "nothing happened in any run of \"{system}\" before it healed: no request, no message, no timer, no crash; \
                 {timers}{late}ask something (--requests, `Scope::new`), or let timers fire early (--timers 1, `Scope::timers`) or nodes \
                 crash (--crashes 1, `Scope::crashes`)"
            )
        })
    }

    /// Which marks were never hit, in a sentence; `None` if none is missing.
    #[must_use]
    pub fn tell_unreached(&self) -> Option<String> {
        if self.unreached.is_empty() {
            return None;
        }
        let quoted: Vec<String> = self.unreached.iter().map(|mark| format!("\"{mark}\"")).collect();
        let marks = if quoted.len() == 1 { "the mark" } else { "the marks" };
        let (runs, system) = (self.executions, &self.system);
        Some(format!("none of {runs} runs of \"{system}\" reached {marks} {}", quoted.join(", ")))
    }
}
