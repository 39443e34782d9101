//! A clock as a short sorted list.

use std::fmt;

use crate::causality::Actor;

/// One more than the largest counter there is: 2^53, up to which every language's numbers are exact.
pub(super) const COUNTER_LIMIT: u64 = 1 << 53;

/// For each actor the number of its writes known; an actor that is not in the list has 0.
///
/// It shares no code with [`causality::VectorClock`](crate::causality::VectorClock), so that a mistake in one does
/// not hide in the other. The order (`Ord`) is that of the list, for sorting; what happened before what is
/// [`descends`](Self::descends).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Clock {
    /// invariant: sorted by actor, each once, no counter is 0.
    entries: Vec<(Actor, u64)>,
}

impl Clock {
    /// The number of writes of `actor` that are known.
    #[must_use]
    pub fn get(&self, actor: Actor) -> u64 {
        match self.entries.binary_search_by_key(&actor, |entry| entry.0) {
            Ok(place) => self.entries[place].1,
            Err(_) => 0,
        }
    }

    /// Says that `counter` writes of `actor` are known, whatever was known before. A counter of 0 changes nothing.
    pub fn set(&mut self, actor: Actor, counter: u64) {
        if counter == 0 {
            return;
        }
        match self.entries.binary_search_by_key(&actor, |entry| entry.0) {
            Ok(place) => self.entries[place].1 = counter,
            Err(place) => self.entries.insert(place, (actor, counter)),
        }
    }

    /// Takes for each actor the greater of both counters.
    pub fn join(&mut self, other: &Self) {
        for &(actor, counter) in &other.entries {
            self.set(actor, counter.max(self.get(actor)));
        }
    }

    /// True when everything that `other` knows is known here: it happened before this, or is the same.
    #[must_use]
    pub fn descends(&self, other: &Self) -> bool {
        other.entries.iter().all(|&(actor, counter)| self.get(actor) >= counter)
    }

    /// The wrong comparison of [`Bug::ZipCompare`](super::Bug::ZipCompare): only actors that both clocks have count.
    pub(super) fn descends_where_both_know(&self, other: &Self) -> bool {
        let mut common = other.entries.iter().filter(|entry| self.get(entry.0) > 0).peekable();
        common.peek().is_some() && common.all(|&(actor, counter)| self.get(actor) >= counter)
    }

    /// The actors known and their counters, in the order of the actors' slots.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (Actor, u64)> + '_ {
        self.entries.iter().copied()
    }

    /// The clock with entry `i` for the actor of slot `i`, or `None` if it is not one: its length is no multiple of
    /// `node_count`, all of it is 0, or a counter is too large.
    pub(super) fn from_plain(plain: &[usize], node_count: usize) -> Option<Self> {
        let mut clock = Self::default();
        for (slot, &counter) in plain.iter().enumerate() {
            let counter = counter as u64;
            if counter >= COUNTER_LIMIT {
                return None;
            }
            clock.set(Actor::at_slot(slot, node_count), counter);
        }
        let fits = plain.len().is_multiple_of(node_count) && !clock.entries.is_empty();
        fits.then_some(clock)
    }

    /// The same clock with one entry per slot, padded to a multiple of `node_count`.
    pub(super) fn to_plain(&self, node_count: usize) -> Vec<usize> {
        let used = self.entries.last().map_or(0, |entry| entry.0.slot(node_count) + 1);
        let mut plain = vec![0; used.next_multiple_of(node_count)];
        for &(actor, counter) in &self.entries {
            plain[actor.slot(node_count)] = counter as usize;
        }
        plain
    }
}

/// `{0:2 1:1}`: two writes of node 0, one of node 1.
impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (place, (actor, counter)) in self.entries().enumerate() {
            let space = if place > 0 { " " } else { "" };
            write!(f, "{space}{actor}:{counter}")?;
        }
        f.write_str("}")
    }
}
