//! Faults that wait for a moment: for what a node says, rather than for a time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::names::show_kind;
use crate::protocol::{NodeId, Time, show_duration};

/// A fault that strikes when a node says something for the so-manieth time, whoever says it: right then, wherever that is in the
/// run. It strikes once, and before the world heals, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmedFault {
    /// What it waits for.
    pub when: When,
    /// Whom it strikes.
    pub on: On,
    /// What it does.
    pub blow: Blow,
    /// After how long it ends: the node restarts or goes on, links work again, what is held back comes. Without it, when the world
    /// heals.
    pub lasts: Option<Duration>,
    /// It ends at this moment, if that comes sooner, and at once if it has been already. A pause does not hear of it.
    pub until: Option<Moment>,
}

/// What an armed fault waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// A time.
    At(Time),
    /// So long after a moment.
    Said {
        /// Which moment.
        moment: Moment,
        /// How long after it; nothing is in the middle of the step.
        after: Duration,
    },
}

/// Something is said for the `count`-th time, from 1, since the world began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What.
    pub said: Said,
    /// For the how-manieth time; never for 0.
    pub count: u32,
    /// By this node, and only what this node says counts; by any if it does not say.
    pub by: Option<NodeId>,
}

/// What a node says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Said {
    /// It [marks](crate::protocol::Env::mark) that something happened.
    Mark(Arc<str>),
    /// It sends a message of this [kind](crate::protocol::StateMachine::kind); a broadcast is as many as there are peers.
    Sent(Arc<str>),
    /// It makes something durable.
    Persisted,
}

/// Whom an armed fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The node that has just said it; nobody if the fault waits for a time.
    That,
    /// All others; nobody if the fault waits for a time.
    Peers,
    /// This one.
    Node(NodeId),
}

/// What an armed fault does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blow {
    /// Whom it strikes loses everything but its durable state.
    Crash {
        /// So many more effects of the step in which it was said still happen; without it all of them. Only for
        /// [that](On::That) node, and right then.
        effects: Option<u32>,
        /// It loses its durable state as well.
        wipe: bool,
    },
    /// It handles nothing for a while, and forgets nothing.
    Pause,
    /// Its links are cut, both ways.
    Isolate,
    /// It hears nobody.
    Deafen,
    /// Nobody hears it.
    Mute,
    /// The messages of this kind that it sends are held back: they come when this ends.
    Hold {
        /// Which kind.
        kind: Arc<str>,
    },
}

impl ArmedFault {
    /// The moment that it waits for, if it waits for one.
    #[must_use]
    pub const fn moment(&self) -> Option<&Moment> {
        match &self.when {
            When::Said { moment, .. } => Some(moment),
            When::At(_) => None,
        }
    }

    /// Calls nodes as `name` does; false if one of them has no name.
    pub(crate) fn rename_nodes(&mut self, name: &dyn Fn(NodeId) -> Option<NodeId>) -> bool {
        let on = if let On::Node(node) = &mut self.on { Some(node) } else { None };
        let by = if let When::Said { moment, .. } = &mut self.when { moment.by.as_mut() } else { None };
        let until = self.until.as_mut().and_then(|until| until.by.as_mut());
        for node in [on, by, until].into_iter().flatten() {
            match name(*node) {
                Some(named) => *node = named,
                None => return false,
            }
        }
        true
    }
}

/// `mark "leader elected" #2`
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.said {
            Said::Mark(mark) => write!(f, "mark {}", show_kind(mark))?,
            Said::Sent(kind) => write!(f, "sent {}", show_kind(kind))?,
            Said::Persisted => f.write_str("persist")?,
        }
        write!(f, " #{}", self.count)?;
        self.by.map_or(Ok(()), |by| write!(f, " of node {by}"))
    }
}

/// `isolate that node at mark "leader elected" #2`
impl fmt::Display for ArmedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { when, on, blow, lasts, until } = self;
        let whom = match on {
            On::That => "that node".to_owned(),
            On::Peers => "its peers".to_owned(),
            On::Node(node) => format!("node {node}"),
        };
        match blow {
            Blow::Crash { effects, wipe } => {
                write!(f, "crash {whom}{}", if *wipe { ", disk lost," } else { "" })?;
                effects.map_or(Ok(()), |effects| write!(f, " {effects} effects later"))?;
            }
            Blow::Pause => write!(f, "pause {whom}")?,
            Blow::Isolate => write!(f, "isolate {whom}")?,
            Blow::Deafen => write!(f, "deafen {whom}")?,
            Blow::Mute => write!(f, "mute {whom}")?,
            Blow::Hold { kind } => write!(f, "hold {} of {whom}", show_kind(kind))?,
        }
        match when {
            When::At(at) => write!(f, " at {at}")?,
            When::Said { moment, after } if after.is_zero() => write!(f, " at {moment}")?,
            When::Said { moment, after } => write!(f, " {} after {moment}", show_duration(*after))?,
        }
        lasts.map_or(Ok(()), |lasts| write!(f, " for {}", show_duration(lasts)))?;
        until.as_ref().map_or(Ok(()), |until| write!(f, " until {until}"))
    }
}
