//! What becomes of the messages of a step, where it is not boring.

use indexmap::IndexSet;
use smallvec::SmallVec;

/// What happens to one message, by its place among those that its step sends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Mishap {
    Dropped(u32),
    Doubled(u32),
}

/// The mishaps of one step, in the order of its messages. There are never more than a run may have, however many messages a
/// step sends.
pub(crate) type Mishaps = SmallVec<[Mishap; 2]>;

/// Stands for the mishaps of one step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct MishapsId(u32);

impl MishapsId {
    /// Each message arrives once.
    pub(crate) const NONE: Self = Self(0);
}

/// All mishaps that were ever asked for: each is kept once, as many steps share them.
pub(crate) struct KnownMishaps(IndexSet<Mishaps, foldhash::fast::FixedState>);

impl KnownMishaps {
    pub(crate) fn new() -> Self {
        let mut known = IndexSet::default();
        known.insert(Mishaps::new());
        Self(known)
    }

    pub(crate) fn id(&mut self, mishaps: &Mishaps) -> MishapsId {
        if mishaps.is_empty() {
            return MishapsId::NONE;
        }
        let place = self.0.get_index_of(mishaps).unwrap_or_else(|| self.0.insert_full(mishaps.clone()).0);
        MishapsId(u32::try_from(place).expect("expect: a search is given up long before it knows so many mishaps"))
    }

    pub(crate) fn get(&self, id: MishapsId) -> &Mishaps {
        &self.0[id.0 as usize]
    }
}
