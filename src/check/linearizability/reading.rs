//! How the requests and responses of a machine are read as operations of a model.

use super::Model;
use crate::history::Settled;

/// Reads a request, and the response to it if there is one, as an operation of the model `S`.
pub trait Reads<Q, A, S: Model> {
    /// What was asked, and what came of it. No output: the outcome is not known, and the operation may have happened or not. `None`: it
    /// is no part of the history, or has not happened and never will.
    fn read(&self, request: &Q, response: Option<&A>) -> Option<(S::Input, Option<S::Output>)>;
}

/// What an answer is worth.
pub(in crate::check) fn settles<Q, A, S: Model>(reads: &impl Reads<Q, A, S>, request: &Q, response: &A) -> Settled {
    match reads.read(request, Some(response)) {
        Some((_, Some(_))) => Settled::Known,
        Some((_, None)) => Settled::Unclear,
        None => Settled::Failed,
    }
}

/// Requests and responses that are the model's inputs and outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direct;

impl<S: Model> Reads<S::Input, S::Output, S> for Direct {
    fn read(&self, request: &S::Input, response: Option<&S::Output>) -> Option<(S::Input, Option<S::Output>)> {
        Some((request.clone(), response.cloned()))
    }
}

/// A closure that reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<F>(pub F);

impl<Q, A, S, F> Reads<Q, A, S> for Reading<F>
where
    S: Model,
    F: Fn(&Q, Option<&A>) -> Option<(S::Input, Option<S::Output>)>,
{
    fn read(&self, request: &Q, response: Option<&A>) -> Option<(S::Input, Option<S::Output>)> {
        (self.0)(request, response)
    }
}
