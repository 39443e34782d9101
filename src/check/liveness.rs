//! Nobody waits for ever.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;

use super::{Breach, Check, QUIET, TIME_UP};
use crate::protocol::{Effect, NodeId, RequestId, StateMachine, Time, show_duration};
use crate::running::shown;
use crate::sim::{Event, EventKind, Fate, Input, Nodes};

/// At rest, each request that reached a node has been answered, or there is an [`Excuse`]. Where the time to settle is up before the
/// world has come to rest, an answer is late that has not come by then: that time counts from the last request.
///
/// The promise of those who are left as much as of all: in worlds where only a [core](crate::sim::Plan::core) heals, a node of it
/// that waits for one that never comes back breaks it. A protocol that must wait for a majority promises it to majorities,
/// which is what [`Profile::harsh`](crate::strategy::Profile::harsh) leaves; where a profile leaves fewer, it says what it
/// [needs](Self::needs).
#[derive(Clone, Debug)]
pub struct Liveness {
    /// In the order in which they were asked.
    waiting: BTreeMap<u64, Waiting>,
    /// Where in that order the request is that waits: an answer costs a look-up, however many wait.
    places: IndexMap<RequestId, u64, foldhash::fast::FixedState>,
    asked: u64,
    /// How many of so many nodes must be left.
    needed_of: fn(usize) -> usize,
    /// An answer may take so long while nothing is wrong.
    within: Option<Duration>,
    /// Since when nothing has been wrong, as far as is known.
    calm_since: Time,
    /// Links were cut, and have not been healed.
    is_cut: bool,
    /// How often each excuse was taken, in the order of [`Excuse::ALL`].
    excused: [u64; Excuse::ALL.len()],
}

/// Why a client may be left without an answer.
///
/// How often each is taken stands among the marks of a sweep: a promise that is mostly excused is not worth much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// Its node has crashed since: the client knows that, and can ask again.
    NodeCrashed,
    /// Fewer nodes are left than the protocol [needs](Liveness::needs).
    TooFewLeft,
}

impl Excuse {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::NodeCrashed, Self::TooFewLeft];

    /// As it stands among the marks.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NodeCrashed => "unanswered, node crashed",
            Self::TooFewLeft => "unanswered, too few left",
        }
    }
}

/// A client that has not been answered yet.
#[derive(Clone, Debug)]
struct Waiting {
    node: NodeId,
    id: RequestId,
    at: Time,
    request: String,
}

