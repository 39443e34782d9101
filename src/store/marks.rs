//! What is worth counting in a sweep: a promise kept in worlds where none of this happens is worth little.

/// A thing worth counting that happened in a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    SiblingMade,
    DuplicateDropped,
    GapFilled,
    /// A write came after what overwrites it.
    Overtaken,
    TombstoneMetOlder,
    ContextUsed,
    /// A client's context left a version standing that its node has.
    ContextStale,
    HintReplayed,
    HintDropped,
    IncarnationRaised,
    /// Of an answer only some batches came before the next answer.
    SyncCut,
    SyncFull,
}

impl Mark {
    /// In the order in which they are declared.
    pub(super) const ALL: [Self; 12] = [
        Self::SiblingMade,
        Self::DuplicateDropped,
        Self::GapFilled,
        Self::Overtaken,
        Self::TombstoneMetOlder,
        Self::ContextUsed,
        Self::ContextStale,
        Self::HintReplayed,
        Self::HintDropped,
        Self::IncarnationRaised,
        Self::SyncCut,
        Self::SyncFull,
    ];

    /// As a sweep tells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SiblingMade => "sibling made",
            Self::DuplicateDropped => "duplicate dropped",
            Self::GapFilled => "gap filled",
            Self::Overtaken => "write met what overwrites it",
            Self::TombstoneMetOlder => "tombstone met an older write",
            Self::ContextUsed => "context used",
            Self::ContextStale => "context stale",
            Self::HintReplayed => "hint replayed",
            Self::HintDropped => "hint dropped",
            Self::IncarnationRaised => "incarnation raised",
            Self::SyncCut => "sync cut",
            Self::SyncFull => "sync full",
        }
    }
}

/// The marks of the step in progress, each at most once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks(u16);

impl Marks {
    pub(super) fn note(&mut self, mark: Mark) {
        self.0 |= 1 << mark as u16;
    }

    /// Notes all that the others are.
    pub(super) fn note_all(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Hands over all marks, and forgets them.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Mark> + use<> {
        let mut marks = std::mem::take(&mut self.0);
        std::iter::from_fn(move || {
            let mark = *Mark::ALL.get(marks.trailing_zeros() as usize)?;
            marks &= marks - 1;
            Some(mark)
        })
    }
}
