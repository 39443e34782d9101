//! Vector clocks, compared in one pass.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;

/// The largest counter a clock may hold, 2^53 − 1: exact in every language's numbers, and far
/// below 2^63, which the comparison relies on.
pub const COUNTER_MAX: u64 = (1 << 53) - 1;

/// How two clocks stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockOrder {
    /// Every entry is the same.
    Equal,
    /// No entry is greater, one is less: the left happened before the right.
    Less,
    /// No entry is less, one is greater: the left happened after the right.
    Greater,
    /// Each has an entry greater than the other's: neither knew of the other.
    Concurrent,
}

/// Why numbers are not a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockError {
    /// An entry is above [`COUNTER_MAX`].
    CounterTooLarge {
        /// Which entry, from 0.
        slot: usize,
        /// What it holds.
        counter: u64,
    },
    /// Entries in the sparse form are not in order, or not worth that form.
    WrongEntries,
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CounterTooLarge { slot, counter } => {
                write!(f, "clock entry {slot} is {counter}: expected less than 2^53")
            }
            Self::WrongEntries => f.write_str("entries of a clock out of order or out of range"),
        }
    }
}

impl std::error::Error for ClockError {}

/// So many slots always have the dense form.
const DENSE_SLOTS_MIN: usize = 16;

/// Stands where a counter would, and is none: what follows are slots and their counters in turn.
const SPARSE: u64 = COUNTER_MAX + 1;

/// No clock counts writes of later slots.
const SLOT_MAX: usize = u32::MAX as usize;

/// For each slot the number of writes known; slots beyond the last are 0.
///
/// Up to five entries live inline, so that a clock of five nodes never touches the heap. Where nodes have lived often, a clock
/// has many slots and few entries that are not 0: such a one holds those alone.
///
/// ```
/// use distributed_data_consistency::causality::{ClockOrder, VectorClock};
/// let a = VectorClock::try_from([1, 0, 0].as_slice()).unwrap();
/// let b = VectorClock::try_from([0, 1].as_slice()).unwrap();
/// assert_eq!(a.compare(&b), ClockOrder::Concurrent);
/// let mut both = a.clone();
/// both.join(&b);
/// assert_eq!(both.compare(&a), ClockOrder::Greater);
/// ```
#[derive(PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(try_from = "Vec<u64>")]
pub struct VectorClock {
    /// The counters, slot by slot; or [`SPARSE`], and then slots and counters in turn.
    ///
    /// invariant: each clock has one form, see [`is_sparse_form`]. The last entry is not 0, no counter is above [`COUNTER_MAX`];
    /// in the sparse form slots ascend, and no counter is 0.
    words: SmallVec<[u64; 5]>,
}

/// In one copy: what is derived goes entry by entry.
impl Clone for VectorClock {
    #[inline]
    fn clone(&self) -> Self {
        Self { words: SmallVec::from_slice(&self.words) }
    }
}

/// True if a clock of so many slots, of which so many count something, is held in the sparse form.
fn is_sparse_form(slots: usize, entries: usize) -> bool {
    slots > DENSE_SLOTS_MIN && entries < slots / 4
}

impl VectorClock {
    /// The clock that knows of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The clock of these entries: slots ascend, and no counter is 0.
    fn from_entries(entries: &[(usize, u64)]) -> Self {
        let slots = entries.last().map_or(0, |last| last.0 + 1);
        if is_sparse_form(slots, entries.len()) {
            let words = entries.iter().flat_map(|&(slot, counter)| [slot as u64, counter]);
            return Self { words: std::iter::once(SPARSE).chain(words).collect() };
        }
        let mut words = SmallVec::from_elem(0, slots);
        entries.iter().for_each(|&(slot, counter)| words[slot] = counter);
        Self { words }
    }

    #[inline]
    fn is_sparse(&self) -> bool {
        self.words.first() == Some(&SPARSE)
    }

    /// The slots and counters of the sparse form.
    fn pairs(&self) -> &[[u64; 2]] {
        debug_assert!(self.is_sparse());
        self.words[1..].as_chunks().0
    }