impl Liveness {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            places: IndexMap::default(),
            asked: 0,
            needed_of: |_| 1,
            within: None,
            calm_since: Time::ZERO,
            is_cut: false,
            excused: [0; Excuse::ALL.len()],
        }
    }

    /// Of so many nodes the protocol needs so many to answer; where fewer are left, nobody has to.
    ///
    /// ```
    /// # use distributed_data_consistency::check::Liveness;
    /// let consensus = Liveness::new().needs(|node_count| node_count / 2 + 1);
    /// ```
    #[must_use]
    pub fn needs(mut self, of: fn(usize) -> usize) -> Self {
        self.needed_of = of;
        self
    }

    /// And each answer comes within this span of virtual time. It counts from the request, or from when the last thing went wrong that
    /// delays an answer, if that was later: while a node is down or paused, a link is cut, or a message is lost or slow, nobody has to
    /// be answered in time. (A link that was cut counts as cut until the world heals.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use distributed_data_consistency::check::Liveness;
    /// let prompt = Liveness::new().within(Duration::from_millis(500));
    /// ```
    #[must_use]
    pub fn within(mut self, span: Duration) -> Self {
        self.within = Some(span);
        self
    }

    /// Whoever waits the longest is answered in time, as far as `at`; before what happens then.
    fn in_time<M: StateMachine>(&mut self, at: Time, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        let (Some(span), Some(waiting)) = (self.within, self.waiting.values().next()) else { return Ok(()) };
        let since = waiting.at.max(self.calm_since);
        if at <= since + span {
            return Ok(());
        }
        if self.is_cut || nodes.up().count() < nodes.count() {
            self.calm_since = at;
            return Ok(());
        }
        let Waiting { node, id, at: asked, request } = waiting;
        let summary = format!("node {node} has not answered request {id} within {}", show_duration(span));
        Err(Breach::new("late", summary)
            .because(format!("at {asked} it was asked: {request}"))
            .because(format!("since {since} all nodes have been up, and no link was cut, no message lost or slow")))
    }

    /// Something that delays answers, if that is what happened.
    fn note_trouble<M: StateMachine>(&mut self, at: Time, event: &Event<'_, M>) {
        let until = match event {
            Event::Begins { input: Input::Start { .. }, .. } | Event::Lost { .. } | Event::Crashed { .. } => at,
            Event::Paused { until, .. } => *until,
            Event::Sent { fate: Some(Fate::Deliver(delays)), .. } => {
                at + delays.iter().max().copied().unwrap_or_default()
            }
            Event::Cut { .. } => {
                self.is_cut = true;
                at
            }
            Event::Healed => {
                self.is_cut = false;
                at
            }
            _ => return,
        };
        self.calm_since = self.calm_since.max(until);
    }

    fn answer(&mut self, id: RequestId) {
        if let Some(place) = self.places.swap_remove(&id) {
            self.waiting.remove(&place);
        }
    }

    fn excuse(&mut self, excuse: Excuse, clients: usize) {
        self.excused[excuse as usize] += clients as u64;
    }

    /// Everybody has been answered or is excused.
    fn at_rest<M: StateMachine>(&mut self, quiet: bool, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        if nodes.up().count() < (self.needed_of)(nodes.count()) {
            self.excuse(Excuse::TooFewLeft, self.waiting.len());
            return Ok(());
        }
        self.waiting.values().next().map_or(Ok(()), |waiting| Err(tell(waiting, quiet, nodes)))
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: StateMachine> Check<M> for Liveness {
    fn name(&self) -> &'static str {
        "answered"
    }

    fn is_causal(&self) -> bool {
        self.within.is_none()
    }

    fn looks_at(&self) -> &'static [EventKind] {
        match self.within {
            None => &[EventKind::Begins, EventKind::Ends, EventKind::Crashed, EventKind::Rest],
            Some(_) => &EventKind::ALL,
        }
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        if self.within.is_some() {
            self.in_time(at, nodes)?;
            self.note_trouble(at, event);
        }
        match event {
            Event::Begins { node, input: Input::Request { id, request }, .. } => {
                self.answer(*id);
                self.asked += 1;
                self.places.insert(*id, self.asked);
                let request = shown(format_args!("{request:?}"));
                self.waiting.insert(self.asked, Waiting { node: *node, id: *id, at, request });
            }
            Event::Ends { effects, .. } => {
                for effect in *effects {
                    if let Effect::Respond { id: answered, .. } = effect {
                        self.answer(*answered);
                    }
                }
            }
            Event::Crashed { node, .. } => {
                let before = self.waiting.len();
                self.waiting.retain(|_, waiting| waiting.node != *node);
                self.places.retain(|_, place| self.waiting.contains_key(place));
                self.excuse(Excuse::NodeCrashed, before - self.waiting.len());
            }
            Event::Rest { quiet } => return self.at_rest(*quiet, nodes),
            _ => {}
        }
        Ok(())
    }

    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        for (excuse, count) in Excuse::ALL.into_iter().zip(self.excused) {
            if count > 0 {
                add(excuse.name(), count);
            }
        }
    }
}

/// Who waits for what, and who could still answer.
fn tell<M: StateMachine>(waiting: &Waiting, quiet: bool, nodes: Nodes<'_, M>) -> Breach {
    let Waiting { node, id, at, request, .. } = waiting;
    let (up, gone): (Vec<NodeId>, Vec<NodeId>) =
        (0..nodes.count()).map(NodeId::new).partition(|node| nodes.get(*node).is_some());
    let (rest, never) = match quiet {
        true => (QUIET, "never answers"),
        false => (TIME_UP, "has not answered"),
    };
    let breach = Breach::new("unanswered", format!("node {node} {never} request {id}"))
        .because(format!("at {at} it was asked: {request}"))
        .because(format!("{rest}, with nodes {} up and every link between them whole", List(&up)));
    if gone.is_empty() { breach } else { breach.because(format!("down for good: {}", List(&gone))) }
}

/// `0, 2`
struct List<'a>(&'a [NodeId]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, node) in self.0.iter().enumerate() {
            write!(f, "{}{node}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
