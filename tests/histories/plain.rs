//! The models' objects once more, written as a client would expect them: nothing here asks a model.

use std::collections::VecDeque;

use distributed_data_consistency::check::linearizability::{
    Counter, CounterAnswer, CounterOp, Lock, LockOp, Map, Model, Queue, QueueAnswer, QueueOp, Register, RegisterAnswer,
    RegisterOp,
};
use distributed_data_consistency::protocol::Rng;

/// An object that does what it is asked.
pub(crate) trait Plain: Model + Default {
    type Held: Clone + Default + std::fmt::Debug;

    fn run(held: &mut Self::Held, input: &Self::Input) -> Self::Output;
    /// Whether an answer that was given says the same as one that was expected.
    fn is_like(given: &Self::Output, expected: &Self::Output) -> bool;
    fn draw(rng: &mut Rng) -> Self::Input;
    /// An answer that may be wrong.
    fn draw_answer(input: &Self::Input, rng: &mut Rng) -> Self::Output;
}

pub(crate) fn run_register<V: Clone + PartialEq>(held: &mut V, input: &RegisterOp<V>) -> RegisterAnswer<V> {
    match input {
        RegisterOp::Read => RegisterAnswer::Value(held.clone()),
        RegisterOp::Write(value) => {
            *held = value.clone();
            RegisterAnswer::Done
        }
        RegisterOp::CompareAndSet { from, to } => {
            let swaps = held == from;
            if swaps {
                *held = to.clone();
            }
            RegisterAnswer::Swapped(swaps)
        }
    }
}

fn draw_register<V>(rng: &mut Rng, mut value: impl FnMut(&mut Rng) -> V) -> RegisterOp<V> {
    match rng.below(5) {
        0 | 1 => RegisterOp::Read,
        2 | 3 => RegisterOp::Write(value(rng)),
        _ => RegisterOp::CompareAndSet { from: value(rng), to: value(rng) },
    }
}

fn draw_register_answer<V>(input: &RegisterOp<V>, value: V, rng: &mut Rng) -> RegisterAnswer<V> {
    match input {
        RegisterOp::Read => RegisterAnswer::Value(value),
        RegisterOp::Write(_) => RegisterAnswer::Done,
        RegisterOp::CompareAndSet { .. } => RegisterAnswer::Swapped(rng.below(2) == 0),
    }
}

impl Plain for Register<u64> {
    type Held = u64;

    fn run(held: &mut u64, input: &Self::Input) -> Self::Output {
        run_register(held, input)
    }

    fn is_like(given: &Self::Output, expected: &Self::Output) -> bool {
        given == expected
    }

    fn draw(rng: &mut Rng) -> Self::Input {
        draw_register(rng, |rng| rng.below(3))
    }

    fn draw_answer(input: &Self::Input, rng: &mut Rng) -> Self::Output {
        let value = rng.below(3);
        draw_register_answer(input, value, rng)
    }
}

impl Plain for Map<String, u64> {
    type Held = [Option<u64>; 2];

    fn run(held: &mut Self::Held, (key, input): &Self::Input) -> Self::Output {
        run_register(&mut held[usize::from(key == "b")], input)
    }

    fn is_like(given: &Self::Output, expected: &Self::Output) -> bool {
        given == expected
    }

    fn draw(rng: &mut Rng) -> Self::Input {
        let key = if rng.below(2) == 0 { "a" } else { "b" };
        (key.to_owned(), draw_register(rng, |rng| rng.below(3).checked_sub(1)))
    }

    fn draw_answer((_, input): &Self::Input, rng: &mut Rng) -> Self::Output {
        let value = rng.below(3).checked_sub(1);
        draw_register_answer(input, value, rng)
    }
}

impl Plain for Counter {
    type Held = i64;

    fn run(held: &mut i64, input: &CounterOp) -> CounterAnswer {
        if let CounterOp::Add(amount) = input {
            *held += amount;
        }
        CounterAnswer::Value(*held)
    }

    fn is_like(given: &CounterAnswer, expected: &CounterAnswer) -> bool {
        *given == CounterAnswer::Done || given == expected
    }

    fn draw(rng: &mut Rng) -> CounterOp {
        match rng.below(3) {
            0 => CounterOp::Read,
            _ => CounterOp::Add(1 + rng.below(2) as i64),
        }
    }

    fn draw_answer(input: &CounterOp, rng: &mut Rng) -> CounterAnswer {
        match (input, rng.below(2)) {
            (CounterOp::Add(_), 0) => CounterAnswer::Done,
            _ => CounterAnswer::Value(rng.below(6) as i64),
        }
    }
}

impl Plain for Queue<u64> {
    type Held = VecDeque<u64>;

    fn run(held: &mut VecDeque<u64>, input: &QueueOp<u64>) -> QueueAnswer<u64> {
        match input {
            QueueOp::Enqueue(value) => {
                held.push_back(*value);
                QueueAnswer::Done
            }
            QueueOp::Dequeue => QueueAnswer::Taken(held.pop_front()),
        }
    }

    fn is_like(given: &QueueAnswer<u64>, expected: &QueueAnswer<u64>) -> bool {
        given == expected
    }

    fn draw(rng: &mut Rng) -> QueueOp<u64> {
        if rng.below(2) == 0 { QueueOp::Dequeue } else { QueueOp::Enqueue(rng.below(4)) }
    }

    fn draw_answer(input: &QueueOp<u64>, rng: &mut Rng) -> QueueAnswer<u64> {
        match input {
            QueueOp::Enqueue(_) => QueueAnswer::Done,
            QueueOp::Dequeue => QueueAnswer::Taken(rng.below(5).checked_sub(1)),
        }
    }
}

impl Plain for Lock<u64> {
    type Held = Option<u64>;

    fn run(held: &mut Option<u64>, input: &LockOp<u64>) -> bool {
        let (granted, after) = match input {
            LockOp::Acquire(client) => (held.is_none(), Some(*client)),
            LockOp::Release(client) => (*held == Some(*client), None),
        };
        if granted {
            *held = after;
        }
        granted
    }

    fn is_like(given: &bool, expected: &bool) -> bool {
        given == expected
    }

    fn draw(rng: &mut Rng) -> LockOp<u64> {
        let client = rng.below(2);
        if rng.below(2) == 0 { LockOp::Acquire(client) } else { LockOp::Release(client) }
    }

    fn draw_answer(_input: &LockOp<u64>, rng: &mut Rng) -> bool {
        rng.below(2) == 0
    }
}
