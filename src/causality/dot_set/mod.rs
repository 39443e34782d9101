//! The set of dots a node has seen, with gaps.

mod contiguous;
mod runs;
mod wire;

use std::fmt;

use serde::Deserialize;
use smallvec::SmallVec;

use super::clock::COUNTER_MAX;
use super::{Actor, Dot};
use runs::{Run, Runs};

/// A set of dots that is small when they are nearly contiguous: per actor a base, below which
/// everything is in, and the runs of counters above it.
///
/// A hostile counter costs one run, however large it is. Insertion costs a search over the actors and
/// over the actor's runs; a node that has seen everything has no runs.
///
/// ```
/// use distributed_data_consistency::causality::{Actor, Dot, DotSet};
/// let actor = Actor::first(0);
/// let dot = |counter| Dot::new(actor, counter).unwrap();
/// let mut seen = DotSet::new();
/// seen.insert(dot(2));
/// assert_eq!((seen.base(actor), seen.gap_count()), (0, 1));
/// seen.insert(dot(1));
/// assert_eq!((seen.base(actor), seen.gap_count()), (2, 0));
/// ```
#[derive(PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(try_from = "Vec<wire::WireActor>")]
pub struct DotSet {
    /// Of each actor of whom anything is in the counter up to which everything is.
    ///
    /// invariant: sorted by actor, each once, no 0 but where the actor has runs.
    bases: Bases,
    /// What is in above them.
    runs: Runs,
}

/// Inline for five nodes in their first incarnations: sets go along with each write.
type Bases = SmallVec<[(Actor, u64); 5]>;

/// In one copy: what is derived goes actor by actor.
impl Clone for DotSet {
    #[inline]
    fn clone(&self) -> Self {
        Self { bases: SmallVec::from_slice(&self.bases), runs: self.runs.clone() }
    }
}

/// All stretches of an actor's dots that are in, the one from 1 to the base among them.
fn spans(base: u64, runs: &[Run]) -> impl Iterator<Item = (u64, u64)> + '_ {
    (base > 0).then_some((1, base)).into_iter().chain(runs.iter().map(Run::span))
}

