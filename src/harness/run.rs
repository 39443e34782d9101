//! Runs a plan or a seed: the one place in which worlds, checks and clients come together.

use std::mem;

use super::{Harness, Outcome, endless};
use crate::check::{Breach, Checks, Violation};
use crate::protocol::{Digest, StateMachine, Time};
use crate::sim::{
    Fates, Limits, Memory, Misanswer, Observer, Plan, PlannedFates, Recorder, RunEnd, Tally, Trace, World, catch_panic,
};
use crate::strategy::SeededFates;

/// A run with everything written down.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The plan, with all fates that were not boring.
    pub plan: Plan,
    /// What came of it.
    pub outcome: Outcome,
    /// What happened.
    pub trace: Trace,
}

impl<M: StateMachine> Harness<M> {
    /// Runs a plan.
    #[must_use]
    pub fn run(&self, plan: &Plan) -> Outcome {
        let fates = PlannedFates(&plan.fates);
        self.live(&mut Memory::default(), plan, fates, None::<&mut Recorder>, self.limits)
    }

    /// Runs a plan while somebody looks on.
    pub(crate) fn run_seen(&self, plan: &Plan, observer: &mut impl Observer<M>) -> Outcome {
        self.run_within(&mut Memory::default(), plan, observer, self.limits)
    }

    /// The same, in the memory that another world has left, and under these limits.
    pub(crate) fn run_within(
        &self,
        memory: &mut Memory<M>,
        plan: &Plan,
        observer: &mut impl Observer<M>,
        limits: Limits,
    ) -> Outcome {
        self.live(memory, plan, PlannedFates(&plan.fates), Some(observer), limits)
    }

    /// Runs a plan with these fates and other limits than the system's, while somebody looks on.
    pub(crate) fn run_limited(
        &self,
        plan: &Plan,
        fates: impl Fates,
        limits: Limits,
        observer: &mut impl Observer<M>,
    ) -> Outcome {
        self.live(&mut Memory::default(), plan, fates, Some(observer), limits)
    }

    /// Runs the world of a seed; draws fates as it goes and writes nothing down.
    #[must_use]
    pub fn run_seed(&self, seed: u64) -> Outcome {
        let (plan, fates) = self.draw(seed);
        self.live(&mut Memory::default(), &plan, fates, None::<&mut Recorder>, self.limits)
    }

    /// Runs the world of a seed while somebody looks on.
    pub(crate) fn run_seed_seen(&self, seed: u64, observer: &mut impl Observer<M>) -> Outcome {
        self.run_seed_within(&mut Memory::default(), seed, observer, self.limits)
    }

    /// The same, in the memory that another world has left, and under these limits.
    pub(crate) fn run_seed_within(
        &self,
        memory: &mut Memory<M>,
        seed: u64,
        observer: &mut impl Observer<M>,
        limits: Limits,
    ) -> Outcome {
        let (plan, fates) = self.draw(seed);
        self.live(memory, &plan, fates, Some(observer), limits)
    }

    /// Runs a plan and writes everything down.
    ///
    /// Of a world that does not come to rest the trace leaves out what only repeats itself: see [`Trace::shorten`].
    #[must_use]
    pub fn record(&self, plan: &Plan) -> Recorded {
        self.record_with(plan.clone(), PlannedFates(&plan.fates))
    }

    /// Runs the world of a seed and writes everything down.
    ///
    /// The plan of a world that does not come to rest says what becomes of its first messages, and the boring fate is that of all
    /// later ones, if that plan does not come to rest either: the outcome is then that of this plan.
    #[must_use]
    pub fn record_seed(&self, seed: u64) -> Recorded {
        let (plan, fates) = self.draw(seed);
        self.record_with(plan, fates)
    }

