//! Resolvers: one value out of siblings.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use super::codec::{Codec, CodecError};
use crate::causality::{Dot, VectorClock};
use crate::kv::Value;

/// One of the siblings that a [`Resolver`] is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<T> {
    /// The dot of the write; see [`Version::dot`](super::Version::dot).
    pub dot: Option<Dot>,
    /// How many writes of each actor it builds on, and itself.
    pub clock: VectorClock,
    /// What was written.
    pub value: T,
}

/// Makes one value of siblings: [`LastWriter`], [`Union`], or any closure that takes `Vec<Candidate<T>>` and returns `T`.
///
/// A pure function: the same siblings give the same value, at any time and on any node. A node hands them over at least one,
/// and in an order that does not tell in which order they came.
///
/// ```
/// use distributed_data_consistency::Node;
/// use distributed_data_consistency::kv::Value;
/// use distributed_data_consistency::store::{Candidate, Context};
///
/// let mut node = Node::new(0, 1);
/// node.put_with_context("stock", [3], &Context::empty())?;
/// node.put_with_context("stock", [7], &Context::empty())?;
/// let least = |siblings: Vec<Candidate<Value>>| siblings.into_iter().map(|sibling| sibling.value).min().unwrap_or_default();
/// assert_eq!(node.resolve("stock", &least)?.as_deref(), Some([3].as_slice()));
/// assert_eq!(node.get("stock").len(), 2); // a read changes nothing
/// node.resolve_and_put("stock", &least)?;
/// assert_eq!(node.get("stock"), [(vec![3], vec![3])]);
/// # Ok::<(), distributed_data_consistency::store::TypedError>(())
/// ```
pub trait Resolver<T> {
    /// The value that stands for all the siblings.
    ///
    /// # Errors
    /// If a sibling cannot be understood, or the value not be written down.
    fn resolve(&self, siblings: Vec<Candidate<T>>) -> Result<T, CodecError>;
}

impl<T, F: Fn(Vec<Candidate<T>>) -> T> Resolver<T> for F {
    fn resolve(&self, siblings: Vec<Candidate<T>>) -> Result<T, CodecError> {
        Ok(self(siblings))
    }
}

/// The write that comes last in a logical order: the one with the greatest sum of its clock's entries, then the greatest
/// dot, then the greatest clock.
///
/// There is no wall clock in it: of writes that did not know of each other none is truly the last. A write always comes
/// after those that it builds on, and all nodes agree. The others are lost when the value is written back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastWriter;

impl<T> Resolver<T> for LastWriter {
    fn resolve(&self, siblings: Vec<Candidate<T>>) -> Result<T, CodecError> {
        let rank = |sibling: &Candidate<T>| {
            let counters: Vec<u64> = sibling.clock.iter().collect();
            (counters.iter().map(|&counter| u128::from(counter)).sum::<u128>(), sibling.dot, counters)
        };
        let last = siblings.into_iter().max_by_key(rank);
        Ok(last.expect("expect: a resolver is given at least one sibling").value)
    }
}

/// All that is in any of the siblings, for values that are sets: each member once, in the order of the members.
///
/// What one sibling has removed and another still has is in the union: a set that shrinks needs more than this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Union;

impl<T> Resolver<T> for Union
where
    T: IntoIterator + FromIterator<T::Item>,
    T::Item: Ord,
{
    fn resolve(&self, siblings: Vec<Candidate<T>>) -> Result<T, CodecError> {
        let members: BTreeSet<T::Item> = siblings.into_iter().flat_map(|sibling| sibling.value).collect();
        Ok(members.into_iter().collect())
    }
}

/// A resolver of values of type `T` for a node of bytes: through a codec.
///
/// ```
/// use std::collections::BTreeSet;
///
/// use distributed_data_consistency::Node;
/// use distributed_data_consistency::store::{Bincode, Codec, Context, Through, Union};
///
/// let (mut node, codec) = (Node::new(0, 1), Bincode::default());
/// for item in ["bread", "milk"] {
///     let cart = BTreeSet::from([item.to_owned()]);
///     node.put_with_context("cart", codec.encode(&cart)?, &Context::empty())?;
/// }
/// let union = Through::<BTreeSet<String>, _, _>::new(Union, codec);
/// let cart = node.resolve("cart", &union)?.expect("there are siblings");
/// let cart: BTreeSet<String> = codec.decode(&cart)?;
/// assert!(cart.contains("bread") && cart.contains("milk"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Through<T, R, C> {
    resolver: R,
    codec: C,
    of: PhantomData<fn() -> T>,
}

impl<T, R: Resolver<T>, C: Codec<T>> Through<T, R, C> {
    /// `resolver`, through `codec`.
    pub fn new(resolver: R, codec: C) -> Self {
        Self { resolver, codec, of: PhantomData }
    }
}

impl<T, R: Resolver<T>, C: Codec<T>> Resolver<Value> for Through<T, R, C> {
    fn resolve(&self, siblings: Vec<Candidate<Value>>) -> Result<Value, CodecError> {
        let decode = |Candidate { dot, clock, value }: Candidate<Value>| {
            Ok(Candidate { dot, clock, value: self.codec.decode(&value)? })
        };
        let siblings = siblings.into_iter().map(decode).collect::<Result<_, CodecError>>()?;
        Ok(self.codec.encode(&self.resolver.resolve(siblings)?)?.into())
    }
}
