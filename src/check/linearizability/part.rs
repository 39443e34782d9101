//! One part of an object, judged as its operations return.

use super::memo::{Budget, SearchLimits};
use super::narrow::{Narrowed, narrow};
use super::search::{Best, Found, Search, Step};
use super::{Call, Model};
use crate::history::OperationId;

/// Up to so many operations, each return is judged at once …
const ALWAYS_MAX: usize = 64;
/// … if that takes no more than so many states. A longer history is judged now and then, and at its end.
const STATES_AT_ONCE: u64 = 4_096;

/// The operations on one part of the object, and an order that explains those that have returned.
///
/// Most operations can be put at the end of that order when they return, which costs one step of the model. Only if that does not
/// work a new order is searched.
#[derive(Clone, Debug)]
pub(super) struct Part<S: Model> {
    held: Vec<Held<S>>,
    /// What the object holds after the order.
    state: S::State,
    /// How many operations there were when an order was last searched for.
    searched: usize,
    /// A search at once has reached its limit: the next one is at the end.
    gave_up: bool,
    /// True if there is no order that explains all that has returned, as far as is known.
    is_behind: bool,
}

#[derive(Clone, Debug)]
struct Held<S: Model> {
    id: OperationId,
    input: S::Input,
    output: Option<S::Output>,
    called: u64,
    returned: u64,
    failed: bool,
    /// It has not returned, but stands in the order.
    is_ordered: bool,
}

/// What is known of a part.
pub(super) enum Judged<St> {
    /// There is an order.
    Fine,
    /// There is none; and this is how far a search came.
    Broken(u64, Best<St>),
    /// Whether there is one will be asked later.
    Unknown,
}

impl<S: Model> Part<S> {
    pub(super) fn new(model: &S) -> Self {
        Self { held: Vec::new(), state: model.init(), searched: 0, gave_up: false, is_behind: false }
    }

    /// A client asks; returns the operation's place.
    pub(super) fn call(&mut self, id: OperationId, input: S::Input, called: u64) -> usize {
        let (output, returned) = (None, u64::MAX);
        self.held.push(Held { id, input, output, called, returned, failed: false, is_ordered: false });
        self.held.len() - 1
    }

    /// It asks again.
    pub(super) fn again(&mut self, place: usize) {
        self.held[place].failed = false;
    }

    /// The operation has not happened, and never will.
    pub(super) fn fail(&mut self, place: usize) {
        let held = &mut self.held[place];
        self.is_behind |= held.is_ordered;
        (held.failed, held.is_ordered) = (true, false);
    }

    /// The operation returns.
    pub(super) fn returns(
        &mut self,
        model: &S,
        place: usize,
        (input, output): (S::Input, S::Output),
        returned: u64,
        limits: SearchLimits,
    ) -> Judged<S::State> {
        let held = &mut self.held[place];
        (held.input, held.output, held.returned) = (input, Some(output), returned);
        if !self.is_behind
            && !held.is_ordered
            && let Some(state) = model.step(&self.state, &held.input, held.output.as_ref())
        {
            self.state = state;
            return Judged::Fine;
        }
        held.is_ordered = false;
        self.is_behind = true;
        // So that all searches together cost a few times what the last one does.
        if self.gave_up || self.held.len() > ALWAYS_MAX && self.held.len() < self.searched + self.searched / 8 {
            return Judged::Unknown;
        }
        let states_max = limits.states_max.min(STATES_AT_ONCE + 4 * self.held.len() as u64);
        let judged = self.order(model, &mut Budget::new(SearchLimits { states_max, ..limits }));
        self.gave_up = matches!(judged, Judged::Unknown);
        judged
    }

    /// Whether there is an order, if it is not known already.
    pub(super) fn settle(&mut self, model: &S, budget: &mut Budget) -> Judged<S::State> {
        if self.is_behind { self.order(model, budget) } else { Judged::Fine }
    }

    /// Looks for a new order.
    fn order(&mut self, model: &S, budget: &mut Budget) -> Judged<S::State> {
        self.searched = self.held.len();
        let mut search = Search::new(model, calls(&self.held), 1);
        let (order, state) = match search.run(budget) {
            Found::Limit => return Judged::Unknown,
            Found::None(best) => return Judged::Broken(search.returned(&best), best),
            Found::Order { order, state } => (order, state),
        };
        let open = order.iter().filter(|step| matches!(step, Step::Open(_)));
        let ordered: Vec<OperationId> = open.map(|step| search.call(*step).id).collect();
        for held in &mut self.held {
            held.is_ordered = false;
        }
        for id in ordered {
            if let Ok(place) = self.held.binary_search_by_key(&id, |held| held.id) {
                self.held[place].is_ordered = true;
            }
        }
        (self.state, self.is_behind) = (state, false);
        Judged::Fine
    }

    /// What does not fit, where a search has come so far.
    pub(super) fn narrow<'a>(
        &'a self,
        model: &'a S,
        found: (u64, Best<S::State>),
        limits: SearchLimits,
    ) -> Narrowed<'a, S> {
        narrow(model, &calls(&self.held), found, limits)
    }
}

fn calls<S: Model>(held: &[Held<S>]) -> Vec<Call<'_, S>> {
    let held = held.iter().filter(|held| !held.failed);
    held.map(|held| Call {
        id: held.id,
        input: &held.input,
        output: held.output.as_ref(),
        called: held.called,
        returned: held.returned,
        group: 0,
    })
    .collect()
}
