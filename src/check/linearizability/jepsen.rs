//! What Jepsen calls the operations of the models: to be given to [`History::to_edn`](crate::history::History::to_edn).

use serde::Serialize;

use super::{CounterAnswer, CounterOp, LockOp, QueueAnswer, QueueOp, RegisterAnswer, RegisterOp};
use crate::history::{Edn, Jepsen};

/// A [`Register`](super::Register), for Knossos' `cas-register`: `read`, `write`, `cas`.
pub fn register<V: Serialize>(input: &RegisterOp<V>, output: Option<&RegisterAnswer<V>>) -> Jepsen {
    match (input, output) {
        (RegisterOp::Read, Some(RegisterAnswer::Value(value))) => Jepsen::new("read", Edn::of(value)),
        (RegisterOp::Read, _) => Jepsen::new("read", Edn::Nil),
        (RegisterOp::Write(value), _) => Jepsen::new("write", Edn::of(value)),
        (RegisterOp::CompareAndSet { from, to }, output) => {
            let happened = !matches!(output, Some(RegisterAnswer::Swapped(false)));
            Jepsen::new("cas", Edn::Vector(vec![Edn::of(from), Edn::of(to)])).happened(happened)
        }
    }
}

/// A [`Map`](super::Map), as `jepsen.independent` has it: a register whose values are `[key value]`.
pub fn map<K: Serialize, V: Serialize>(
    (key, input): &(K, RegisterOp<Option<V>>),
    output: Option<&RegisterAnswer<Option<V>>>,
) -> Jepsen {
    let mut said = register(input, output);
    said.value = Edn::Vector(vec![Edn::of(key), said.value]);
    said
}

/// A [`Map`](super::Map) without compare-and-set, as Elle's `rw-register` has it: each operation is a transaction of one step. A
/// compare-and-set is told as a write.
pub fn transactions<K: Serialize, V: Serialize>(
    (key, input): &(K, RegisterOp<Option<V>>),
    output: Option<&RegisterAnswer<Option<V>>>,
) -> Jepsen {
    let (word, value) = match (input, output) {
        (RegisterOp::Read, Some(RegisterAnswer::Value(value))) => ("r", Edn::of(value)),
        (RegisterOp::Read, _) => ("r", Edn::Nil),
        (RegisterOp::Write(value) | RegisterOp::CompareAndSet { to: value, .. }, _) => ("w", Edn::of(value)),
    };
    let happened = !matches!(output, Some(RegisterAnswer::Swapped(false)));
    let step = Edn::Vector(vec![Edn::Keyword(word), Edn::of(key), value]);
    Jepsen::new("txn", Edn::Vector(vec![step])).happened(happened)
}

/// A [`Counter`](super::Counter): `read`, `add`; an answer with the sum is `add-and-get` with `[amount sum]`.
pub fn counter(input: &CounterOp, output: Option<&CounterAnswer>) -> Jepsen {
    match (input, output) {
        (CounterOp::Read, Some(CounterAnswer::Value(value))) => Jepsen::new("read", Edn::of(value)),
        (CounterOp::Read, _) => Jepsen::new("read", Edn::Nil),
        (CounterOp::Add(amount), Some(CounterAnswer::Value(sum))) => {
            Jepsen::new("add-and-get", Edn::Vector(vec![Edn::of(amount), Edn::of(sum)]))
        }
        (CounterOp::Add(amount), _) => Jepsen::new("add", Edn::of(amount)),
    }
}

/// A [`Queue`](super::Queue), for Knossos' `fifo-queue`: `enqueue`, `dequeue`. That it is empty is told as a dequeue that failed.
pub fn queue<V: Serialize>(input: &QueueOp<V>, output: Option<&QueueAnswer<V>>) -> Jepsen {
    match (input, output) {
        (QueueOp::Enqueue(value), _) => Jepsen::new("enqueue", Edn::of(value)),
        (QueueOp::Dequeue, Some(QueueAnswer::Taken(taken))) => {
            Jepsen::new("dequeue", Edn::of(taken)).happened(taken.is_some())
        }
        (QueueOp::Dequeue, _) => Jepsen::new("dequeue", Edn::Nil),
    }
}

/// A [`Lock`](super::Lock), for Knossos' `mutex`: `acquire`, `release`, with the client as value.
pub fn lock<C: Serialize>(input: &LockOp<C>, output: Option<&bool>) -> Jepsen {
    let (f, client) = match input {
        LockOp::Acquire(client) => ("acquire", client),
        LockOp::Release(client) => ("release", client),
    };
    Jepsen::new(f, Edn::of(client)).happened(output != Some(&false))
}
