//! What the search has been at already, and how far it may go.

use std::hash::Hash;

use indexmap::IndexMap;
use smallvec::SmallVec;

/// How far a search may go. Only what is counted limits it, never a clock: the same history gives the same verdict everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// So many states are tried; 1,000,000 if not told otherwise, which takes about a second at most.
    pub states_max: u64,
    /// What the search remembers takes about so many bytes; 256 MiB if not told otherwise.
    pub bytes_max: u64,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self { states_max: 1_000_000, bytes_max: 256 << 20 }
    }
}

/// What a search has used of its limits.
#[derive(Debug)]
pub(in crate::check) struct Budget {
    limits: SearchLimits,
    pub(in crate::check) states: u64,
    bytes: u64,
}

/// A limit was reached.
pub(in crate::check) struct LimitReached;

impl Budget {
    pub(in crate::check) fn new(limits: SearchLimits) -> Self {
        Self { limits, states: 0, bytes: 0 }
    }

    /// One state more is looked at.
    #[inline]
    pub(super) fn spend(&mut self) -> Result<(), LimitReached> {
        self.states += 1;
        if self.states > self.limits.states_max { Err(LimitReached) } else { Ok(()) }
    }

    /// So many bytes more are kept.
    #[inline]
    pub(super) fn keep(&mut self, bytes: usize) -> Result<(), LimitReached> {
        self.bytes += bytes as u64;
        if self.bytes > self.limits.bytes_max { Err(LimitReached) } else { Ok(()) }
    }

    /// They are forgotten.
    #[inline]
    pub(super) fn release(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes as u64);
    }

    /// All is forgotten.
    pub(super) fn release_all(&mut self) {
        self.bytes = 0;
    }
}

/// A set of small numbers.
#[derive(Clone, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    #[inline]
    pub(super) fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    #[inline]
    pub(super) fn set(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    #[inline]
    pub(super) fn clear(&mut self, place: usize) {
        self.0[place / 64] &= !(1 << (place % 64));
    }

    /// The words from that of `first` to before that of `end`, without zeros at the end.
    fn words<const N: usize>(&self, first: usize, end: usize) -> SmallVec<[u64; N]>
    where
        [u64; N]: smallvec::Array<Item = u64>,
    {
        let (first, mut end) = (first / 64, end.div_ceil(64).min(self.0.len()));
        while end > first && self.0[end - 1] == 0 {
            end -= 1;
        }
        SmallVec::from_slice(self.0.get(first..end).unwrap_or_default())
    }
}

/// Where a search is: which operations of known outcome are ordered, and the state after them. All before `first` are ordered, so
/// that the rest fits in a word or two however long the history is.
#[derive(PartialEq, Eq, Hash)]
struct Place<St> {
    first: u32,
    ordered: SmallVec<[u64; 2]>,
    state: St,
}

/// Which operations of unknown outcome have happened.
type Happened = SmallVec<[u64; 1]>;

/// Where the search has been. To be at the same place with more operations of unknown outcome used up is never better.
pub(super) struct Memo<St> {
    been: IndexMap<Place<St>, SmallVec<[Happened; 1]>, foldhash::fast::FixedState>,
}

impl<St: Clone + Eq + Hash> Memo<St> {
    pub(super) fn new() -> Self {
        Self { been: IndexMap::default() }
    }

    /// True if the search has not been here; `state_bytes` is what the state owns.
    pub(super) fn is_new(
        &mut self,
        (ordered, first, end): (&Bits, usize, usize),
        happened: &Bits,
        state: &St,
        state_bytes: usize,
        budget: &mut Budget,
    ) -> Result<bool, LimitReached> {
        let words = ordered.words(first, end);
        let spilled = if words.spilled() { 8 * words.len() } else { 0 };
        let place = Place { first: first as u32, ordered: words, state: state.clone() };
        let happened: Happened = happened.words(0, usize::MAX);
        let bytes = size_of::<(Place<St>, SmallVec<[Happened; 1]>)>() + 24 + spilled + 8 * happened.len() + state_bytes;
        let known = self.been.entry(place).or_default();
        if known.iter().any(|less| is_within(less, &happened)) {
            return Ok(false);
        }
        known.push(happened);
        budget.keep(bytes)?;
        Ok(true)
    }
}

fn is_within(less: &[u64], more: &[u64]) -> bool {
    less.len() <= more.len() && less.iter().zip(more).all(|(less, more)| less & !more == 0)
}
