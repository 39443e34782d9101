//! A map: a register for each key.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use super::super::Model;
use super::{Register, RegisterAnswer, RegisterOp};

/// A map from `K` to `V`. Each key is a register that holds `None` while the key is not there: to delete is to write `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map<K, V> {
    register: Register<Option<V>>,
    keys: PhantomData<fn() -> K>,
}

impl<K, V> Map<K, V> {
    /// A map that is empty at first.
    #[must_use]
    pub const fn new() -> Self {
        Self { register: Register::new(None), keys: PhantomData }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> Model for Map<K, V>
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    type Input = (K, RegisterOp<Option<V>>);
    type Output = RegisterAnswer<Option<V>>;
    type State = Option<V>;
    type Key = K;

    fn init(&self) -> Option<V> {
        self.register.init()
    }

    #[inline]
    fn step(&self, held: &Option<V>, input: &Self::Input, output: Option<&Self::Output>) -> Option<Option<V>> {
        self.register.step(held, &input.1, output)
    }

    fn partition(&self, input: &Self::Input) -> Option<K> {
        Some(input.0.clone())
    }

    fn only_reads(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        self.register.only_reads(&input.1, output)
    }

    fn needs(&self, input: &Self::Input, output: Option<&Self::Output>) -> Option<Option<V>> {
        self.register.needs(&input.1, output)
    }

    fn leaves(&self, input: &Self::Input, output: Option<&Self::Output>) -> Option<Option<V>> {
        self.register.leaves(&input.1, output)
    }

    fn may_be_seen(&self, open: &[&Self::Input], known: &[(&Self::Input, &Self::Output)]) -> Vec<bool> {
        let open: Vec<_> = open.iter().map(|input| &input.1).collect();
        let known: Vec<_> = known.iter().map(|(input, output)| (&input.1, *output)).collect();
        self.register.may_be_seen(&open, &known)
    }

    fn show(&self, input: &Self::Input, output: Option<&Self::Output>) -> String {
        self.register.show(&input.1, output)
    }
}
