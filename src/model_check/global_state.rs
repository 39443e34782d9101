//! A state of a run, as numbers.

use smallvec::SmallVec;

use super::Scope;
use super::local_states::{LocalId, MessageId, SessionId};

/// A state of a run: each node's local history; what each session has been through; what may still go wrong; and, in
/// ascending order, the messages that are under way.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct GlobalState(SmallVec<[u32; 20]>);

impl GlobalState {
    /// How many numbers it takes.
    pub(crate) fn length(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Where what stands in a [`GlobalState`].
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    node_count: usize,
    session_count: usize,
}

impl Layout {
    pub(crate) fn new(node_count: usize, session_count: usize) -> Self {
        Self { node_count, session_count }
    }

    /// No node has begun to live: the local history of each is its own number.
    pub(crate) fn first(self, scope: &Scope) -> GlobalState {
        let mut words: SmallVec<[u32; 20]> = (0..self.node_count as u32).collect();
        words.extend((0..self.session_count).map(|_| 0));
        words.push(Budget::of(scope).0);
        GlobalState(words)
    }

    fn budget_at(self) -> usize {
        self.node_count + self.session_count
    }

    pub(crate) fn local(self, state: &GlobalState, node: u32) -> LocalId {
        state.0[node as usize]
    }

    pub(crate) fn locals(self, state: &GlobalState) -> &[LocalId] {
        &state.0[..self.node_count]
    }

    pub(crate) fn session(self, state: &GlobalState, session: u32) -> SessionId {
        state.0[self.node_count + session as usize]
    }

    pub(crate) fn budget(self, state: &GlobalState) -> Budget {
        Budget(state.0[self.budget_at()])
    }

    pub(crate) fn under_way(self, state: &GlobalState) -> &[MessageId] {
        &state.0[self.budget_at() + 1..]
    }

    pub(crate) fn set_local(self, state: &mut GlobalState, node: u32, local: LocalId) {
        state.0[node as usize] = local;
    }

    pub(crate) fn set_session(self, state: &mut GlobalState, session: u32, known: SessionId) {
        state.0[self.node_count + session as usize] = known;
    }

    /// One copy of `message` is under way no longer.
    pub(crate) fn arrive(self, state: &mut GlobalState, message: MessageId) {
        let under_way = self.under_way(state);
        let place = under_way.binary_search(&message).expect("expect: what arrives was under way");
        state.0.remove(self.budget_at() + 1 + place);
    }

    /// The same with `sent` under way as well, and `budget` left.
    pub(crate) fn with(self, state: &GlobalState, budget: Budget, sent: &[MessageId]) -> GlobalState {
        let mut state = state.clone();
        state.0[self.budget_at()] = budget.0;
        if !sent.is_empty() {
            state.0.extend_from_slice(sent);
            state.0[self.budget_at() + 1..].sort_unstable();
        }
        state
    }
}

/// How often something may still go wrong, in 8 bits each.
#[derive(Clone, Copy)]
pub(crate) struct Budget(u32);

/// What a [`Budget`] is spent on.
#[derive(Clone, Copy)]
pub(crate) enum Spent {
    Drop = 0,
    Duplicate = 8,
    Crash = 16,
    Timer = 24,
}

impl Budget {
    fn of(scope: &Scope) -> Self {
        Self(u32::from_le_bytes([scope.drops, scope.duplicates, scope.crashes, scope.timers]))
    }

    /// What is left after one more; `None` if there is nothing to spend.
    pub(crate) fn spend(self, what: Spent) -> Option<Self> {
        let shift = what as u32;
        (self.0 >> shift & 0xff > 0).then(|| Self(self.0 - (1 << shift)))
    }

    pub(crate) fn allows(self, what: Spent) -> bool {
        self.spend(what).is_some()
    }
}
