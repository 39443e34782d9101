//! Which states are still needed, and who can bring them: a way that leaves a state for good that somebody needs leads nowhere.

use std::hash::Hash;

use indexmap::IndexSet;

use super::{Call, Model};

/// A state that nobody needs and nobody leaves.
const OTHER: u32 = u32::MAX;

/// For models whose operations say which state they [need](Model::needs) and which they [leave](Model::leaves); for others it knows
/// nothing, and rules nothing out.
pub(super) struct Demand<St> {
    is_known: bool,
    states: IndexSet<St, foldhash::fast::FixedState>,
    known: Vec<Op>,
    open: Vec<Op>,
    /// For each state, how many operations that are not ordered yet need it …
    wanted: Vec<u32>,
    /// … how many of unknown outcome do nothing without it …
    of_use: Vec<u32>,
    /// … and how many may bring it.
    brought: Vec<u32>,
    /// When each operation of known outcome must have happened, as far as is known: when it returns, or one that needs what it leaves.
    pub(super) due: Vec<u64>,
    /// True if some operation needs that a state is *not*, which this does not know of.
    is_vague: bool,
}

#[derive(Clone, Copy)]
struct Op {
    needs: u32,
    leaves: u32,
}

impl<St: Clone + Eq + Hash> Demand<St> {
    pub(super) fn new<S: Model<State = St>>(
        model: &S,
        known: &[Call<'_, S>],
        open: &[Call<'_, S>],
        reads: &[bool],
    ) -> Self {
        let mut states: IndexSet<St, foldhash::fast::FixedState> = IndexSet::default();
        let mut id = |state: Option<St>| state.map_or(OTHER, |state| states.insert_full(state).0 as u32);
        let op = |call: &Call<'_, S>| Op {
            needs: id(model.needs(call.input, call.output)),
            leaves: id(model.leaves(call.input, call.output)),
        };
        let (known_ops, open_ops): (Vec<Op>, Vec<Op>) = {
            let mut op = op;
            (known.iter().map(&mut op).collect(), open.iter().map(&mut op).collect())
        };
        let says = |(op, reads): (&Op, &bool)| *reads || op.leaves != OTHER;
        let is_known = known_ops.iter().zip(reads).all(says) && open_ops.iter().all(|op| op.leaves != OTHER);
        let mut due: Vec<u64> = known.iter().map(|call| call.returned).collect();
        let (mut wanted, mut of_use, mut brought) =
            (vec![0; states.len()], vec![0; states.len()], vec![0; states.len()]);
        if is_known {
            let mut first_need = vec![u64::MAX; states.len()];
            for (op, call) in known_ops.iter().zip(known).filter(|(op, _)| op.needs != OTHER) {
                wanted[op.needs as usize] += 1;
                let first = &mut first_need[op.needs as usize];
                *first = (*first).min(call.returned);
            }
            for op in open_ops.iter().filter(|op| op.needs != OTHER) {
                of_use[op.needs as usize] += 1;
            }
            for op in known_ops.iter().chain(&open_ops).filter(|op| op.leaves != OTHER) {
                brought[op.leaves as usize] += 1;
            }
            for (due, op) in due.iter_mut().zip(&known_ops).filter(|(_, op)| op.leaves != OTHER) {
                *due = (*due).min(first_need[op.leaves as usize]);
            }
        }
        let is_vague = !is_known || known_ops.iter().zip(reads).any(|(op, reads)| *reads && op.needs == OTHER);
        Self { is_known, states, known: known_ops, open: open_ops, wanted, of_use, brought, due, is_vague }
    }

    /// A name for a state.
    #[inline]
    pub(super) fn id(&self, state: &St) -> u32 {
        if self.is_known { self.states.get_index_of(state).map_or(OTHER, |id| id as u32) } else { OTHER }
    }

    /// True if an operation must not leave the state for another: somebody else needs it, and nobody can bring it again.
    #[inline]
    pub(super) fn must_stay(&self, state: u32, after: u32, by: usize) -> bool {
        if state == after || state == OTHER {
            return false;
        }
        let by_itself = u32::from(self.known[by].needs == state);
        self.wanted[state as usize] > by_itself && self.brought[state as usize] == 0
    }

    /// True if an operation always leaves the same state, whatever was there.
    pub(super) fn overwrites(&self, known: usize) -> bool {
        self.is_known && self.known[known].needs == OTHER && self.known[known].leaves != OTHER
    }

    /// True if it does, and nobody cares for that state.
    pub(super) fn is_idle(&self, known: usize) -> bool {
        self.overwrites(known) && self.is_useless(self.known[known])
    }

    fn is_useless(&self, op: Op) -> bool {
        let leaves = op.leaves as usize;
        !self.is_vague && self.wanted[leaves] == 0 && self.of_use[leaves] == 0
    }

    /// True if nobody cares for what an operation of unknown outcome leaves.
    pub(super) fn is_idle_open(&self, open: usize) -> bool {
        self.is_useless(self.open[open])
    }

    #[inline]
    pub(super) fn take(&mut self, known: usize) {
        self.add(known, -1);
    }

    #[inline]
    pub(super) fn put_back(&mut self, known: usize) {
        self.add(known, 1);
    }

    #[inline]
    fn add(&mut self, known: usize, one: i32) {
        if !self.is_known {
            return;
        }
        let Op { needs, leaves } = self.known[known];
        if needs != OTHER {
            let wanted = &mut self.wanted[needs as usize];
            *wanted = wanted.wrapping_add_signed(one);
        }
        if leaves != OTHER {
            let brought = &mut self.brought[leaves as usize];
            *brought = brought.wrapping_add_signed(one);
        }
    }

    /// An operation of unknown outcome has happened (−1), or has not after all (+1).
    pub(super) fn add_open(&mut self, open: usize, one: i32) {
        if self.is_known {
            let Op { needs, leaves } = self.open[open];
            let brought = &mut self.brought[leaves as usize];
            *brought = brought.wrapping_add_signed(one);
            if needs != OTHER {
                let of_use = &mut self.of_use[needs as usize];
                *of_use = of_use.wrapping_add_signed(one);
            }
        }
    }
}
