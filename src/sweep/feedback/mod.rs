//! Feedback: worlds made of the plans of worlds that have shown something new.
//!
//! A sweep with feedback goes in rounds. What a round's worlds are depends on its seeds and on what the rounds before it have
//! shown, never on the worlds beside it: so the result does not depend on the number of threads.

mod extras;
mod mutation;

use std::collections::VecDeque;
use std::sync::Arc;

use indexmap::IndexSet;

use crate::harness::Origin;
use crate::harness::{Harness, Outcome};
use crate::protocol::{Rng, StateMachine};
use crate::sim::Plan;
use crate::strategy::Profile;
use crate::sweep::{KINDS_MAX, TransitionKinds};

/// So many worlds are a round.
pub(crate) const ROUND: u64 = 64;

/// Of so many worlds in a thousand the plan is made of plans that are kept; the others are those of their seeds.
const MUTANT_PERMILLE: u32 = 250;

/// So many plans are kept: the latest.
const PLANS_MAX: usize = 64;

/// A plan of more decisions than this is not kept.
const DECISIONS_MAX: usize = 4_096;

/// The random stream that says whether a world is a mutant, and of what.
const MUTANT_STREAM: u64 = 6;

/// What the rounds so far have shown, and the plans of the worlds that showed it first.
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    known: IndexSet<u64, foldhash::fast::FixedState>,
    plans: VecDeque<Plan>,
}

/// What a world has shown that no world of an earlier round had.
#[derive(Debug)]
pub(crate) struct Lesson {
    place: u64,
    kinds: Vec<u64>,
    plan: Plan,
}

impl Feedback {
    /// The world that takes the place of a seed.
    pub(crate) fn origin(&self, seed: u64, profile: &Profile) -> Origin {
        let rng = &mut Rng::new(seed, MUTANT_STREAM);
        if self.plans.is_empty() || !rng.chance(MUTANT_PERMILLE) {
            return Origin::Seed(seed);
        }
        let [plan, other] = [self.pick(rng), self.pick(rng)];
        Origin::Plan(seed, Arc::new(mutation::mutate(plan, other, profile, rng)))
    }

    /// Later plans are more likely: what they have shown is rarer.
    fn pick(&self, rng: &mut Rng) -> &Plan {
        let count = self.plans.len() as u64;
        &self.plans[rng.below(count).max(rng.below(count)) as usize]
    }

    /// What there is to learn from a world that was run. One that failed is shrunk, not mutated: what is near to it fails too, and
    /// shows nothing else.
    pub(crate) fn lesson<M: StateMachine>(
        &self,
        system: &Harness<M>,
        origin: &Origin,
        outcome: &Outcome,
        transitions: &TransitionKinds,
    ) -> Option<Lesson> {
        if !outcome.is_clean() {
            return None;
        }
        let kinds: Vec<u64> = transitions.kinds().filter(|kind| !self.known.contains(kind)).collect();
        let plan = (!kinds.is_empty()).then(|| system.record_origin(origin).plan)?;
        Some(Lesson { place: origin.place(), kinds, plan })
    }

    /// A round is over.
    pub(crate) fn learn(&mut self, mut lessons: Vec<Lesson>) {
        lessons.sort_unstable_by_key(|lesson| lesson.place);
        for Lesson { kinds, plan, .. } in lessons {
            let mut is_new = false;
            for kind in kinds {
                // Who has seen so much learns nothing more, rather than to grow for ever.
                is_new |= self.known.len() < KINDS_MAX && self.known.insert(kind);
            }
            if is_new && plan.decision_count() <= DECISIONS_MAX {
                self.keep(plan);
            }
        }
    }

    fn keep(&mut self, plan: Plan) {
        if self.plans.len() == PLANS_MAX {
            self.plans.pop_front();
        }
        self.plans.push_back(plan);
    }
}

#[cfg(test)]
mod tests {
    use super::{DECISIONS_MAX, Feedback, Lesson, PLANS_MAX};
    use crate::protocol::{NodeId, Time};
    use crate::sim::{Fault, Plan, PlannedFault};
    use crate::strategy::Profile;
    use crate::sweep::KINDS_MAX;

    fn plan(decisions: usize) -> Plan {
        let fault = Fault::Crash { node: NodeId::new(0), effects: None, restart: None, wipe: false };
        Plan { faults: vec![PlannedFault { at: Time::ZERO, fault }; decisions], ..Plan::new(3) }
    }

    fn lesson(place: u64, kinds: impl IntoIterator<Item = u64>, decisions: usize) -> Lesson {
        Lesson { place, kinds: kinds.into_iter().collect(), plan: plan(decisions) }
    }

    fn kept(feedback: &Feedback) -> Vec<usize> {
        feedback.plans.iter().map(Plan::decision_count).collect()
    }

    #[test]
    fn a_plan_is_kept_that_shows_something_first() {
        let mut feedback = Feedback::default();
        // Of two worlds of a round that show the same, the one of the earlier place is the first.
        feedback.learn(vec![lesson(8, [1], 1), lesson(7, [1], 2), lesson(9, [1, 2], 3)]);
        assert_eq!(kept(&feedback), [2, 3]);
        feedback.learn(vec![lesson(10, [2], 4), lesson(11, [3], 5)]);
        assert_eq!(kept(&feedback), [2, 3, 5]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut feedback = Feedback::default();
        let places = 3 * PLANS_MAX as u64;
        feedback.learn((0..places).map(|place| lesson(place, [place], place as usize)).collect());
        assert_eq!(kept(&feedback), (2 * PLANS_MAX..3 * PLANS_MAX).collect::<Vec<_>>());
        feedback.learn(vec![lesson(places, [places], DECISIONS_MAX + 1)]);
        assert!(!kept(&feedback).contains(&(DECISIONS_MAX + 1)));
        feedback.learn(vec![lesson(0, 0..2 * KINDS_MAX as u64, 1)]);
        assert_eq!(feedback.known.len(), KINDS_MAX);
        feedback.learn(vec![lesson(0, [u64::MAX], 77)]);
        assert!(!kept(&feedback).contains(&77));
    }

    #[test]
    fn some_worlds_are_mutants_and_the_others_their_seeds() {
        let mut feedback = Feedback::default();
        let mutants = |feedback: &Feedback| {
            (0..1_000).filter(|seed| feedback.origin(*seed, &Profile::hostile()).seed().is_none()).count()
        };
        assert_eq!(mutants(&feedback), 0);
        feedback.learn(vec![lesson(0, [1], 3)]);
        assert!((200..300).contains(&mutants(&feedback)), "{}", mutants(&feedback));
    }
}
