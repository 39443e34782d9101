//! How checks and recorders look on.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{DiskFault, Fate, Link, NameRef, Nodes, TimerRef};
use crate::protocol::{Effect, NodeId, RequestId, StateMachine, Time};

/// Looks on as a world runs, and may stop it.
///
/// An observer changes nothing: a world runs the same whoever looks on.
pub trait Observer<M: StateMachine> {
    /// True if messages should be counted, so that events carry their numbers. Counting costs a look-up a message.
    fn wants_names(&self) -> bool {
        false
    }

    /// Something happens at `at`; `nodes` is how the nodes stand at that moment.
    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()>;
}

/// Nobody looks on.
impl<M: StateMachine> Observer<M> for () {
    #[inline]
    fn see(&mut self, _at: Time, _event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Two look on; the first one sees each event first, and the second one sees it in any case.
impl<M: StateMachine, A: Observer<M>, B: Observer<M>> Observer<M> for (&mut A, &mut B) {
    fn wants_names(&self) -> bool {
        self.0.wants_names() || self.1.wants_names()
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()> {
        let first = self.0.see(at, event, nodes);
        let second = self.1.see(at, event, nodes);
        if first.is_break() { first } else { second }
    }
}

/// What sort of thing an [`Event`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// [`Event::Begins`]
    Begins,
    /// [`Event::Ends`]
    Ends,
    /// [`Event::Sent`]
    Sent,
    /// [`Event::Lost`]
    Lost,
    /// [`Event::RequestLost`]
    RequestLost,
    /// [`Event::Crashed`]
    Crashed,
    /// [`Event::Paused`]
    Paused,
    /// [`Event::Cut`]
    Cut,
    /// [`Event::Joined`]
    Joined,
    /// [`Event::Healed`]
    Healed,
    /// [`Event::Rest`]
    Rest,
    /// [`Event::Disk`]
    Disk,
    /// [`Event::TimerLate`]
    TimerLate,
    /// [`Event::Struck`]
    Struck,
    /// [`Event::Held`]
    Held,
}

impl EventKind {
    /// Every kind there is.
    pub const ALL: [Self; 15] = [
        Self::Begins,
        Self::Ends,
        Self::Sent,
        Self::Lost,
        Self::RequestLost,
        Self::Crashed,
        Self::Paused,
        Self::Cut,
        Self::Joined,
        Self::Healed,
        Self::Rest,
        Self::Disk,
        Self::TimerLate,
        Self::Struck,
        Self::Held,
    ];
}

/// One thing that happens in a world.
pub enum Event<'a, M: StateMachine> {
    /// A node is about to handle an input.
    Begins {
        /// Which step of the run this is, from 1.
        step: u64,
        /// Who.
        node: NodeId,
        /// What.
        input: Input<'a, M>,
    },
    /// It has handled the input, and this is what it wants done.
    Ends {
        /// Which step.
        step: u64,
        /// Who.
        node: NodeId,
        /// In order.
        effects: &'a [Effect<M>],
    },
    /// A message was handed to the network.
    Sent {
        /// Which.
        name: NameRef<'a>,
        /// What.
        message: &'a M::Message,
        /// What will become of it; `None` for the boring fate.
        fate: Option<&'a Fate>,
    },
    /// A message, or a copy of it, will never arrive.
    Lost {
        /// Which.
        name: NameRef<'a>,
        /// What.
        message: &'a M::Message,
        /// Why.
        why: LostWhy,
    },
    /// A request found its node down.
    RequestLost {
        /// Whom it was for.
        node: NodeId,
        /// Which.
        id: RequestId,
    },
    /// A node lost its memory.
    Crashed {
        /// Who.
        node: NodeId,
        /// In the middle of a step, whose later effects never happened.
        in_step: bool,
        /// And its durable state.
        wiped: bool,
        /// It does not come back: it is not of the [core](super::Plan::core) that heals. It may have been down before.
        for_good: bool,
    },
    /// A node handles nothing for a while.
    Paused {
        /// Who.
        node: NodeId,
        /// When it goes on.
        until: Time,
    },
    /// Links were cut.
    Cut {
        /// Which.
        links: &'a [Link],
    },
    /// Links work again.
    Joined {
        /// Which.
        links: &'a [Link],
    },
    /// The hostile phase is over.
    Healed,
    /// The run is over, and nothing stopped it: the world has come to rest, or its time to settle is up. What must hold in the end
    /// is judged here.
    ///
    /// No message is under way. When the time to settle is up, what was under way has come, and what that led to, before this is
    /// told; only timers do not fire any more. (A world that messages keep going for ever is told as one that does not rest, and
    /// this never; but see [`Limits::never_rests`](super::Limits::never_rests), with which messages may be under way here.)
    ///
    /// The time to settle, [`Plan::settle`](super::Plan::settle), counts from the last thing that the plan itself brings about: the
    /// healing, the last request, the last message that a fate delays. So nothing is judged that had no time.
    Rest {
        /// True if nothing at all is left to happen: what is not so now will never be. If false, timers are set: the world is not
        /// at rest, but had all the time that its plan gives it. What is not so now may yet come to be, and whoever says that a
        /// promise is broken should say that it is not kept *in time*.
        quiet: bool,
    },
    /// Something went wrong with a node's disk: a crash, which was told before, took writes that were not synced, or a write failed in
    /// the step that has just ended.
    Disk {
        /// What.
        fault: &'a DiskFault,
    },
    /// A timer was set that will fire late: its fate.
    TimerLate {
        /// Which.
        timer: TimerRef<'a>,
        /// By how much.
        late: Duration,
    },
    /// An [armed fault](super::Plan::armed) strikes; what it does is told next.
    Struck {
        /// Its place in the plan.
        fault: usize,
    },
    /// A message that was sent is held back by a fault.
    Held {
        /// Which.
        name: NameRef<'a>,
        /// What.
        message: &'a M::Message,
    },
}

impl<M: StateMachine> Event<'_, M> {
    /// What sort of thing it is.
    #[inline]
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Begins { .. } => EventKind::Begins,
            Self::Ends { .. } => EventKind::Ends,
            Self::Sent { .. } => EventKind::Sent,
            Self::Lost { .. } => EventKind::Lost,
            Self::RequestLost { .. } => EventKind::RequestLost,
            Self::Crashed { .. } => EventKind::Crashed,
            Self::Paused { .. } => EventKind::Paused,
            Self::Cut { .. } => EventKind::Cut,
            Self::Joined { .. } => EventKind::Joined,
            Self::Healed => EventKind::Healed,
            Self::Rest { .. } => EventKind::Rest,
            Self::Disk { .. } => EventKind::Disk,
            Self::TimerLate { .. } => EventKind::TimerLate,
            Self::Struck { .. } => EventKind::Struck,
            Self::Held { .. } => EventKind::Held,
        }
    }
}

/// What a node handles in one step.
pub enum Input<'a, M: StateMachine> {
    /// A new incarnation begins.
    Start {
        /// How many incarnations the node has had before.
        incarnation: u32,
    },
    /// A message.
    Message {
        /// Which.
        name: NameRef<'a>,
        /// What.
        message: &'a M::Message,
    },
    /// A client's request.
    Request {
        /// Which.
        id: RequestId,
        /// What.
        request: &'a M::Request,
    },
    /// The node's session with another has broken. Only where links are [streams](super::Links::Stream).
    Disconnected {
        /// With whom.
        peer: NodeId,
    },
    /// It has a session with another again. Only where links are [streams](super::Links::Stream).
    Reconnected {
        /// With whom.
        peer: NodeId,
    },
    /// A timer.
    Timer {
        /// Which.
        timer: &'a M::Timer,
        /// Which setting of its kind, from 1; 0 when nobody counts.
        number: u32,
    },
}

/// Why a message never arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostWhy {
    /// The network lost it: its fate.
    Dropped,
    /// Its link was cut, as it was sent or before it arrived.
    Cut,
    /// The receiver was down.
    Down,
    /// Its session broke before it arrived, or there was none as it was sent.
    Broken,
}
