//! The search itself: level by level, each one step further into all runs of one request set.

use std::sync::atomic::{AtomicBool, Ordering};

use super::fates::MishapsId;
use super::level::{Came, Level, Next, Room, Taken};
use super::transitions::{Leaf, Transitions};
use super::{Reduction, Scope};
use crate::protocol::StateMachine;

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Covered {
    pub(crate) states: u64,
    pub(crate) transitions: u64,
    pub(crate) given_up: bool,
    pub(crate) stopped: bool,
}

/// The search of one request set.
///
/// Every step brings a state to the next level, so a state can be met again only within its level: no level but the
/// current one is kept, but for how each state came about.
pub(crate) struct Search<'a, M: StateMachine> {
    pub(crate) transitions: Transitions<'a, M>,
    scope: &'a Scope,
    reduction: Reduction,
    stop: &'a AtomicBool,
    /// By level: how its states lead to those of the next.
    trail: Vec<Vec<Came>>,
    /// Level and place of each.
    leaves: Vec<(usize, u32, Leaf)>,
}

impl<'a, M: StateMachine> Search<'a, M> {
    pub(crate) fn new(
        transitions: Transitions<'a, M>,
        scope: &'a Scope,
        reduction: Reduction,
        stop: &'a AtomicBool,
    ) -> Self {
        Self { transitions, scope, reduction, stop, trail: Vec::new(), leaves: Vec::new() }
    }

    /// Searches until there is nothing left to learn, there is no room for more, or it is stopped.
    pub(crate) fn run(&mut self) -> Covered {
        loop {
            self.transitions.local_states.dependence.take_news();
            self.trail.clear();
            self.leaves.clear();
            if let Some(covered) = self.pass() {
                return covered;
            }
        }
    }

    /// One pass; `None` as soon as something is learned that might have changed it.
    fn pass(&mut self) -> Option<Covered> {
        let learns = matches!(self.reduction, Reduction::Classes | Reduction::States);
        let keeps_copies = self.reduction == Reduction::Naive;
        let (mut room, mut covered) = (Room::of(self.scope), Covered::default());
        let mut level = self.first_level(&mut room);
        covered.given_up = level.is_empty();
        for depth in 0_u32.. {
            if level.is_empty() || covered.given_up || covered.stopped {
                break;
            }
            let mut next = Next::after(&level, &mut room, keeps_copies);
            for (place, state) in (0..).zip(level.iter()) {
                next.from = place;
                let (transitions, before) = (next.transitions, next.came.len());
                let leaf = self.transitions.find(state, depth, &mut next);
                if learns && self.transitions.local_states.dependence.take_news() {
                    return None;
                }
                covered.given_up = next.is_full;
                let is_seen = self.reduction == Reduction::Moments
                    && !next.is_full
                    && next.transitions > transitions
                    && next.came.len() == before;
                if let Some(leaf) = leaf.or(is_seen.then_some(Leaf::Seen)) {
                    self.leaves.push((depth as usize, place, leaf));
                }
                covered.stopped = self.stop.load(Ordering::Relaxed);
                if covered.given_up || covered.stopped {
                    break;
                }
            }
            covered.transitions += next.transitions;
            self.trail.push(next.came);
            level = next.level;
        }
        covered.states = room.states;
        Some(covered)
    }

    /// The state at which all begins.
    fn first_level(&self, room: &mut Room) -> Level {
        let none = Level::default();
        let mut first = Next::after(&none, room, false);
        // Nothing led to it.
        let _ = first.add(self.transitions.first(), Taken { step: 0, mishaps: MishapsId::NONE });
        first.level
    }

    pub(crate) fn leaf_count(&self) -> usize {
        self.leaves.len()
    }

    /// A place where a run may end, and a run that ends there.
    pub(crate) fn leaf(&self, index: usize) -> (Leaf, Vec<Taken>) {
        let (level, mut place, leaf) = self.leaves[index];
        let mut path = Vec::with_capacity(level);
        for level in self.trail[..level].iter().rev() {
            let came = level[place as usize];
            place = came.from;
            path.push(came.taken);
        }
        path.reverse();
        (leaf, path)
    }
}