    pub(crate) fn record_with(&self, plan: Plan, fates: impl Fates + Clone) -> Recorded {
        let short = endless::short(self.limits);
        let recorded = self.record_limited(plan.clone(), fates.clone(), short);
        let ends = recorded.outcome.violation.as_ref().is_none_or(|violation| !endless::is_endless(violation));
        if ends || endless::is_whole(short, self.limits) {
            return recorded.shortened();
        }
        // It may be endless, or only long.
        let whole = self.live(&mut Memory::default(), &plan, fates.clone(), None::<&mut Recorder>, self.limits);
        if !whole.violation.as_ref().is_some_and(endless::is_endless) {
            return self.record_limited(plan, fates, self.limits);
        }
        let outcome = if recorded.plan == plan { whole } else { self.run(&recorded.plan) };
        if !outcome.violation.as_ref().is_some_and(endless::is_endless) {
            return self.record_limited(plan, fates, self.limits).shortened();
        }
        Recorded { outcome, ..recorded }.shortened()
    }

    /// Runs a plan under these limits and writes everything down, all that repeats itself included.
    pub(crate) fn record_limited(&self, mut plan: Plan, fates: impl Fates, limits: Limits) -> Recorded {
        let mut recorder = Recorder::new();
        let outcome = self.live(&mut Memory::default(), &plan, fates, Some(&mut recorder), limits);
        let recording = recorder.finish();
        plan.fates = recording.fates;
        Recorded { plan, outcome, trace: recording.trace }
    }

    fn draw(&self, seed: u64) -> (Plan, SeededFates) {
        self.worlds.draw(self.clients.as_ref().map(|clients| clients.fork()), seed)
    }

    fn live<O: Observer<M>>(
        &self,
        memory: &mut Memory<M>,
        plan: &Plan,
        fates: impl Fates,
        observer: Option<&mut O>,
        limits: Limits,
    ) -> Outcome {
        let mut checks = Checks::new(self.checks.iter().map(|make| make()).collect());
        let clients = self.clients.as_ref().map(|clients| clients.fork());
        // A world that panics leaves nothing.
        let left = mem::take(memory);
        let end = catch_panic(|| match observer {
            None => World::within(left, plan, &self.boot, clients, fates, &mut checks, limits).run_and_leave(),
            Some(observer) => {
                let both = &mut (&mut checks, observer);
                World::within(left, plan, &self.boot, clients, fates, both, limits).run_and_leave()
            }
        });
        let step = checks.step();
        match end {
            Ok((end, left)) => {
                *memory = left;
                let violation = checks.violation().cloned();
                let violation = violation.or_else(|| endless::violation(&end)).or_else(|| misanswered(&end));
                finish(end, violation, &checks)
            }
            Err(message) => {
                let breach = Breach::new("panic", format!("a node panicked: {message}"));
                let violation = Violation { check: "panic".to_owned(), breach, step, at: Time::ZERO };
                let mut digest = Digest::new();
                digest.fold(step);
                digest.fold_bytes(message.as_bytes());
                Outcome {
                    violation: Some(violation),
                    digest: digest.value(),
                    end: None,
                    at: Time::ZERO,
                    tally: Tally::default(),
                }
            }
        }
    }
}

/// How an answer that no node may give violates what clients rely on.
fn misanswered(end: &RunEnd) -> Option<Violation> {
    let Misanswer { node, id, first } = end.misanswer?;
    let breach = match first {
        Some((by, at)) => Breach::new("twice", format!("node {node} answers request {id}, which has been answered"))
            .because(format!("node {by} answered it at {at}"))
            .because("a request has one answer: a client that has it waits for no other"),
        None => Breach::new("unasked", format!("node {node} answers request {id}, which no node has heard"))
            .because("an answer goes to `Env::respond` with the id that came with the request"),
    };
    Some(Violation { check: "answers".to_owned(), breach, step: end.tally.steps, at: end.at })
}

impl Recorded {
    /// Without what only repeats itself, if it does not come to rest.
    fn shortened(mut self) -> Self {
        if self.outcome.violation.as_ref().is_some_and(endless::is_endless) {
            self.trace.shorten();
        }
        self
    }
}

fn finish<M: StateMachine>(end: RunEnd, violation: Option<Violation>, checks: &Checks<M>) -> Outcome {
    let RunEnd { end, at, mut digest, mut tally, .. } = end;
    if let Some(violation) = &violation {
        digest.fold_bytes(violation.check.as_bytes());
        digest.fold_bytes(violation.breach.sort.as_bytes());
    }
    checks.count(&mut |what, count| tally.mark(what, count));
    Outcome { violation, digest: digest.value(), end: Some(end), at, tally }
}
