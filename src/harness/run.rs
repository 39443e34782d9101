//! A system under test, and how to run it.

use std::fmt;
use std::mem;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::check::{Breach, Check, Checks, Source, Violation};
use crate::harness::Outcome;
use crate::protocol::{Boot, Digest, StateMachine, Time};
use crate::running::{Doing, Made, Panic, Running, catch_panic_at};
use crate::sim::{
    Clients, End, Fates, Limits, Memory, Observer, Plan, PlannedFates, Recorder, RunEnd, Tally, Trace, World,
};
use crate::strategy::Recipe;
use crate::strategy::{Knob, Profile, SeededFates, Strategy};

/// The check that a panic breaks, as it stands in reports and plan files.
const PANIC: &str = "panic";

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
}

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
        self.live(&mut Memory::default(), plan, Made::Plan, PlannedFates(&plan.fates), None::<&mut Recorder>)
    }

    /// Runs a plan while somebody looks on.
    pub(crate) fn run_seen(&self, plan: &Plan, observer: &mut impl Observer<M>) -> Outcome {
        self.run_within(&mut Memory::default(), plan, observer)
    }

    /// The same, in the memory that another world has left.
    pub(crate) fn run_within(&self, memory: &mut Memory<M>, plan: &Plan, observer: &mut impl Observer<M>) -> Outcome {
        self.live(memory, plan, Made::Plan, PlannedFates(&plan.fates), Some(observer))
    }

    /// Runs a plan with other fates than its own.
    pub(crate) fn run_with(&self, plan: &Plan, fates: impl Fates) -> Outcome {
        self.live(&mut Memory::default(), plan, Made::Plan, fates, None::<&mut Recorder>)
    }

    /// Runs the world of a seed; draws fates as it goes and writes nothing down.
    #[must_use]
    pub fn run_seed(&self, seed: u64) -> Outcome {
        match self.draw(seed) {
            Ok((plan, fates)) => self.live(&mut Memory::default(), &plan, Made::Seed, fates, None::<&mut Recorder>),
            Err(panic) => never_drawn(&panic),
        }
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
        match self.draw(seed) {
            Ok((plan, fates)) => self.live(memory, &plan, Made::Seed, fates, Some(observer)),
            Err(panic) => never_drawn(&panic),
        }
    }

    /// Runs a plan and writes everything down.
    #[must_use]
    pub fn record(&self, plan: &Plan) -> Recorded {
        self.record_as(plan.clone(), Made::Plan, PlannedFates(&plan.fates))
    }

    /// Runs the world of a seed and writes everything down.
    #[must_use]
    pub fn record_seed(&self, seed: u64) -> Recorded {
        match self.draw(seed) {
            Ok((plan, fates)) => self.record_as(plan, Made::Seed, fates),
            Err(panic) => {
                let plan = Plan { seed, ..Plan::new(*self.node_counts.start()) };
                Recorded { plan, outcome: never_drawn(&panic), trace: Trace::default() }
            }
        }
    }

    #[cfg(all(test, feature = "cli"))]
    pub(crate) fn record_with(&self, plan: Plan, fates: impl Fates) -> Recorded {
        self.record_as(plan, Made::Plan, fates)
    }

    fn record_as(&self, mut plan: Plan, made: Made, fates: impl Fates) -> Recorded {
        let mut recorder = Recorder::new();
        let outcome = self.live(&mut Memory::default(), &plan, made, fates, Some(&mut recorder));
        let recording = recorder.finish();
        plan.fates = recording.fates;
        Recorded { plan, outcome, trace: recording.trace }
    }

    /// What a seed is expanded into. The workload has its say, and may panic.
    fn draw(&self, seed: u64) -> Result<(Plan, SeededFates), Panic> {
        let running = Running::current();
        let _world = running.enter(&self.name, Made::Seed, seed);
        running.doing(Doing::Draw);
        catch_panic_at(|| {
            let recipe = Recipe {
                node_counts: self.node_counts.clone(),
                request_counts: self.request_counts.clone(),
                settle: self.settle,
                profile: &self.profile,
                knobs: &self.knobs,
                clients: self.clients.as_ref().map(|clients| clients.fork()),
            };
            recipe.draw(self.strategy, seed)
        })
    }

    fn live<O: Observer<M>>(
        &self,
        memory: &mut Memory<M>,
        plan: &Plan,
        made: Made,
        fates: impl Fates,
        observer: Option<&mut O>,
    ) -> Outcome {
        let running = Running::current();
        let _world = running.enter(&self.name, made, plan.seed);
        running.doing(Doing::Clients);
        let begun = catch_panic_at(|| {
            let clients = self.clients.as_ref().map(|clients| clients.fork());
            (clients, Checks::new(self.checks.iter().map(|make| make()).collect()))
        });
        let (clients, mut checks) = match begun {
            Ok(begun) => begun,
            Err(panic) => return panicked(&panic, None, Fallen::default()),
        };
        // A world that panics leaves nothing.
        let left = mem::take(memory);
        let lived = match observer {
            None => live_through(World::within(left, plan, &self.boot, clients, fates, &mut checks, self.limits)),
            Some(observer) => {
                let both = &mut (&mut checks, observer);
                live_through(World::within(left, plan, &self.boot, clients, fates, both, self.limits))
            }
        };
        match lived {
            Ok((end, left)) => {
                *memory = left;
                let violation = checks.violation().cloned().or_else(|| self.endless(&end));
                let moment = (end.tally.steps, end.at);
                catch_panic_at(|| finish(end, violation, &checks)).unwrap_or_else(|panic| {
                    let fallen = Fallen { step: moment.0, at: moment.1, tally: Tally::default() };
                    panicked(&panic, Some(&|place| checks.name_at(place)), fallen)
                })
            }
            Err(panicked_at) => {
                let (panic, fallen) = *panicked_at;
                let name = |place| checks.name_at(place);
                let mut outcome = panicked(&panic, Some(&name), fallen);
                // What a check found before is what stopped the world.
                if let Some(violation) = checks.violation() {
                    outcome.violation = Some(violation.clone());
                }
                outcome
            }
        }
    }

    fn endless(&self, end: &RunEnd) -> Option<Violation> {
        let steps = self.limits.step_count_max;
        (end.end == End::TooLong).then(|| Violation {
            check: "rest".to_owned(),
            breach: Breach::new("endless", format!("the world has not come to rest after {steps} steps")),
            step: steps,
            at: end.at,
        })
    }
}

