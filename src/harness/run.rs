//! A system under test, and how to run it.

use std::fmt;
use std::mem;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::check::{Breach, Check, Checks, Violation};
use crate::harness::Outcome;
use crate::protocol::{Boot, Digest, StateMachine, Time};
use crate::sim::{
    Clients, End, Fates, Limits, Memory, Observer, Plan, PlannedFates, Recorder, RunEnd, Tally, Trace, World,
    catch_panic,
};
use crate::strategy::Recipe;
use crate::strategy::{Knob, Profile, SeededFates, Strategy};

/// A system under test: how its nodes are made, what its clients do, what must hold, and what its worlds are like.
///
/// [`Harness`](crate::harness::Harness) is the way to make one.
pub struct System<M: StateMachine> {
    /// Its name, as it stands in plan files.
    pub name: String,
    /// Makes a node.
    pub boot: Box<dyn Fn(Boot<M::Durable>) -> M + Send + Sync>,
    /// What clients do.
    pub clients: Option<Box<dyn Clients<M>>>,
    /// What must hold; each run works on a check of its own.
    pub checks: Vec<CheckMaker<M>>,
    /// Marks, of nodes or counted by checks, that at least one world of a sweep must hit.
    pub must_reach: Vec<&'static str>,
    /// How many nodes worlds have.
    pub node_counts: RangeInclusive<usize>,
    /// How many requests worlds have.
    pub request_counts: RangeInclusive<u32>,
    /// How long a world may take to come to rest.
    pub settle: Duration,
    /// How hostile worlds are.
    pub profile: Profile,
    /// Which limits of the machine worlds may shake.
    pub knobs: Vec<Knob>,
    /// How worlds are drawn from seeds.
    pub strategy: Strategy,
    /// Whether sweeps and scores learn from what worlds show: in a quarter of the places of seeds are then worlds made of the
    /// plans of earlier ones. What a seed means does not change.
    pub feedback: bool,
    /// How far a run may go.
    pub limits: Limits,
    /// What a node's state looks like, where two runs of a world are compared; without it only what its
    /// [`fold`](StateMachine::fold) tells is. See [`Harness::debug_state`](crate::harness::Harness::debug_state).
    pub show_state: Option<ShowState<M>>,
}

/// Shows the state of a node as text.
pub type ShowState<M> = fn(&M, &mut dyn fmt::Write) -> fmt::Result;

/// Makes a check for one run.
pub type CheckMaker<M> = Box<dyn Fn() -> Box<dyn Check<M>> + Send + Sync>;

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
        self.live(&mut Memory::default(), plan, PlannedFates(&plan.fates), None::<&mut Recorder>)
    }

    /// Runs a plan while somebody looks on.
    pub(crate) fn run_seen(&self, plan: &Plan, observer: &mut impl Observer<M>) -> Outcome {
        self.run_within(&mut Memory::default(), plan, observer)
    }

    /// The same, in the memory that another world has left.
    pub(crate) fn run_within(&self, memory: &mut Memory<M>, plan: &Plan, observer: &mut impl Observer<M>) -> Outcome {
        self.live(memory, plan, PlannedFates(&plan.fates), Some(observer))
    }

    /// Runs a plan with these fates and other limits than the system's, while somebody looks on.
    pub(crate) fn run_limited(
        &self,
        plan: &Plan,
        fates: impl Fates,
        limits: Limits,
        observer: &mut impl Observer<M>,
    ) -> Outcome {
        self.live_limited(&mut Memory::default(), plan, fates, limits, Some(observer))
    }

    /// Runs the world of a seed; draws fates as it goes and writes nothing down.
    #[must_use]
    pub fn run_seed(&self, seed: u64) -> Outcome {
        let (plan, fates) = self.draw(seed);
        self.live(&mut Memory::default(), &plan, fates, None::<&mut Recorder>)
    }

    /// Runs the world of a seed while somebody looks on.
    pub(crate) fn run_seed_seen(&self, seed: u64, observer: &mut impl Observer<M>) -> Outcome {
        self.run_seed_within(&mut Memory::default(), seed, observer)
    }

    /// The same, in the memory that another world has left.
    pub(crate) fn run_seed_within(
        &self,
        memory: &mut Memory<M>,
        seed: u64,
        observer: &mut impl Observer<M>,
    ) -> Outcome {
        let (plan, fates) = self.draw(seed);
        self.live(memory, &plan, fates, Some(observer))
    }

    /// Runs a plan and writes everything down.
    #[must_use]
    pub fn record(&self, plan: &Plan) -> Recorded {
        self.record_limited(plan.clone(), PlannedFates(&plan.fates), self.limits)
    }

    /// Runs the world of a seed and writes everything down.
    #[must_use]
    pub fn record_seed(&self, seed: u64) -> Recorded {
        let (plan, fates) = self.draw(seed);
        self.record_limited(plan, fates, self.limits)
    }

    pub(crate) fn record_limited(&self, mut plan: Plan, fates: impl Fates, limits: Limits) -> Recorded {
        let mut recorder = Recorder::new();
        let outcome = self.live_limited(&mut Memory::default(), &plan, fates, limits, Some(&mut recorder));
        let recording = recorder.finish();
        plan.fates = recording.fates;
        Recorded { plan, outcome, trace: recording.trace }
    }

    fn draw(&self, seed: u64) -> (Plan, SeededFates) {
        let recipe = Recipe {
            node_counts: self.node_counts.clone(),
            request_counts: self.request_counts.clone(),
            settle: self.settle,
            profile: &self.profile,
            knobs: &self.knobs,
            clients: self.clients.as_ref().map(|clients| clients.fork()),
        };
        recipe.draw(self.strategy, seed)
    }

    fn live<O: Observer<M>>(
        &self,
        memory: &mut Memory<M>,
        plan: &Plan,
        fates: impl Fates,
        observer: Option<&mut O>,
    ) -> Outcome {
        self.live_limited(memory, plan, fates, self.limits, observer)
    }

    fn live_limited<O: Observer<M>>(
        &self,
        memory: &mut Memory<M>,
        plan: &Plan,
        fates: impl Fates,
        limits: Limits,
        observer: Option<&mut O>,
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
                let violation = checks.violation().cloned().or_else(|| endless(&end, limits));
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

fn endless(end: &RunEnd, limits: Limits) -> Option<Violation> {
    let steps = limits.step_count_max;
    (end.end == End::TooLong).then(|| Violation {
        check: "rest".to_owned(),
        breach: Breach::new("endless", format!("the world has not come to rest after {steps} steps")),
        step: steps,
        at: end.at,
    })
}

fn finish<M: StateMachine>(end: RunEnd, violation: Option<Violation>, checks: &Checks<M>) -> Outcome {
    let RunEnd { end, at, mut digest, mut tally } = end;
    if let Some(violation) = &violation {
        digest.fold_bytes(violation.check.as_bytes());
        digest.fold_bytes(violation.breach.sort.as_bytes());
    }
    checks.count(&mut |what, count| tally.mark(what, count));
    Outcome { violation, digest: digest.value(), end: Some(end), at, tally }
}

impl<M: StateMachine> fmt::Debug for Harness<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").field("name", &self.name).finish_non_exhaustive()
    }
}
