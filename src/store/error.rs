//! What can be wrong with what a node is given.

use std::fmt;

use crate::causality::{Actor, COUNTER_MAX};
use crate::protocol::NodeId;

/// Why a node refused something. A refused call has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// A cluster needs a node, and its ids run from 0.
    NoSuchNode {
        /// The id that was given.
        node: usize,
        /// How many nodes there are.
        node_count: usize,
    },
    /// A node has nothing to say to itself.
    NotAPeer {
        /// The id that was given: its own.
        node: usize,
    },
    /// A key is longer than [`Config::key_bytes_max`](super::Config::key_bytes_max).
    KeyTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// A value is longer than [`Config::value_bytes_max`](super::Config::value_bytes_max).
    ValueTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// A clock whose length is no multiple of the number of nodes.
    ClockLength {
        /// How many entries it has.
        entries: usize,
        /// How many nodes there are.
        node_count: usize,
    },
    /// A clock with more entries than [`Config::clock_slots_max`](super::Config::clock_slots_max).
    ClockTooLong {
        /// How many entries it has.
        entries: usize,
        /// How many it may have.
        entries_max: usize,
    },
    /// A clock of zeros: no write has one.
    ClockZero,
    /// A clock entry of 2^53 or more.
    CounterTooLarge {
        /// Which entry.
        slot: usize,
        /// What it holds.
        counter: u64,
    },
    /// This node has made 2^53 − 1 writes in this incarnation and can make no more.
    CounterSpent,
    /// A version whose dot and clock contradict each other.
    DotNotInClock,
    /// A context that was read from another key.
    ContextOfAnotherKey,
    /// A context that holds writes of this node which it has not made.
    ContextOfTheFuture,
    /// A delete without a dot, which no node sends.
    DotlessDelete,
    /// A batch beyond the last one, or of no batches at all.
    WrongBatch,
    /// A write that would make too many siblings. Read first, and write with the context that the read returns.
    TooManySiblings {
        /// How many there are that the client has not seen.
        siblings: usize,
        /// How many there may be.
        siblings_max: usize,
    },
    /// A message in which a node speaks for another one.
    WrongSender {
        /// Who sent it.
        from: NodeId,
        /// As whom.
        actor: Actor,
    },
    /// A message for another node.
    WrongReceiver {
        /// Whom it is for.
        to: NodeId,
    },
    /// As many messages wait as [`Config::inbox_max`](super::Config::inbox_max) allows. This one counts as never delivered.
    InboxFull {
        /// How many messages wait.
        waiting: usize,
    },
    /// With this message those that wait would take more bytes than
    /// [`Config::inbox_bytes_max`](super::Config::inbox_bytes_max) allows. It counts as never delivered.
    InboxBytesFull {
        /// How many bytes it takes.
        bytes: usize,
        /// How many bytes those take that wait.
        bytes_waiting: usize,
        /// How many they may take together.
        bytes_max: usize,
    },
    /// Bytes that are no message.
    Undecodable {
        /// What was expected, or found.
        why: String,
    },
}

impl std::error::Error for StoreError {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchNode { node_count: 0, .. } => f.write_str("cluster of 0 nodes: expected at least 1"),
            Self::NoSuchNode { node, node_count } => {
                write!(f, "node {node} of a cluster of {node_count}: expected an id from 0 to {}", node_count - 1)
            }
            Self::NotAPeer { node } => write!(f, "node {node} itself: expected one of its peers"),
            Self::KeyTooLong { bytes, bytes_max } => write!(f, "key of {bytes} bytes: expected at most {bytes_max}"),
            Self::ValueTooLong { bytes, bytes_max } => {
                write!(f, "value of {bytes} bytes: expected at most {bytes_max}")
            }
            Self::ClockLength { entries, node_count } => {
                write!(f, "clock of {entries} entries: expected a multiple of the {node_count} nodes")
            }
            Self::ClockTooLong { entries, entries_max } => {
                write!(f, "clock of {entries} entries: expected at most {entries_max}")
            }
            Self::ClockZero => f.write_str("clock of zeros: expected at least one write"),
            Self::CounterTooLarge { slot, counter } => {
                write!(f, "clock entry {slot} is {counter}: expected at most {COUNTER_MAX}")
            }
            Self::CounterSpent => write!(f, "this node has made {COUNTER_MAX} writes and can make no more"),
            Self::DotNotInClock => f.write_str("version whose dot is not its clock's entry of the writer"),
            Self::ContextOfAnotherKey => f.write_str("context of another key"),
            Self::ContextOfTheFuture => f.write_str("context that holds writes which this node has not made"),
            Self::DotlessDelete => f.write_str("delete without a dot"),
            Self::WrongBatch => f.write_str("batch beyond the last one"),
            Self::TooManySiblings { siblings, siblings_max } => {
                write!(f, "{siblings} siblings that the client has not seen: expected less than {siblings_max}")
            }
            Self::WrongSender { from, actor } => write!(f, "message from node {from} that speaks for {actor}"),
            Self::WrongReceiver { to } => write!(f, "message for node {to}"),
            Self::InboxFull { waiting } => {
                write!(f, "inbox full: {waiting} messages wait to be processed (`inbox_max`)")
            }
            Self::InboxBytesFull { bytes, bytes_waiting, bytes_max } => write!(
                f,
                "inbox full: message of {bytes} bytes, and {bytes_waiting} bytes wait to be processed: expected at most \
                 {bytes_max} together (`inbox_bytes_max`)"
            ),
            Self::Undecodable { why } => write!(f, "undecodable message: {why}"),
        }
    }
}
