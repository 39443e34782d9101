//! What a Raft server keeps on its disk: its term, its vote, and its log behind a snapshot.

use distributed_data_consistency::protocol::{NodeId, RequestId};

/// All that survives a crash.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// The latest term that the server has seen.
    pub term: u64,
    /// For whom it has voted in this term.
    pub vote: Option<NodeId>,
    /// What it has been told to do.
    pub log: Log,
}

/// A log whose beginning may have been replaced by a snapshot. Indices begin with 1.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The state after all entries up to some index.
    pub snapshot: Snapshot,
    /// The entries after it.
    pub entries: Vec<Entry>,
}

/// The state of the machine after some entry of the log.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The index of the entry …
    pub index: u64,
    /// … and its term.
    pub term: u64,
    /// Who was a member then; nobody stands for those with whom the cluster began.
    pub members: Vec<NodeId>,
    /// Which writes had been applied, in order.
    pub journal: Vec<RequestId>,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The term of the leader who made it.
    pub term: u64,
    /// What to do.
    pub command: Command,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing: a new leader commits it, and all before it.
    Nothing,
    /// Append the request to the journal, unless it is there; and tell the server that its client asked.
    Write(RequestId, NodeId),
    /// These are the members from this entry on, committed or not; and the request, and the server that its client asked.
    Members(Vec<NodeId>, RequestId, NodeId),
}

impl Log {
    /// The index of the last entry.
    pub fn last_index(&self) -> u64 {
        self.snapshot.index + self.entries.len() as u64
    }

    /// Term and index of the last entry: whose pair is greater has the more complete log.
    pub fn last(&self) -> (u64, u64) {
        (self.entries.last().map_or(self.snapshot.term, |entry| entry.term), self.last_index())
    }

    /// The entry at this index, if it is there and not in the snapshot.
    pub fn get(&self, index: u64) -> Option<&Entry> {
        self.entries.get(index.checked_sub(self.snapshot.index + 1)? as usize)
    }

    /// The term of the entry at this index, if it is known.
    pub fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.snapshot.index { Some(self.snapshot.term) } else { self.get(index).map(|entry| entry.term) }
    }

    /// What may match, where the entry at this index does not: all before the term of what stands there (section 5.3 of the paper).
    pub fn before_conflict(&self, index: u64) -> u64 {
        let Some(term) = self.term_at(index) else { return self.last_index() };
        let mut earlier = (self.snapshot.index..index).rev();
        earlier.find(|place| self.term_at(*place) != Some(term)).unwrap_or(self.snapshot.index)
    }

    /// Up to `count_max` entries after this index.
    pub fn after(&self, index: u64, count_max: usize) -> Vec<Entry> {
        let skipped = index.saturating_sub(self.snapshot.index) as usize;
        self.entries.iter().skip(skipped).take(count_max).cloned().collect()
    }

    /// Drops all entries after this index, which is not before the snapshot's.
    pub fn truncate_after(&mut self, index: u64) {
        self.entries.truncate(index.saturating_sub(self.snapshot.index) as usize);
    }

    /// The latest entry about members, which is in force whether it is committed or not, and its index.
    pub fn members(&self) -> (u64, &[NodeId]) {
        let places = self.entries.iter().enumerate().rev();
        let mut found = places.filter_map(|(place, entry)| match &entry.command {
            Command::Members(members, ..) => Some((self.snapshot.index + 1 + place as u64, members.as_slice())),
            _ => None,
        });
        found.next().unwrap_or((self.snapshot.index, &self.snapshot.members))
    }

    /// Replaces all entries up to this index by the state after them.
    pub fn compact(&mut self, index: u64, journal: &[RequestId]) {
        let term = self.term_at(index).unwrap_or(self.snapshot.term);
        let dropped = self.entries.drain(..(index - self.snapshot.index) as usize);
        let members = dropped.rev().find_map(|entry| match entry.command {
            Command::Members(members, ..) => Some(members),
            _ => None,
        });
        let members = members.unwrap_or_else(|| std::mem::take(&mut self.snapshot.members));
        self.snapshot = Snapshot { index, term, members, journal: journal.to_vec() };
    }
}
