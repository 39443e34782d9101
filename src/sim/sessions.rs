//! Stream links: what two nodes send each other comes in order and once, as long as their session lives.
//!
//! A message that is lost, a cut of either direction and a crash of either end break the session. What is under way in both directions is
//! lost then; both ends are told after the base latency; and when nothing stands in the way any more, a new session begins, and both are
//! told of that. As the world begins all sessions are there.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use indexmap::IndexMap;

use super::pending::Pending;
use super::{Event, Fate, Fates, Input, Link, LostWhy, NameRef, Observer, World};
use crate::protocol::{NodeId, StateMachine, Time};

/// How links carry messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Links {
    /// Each message for itself: it may be late, lost or doubled, and overtake others.
    #[default]
    Datagram,
    /// In sessions, as over TCP: in order and once, until the session breaks.
    Stream,
}

impl Links {
    /// As it stands in plan files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Datagram => "datagram",
            Self::Stream => "stream",
        }
    }
}

type ByLink<T> = IndexMap<Link, T, foldhash::fast::FixedState>;

/// One direction of a session.
#[derive(Default)]
struct Lane {
    /// The sequences of the messages under way, in the order in which they were sent.
    under_way: VecDeque<u32>,
    /// When the last of them comes.
    last: Time,
}

/// The session of two nodes.
#[derive(Default)]
struct Session {
    is_broken: bool,
    /// How many there were before.
    number: u32,
}

/// All sessions of a world. Those that nobody has used or broken take no room.
#[derive(Default)]
pub(super) struct Sessions {
    lanes: ByLink<Lane>,
    /// By the link from the node with the smaller number.
    pairs: ByLink<Session>,
}

/// What becomes of a message whose time has come.
#[derive(PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is taken.
    Next,
    /// One that was sent before has yet to come: its receiver was paused.
    Early,
    /// Its session has broken.
    Lost,
}

fn pair_of(link: Link) -> Link {
    if link.from <= link.to { link } else { link.reversed() }
}

impl Sessions {
    fn is_open(&self, link: Link) -> bool {
        self.pairs.get(&pair_of(link)).is_none_or(|session| !session.is_broken)
    }

    /// Puts a message behind the others of its direction; returns when it comes.
    fn post(&mut self, link: Link, sent: u32, at: Time) -> Time {
        let lane = self.lanes.entry(link).or_default();
        lane.last = lane.last.max(at);
        lane.under_way.push_back(sent);
        lane.last
    }

    pub(super) fn arrive(&mut self, link: Link, sent: u32) -> Arrival {
        let Some(lane) = self.lanes.get_mut(&link) else { return Arrival::Lost };
        match lane.under_way.iter().position(|other| *other == sent) {
            Some(0) => {
                lane.under_way.pop_front();
                Arrival::Next
            }
            Some(_) => Arrival::Early,
            None => Arrival::Lost,
        }
    }

    /// Breaks a session; false if it is broken already.
    fn shut(&mut self, pair: Link) -> bool {
        let session = self.pairs.entry(pair).or_default();
        if session.is_broken {
            return false;
        }
        session.is_broken = true;
        session.number = session.number.wrapping_add(1);
        for link in [pair, pair.reversed()] {
            self.lanes.swap_remove(&link);
        }
        true
    }

