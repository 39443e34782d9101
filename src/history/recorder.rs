//! How a history is recorded as a world runs.

use std::ops::ControlFlow;

use indexmap::IndexMap;

use super::{History, OperationId, Outcome, Why};
use crate::protocol::{Effect, NodeId, RequestId, StateMachine, Time};
use crate::sim::{Event, EventKind, Input, Nodes, Observer};

/// Records what clients ask and what they are told: an [`Observer`] of a [`World`](crate::sim::World).
///
/// An operation begins when its request first reaches a node: one that found its node down was never asked. A request that comes
/// again with the same id is the same operation; and so are requests of different ids that [`same`](Self::same) takes for one, as of a
/// client that asks again under a number of its own. The session of an operation is the node that was first asked, unless
/// [`session`](Self::session) says otherwise.
#[derive(Clone, Debug)]
pub struct Recorder<Q, A> {
    history: History<Q, A>,
    /// Which operation a request is of.
    by_request: IndexMap<RequestId, OperationId, foldhash::fast::FixedState>,
    by_number: IndexMap<u64, OperationId, foldhash::fast::FixedState>,
    /// Those that wait for an answer, and the node they wait for.
    open: Vec<(OperationId, NodeId)>,
    same: fn(&Q) -> Option<u64>,
    session: fn(NodeId, &Q) -> u64,
}

/// What a [`Recorder`] has just written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A client asked for the first time.
    Call(OperationId),
    /// A client asked again: what it was told so far, if anything, was not enough.
    Again(OperationId),
    /// A client was answered.
    Return(OperationId),
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It says what happened.
    Known,
    /// It says that nothing did, and nothing will.
    Failed,
    /// It does not say.
    Unclear,
}

impl<Q, A> Default for Recorder<Q, A> {
    fn default() -> Self {
        Self {
            history: History::new(),
            by_request: IndexMap::default(),
            by_number: IndexMap::default(),
            open: Vec::new(),
            same: |_| None,
            session: |node, _| node.index() as u64,
        }
    }
}

impl<Q: Clone, A: Clone> Recorder<Q, A> {
    /// What a check that records looks at.
    pub(crate) const LOOKS_AT: [EventKind; 4] =
        [EventKind::Begins, EventKind::Ends, EventKind::Crashed, EventKind::Rest];

    /// One that has heard nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests with the same number are one operation that is asked again.
    #[must_use]
    pub fn same(mut self, number: fn(&Q) -> Option<u64>) -> Self {
        self.same = number;
        self
    }

    /// Whose a request is.
    #[must_use]
    pub fn session(mut self, session: fn(NodeId, &Q) -> u64) -> Self {
        self.session = session;
        self
    }

    /// What was heard so far.
    #[must_use]
    pub fn history(&self) -> &History<Q, A> {
        &self.history
    }

    /// What was heard.
    #[must_use]
    pub fn into_history(self) -> History<Q, A> {
        self.history
    }

    /// Writes down what an event says of clients. `settles` says what an answer is worth, and `heard` is told of each call and each
    /// answer, with the history so far.
    pub(crate) fn hear<M, E>(
        &mut self,
        at: Time,
        event: &Event<'_, M>,
        settles: impl Fn(&Q, &A) -> Settled,
        mut heard: impl FnMut(&History<Q, A>, Heard) -> Result<(), E>,
    ) -> Result<(), E>
    where
        M: StateMachine<Request = Q, Response = A>,
    {
        match event {
            Event::Begins { node, input: Input::Request { id, request }, .. } => {
                self.call(at, *node, *id, request).map_or(Ok(()), |called| heard(&self.history, called))
            }
            Event::Ends { effects, .. } => {
                for effect in *effects {
                    let Effect::Respond { id, response } = effect else { continue };
                    if let Some(returned) = self.answer(at, *id, response, &settles) {
                        heard(&self.history, Heard::Return(returned))?;
                    }
                }
                Ok(())
            }
            Event::Crashed { node, .. } => {
                for (operation, _) in self.open.iter().filter(|(_, asked)| asked == node) {
                    self.history.unknown(*operation, None, Why::Crashed);
                }
                self.open.retain(|(_, asked)| asked != node);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The operation that an answer ends.
    fn answer(
        &mut self,
        at: Time,
        id: RequestId,
        response: &A,
        settles: impl Fn(&Q, &A) -> Settled,
    ) -> Option<OperationId> {
        let id = *self.by_request.get(&id)?;
        let operation = self.history.get(id).filter(|operation| !matches!(operation.outcome, Outcome::Known(_)))?;
        match settles(&operation.input, response) {
            Settled::Known => self.history.returns(id, at, response.clone()),
            Settled::Failed => self.history.fails(id, at),
            Settled::Unclear => self.history.unknown(id, Some(at), Why::Unclear),
        }
        self.open.retain(|(open, _)| *open != id);
        Some(id)
    }

    /// A client asks; `None` if it has its answer already.
    fn call(&mut self, at: Time, node: NodeId, id: RequestId, request: &Q) -> Option<Heard> {
        let number = (self.same)(request);
        let by_number = || number.and_then(|number| self.by_number.get(&number).copied());
        if let Some(operation) = self.by_request.get(&id).copied().or_else(by_number) {
            self.by_request.insert(id, operation);
            self.history.call_again(operation);
            let is_settled = self.history.get(operation).is_none_or(|asked| matches!(asked.outcome, Outcome::Known(_)));
            if is_settled {
                return None;
            }
            self.open.push((operation, node));
            return Some(Heard::Again(operation));
        }
        let operation = self.history.call((self.session)(node, request), at, request.clone());
        self.by_request.insert(id, operation);
        if let Some(number) = number {
            self.by_number.insert(number, operation);
        }
        self.open.push((operation, node));
        Some(Heard::Call(operation))
    }
}

impl<M, Q: Clone, A: Clone> Observer<M> for Recorder<Q, A>
where
    M: StateMachine<Request = Q, Response = A>,
{
    fn see(&mut self, at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> ControlFlow<()> {
        let nothing = |_: &History<Q, A>, _| Ok::<(), std::convert::Infallible>(());
        let Ok(()) = self.hear(at, event, |_, _| Settled::Known, nothing);
        ControlFlow::Continue(())
    }
}
