//! The set of dots a node has seen, with gaps.

mod told;

use std::fmt;

use serde::Deserialize;
use smallvec::SmallVec;
use thin_vec::ThinVec;

use super::clock::COUNTER_MAX;
use super::{Actor, Dot};

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
#[derive(Clone, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(try_from = "Vec<told::ToldActor>")]
pub struct DotSet {
    /// invariant: sorted by actor, each once, none with nothing seen.
    actors: Actors,
}

/// Inline for five nodes in their first lives: sets go along with each write, and most have no gaps.
type Actors = SmallVec<[(Actor, Counters); 5]>;

/// The counters seen of one actor.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Counters {
    /// Every counter from 1 to this one is in.
    base: u64,
    /// invariant: inclusive, ascending, none empty, each starts at least two above the end of what is before it.
    runs: ThinVec<(u64, u64)>,
}

impl Counters {
    fn contains(&self, counter: u64) -> bool {
        if counter <= self.base {
            return true;
        }
        let after = self.runs.partition_point(|run| run.0 <= counter);
        after > 0 && counter <= self.runs[after - 1].1
    }

    fn contains_run(&self, first: u64, last: u64) -> bool {
        if last <= self.base {
            return true;
        }
        let first = first.max(self.base + 1);
        let after = self.runs.partition_point(|run| run.0 <= first);
        after > 0 && last <= self.runs[after - 1].1
    }

    fn insert_run(&mut self, first: u64, last: u64) {
        let (mut first, mut last) = (first, last);
        // All runs that touch the new one melt into it.
        let from = self.runs.partition_point(|run| run.1 + 1 < first);
        let to = self.runs.partition_point(|run| run.0 <= last + 1);
        if from < to {
            first = first.min(self.runs[from].0);
            last = last.max(self.runs[to - 1].1);
        }
        match &mut self.runs[from..to] {
            [] => self.runs.insert(from, (first, last)),
            [run, rest @ ..] => {
                *run = (first, last);
                if !rest.is_empty() {
                    self.runs.drain(from + 1..to);
                }
            }
        }
        self.absorb();
    }

    /// In one go: run by run, each of many that lie between many would move all the rest.
    fn insert_runs(&mut self, runs: &[(u64, u64)]) {
        self.runs.extend_from_slice(runs);
        self.runs.sort();
        self.runs.dedup_by(|next, run| {
            let touches = next.0 <= run.1 + 1;
            if touches {
                run.1 = run.1.max(next.1);
            }
            touches
        });
        self.absorb();
    }

    /// Moves the base up through the runs that touch it.
    fn absorb(&mut self) {
        if self.runs.is_empty() {
            return;
        }
        let reached = self.runs.iter().take_while(|run| {
            let touches = run.0 <= self.base + 1;
            if touches {
                self.base = self.base.max(run.1);
            }
            touches
        });
        let reached = reached.count();
        self.runs.drain(..reached);
    }

    fn insert_all(&mut self, other: &Self) {
        self.base = self.base.max(other.base);
        match other.runs.as_slice() {
            [] => self.absorb(),
            &[(first, last)] => self.insert_run(first, last),
            runs => self.insert_runs(runs),
        }
    }

