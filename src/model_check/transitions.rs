//! What may happen next.

use std::ops::{ControlFlow, Range};

use smallvec::SmallVec;

use super::dependence::{ANSWERED, NodeSet, STARTED, Sorts, TIMED};
use super::fates::{Mishap, Mishaps};
use super::global_state::{Budget, GlobalState, Layout, Spent};
use super::level::{Next, Taken};
use super::local_states::{Cause, Input, LocalStates, MessageId, StepId};
use super::{Ask, Scope};
use crate::protocol::StateMachine;

/// Why a run may end at a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leaf {
    /// All has come that must.
    Whole,
    /// The search goes no further: a node panicked, or the run is as long as it may be.
    Cut,
    /// Whatever follows was seen after other steps; only where each state is wanted.
    Seen,
}

/// Finds what may happen next.
pub(crate) struct Transitions<'a, M: StateMachine> {
    pub(crate) local_states: LocalStates<'a, M>,
    layout: Layout,
    scope: &'a Scope,
    asks: &'a [Ask],
    /// The requests of each node, in order.
    asks_of: Vec<Vec<u32>>,
    /// For each request one that must come before it, beside those of its node.
    after: Vec<Option<u32>>,
    /// Leave out what comes to the same.
    reduces: bool,
}

impl<'a, M: StateMachine> Transitions<'a, M> {
    pub(crate) fn new(mut local_states: LocalStates<'a, M>, scope: &'a Scope, asks: &'a [Ask], reduces: bool) -> Self {
        let mut asks_of = vec![Vec::new(); scope.node_count];
        for (index, ask) in asks.iter().enumerate() {
            // A request to a node that is not there is never asked.
            if let Some(of_node) = asks_of.get_mut(ask.node.index()) {
                of_node.push(index as u32);
            }
        }
        let after = waits(scope, asks, &local_states.session_of);
        for (index, after) in after.iter().enumerate() {
            let node = |index: usize| asks[index].node.index() as u32;
            if let Some(after) = after {
                local_states.dependence.learn(node(*after as usize), ANSWERED, node(index), ANSWERED);
            }
        }
        let layout = Layout::new(scope.node_count, local_states.session_count);
        Self { local_states, layout, scope, asks, asks_of, after, reduces }
    }

    pub(crate) fn first(&self) -> GlobalState {
        self.layout.first(self.scope)
    }

    /// For each request one that must come before it, beside those of its node.
    pub(crate) fn waits(&self) -> &[Option<u32>] {
        &self.after
    }

    /// Leaves in `next` what may follow `state`, which is `depth` steps from the first, as long as there is room; says why a run
    /// may end there.
    pub(crate) fn find(&mut self, state: &GlobalState, depth: u32, next: &mut Next<'_>) -> Option<Leaf> {
        let locals = self.layout.locals(state);
        if let Some(node) = locals.iter().position(|local| self.local_states.is_unborn(*local)) {
            let budget = self.layout.budget(state);
            let _ = self.take(state, node as u32, Cause::plain(Input::Start), budget, next);
            return None;
        }
        if locals.iter().any(|local| self.local_states.locals[*local as usize].panicked) {
            return Some(Leaf::Cut);
        }
        let (pending, must_move) = self.pending(state);
        let leaf = must_move.is_empty().then_some(Leaf::Whole);
        if depth >= self.scope.depth_max {
            return leaf.or(Some(Leaf::Cut));
        }
        let all = NodeSet::first(self.scope.node_count);
        let movers =
            if self.reduces && leaf.is_none() { self.local_states.dependence.choose(pending, must_move) } else { all };
        for node in movers {
            if self.find_of(state, node, next).is_break() {
                break;
            }
        }
        leaf
    }

    /// The sorts of step that may be taken, and the nodes with one that must be taken in the end and costs nothing.
    fn pending(&self, state: &GlobalState) -> (Sorts, NodeSet) {
        let (mut pending, mut must_move) = (Sorts::default(), NodeSet::default());
        for message in self.layout.under_way(state) {
            let sent = &self.local_states.sent[*message as usize];
            let to = sent.to.index() as u32;
            pending.add(to, sent.class);
            must_move.add(to);
        }
        let budget = self.layout.budget(state);
        for (node, local) in (0..).zip(self.layout.locals(state)) {
            let local = &self.local_states.locals[*local as usize];
            if let Some(index) = self.asks_of[node as usize].get(local.asked as usize) {
                pending.add(node, ANSWERED);
                if self.is_let_go(state, *index) {
                    must_move.add(node);
                }
            }
            if !local.is_up || budget.allows(Spent::Crash) {
                pending.add(node, STARTED);
            }
            if !local.timers.is_empty() && budget.allows(Spent::Timer) {
                pending.add(node, TIMED);
            }
        }
        (pending, must_move)
    }

    /// True if the request that must come before this one has come.
    fn is_let_go(&self, state: &GlobalState, index: u32) -> bool {
        self.after[index as usize].is_none_or(|after| {
            let node = self.asks[after as usize].node.index();
            let asked = self.local_states.locals[self.layout.local(state, node as u32) as usize].asked;
            self.asks_of[node][..asked as usize].contains(&after)
        })
    }

