//! The transcript: writes down, as text, everything of a run that could differ when the same world is run again.

use std::fmt::{self, Write as _};
use std::ops::ControlFlow;

use super::cause::Deeds;
use crate::harness::Outcome;
use crate::harness::ShowState;
use crate::protocol::{Digest, Effect, NodeId, StateMachine, Time};
use crate::running::catch_panic_at;
use crate::sim::{Event, Input, LostWhy, Nodes, Observer};

/// After so many bytes of text only a digest is kept of what follows.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// One thing that was seen: an input, an effect, the state after a step, or how the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observation {
    pub(crate) step: u64,
    pub(crate) at: Time,
    /// Where; `None` for the world as a whole.
    pub(crate) node: Option<NodeId>,
    pub(crate) text: String,
}

/// All that was seen of one run.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// The texts of all observations, one behind the other: a string for each would cost more than the run.
    text: String,
    text_bytes_max: usize,
    places: Vec<Place>,
    /// Of what came after the text was full.
    rest: Option<Digest>,
    /// There was room for all of the text.
    is_whole: bool,
    /// The state of a node was seen.
    pub(crate) sees_states: bool,
    step: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    step: u64,
    at: Time,
    node: Option<NodeId>,
    /// Where its text ends; it begins where that of the observation before ends.
    end: usize,
}

impl Default for Transcript {
    fn default() -> Self {
        Self::with_room(TEXT_BYTES_MAX)
    }
}

impl Transcript {
    fn with_room(text_bytes_max: usize) -> Self {
        let (text, places) = (String::new(), Vec::new());
        Self { text, text_bytes_max, places, rest: None, is_whole: true, sees_states: false, step: 0 }
    }

    /// Looks at the verdict, when the run is over.
    pub(crate) fn conclude(&mut self, outcome: &Outcome) {
        if let Some(rest) = self.rest.take() {
            self.is_whole = false;
            // The verdict is worth a few bytes more.
            self.text_bytes_max = usize::MAX;
            self.write(outcome.at, None, format_args!("the rest: {:#018x}", rest.value()));
        }
        match &outcome.violation {
            Some(violation) => {
                self.write(outcome.at, None, format_args!("verdict: {violation}"));
                for reason in &violation.breach.because {
                    self.write(outcome.at, None, format_args!("because {reason}"));
                }
            }
            None => self.write(outcome.at, None, format_args!("verdict: clean")),
        }
        self.write(outcome.at, None, format_args!("ends: {:?}, digest {:#018x}", outcome.end, outcome.digest));
    }

    /// What was seen in this place, from 0.
    pub(crate) fn observation(&self, place: usize) -> Option<Observation> {
        let Place { step, at, node, .. } = *self.places.get(place)?;
        Some(Observation { step, at, node, text: self.text_of(place).to_owned() })
    }

    /// The first place in which the two saw different things; `None` if they saw the same.
    pub(crate) fn first_difference(&self, other: &Self) -> Option<usize> {
        if self.text == other.text && self.places == other.places {
            return None;
        }
        let same = |place: &usize| {
            let (left, right) = (self.places.get(*place), other.places.get(*place));
            left == right && self.text_of(*place) == other.text_of(*place)
        };
        (0..self.places.len().max(other.places.len())).find(|place| !same(place))
    }

    /// The texts of the step in which the observation at `place` belongs, from that observation on; not those of states, which are
    /// numbers that say nothing.
    pub(crate) fn rest_of_step(&self, place: usize) -> Vec<&str> {
        let Some(first) = self.places.get(place) else { return Vec::new() };
        let same_step = |place: &usize| self.places.get(*place).is_some_and(|other| other.step == first.step);
        let texts = (place..).take_while(same_step).map(|place| self.text_of(place));
        texts.filter(|text| !text.starts_with(STATE)).collect()
    }

    /// All that was sent and answered from this place on; `None` if there was nothing, or not all is known.
    pub(crate) fn deeds_from(&self, place: usize) -> Option<Deeds> {
        let is_deed = |text: &str| text.starts_with(SENDS) || text.starts_with(ANSWERS);
        let deeds = (place..self.places.len()).filter(|place| is_deed(self.text_of(*place)));
        let digests = deeds.map(|place| {
            let mut digest = Digest::new();
            digest.fold(self.places[place].node.map_or(u64::MAX, |node| node.index() as u64));
            digest.fold_bytes(self.text_of(place).as_bytes());
            digest.value()
        });
        let (mut all, mut row, mut count) = (0_u64, Digest::new(), 0);
        for digest in digests {
            // Sums are the same in any order.
            all = all.wrapping_add(digest);
            row.fold(digest);
            count += 1;
        }
        (self.is_whole && count > 0).then_some(Deeds { all, row: row.value() })
    }

    fn text_of(&self, place: usize) -> &str {
        let Some(Place { end, .. }) = self.places.get(place) else { return "" };
        let begin = place.checked_sub(1).map_or(0, |before| self.places[before].end);
        &self.text[begin..*end]
    }

    fn write(&mut self, at: Time, node: Option<NodeId>, text: fmt::Arguments<'_>) {
        if self.text.len() < self.text_bytes_max {
            let begin = self.text.len();
            // A `Debug` that panics is seen as one that does, and ends nothing.
            if let Err(panic) = catch_panic_at(|| self.text.write_fmt(text)) {
                self.text.truncate(begin);
                self.text.push_str(&format!("(its Debug panicked: {panic})"));
            }
            self.places.push(Place { step: self.step, at, node, end: self.text.len() });
        } else {
            let rest = self.rest.get_or_insert_default();
            let _ = catch_panic_at(|| rest.write_fmt(text));
        }
    }

