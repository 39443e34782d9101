//! One recorded run, ready to be shown: what the page and all exports are made of.

use indexmap::IndexMap;

use crate::explain::{StepNote, Story, Weight};
use crate::protocol::{NodeId, visible};
use crate::sim::{MessageName, Trace, TraceEvent, What};
use crate::sweep::Failure;

/// One run, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct RunView<'a> {
    /// The system.
    pub system: &'a str,
    /// How many nodes there are.
    pub node_count: usize,
    /// How the run goes.
    pub trace: &'a Trace,
    /// The failure that it is; `None` of a clean run.
    pub failure: Option<&'a Failure>,
    /// How the nearest plan that passes goes, where there is one.
    pub twin: Option<&'a Trace>,
    /// The plan, as a file.
    pub plan: &'a str,
    /// The command that runs it again.
    pub replay: &'a str,
}

impl RunView<'_> {
    pub(super) fn story(&self) -> Option<&Story> {
        self.failure.and_then(|failure| failure.story.as_ref())
    }

    /// The weight of the event at this place; of a run without a story each matters.
    pub(super) fn weight(&self, place: usize) -> Weight {
        self.story().and_then(|story| story.weights.get(place)).copied().unwrap_or(Weight::Decisive)
    }

    pub(super) fn note(&self, step: u64) -> Option<&StepNote> {
        self.story().and_then(|story| story.note(step))
    }

    /// In which step the check failed; none if none did.
    pub(super) fn violating(&self) -> Option<u64> {
        self.failure.map(|failure| failure.shrunk.violation.step)
    }
}

/// The node on which something happens; none if it happens to the whole world.
pub(super) fn node_of(what: &What) -> Option<NodeId> {
    match what {
        What::Started { node, .. }
        | What::Asked { node, .. }
        | What::Answered { node, .. }
        | What::Unheard { node, .. }
        | What::Marked { node, .. }
        | What::Crashed { node, .. }
        | What::Paused { node, .. }
        | What::Abandoned { node }
        | What::Disconnected { node, .. }
        | What::Reconnected { node, .. } => Some(*node),
        What::Disk { fault } => Some(fault.node()),
        What::Fired { name, .. } | What::TimerLate { name, .. } => Some(name.node),
        What::Sent { name, .. } | What::Held { name } => Some(name.link.from),
        What::Took { name, .. } | What::Lost { name, .. } => Some(name.link.to),
        What::Cut { .. } | What::Joined { .. } | What::Healed | What::Struck { .. } | What::Omitted { .. } => None,
    }
}

/// One word for what sort of thing happens.
pub(super) const fn word_of(what: &What) -> &'static str {
    match what {
        What::Started { .. } => "started",
        What::Asked { .. } => "asked",
        What::Answered { .. } => "answered",
        What::Unheard { .. } => "unheard",
        What::Sent { .. } => "sent",
        What::Took { .. } => "took",
        What::Lost { .. } => "lost",
        What::Fired { .. } => "fired",
        What::TimerLate { .. } => "timer_late",
        What::Struck { .. } => "struck",
        What::Held { .. } => "held",
        What::Marked { .. } => "marked",
        What::Crashed { .. } => "crashed",
        What::Paused { .. } => "paused",
        What::Abandoned { .. } => "abandoned",
        What::Disconnected { .. } => "disconnected",
        What::Reconnected { .. } => "reconnected",
        What::Disk { .. } => "disk",
        What::Cut { .. } => "cut",
        What::Joined { .. } => "joined",
        What::Healed => "healed",
        What::Omitted { .. } => "omitted",
    }
}

/// What a message, a request, an answer, a timer or a mark says.
pub(super) fn text_of(what: &What) -> Option<&str> {
    match what {
        What::Asked { text, .. }
        | What::Answered { text, .. }
        | What::Sent { text, .. }
        | What::Took { text, .. }
        | What::Lost { text, .. }
        | What::Fired { text, .. } => Some(text),
        What::Marked { mark, .. } => Some(mark),
        _ => None,
    }
}

/// The message that an event is about.
pub(super) const fn message_of(what: &What) -> Option<&MessageName> {
    match what {
        What::Sent { name, .. } | What::Took { name, .. } | What::Lost { name, .. } | What::Held { name } => Some(name),
        _ => None,
    }
}

/// What happened, on one line and without what a message says.
pub(super) fn short(what: &What) -> String {
    match what {
        What::Sent { name, .. } => format!("{name} is sent"),
        What::Took { name, .. } => format!("node {} takes {name}", name.link.to),
        What::Lost { name, why, .. } => format!("{name} is lost: {why}"),
        other => visible(&other.to_string()).into_owned(),
    }
}

/// Where in the trace each message was last taken or lost.
pub(super) fn last_places(events: &[TraceEvent]) -> IndexMap<&MessageName, usize> {
    let arrivals = events.iter().enumerate().filter_map(|(place, event)| match &event.what {
        What::Took { name, .. } | What::Lost { name, .. } => Some((name, place)),
        _ => None,
    });
    arrivals.collect()
}
