//! A node whose siblings become one value, and a node whose values have a type.

use std::borrow::{Borrow, BorrowMut};
use std::fmt;
use std::marker::PhantomData;

use super::codec::{Codec, CodecError};
use super::context::Context;
use super::error::StoreError;
use super::node::Node;
use super::resolve::{Candidate, Resolver};
use super::results::Written;
use super::version::Version;
use crate::kv::{Key, Value};

/// A node whose values are of type `T`, through a codec.
///
/// It has a [`Node`] of its own, or borrows one, as `N` says: `Typed::new(node, codec)`, `Typed::new(&mut node, codec)`, or
/// `Typed::new(&node, codec)` to read only. Messages, syncs and the rest are done at the [node](Self::node_mut).
///
/// ```
/// use std::collections::BTreeSet;
///
/// use distributed_data_consistency::Node;
/// use distributed_data_consistency::store::{Bincode, Context, Typed, Union};
///
/// let mut carts: Typed<BTreeSet<String>, Bincode> = Typed::new(Node::new(0, 3), Bincode::default());
/// let cart = |item: &str| BTreeSet::from([item.to_owned()]);
/// carts.put_with_context("alice", &cart("bread"), &Context::empty())?;
/// carts.put_with_context("alice", &cart("milk"), &Context::empty())?;
/// assert_eq!(carts.get("alice")?.len(), 2); // neither had read the other
/// carts.resolve_and_put("alice", &Union)?;
/// assert_eq!(carts.get("alice")?, [&cart("bread") | &cart("milk")]);
/// # Ok::<(), distributed_data_consistency::store::TypedError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Typed<T, C, N = Node> {
    node: N,
    codec: C,
    of: PhantomData<fn() -> T>,
}

/// What a typed read returns to a client that will write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedRead<T> {
    /// All siblings; nothing if there are none, or all were deleted.
    pub values: Vec<T>,
    /// What to write with, to overwrite just these.
    pub context: Context,
}

/// Why a typed read or write came to nothing. It has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypedError {
    /// The node refused the write.
    Refused(StoreError),
    /// A value could not be encoded, or what is stored is no such value: [`Node::versions`] has it as bytes.
    Value(CodecError),
}

impl fmt::Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::Value(error) => write!(f, "value: {error}"),
        }
    }
}

impl std::error::Error for TypedError {}

impl From<StoreError> for TypedError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<CodecError> for TypedError {
    fn from(error: CodecError) -> Self {
        Self::Value(error)
    }
}

impl<T, C: Codec<T>, N: Borrow<Node>> Typed<T, C, N> {
    /// `node`, with values of type `T` in the form of `codec`.
    pub fn new(node: N, codec: C) -> Self {
        Self { node, codec, of: PhantomData }
    }

    /// The node of bytes.
    pub fn node(&self) -> &Node {
        self.node.borrow()
    }

    /// The node of bytes, as it was given.
    pub fn into_node(self) -> N {
        self.node
    }

    /// All siblings of `key`; nothing if there are none.
    ///
    /// # Errors
    /// If one of them is no such value.
    pub fn get(&self, key: &str) -> Result<Vec<T>, TypedError> {
        Ok(self.candidates(key)?.into_iter().map(|candidate| candidate.value).collect())
    }

    /// All siblings of `key`, and the context that a client needs to overwrite just these.
    ///
    /// # Errors
    /// If one of them is no such value.
    pub fn get_with_context(&self, key: &str) -> Result<TypedRead<T>, TypedError> {
        Ok(TypedRead { values: self.get(key)?, context: self.node().context(key) })
    }

    /// One value for all the siblings of `key`; `None` if there are none. Changes nothing.
    ///
    /// # Errors
    /// If a sibling is no such value, or what the resolver says.
    pub fn resolve<R: Resolver<T>>(&self, key: &str, resolver: &R) -> Result<Option<T>, TypedError> {
        let siblings = self.candidates(key)?;
        if siblings.is_empty() { Ok(None) } else { Ok(Some(resolver.resolve(siblings)?)) }
    }

    fn candidates(&self, key: &str) -> Result<Vec<Candidate<T>>, CodecError> {
        let decode = |Candidate { dot, clock, value }| {
            Ok(Candidate { dot, clock, value: self.codec.decode(AsRef::<[u8]>::as_ref(&value))? })
        };
        let candidates: Vec<Candidate<Value>> = self.node().candidates(key);
        candidates.into_iter().map(decode).collect()
    }
}

