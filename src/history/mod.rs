//! Histories: what clients saw, each operation with its call and its return.
//!
//! A history is a value. A [`Recorder`] makes one of a run; whoever recorded one elsewhere builds it with [`History::call`] and
//! [`History::returns`], from [`Interval`]s, or from JSON lines. The checks of [`linearizability`](crate::check::linearizability) and
//! its neighbours judge it, and tools of others read it: as Jepsen's EDN, and as JSON lines.
//!
//! ```
//! use distributed_data_consistency::history::{History, Why};
//! use distributed_data_consistency::protocol::Time;
//!
//! let mut history: History<&str, u64> = History::new();
//! let write = history.call(0, Time::from_millis(1), "write 7");
//! let read = history.call(1, Time::from_millis(2), "read");
//! history.returns(read, Time::from_millis(3), 7);
//! history.unknown(write, None, Why::Crashed); // it may have happened, it may not, and it may yet
//! assert_eq!(history.len(), 2);
//! ```

#[cfg(feature = "histories")]
mod edn;
mod interval;
#[cfg(feature = "histories")]
mod json;
mod recorder;

use crate::protocol::Time;

#[cfg(feature = "histories")]
pub use edn::{Edn, Jepsen};
pub use interval::{Interval, IntervalError};
#[cfg(feature = "histories")]
pub use json::{JsonError, LINES_MAX};
pub use recorder::Recorder;
pub(crate) use recorder::{Heard, Settled};

/// What clients saw: operations of inputs `I` and outputs `O`, in the order in which they were called.
///
/// Total: whatever is said of it in whatever order, it is a history. What is said of an operation that is not there, or that has its
/// answer, changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<I, O> {
    operations: Vec<Operation<I, O>>,
    /// How many calls and returns there were.
    moments: u64,
}

/// One operation of a client: from the first time it asked, however often it asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation<I, O> {
    /// Whose: a client, a process, a node's clients. Operations of one session that do not overlap are in its order.
    pub session: u64,
    /// What it asked.
    pub input: I,
    /// When it asked.
    pub called: Moment,
    /// When it was answered, or gave up; `None` if it never was.
    pub ended: Option<Moment>,
    /// What it knows.
    pub outcome: Outcome<O>,
}

/// A moment of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Moment {
    /// Where it stands among all calls and returns, from 0. No two are alike: of two moments of the same time one is the earlier.
    pub place: u64,
    /// When; only to be shown.
    pub at: Time,
}

/// What a client knows of its operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome<O> {
    /// It happened between call and return, and this was the answer.
    Known(O),
    /// It did not happen and never will.
    Failed,
    /// It may have happened, it may not, and it may yet, at any time after its call.
    Unknown(Why),
}

/// Why the outcome of an operation is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Nobody has answered when the history ends.
    NoAnswer,
    /// The node that was asked has crashed.
    Crashed,
    /// The client waited no longer.
    TimedOut,
    /// The answer does not say.
    Unclear,
}

/// An operation of a history, from 0 in the order of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u32);

impl<I, O> Default for History<I, O> {
    fn default() -> Self {
        Self { operations: Vec::new(), moments: 0 }
    }
}

impl<I, O> History<I, O> {
    /// A history in which nothing has happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A client asks. What is called or returns later in the program is later in the history: `at` is only shown.
    ///
    /// # Panics
    /// After 2^32 operations.
    pub fn call(&mut self, session: u64, at: Time, input: I) -> OperationId {
        let id = u32::try_from(self.operations.len()).expect("expect: a history has less than 2^32 operations");
        let called = self.moment(at);
        self.operations.push(Operation {
            session,
            input,
            called,
            ended: None,
            outcome: Outcome::Unknown(Why::NoAnswer),
        });
        OperationId(id)
    }

    /// A client asks again: the same operation, if it did not get an answer that it understood.
    pub fn call_again(&mut self, id: OperationId) {
        if let Some(operation) = self.open(id) {
            (operation.ended, operation.outcome) = (None, Outcome::Unknown(Why::NoAnswer));
        }
    }

    /// A client is answered. Only the first answer counts.
    pub fn returns(&mut self, id: OperationId, at: Time, output: O) {
        self.end(id, Some(at), Outcome::Known(output));
    }

    /// A client learns that its operation did not happen and never will.
    pub fn fails(&mut self, id: OperationId, at: Time) {
        self.end(id, Some(at), Outcome::Failed);
    }

    /// A client does not know what became of its operation. An answer may still come.
    pub fn unknown(&mut self, id: OperationId, at: Option<Time>, why: Why) {
        self.end(id, at, Outcome::Unknown(why));
    }

    /// All operations, in the order of their calls.
    #[must_use]
    pub fn operations(&self) -> &[Operation<I, O>] {
        &self.operations
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: OperationId) -> Option<&Operation<I, O>> {
        self.operations.get(id.0 as usize)
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// True if nobody has asked anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The same history in other words, such as those of a [model](crate::check::linearizability::Model): `read` turns a request, and
    /// its response if there is one, into an input, and an output if it says what became of it. What it answers `None` for is left out.
    #[must_use]
    pub fn map<A, B>(&self, mut read: impl FnMut(&I, Option<&O>) -> Option<(A, Option<B>)>) -> History<A, B> {
        let read = |operation: &Operation<I, O>| {
            let (outcome, input) = match &operation.outcome {
                Outcome::Known(output) => {
                    let (input, output) = read(&operation.input, Some(output))?;
                    (output.map_or(Outcome::Unknown(Why::Unclear), Outcome::Known), input)
                }
                Outcome::Failed => (Outcome::Failed, read(&operation.input, None)?.0),
                Outcome::Unknown(why) => (Outcome::Unknown(*why), read(&operation.input, None)?.0),
            };
            let Operation { session, called, ended, .. } = *operation;
            Some(Operation { session, input, called, ended, outcome })
        };
        History { operations: self.operations.iter().filter_map(read).collect(), moments: self.moments }
    }

    /// Calls and returns in the order in which they happened: what of each operation, and whether it is its return.
    #[must_use]
    pub fn events(&self) -> Vec<(OperationId, bool)> {
        let mut events: Vec<(u64, OperationId, bool)> = Vec::with_capacity(2 * self.len());
        for (id, operation) in (0..).map(OperationId).zip(&self.operations) {
            events.push((operation.called.place, id, false));
            events.extend(operation.ended.map(|ended| (ended.place, id, true)));
        }
        events.sort_unstable_by_key(|(place, ..)| *place);
        events.into_iter().map(|(_, id, is_return)| (id, is_return)).collect()
    }

    fn moment(&mut self, at: Time) -> Moment {
        self.moments += 1;
        Moment { place: self.moments - 1, at }
    }

    /// The operation, if it may still be answered.
    fn open(&mut self, id: OperationId) -> Option<&mut Operation<I, O>> {
        self.operations.get_mut(id.0 as usize).filter(|operation| !matches!(operation.outcome, Outcome::Known(_)))
    }

    fn end(&mut self, id: OperationId, at: Option<Time>, outcome: Outcome<O>) {
        if self.open(id).is_none() {
            return;
        }
        let ended = at.map(|at| self.moment(at));
        if let Some(operation) = self.open(id) {
            (operation.ended, operation.outcome) = (ended, outcome);
        }
    }
}