impl DotSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// True when `dot` is in the set.
    #[inline]
    pub fn contains(&self, dot: Dot) -> bool {
        let counter = dot.counter.get();
        counter <= self.base(dot.actor) || !self.runs.is_empty() && self.runs.contain(run_of(dot))
    }

    /// Adds `dot`; false when it was there.
    ///
    /// # Panics
    /// If the counter is above [`COUNTER_MAX`].
    pub fn insert(&mut self, dot: Dot) -> bool {
        let counter = dot.counter.get();
        assert!(counter <= COUNTER_MAX, "expect: counters stay below 2^53, not {counter}");
        let place = self.place_for(dot.actor.node as usize, dot.actor);
        let base = &mut self.bases[place].1;
        if counter <= *base || !self.runs.is_empty() && self.runs.contain(run_of(dot)) {
            return false;
        }
        if counter == *base + 1 {
            *base = counter;
        } else {
            self.runs.insert(run_of(dot));
        }
        self.absorb(place);
        true
    }

    /// Adds all dots of `actor` up to `counter`.
    ///
    /// # Panics
    /// If the counter is above [`COUNTER_MAX`].
    pub fn insert_up_to(&mut self, actor: Actor, counter: u64) {
        assert!(counter <= COUNTER_MAX, "expect: counters stay below 2^53, not {counter}");
        if counter > 0 {
            self.raise(actor.node as usize, actor, counter);
        }
    }

    /// Adds all of `other`; false when all of it was there.
    pub fn insert_all(&mut self, other: &Self) -> bool {
        let (mine, theirs) = (self.bases.as_mut_slice(), other.bases.as_slice());
        let has_gaps = !self.runs.is_empty() || !other.runs.is_empty();
        // Most sets have no gaps and tell of the same actors, so that each is at the same place in both.
        if !has_gaps && mine.len() >= theirs.len() && mine.iter().zip(theirs).all(|(mine, theirs)| mine.0 == theirs.0) {
            let mut is_new = false;
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                is_new |= mine.1 < theirs.1;
                mine.1 = mine.1.max(theirs.1);
            }
            return is_new;
        }
        if self.contains_all(other) {
            return false;
        }
        for (place, &(actor, base)) in other.bases.iter().enumerate() {
            self.raise(place, actor, base);
        }
        if !other.runs.is_empty() {
            self.runs.insert_all(other.runs.all());
            (0..self.bases.len()).for_each(|place| self.absorb(place));
        }
        true
    }

    /// The dots of this set that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Self::new();
        for (place, &(actor, base)) in self.bases.iter().enumerate() {
            let (mine, their_base) = (self.runs.of(actor), other.base_near(place, actor));
            if mine.last().map_or(base, |run| run.last) > their_base {
                left.push_difference(actor, spans(base, mine), spans(their_base, other.runs.of(actor)));
            }
        }
        left
    }

    /// Adds, of an actor behind all others, what is in `spans` and not in `cuts`. Costs the stretches of both: each list is gone
    /// through once.
    fn push_difference(
        &mut self,
        actor: Actor,
        spans: impl Iterator<Item = (u64, u64)>,
        cuts: impl Iterator<Item = (u64, u64)>,
    ) {
        let mut cuts = cuts.peekable();
        for (mut first, last) in spans {
            while let Some(&cut) = cuts.peek().filter(|cut| cut.0 <= last) {
                if first < cut.0 {
                    self.push(Run { actor, first, last: cut.0 - 1 });
                }
                first = first.max(cut.1 + 1);
                if cut.1 > last {
                    // It may reach into the next run.
                    break;
                }
                cuts.next();
            }
            if first <= last {
                self.push(Run { actor, first, last });
            }
        }
    }

    /// Adds what is behind all others, and touches nothing.
    fn push(&mut self, run: Run) {
        if run.first == 1 {
            self.bases.push((run.actor, run.last));
            return;
        }
        if self.bases.last().is_none_or(|last| last.0 != run.actor) {
            self.bases.push((run.actor, 0));
        }
        self.runs.push(run);
    }

    /// True when some dot is in both.
    pub fn meets(&self, other: &Self) -> bool {
        self.bases.iter().enumerate().any(|(place, &(actor, base))| {
            let (their_base, theirs) = (other.base_near(place, actor), other.runs.of(actor));
            spans(base, self.runs.of(actor)).any(|(first, last)| {
                let after = theirs.partition_point(|run| run.first <= last);
                first <= their_base || after > 0 && first <= theirs[after - 1].last
            })
        })
    }

    /// True when every dot of `other` is in this set.
    pub fn contains_all(&self, other: &Self) -> bool {
        // What follows on a base is not in, so no run lies across one.
        let mine = self.bases.as_slice();
        let mut bases = other.bases.iter().enumerate();
        bases.all(|(place, &(actor, base))| match mine.get(place) {
            Some((same, mine)) if *same == actor => base <= *mine,
            _ => base <= self.base_near(place, actor),
        }) && other.runs.all().iter().all(|run| {
            let base = self.base(run.actor);
            run.last <= base || self.runs.contain(Run { first: run.first.max(base + 1), ..*run })
        })
    }

    /// The counter up to which everything of `actor` is in.
    #[inline]
    pub fn base(&self, actor: Actor) -> u64 {
        self.base_near(actor.node as usize, actor)
    }

    /// As `base`, of an actor that is likely to be at this place.
    #[inline]
    fn base_near(&self, place: usize, actor: Actor) -> u64 {
        self.place_of(place, actor).map_or(0, |place| self.bases[place].1)
    }

    /// The largest counter of `actor` that is in; 0 if there is none.
    pub fn last(&self, actor: Actor) -> u64 {
        self.runs.of(actor).last().map_or_else(|| self.base(actor), |run| run.last)
    }

    /// The largest of all dots that are in.
    pub fn last_dot(&self) -> Option<Dot> {
        let (actor, _) = self.bases.last()?;
        Dot::new(*actor, self.last(*actor))
    }

    /// The stretches of `actor`'s dots that are not in, in order, each by its first and its last.
    pub fn gaps(&self, actor: Actor) -> impl Iterator<Item = (Dot, Dot)> + '_ {
        let (base, runs) = (self.base(actor), self.runs.of(actor));
        let firsts = std::iter::once(base).chain(runs.iter().map(|run| run.last)).map(|last| last + 1);
        let lasts = runs.iter().map(|run| run.first - 1).chain([COUNTER_MAX]);
        // Nothing is left out after the greatest counter.
        let stretches = firsts.zip(lasts).filter(|(first, last)| first <= last);
        stretches.filter_map(move |(first, last)| Some((Dot::new(actor, first)?, Dot::new(actor, last)?)))
    }

    /// The number of gaps, over all actors.
    pub fn gap_count(&self) -> usize {
        self.runs.all().len()
    }

    /// The actors of which anything was seen, in order.
    pub fn actors(&self) -> impl DoubleEndedIterator<Item = Actor> + ExactSizeIterator + '_ {
        self.bases.iter().map(|(actor, _)| *actor)
    }

    /// All there is, actor by actor, in order: the counter up to which everything is in, and the runs above it, both their
    /// ends included.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = (Actor, u64, impl ExactSizeIterator<Item = (u64, u64)> + '_)> {
        self.bases.iter().map(|&(actor, base)| (actor, base, self.runs.of(actor).iter().map(Run::span)))
    }

    /// The set of these [`parts`](Self::parts).
    ///
    /// # Errors
    /// If they are not in the one form in which a set tells them.
    pub fn from_parts(parts: impl IntoIterator<Item = (Actor, u64, Vec<(u64, u64)>)>) -> Result<Self, &'static str> {
        let mut set = Self::new();
        for (actor, base, spans) in parts {
            if set.bases.last().is_some_and(|last| last.0 >= actor) {
                return Err("actors of a dot set out of order");
            }
            let mut reached = base;
            for (first, last) in spans {
                if first <= reached.saturating_add(1) || first > last {
                    return Err(WRONG_RUNS);
                }
                set.runs.push(Run { actor, first, last });
                reached = last;
            }
            if reached == 0 || reached > COUNTER_MAX {
                return Err(WRONG_RUNS);
            }
            set.bases.push((actor, base));
        }
        Ok(set)
    }

    /// How many bytes it takes on the heap.
    #[inline]
    #[cfg(feature = "store")]
    pub(crate) fn heap_bytes(&self) -> usize {
        let bases = if self.bases.spilled() { size_of_val(&self.bases[..]) } else { 0 };
        bases + size_of_val(self.runs.all())
    }

    /// True when nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.bases.is_empty()
    }

    /// Raises the base of an actor that is likely to be at this place.
    #[inline]
    fn raise(&mut self, place: usize, actor: Actor, base: u64) {
        let place = self.place_for(place, actor);
        if self.bases[place].1 < base {
            self.bases[place].1 = base;
            self.absorb(place);
        }
    }

    /// Moves the base of the actor at this place up through the runs that touch it.
    #[inline]
    fn absorb(&mut self, place: usize) {
        if !self.runs.is_empty() {
            let (actor, base) = &mut self.bases[place];
            *base = self.runs.absorb(*actor, *base);
        }
    }

    /// As `place_of`, of an actor who takes a place if he has none.
    #[inline]
    fn place_for(&mut self, guess: usize, actor: Actor) -> usize {
        self.place_of(guess, actor).unwrap_or_else(|place| {
            self.bases.insert(place, (actor, 0));
            place
        })
    }

    /// Where an actor is, or would be. It is likely to be at the place `guess`: nodes in their first incarnations that have all written
    /// are each at their own.
    #[inline]
    fn place_of(&self, guess: usize, actor: Actor) -> Result<usize, usize> {
        match self.bases.get(guess) {
            Some((same, _)) if *same == actor => Ok(guess),
            _ => self.bases.binary_search_by_key(&actor, |entry| entry.0),
        }
    }
}

fn run_of(dot: Dot) -> Run {
    Run { actor: dot.actor, first: dot.counter.get(), last: dot.counter.get() }
}

impl Extend<Dot> for DotSet {
    fn extend<I: IntoIterator<Item = Dot>>(&mut self, dots: I) {
        for dot in dots {
            self.insert(dot);
        }
    }
}

impl FromIterator<Dot> for DotSet {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut set = Self::new();
        set.extend(dots);
        set
    }
}

const WRONG_RUNS: &str = "runs of a dot set empty, out of order or out of range";

/// `{0:5 1:2+4..6}`: all of node 0's first five; of node 1's the first two, and the fourth to the sixth.
impl fmt::Debug for DotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (place, (actor, base, runs)) in self.parts().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{actor}:{base}")?;
            for (first, last) in runs {
                if first == last {
                    write!(f, "+{first}")?;
                } else {
                    write!(f, "+{first}..{last}")?;
                }
            }
        }
        f.write_str("}")
    }
}
