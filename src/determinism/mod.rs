//! Whether a system is deterministic: its world is run twice, and everything that can be seen of the two runs is compared.
//!
//! The digest of a run sees steps and effects, and states at the end. Here every input, effect, answer and durable state is
//! compared as text, and every state after each step as far as [`StateMachine::fold`] tells it, or as `Debug` shows it if that is
//! asked for. The second run has a thread of
//! its own, so that what belongs to a thread (its identity, its thread-locals, its part of the heap) differs too.

mod cause;
mod transcript;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use indexmap::IndexSet;

pub use cause::Cause;
use cause::Sample;
use transcript::{Looking, Observation, STATE, Transcript};

use crate::check::{Breach, Violation};
use crate::harness::Origin;
use crate::harness::bounds::{Bounds, Brake};
use crate::harness::{Harness, Outcome, Recorded};
use crate::protocol::{NodeId, StateMachine, Time};
use crate::running::spawn_scoped;
use crate::sim::{Arena, Limits, MessageName, Observer, Plan, TimerName};

/// The name of the check that a system breaks which is not deterministic, as it stands in reports and plan files.
pub const DETERMINISM: &str = "determinism";

/// What stands for an event that never came.
const OVER: &str = "(the run was over)";

/// So many characters of a text are shown: the first, what is just before the difference, and what follows from there on.
const SHOWN: [usize; 3] = [24, 16, 60];

/// So often the world is run to guess why it goes different ways.
const SAMPLES: usize = 10;

/// Where two runs of the same world first went different ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nondeterminism {
    /// In which step of the run, from 1; 0 before the first.
    pub step: u64,
    /// When.
    pub at: Time,
    /// Where; `None` for the world as a whole.
    pub node: Option<NodeId>,
    /// What happened in one run; `None` if it was over by then.
    pub one: Option<String>,
    /// What happened in the other.
    pub other: Option<String>,
    /// What is probably to blame; a guess.
    pub cause: Cause,
}

impl Nondeterminism {
    /// As a violation, which is what it is.
    #[must_use]
    pub fn to_violation(&self) -> Violation {
        let Self { step, at, node, cause, .. } = self;
        let (one, other) = (self.one.as_deref().unwrap_or(OVER), self.other.as_deref().unwrap_or(OVER));
        let place = node.map_or_else(String::new, |node| format!(" on node {node}"));
        let summary = format!("step {step}{place} at {at} goes another way when the same world is run again");
        let breach = Breach::new("other way", summary)
            .because(format!("one run    {}", clipped(one, other)))
            .because(format!("the other  {}", clipped(other, one)))
            .because(format!("likely     {cause}"));
        Violation { check: DETERMINISM.to_owned(), breach, step: *step, at: *at }
    }
}

/// The text, cut to where it differs from the other one: messages can be long, and a screen is small.
fn clipped(text: &str, other: &str) -> String {
    let [head, before, after] = SHOWN;
    let same = text.chars().zip(other.chars()).take_while(|(left, right)| left == right).count();
    let (begin, end) = (same.saturating_sub(before), same + after);
    let part = |from: usize, to: usize| -> String { text.chars().skip(from).take(to.saturating_sub(from)).collect() };
    let tail = if text.chars().count() > end { "…" } else { "" };
    if begin <= head { part(0, end) + tail } else { format!("{}…{}{tail}", part(0, head), part(begin, end)) }
}

/// What came of a world that was run twice.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What came of the first run.
    pub outcome: Outcome,
    /// Where the second run went another way; `None` if it went the same.
    pub differs: Option<Box<Nondeterminism>>,
    /// True if the states of nodes were compared: their [`fold`](StateMachine::fold) told anything, or their `Debug` was asked for
    /// ([`Harness::debug_state`](crate::harness::Harness::debug_state)), or they have none. Inputs, effects, answers and durable states
    /// are compared in any case.
    pub compares_states: bool,
}

