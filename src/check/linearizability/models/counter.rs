//! A counter.

use serde::{Deserialize, Serialize};

use super::super::Model;

/// A counter that is 0 at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter;

/// What a client asks of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterOp {
    /// How far has it come?
    Read,
    /// So much more.
    Add(i64),
}

/// What a client of a counter is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterAnswer {
    /// How far it has come; of an [`Add`](CounterOp::Add) with it.
    Value(i64),
    /// It is added.
    Done,
}

impl Model for Counter {
    type Input = CounterOp;
    type Output = CounterAnswer;
    type State = i64;
    type Key = ();

    fn init(&self) -> i64 {
        0
    }

    fn step(&self, count: &i64, input: &CounterOp, output: Option<&CounterAnswer>) -> Option<i64> {
        let after = match input {
            CounterOp::Read => *count,
            CounterOp::Add(amount) => count.wrapping_add(*amount),
        };
        let fits = match output {
            None => true,
            Some(CounterAnswer::Value(value)) => *value == after,
            Some(CounterAnswer::Done) => matches!(input, CounterOp::Add(_)),
        };
        fits.then_some(after)
    }

    fn only_reads(&self, input: &CounterOp, _output: Option<&CounterAnswer>) -> bool {
        matches!(input, CounterOp::Read)
    }

    fn show(&self, input: &CounterOp, output: Option<&CounterAnswer>) -> String {
        let asked = match input {
            CounterOp::Read => "read".to_owned(),
            CounterOp::Add(amount) => format!("add {amount}"),
        };
        match output {
            None => format!("{asked} → ?"),
            Some(CounterAnswer::Done) => asked,
            Some(CounterAnswer::Value(value)) => format!("{asked} → {value}"),
        }
    }
}