    /// The entries that are not 0, with their slots, in order. Costs what is held.
    pub fn entries(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let (dense, pairs) = if self.is_sparse() { (&[][..], self.pairs()) } else { (&self.words[..], &[][..]) };
        let dense = dense.iter().copied().enumerate().filter(|(_, counter)| *counter > 0);
        dense.chain(pairs.iter().map(|&[slot, counter]| (slot as usize, counter)))
    }

    /// The entry at `slot`.
    #[inline]
    pub fn get(&self, slot: usize) -> u64 {
        if self.is_sparse() {
            let pairs = self.pairs();
            return pairs.binary_search_by_key(&(slot as u64), |pair| pair[0]).map_or(0, |place| pairs[place][1]);
        }
        self.words.get(slot).copied().unwrap_or(0)
    }

    /// Raises the entry at `slot` to `counter`; never lowers it.
    ///
    /// # Panics
    /// If `counter` is above [`COUNTER_MAX`]: whoever counts must stop before it. If `slot` has more than 32 bits.
    pub fn raise(&mut self, slot: usize, counter: u64) {
        assert!(counter <= COUNTER_MAX, "expect: counters stay below 2^53, not {counter}");
        assert!(slot <= SLOT_MAX, "expect: slots have 32 bits, not {slot}");
        if counter <= self.get(slot) {
            return;
        }
        if !self.is_sparse() && slot < self.words.len().max(DENSE_SLOTS_MIN) {
            if slot >= self.words.len() {
                self.words.resize(slot + 1, 0);
            }
            self.words[slot] = counter;
            return;
        }
        let mut entries: Vec<(usize, u64)> = self.entries().collect();
        match entries.binary_search_by_key(&slot, |entry| entry.0) {
            Ok(place) => entries[place].1 = counter,
            Err(place) => entries.insert(place, (slot, counter)),
        }
        *self = Self::from_entries(&entries);
    }

    /// Takes for each slot the greater of both entries.
    pub fn join(&mut self, other: &Self) {
        if self.words.is_empty() {
            *self = other.clone();
            return;
        }
        if self.is_sparse() || other.is_sparse() {
            let joined = merged(self, other).map(|(slot, mine, theirs)| (slot, mine.max(theirs)));
            *self = Self::from_entries(&joined.collect::<Vec<_>>());
            return;
        }
        // The longer one is dense, and only gains entries.
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// How `self` stands to `other`, in one pass without a branch per entry.
    ///
    /// With entries below 2^63 the sign bit of `a − b` tells whether `a < b`; the signs of all
    /// differences are gathered with OR and looked at once. Measured ahead of early exit from 16 entries on,
    /// and level with it below. A sparse clock costs a walk over the entries of both.
    #[inline]
    pub fn compare(&self, other: &Self) -> ClockOrder {
        let (mine, theirs) = (self.words.as_slice(), other.words.as_slice());
        let ([first, ..], [their_first, ..]) = (mine, theirs) else {
            return order(!theirs.is_empty(), !mine.is_empty());
        };
        if *first == SPARSE || *their_first == SPARSE {
            return self.compare_sparse(other);
        }
        let (mut less, mut greater) = (0_u64, 0_u64);
        for (mine, theirs) in mine.iter().zip(theirs) {
            less |= mine.wrapping_sub(*theirs);
            greater |= theirs.wrapping_sub(*mine);
        }
        // The last entry is never 0, so the longer clock has an entry that the other lacks.
        order(less >> 63 == 1 || mine.len() < theirs.len(), greater >> 63 == 1 || mine.len() > theirs.len())
    }

    #[cold]
    fn compare_sparse(&self, other: &Self) -> ClockOrder {
        let (mut less, mut greater) = (false, false);
        for (_, mine, theirs) in merged(self, other) {
            less |= mine < theirs;
            greater |= mine > theirs;
        }
        order(less, greater)
    }

    /// True when nothing is known.
    pub fn is_zero(&self) -> bool {
        self.words.is_empty()
    }

    /// The number of slots up to the last that is not 0.
    pub fn slot_count(&self) -> usize {
        match self.words.as_slice() {
            [SPARSE, .., last, _] => *last as usize + 1,
            dense => dense.len(),
        }
    }

    /// How many bytes it takes on the heap.
    #[inline]
    #[cfg(feature = "store")]
    pub(crate) fn heap_bytes(&self) -> usize {
        if self.words.spilled() { size_of_val(&self.words[..]) } else { 0 }
    }

    /// The entries, from slot 0 up to the last that is not 0. Costs as many as there are; [`entries`](Self::entries) skips
    /// those that are 0.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        let mut entries = self.entries().peekable();
        (0..self.slot_count() as u32).map(move |slot| {
            let entry = entries.next_if(|entry| entry.0 == slot as usize);
            entry.map_or(0, |(_, counter)| counter)
        })
    }
}

