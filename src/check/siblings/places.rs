//! Sets of writes of one key that grow out of one another, and share what they have in common.

use std::array;

use super::write_set::Map;

/// A branch has so many children: 2^3.
const FAN_OUT: usize = 1 << FAN_OUT_BITS;
const FAN_OUT_BITS: u32 = 3;

/// At each height of a tree: nothing is in, and everything is.
const EMPTY: u64 = 0;
const FULL: u64 = u64::MAX;

/// Writes of one key, by their places among all writes of it.
///
/// Up to 64 writes are bits. Of more it is a tree, whose leaves are such bits, and whose branches lie in [`PlaceSets`]. Nothing ever
/// changes a set: what is made of one shares its branches. So a key of *n* writes, each with the set of those it builds on, takes
/// not *n²* bits but some hundred bytes a write.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PlaceSet {
    /// At height 0 bits, above it one more than the place of a branch; `EMPTY` and `FULL` are the same at each height.
    root: u64,
    height: u32,
}

/// The branches of all sets of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct PlaceSets {
    branches: Vec<[u64; FAN_OUT]>,
    /// What was made of two branches. What is old in two sets is the same two branches time and again, so a union costs what is new.
    unions: Map<(u64, u64), u64>,
}

impl PlaceSet {
    fn span(self) -> usize {
        span(self.height)
    }
}

/// How many places a tree of this height has.
fn span(height: u32) -> usize {
    (u64::BITS as usize) << (FAN_OUT_BITS * height)
}

impl PlaceSets {
    pub(super) fn contains(&self, set: PlaceSet, mut place: usize) -> bool {
        #[cfg(test)]
        LOOKS.set(LOOKS.get() + 1);
        if place >= set.span() {
            return false;
        }
        let PlaceSet { mut root, mut height } = set;
        while height > 0 && root != EMPTY && root != FULL {
            height -= 1;
            root = self.children(root)[place / span(height)];
            place %= span(height);
        }
        // Where the whole of a branch is in, or none of it, the place within it makes no difference.
        root >> (place % u64::BITS as usize) & 1 == 1
    }

    /// `set` and one more. Costs the height of the tree.
    pub(super) fn with(&mut self, mut set: PlaceSet, place: usize) -> PlaceSet {
        while place >= set.span() {
            set = self.lift(set);
        }
        PlaceSet { root: self.insert(set.root, set.height, place), ..set }
    }

    /// All that is in either. Costs what is in one and not in the other, and was not joined before.
    pub(super) fn union(&mut self, mut one: PlaceSet, mut other: PlaceSet) -> PlaceSet {
        while one.height < other.height {
            one = self.lift(one);
        }
        while other.height < one.height {
            other = self.lift(other);
        }
        PlaceSet { root: self.join(one.root, other.root, one.height), ..one }
    }

    /// The same set, as a tree that is higher by one.
    fn lift(&mut self, set: PlaceSet) -> PlaceSet {
        let mut children = [EMPTY; FAN_OUT];
        children[0] = set.root;
        PlaceSet { root: self.branch(children), height: set.height + 1 }
    }

    fn insert(&mut self, root: u64, height: u32, place: usize) -> u64 {
        if root == FULL {
            return FULL;
        }
        let Some(below) = height.checked_sub(1) else { return root | 1 << place };
        let mut children = self.children(root);
        let child = &mut children[place / span(below)];
        *child = self.insert(*child, below, place % span(below));
        self.branch(children)
    }

    fn join(&mut self, one: u64, other: u64, height: u32) -> u64 {
        if one == other || other == EMPTY || one == FULL {
            return one;
        }
        if one == EMPTY || other == FULL {
            return other;
        }
        let Some(below) = height.checked_sub(1) else { return one | other };
        let pair = (one.min(other), one.max(other));
        #[cfg(test)]
        LOOKS.set(LOOKS.get() + 1);
        if let Some(joined) = self.unions.get(&pair) {
            return *joined;
        }
        let (older, newer) = (self.children(pair.0), self.children(pair.1));
        let children = array::from_fn(|place| self.join(older[place], newer[place], below));
        // The older one if both are the same: so sets that come to hold the same come to share it.
        let joined = match children {
            _ if children == older => pair.0,
            _ if children == newer => pair.1,
            _ => self.branch(children),
        };
        self.unions.insert(pair, joined);
        joined
    }

