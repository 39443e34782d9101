//! Linearizability as a check.

use indexmap::IndexMap;

use super::memo::{Budget, SearchLimits};
use super::part::{Judged, Part};
use super::reading::{Direct, Reading, Reads, settles};
use super::search::Best;
use super::tell::{Told, misfit};
use super::{Model, span_of};
use crate::check::{Breach, Check};
use crate::history::{Heard, History, Outcome, Recorder};
use crate::protocol::{NodeId, StateMachine, Time};
use crate::sim::{Event, EventKind, Nodes};

/// What clients see is [linearizable](super::check_history): as if there were one copy of `S`, and each operation happened at one
/// instant between its call and its return.
///
/// It is judged as answers come, so a world stops at the first answer that nothing explains. A history that cannot be judged within
/// the [limits](Self::limits) is no breach; a sweep counts it among its marks as `linearizable: unknown`.
///
/// A machine whose requests and responses are not the model's says with [`reading`](Self::reading) what they mean:
///
/// ```
/// use distributed_data_consistency::check::Linearizable;
/// use distributed_data_consistency::check::linearizability::{Register, RegisterAnswer, RegisterOp};
///
/// #[derive(Clone, Debug)]
/// enum Request { Get, Set(u64), Status }
/// #[derive(Clone, Debug)]
/// enum Response { Value(u64), Ok, NotLeader, TimedOut }
///
/// let check = Linearizable::new(Register::new(0)).reading(|request: &Request, response: Option<&Response>| {
///     let operation = match request {
///         Request::Get => RegisterOp::Read,
///         Request::Set(value) => RegisterOp::Write(*value),
///         Request::Status => return None, // no part of it
///     };
///     let answer = match response {
///         Some(Response::Value(value)) => Some(RegisterAnswer::Value(*value)),
///         Some(Response::Ok) => Some(RegisterAnswer::Done),
///         Some(Response::NotLeader) => return None, // it has not happened
///         Some(Response::TimedOut) | None => None, // nobody knows
///     };
///     Some((operation, answer))
/// });
/// # let _ = check;
/// ```
#[derive(Clone, Debug)]
pub struct Linearizable<S: Model, R = Direct, Q = <S as Model>::Input, A = <S as Model>::Output> {
    name: &'static str,
    model: S,
    reads: R,
    limits: SearchLimits,
    who: &'static str,
    recorder: Recorder<Q, A>,
    parts: IndexMap<Option<S::Key>, Part<S>, foldhash::fast::FixedState>,
    /// Of each operation, which part it is of, and its place there.
    places: Vec<Option<(usize, usize)>>,
    unknown: u64,
}

/// A sweep has many worlds: one of them is not worth more states than this, if not told otherwise.
const STATES_MAX: u64 = 100_000;

/// What a summary counts.
const UNKNOWN: &str = "linearizable: unknown";

impl<S: Model> Linearizable<S> {
    /// The check, for a machine that speaks as the model does.
    #[must_use]
    pub fn new(model: S) -> Self {
        let limits = SearchLimits { states_max: STATES_MAX, ..SearchLimits::default() };
        Self::with(model, Direct, limits, "linearizable")
    }
}

impl<S: Model, R, Q: Clone, A: Clone> Linearizable<S, R, Q, A> {
    fn with(model: S, reads: R, limits: SearchLimits, name: &'static str) -> Self {
        Self {
            name,
            model,
            reads,
            limits,
            who: "node",
            recorder: Recorder::new(),
            parts: IndexMap::default(),
            places: Vec::new(),
            unknown: 0,
        }
    }

    /// How requests and responses are read as operations of the model: what was asked, and what came of it, or `None` if nobody knows;
    /// nothing for what is no part of it, or has not happened and never will. See [`Reads`].
    #[must_use]
    pub fn reading<Q2: Clone, A2: Clone, F>(self, read: F) -> Linearizable<S, Reading<F>, Q2, A2>
    where
        F: Fn(&Q2, Option<&A2>) -> Option<(S::Input, Option<S::Output>)>,
    {
        Linearizable::with(self.model, Reading(read), self.limits, self.name)
    }

