//! What a system promises, as a sequential object.

use std::fmt;
use std::hash::Hash;

/// A sequential object: what a system would be with one client and no concurrency. A history is
/// [linearizable](super::check_history) if it can be ordered so that this object gives the same answers.
///
/// ```
/// use distributed_data_consistency::check::linearizability::{Model, SearchLimits, check_history};
/// use distributed_data_consistency::history::History;
/// use distributed_data_consistency::protocol::Time;
///
/// /// A counter that answers with the sum.
/// struct Sum;
///
/// impl Model for Sum {
///     type Input = u64;
///     type Output = u64;
///     type State = u64;
///     type Key = (); // it has no parts
///
///     fn init(&self) -> u64 {
///         0
///     }
///
///     fn step(&self, sum: &u64, add: &u64, output: Option<&u64>) -> Option<u64> {
///         let sum = sum + add;
///         output.is_none_or(|output| *output == sum).then_some(sum)
///     }
/// }
///
/// let mut history = History::new();
/// for (session, sum) in [(0, 5), (1, 5)] {
///     let add = history.call(session, Time::ZERO, 5);
///     history.returns(add, Time::ZERO, sum);
/// }
/// let verdict = check_history(&Sum, &history, SearchLimits::default());
/// assert!(verdict.misfit().is_some(), "the second sum must be 10");
/// ```
pub trait Model {
    /// What a client asks.
    type Input: Clone + PartialEq + fmt::Debug;
    /// What it is told.
    type Output: Clone + fmt::Debug;
    /// What the object holds.
    type State: Clone + Eq + Hash + fmt::Debug;
    /// What its parts are known by; `()` if it has none.
    type Key: Clone + Eq + Hash + fmt::Debug;

    /// What the object holds at first.
    fn init(&self) -> Self::State;

    /// What it holds after `input`, if it may answer `output` then; `None` if it may not. Without `output` the answer is not known:
    /// any is right that the object could give. It is asked often, so it should be cheap.
    fn step(&self, state: &Self::State, input: &Self::Input, output: Option<&Self::Output>) -> Option<Self::State>;

    /// The part that an operation is about, if the object is made of parts that do not know of each other, such as the keys of a map.
    /// Each part is then judged for itself, which is what makes long histories cheap. Either all operations have a part or none has.
    fn partition(&self, input: &Self::Input) -> Option<Self::Key> {
        let _ = input;
        None
    }

    /// True if an operation with this outcome never changes the state, whatever that is. Such operations are ordered as early as they
    /// can be, which saves the search most of its work; a `false` is never wrong.
    fn only_reads(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        let _ = (input, output);
        false
    }

    /// The one state in which an operation with this outcome is possible, if there is only one: of a read what it has read. Of one of
    /// unknown outcome, the one state in which it changes anything. Where this and [`leaves`](Self::leaves) are said, the search sees
    /// sooner that a way leads nowhere.
    fn needs(&self, input: &Self::Input, output: Option<&Self::Output>) -> Option<Self::State> {
        let _ = (input, output);
        None
    }

    /// The state that an operation with this outcome leaves if it changes the state at all, if it is always the same one: of a write
    /// what it has written. To be said only of operations
    /// that are possible in every state, or in the one that [`needs`](Self::needs) tells; `None` is never wrong.
    fn leaves(&self, input: &Self::Input, output: Option<&Self::Output>) -> Option<Self::State> {
        let _ = (input, output);
        None
    }

    /// Of operations of unknown outcome, those that may have been seen by one of `known`. The others are left out: that they never
    /// happened explains the same. By default all may.
    fn may_be_seen(&self, open: &[&Self::Input], known: &[(&Self::Input, &Self::Output)]) -> Vec<bool> {
        let _ = known;
        vec![true; open.len()]
    }

    /// About how many bytes a state takes with all that it owns; what a state owns counts toward
    /// [`SearchLimits::bytes_max`](super::SearchLimits::bytes_max).
    fn state_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state)
    }

    /// An operation as it is told.
    fn show(&self, input: &Self::Input, output: Option<&Self::Output>) -> String {
        match output {
            Some(output) => format!("{input:?} → {output:?}"),
            None => format!("{input:?} → ?"),
        }
    }
}