    fn write_effects<M: StateMachine>(
        &mut self,
        at: Time,
        node: NodeId,
        effects: &[Effect<M>],
        nodes: Nodes<'_, M>,
        show: Option<ShowState<M>>,
    ) {
        let here = Some(node);
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    self.write(at, here, format_args!("{SENDS}{to}: {} {message:?}", M::kind(message)));
                }
                Effect::SetTimer { timer, after } => {
                    self.write(at, here, format_args!("sets timer {timer:?} to go off after {after:?}"));
                }
                Effect::CancelTimer { timer } => self.write(at, here, format_args!("cancels timer {timer:?}")),
                Effect::Persist => self.write(at, here, format_args!("persists {:?}", nodes.durable(node))),
                Effect::Respond { id, response } => {
                    self.write(at, here, format_args!("{ANSWERS}{id}: {response:?}"));
                }
                Effect::Mark(mark) => self.write(at, here, format_args!("marks: {mark}")),
            }
        }
        let Some(machine) = nodes.get(node) else { return };
        let mut state = Digest::new();
        machine.fold(&mut state);
        if state != Digest::new() {
            self.sees_states = true;
            self.write(at, here, format_args!("{STATE}{:#018x}", state.value()));
        }
        if let Some(show) = show {
            self.sees_states = true;
            self.write(at, here, format_args!("holds {}", Shown(machine, show)));
        }
    }
}

/// A state as text.
struct Shown<'a, M>(&'a M, ShowState<M>);

impl<M> fmt::Display for Shown<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1(self.0, f)
    }
}

/// How the texts of what is sent and answered begin.
const SENDS: &str = "sends to ";
const ANSWERS: &str = "answers request ";

/// How the text of an observation begins that shows a state.
pub(crate) const STATE: &str = "holds another state: its digest is ";

/// A transcript that looks at nodes of this sort.
pub(crate) struct Looking<'a, M> {
    pub(crate) transcript: &'a mut Transcript,
    /// How states are shown, if they are.
    pub(crate) show: Option<ShowState<M>>,
}

impl<M: StateMachine> Observer<M> for Looking<'_, M> {
    fn wants_names(&self) -> bool {
        true
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()> {
        self.transcript.see(at, event, nodes, self.show);
        ControlFlow::Continue(())
    }
}

impl Transcript {
    fn see<M: StateMachine>(
        &mut self,
        at: Time,
        event: &Event<'_, M>,
        nodes: Nodes<'_, M>,
        show: Option<ShowState<M>>,
    ) {
        match event {
            Event::Begins { step, node, input } => {
                self.step = *step;
                let here = Some(*node);
                match input {
                    Input::Start { incarnation } => {
                        self.write(at, here, format_args!("starts incarnation {}", incarnation + 1))
                    }
                    Input::Message { name, message } => self.write(at, here, format_args!("takes {name}: {message:?}")),
                    Input::Request { id, request } => {
                        self.write(at, here, format_args!("is asked request {id}: {request:?}"));
                    }
                    Input::Disconnected { peer } => {
                        self.write(at, here, format_args!("loses its session with node {peer}"));
                    }
                    Input::Reconnected { peer } => {
                        self.write(at, here, format_args!("has a session with node {peer} again"));
                    }
                    Input::Timer { timer, .. } => self.write(at, here, format_args!("wakes: {timer:?}")),
                }
            }
            Event::Ends { node, effects, .. } => self.write_effects(at, *node, effects, nodes, show),
            Event::Lost { name, why, .. } if *why != LostWhy::Dropped => {
                self.write(at, None, format_args!("{name} is lost: {why}"));
            }
            Event::RequestLost { node, id } => {
                self.write(at, Some(*node), format_args!("is down and never hears request {id}"));
            }
            Event::Crashed { node, .. } => self.write(at, Some(*node), format_args!("crashes")),
            Event::Rest { quiet } => self.write(at, None, format_args!("comes to rest: {quiet}")),
            // What the plan decides is the same in both runs.
            Event::Sent { .. }
            | Event::Lost { .. }
            | Event::Paused { .. }
            | Event::Cut { .. }
            | Event::Joined { .. }
            | Event::Healed
            | Event::Disk { .. }
            | Event::TimerLate { .. }
            | Event::Struck { .. }
            | Event::Held { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Time, Transcript};
    use crate::sim::Stats;

    /// A run of a hundred events, the last of which is `last`, seen by a transcript with room for ten or so.
    fn transcript(last: u64) -> Transcript {
        let mut transcript = Transcript::with_room(80);
        for event in (0..99).chain([last]) {
            transcript.write(Time::ZERO, None, format_args!("event {event}"));
        }
        let outcome = Outcome { violation: None, digest: 0, end: None, at: Time::ZERO, stats: Stats::default() };
        transcript.conclude(&outcome);
        transcript
    }

    #[test]
    fn what_there_is_no_room_for_is_still_compared() {
        let seen = transcript(100);
        assert!(seen.text.len() < 300, "{}", seen.text);
        assert_eq!(seen.first_difference(&transcript(100)), None);
        let place = seen.first_difference(&transcript(101)).expect("the last event differs");
        assert!(seen.text_of(place).starts_with("the rest: 0x"), "{}", seen.text_of(place));
    }
}