    fn find_of(&mut self, state: &GlobalState, node: u32, next: &mut Next<'_>) -> ControlFlow<()> {
        let budget = self.layout.budget(state);
        let local = &self.local_states.locals[self.layout.local(state, node) as usize];
        let (is_up, timer_count) = (local.is_up, local.timers.len() as u32);
        let ask = self.asks_of[node as usize].get(local.asked as usize).copied();

        let mut last = None;
        for &message in self.layout.under_way(state) {
            // Copies are alike.
            let is_other = last.replace(message) != Some(message);
            if is_other && self.local_states.sent[message as usize].to.index() == node as usize {
                self.take_or_crash(state, node, Input::Message(message), budget, next)?;
            }
        }
        if let Some(index) = ask.filter(|index| self.is_let_go(state, *index)) {
            let session = self.local_states.session_of[index as usize];
            let session = session.map_or(0, |session| self.layout.session(state, session));
            self.take_or_crash(state, node, Input::Request { index, session }, budget, next)?;
        }
        if let Some(budget) = budget.spend(Spent::Timer).filter(|_| is_up) {
            for timer in 0..timer_count {
                self.take_or_crash(state, node, Input::Timer(timer), budget, next)?;
            }
        }
        if let Some(budget) = budget.spend(Spent::Crash).filter(|_| is_up) {
            self.take(state, node, Cause::plain(Input::Crash), budget, next)?;
        }
        if !is_up {
            self.take(state, node, Cause::plain(Input::Start), budget, next)?;
        }
        ControlFlow::Continue(())
    }

    /// The node handles `input`; or crashes while it does, after any effect but the last.
    fn take_or_crash(
        &mut self,
        state: &GlobalState,
        node: u32,
        input: Input,
        budget: Budget,
        next: &mut Next<'_>,
    ) -> ControlFlow<()> {
        let local = self.layout.local(state, node);
        self.take(state, node, Cause::plain(input), budget, next)?;
        let Some(budget) = budget.spend(Spent::Crash) else { return ControlFlow::Continue(()) };
        let step = self.local_states.step(local, Cause::plain(input));
        for effects in 0..self.local_states.steps[step as usize].effect_count {
            self.take(state, node, Cause { input, crash: Some(effects) }, budget, next)?;
        }
        ControlFlow::Continue(())
    }

    fn take(
        &mut self,
        state: &GlobalState,
        node: u32,
        cause: Cause,
        budget: Budget,
        next: &mut Next<'_>,
    ) -> ControlFlow<()> {
        let step = self.local_states.step(self.layout.local(state, node), cause);
        next.check(self.local_states.size())?;
        let mut after = state.clone();
        if let Input::Message(message) = cause.input {
            self.layout.arrive(&mut after, message);
        }
        let unfolded = &self.local_states.steps[step as usize];
        let sends = unfolded.sends.clone();
        self.layout.set_local(&mut after, node, unfolded.to);
        for session in unfolded.sessions.clone() {
            let known = self.local_states.session_after(self.layout.session(state, session), step);
            self.layout.set_session(&mut after, session, known);
        }
        self.decide(&Sending { after, step, sends }, budget, 0, &mut Mishaps::new(), next)
    }

    /// What may become of the messages that a step sends, where `mishaps` happen to those before `first`: none to the others, or one
    /// more to any of them, as far as the budget allows.
    fn decide(
        &mut self,
        sending: &Sending,
        budget: Budget,
        first: u32,
        mishaps: &mut Mishaps,
        next: &mut Next<'_>,
    ) -> ControlFlow<()> {
        let taken = Taken { step: sending.step, mishaps: self.local_states.mishaps.id(mishaps) };
        next.add(self.layout.with(&sending.after, budget, &sending.under_way(mishaps)), taken)?;
        for place in (first..sending.count()).rev() {
            for (spent, mishap) in [(Spent::Duplicate, Mishap::Doubled(place)), (Spent::Drop, Mishap::Dropped(place))] {
                let Some(budget) = budget.spend(spent) else { continue };
                mishaps.push(mishap);
                self.decide(sending, budget, place + 1, mishaps, next)?;
                mishaps.pop();
            }
        }
        ControlFlow::Continue(())
    }
}

/// A step, and the state after it without the messages that it sends.
struct Sending {
    after: GlobalState,
    step: StepId,
    sends: Range<MessageId>,
}

impl Sending {
    fn count(&self) -> u32 {
        self.sends.end - self.sends.start
    }

    /// The messages of the step that are under way after it.
    fn under_way(&self, mishaps: &Mishaps) -> SmallVec<[MessageId; 16]> {
        let mut under_way: SmallVec<[MessageId; 16]> = self.sends.clone().collect();
        for mishap in mishaps {
            match mishap {
                Mishap::Doubled(place) => under_way.push(self.sends.start + place),
                Mishap::Dropped(place) => under_way.retain(|message| *message != self.sends.start + place),
            }
        }
        under_way
    }
}

/// For each request the latest one before it that it must wait for.
fn waits(scope: &Scope, asks: &[Ask], session_of: &[Option<u32>]) -> Vec<Option<u32>> {
    let is_asked = |index: usize| asks[index].node.index() < scope.node_count;
    let waits_for = |index: usize, other: usize| {
        let together = scope.in_order || (session_of[index].is_some() && session_of[other] == session_of[index]);
        together && is_asked(other)
    };
    (0..asks.len()).map(|index| (0..index).rfind(|other| waits_for(index, *other)).map(|other| other as u32)).collect()
}
