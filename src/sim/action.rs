//! Client actions in plans, whatever their type: a plan is plain data for any workload.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wide;
use crate::protocol::{RequestId, Rng, Simpler, StateMachine, Workload};
use crate::running::catch_panic_at;

/// One action of a workload, its type erased so that [`Plan`](super::Plan) needs no type parameter.
#[derive(Clone)]
pub struct Action(Arc<dyn AnyAction>);

trait AnyAction: fmt::Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn equals(&self, other: &dyn Any) -> bool;
    fn to_value(&self) -> Result<toml::Value, toml::ser::Error>;
}

impl<A> AnyAction for A
where
    A: fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<A>().is_some_and(|other| self == other)
    }

    fn to_value(&self) -> Result<toml::Value, toml::ser::Error> {
        // What serde makes of a value need not say all of it: what counts is that it is read back.
        let is_read_back = |value: &toml::Value| {
            let back = parse_as::<A>(value.clone());
            back.is_ok_and(|back| back == *self || format!("{back:?}") == format!("{self:?}"))
        };
        let plain = toml::Value::try_from(self);
        if plain.as_ref().is_ok_and(is_read_back) {
            return plain;
        }
        wide::write(self).ok().filter(is_read_back).map_or(plain, Ok)
    }
}

impl Action {
    /// Wraps an action of any workload.
    pub fn new<A>(action: A) -> Self
    where
        A: fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        Self(Arc::new(action))
    }

    /// The action, if it is an `A`.
    #[must_use]
    pub fn downcast<A: 'static>(&self) -> Option<&A> {
        self.0.as_any().downcast_ref()
    }

    /// The action as a plan file holds it. What TOML has no word for is said all the same, where it can be read back: a number
    /// beyond 64 bits with a sign as a string, a map by numbers as a table by their texts, `None` as `{}`, `()` as `[]`.
    ///
    /// # Errors
    /// If the action cannot be serialized.
    pub fn to_value(&self) -> Result<toml::Value, toml::ser::Error> {
        // It is asked when failures are saved: one whose `Serialize` panics must not take the others along.
        let value = catch_panic_at(|| self.0.to_value());
        value.unwrap_or_else(|panic| Err(serde::ser::Error::custom(format!("its Serialize panicked: {panic}"))))
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Plans are told and compared by it, where nobody catches what a user's `Debug` may do.
        match catch_panic_at(|| self.0.fmt(f)) {
            Ok(written) => written,
            Err(panic) => write!(f, "(its Debug panicked: {panic})"),
        }
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other.0.as_any())
    }
}

/// A [`Workload`] with its action type erased: what a world asks for requests.
pub trait Clients<M: StateMachine>: Send + Sync {
    /// See [`Workload::begin`].
    fn begin(&mut self, rng: &mut Rng);
    /// See [`Workload::draw`].
    fn draw(&mut self, rng: &mut Rng) -> Action;
    /// See [`Workload::request`].
    ///
    /// # Panics
    /// If `action` is of another workload.
    fn request(&mut self, id: RequestId, action: &Action) -> M::Request;
    /// See [`Workload::session`].
    ///
    /// # Panics
    /// If `action` is of another workload.
    fn session(&self, action: &Action) -> Option<u64>;
    /// See [`Workload::response`].
    fn response(&mut self, id: RequestId, response: &M::Response);
    /// See [`Workload::simpler`]. Actions of another workload have no simpler ones.
    fn simpler(&self, actions: &[Action]) -> Vec<Simpler<Action>>;
    /// Reads an action from a plan file.
    ///
    /// # Errors
    /// What the workload expected instead.
    fn parse(&self, value: toml::Value) -> Result<Action, String>;
    /// A fresh copy, for another run.
    fn fork(&self) -> Box<dyn Clients<M>>;
}

impl<M, W> Clients<M> for W
where
    M: StateMachine,
    W: Workload<M>,
{
    fn begin(&mut self, rng: &mut Rng) {
        Workload::begin(self, rng);
    }

    fn draw(&mut self, rng: &mut Rng) -> Action {
        Action::new(Workload::draw(self, rng))
    }

    fn request(&mut self, id: RequestId, action: &Action) -> M::Request {
        Workload::request(self, id, own::<W::Action>(action))
    }

    fn session(&self, action: &Action) -> Option<u64> {
        Workload::session(self, own::<W::Action>(action))
    }

    fn response(&mut self, id: RequestId, response: &M::Response) {
        Workload::response(self, id, response);
    }

    fn simpler(&self, actions: &[Action]) -> Vec<Simpler<Action>> {
        let own: Option<Vec<W::Action>> = actions.iter().map(|action| action.downcast().cloned()).collect();
        let simpler = own.map_or_else(Vec::new, |actions| Workload::simpler(self, &actions));
        let erased = |actions: Vec<W::Action>| actions.into_iter().map(Action::new).collect();
        simpler
            .into_iter()
            .map(|simpler| Simpler { actions: erased(simpler.actions), renamed: simpler.renamed })
            .collect()
    }

    fn parse(&self, value: toml::Value) -> Result<Action, String> {
        let parsed = catch_panic_at(|| parse::<W::Action>(value));
        parsed.unwrap_or_else(|panic| Err(format!("its Deserialize panicked: {panic}")))
    }

    fn fork(&self) -> Box<dyn Clients<M>> {
        Box::new(self.clone())
    }
}

fn own<A: 'static>(action: &Action) -> &A {
    action.downcast().expect("expect: a plan is run by the workload it was made for")
}

fn parse<A>(value: toml::Value) -> Result<Action, String>
where
    A: fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    parse_as::<A>(value).map(Action::new)
}

/// As TOML has it, or else as [`wide`] does.
fn parse_as<A: DeserializeOwned>(value: toml::Value) -> Result<A, String> {
    match value.clone().try_into::<A>() {
        Ok(action) => Ok(action),
        Err(error) => wide::read(value).map_err(|_| error.message().to_owned()),
    }
}
