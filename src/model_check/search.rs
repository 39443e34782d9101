//! The search itself: level by level, each one step further into all runs of one request set.

use indexmap::IndexSet;

use super::global_state::Moment;
use super::transitions::{Leaf, Moves, Taken};
use super::{Reduction, Scope};
use crate::protocol::StateMachine;

/// How a moment came about: the place of the one before it in the level before, and a step.
#[derive(Clone, Copy)]
struct Came {
    from: u32,
    taken: Taken,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Covered {
    pub(crate) states: u64,
    pub(crate) transitions: u64,
    pub(crate) given_up: bool,
}

/// The search of one request set.
///
/// Every step brings a moment to the next level, so a moment can be met again only within its level: no level but the
/// current one is kept, but for how each moment came about.
pub(crate) struct Search<'a, M: StateMachine> {
    pub(crate) moves: Moves<'a, M>,
    scope: &'a Scope,
    reduction: Reduction,
    /// By level: how its moments lead to those of the next.
    trail: Vec<Vec<Came>>,
    /// Level and place of each.
    leaves: Vec<(usize, u32, Leaf)>,
    covered: Covered,
}

impl<'a, M: StateMachine> Search<'a, M> {
    pub(crate) fn new(moves: Moves<'a, M>, scope: &'a Scope, reduction: Reduction) -> Self {
        Self { moves, scope, reduction, trail: Vec::new(), leaves: Vec::new(), covered: Covered::default() }
    }

    /// Searches until there is nothing left to learn.
    pub(crate) fn run(&mut self) -> Covered {
        loop {
            self.moves.unfolding.influence.take_news();
            self.trail.clear();
            self.leaves.clear();
            self.covered = Covered::default();
            if self.pass() {
                return self.covered;
            }
        }
    }

    /// One pass; false as soon as something is learned that might have changed it.
    fn pass(&mut self) -> bool {
        let learns = matches!(self.reduction, Reduction::Classes | Reduction::States);
        let mut level = Level::default();
        level.add(self.moves.first(), false);
        for depth in 0_u32.. {
            self.covered.states += level.len() as u64;
            self.covered.given_up = self.covered.states > self.scope.states_max;
            if level.len() == 0 || self.covered.given_up {
                break;
            }
            let (mut next, mut came) = (Level::default(), Vec::new());
            for (place, moment) in (0..).zip(level.iter()) {
                let leaf = self.moves.find(moment, depth);
                if learns && self.moves.unfolding.influence.take_news() {
                    return false;
                }
                self.covered.transitions += self.moves.next.len() as u64;
                let (found, before) = (self.moves.next.len(), came.len());
                for (moment, taken) in self.moves.next.drain(..) {
                    if next.add(moment, self.reduction == Reduction::Naive) {
                        came.push(Came { from: place, taken });
                    }
                }
                let is_seen = self.reduction == Reduction::Moments && found > 0 && came.len() == before;
                if let Some(leaf) = leaf.or(is_seen.then_some(Leaf::Seen)) {
                    self.leaves.push((depth as usize, place, leaf));
                }
            }
            self.trail.push(came);
            level = next;
        }
        true
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

/// The moments that are so many steps from the first.
#[derive(Default)]
struct Level {
    moments: IndexSet<Moment, foldhash::fast::FixedState>,
    copies: Vec<Moment>,
}

impl Level {
    /// False if it is there already, and copies are not wanted.
    fn add(&mut self, moment: Moment, as_copy: bool) -> bool {
        if as_copy {
            self.copies.push(moment);
            return true;
        }
        self.moments.insert(moment)
    }

    fn iter(&self) -> impl Iterator<Item = &Moment> {
        self.moments.iter().chain(&self.copies)
    }

    fn len(&self) -> usize {
        self.moments.len() + self.copies.len()
    }
}
