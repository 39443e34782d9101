//! Checks that record a history and judge it when a world is at rest.

use super::linearizability::{Direct, Model, Reading, Reads, settles};
use super::{Breach, Check, Verdict};
use crate::history::{History, Recorder};
use crate::protocol::{NodeId, StateMachine, Time};
use crate::sim::{Event, EventKind, Nodes};

/// How a history is judged.
pub trait Judge {
    /// In whose words the history is told.
    type Model: Model;
    /// The name of the check, if it gets no other.
    const NAME: &'static str;
    /// What a summary counts where nobody knows.
    const UNKNOWN: &'static str;

    /// Judges it. `who` is what a session is called.
    fn judge(
        &self,
        history: &History<<Self::Model as Model>::Input, <Self::Model as Model>::Output>,
        who: &'static str,
    ) -> Verdict;
}

/// The inputs of the model that a judge goes by …
type InputOf<J> = <<J as Judge>::Model as Model>::Input;
/// … and its outputs.
type OutputOf<J> = <<J as Judge>::Model as Model>::Output;

/// A check that records what clients see, and has it judged when a world is at rest.
///
/// [`Sequential`](super::Sequential), [`Sessions`](super::Sessions) and [`Causal`](super::Causal) are such.
#[derive(Clone, Debug)]
pub struct Judged<J: Judge, R = Direct, Q = InputOf<J>, A = OutputOf<J>> {
    name: &'static str,
    pub(super) judge: J,
    reads: R,
    who: &'static str,
    recorder: Recorder<Q, A>,
    unknown: u64,
}

impl<J: Judge> Judged<J> {
    pub(super) fn by(judge: J) -> Self {
        Self { name: J::NAME, judge, reads: Direct, who: "node", recorder: Recorder::new(), unknown: 0 }
    }
}

impl<J: Judge, R, Q: Clone, A: Clone> Judged<J, R, Q, A> {
    /// How requests and responses are read as operations of the model; see [`Linearizable`](super::Linearizable).
    #[must_use]
    pub fn reading<Q2: Clone, A2: Clone, F>(self, read: F) -> Judged<J, Reading<F>, Q2, A2>
    where
        F: Fn(&Q2, Option<&A2>) -> Option<(InputOf<J>, Option<OutputOf<J>>)>,
    {
        let Self { name, judge, .. } = self;
        Judged { name, judge, reads: Reading(read), who: "node", recorder: Recorder::new(), unknown: 0 }
    }

    /// Another name, for a system with several such promises.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Requests with the same number are one operation that a client asks again; see [`Recorder::same`]. Say it after
    /// [`reading`](Self::reading).
    #[must_use]
    pub fn same(mut self, number: fn(&Q) -> Option<u64>) -> Self {
        self.recorder = self.recorder.same(number);
        self
    }

    /// Whose a request is; if not told otherwise, the node's that was asked. Say it after [`reading`](Self::reading).
    #[must_use]
    pub fn session(mut self, session: fn(NodeId, &Q) -> u64) -> Self {
        self.recorder = self.recorder.session(session);
        self.who = "session";
        self
    }
}

impl<M, J, R> Check<M> for Judged<J, R, M::Request, M::Response>
where
    M: StateMachine,
    M::Request: Send,
    M::Response: Send,
    J: Judge + Send,
    R: Reads<M::Request, M::Response, J::Model> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &Recorder::<(), ()>::LOOKS_AT
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> Result<(), Breach> {
        let Self { judge, reads, who, recorder, unknown, .. } = self;
        if let Event::Rest { .. } = event {
            let history = recorder.history().map(|request, response| reads.read(request, response));
            return match judge.judge(&history, who) {
                Verdict::Holds => Ok(()),
                Verdict::Violated(misfit) => Err(misfit.breach),
                Verdict::Unknown { .. } => {
                    *unknown += 1;
                    Ok(())
                }
            };
        }
        recorder.hear(at, event, |request, response| settles(reads, request, response), |_, _| Ok(()))
    }

    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        if self.unknown > 0 {
            add(J::UNKNOWN, self.unknown);
        }
    }
}
