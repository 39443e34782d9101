//! What the verdict depends on: which of a run's events had to happen for the check to fail as it did.
//!
//! A shrunk plan has only decisions that matter, but its run has many messages that do not: heartbeats, acknowledgements, gossip about
//! other things. They are found by counterfactuals: a message that can be lost while the same check still fails is not what the
//! verdict depends on. Messages are left out in groups, then one by one (delta debugging, Zeller and Hildebrandt, 2002), so what stays
//! is such that none of it can be left out alone. Timers and answers count by causality: what sends a message that matters, matters.

use std::collections::BTreeSet;

use indexmap::{IndexMap, IndexSet};

use super::states::{States, StepNote};
use crate::harness::bounds::Bounds;
use crate::harness::{Harness, Recorded};
use crate::protocol::StateMachine;
use crate::sim::{Fate, MessageName, Plan, TraceEvent, What};

/// All runs that leave something out may take about so many steps …
const STEPS_MAX: u64 = 1_000_000;
/// … and no more than so many runs are made.
const RUNS_MAX: u64 = 2_000;

/// How much the verdict depends on an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It can be left out: the same check still fails.
    Idle,
    /// It stands beside what matters: an answer, a mark, a timer that changed something.
    Beside,
    /// Without it the check would not have failed as it did, or it is a decision of the plan.
    Decisive,
}

/// What a failing run depends on, and what its steps changed.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// The weight of each event of the trace, in its order.
    pub weights: Vec<Weight>,
    /// What steps changed, by their numbers; those that changed nothing have none, but for the first of each node.
    pub notes: IndexMap<u64, StepNote>,
    /// False if there was no time to try to leave out each message: some that count as decisive may not be.
    pub is_whole: bool,
}

impl Story {
    /// What the step of an event changed.
    #[must_use]
    pub fn note(&self, step: u64) -> Option<&StepNote> {
        self.notes.get(&step).filter(|note| !note.is_empty())
    }
}

/// Finds what a failing run depends on; `None` if somebody has seen enough. Costs some hundred runs, and one that is looked at closely.
pub(crate) fn story<M: StateMachine>(system: &Harness<M>, failing: &Recorded, bounds: &Bounds<'_>) -> Option<Story> {
    let mut states = States::new(system.show_state);
    system.run_bounded_seen(&failing.plan, bounds, &mut states);
    let mut thinning = Thinning { system, failing, bounds, steps_left: STEPS_MAX, runs_left: RUNS_MAX };
    let (needed, is_whole) = thinning.needed()?;
    let weights = weights(failing, &needed, &states.notes);
    Some(Story { weights, notes: states.notes, is_whole })
}

/// Leaves out messages as long as the same check fails.
struct Thinning<'a, M: StateMachine> {
    system: &'a Harness<M>,
    failing: &'a Recorded,
    bounds: &'a Bounds<'a>,
    steps_left: u64,
    runs_left: u64,
}

impl<M: StateMachine> Thinning<'_, M> {
    /// The messages that cannot be left out, and whether each was tried; `None` if somebody has seen enough.
    fn needed(&mut self) -> Option<(IndexSet<MessageName>, bool)> {
        let planned = &self.failing.plan.fates;
        let taken = self.failing.trace.events.iter().rev().filter_map(|event| match &event.what {
            What::Took { name, .. } if !planned.contains_key(name) => Some(name.clone()),
            _ => None,
        });
        // The last ones first: they are the most likely to come too late to matter.
        let mut open: Vec<MessageName> = taken.collect::<IndexSet<_>>().into_iter().collect();
        let mut thinned = self.failing.plan.clone();
        let mut group = open.len();
        let mut is_whole = true;
        while group > 0 && !open.is_empty() {
            let mut kept = Vec::new();
            for names in open.chunks(group) {
                let candidate = without(&thinned, names);
                match self.fails(&candidate)? {
                    Some(true) => thinned = candidate,
                    Some(false) => kept.extend_from_slice(names),
                    None => {
                        is_whole = false;
                        kept.extend_from_slice(names);
                    }
                }
            }
            open = kept;
            group = if is_whole { group / 2 } else { 0 };
        }
        Some((open.into_iter().chain(planned.keys().cloned()).collect(), is_whole))
    }

    /// Whether the same check fails in a run of this plan; no answer if there is no time to find out, and nothing at all if somebody
    /// has seen enough.
    #[expect(clippy::option_option, reason = "to stop is not to run out of time")]
    fn fails(&mut self, plan: &Plan) -> Option<Option<bool>> {
        if self.bounds.is_stopped() {
            return None;
        }
        if self.runs_left == 0 || self.steps_left == 0 {
            return Some(None);
        }
        self.runs_left -= 1;
        let outcome = self.system.run_bounded(plan, self.bounds);
        let steps = outcome.as_ref().map_or(self.bounds.step_count_max(), |outcome| outcome.stats.steps);
        self.steps_left = self.steps_left.saturating_sub(steps.max(1));
        let violation = self.failing.outcome.violation.as_ref()?;
        Some(Some(outcome.and_then(|outcome| outcome.violation).is_some_and(|found| {
            // Later it would be another story.
            found.is_like(violation) && found.at <= violation.at
        })))
    }
}

fn without(plan: &Plan, names: &[MessageName]) -> Plan {
    let mut plan = plan.clone();
    plan.fates.extend(names.iter().map(|name| (name.clone(), Fate::Drop)));
    plan
}

fn weights(failing: &Recorded, needed: &IndexSet<MessageName>, notes: &IndexMap<u64, StepNote>) -> Vec<Weight> {
    let events = &failing.trace.events;
    let violating = failing.outcome.violation.as_ref().map(|violation| violation.step);
    let is_cause = |event: &&TraceEvent| match &event.what {
        What::Sent { name, .. } | What::Took { name, .. } => needed.contains(name),
        What::Asked { .. } => true,
        _ => Some(event.step) == violating,
    };
    let decisive: BTreeSet<u64> = events.iter().filter(is_cause).map(|event| event.step).collect();
    let of_step = |step: u64, otherwise: Weight| if decisive.contains(&step) { Weight::Decisive } else { otherwise };
    let weight = |event: &TraceEvent| match &event.what {
        What::Took { name, .. } if needed.contains(name) => Weight::Decisive,
        What::Took { .. } if Some(event.step) == violating => Weight::Decisive,
        What::Took { .. } => Weight::Idle,
        What::Lost { name, .. } if failing.plan.fates.contains_key(name) => Weight::Decisive,
        What::Sent { .. } => Weight::Idle,
        What::Lost { .. } | What::Unheard { .. } => Weight::Beside,
        What::Answered { .. } if Some(event.step) == violating => Weight::Decisive,
        What::Answered { .. } => Weight::Beside,
        What::Marked { .. } => of_step(event.step, Weight::Beside),
        What::Fired { late: Some(_), .. } => Weight::Decisive,
        What::TimerLate { .. } => Weight::Beside,
        What::Fired { .. } if notes.get(&event.step).is_some_and(|note| !note.is_empty()) => {
            of_step(event.step, Weight::Beside)
        }
        What::Fired { .. } => of_step(event.step, Weight::Idle),
        What::Started { incarnation: 0, .. } => Weight::Idle,
        _ => Weight::Decisive,
    };
    events.iter().map(weight).collect()
}
