//! What one incarnation of a node has processed, and what it says to have seen.

use smallvec::SmallVec;

use super::places::PlaceSets;
use super::write::Write;
use super::write_set::Map;
use super::write_set::{Taken, WriteId};
use crate::causality::Dot;
use crate::protocol::Time;

#[derive(Clone, Debug, Default)]
pub(super) struct Incarnation {
    /// When it began with nothing; `None` for the first incarnation of a node.
    pub(super) began: Option<Time>,
    /// By number of the key.
    known: Vec<Known>,
    /// The deletes of the run that it has not processed.
    untaken_deletes: Left,
    /// The writes of the run of which it has neither them nor anything that builds on them, and that it has not said to have
    /// seen either. Only where messages have names.
    unclaimed: Left,
    /// What it said to have seen without having it; only where messages have names.
    pub(super) claims: Map<WriteId, Claim>,
}

/// What one incarnation of a node has processed of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// *Max(R)*, in the order in which they came.
    pub(super) siblings: SmallVec<[WriteId; 4]>,
    /// How many of them are no deletes.
    pub(super) live: usize,
    /// *R*, each with the time it first came.
    taken: SmallVec<[(WriteId, Time); 4]>,
    /// The same without the times: whether a write is in there must not cost more the longer the run.
    taken_set: Taken,
}

/// A node says that it has seen a write which it does not have.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) at: Time,
    pub(super) write: WriteId,
    /// What made it say so: `node 1 took 0→1 reply #3`.
    pub(super) how: String,
}

/// What is left to wait for of a list that grows: each of its writes is looked at from when it comes until it is settled.
#[derive(Clone, Debug, Default)]
struct Left {
    /// How many of the list have come.
    noted: usize,
    writes: Vec<WriteId>,
}

impl Left {
    /// Takes in what has come of `all`, as far as it has a name: what has none has not happened, or died before anybody was told.
    fn note(&mut self, all: impl ExactSizeIterator<Item = WriteId>, writes: &[Write]) {
        let count = all.len();
        self.writes.extend(all.skip(self.noted).filter(|write| writes[write.0].dot.is_some()));
        self.noted = count;
    }
}

impl Incarnation {
    /// One that begins with nothing, after another.
    pub(super) fn begun(at: Time) -> Self {
        Self { began: Some(at), ..Self::default() }
    }

    pub(super) fn known(&self, key: usize) -> Option<&Known> {
        self.known.get(key)
    }

    /// It has processed `id`. Costs a look at each sibling of the key.
    pub(super) fn process(&mut self, at: Time, id: WriteId, writes: &[Write], sets: &PlaceSets) {
        let write = &writes[id.0];
        if self.known.len() <= write.key {
            self.known.resize_with(write.key + 1, Known::default);
        }
        let known = &mut self.known[write.key];
        if !known.taken_set.insert(write.place) {
            return;
        }
        known.taken.push((id, at));
        if !known.covers(write, writes, sets) {
            known.siblings.retain(|sibling| !sets.contains(write.past, writes[sibling.0].place));
            known.siblings.push(id);
            known.live = known.siblings.iter().filter(|write| writes[write.0].value.is_some()).count();
        }
    }

    /// The deletes that it has not processed, of `deletes`, which are all there are. Must not be asked for between a delete and its
    /// name.
    pub(super) fn untaken_deletes(&mut self, deletes: &[WriteId], writes: &[Write]) -> &[WriteId] {
        let Self { known, untaken_deletes: left, .. } = self;
        if !left.writes.is_empty() || left.noted != deletes.len() {
            left.note(deletes.iter().copied(), writes);
            left.writes.retain(|delete| {
                let delete = &writes[delete.0];
                known.get(delete.key).is_none_or(|known| !known.taken_set.contains(delete.place))
            });
        }
        &left.writes
    }

    /// The writes that it has neither taken nor covered, and that by `has_seen` it says for the first time to have seen. Costs a
    /// question for each write that it lacks.
    pub(super) fn new_claims(
        &mut self,
        writes: &[Write],
        sets: &PlaceSets,
        has_seen: impl Fn(Dot) -> bool,
    ) -> SmallVec<[WriteId; 4]> {
        let Self { known, unclaimed: left, .. } = self;
        left.note((0..writes.len()).map(WriteId), writes);
        let mut claims = SmallVec::new();
        left.writes.retain(|id| {
            let write = &writes[id.0];
            // What is the newest of its key, or older than that, is here.
            if known.get(write.key).is_some_and(|known| known.covers(write, writes, sets)) {
                return false;
            }
            let claimed = write.dot.is_some_and(&has_seen);
            if claimed {
                claims.push(*id);
            }
            !claimed
        });
        claims
    }

    /// When it first took `write`; `None` if it never did.
    pub(super) fn taken_at(&self, id: WriteId, write: &Write) -> Option<Time> {
        let known = self.known(write.key).filter(|known| known.taken_set.contains(write.place))?;
        known.taken.iter().find(|taken| taken.0 == id).map(|taken| taken.1)
    }

    /// All that it has taken, each with the time it first came.
    pub(super) fn taken(&self) -> impl Iterator<Item = (WriteId, Time)> + '_ {
        self.known.iter().flat_map(|known| known.taken.iter().copied())
    }
}

impl Known {
    /// True if `write` is one of the siblings, or in the past of one: whatever was taken is.
    fn covers(&self, write: &Write, writes: &[Write], sets: &PlaceSets) -> bool {
        self.siblings
            .iter()
            .map(|sibling| &writes[sibling.0])
            .any(|sibling| sibling.place == write.place || sets.contains(sibling.past, write.place))
    }
}
