//! What clients do.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{RequestId, Rng, StateMachine};

/// The clients of a cluster: they draw *actions* from a seed, and turn each into a request when it is due.
///
/// An action is plain data and stands in plan files; it may be symbolic ("put with the context that session 2 last
/// got"), because the workload hears the responses. A run works on its own clone, so what a workload remembers
/// never leaks from one run into the next.
pub trait Workload<M: StateMachine>: Clone + Send + Sync + 'static {
    /// What a plan writes down. In a plan file the action stands in its `[[request]]` table as serde writes it, so an
    /// enum reads well: `put = { key = "cart", value = "b" }`.
    type Action: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// A world is about to be drawn: choose what kind of clients it has. By default all worlds are alike.
    fn begin(&mut self, rng: &mut Rng) {
        let _ = rng;
    }

    /// Draws the next action of a world.
    fn draw(&mut self, rng: &mut Rng) -> Self::Action;

    /// Turns an action that is due into a request.
    fn request(&mut self, id: RequestId, action: &Self::Action) -> M::Request;

    /// Ways to say all actions of a plan more simply, the ones that simplify most first: fewer keys, plainer values. Each is
    /// tried on the whole plan at once, so that a name can be changed wherever it stands, and kept if the plan then still
    /// fails in the same way. By default there are none.
    fn simpler(&self, actions: &[Self::Action]) -> Vec<Simpler<Self::Action>> {
        let _ = actions;
        Vec::new()
    }

    /// The session that asks this, if what it asks depends on what it was told before, or tells later ones. Exhaustive search
    /// keeps the requests of one session in order, and takes those of different sessions, or of none, for independent.
    fn session(&self, action: &Self::Action) -> Option<u64> {
        let _ = action;
        None
    }

    /// Hears a response.
    fn response(&mut self, id: RequestId, response: &M::Response) {
        let _ = (id, response);
    }
}

/// The actions of a plan, said more simply: what [`Workload::simpler`] proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simpler<A> {
    /// As many as there were, in the same order.
    pub actions: Vec<A>,
    /// What checks talk about and what that is called now: each pair is the old and the new
    /// [subject](crate::check::Breach::subject). Empty if nothing got another name.
    pub renamed: Vec<(String, String)>,
}

impl<A> Simpler<A> {
    /// Simpler actions that are about the same things as before.
    #[must_use]
    pub fn new(actions: Vec<A>) -> Self {
        Self { actions, renamed: Vec::new() }
    }
}

/// Draws a request of one kind.
pub type DrawRequest<R> = fn(&mut Rng) -> R;

/// A workload whose actions are the requests themselves, of several kinds, each drawn so often as its weight says.
///
/// [`Harness::requests_weighted`](crate::harness::Harness::requests_weighted) makes one.
pub struct WeightedRequests<R>(Vec<(u32, DrawRequest<R>)>);

impl<R> WeightedRequests<R> {
    /// Of these kinds, each with its weight. If all weights are 0, the first kind alone is drawn.
    #[must_use]
    pub fn new(kinds: Vec<(u32, DrawRequest<R>)>) -> Self {
        Self(kinds)
    }
}

impl<R> Clone for WeightedRequests<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R> fmt::Debug for WeightedRequests<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weights: Vec<u32> = self.0.iter().map(|(weight, _)| *weight).collect();
        f.debug_tuple("WeightedRequests").field(&weights).finish()
    }
}

impl<M> Workload<M> for WeightedRequests<M::Request>
where
    M: StateMachine,
    M::Request: PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Action = M::Request;

    fn draw(&mut self, rng: &mut Rng) -> M::Request {
        let sum: u64 = self.0.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut drawn = rng.below(sum);
        let kind = self.0.iter().find(|(weight, _)| {
            let is_it = drawn < u64::from(*weight);
            drawn = drawn.saturating_sub(u64::from(*weight));
            is_it
        });
        let (_, draw) = kind.or(self.0.first()).expect("expect: there is a kind of request");
        draw(rng)
    }

    fn request(&mut self, _id: RequestId, action: &M::Request) -> M::Request {
        action.clone()
    }
}

/// A workload whose actions are the requests themselves, drawn by a function.
///
/// [`Harness::requests`](crate::harness::Harness::requests) makes one.
#[derive(Clone)]
pub struct Requests<F>(pub F);

impl<M, F> Workload<M> for Requests<F>
where
    M: StateMachine,
    M::Request: PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Fn(&mut Rng) -> M::Request + Clone + Send + Sync + 'static,
{
    type Action = M::Request;

    fn draw(&mut self, rng: &mut Rng) -> M::Request {
        self.0(rng)
    }

    fn request(&mut self, _id: RequestId, action: &M::Request) -> M::Request {
        action.clone()
    }
}
