//! The recorder: what happened in a run, as plain text and data, for plans and reports.

use std::fmt::{self, Write as _};
use std::ops::ControlFlow;
use std::time::Duration;

use indexmap::IndexMap;

use super::bounded_text::BoundedText;
use super::names::LinkSet;
use super::timer_fates::kind_of;
use super::{
    DiskFault, Event, Fate, Input, Link, LostWhy, MessageName, NODE_COUNT_MAX, Nodes, Observer, Plan, Retry, TimerName,
    TimerRef,
};
use crate::protocol::{Effect, NodeId, RequestId, StateMachine, Time, show_duration, visible};
use crate::running::catch_panic_at;

/// A run of more events than this is recorded no further: nobody reads on.
const EVENT_COUNT_MAX: usize = 200_000;

/// Of what messages say so many bytes are written down …
const TEXT_BYTES_MAX: usize = 64 << 20;
/// … and beyond that only so many of each.
const TEXT_BYTES_EACH: usize = 80;

/// What a [`Recorder`] has written down.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The fates that were not boring.
    pub fates: IndexMap<MessageName, Fate>,
    /// What went wrong with disks.
    pub disk: Vec<DiskFault>,
    /// How often each request was made.
    pub(crate) asks: IndexMap<RequestId, u32>,
    /// The timers that were late.
    pub timers: IndexMap<TimerName, Duration>,
    /// What happened.
    pub trace: Trace,
}

