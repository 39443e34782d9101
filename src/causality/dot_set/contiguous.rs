//! What a set has without a gap, and what lies beyond that.

use super::{COUNTER_MAX, Dot, DotSet, Run, Runs, spans};

impl DotSet {
    /// Of each actor what is in up to the first gap: see [`base`](Self::base).
    #[must_use]
    pub fn contiguous(&self) -> Self {
        if self.runs.is_empty() {
            return self.clone();
        }
        Self { bases: self.bases.iter().copied().filter(|(_, base)| *base > 0).collect(), runs: Runs::default() }
    }

    /// True when every dot of `other` is in the [contiguous](Self::contiguous) part of this set. Costs nothing for gaps of this set.
    pub fn contains_contiguously(&self, other: &Self) -> bool {
        let mut bases = other.bases.iter().enumerate();
        bases.all(|(place, &(actor, base))| base <= self.base_near(place, actor))
            && other.runs.all().iter().all(|run| run.last <= self.base(run.actor))
    }

    /// The dots of this set that are not in the [contiguous](Self::contiguous) part of `other`. Costs nothing for gaps of `other`.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let mut left = Self::new();
        for (place, &(actor, base)) in self.bases.iter().enumerate() {
            let (mine, their_base) = (self.runs.of(actor), other.base_near(place, actor));
            if mine.last().map_or(base, |run| run.last) > their_base {
                left.push_difference(actor, spans(base, mine), spans(their_base, &[]));
            }
        }
        left
    }

    /// The dots that are in on both sides of `dot` without a gap, itself among them, as their first counter and their last; `None` if it
    /// is not in.
    pub fn stretch(&self, dot: Dot) -> Option<(u64, u64)> {
        let (counter, base) = (dot.counter.get(), self.base(dot.actor));
        if counter <= base {
            return Some((1, base));
        }
        let runs = self.runs.of(dot.actor);
        let after = runs.partition_point(|run| run.first <= counter);
        runs[..after].last().filter(|run| counter <= run.last).map(Run::span)
    }

    /// Adds `dot`, and all that lies between it and the nearest dots of its actor that are in, on either side, if those lie in the
    /// `stretch` too.
    ///
    /// # Panics
    /// If the stretch reaches above [`COUNTER_MAX`].
    pub fn insert_within(&mut self, dot: Dot, stretch: (u64, u64)) {
        assert!(stretch.1 <= COUNTER_MAX, "expect: counters stay below 2^53, not {}", stretch.1);
        let (actor, counter, base) = (dot.actor, dot.counter.get(), self.base(dot.actor));
        let runs = self.runs.of(actor);
        let after = runs.partition_point(|run| run.first <= counter);
        let below = runs[..after].last().map_or(base, |run| run.last);
        if counter <= below {
            return;
        }
        let first = if below > 0 && below + 1 >= stretch.0 { below + 1 } else { counter };
        let last = runs.get(after).filter(|next| next.first <= stretch.1 + 1).map_or(counter, |next| next.first - 1);
        let place = self.place_for(actor.node as usize, actor);
        if first == base + 1 {
            self.bases[place].1 = last;
        } else {
            self.runs.insert(Run { actor, first, last });
        }
        self.absorb(place);
    }
}