    fn branch(&mut self, children: [u64; FAN_OUT]) -> u64 {
        if children.iter().all(|child| *child == children[0]) && matches!(children[0], EMPTY | FULL) {
            return children[0];
        }
        self.branches.push(children);
        self.branches.len() as u64
    }

    fn children(&self, root: u64) -> [u64; FAN_OUT] {
        match root {
            EMPTY => [EMPTY; FAN_OUT],
            FULL => [FULL; FAN_OUT],
            root => self.branches[root as usize - 1],
        }
    }
}

// What the oracle's work is made of, for tests that hold how it grows.
#[cfg(test)]
thread_local! {
    pub(super) static LOOKS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{PlaceSet, PlaceSets};
    use crate::protocol::Rng;

    /// A writer adds a place to its set, or all that is in the set of another.
    #[derive(Clone, Copy)]
    enum Step {
        Write { writer: usize, place: usize },
        Hear { writer: usize, of: usize },
    }

    /// Writers of a key that each see what they wrote, and now and then what another has seen.
    fn steps(writes: usize, writers: usize, seed: u64) -> Vec<Step> {
        let mut rng = Rng::new(seed, 0);
        let mut steps = Vec::new();
        for place in 0..writes {
            let writer = rng.below(writers as u64) as usize;
            steps.push(Step::Write { writer, place });
            if rng.chance(300) {
                steps.push(Step::Hear { writer, of: rng.below(writers as u64) as usize });
            }
        }
        steps
    }

    fn sets_of(steps: &[Step], writers: usize) -> (PlaceSets, Vec<PlaceSet>) {
        let (mut sets, mut all) = (PlaceSets::default(), vec![PlaceSet::default(); writers]);
        for step in steps {
            match *step {
                Step::Write { writer, place } => all[writer] = sets.with(all[writer], place),
                Step::Hear { writer, of } => all[writer] = sets.union(all[writer], all[of]),
            }
        }
        (sets, all)
    }

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        for (writes, writers, seed) in [(5, 2, 0), (64, 3, 1), (65, 3, 2), (700, 1, 3), (700, 4, 4), (3_000, 3, 5)] {
            let steps = steps(writes, writers, seed);
            let mut model = vec![BTreeSet::new(); writers];
            for step in &steps {
                match *step {
                    Step::Write { writer, place } => _ = model[writer].insert(place),
                    Step::Hear { writer, of } => model[writer] = &model[writer] | &model[of],
                }
            }
            let (sets, all) = sets_of(&steps, writers);
            for (set, model) in all.iter().zip(&model) {
                for place in 0..writes + 600 {
                    assert_eq!(sets.contains(*set, place), model.contains(&place), "place {place} of {writes}");
                }
            }
        }
    }

    #[test]
    fn sets_of_different_heights_join() {
        let mut sets = PlaceSets::default();
        let few = sets.with(PlaceSet::default(), 3);
        let full = (0..64).fold(PlaceSet::default(), |set, place| sets.with(set, place));
        let many = sets.with(PlaceSet::default(), 70_000);
        for (one, other) in [(few, many), (many, few)] {
            let joined = sets.union(one, other);
            let held = (0..100_000).filter(|place| sets.contains(joined, *place));
            assert_eq!(held.collect::<Vec<_>>(), [3, 70_000]);
        }
        let joined = sets.union(many, full);
        assert_eq!((0..100_000).filter(|place| sets.contains(joined, *place)).count(), 65);
    }

    #[test]
    fn a_write_takes_room_for_a_path_however_many_there_are() {
        let room = |writes, writers| {
            let (sets, _) = sets_of(&steps(writes, writers, 7), writers);
            (sets.branches.len() + sets.unions.len()) as f64 / writes as f64
        };
        for writers in [1, 3, 16] {
            let [few, many] = [2_000, 32_000].map(|writes| room(writes, writers));
            assert!(many < 3.0 * few, "{writers} writers: {few:.1} branches a write, then {many:.1}");
        }
    }
}
