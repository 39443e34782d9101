//! Where a history that cannot be ordered first goes wrong.

use super::memo::{Budget, SearchLimits};
use super::search::{Best, Found, Search, Step};
use super::{Call, Model};

/// A history that cannot be ordered, up to the first answer that nothing explains.
pub(in crate::check) struct Narrowed<'a, S: Model> {
    /// Of all that happened before that answer: what returns later has not returned yet.
    pub(in crate::check) search: Search<'a, S>,
    /// An order of it.
    pub(in crate::check) order: Vec<Step>,
    /// What the object holds then.
    pub(in crate::check) state: S::State,
    /// What was answered then.
    pub(in crate::check) stuck: Call<'a, S>,
}

/// Looks for the first answer that nothing explains, in operations that cannot be ordered; nothing that is answered before `from` is
/// it. Where the search reaches a limit it settles for a later one.
pub(super) fn narrow<'a, S: Model>(
    model: &'a S,
    calls: &[Call<'a, S>],
    (from, best): (u64, Best<S::State>),
    limits: SearchLimits,
) -> Narrowed<'a, S> {
    let returns = calls.iter().filter(|call| call.output.is_some()).map(|call| call.returned);
    let mut returns: Vec<u64> = returns.filter(|returned| *returned >= from).collect();
    returns.sort_unstable();
    let (mut low, mut high) = (0, returns.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        let mut search = Search::new(model, until(calls, returns[middle]), 1);
        match search.run(&mut Budget::new(limits)) {
            Found::None(_) => high = middle,
            Found::Order { .. } | Found::Limit => low = middle + 1,
        }
    }
    let first = returns[high];
    let stuck = calls.iter().find(|call| call.returned == first).expect("expect: each return is of a call").clone();
    let mut search = Search::new(model, until(calls, first.saturating_sub(1)), 1);
    match search.run(&mut Budget::new(limits)) {
        Found::Order { order, state } => Narrowed { search, order, state, stuck },
        _ => {
            let search = Search::new(model, calls.to_vec(), 1);
            Narrowed { search, order: best.order, state: best.state, stuck }
        }
    }
}

/// What was known at a time.
fn until<'a, S: Model>(calls: &[Call<'a, S>], time: u64) -> Vec<Call<'a, S>> {
    let mut known: Vec<Call<'a, S>> = calls.iter().filter(|call| call.called <= time).cloned().collect();
    for call in known.iter_mut().filter(|call| call.returned > time) {
        (call.output, call.returned) = (None, u64::MAX);
    }
    known
}