    /// Another name, for a system with several such promises.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// How far the search for an order may go in one world; 100,000 states if not told otherwise.
    #[must_use]
    pub fn limits(mut self, limits: SearchLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Requests with the same number are one operation that a client asks again; see [`Recorder::same`]. Say it after
    /// [`reading`](Self::reading).
    #[must_use]
    pub fn same(mut self, number: fn(&Q) -> Option<u64>) -> Self {
        self.recorder = self.recorder.same(number);
        self
    }

    /// Whose a request is, as it is told; if not told otherwise, the node's that was asked. Say it after [`reading`](Self::reading).
    #[must_use]
    pub fn session(mut self, session: fn(NodeId, &Q) -> u64) -> Self {
        self.recorder = self.recorder.session(session);
        self.who = "session";
        self
    }
}

/// A check without what it records.
struct Parts<'a, S: Model, R> {
    model: &'a S,
    reads: &'a R,
    limits: SearchLimits,
    who: &'static str,
    parts: &'a mut IndexMap<Option<S::Key>, Part<S>, foldhash::fast::FixedState>,
    places: &'a mut Vec<Option<(usize, usize)>>,
}

impl<S: Model, R> Parts<'_, S, R> {
    fn heard<Q, A>(&mut self, history: &History<Q, A>, heard: Heard) -> Result<(), Breach>
    where
        R: Reads<Q, A, S>,
    {
        let (Heard::Call(id) | Heard::Again(id) | Heard::Return(id)) = heard;
        let Some(operation) = history.get(id) else { return Ok(()) };
        if let Heard::Call(_) = heard {
            let place = self.reads.read(&operation.input, None).map(|(input, _)| {
                let key = self.model.partition(&input);
                let entry = self.parts.entry(key);
                let part = entry.index();
                let place = entry.or_insert_with(|| Part::new(self.model)).call(id, input, operation.called.place);
                (part, place)
            });
            self.places.push(place);
            return Ok(());
        }
        let Some(Some((at, place))) = self.places.get(id.0 as usize).copied() else { return Ok(()) };
        let part = &mut self.parts[at];
        match (&operation.outcome, heard) {
            (Outcome::Unknown(_), Heard::Again(_)) => part.again(place),
            (Outcome::Failed, _) => part.fail(place),
            (Outcome::Known(response), _) => {
                let Some((input, Some(output))) = self.reads.read(&operation.input, Some(response)) else {
                    return Ok(());
                };
                let returned = operation.ended.map_or(u64::MAX, |ended| ended.place);
                let judged = part.returns(self.model, place, (input, output), returned, self.limits);
                if let Judged::Broken(from, best) = judged {
                    return Err(self.tell(history, at, (from, best)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What does not fit in a part.
    fn tell<Q, A>(&self, history: &History<Q, A>, at: usize, found: (u64, Best<S::State>)) -> Breach {
        let span = |id| span_of(history, id);
        let (key, part) = self.parts.get_index(at).expect("expect: a part that was just judged is there");
        let told = Told { model: self.model, who: self.who, key: key.as_ref(), order: "", span: &span };
        misfit(&told, &part.narrow(self.model, found, self.limits)).breach
    }

    /// All has been heard. Returns how many parts nobody knows of.
    fn settle<Q, A>(&mut self, history: &History<Q, A>) -> Result<u64, Breach> {
        let mut budget = Budget::new(self.limits);
        let mut unknown = 0;
        for at in 0..self.parts.len() {
            match self.parts[at].settle(self.model, &mut budget) {
                Judged::Fine => {}
                Judged::Broken(from, best) => return Err(self.tell(history, at, (from, best))),
                Judged::Unknown => unknown += 1,
            }
        }
        Ok(unknown)
    }
}

impl<M, S, R> Check<M> for Linearizable<S, R, M::Request, M::Response>
where
    M: StateMachine,
    M::Request: Send,
    M::Response: Send,
    S: Model + Send,
    S::Input: Send,
    S::Output: Send,
    S::State: Send,
    S::Key: Send,
    R: Reads<M::Request, M::Response, S> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &Recorder::<(), ()>::LOOKS_AT
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> Result<(), Breach> {
        let Self { model, reads, limits, who, recorder, parts, places, .. } = self;
        let mut judged = Parts { model, reads, limits: *limits, who, parts, places };
        if let Event::Rest { .. } = event {
            self.unknown = judged.settle(recorder.history())?;
            return Ok(());
        }
        recorder.hear(
            at,
            event,
            |request, response| settles(reads, request, response),
            |history, heard| judged.heard(history, heard),
        )
    }

    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        if self.unknown > 0 {
            add(UNKNOWN, self.unknown);
        }
    }
}
