//! Messages that wait: to be taken in, or to be sent. How many they may be is bounded, and how many bytes they may take.

use std::collections::VecDeque;

use super::config::Config;
use super::error::StoreError;
use super::message::{Envelope, Message};
use crate::protocol::NodeId;

/// What waits, first in first out.
#[derive(Debug)]
struct Queue<T> {
    waiting: VecDeque<(T, usize)>,
    /// invariant: the sum of the sizes in `waiting`.
    bytes: usize,
}

impl<T> Queue<T> {
    const fn new() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0 }
    }

    fn push(&mut self, item: T, bytes: usize) {
        self.waiting.push_back((item, bytes));
        self.bytes += bytes;
    }

    fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.waiting.pop_front()?;
        self.bytes -= bytes;
        Some(item)
    }
}

/// Messages that were delivered and wait to be taken in.
#[derive(Debug)]
pub(super) struct Inbox(Queue<Envelope>);

impl Inbox {
    pub(super) const fn new() -> Self {
        Self(Queue::new())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.waiting.is_empty()
    }

    /// Takes a message, or refuses it and changes nothing. An empty inbox takes any: one that is larger than the limit would
    /// never come in otherwise.
    pub(super) fn push(&mut self, envelope: Envelope, config: &Config) -> Result<(), StoreError> {
        let (waiting, bytes) = (self.0.waiting.len(), envelope.message.bytes());
        if waiting >= config.inbox_max {
            return Err(StoreError::InboxFull { waiting });
        }
        if waiting > 0 && bytes > config.inbox_bytes_max.saturating_sub(self.0.bytes) {
            let (bytes_waiting, bytes_max) = (self.0.bytes, config.inbox_bytes_max);
            return Err(StoreError::InboxBytesFull { bytes, bytes_waiting, bytes_max });
        }
        self.0.push(envelope, bytes);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<Envelope> {
        self.0.pop()
    }
}

/// A message that waits to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// `None` for every other node: an update waits once, however many peers there are.
    pub(super) to: Option<NodeId>,
    pub(super) message: Message,
}

/// Messages that wait to be sent. A full one forgets its oldest, which anti-entropy makes up for.
#[derive(Debug)]
pub(super) struct Outbox(Queue<Outgoing>);

impl Outbox {
    pub(super) const fn new() -> Self {
        Self(Queue::new())
    }

    /// True if the next message would take the place of the oldest.
    pub(super) fn is_full(&self, config: &Config) -> bool {
        self.0.waiting.len() >= config.outbox_max || self.0.bytes >= config.outbox_bytes_max
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Outgoing> {
        self.0.waiting.iter().map(|(outgoing, _)| outgoing)
    }

    /// Takes a message. It is sent however large it is, if any may wait at all.
    pub(super) fn push(&mut self, to: Option<NodeId>, message: Message, config: &Config) {
        let bytes = message.bytes();
        self.0.push(Outgoing { to, message }, bytes);
        while self.0.waiting.len() > config.outbox_max
            || (self.0.bytes > config.outbox_bytes_max && self.0.waiting.len() > 1)
        {
            self.0.pop();
        }
    }

    /// Takes an answer. Nobody can make up for a part of it that is forgotten, for the next answer may have just as many
    /// batches: so it has room as a whole, whatever the limits.
    pub(super) fn push_answer(&mut self, to: NodeId, batches: Vec<Message>, config: &Config) {
        let bytes: usize = batches.iter().map(Message::bytes).sum();
        let room = config.outbox_max.saturating_sub(batches.len());
        let bytes_room = config.outbox_bytes_max.saturating_sub(bytes);
        while self.0.waiting.len() > room || self.0.bytes > bytes_room {
            self.0.pop();
        }
        for message in batches {
            let bytes = message.bytes();
            self.0.push(Outgoing { to: Some(to), message }, bytes);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        self.0.pop()
    }
}
