//! A lock.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::super::Model;

/// A lock that one client of type `C` holds at a time, and nobody at first. The answer is whether the client got it, or had it:
/// `true` for an [`Acquire`](LockOp::Acquire) while nobody holds it, and for a [`Release`](LockOp::Release) by the one who does.
///
/// A service that may refuse a lock that is free, such as one that is busy, should tell refusals as operations that are no part of the
/// history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock<C> {
    clients: PhantomData<fn() -> C>,
}

/// What a client asks of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockOp<C> {
    /// To hold it.
    Acquire(C),
    /// To hold it no longer.
    Release(C),
}

impl<C> Lock<C> {
    /// A lock that nobody holds at first.
    #[must_use]
    pub const fn new() -> Self {
        Self { clients: PhantomData }
    }
}

impl<C> Default for Lock<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clone + Eq + Hash + fmt::Debug> Model for Lock<C> {
    type Input = LockOp<C>;
    type Output = bool;
    type State = Option<C>;
    type Key = ();

    fn init(&self) -> Option<C> {
        None
    }

    fn step(&self, holder: &Option<C>, input: &LockOp<C>, output: Option<&bool>) -> Option<Option<C>> {
        let (granted, after) = match input {
            LockOp::Acquire(client) => (holder.is_none(), Some(client.clone())),
            LockOp::Release(client) => (holder.as_ref() == Some(client), None),
        };
        let after = if granted { after } else { holder.clone() };
        output.is_none_or(|output| *output == granted).then_some(after)
    }

    fn only_reads(&self, _input: &LockOp<C>, output: Option<&bool>) -> bool {
        output == Some(&false)
    }

    fn needs(&self, input: &LockOp<C>, granted: Option<&bool>) -> Option<Option<C>> {
        (granted != Some(&false)).then(|| match input {
            LockOp::Acquire(_) => None,
            LockOp::Release(client) => Some(client.clone()),
        })
    }

    fn leaves(&self, input: &LockOp<C>, granted: Option<&bool>) -> Option<Option<C>> {
        (granted != Some(&false)).then(|| match input {
            LockOp::Acquire(client) => Some(client.clone()),
            LockOp::Release(_) => None,
        })
    }

    fn show(&self, input: &LockOp<C>, output: Option<&bool>) -> String {
        let asked = match input {
            LockOp::Acquire(client) => format!("acquire by {client:?}"),
            LockOp::Release(client) => format!("release by {client:?}"),
        };
        match output {
            None => format!("{asked} → ?"),
            Some(true) => asked,
            Some(false) => format!("{asked} → refused"),
        }
    }
}
