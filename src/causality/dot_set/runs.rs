//! What is in a set of dots above the bases of its actors.

use thin_vec::ThinVec;

use super::Actor;

/// Dots of one actor that follow each other, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Run {
    pub(super) actor: Actor,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Run {
    pub(super) fn span(&self) -> (u64, u64) {
        (self.first, self.last)
    }
}

/// The runs of all actors in one list, which most sets do without.
///
/// invariant: sorted by actor and counter, none empty, each at least two above the end of the one before it of its actor. Between
/// two calls no run touches the base of its actor.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Runs(ThinVec<Run>);

impl Runs {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn all(&self) -> &[Run] {
        &self.0
    }

    pub(super) fn of(&self, actor: Actor) -> &[Run] {
        if self.is_empty() {
            return &[];
        }
        let begin = self.0.partition_point(|run| run.actor < actor);
        let rest = &self.0[begin..];
        &rest[..rest.partition_point(|run| run.actor == actor)]
    }

    /// True if one run holds all of this one.
    pub(super) fn contain(&self, Run { actor, first, last }: Run) -> bool {
        let after = self.0.partition_point(|run| (run.actor, run.first) <= (actor, first));
        self.0[..after].last().is_some_and(|run| run.actor == actor && last <= run.last)
    }

    /// Puts in one that is behind all others.
    pub(super) fn push(&mut self, run: Run) {
        self.0.push(run);
    }

    pub(super) fn insert(&mut self, Run { actor, mut first, mut last }: Run) {
        // All runs that touch the new one melt into it.
        let from = self.0.partition_point(|run| (run.actor, run.last + 1) < (actor, first));
        let to = self.0.partition_point(|run| (run.actor, run.first) <= (actor, last + 1));
        if from < to {
            first = first.min(self.0[from].first);
            last = last.max(self.0[to - 1].last);
        }
        let melted = Run { actor, first, last };
        match &mut self.0[from..to] {
            [] => self.0.insert(from, melted),
            [run, rest @ ..] => {
                *run = melted;
                if !rest.is_empty() {
                    self.0.drain(from + 1..to);
                }
            }
        }
    }

    /// In one go: run by run, each of many that lie between many would move all the rest.
    pub(super) fn insert_all(&mut self, runs: &[Run]) {
        match runs {
            [] => {}
            [run] => self.insert(*run),
            runs => {
                self.0.extend_from_slice(runs);
                self.0.sort();
                self.0.dedup_by(|next, run| {
                    let touches = next.actor == run.actor && next.first <= run.last + 1;
                    if touches {
                        run.last = run.last.max(next.last);
                    }
                    touches
                });
            }
        }
    }

    /// Takes out the runs of an actor that touch its base. Returns what the base is with them.
    pub(super) fn absorb(&mut self, actor: Actor, mut base: u64) -> u64 {
        let begin = self.0.partition_point(|run| run.actor < actor);
        let touching = self.0[begin..].iter().take_while(|run| {
            let touches = run.actor == actor && run.first <= base + 1;
            if touches {
                base = base.max(run.last);
            }
            touches
        });
        let end = begin + touching.count();
        self.0.drain(begin..end);
        base
    }
}
