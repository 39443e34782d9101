//! A queue.

use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};

use super::super::Model;

/// A queue that gives first what came first, and is empty at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue<V> {
    values: PhantomData<fn() -> V>,
}

/// What a client asks of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueOp<V> {
    /// This goes to the end.
    Enqueue(V),
    /// What is first is taken.
    Dequeue,
}

/// What a client of a queue is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueAnswer<V> {
    /// It is at the end.
    Done,
    /// What was first; `None` if the queue is empty.
    Taken(Option<V>),
}

impl<V> Queue<V> {
    /// A queue that is empty at first.
    #[must_use]
    pub const fn new() -> Self {
        Self { values: PhantomData }
    }
}

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone + Eq + Hash + fmt::Debug> Model for Queue<V> {
    type Input = QueueOp<V>;
    type Output = QueueAnswer<V>;
    type State = VecDeque<V>;
    type Key = ();

    fn init(&self) -> VecDeque<V> {
        VecDeque::new()
    }

    fn step(&self, queue: &VecDeque<V>, input: &QueueOp<V>, output: Option<&QueueAnswer<V>>) -> Option<VecDeque<V>> {
        match (input, output) {
            (QueueOp::Enqueue(value), None | Some(QueueAnswer::Done)) => {
                let mut after = VecDeque::with_capacity(queue.len() + 1);
                after.extend(queue.iter().cloned());
                after.push_back(value.clone());
                Some(after)
            }
            (QueueOp::Dequeue, None) => Some(queue.iter().skip(1).cloned().collect()),
            (QueueOp::Dequeue, Some(QueueAnswer::Taken(taken))) => {
                (queue.front() == taken.as_ref()).then(|| queue.iter().skip(1).cloned().collect())
            }
            _ => None,
        }
    }

    fn only_reads(&self, input: &QueueOp<V>, output: Option<&QueueAnswer<V>>) -> bool {
        matches!((input, output), (QueueOp::Dequeue, Some(QueueAnswer::Taken(None))))
    }

    /// What was put there, and nobody is known to have taken, is only in the way.
    fn may_be_seen(&self, open: &[&QueueOp<V>], known: &[(&QueueOp<V>, &QueueAnswer<V>)]) -> Vec<bool> {
        let taken = known.iter().filter_map(|(_, output)| match output {
            QueueAnswer::Taken(Some(value)) => Some(value),
            _ => None,
        });
        let taken: IndexSet<&V, foldhash::fast::FixedState> = taken.collect();
        let may = |input: &&QueueOp<V>| match input {
            QueueOp::Enqueue(value) => taken.contains(value),
            QueueOp::Dequeue => true,
        };
        open.iter().map(may).collect()
    }

    fn state_bytes(&self, queue: &VecDeque<V>) -> usize {
        size_of_val(queue) + queue.capacity() * size_of::<V>()
    }

    fn show(&self, input: &QueueOp<V>, output: Option<&QueueAnswer<V>>) -> String {
        let asked = match input {
            QueueOp::Enqueue(value) => format!("enqueue {value:?}"),
            QueueOp::Dequeue => "dequeue".to_owned(),
        };
        match output {
            None => format!("{asked} → ?"),
            Some(QueueAnswer::Done) => asked,
            Some(QueueAnswer::Taken(Some(value))) => format!("{asked} → {value:?}"),
            Some(QueueAnswer::Taken(None)) => format!("{asked} → empty"),
        }
    }
}
