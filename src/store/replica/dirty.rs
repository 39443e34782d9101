//! Of whose writes there is news.

use crate::causality::Actor;

/// The actors of whose writes it is news that some node has seen them: nobody else's can be seen everywhere all of a sudden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) enum DirtyActors {
    #[default]
    None,
    One(Actor),
    All,
}

impl DirtyActors {
    pub(super) fn add(&mut self, other: Self) {
        *self = match (*self, other) {
            (mine, Self::None) => mine,
            (Self::None, theirs) => theirs,
            (mine, theirs) if mine == theirs => mine,
            _ => Self::All,
        };
    }

    pub(super) fn contains(self, actor: Actor) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == actor,
            Self::All => true,
        }
    }
}
