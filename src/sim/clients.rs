//! Clients that do not wait for ever: they ask again, under the same number, and, in a closed loop, ask the next thing only then.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use indexmap::IndexMap;

use super::pending::Pending;
use super::{Fates, Observer, World};
use crate::protocol::{NodeId, RequestId, StateMachine};

/// A client asks once more, under the same [number](RequestId), if it has no answer by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How long after it has asked last.
    pub after: Duration,
    /// Whom.
    pub node: NodeId,
}

/// Who asks one thing after the other: a session of the workload, or, for requests of none, the clients of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Asker {
    Session(u64),
    At(NodeId),
}

/// Who waits for what, where clients ask one thing after the other.
pub(super) struct ClosedLoop {
    timeout: Duration,
    /// What each waits for.
    busy: IndexMap<Asker, u32, foldhash::fast::FixedState>,
    /// What each will ask then.
    next: IndexMap<Asker, VecDeque<u32>, foldhash::fast::FixedState>,
}

impl ClosedLoop {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, busy: IndexMap::default(), next: IndexMap::default() }
    }

    /// True if the client asks this now; else it will.
    fn takes_turn(&mut self, asker: Asker, request: u32) -> bool {
        let next = self.next.entry(asker).or_default();
        if !self.busy.contains_key(&asker) && next.front().is_none_or(|first| *first == request) {
            next.pop_front();
            self.busy.insert(asker, request);
            return true;
        }
        if !next.contains(&request) {
            next.push_back(request);
        }
        false
    }

    /// True if somebody waits for the answer to this.
    fn is_awaited(&self, request: u32) -> bool {
        self.busy.values().any(|awaited| *awaited == request)
    }

    /// The client that waits for this waits no more; returns what it asks next.
    fn end_turn(&mut self, request: u32) -> Option<u32> {
        let place = self.busy.values().position(|awaited| *awaited == request)?;
        let (asker, _) = self.busy.swap_remove_index(place)?;
        self.next.get(&asker)?.front().copied()
    }
}

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// A request of the plan is due.
    pub(super) fn request(&mut self, index: u32) -> ControlFlow<()> {
        let planned = &self.plan.requests[index as usize];
        if self.closed_loop.is_some() && !self.takes_turn(index) {
            return ControlFlow::Continue(());
        }
        if !planned.retries.is_empty() {
            let mut at = self.now;
            for (number, retry) in (0..).zip(&planned.retries) {
                at = at + retry.after;
                let due = if at > self.plan.heal_at { self.settle_after(at) } else { at };
                self.queue.push(due, Pending::Retry { id: index, number });
            }
        }
        self.ask(index, planned.node)
    }

    fn takes_turn(&mut self, index: u32) -> bool {
        let (planned, now) = (&self.plan.requests[index as usize], self.now);
        let session = self.clients.as_ref().and_then(|clients| clients.session(&planned.action));
        let asker = session.map_or(Asker::At(planned.node), Asker::Session);
        let Some(closed) = self.closed_loop.as_mut() else { return true };
        let takes = closed.takes_turn(asker, index);
        if takes {
            let at = now + closed.timeout;
            let at = if at > self.plan.heal_at { self.settle_after(at) } else { at };
            self.queue.push(at, Pending::GiveUp(index));
        }
        takes
    }

    /// A client has no answer yet, and asks again.
    pub(super) fn retry(&mut self, index: u32, number: u32) -> ControlFlow<()> {
        self.stats.retries += 1;
        let retry = self.plan.requests[index as usize].retries[number as usize];
        self.ask(index, retry.node)
    }

    /// True if nothing comes of a retry any more: the client has its answer or waits no longer, or there is no such node.
    pub(super) fn is_retry_dead(&self, index: u32, number: u32) -> bool {
        let retry = self.plan.requests[index as usize].retries[number as usize];
        let has_given_up = self.closed_loop.is_some() && self.is_given_up(index);
        retry.node.index() >= self.nodes.len() || has_given_up || self.answers.is_answered(RequestId(index))
    }

    /// True if nobody waits for the answer to this any more.
    pub(super) fn is_given_up(&self, index: u32) -> bool {
        self.closed_loop.as_ref().is_none_or(|closed| !closed.is_awaited(index))
    }

    /// A client has its answer, or waits no longer: it asks the next thing.
    pub(super) fn end_turn(&mut self, index: u32) {
        if let Some(next) = self.closed_loop.as_mut().and_then(|closed| closed.end_turn(index)) {
            let at = if self.now > self.plan.heal_at { self.settle_after(self.now) } else { self.now };
            self.queue.push(at.max(self.now), Pending::Request(next));
        }
    }
}
