//! What waits in the queue, and what a node is about to handle.

use super::{Input, Link, NameRef};
use crate::machine::{Digest, NodeId, RequestId, StateMachine};

/// What waits in the queue.
pub(super) enum Pending<M: StateMachine> {
    Delivery {
        link: Link,
        number: u32,
        /// How many messages were sent before, and this one: later sent is larger.
        sent: u64,
        message: M::Message,
    },
    Timer {
        node: NodeId,
        life: u32,
        token: u64,
    },
    Request(u32),
    Fault(usize),
    PartitionEnd(usize),
    Restart {
        node: NodeId,
        life: u32,
    },
    Heal,
}

/// What a node is about to handle.
pub(crate) enum Work<M: StateMachine> {
    Start,
    Message { link: Link, number: u32, message: M::Message },
    Request { id: RequestId, request: M::Request },
    Timer { timer: M::Timer },
}

impl<M: StateMachine> Work<M> {
    pub(super) fn input(&self, life: u32) -> Input<'_, M> {
        match self {
            Self::Start => Input::Start { life },
            Self::Message { link, number, message } => {
                Input::Message { name: NameRef { link: *link, kind: M::kind(message), number: *number }, message }
            }
            Self::Request { id, request } => Input::Request { id: *id, request },
            Self::Timer { timer } => Input::Timer { timer },
        }
    }

    /// What the digest sees of it.
    pub(super) fn fold(&self, node: NodeId, digest: &mut Digest) {
        let (tag, from) = match self {
            Self::Start => (1, 0),
            Self::Message { link, .. } => (2, link.from.index() as u64),
            Self::Request { id, .. } => (3, u64::from(id.0)),
            Self::Timer { .. } => (4, 0),
        };
        digest.fold(tag | (node.index() as u64) << 3 | from << 32);
        if let Self::Message { message, .. } = self {
            digest.fold_bytes(M::kind(message).as_bytes());
        }
    }
}
