//! How much of what a system can do the worlds of a sweep have shown, and how likely the next one is to show more.
//!
//! Counted are kinds of *transitions*: what a node was given and what it did about it, after what it was given and did before.
//! Messages count by kind; values, keys, node numbers and times do not count, or every world would be new. How likely something new is follows from what was seen only once (Good and Turing;
//! for testing: Böhme, STADS, 2018): a world that alone shows some kind of transition would be new if it were the next.

use std::ops::ControlFlow;

use indexmap::{IndexMap, IndexSet};

use crate::protocol::{Digest, Effect, NodeId, StateMachine, Time};
use crate::sim::{Event, Input, Nodes, Observer};

/// So many kinds of transitions are told apart. Of more than that a sample is kept, which depends on the kinds alone.
pub(crate) const KINDS_MAX: usize = 1 << 18;

/// What a sweep has shown of the system, and what it leaves to be expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How many kinds of transitions were seen: of two steps that follow each other on a node, what it was given and what it did.
    pub transitions: u64,
    /// How many worlds showed a kind of transition that no other world showed. Divided by the number of worlds, about how likely it
    /// is that the next world shows something new.
    pub worlds_alone: u64,
}

/// Looks on, and counts for each kind of transition the worlds that show it.
#[derive(Debug, Default)]
pub(crate) struct TransitionKinds {
    kinds: IndexMap<u64, Shown, foldhash::fast::FixedState>,
    /// Only kinds whose digests end in so many zeros are kept.
    sampled_bits: u32,
    /// The world that is run now.
    seed: u64,
    /// What each node was given and did last.
    last: Vec<u64>,
    /// What the step in progress was given.
    input: Digest,
    /// The kinds that this world has shown lately, each at the place that its digest names: to show one again changes nothing, and
    /// these few lie nearer than all kinds of all worlds.
    recent: Vec<u64>,
}

/// So many kinds are held in `recent`.
const RECENT: usize = 512;

/// In which worlds a kind of transition was seen.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// In how many; no more than two are told apart.
    worlds: u8,
    /// The latest.
    seed: u64,
}

impl TransitionKinds {
    /// What is seen from here on is the world of `seed`.
    pub(crate) fn begin(&mut self, seed: u64) {
        self.seed = seed;
        self.last.clear();
        self.recent.clear();
        self.recent.resize(RECENT, 0);
    }

    /// Adds what was seen of other worlds.
    pub(crate) fn add(&mut self, other: Self) {
        self.sampled_bits = self.sampled_bits.max(other.sampled_bits);
        self.thin_out();
        for (kind, shown) in other.kinds {
            self.note(kind, shown);
        }
    }