/// How far a world had come when it panicked.
#[derive(Default)]
struct Fallen {
    step: u64,
    at: Time,
    tally: Tally,
}

/// Why a world fell, and how far it had come.
type Fall = Box<(Panic, Fallen)>;

/// A world from its beginning to its end, whatever in it panics.
fn live_through<M: StateMachine, F: Fates, O: Observer<M>>(
    mut world: World<'_, M, F, O>,
) -> Result<(RunEnd, Memory<M>), Fall> {
    match catch_panic_at(|| world.live_through()) {
        Ok(end) => match catch_panic_at(|| world.leave()) {
            Ok(left) => Ok((end, left)),
            Err(panic) => Err(Box::new((panic, Fallen { step: end.tally.steps, at: end.at, tally: end.tally }))),
        },
        Err(panic) => {
            let (at, tally) = world.so_far();
            world.drop_all();
            Err(Box::new((panic, Fallen { step: tally.steps, at, tally })))
        }
    }
}

/// A panic as the violation that it is.
fn panicked(panic: &Panic, check: Option<&dyn Fn(usize) -> Option<String>>, fallen: Fallen) -> Outcome {
    let Panic { message, place, doing } = panic;
    let Fallen { step, at, mut tally } = fallen;
    let who = doing.who(|place| check.and_then(|name| name(place)));
    let mut breach = Breach::new(PANIC, format!("{who} panicked: {message}")).from(Source::of(place.as_str(), message));
    if !place.is_empty() {
        breach = breach.because(format!("at {place}"));
    }
    let input = doing.input().map_or_else(String::new, |input| format!("{input}, "));
    breach = breach.because(format!("{input}in step {step}, at {at}"));
    let mut digest = Digest::new();
    digest.fold(step);
    digest.fold_bytes(message.as_bytes());
    tally.virtual_nanos = at.as_nanos();
    let violation = Some(Violation { check: PANIC.to_owned(), breach, step, at });
    Outcome { violation, digest: digest.value(), end: None, at, tally }
}

/// The workload panicked before there was a world.
fn never_drawn(panic: &Panic) -> Outcome {
    let mut outcome = panicked(panic, None, Fallen::default());
    if let Some(violation) = &mut outcome.violation {
        violation.breach.sort = Violation::NOT_DRAWN;
    }
    outcome
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