    /// True if this session, the `number`-th, is not there yet.
    fn is_awaited(&self, pair: Link, number: u32) -> bool {
        self.pairs.get(&pair).is_some_and(|session| session.is_broken && session.number == number)
    }
}

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// What [`send`](Self::send) does where links are streams. A node's messages to itself have a session that never breaks.
    #[cold]
    pub(super) fn send_in_session(&mut self, link: Link, number: u32, message: M::Message) -> ControlFlow<()> {
        let name = NameRef { link, kind: M::kind(&message), number };
        let sent = self.stats.sent as u32;
        let is_open = self.sessions.as_ref().is_some_and(|sessions| sessions.is_open(link));
        let drawn = if self.healed || !is_open { None } else { self.fates.fate(name, self.now) };
        let fate = drawn.and_then(|fate| once(fate, link));
        self.see(&Event::Sent { name, message: &message, fate: fate.as_ref() })?;
        if !is_open {
            return self.lose(link, number, &message, LostWhy::Broken);
        }
        let delay = match &fate {
            None => self.plan.latency,
            Some(Fate::Deliver(delays)) if !delays.is_empty() => delays[0],
            Some(_) => {
                self.lose(link, number, &message, LostWhy::Dropped)?;
                self.break_session(link);
                return ControlFlow::Continue(());
            }
        };
        self.stats.delayed += u64::from(delay != self.plan.latency);
        let at = if fate.is_some() { self.comes_at(delay) } else { self.now + delay };
        let at = self.sessions.as_mut().map_or(at, |sessions| sessions.post(link, sent, at));
        self.queue.push(at, Pending::Delivery { link, number, sent, message });
        ControlFlow::Continue(())
    }

    /// Breaks the session of the ends of a link, if links are streams.
    pub(super) fn break_session(&mut self, link: Link) {
        let (pair, node_count) = (pair_of(link), self.nodes.len());
        let Some(sessions) = &mut self.sessions else { return };
        if pair.from == pair.to || pair.to.index() >= node_count || !sessions.shut(pair) {
            return;
        }
        self.stats.sessions_broken += 1;
        let told = self.now + self.plan.latency;
        for link in [pair, pair.reversed()] {
            self.tell_session(link, told, false);
        }
        self.seek_session(pair, told + self.plan.latency);
    }

    /// Breaks the sessions of a node that has crashed.
    pub(super) fn break_sessions_of(&mut self, node: NodeId) {
        if self.sessions.is_some() {
            let peers = (0..self.nodes.len()).map(NodeId::new);
            peers.for_each(|to| self.break_session(Link { from: node, to }));
        }
    }

    /// Lets each session begin that is broken and that nothing stands in the way of.
    pub(super) fn seek_sessions(&mut self) {
        let Some(sessions) = &self.sessions else { return };
        let broken = sessions.pairs.iter().filter(|(_, session)| session.is_broken);
        let broken: Vec<Link> = broken.map(|(pair, _)| *pair).collect();
        let at = self.now + self.plan.latency;
        broken.into_iter().for_each(|pair| self.seek_session(pair, at));
    }

    fn seek_session(&mut self, pair: Link, at: Time) {
        let session = self.sessions.as_ref().and_then(|sessions| sessions.pairs.get(&pair));
        if let Some(number) = session.map(|session| session.number)
            && self.can_open(pair, number)
        {
            self.queue.push(at, Pending::Open { pair, number });
        }
    }

    /// True if this session is broken, both ends are up, and neither direction is cut.
    pub(super) fn can_open(&self, pair: Link, number: u32) -> bool {
        let is_awaited = self.sessions.as_ref().is_some_and(|sessions| sessions.is_awaited(pair, number));
        let is_up = |node: NodeId| self.nodes[node.index()].machine.is_some();
        let is_cut = self.network.is_cut(pair) || self.network.is_cut(pair.reversed());
        is_awaited && is_up(pair.from) && is_up(pair.to) && !is_cut
    }

    pub(super) fn open(&mut self, pair: Link) -> ControlFlow<()> {
        if let Some(session) = self.sessions.as_mut().and_then(|sessions| sessions.pairs.get_mut(&pair)) {
            session.is_broken = false;
        }
        for link in [pair, pair.reversed()] {
            self.tell_session(link, self.now, true);
        }
        ControlFlow::Continue(())
    }

    /// The node that `link` begins at is to hear of its session with the other.
    fn tell_session(&mut self, link: Link, at: Time, begins: bool) {
        let driver = &self.nodes[link.from.index()];
        if driver.machine.is_some() {
            self.queue.push(at, Pending::Session { link, incarnation: driver.incarnation, begins });
        }
    }

    /// A node hears that its session with `peer` has broken, or begins again.
    pub(super) fn hear_session(&mut self, node: NodeId, peer: NodeId, begins: bool) -> ControlFlow<()> {
        if begins {
            self.begin(node, Input::Reconnected { peer })?;
            return self.act(node, |machine, env| machine.on_reconnect(peer, env));
        }
        self.begin(node, Input::Disconnected { peer })?;
        self.act(node, |machine, env| machine.on_disconnect(peer, env))
    }
}

/// A fate as a stream knows it: the message comes once, or not at all; and nothing that a node sends itself is lost.
fn once(fate: Fate, link: Link) -> Option<Fate> {
    match fate {
        Fate::Deliver(delays) if !delays.is_empty() => Some(Fate::delay(delays[0])),
        _ if link.from == link.to => None,
        _ => Some(Fate::Drop),
    }
}