impl Verified {
    /// What came of the first run; if the second run went another way, that is its violation.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        match self.differs {
            Some(differs) => Outcome { violation: Some(differs.to_violation()), ..self.outcome },
            None => self.outcome,
        }
    }
}

impl<M: StateMachine> Harness<M> {
    /// Runs a plan twice, and compares all that can be seen of it. Several times as slow as a run, for everything is written
    /// down as text.
    #[must_use]
    pub fn verify_plan(&self, plan: &Plan) -> Verified {
        self.compare(&|transcript| self.run_seen(plan, &mut self.looking(transcript)))
    }

    /// Runs the world of a seed twice, and compares all that can be seen of it. See [`verify_plan`](Self::verify_plan).
    #[must_use]
    pub fn verify_seed(&self, seed: u64) -> Verified {
        self.compare(&|transcript| self.run_seed_seen(seed, &mut self.looking(transcript)))
    }

    /// Runs a world of a sweep, in the memory that another world has left and while somebody looks on; and once more, to compare
    /// all that can be seen of it. Both under these limits.
    ///
    /// # Errors
    /// If somebody has seen enough: what came of the first run, which may have been broken off.
    pub(crate) fn verify_origin(
        &self,
        arena: &mut Arena<M>,
        origin: &Origin,
        observer: &mut impl Observer<M>,
        limits: Limits,
        stop: &AtomicBool,
    ) -> Result<Verified, Box<Outcome>> {
        let first = transcribed(|transcript| {
            let all = &mut (&mut Brake(stop), &mut (observer, &mut self.looking(transcript)));
            self.run_origin(arena, origin, all, limits)
        });
        let seen = first.0.clone();
        let verified = self.compare_to(first, &|transcript| {
            let both = &mut (&mut Brake(stop), &mut self.looking(transcript));
            self.run_origin(&mut Arena::default(), origin, both, limits)
        });
        if stop.load(Ordering::Relaxed) { Err(Box::new(seen)) } else { Ok(verified) }
    }

    /// The same for one that is looked at again; `None` if somebody has seen enough, and nobody knows what would have come of it.
    pub(crate) fn verify_origin_until(&self, origin: &Origin, limits: Limits, stop: &AtomicBool) -> Option<Verified> {
        let verified = self.compare(&|transcript| {
            let both = &mut (&mut Brake(stop), &mut self.looking(transcript));
            self.run_origin(&mut Arena::default(), origin, both, limits)
        });
        (!stop.load(Ordering::Relaxed)).then_some(verified)
    }

    /// Runs a plan twice, as far as `bounds` let it; `None` if somebody has seen enough.
    pub(crate) fn verify_bounded(&self, plan: &Plan, bounds: &Bounds<'_>) -> Option<Verified> {
        let verified = self.compare(&|transcript| self.run_bounded_seen(plan, bounds, &mut self.looking(transcript)));
        (!bounds.is_stopped()).then_some(verified)
    }

    fn looking<'a>(&self, transcript: &'a mut Transcript) -> Looking<'a, M> {
        Looking { transcript, show: self.show_state }
    }

    fn compare(&self, run: Run<'_>) -> Verified {
        self.compare_to(transcribed(run), run)
    }

    /// Runs the world once more, and holds that against the first run.
    fn compare_to(&self, (outcome, first): (Outcome, Transcript), run: Run<'_>) -> Verified {
        let second = on_new_thread(run);
        let compares_states = size_of::<M>() == 0 || first.sees_states || second.sees_states;
        let differs = difference([first, second], run).map(Box::new);
        Verified { outcome, differs, compares_states }
    }
}

type Run<'a> = &'a (dyn Fn(&mut Transcript) -> Outcome + Sync);

fn difference([first, second]: [Transcript; 2], run: Run<'_>) -> Option<Nondeterminism> {
    let place = first.first_difference(&second)?;
    let (one, other) = (first.observation(place), second.observation(place));
    let cause = cause(run, [first, second], place, [&one, &other]);
    let Observation { step, at, node, .. } =
        one.as_ref().or(other.as_ref()).expect("expect: one of the runs has something to differ in").clone();
    let text = |observation: Option<Observation>| observation.map(|observation| observation.text);
    Some(Nondeterminism { step, at, node, one: text(one), other: text(other), cause })
}