impl<T, C: Codec<T>, N: BorrowMut<Node>> Typed<T, C, N> {
    /// The node of bytes, to deliver messages to, sync, and so on.
    pub fn node_mut(&mut self) -> &mut Node {
        self.node.borrow_mut()
    }

    /// Writes over all siblings that the node has; see [`Node::put`].
    ///
    /// # Errors
    /// If the value cannot be encoded, or the node refuses it.
    pub fn put(&mut self, key: impl AsRef<str> + Into<Key>, value: &T) -> Result<Written, TypedError> {
        let value = self.codec.encode(value)?;
        Ok(self.node_mut().put(key, value)?)
    }

    /// Writes over just what the client has seen; see [`Node::put_with_context`].
    ///
    /// # Errors
    /// If the value cannot be encoded, or the node refuses it.
    pub fn put_with_context(
        &mut self,
        key: impl AsRef<str> + Into<Key>,
        value: &T,
        context: &Context,
    ) -> Result<Written, TypedError> {
        let value = self.codec.encode(value)?;
        Ok(self.node_mut().put_with_context(key, value, context)?)
    }

    /// Deletes all siblings that the node has; see [`Node::delete`].
    ///
    /// # Errors
    /// If the node refuses it.
    pub fn delete(&mut self, key: impl AsRef<str> + Into<Key>) -> Result<Written, TypedError> {
        Ok(self.node_mut().delete(key)?)
    }

    /// Deletes just what the client has seen; see [`Node::delete_with_context`].
    ///
    /// # Errors
    /// If the node refuses it.
    pub fn delete_with_context(
        &mut self,
        key: impl AsRef<str> + Into<Key>,
        context: &Context,
    ) -> Result<Written, TypedError> {
        Ok(self.node_mut().delete_with_context(key, context)?)
    }

    /// As [`resolve`](Self::resolve), and where there is more than one sibling writes the value over all of them; see
    /// [`Node::resolve_and_put`].
    ///
    /// # Errors
    /// If a sibling is no such value, what the resolver says, or why the write was refused.
    pub fn resolve_and_put<R: Resolver<T>>(
        &mut self,
        key: impl Into<Key>,
        resolver: &R,
    ) -> Result<Option<T>, TypedError> {
        let key = key.into();
        let resolved = self.resolve(&key, resolver)?;
        if let Some(value) = &resolved {
            let value = self.codec.encode(value)?;
            self.node_mut().put_resolved(key, value.into())?;
        }
        Ok(resolved)
    }
}

impl Node {
    /// The siblings of `key`, in an order that does not tell in which order they came.
    pub(super) fn candidates(&self, key: &str) -> Vec<Candidate<Value>> {
        let mut versions: Vec<&Version> = self.versions(key).iter().collect();
        versions.sort_by(|left, right| {
            let clocks = left.clock.iter().cmp(right.clock.iter());
            left.dot.cmp(&right.dot).then(clocks).then_with(|| left.value.cmp(&right.value))
        });
        let candidate = |Version { dot, clock, value }: Version| Candidate { dot, clock, value };
        versions.into_iter().cloned().map(candidate).collect()
    }

    /// One value for all the siblings of `key`; `None` if there are none. Changes nothing.
    ///
    /// # Errors
    /// What the resolver says.
    pub fn resolve<R: Resolver<Value>>(&self, key: &str, resolver: &R) -> Result<Option<Value>, CodecError> {
        let siblings = self.candidates(key);
        if siblings.is_empty() { Ok(None) } else { resolver.resolve(siblings).map(Some) }
    }

    /// As [`resolve`](Self::resolve), and where there is more than one sibling writes the value over all of them.
    ///
    /// Nodes that do this at the same time make siblings of the same value, and resolve them again; it comes to an end as
    /// soon as one of them hears of the other first.
    ///
    /// # Errors
    /// What the resolver says, or why the write was refused. Then nothing has changed.
    pub fn resolve_and_put<R: Resolver<Value>>(
        &mut self,
        key: impl Into<Key>,
        resolver: &R,
    ) -> Result<Option<Value>, TypedError> {
        let key = key.into();
        let resolved = self.resolve(&key, resolver)?;
        if let Some(value) = &resolved {
            self.put_resolved(key, value.clone())?;
        }
        Ok(resolved)
    }

    /// Writes over all siblings, if there is more than one.
    pub(super) fn put_resolved(&mut self, key: Key, value: Value) -> Result<(), StoreError> {
        if self.versions(&key).len() > 1 {
            let context = self.context(&key);
            self.put_with_context(key, value, &context)?;
        }
        Ok(())
    }
}
