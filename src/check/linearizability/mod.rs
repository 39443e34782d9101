//! Linearizability: each operation seems to happen at one instant between its call and its return (Herlihy and Wing 1990).
//!
//! [`Linearizable`] is a check like any other. [`check_history`] judges a history, wherever it comes from. What the system promises is
//! said by a [`Model`]: one of [those that come along](models), or your own.

mod check;
mod demand;
mod entries;
#[cfg(feature = "histories")]
pub mod jepsen;
mod memo;
pub mod model;
pub mod models;
mod narrow;
mod part;
mod reading;
mod search;
mod tell;

use indexmap::IndexMap;

use super::Verdict;
use crate::history::{History, Operation, OperationId, Outcome};

pub use check::Linearizable;
pub(super) use entries::Call;
pub(super) use memo::Budget;
pub use memo::SearchLimits;
pub use model::Model;
pub use models::{
    Counter, CounterAnswer, CounterOp, Lock, LockOp, Map, Queue, QueueAnswer, QueueOp, Register, RegisterAnswer,
    RegisterOp,
};
pub(super) use narrow::Narrowed;
use narrow::narrow;
pub(super) use reading::settles;
pub use reading::{Direct, Reading, Reads};
pub(super) use search::{Found, Search, Step};
pub(super) use tell::{Span, Told, misfit};

/// Judges whether a history is linearizable: whether its operations can be put into one order, in which each that returned before
/// another was called comes before it, and in which `model` gives the same answers. An operation of unknown outcome may stand anywhere
/// after its call, or nowhere; one that failed stands nowhere.
///
/// The cost grows with the length of the history, and in the worst case exponentially with how many operations overlap. Within
/// `limits` the verdict is certain; beyond them it is [`Verdict::Unknown`].
///
/// ```
/// use distributed_data_consistency::check::linearizability::{Register, RegisterAnswer, RegisterOp};
/// use distributed_data_consistency::check::linearizability::{SearchLimits, check_history};
/// use distributed_data_consistency::history::History;
/// use distributed_data_consistency::protocol::Time;
///
/// let mut history = History::new();
/// let write = history.call(0, Time::from_millis(1), RegisterOp::Write(7));
/// history.returns(write, Time::from_millis(2), RegisterAnswer::Done);
/// let read = history.call(1, Time::from_millis(3), RegisterOp::Read);
/// history.returns(read, Time::from_millis(4), RegisterAnswer::Value(0)); // stale
/// let verdict = check_history(&Register::default(), &history, SearchLimits::default());
/// assert_eq!(verdict.misfit().unwrap().stuck, [read]);
/// ```
pub fn check_history<S: Model>(model: &S, history: &History<S::Input, S::Output>, limits: SearchLimits) -> Verdict {
    let mut parts: IndexMap<Option<S::Key>, Vec<Call<'_, S>>, foldhash::fast::FixedState> = IndexMap::default();
    for call in calls_of(history) {
        parts.entry(model.partition(call.input)).or_default().push(call);
    }
    let mut budget = Budget::new(limits);
    let mut is_known = true;
    for (key, calls) in parts {
        let mut search = Search::new(model, calls, 1);
        match search.run(&mut budget) {
            Found::Order { .. } => {}
            Found::Limit => is_known = false,
            Found::None(best) => {
                let is_of = |call: &Call<'_, S>| model.partition(call.input) == key;
                let calls: Vec<Call<'_, S>> = calls_of(history).filter(is_of).collect();
                let span = |id| span_of(history, id);
                let told = Told { model, who: "session", key: key.as_ref(), order: "", span: &span };
                let narrowed = narrow(model, &calls, (search.returned(&best), best), limits);
                return Verdict::Violated(Box::new(misfit(&told, &narrowed)));
            }
        }
    }
    if is_known { Verdict::Holds } else { Verdict::Unknown { states: budget.states } }
}

/// The operations as a search in real time sees them.
fn calls_of<S: Model>(history: &History<S::Input, S::Output>) -> impl Iterator<Item = Call<'_, S>> {
    (0..).map(OperationId).zip(history.operations()).filter_map(|(id, operation)| call_of(id, operation, 0))
}

/// An operation as the search sees it; `None` for one that failed.
pub(super) fn call_of<S: Model>(
    id: OperationId,
    operation: &Operation<S::Input, S::Output>,
    group: u32,
) -> Option<Call<'_, S>> {
    let output = match &operation.outcome {
        Outcome::Known(output) => Some(output),
        Outcome::Unknown(_) => None,
        Outcome::Failed => return None,
    };
    let returned = operation.ended.map_or(u64::MAX, |ended| ended.place);
    Some(Call { id, input: &operation.input, output, called: operation.called.place, returned, group })
}

/// Whose an operation is, when it was called and when it ended.
pub(super) fn span_of<I, O>(history: &History<I, O>, id: OperationId) -> Span {
    let operation = history.get(id).expect("expect: what is judged is of the history");
    Span { session: operation.session, called: operation.called.at, ended: operation.ended.map(|ended| ended.at) }
}
