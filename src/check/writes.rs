//! Who has read what whom wrote, in a history of a map in which no two writes of a key write the same.

use std::fmt;
use std::hash::Hash;

use indexmap::{IndexMap, IndexSet};

use super::linearizability::{Map, Model, RegisterAnswer, RegisterOp};
use super::{Breach, Misfit, Verdict};
use crate::history::{History, Operation, OperationId, Outcome};

/// A history of a [`Map`].
pub(super) type MapHistory<K, V> = History<(K, RegisterOp<Option<V>>), RegisterAnswer<Option<V>>>;

/// A read, a write, or both: a compare-and-set that has set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) id: OperationId,
    pub(super) session: u64,
    /// The place of its key among all keys.
    pub(super) key: usize,
    pub(super) called: u64,
    /// When its outcome was known, if ever.
    pub(super) ended: Option<u64>,
    pub(super) reads: Option<Origin>,
    pub(super) writes: bool,
}

/// Where what was read comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// Nobody had written the key.
    Nobody,
    /// The access at this place.
    Write(usize),
}

/// A history, as reads and writes.
pub(super) struct Accesses<'a, K, V> {
    pub(super) history: &'a MapHistory<K, V>,
    pub(super) keys: IndexSet<&'a K, foldhash::fast::FixedState>,
    /// In the order of calls.
    pub(super) all: Vec<Access>,
    pub(super) who: &'static str,
}

impl<'a, K, V> Accesses<'a, K, V>
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    /// The reads and writes of a history.
    ///
    /// # Errors
    /// If it cannot be said what a read has read, because two writes wrote the same; or if it has read what nobody wrote before.
    pub(super) fn new(history: &'a MapHistory<K, V>, who: &'static str) -> Result<Self, Verdict> {
        let mut accesses = Self { history, keys: IndexSet::default(), all: Vec::new(), who };
        let mut writes: IndexMap<(usize, &Option<V>), usize, foldhash::fast::FixedState> = IndexMap::default();
        let mut read: Vec<Option<&Option<V>>> = Vec::new();
        for (id, operation) in (0..).map(OperationId).zip(history.operations()) {
            let Some((reads, writes_value)) = parts(operation) else { continue };
            let key = accesses.keys.insert_full(&operation.input.0).0;
            if let Some(value) = writes_value {
                // Nothing is what a key holds at first, so that is written already.
                if value.is_none() || writes.insert((key, value), accesses.all.len()).is_some() {
                    return Err(Verdict::Unknown { states: 0 });
                }
            }
            let is_known = matches!(operation.outcome, Outcome::Known(_));
            let ended = operation.ended.filter(|_| is_known).map(|ended| ended.place);
            let (session, called, writes) = (operation.session, operation.called.place, writes_value.is_some());
            accesses.all.push(Access { id, session, key, called, ended, reads: None, writes });
            read.push(reads);
        }
        for (at, value) in read.into_iter().enumerate() {
            let Some(value) = value else { continue };
            let from = match (value, writes.get(&(accesses.all[at].key, value))) {
                (None, _) => Origin::Nobody,
                (Some(_), Some(write)) if accesses.is_before(*write, at) => Origin::Write(*write),
                (Some(_), found) => return Err(accesses.unwritten(at, found.copied())),
            };
            accesses.all[at].reads = Some(from);
        }
        Ok(accesses)
    }

    /// A write cannot be read before it is asked for, nor by itself.
    fn is_before(&self, write: usize, read: usize) -> bool {
        write != read && self.all[read].ended.is_none_or(|ended| self.all[write].called < ended)
    }

    fn unwritten(&self, at: usize, write: Option<usize>) -> Verdict {
        let summary = format!("{} has read what nobody had written", self.show(at));
        let mut breach = Breach::new("unwritten", self.about(at, &summary)).about(self.subject(at));
        if let Some(write) = write.filter(|write| *write != at) {
            breach = breach.because(format!("only later came {}", self.show(write)));
        }
        self.verdict(vec![at], breach)
    }

    pub(super) fn verdict(&self, stuck: Vec<usize>, breach: Breach) -> Verdict {
        let stuck = stuck.into_iter().map(|at| self.all[at].id).collect();
        Verdict::Violated(Box::new(Misfit { stuck, ordered: Vec::new(), breach }))
    }

    /// `key "x"`
    pub(super) fn subject(&self, at: usize) -> String {
        format!("key {:?}", self.keys[self.all[at].key])
    }

    /// `key "x": …`
    pub(super) fn about(&self, at: usize, text: &str) -> String {
        format!("{}: {text}", self.subject(at))
    }

    /// `write 7 of node 0 (1ms to 2ms)`
    pub(super) fn show(&self, at: usize) -> String {
        let Access { id, session, .. } = self.all[at];
        let Some(operation) = self.history.get(id) else { return String::new() };
        let output = match &operation.outcome {
            Outcome::Known(output) => Some(output),
            _ => None,
        };
        let called = operation.called.at;
        let time = match operation.ended {
            Some(ended) if output.is_some() => format!("{called} to {}", ended.at),
            _ => format!("from {called}"),
        };
        format!("{} of {} {session} ({time})", Map::new().show(&operation.input, output), self.who)
    }
}

/// What an operation has read and what it has written; `None` if neither is known to have happened.
#[expect(clippy::type_complexity, reason = "two values that may not be there, and may be `None`")]
fn parts<K, V>(
    operation: &Operation<(K, RegisterOp<Option<V>>), RegisterAnswer<Option<V>>>,
) -> Option<(Option<&Option<V>>, Option<&Option<V>>)> {
    let output = match &operation.outcome {
        Outcome::Known(output) => Some(output),
        Outcome::Unknown(_) => None,
        Outcome::Failed => return None,
    };
    match (&operation.input.1, output) {
        (RegisterOp::Read, Some(RegisterAnswer::Value(value))) => Some((Some(value), None)),
        (RegisterOp::Write(value), _) => Some((None, Some(value))),
        (RegisterOp::CompareAndSet { from, to }, Some(RegisterAnswer::Swapped(true))) => Some((Some(from), Some(to))),
        (RegisterOp::CompareAndSet { to, .. }, None) => Some((None, Some(to))),
        _ => None,
    }
}
