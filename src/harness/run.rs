//! Runs a plan or a seed: the one place in which worlds, checks and clients come together.

use std::mem;

use super::{Harness, Outcome, endless};
use crate::check::{Breach, Checks, Source, Violation};
use crate::protocol::{Digest, StateMachine, Time};
use crate::running::{Doing, Made, Panic, Running, catch_panic_at};
use crate::sim::{
    Arena, Fates, Limits, Misanswer, Observer, Plan, PlannedFates, Recorder, RunEnd, Stats, Trace, World,
};
use crate::strategy::SeededFates;

/// The check that a panic breaks, as it stands in reports and plan files.
const PANIC: &str = "panic";

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
        self.live(&mut Arena::default(), plan, Made::Plan, fates, None::<&mut Recorder>, self.limits)
    }

    /// Runs a plan while somebody looks on.
    pub(crate) fn run_seen(&self, plan: &Plan, observer: &mut impl Observer<M>) -> Outcome {
        self.run_within(&mut Arena::default(), plan, observer, self.limits)
    }

    /// The same, in the memory that another world has left, and under these limits.
    pub(crate) fn run_within(
        &self,
        arena: &mut Arena<M>,
        plan: &Plan,
        observer: &mut impl Observer<M>,
        limits: Limits,
    ) -> Outcome {
        self.live(arena, plan, Made::Plan, PlannedFates(&plan.fates), Some(observer), limits)
    }

    /// Runs a plan with these fates and other limits than the system's, while somebody looks on.
    pub(crate) fn run_limited(
        &self,
        plan: &Plan,
        fates: impl Fates,
        limits: Limits,
        observer: &mut impl Observer<M>,
    ) -> Outcome {
        self.live(&mut Arena::default(), plan, Made::Plan, fates, Some(observer), limits)
    }

    /// Runs the world of a seed; draws fates as it goes and writes nothing down.
    #[must_use]
    pub fn run_seed(&self, seed: u64) -> Outcome {
        match self.draw(seed) {
            Ok((plan, fates)) => {
                self.live(&mut Arena::default(), &plan, Made::Seed, fates, None::<&mut Recorder>, self.limits)
            }
            Err(panic) => never_drawn(&panic),
        }
    }

    /// Runs the world of a seed while somebody looks on.
    pub(crate) fn run_seed_seen(&self, seed: u64, observer: &mut impl Observer<M>) -> Outcome {
        self.run_seed_within(&mut Arena::default(), seed, observer, self.limits)
    }

    /// The same, in the memory that another world has left, and under these limits.
    pub(crate) fn run_seed_within(
        &self,
        arena: &mut Arena<M>,
        seed: u64,
        observer: &mut impl Observer<M>,
        limits: Limits,
    ) -> Outcome {
        match self.draw(seed) {
            Ok((plan, fates)) => self.live(arena, &plan, Made::Seed, fates, Some(observer), limits),
            Err(panic) => never_drawn(&panic),
        }
    }

    /// Runs a plan and writes everything down.
    ///
    /// Of a world that does not come to rest the trace leaves out what only repeats itself: see [`Trace::shorten`].
    #[must_use]
    pub fn record(&self, plan: &Plan) -> Recorded {
        self.record_as(plan.clone(), Made::Plan, PlannedFates(&plan.fates))
    }

    /// Runs the world of a seed and writes everything down.
    ///
    /// The plan of a world that does not come to rest says what becomes of its first messages, and the boring fate is that of all
    /// later ones, if that plan does not come to rest either: the outcome is then that of this plan.
    #[must_use]
    pub fn record_seed(&self, seed: u64) -> Recorded {
        match self.draw(seed) {
            Ok((plan, fates)) => self.record_as(plan, Made::Seed, fates),
            Err(panic) => {
                let plan = Plan { seed, ..Plan::new(*self.worlds.node_counts.start()) };
                Recorded { plan, outcome: never_drawn(&panic), trace: Trace::default() }
            }
        }
    }

    /// The same with other fates than the plan's own.
    #[cfg(all(test, feature = "builtin"))]
    pub(crate) fn record_with(&self, plan: Plan, fates: impl Fates + Clone) -> Recorded {
        self.record_as(plan, Made::Plan, fates)
    }

    fn record_as(&self, plan: Plan, made: Made, fates: impl Fates + Clone) -> Recorded {
        let short = endless::short(self.limits);
        let recorded = self.record_limited(plan.clone(), made, fates.clone(), short);
        let ends = recorded.outcome.violation.as_ref().is_none_or(|violation| !endless::is_endless(violation));
        if ends || endless::is_whole(short, self.limits) {
            return recorded.shortened();
        }
        // It may be endless, or only long.
        let whole = self.live(&mut Arena::default(), &plan, made, fates.clone(), None::<&mut Recorder>, self.limits);
        if !whole.violation.as_ref().is_some_and(endless::is_endless) {
            return self.record_limited(plan, made, fates, self.limits);
        }
        let outcome = if recorded.plan == plan { whole } else { self.run(&recorded.plan) };
        if !outcome.violation.as_ref().is_some_and(endless::is_endless) {
            return self.record_limited(plan, made, fates, self.limits).shortened();
        }
        Recorded { outcome, ..recorded }.shortened()
    }

    /// Runs a plan under these limits and writes everything down, all that repeats itself included.
    pub(crate) fn record_limited(&self, mut plan: Plan, made: Made, fates: impl Fates, limits: Limits) -> Recorded {
        let mut recorder = Recorder::new();
        let outcome = self.live(&mut Arena::default(), &plan, made, fates, Some(&mut recorder), limits);
        let recording = recorder.finish();
        recording.prune_retries(&mut plan);
        (plan.fates, plan.timers, plan.disk) = (recording.fates, recording.timers, recording.disk);
        Recorded { plan, outcome, trace: recording.trace }
    }

    /// What a seed is expanded into. The workload has its say, and may panic.
    fn draw(&self, seed: u64) -> Result<(Plan, SeededFates), Panic> {
        let fitted = self.fitted();
        let running = Running::current();
        let _world = running.enter(&self.name, Made::Seed, seed);
        running.doing(Doing::Draw);
        catch_panic_at(|| fitted.draw(self.clients.as_ref().map(|clients| clients.fork()), seed))
    }

    fn live<O: Observer<M>>(
        &self,
        arena: &mut Arena<M>,
        plan: &Plan,
        made: Made,
        fates: impl Fates,
        observer: Option<&mut O>,
        limits: Limits,
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
        let left = mem::take(arena);
        let lived = match observer {
            None => live_through(World::within(left, plan, &self.boot, clients, fates, &mut checks, limits)),
            Some(observer) => {
                let both = &mut (&mut checks, observer);
                live_through(World::within(left, plan, &self.boot, clients, fates, both, limits))
            }
        };
        match lived {
            Ok((mut end, left)) => {
                *arena = left;
                self.count_scenarios(plan, &end.struck, &mut end.stats);
                let violation = checks.violation().cloned();
                let violation = violation.or_else(|| endless::violation(&end)).or_else(|| misanswered(&end));
                let moment = (end.stats.steps, end.at);
                catch_panic_at(|| finish(end, violation, &checks)).unwrap_or_else(|panic| {
                    let fallen = Fallen { step: moment.0, at: moment.1, stats: Stats::default() };
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
    Some(Violation { check: "answers".to_owned(), breach, step: end.stats.steps, at: end.at })
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

/// How far a world had come when it panicked.
#[derive(Default)]
struct Fallen {
    step: u64,
    at: Time,
    stats: Stats,
}

/// Why a world fell, and how far it had come.
type Fall = Box<(Panic, Fallen)>;

/// A world from its beginning to its end, whatever in it panics.
fn live_through<M: StateMachine, F: Fates, O: Observer<M>>(
    mut world: World<'_, M, F, O>,
) -> Result<(RunEnd, Arena<M>), Fall> {
    match catch_panic_at(|| world.live_through()) {
        Ok(end) => match catch_panic_at(|| world.leave()) {
            Ok(left) => Ok((end, left)),
            Err(panic) => Err(Box::new((panic, Fallen { step: end.stats.steps, at: end.at, stats: end.stats }))),
        },
        Err(panic) => {
            let (at, stats) = world.so_far();
            world.drop_all();
            Err(Box::new((panic, Fallen { step: stats.steps, at, stats })))
        }
    }
}

/// A panic as the violation that it is.
fn panicked(panic: &Panic, check: Option<&dyn Fn(usize) -> Option<String>>, fallen: Fallen) -> Outcome {
    let Panic { message, place, doing } = panic;
    let Fallen { step, at, mut stats } = fallen;
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
    stats.virtual_nanos = at.as_nanos();
    let violation = Some(Violation { check: PANIC.to_owned(), breach, step, at });
    Outcome { violation, digest: digest.value(), end: None, at, stats }
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
    let RunEnd { end, at, mut digest, mut stats, .. } = end;
    if let Some(violation) = &violation {
        digest.fold_bytes(violation.check.as_bytes());
        digest.fold_bytes(violation.breach.sort.as_bytes());
    }
    checks.count(&mut |what, count| stats.mark(what, count));
    Outcome { violation, digest: digest.value(), end: Some(end), at, stats }
}
