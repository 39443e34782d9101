//! The wire form of a dot set.

use serde::{Serialize, Serializer};

use super::{Actor, DotSet, Run, WRONG_RUNS};

/// An actor as it travels: its base, and its runs, each as how many counters are left out before it and how many are in. In
/// this form runs cost what they and their gaps are long, not what their counters are great.
pub(super) type WireActor = (Actor, u64, Vec<(u64, u64)>);

/// What arrives from outside is taken only in the one form that this module writes.
impl TryFrom<Vec<WireActor>> for DotSet {
    type Error = &'static str;

    fn try_from(mut actors: Vec<WireActor>) -> Result<Self, Self::Error> {
        for (_, base, runs) in &mut actors {
            let mut reached = *base;
            for run in runs {
                let (left_out, length) = *run;
                // One that is empty, or touches what is before it, is found out below.
                let first = reached.checked_add(left_out).and_then(|last| last.checked_add(1));
                let last = first.and_then(|first| length.checked_sub(1)?.checked_add(first));
                let (Some(first), Some(last)) = (first, last) else { return Err(WRONG_RUNS) };
                (*run, reached) = ((first, last), last);
            }
        }
        Self::from_parts(actors)
    }
}

/// Without a list in between: each response of a store carries such a set.
impl Serialize for DotSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let actors =
            self.bases.iter().map(|&(actor, base)| (actor, base, WireRuns { base, runs: self.runs.of(actor) }));
        serializer.collect_seq(actors)
    }
}

/// The third part of a [`WireActor`].
struct WireRuns<'a> {
    base: u64,
    runs: &'a [Run],
}

impl Serialize for WireRuns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut reached = self.base;
        serializer.collect_seq(self.runs.iter().map(|&Run { first, last, .. }| {
            let left_out = first - std::mem::replace(&mut reached, last) - 1;
            (left_out, last - first + 1)
        }))
    }
}