/// Runs the world some more times, and guesses.
fn cause(run: Run<'_>, first: [Transcript; 2], place: usize, observations: [&Option<Observation>; 2]) -> Cause {
    if observations.into_iter().flatten().any(|observation| observation.text.starts_with(STATE)) {
        return Cause::State;
    }
    let sample = |transcript: &Transcript| Sample {
        step: transcript.rest_of_step(place).into_iter().map(str::to_owned).collect(),
        deeds: transcript.deeds_from(place),
    };
    let mut samples: Vec<Sample> = first.iter().map(sample).collect();
    drop(first);
    while samples.len() < SAMPLES {
        let transcript = if samples.len().is_multiple_of(2) { transcribed(run).1 } else { on_new_thread(run) };
        samples.push(sample(&transcript));
    }
    Cause::of(&samples)
}

fn transcribed(run: impl FnOnce(&mut Transcript) -> Outcome) -> (Outcome, Transcript) {
    let mut transcript = Transcript::default();
    let outcome = run(&mut transcript);
    transcript.conclude(&outcome);
    (outcome, transcript)
}

fn on_new_thread(run: Run<'_>) -> Transcript {
    let transcript = thread::scope(|scope| spawn_scoped(scope, || transcribed(run).1).join());
    transcript.expect("expect: a panic of a node is caught, and is part of the outcome")
}

/// A world that violated `check` once, and goes the same way every time that it is looked at: with what it did then.
pub(crate) fn never_again(check: &str, again: Option<&Violation>) -> Violation {
    let now = again.map_or_else(|| "clean".to_owned(), Violation::to_string);
    let (step, at) = again.map_or((0, Time::ZERO), |violation| (violation.step, violation.at));
    let breach = Breach::new("never again", format!("a world violated {check}, and does not do so again"))
        .because(format!("run again, it is {now}"))
        .because("no event is known to differ: the two runs that were compared went the same way")
        .because(format!("likely     {}", Cause::Timing));
    Violation { check: DETERMINISM.to_owned(), breach, step, at }
}

/// The run up to where another one of the same plan went another way, which is its violation: what was yet to come cannot be to
/// blame.
pub(crate) fn cut_off(recorded: Recorded, violation: &Violation) -> Recorded {
    let Recorded { mut plan, mut outcome, mut trace } = recorded;
    // A trace that ends before that is one of a run too long to be written down.
    if violation.step > 0 && trace.events.last().is_some_and(|event| event.step >= violation.step) {
        trace.events.retain(|event| event.step <= violation.step && event.at <= violation.at);
        let sent: IndexSet<&MessageName> = trace.events.iter().filter_map(|event| event.what.sent()).collect();
        plan.fates.retain(|name, _| sent.contains(name));
        let late: IndexSet<&TimerName> = trace.events.iter().filter_map(|event| event.what.late_timer()).collect();
        plan.timers.retain(|name, _| late.contains(name));
        plan.requests.retain(|planned| planned.at <= violation.at);
        plan.faults.retain(|planned| planned.at <= violation.at);
        outcome.at = violation.at;
    }
    outcome.violation = Some(violation.clone());
    Recorded { plan, outcome, trace }
}

#[cfg(test)]
mod tests {
    use super::clipped;

    #[test]
    fn a_long_text_is_cut_to_where_it_differs() {
        assert_eq!(clipped("sends 1", "sends 2"), "sends 1");
        let text = |word| format!("sends to 2: reply {}{word} {}", "same ".repeat(40), "more ".repeat(40));
        let shown = clipped(&text("this"), &text("that"));
        let more = "more ".repeat(11);
        assert_eq!(shown, format!("sends to 2: reply same s…ame same same this {more}mo…"));
    }
}
