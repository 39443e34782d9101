//! Which key each write was about, for as long as some peer may not have seen it.

use std::collections::{BTreeMap, VecDeque};

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use smallvec::SmallVec;

use super::dirty::DirtyActors;
use crate::causality::{Actor, Dot, DotSet};
use crate::kv::Key;

/// From the dots of writes to their keys. What every node has seen is cut off: at rest it is empty.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// invariant: sorted by actor, each once.
    actors: Vec<(Actor, Writes)>,
    /// invariant: with the dots in `actors` it is all that the node has seen. What is in here was cut off, or came without its key:
    /// whoever lacks any of it cannot be logged by the log what it misses.
    unlogged: DotSet,
    /// All that was cut off. invariant: every node has seen it.
    cut: DotSet,
}

/// Keys, each once, in the order in which they were put in.
#[derive(Default)]
pub(super) struct KeySet<'a> {
    /// The first ones. To go through a few costs less than to make a table of them.
    few: SmallVec<[&'a Key; 8]>,
    /// The others.
    many: IndexSet<&'a Key, RandomState>,
}

impl<'a> KeySet<'a> {
    pub(super) fn insert(&mut self, key: &'a Key) {
        if self.few.contains(&key) {
            return;
        }
        if self.few.len() < self.few.inline_size() {
            self.few.push(key);
        } else {
            self.many.insert(key);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a Key> {
        self.few.iter().chain(&self.many).copied()
    }
}

/// What the log holds of a write.
#[derive(Debug)]
struct Logged {
    key: Key,
    is_delete: bool,
}

/// An actor whose writes were all cut off keeps the room of so many.
const ROOM_KEPT: usize = 1_024;

/// The writes of one actor. Most come in their order, and so cost a place at an end.
#[derive(Debug, Default)]
struct Writes {
    /// By their counters, which ascend.
    ordered: VecDeque<(u64, Logged)>,
    /// Those that came after a later one.
    late: BTreeMap<u64, Logged>,
    /// A node that lacked the first of them the last time that somebody looked.
    lacking: usize,
}

impl Writes {
    fn len(&self) -> usize {
        self.ordered.len() + self.late.len()
    }

    fn is_empty(&self) -> bool {
        self.ordered.is_empty() && self.late.is_empty()
    }

    fn insert(&mut self, counter: u64, logged: Logged) {
        if self.ordered.back().is_none_or(|last| last.0 < counter) {
            self.ordered.push_back((counter, logged));
        } else {
            self.late.insert(counter, logged);
        }
    }

    /// The keys of the writes from `first` to `last`, in order.
    fn keys(&self, first: u64, last: u64) -> impl Iterator<Item = &Key> {
        let begin = self.ordered.partition_point(|write| write.0 < first);
        let end = self.ordered.partition_point(|write| write.0 <= last);
        let mut ordered = self.ordered.range(begin..end).peekable();
        let mut late = self.late.range(first..=last).peekable();
        std::iter::from_fn(move || match (ordered.peek(), late.peek()) {
            (Some(next), Some(late_next)) if *late_next.0 < next.0 => Some(&late.next()?.1.key),
            (None, _) => Some(&late.next()?.1.key),
            (Some(_), _) => Some(&ordered.next()?.1.key),
        })
    }

    /// The counter of the first write.
    fn first(&self) -> Option<u64> {
        let (ordered, late) = (self.ordered.front(), self.late.first_key_value());
        ordered.map(|write| write.0).into_iter().chain(late.map(|write| *write.0)).min()
    }

    /// The counter of the last write.
    fn last(&self) -> Option<u64> {
        // What came late came after a later one, which may be gone.
        self.ordered.back().map(|write| write.0).max(self.late.last_key_value().map(|write| *write.0))
    }

    /// Takes the first write, if it is none after `last`.
    fn pop_up_to(&mut self, last: u64) -> Option<Logged> {
        let first = self.first().filter(|first| *first <= last)?;
        let is_late = self.ordered.front().is_none_or(|write| write.0 != first);
        if is_late { Some(self.late.pop_first()?.1) } else { Some(self.ordered.pop_front()?.1) }
    }
}

impl Log {
    pub(super) fn insert(&mut self, dot: Dot, key: Key, is_delete: bool) {
        let place = match self.actors.binary_search_by_key(&dot.actor, |entry| entry.0) {
            Ok(place) => place,
            Err(place) => {
                self.actors.insert(place, (dot.actor, Writes::default()));
                place
            }
        };
        self.actors[place].1.insert(dot.counter.get(), Logged { key, is_delete });
    }

    /// Notes what was seen of which the key is not known.
    pub(super) fn note_unlogged(&mut self, dots: &DotSet) {
        self.unlogged.insert_all(dots);
    }

    pub(super) fn len(&self) -> usize {
        self.actors.iter().map(|(_, writes)| writes.len()).sum()
    }

    /// The keys of the writes that are not in `seen`, each once, in the order of the log; `None` if the log no longer knows. Costs
    /// what is missing, and a look at each actor and gap.
    pub(super) fn missing_from(&self, seen: &DotSet) -> Option<KeySet<'_>> {
        if !seen.contains_all(&self.unlogged) {
            return None;
        }
        let mut missing = KeySet::default();
        for (actor, writes) in &self.actors {
            if writes.last().is_none_or(|last| last <= seen.base(*actor)) {
                continue;
            }
            for (first, last) in seen.gaps(*actor) {
                writes.keys(first.counter.get(), last.counter.get()).for_each(|key| missing.insert(key));
            }
        }
        Some(missing)
    }

    /// True if every node has seen the write of this dot.
    pub(super) fn is_cut(&self, dot: Dot) -> bool {
        self.cut.contains(dot)
    }

    /// Cuts off what all nodes have seen: this one, which is at place `me`, and has seen `mine`, and each other one what `seen_by`
    /// says. Returns the keys of the deletes that were cut off: nothing else of a key is forgotten with its writes. Costs what is cut
    /// off, and a look at each dirty actor.
    pub(super) fn cut<'a>(
        &mut self,
        dirty: DirtyActors,
        (me, mine): (usize, &'a DotSet),
        node_count: usize,
        seen_by: impl Fn(usize) -> &'a DotSet,
    ) -> Vec<Key> {
        let mut deleted = Vec::new();
        if dirty == DirtyActors::None || self.actors.iter().all(|(_, writes)| writes.is_empty()) {
            return deleted;
        }
        let seen_by = |node: usize| if node == me { mine } else { seen_by(node) };
        if mine.gap_count() > 0 && (0..node_count).all(|node| node == me || seen_by(node) == mine) {
            // With what lies above gaps, which the bases do not tell of.
            self.cut.insert_all(mine);
            self.unlogged.insert_all(mine);
            for (_, writes) in &mut self.actors {
                take_deleted(writes, u64::MAX, &mut deleted);
            }
            return deleted;
        }
        for (actor, writes) in self.actors.iter_mut().filter(|(actor, _)| dirty.contains(*actor)) {
            let Some(first) = writes.first() else { continue };
            let base = |node: usize| seen_by(node).base(*actor);
            // Most often one of the nodes lacks the first, the same as the last time, and that is the end of it.
            if base(writes.lacking) < first {
                continue;
            }
            if let Some(lacking) = first_from(writes.lacking, node_count, |node| base(node) < first) {
                writes.lacking = lacking;
                continue;
            }
            let everywhere = (0..node_count).map(base).min().expect("expect: there is this node at least");
            take_deleted(writes, everywhere, &mut deleted);
            self.cut.insert_up_to(*actor, everywhere);
            self.unlogged.insert_up_to(*actor, everywhere);
        }
        deleted
    }
}

/// The first of `count` nodes that lacks something, from `near` on and around. Peers tell in turn what they have seen: to begin anew
/// each time would cost the square of them.
fn first_from(near: usize, count: usize, lacks: impl Fn(usize) -> bool) -> Option<usize> {
    (near..count).chain(0..near.min(count)).find(|node| lacks(*node))
}

/// Takes all writes up to `last`; to `deleted` go the keys of the deletes among them.
fn take_deleted(writes: &mut Writes, last: u64, deleted: &mut Vec<Key>) {
    let taken = std::iter::from_fn(|| writes.pop_up_to(last));
    deleted.extend(taken.filter(|logged| logged.is_delete).map(|logged| logged.key));
    if writes.is_empty() && writes.ordered.capacity() > ROOM_KEPT {
        writes.ordered = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::first_from;

    #[test]
    fn peers_that_tell_in_turn_are_asked_for_a_few_times_each() {
        for count in [16, 256] {
            for turn in [0, 1, count / 2, count - 1] {
                let (questions, mut lacking, mut told) = (Cell::new(0), 0, vec![false; count]);
                for peer in (turn..count).chain(0..turn) {
                    told[peer] = true;
                    let lacks = |node: usize| {
                        questions.set(questions.get() + 1);
                        !told[node]
                    };
                    // As the log does: only if the one that lacked it last has told.
                    if told[lacking] {
                        let all = told.iter().all(|told| *told);
                        let next = first_from(lacking, count, lacks);
                        assert_eq!(next.is_none(), all);
                        lacking = next.unwrap_or(lacking);
                    }
                }
                assert!(questions.get() <= 4 * count, "{} questions to {count} peers", questions.get());
            }
        }
    }
}