    /// The kinds that were seen.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = u64> {
        self.kinds.keys().copied()
    }

    pub(crate) fn coverage(&self) -> Coverage {
        let alone = self.kinds.values().filter(|shown| shown.worlds == 1).map(|shown| shown.seed);
        let alone: IndexSet<u64, foldhash::fast::FixedState> = alone.collect();
        Coverage { transitions: (self.kinds.len() as u64) << self.sampled_bits, worlds_alone: alone.len() as u64 }
    }

    fn note(&mut self, kind: u64, shown: Shown) {
        if kind.trailing_zeros() < self.sampled_bits {
            return;
        }
        let known = self.kinds.entry(kind).or_insert(Shown { worlds: 0, seed: shown.seed });
        if known.worlds == 0 || known.seed != shown.seed {
            *known = Shown { worlds: known.worlds.saturating_add(shown.worlds).min(2), seed: shown.seed };
        }
        while self.kinds.len() > KINDS_MAX {
            self.sampled_bits += 1;
            self.thin_out();
        }
    }

    fn thin_out(&mut self) {
        let bits = self.sampled_bits;
        self.kinds.retain(|kind, _| kind.trailing_zeros() >= bits);
    }

    fn begin_step<M: StateMachine>(&mut self, input: &Input<'_, M>) {
        self.input = Digest::new();
        match input {
            Input::Start { incarnation } => self.input.fold(1 | u64::from(*incarnation > 0) << 3),
            Input::Message { name, .. } => {
                self.input.fold(2);
                self.input.fold_bytes(name.kind.as_bytes());
            }
            Input::Request { .. } => self.input.fold(3),
            Input::Timer { .. } => self.input.fold(4),
            Input::Disconnected { .. } => self.input.fold(5),
            Input::Reconnected { .. } => self.input.fold(6),
        }
    }

    fn end_step<M: StateMachine>(&mut self, node: NodeId, effects: &[Effect<M>]) {
        let mut step = self.input;
        let mut before = 0;
        let mut sent = None;
        for effect in effects {
            // A broadcast is many sends of one kind.
            let kind = if let Effect::Send { message, .. } = effect { Some(M::kind(message)) } else { None };
            if kind.is_some() && kind == sent {
                continue;
            }
            sent = kind;
            let mut digest = Digest::new();
            match effect {
                Effect::Send { message, .. } => {
                    digest.fold(1);
                    digest.fold_bytes(M::kind(message).as_bytes());
                }
                Effect::SetTimer { .. } => digest.fold(2),
                Effect::CancelTimer { .. } => digest.fold(3),
                Effect::Persist => digest.fold(4),
                Effect::Respond { .. } => digest.fold(5),
                Effect::Mark(mark) => {
                    digest.fold(6);
                    digest.fold_bytes(mark.as_bytes());
                }
            }
            // To do one thing several times is to do it: how often is a matter of how many nodes and keys there are.
            let effect = digest.value();
            if effect != before {
                step.fold(effect);
                before = effect;
            }
        }
        let step = step.value();
        if self.last.len() <= node.index() {
            self.last.resize(node.index() + 1, 0);
        }
        let mut pair = Digest::new();
        pair.fold(std::mem::replace(&mut self.last[node.index()], step));
        pair.fold(step);
        let kind = pair.value();
        let recent = self.recent.get_mut(kind as usize % RECENT);
        if recent.is_none_or(|recent| std::mem::replace(recent, kind) != kind) {
            self.note(kind, Shown { worlds: 1, seed: self.seed });
        }
    }
}

impl<M: StateMachine> Observer<M> for TransitionKinds {
    fn see(&mut self, _at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> ControlFlow<()> {
        match event {
            Event::Begins { input, .. } => self.begin_step(input),
            Event::Ends { node, effects, .. } => self.end_step(*node, effects),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS_MAX, Shown, TransitionKinds};

    /// Worlds 0, 1, …, each a list of kinds; told to so many threads in turn.
    fn transitions(worlds: &[Vec<u64>], threads: usize) -> TransitionKinds {
        let mut all = TransitionKinds::default();
        for thread in 0..threads {
            let mut mine = TransitionKinds::default();
            for (seed, kinds) in worlds.iter().enumerate().skip(thread).step_by(threads) {
                kinds.iter().for_each(|kind| mine.note(*kind, Shown { worlds: 1, seed: seed as u64 }));
            }
            all.add(mine);
        }
        all
    }

    #[test]
    fn a_world_is_alone_with_what_no_other_shows() {
        let check = |worlds: &[Vec<u64>], moves_seen, alone| {
            for threads in 1..4 {
                let coverage = transitions(worlds, threads).coverage();
                assert_eq!((coverage.transitions, coverage.worlds_alone), (moves_seen, alone), "{worlds:?}");
            }
        };
        check(&[], 0, 0);
        check(&[vec![1, 1, 2], vec![1, 2]], 2, 0);
        check(&[vec![1, 1, 2, 3], vec![1, 2], vec![]], 3, 1);
        check(&[vec![1, 2, 3], vec![4], vec![4], vec![5], vec![5, 4]], 5, 1);
    }

    #[test]
    fn a_sample_does_not_depend_on_the_number_of_threads() {
        let count = KINDS_MAX as u64 * 3;
        let worlds: Vec<Vec<u64>> =
            (0..8).map(|world| (0..count / 4).map(|kind| kind * (world % 4 + 1)).collect()).collect();
        let [one, three] = [1, 3].map(|threads| transitions(&worlds, threads).coverage());
        assert_eq!(one, three);
        assert!(one.transitions > count / 2, "{one:?}");
    }
}
