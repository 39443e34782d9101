//! Sequential consistency: one order for all, which keeps to the order of each session (Lamport 1979).

use indexmap::{IndexMap, IndexSet};

use super::Verdict;
use super::judged::{Judge, Judged};
use super::linearizability::{
    Budget, Call, Direct, Found, Model, Narrowed, Search, SearchLimits, Step, Told, call_of, misfit, span_of,
};
use crate::history::{History, OperationId};

/// A check: what clients see is [sequentially consistent](check_sequential), where a session is what one node was asked, unless
/// [`session`](Judged::session) says otherwise. It is judged when a world is at rest.
pub type Sequential<S, R = Direct, Q = <S as Model>::Input, A = <S as Model>::Output> = Judged<InOneOrder<S>, R, Q, A>;

/// What [`Sequential`] judges by.
#[derive(Clone, Copy, Debug)]
pub struct InOneOrder<S> {
    model: S,
    limits: SearchLimits,
}

impl<S: Model> Judged<InOneOrder<S>> {
    /// The check, for a machine that speaks as the model does.
    #[must_use]
    pub fn new(model: S) -> Self {
        Self::by(InOneOrder { model, limits: SearchLimits::default() })
    }
}

impl<S: Model, R, Q, A> Judged<InOneOrder<S>, R, Q, A> {
    /// How far the search for an order may go in one world.
    #[must_use]
    pub fn limits(mut self, limits: SearchLimits) -> Self {
        self.judge.limits = limits;
        self
    }
}

impl<S: Model> Judge for InOneOrder<S> {
    type Model = S;
    const NAME: &'static str = "sequential";
    const UNKNOWN: &'static str = "sequential: unknown";

    fn judge(&self, history: &History<S::Input, S::Output>, who: &'static str) -> Verdict {
        judge(&self.model, history, self.limits, who)
    }
}

/// Judges whether a history is sequentially consistent: whether its operations can be put into one order, in which those of each
/// session stand in the order in which it asked, and in which `model` gives the same answers. Between sessions real time does not
/// count: a read may be stale, as long as all sessions could agree on a story. Operations of one session that overlap are in no order.
///
/// The object is judged as a whole: that each part of it is sequentially consistent says nothing of all of them. So it costs far more
/// than linearizability, and long histories with many sessions may end as [`Verdict::Unknown`].
pub fn check_sequential<S: Model>(model: &S, history: &History<S::Input, S::Output>, limits: SearchLimits) -> Verdict {
    judge(model, history, limits, "session")
}

fn judge<S: Model>(
    model: &S,
    history: &History<S::Input, S::Output>,
    limits: SearchLimits,
    who: &'static str,
) -> Verdict {
    let keys = history.operations().iter().map(|operation| model.partition(&operation.input)).collect();
    let whole = Whole { model, keys };
    let mut groups: IndexSet<u64, foldhash::fast::FixedState> = IndexSet::default();
    let calls = (0..).map(OperationId).zip(history.operations()).filter_map(|(id, operation)| {
        let group = groups.insert_full(operation.session).0 as u32;
        call_of(id, operation, group)
    });
    let calls: Vec<Call<'_, Whole<'_, S>>> = calls.collect();
    let mut search = Search::new(&whole, calls, groups.len().max(1) as u32);
    let mut budget = Budget::new(limits);
    match search.run(&mut budget) {
        Found::Order { .. } => Verdict::Holds,
        Found::Limit => Verdict::Unknown { states: budget.states },
        Found::None(best) => {
            let span = |id| span_of(history, id);
            let order = "that keeps to each session ";
            let told = Told { model: &whole, who, key: None, order, span: &span };
            let stuck = search.call(Step::Known(best.stuck as u32)).clone();
            let narrowed = Narrowed { search, order: best.order, state: best.state, stuck };
            Verdict::Violated(Box::new(misfit(&told, &narrowed)))
        }
    }
}

/// All parts of an object as one.
struct Whole<'a, S: Model> {
    model: &'a S,
    keys: IndexSet<Option<S::Key>, foldhash::fast::FixedState>,
}

impl<S: Model> Model for Whole<'_, S> {
    type Input = S::Input;
    type Output = S::Output;
    /// Of each part.
    type State = Vec<S::State>;
    type Key = ();

    fn init(&self) -> Vec<S::State> {
        vec![self.model.init(); self.keys.len()]
    }

    fn step(&self, state: &Vec<S::State>, input: &S::Input, output: Option<&S::Output>) -> Option<Vec<S::State>> {
        let at = self.keys.get_index_of(&self.model.partition(input))?;
        let part = self.model.step(&state[at], input, output)?;
        let mut after = state.clone();
        after[at] = part;
        Some(after)
    }

    fn only_reads(&self, input: &S::Input, output: Option<&S::Output>) -> bool {
        self.model.only_reads(input, output)
    }

    /// Asked for each part, for what is seen of one is not seen of another.
    fn may_be_seen(&self, open: &[&S::Input], known: &[(&S::Input, &S::Output)]) -> Vec<bool> {
        let mut parts: IndexMap<Option<S::Key>, Vec<usize>, foldhash::fast::FixedState> = IndexMap::default();
        for (at, input) in open.iter().enumerate() {
            parts.entry(self.model.partition(input)).or_default().push(at);
        }
        let mut may = vec![true; open.len()];
        for (key, places) in parts {
            let open: Vec<&S::Input> = places.iter().map(|at| open[*at]).collect();
            let of_part = known.iter().copied().filter(|(input, _)| self.model.partition(input) == key);
            let of_part: Vec<(&S::Input, &S::Output)> = of_part.collect();
            for (at, is_seen) in places.iter().zip(self.model.may_be_seen(&open, &of_part)) {
                may[*at] = is_seen;
            }
        }
        may
    }

    fn state_bytes(&self, state: &Vec<S::State>) -> usize {
        size_of_val(state) + state.iter().map(|part| self.model.state_bytes(part)).sum::<usize>()
    }

    fn show(&self, input: &S::Input, output: Option<&S::Output>) -> String {
        let shown = self.model.show(input, output);
        self.model.partition(input).map_or_else(|| shown.clone(), |key| format!("{key:?}: {shown}"))
    }
}