/// What happened in a run, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The events.
    pub events: Vec<TraceEvent>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// When.
    pub at: Time,
    /// The step in which it happened, or after which.
    pub step: u64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum What {
    /// A node began an incarnation.
    Started { node: NodeId, incarnation: u32 },
    /// A client asked.
    Asked { node: NodeId, id: RequestId, text: String },
    /// A client was answered.
    Answered { node: NodeId, id: RequestId, text: String },
    /// A client found the node down.
    Unheard { node: NodeId, id: RequestId },
    /// A message was handed to the network; `fate` if it is not boring.
    Sent { name: MessageName, text: String, fate: Option<Fate> },
    /// A message was taken.
    Took { name: MessageName, text: String },
    /// A message will never arrive.
    Lost { name: MessageName, text: String, why: LostWhy },
    /// A timer was set that will fire late.
    TimerLate { name: TimerName, late: Duration },
    /// A timer fired; `late` if it was late.
    Fired { name: TimerName, text: String, late: Option<Duration> },
    /// An armed fault of the plan strikes.
    Struck { fault: usize },
    /// A message that was sent is held back.
    Held { name: MessageName },
    /// A node marked a thing that happened.
    Marked { node: NodeId, mark: &'static str },
    /// A node lost its memory.
    Crashed { node: NodeId, in_step: bool, wiped: bool },
    /// A node handles nothing for a while.
    Paused { node: NodeId, until: Time },
    /// A node is not of the core that heals, and never comes back.
    Abandoned { node: NodeId },
    /// Links were cut.
    Cut { links: Vec<Link> },
    /// Links work again.
    Joined { links: Vec<Link> },
    /// The hostile phase is over.
    Healed,
    /// A node's session with another has broken.
    Disconnected { node: NodeId, peer: NodeId },
    /// A node has a session with another again.
    Reconnected { node: NodeId, peer: NodeId },
    /// Something went wrong with a disk.
    Disk { fault: DiskFault },
    /// Here `count` events are left out; if `period` says so, the ones before, so many, again and again.
    Omitted { count: usize, period: Option<usize> },
}

impl What {
    /// True if it is that the message of this name was sent.
    #[must_use]
    pub fn is_sent(&self, message: &MessageName) -> bool {
        self.sent() == Some(message)
    }

    /// True if a step begins with it: a node was given something to handle.
    #[must_use]
    pub const fn begins_step(&self) -> bool {
        matches!(self, Self::Took { .. } | Self::Asked { .. } | Self::Fired { .. } | Self::Started { .. })
    }

    /// The message that was sent, if that is what happened.
    #[must_use]
    pub fn sent(&self) -> Option<&MessageName> {
        match self {
            Self::Sent { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The armed fault of the plan that strikes, by its place, if that is what happened.
    #[must_use]
    pub const fn struck(&self) -> Option<usize> {
        match self {
            Self::Struck { fault } => Some(*fault),
            _ => None,
        }
    }

    /// The timer that was set to fire late, if that is what happened.
    #[must_use]
    pub fn late_timer(&self) -> Option<&TimerName> {
        match self {
            Self::TimerLate { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl Recording {
    /// Takes out of a plan the retries that were never made: their clients had their answers, or the run was over.
    pub(crate) fn prune_retries(&self, plan: &mut Plan) {
        for (id, request) in (0..).zip(&mut plan.requests) {
            let mut made = self.asks.get(&RequestId(id)).map_or(0, |asks| asks.saturating_sub(1));
            let is_there = |retry: &Retry| retry.node.index() < plan.node_count.clamp(1, NODE_COUNT_MAX);
            let retries = request.retries.iter().take_while(|retry| {
                let goes_on = made > 0;
                made -= u32::from(goes_on && is_there(retry));
                goes_on
            });
            let count = retries.count();
            request.retries.truncate(count);
        }
    }
}

impl Trace {
    /// The run as a plan file tells it: a line for each thing that came to pass. That a message was sent is told by what
    /// became of it.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.told().map(TraceEvent::to_string).collect()
    }

    /// True if the run was written down to its end: one of more than 200,000 events is not.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.events.len() < EVENT_COUNT_MAX
    }

    /// The events that have a line in a plan file.
    pub fn told(&self) -> impl Iterator<Item = &TraceEvent> {
        self.events.iter().filter(|event| !matches!(event.what, What::Sent { .. } | What::TimerLate { .. }))
    }
}

/// Writes down all that happens, and the fates that make up the plan of the run.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    recording: Recording,
    step: u64,
    /// How many bytes the texts have.
    text_bytes: usize,
}

impl Recorder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What it has written down.
    #[must_use]
    pub fn finish(self) -> Recording {
        self.recording
    }

    fn note(&mut self, at: Time, what: What) {
        if self.recording.trace.events.len() < EVENT_COUNT_MAX {
            self.recording.trace.events.push(TraceEvent { at, step: self.step, what });
        }
    }

    /// What a message, a request or a timer says.
    fn text(&mut self, said: &impl fmt::Debug) -> String {
        if self.recording.trace.events.len() >= EVENT_COUNT_MAX {
            return String::new();
        }
        let bytes_max = TEXT_BYTES_MAX.saturating_sub(self.text_bytes).max(TEXT_BYTES_EACH);
        let mut text = BoundedText { text: String::new(), bytes_max };
        // A `Debug` that panics is shown to do so: the code under test may never show the value to anybody.
        match catch_panic_at(|| write!(text, "{said:?}")) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => text.text.push('…'),
            Err(panic) => text.text = format!("(its Debug panicked: {panic})"),
        }
        self.text_bytes += text.text.len();
        text.text
    }

    fn begin<M: StateMachine>(&mut self, node: NodeId, input: &Input<'_, M>) -> What {
        match input {
            Input::Start { incarnation } => What::Started { node, incarnation: *incarnation },
            Input::Message { name, message } => What::Took { name: name.into_name(), text: self.text(message) },
            Input::Request { id, request } => What::Asked { node, id: *id, text: self.text(request) },
            Input::Disconnected { peer } => What::Disconnected { node, peer: *peer },
            Input::Reconnected { peer } => What::Reconnected { node, peer: *peer },
            Input::Timer { timer, number } => {
                let kind = kind_of::<M>(timer);
                let name = TimerRef { node, kind: &kind, number: *number }.into_name();
                let late = self.recording.timers.get(&name).copied();
                What::Fired { name, text: self.text(timer), late }
            }
        }
    }
}

impl<M: StateMachine> Observer<M> for Recorder {
    fn wants_names(&self) -> bool {
        true
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> ControlFlow<()> {
        if let Event::Begins { input: Input::Request { id, .. }, .. } | Event::RequestLost { id, .. } = event {
            *self.recording.asks.entry(*id).or_default() += 1;
        }
        if self.recording.trace.events.len() >= EVENT_COUNT_MAX {
            // Only the plan goes on: to write texts that nobody keeps would take longer than the run.
            match event {
                Event::Sent { name, fate: Some(fate), .. } => {
                    self.recording.fates.insert(name.into_name(), (*fate).clone());
                }
                Event::Disk { fault } => self.recording.disk.push((*fault).clone()),
                Event::TimerLate { timer, late } => _ = self.recording.timers.insert(timer.into_name(), *late),
                _ => {}
            }
            return ControlFlow::Continue(());
        }
        let what = match event {
            Event::Begins { step, node, input } => {
                self.step = *step;
                self.begin(*node, input)
            }
            Event::Ends { node, effects, .. } => {
                for effect in *effects {
                    match effect {
                        Effect::Respond { id, response } => {
                            let text = self.text(response);
                            self.note(at, What::Answered { node: *node, id: *id, text });
                        }
                        Effect::Mark(mark) => self.note(at, What::Marked { node: *node, mark }),
                        _ => {}
                    }
                }
                return ControlFlow::Continue(());
            }
            Event::Sent { name, message, fate } => {
                if let Some(fate) = fate {
                    self.recording.fates.insert(name.into_name(), (*fate).clone());
                }
                What::Sent { name: name.into_name(), text: self.text(message), fate: fate.cloned() }
            }
            Event::Lost { name, message, why } => {
                What::Lost { name: name.into_name(), text: self.text(message), why: *why }
            }
            Event::RequestLost { node, id } => What::Unheard { node: *node, id: *id },
            Event::Crashed { node, for_good: true, .. } => What::Abandoned { node: *node },
            Event::Crashed { node, in_step, wiped, .. } => {
                What::Crashed { node: *node, in_step: *in_step, wiped: *wiped }
            }
            Event::Paused { node, until } => What::Paused { node: *node, until: *until },
            Event::Cut { links } => What::Cut { links: links.to_vec() },
            Event::Joined { links } => What::Joined { links: links.to_vec() },
            Event::Healed => What::Healed,
            Event::Disk { fault } => {
                self.recording.disk.push((*fault).clone());
                What::Disk { fault: (*fault).clone() }
            }
            Event::TimerLate { timer, late } => {
                let name = timer.into_name();
                self.recording.timers.insert(name.clone(), *late);
                What::TimerLate { name, late: *late }
            }
            Event::Struck { fault } => What::Struck { fault: *fault },
            Event::Held { name, .. } => What::Held { name: name.into_name() },
            Event::Rest { .. } => return ControlFlow::Continue(()),
        };
        self.note(at, what);
        ControlFlow::Continue(())
    }
}

/// One line: when, where, what.
impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { node, incarnation: 0 } => write!(f, "node {node} starts"),
            Self::Started { node, incarnation } => write!(f, "node {node} restarts, incarnation {}", incarnation + 1),
            Self::Asked { node, text, .. } => write!(f, "node {node} is asked: {}", visible(text)),
            Self::Answered { node, text, .. } => write!(f, "node {node} answers: {}", visible(text)),
            Self::Unheard { node, id } => write!(f, "node {node} is down and never hears request {id}"),
            Self::Sent { name, text, .. } => write!(f, "{name} is sent: {}", visible(text)),
            Self::Took { name, text } => write!(f, "{name} is taken: {}", visible(text)),
            Self::Lost { name, why, .. } => write!(f, "{name} is lost: {why}"),
            Self::TimerLate { name, late } => write!(f, "timer {name} will be {} late", show_duration(*late)),
            Self::Fired { name, text, late } => {
                write!(f, "node {} wakes: {}", name.node, visible(text))?;
                late.map_or(Ok(()), |late| write!(f, ", {} late", show_duration(late)))
            }
            Self::Struck { fault } => write!(f, "armed fault {} strikes", fault + 1),
            Self::Held { name } => write!(f, "{name} is held back"),
            Self::Marked { node, mark } => write!(f, "node {node} marks: {}", visible(mark)),
            Self::Crashed { node, in_step, wiped } => {
                let when = if *in_step { " in the middle of the step" } else { "" };
                let what = if *wiped { " and loses its disk" } else { "" };
                write!(f, "node {node} crashes{when}{what}")
            }
            Self::Paused { node, until } => write!(f, "node {node} pauses until {until}"),
            Self::Abandoned { node } => write!(f, "node {node} is down for good"),
            Self::Cut { links } => write!(f, "cut {}", show_links(links)),
            Self::Joined { links } => write!(f, "joined {}", show_links(links)),
            Self::Healed => f.write_str("the world heals"),
            Self::Disconnected { node, peer } => write!(f, "node {node} loses its session with node {peer}"),
            Self::Reconnected { node, peer } => write!(f, "node {node} has a session with node {peer} again"),
            Self::Disk { fault } => write!(f, "{fault}"),
            Self::Omitted { count, period: None } => write!(f, "… {count} events are left out"),
            Self::Omitted { count, period: Some(period) } => {
                write!(f, "… the same again, {} times: {count} events are left out", count / period)
            }
        }
    }
}

impl fmt::Display for LostWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => "dropped",
            Self::Cut => "link cut",
            Self::Down => "receiver down",
            Self::Broken => "session broken",
        })
    }
}

/// `0↔1 2→0`: pairs that are cut both ways are written once.
#[must_use]
pub fn show_links(links: &[Link]) -> String {
    let (mut shown, set) = (Vec::new(), LinkSet::new(links));
    for link in links {
        let both = set.contains(link.reversed());
        if !both {
            shown.push(link.to_string());
        } else if link.from <= link.to {
            shown.push(format!("{}↔{}", link.from, link.to));
        }
    }
    shown.join(" ")
}