    /// All runs, the one from 1 to the base among them.
    fn all_runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        (self.base > 0).then_some((1, self.base)).into_iter().chain(self.runs.iter().copied())
    }

    /// Costs the runs of both: each list is gone through once.
    fn without(&self, other: &Self) -> Self {
        let mut left = Self::default();
        if self.last() <= other.base {
            return left;
        }
        let mut cuts = other.all_runs().peekable();
        for (mut first, last) in self.all_runs() {
            while let Some(&cut) = cuts.peek().filter(|cut| cut.0 <= last) {
                if first < cut.0 {
                    left.runs.push((first, cut.0 - 1));
                }
                first = first.max(cut.1 + 1);
                if cut.1 > last {
                    // It may reach into the next run.
                    break;
                }
                cuts.next();
            }
            if first <= last {
                left.runs.push((first, last));
            }
        }
        left.absorb();
        left
    }

    fn meets(&self, other: &Self) -> bool {
        let mut runs = self.all_runs();
        runs.any(|(first, last)| {
            let after = other.runs.partition_point(|run| run.0 <= last);
            first <= other.base || after > 0 && first <= other.runs[after - 1].1
        })
    }

    fn last(&self) -> u64 {
        self.runs.last().map_or(self.base, |run| run.1)
    }

    fn contains_all(&self, other: &Self) -> bool {
        if other.runs.is_empty() && other.base <= self.base {
            return true;
        }
        (other.base == 0 || self.contains_run(1, other.base))
            && other.runs.iter().all(|&(first, last)| self.contains_run(first, last))
    }

    fn is_valid(&self) -> bool {
        let mut reached = self.base;
        let runs_are_apart = self.runs.iter().all(|&(first, last)| {
            let fits = first > reached.saturating_add(1) && first <= last;
            reached = last;
            fits
        });
        runs_are_apart && reached <= COUNTER_MAX && (self.base > 0 || !self.runs.is_empty())
    }
}

