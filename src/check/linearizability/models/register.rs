//! A register that can be read, written, and compared and set.

use std::fmt;
use std::hash::Hash;

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};

use super::super::Model;

/// A register. At first it holds the default of `V`, or what [`Register::new`] says; `Option<V>` is for one that may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Register<V> {
    initial: V,
}

/// What a client asks of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterOp<V> {
    /// What does it hold?
    Read,
    /// It holds this now.
    Write(V),
    /// If it holds `from`, it holds `to` now.
    CompareAndSet {
        /// What it must hold.
        from: V,
        /// What it holds then.
        to: V,
    },
}

/// What a client of a register is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterAnswer<V> {
    /// It holds this.
    Value(V),
    /// It is written.
    Done,
    /// Whether it held `from`.
    Swapped(bool),
}

impl<V> Register<V> {
    /// A register that holds `initial` at first.
    #[must_use]
    pub const fn new(initial: V) -> Self {
        Self { initial }
    }
}

impl<V: Clone + Eq + Hash + fmt::Debug> Model for Register<V> {
    type Input = RegisterOp<V>;
    type Output = RegisterAnswer<V>;
    type State = V;
    type Key = ();

    fn init(&self) -> V {
        self.initial.clone()
    }

    #[inline]
    fn step(&self, held: &V, input: &RegisterOp<V>, output: Option<&RegisterAnswer<V>>) -> Option<V> {
        use RegisterAnswer::{Done, Swapped, Value};
        match (input, output) {
            (RegisterOp::Read, Some(Value(value))) => (value == held).then(|| held.clone()),
            (RegisterOp::Write(value), None | Some(Done)) => Some(value.clone()),
            (RegisterOp::CompareAndSet { from, to }, None) => Some(if from == held { to } else { held }.clone()),
            (RegisterOp::CompareAndSet { from, to }, Some(Swapped(true))) => (from == held).then(|| to.clone()),
            (RegisterOp::CompareAndSet { from, .. }, Some(Swapped(false))) => (from != held).then(|| held.clone()),
            (RegisterOp::Read, None) => Some(held.clone()),
            _ => None,
        }
    }

    fn only_reads(&self, input: &RegisterOp<V>, output: Option<&RegisterAnswer<V>>) -> bool {
        let is_failed = matches!(output, Some(RegisterAnswer::Swapped(false)));
        matches!(input, RegisterOp::Read) || is_failed && matches!(input, RegisterOp::CompareAndSet { .. })
    }

    fn needs(&self, input: &RegisterOp<V>, output: Option<&RegisterAnswer<V>>) -> Option<V> {
        match (input, output) {
            (RegisterOp::Read, Some(RegisterAnswer::Value(value))) => Some(value.clone()),
            (RegisterOp::CompareAndSet { from, .. }, None | Some(RegisterAnswer::Swapped(true))) => Some(from.clone()),
            _ => None,
        }
    }

    fn leaves(&self, input: &RegisterOp<V>, output: Option<&RegisterAnswer<V>>) -> Option<V> {
        match (input, output) {
            (RegisterOp::Read, _) | (RegisterOp::CompareAndSet { .. }, Some(RegisterAnswer::Swapped(false))) => None,
            (RegisterOp::Write(value) | RegisterOp::CompareAndSet { to: value, .. }, _) => Some(value.clone()),
        }
    }

    /// A value that nobody has read, or compared with, was never seen; but that a comparison failed may be due to any value.
    fn may_be_seen(&self, open: &[&RegisterOp<V>], known: &[(&RegisterOp<V>, &RegisterAnswer<V>)]) -> Vec<bool> {
        if known.iter().any(|(_, output)| matches!(output, RegisterAnswer::Swapped(false))) {
            return vec![true; open.len()];
        }
        let compared = |input: &'_ RegisterOp<V>| match input {
            RegisterOp::CompareAndSet { from, .. } => Some(from.clone()),
            _ => None,
        };
        let read = known.iter().filter_map(|(input, output)| match output {
            RegisterAnswer::Value(value) => Some(value.clone()),
            _ => compared(input),
        });
        let seen: IndexSet<V, foldhash::fast::FixedState> =
            read.chain(open.iter().filter_map(|input| compared(input))).collect();
        let is_seen = |input: &&RegisterOp<V>| match input {
            RegisterOp::Read => false,
            RegisterOp::Write(value) | RegisterOp::CompareAndSet { to: value, .. } => seen.contains(value),
        };
        open.iter().map(is_seen).collect()
    }

    fn show(&self, input: &RegisterOp<V>, output: Option<&RegisterAnswer<V>>) -> String {
        let asked = match input {
            RegisterOp::Read => "read".to_owned(),
            RegisterOp::Write(value) => format!("write {value:?}"),
            RegisterOp::CompareAndSet { from, to } => format!("compare-and-set {from:?} to {to:?}"),
        };
        match output {
            None => format!("{asked} → ?"),
            Some(RegisterAnswer::Done) => asked,
            Some(RegisterAnswer::Value(value)) => format!("{asked} → {value:?}"),
            Some(RegisterAnswer::Swapped(true)) => format!("{asked} → set"),
            Some(RegisterAnswer::Swapped(false)) => format!("{asked} → not set"),
        }
    }
}