const fn order(less: bool, greater: bool) -> ClockOrder {
    match (less, greater) {
        (false, false) => ClockOrder::Equal,
        (true, false) => ClockOrder::Less,
        (false, true) => ClockOrder::Greater,
        (true, true) => ClockOrder::Concurrent,
    }
}

/// The slots that either counts, in order, with the counters of both.
fn merged(left: &VectorClock, right: &VectorClock) -> impl Iterator<Item = (usize, u64, u64)> {
    let (mut left, mut right) = (left.entries().peekable(), right.entries().peekable());
    std::iter::from_fn(move || {
        let slot = match (left.peek(), right.peek()) {
            (Some(mine), Some(theirs)) => mine.0.min(theirs.0),
            (Some(only), None) | (None, Some(only)) => only.0,
            (None, None) => return None,
        };
        let mine = left.next_if(|entry| entry.0 == slot).map_or(0, |entry| entry.1);
        let theirs = right.next_if(|entry| entry.0 == slot).map_or(0, |entry| entry.1);
        Some((slot, mine, theirs))
    })
}

impl TryFrom<&[u64]> for VectorClock {
    type Error = ClockError;

    fn try_from(counters: &[u64]) -> Result<Self, ClockError> {
        if let Some(slot) = counters.iter().position(|&counter| counter > COUNTER_MAX) {
            return Err(ClockError::CounterTooLarge { slot, counter: counters[slot] });
        }
        let used = counters.iter().rposition(|&counter| counter != 0).map_or(0, |last| last + 1);
        let count = counters.iter().filter(|counter| **counter > 0).count();
        if is_sparse_form(used, count) {
            let entries = counters.iter().copied().enumerate().filter(|entry| entry.1 > 0);
            return Ok(Self::from_entries(&entries.collect::<Vec<_>>()));
        }
        Ok(Self { words: SmallVec::from_slice(&counters[..used]) })
    }
}

/// Reads a clock as it travels: its counters; or 2^53, which is none, and then slots and counters in turn.
impl TryFrom<Vec<u64>> for VectorClock {
    type Error = ClockError;

    fn try_from(wire: Vec<u64>) -> Result<Self, ClockError> {
        let Some((&SPARSE, pairs)) = wire.split_first() else { return Self::try_from(wire.as_slice()) };
        let (pairs, rest) = pairs.as_chunks::<2>();
        let ascend = pairs.is_sorted_by(|left, right| left[0] < right[0]);
        let slots_fit = pairs.iter().all(|pair| pair[0] <= SLOT_MAX as u64);
        let counters_fit = pairs.iter().all(|pair| (1..=COUNTER_MAX).contains(&pair[1]));
        let slots = pairs.last().map_or(0, |last| (last[0] as usize).saturating_add(1));
        if rest.is_empty() && ascend && slots_fit && counters_fit && is_sparse_form(slots, pairs.len()) {
            Ok(Self { words: SmallVec::from_vec(wire) })
        } else {
            Err(ClockError::WrongEntries)
        }
    }
}

/// The clock as it travels, which [`TryFrom`] reads.
impl From<&VectorClock> for Vec<u64> {
    fn from(clock: &VectorClock) -> Self {
        clock.words.to_vec()
    }
}

/// Without a list in between.
impl Serialize for VectorClock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.words)
    }
}

/// `None` for concurrent clocks.
impl PartialOrd for VectorClock {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.compare(other) {
            ClockOrder::Equal => Some(Ordering::Equal),
            ClockOrder::Less => Some(Ordering::Less),
            ClockOrder::Greater => Some(Ordering::Greater),
            ClockOrder::Concurrent => None,
        }
    }
}

/// `[1,0,2]`.
impl fmt::Debug for VectorClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (slot, counter) in self.iter().enumerate() {
            if slot > 0 {
                f.write_str(",")?;
            }
            write!(f, "{counter}")?;
        }
        f.write_str("]")
    }
}