impl DotSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// True when `dot` is in the set.
    pub fn contains(&self, dot: Dot) -> bool {
        self.find(dot.actor).is_some_and(|counters| counters.contains(dot.counter.get()))
    }

    /// Adds `dot`; false when it was there.
    ///
    /// # Panics
    /// If the counter is above [`COUNTER_MAX`].
    pub fn insert(&mut self, dot: Dot) -> bool {
        let counter = dot.counter.get();
        assert!(counter <= COUNTER_MAX, "expect: counters stay below 2^53, not {counter}");
        let counters = self.entry(dot.actor);
        if counters.contains(counter) {
            return false;
        }
        if counter == counters.base + 1 {
            counters.base = counter;
            counters.absorb();
        } else {
            counters.insert_run(counter, counter);
        }
        true
    }

    /// Adds all dots of `actor` up to `counter`.
    ///
    /// # Panics
    /// If the counter is above [`COUNTER_MAX`].
    pub fn insert_up_to(&mut self, actor: Actor, counter: u64) {
        assert!(counter <= COUNTER_MAX, "expect: counters stay below 2^53, not {counter}");
        if counter > 0 {
            self.entry(actor).insert_all(&Counters { base: counter, runs: ThinVec::new() });
        }
    }

    /// Adds all of `other`.
    pub fn insert_all(&mut self, other: &Self) {
        // Most sets tell of the same actors, so that each is at the same place in both.
        for (place, (actor, counters)) in other.actors.iter().enumerate() {
            match self.actors.get_mut(place) {
                Some((same, mine)) if same == actor => mine.insert_all(counters),
                _ => self.entry(*actor).insert_all(counters),
            }
        }
    }

    /// The dots of this set that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let left = self.actors.iter().enumerate().map(|(place, (actor, mine))| match other.find_near(place, *actor) {
            Some(theirs) => (*actor, mine.without(theirs)),
            None => (*actor, mine.clone()),
        });
        Self { actors: left.filter(|(_, left)| *left != Counters::default()).collect() }
    }

    /// True when some dot is in both.
    pub fn meets(&self, other: &Self) -> bool {
        self.actors.iter().any(|(actor, mine)| other.find(*actor).is_some_and(|theirs| mine.meets(theirs)))
    }

    /// True when every dot of `other` is in this set.
    pub fn contains_all(&self, other: &Self) -> bool {
        let mut all = other.actors.iter().enumerate();
        all.all(|(place, (actor, theirs))| self.find_near(place, *actor).is_some_and(|mine| mine.contains_all(theirs)))
    }

    /// The counter up to which everything of `actor` is in.
    pub fn base(&self, actor: Actor) -> u64 {
        self.find(actor).map_or(0, |counters| counters.base)
    }

    /// The largest counter of `actor` that is in; 0 if there is none.
    pub fn last(&self, actor: Actor) -> u64 {
        self.find(actor).map_or(0, Counters::last)
    }

    /// The largest of all dots that are in.
    pub fn last_dot(&self) -> Option<Dot> {
        let (actor, _) = self.actors.last()?;
        Dot::new(*actor, self.last(*actor))
    }

    /// The stretches of `actor`'s dots that are not in, in order, each by its first and its last.
    pub fn gaps(&self, actor: Actor) -> impl Iterator<Item = (Dot, Dot)> + '_ {
        let (base, runs) = self.find(actor).map_or((0, &[][..]), |counters| (counters.base, counters.runs.as_slice()));
        let firsts = std::iter::once(base).chain(runs.iter().map(|run| run.1)).map(|last| last + 1);
        let lasts = runs.iter().map(|run| run.0 - 1).chain([COUNTER_MAX]);
        // Nothing is left out after the greatest counter.
        let stretches = firsts.zip(lasts).filter(|(first, last)| first <= last);
        stretches.filter_map(move |(first, last)| Some((Dot::new(actor, first)?, Dot::new(actor, last)?)))
    }

    /// The number of gaps, over all actors.
    pub fn gap_count(&self) -> usize {
        self.actors.iter().map(|(_, counters)| counters.runs.len()).sum()
    }

    /// The actors of which anything was seen, in order.
    pub fn actors(&self) -> impl ExactSizeIterator<Item = Actor> + '_ {
        self.actors.iter().map(|(actor, _)| *actor)
    }

    /// All there is, actor by actor, in order: the counter up to which everything is in, and the runs above it, both their
    /// ends included.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = (Actor, u64, &[(u64, u64)])> + '_ {
        self.actors.iter().map(|(actor, counters)| (*actor, counters.base, counters.runs.as_slice()))
    }

    /// The set of these [`parts`](Self::parts).
    ///
    /// # Errors
    /// If they are not in the one form in which a set tells them.
    pub fn from_parts(parts: impl IntoIterator<Item = (Actor, u64, Vec<(u64, u64)>)>) -> Result<Self, &'static str> {
        let actors = parts.into_iter().map(|(actor, base, runs)| (actor, Counters { base, runs: runs.into() }));
        Self::from_actors(actors.collect())
    }

    /// True when nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.actors.is_empty()
    }

    #[inline]
    fn find(&self, actor: Actor) -> Option<&Counters> {
        self.find_near(actor.node as usize, actor)
    }

    /// As `find`, of an actor that is likely to be at this place.
    fn find_near(&self, place: usize, actor: Actor) -> Option<&Counters> {
        self.place_of(place, actor).ok().map(|place| &self.actors[place].1)
    }

    fn entry(&mut self, actor: Actor) -> &mut Counters {
        let place = self.place_of(actor.node as usize, actor).unwrap_or_else(|place| {
            self.actors.insert(place, (actor, Counters::default()));
            place
        });
        &mut self.actors[place].1
    }

    /// Where an actor is, or would be. It is likely to be at the place `guess`: nodes in their first lives that have all written
    /// are each at their own.
    #[inline]
    fn place_of(&self, guess: usize, actor: Actor) -> Result<usize, usize> {
        match self.actors.get(guess) {
            Some((same, _)) if *same == actor => Ok(guess),
            _ => self.actors.binary_search_by_key(&actor, |entry| entry.0),
        }
    }
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

impl DotSet {
    /// The set of these, if they are in its one form.
    fn from_actors(actors: Actors) -> Result<Self, &'static str> {
        if !actors.is_sorted_by(|left, right| left.0 < right.0) {
            return Err("actors of a dot set out of order");
        }
        if !actors.iter().all(|(_, counters)| counters.is_valid()) {
            return Err(WRONG_RUNS);
        }
        Ok(Self { actors })
    }
}

/// `{0:5 1:2+4..6}`: all of node 0's first five; of node 1's the first two, and the fourth to the sixth.
impl fmt::Debug for DotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (place, (actor, counters)) in self.actors.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{actor}:{}", counters.base)?;
            for (first, last) in &counters.runs {
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
