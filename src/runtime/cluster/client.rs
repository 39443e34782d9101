//! Whoever asks nodes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::room::NoRoom;
use super::{ClusterError, Shared};
use crate::protocol::{NodeId, StateMachine};
use crate::sim::Action;

/// How long a client waits, if not told otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A handle to the nodes of a [`Cluster`](super::Cluster), for one client or many: clones are handles to the same cluster.
pub struct Client<M: StateMachine> {
    shared: Arc<Shared<M>>,
    timeout: Duration,
}

/// What a client waits for.
pub(super) type Reply<M> = Result<<M as StateMachine>::Response, ClusterError>;

/// What a client asks.
pub(super) enum Asked<M: StateMachine> {
    Request(M::Request),
    /// Becomes a request when the node takes it.
    Action(Action),
}

impl<M: StateMachine> Clone for Client<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), timeout: self.timeout }
    }
}

impl<M: StateMachine> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a client that waits for {:?}", self.timeout)
    }
}

impl<M: StateMachine> Client<M> {
    pub(super) fn new(shared: Arc<Shared<M>>) -> Self {
        Self { shared, timeout: TIMEOUT }
    }

    /// Waits so long for room and an answer together, rather than for 5 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks `node`, and waits for the answer. While the node's queue is full it waits for room.
    ///
    /// # Errors
    /// Each [`ClusterError`] says whether the request may have taken effect.
    pub fn request(&self, node: impl Into<NodeId>, request: M::Request) -> Reply<M> {
        self.ask(node.into(), Asked::Request(request), self.timeout)
    }

    /// As [`request`](Self::request), but does not wait for room.
    ///
    /// # Errors
    /// [`ClusterError::Full`] or [`ClusterError::FullOfBytes`] at once if the node's queue is full; else as [`request`](Self::request).
    pub fn try_request(&self, node: impl Into<NodeId>, request: M::Request) -> Reply<M> {
        self.ask(node.into(), Asked::Request(request), Duration::ZERO)
    }

    /// Does an action of the cluster's workload at `node`, as a plan does: it becomes a request when the node takes it, and the workload
    /// hears the response. A run that is recorded is asked in this way only.
    ///
    /// # Errors
    /// As [`request`](Self::request); [`ClusterError::NoWorkload`] if the cluster has none.
    ///
    /// # Panics
    /// If the action is of another workload.
    pub fn act(&self, node: impl Into<NodeId>, action: Action) -> Reply<M> {
        self.shared.check_action(&action)?;
        self.ask(node.into(), Asked::Action(action), self.timeout)
    }

    fn ask(&self, node: NodeId, what: Asked<M>, patience: Duration) -> Reply<M> {
        let shared = &*self.shared;
        if shared.is_recorded && matches!(what, Asked::Request(_)) {
            return Err(ClusterError::NotAnAction);
        }
        let begun = shared.clock.now();
        let bytes = match &what {
            Asked::Request(request) => M::request_bytes(request),
            Asked::Action(action) => size_of_val(action),
        };
        let (reply, replied) = bounded(1);
        let ask = super::ClientRequest { what, reply, until: begun + self.timeout, bytes };
        let mailbox = shared.mailbox(node)?;
        // Counted before it is asked whether the cluster stops, so that a cluster that drains waits for it.
        shared.quiescence.add(1);
        if shared.is_stopping.load(Ordering::SeqCst) {
            shared.quiescence.remove(1);
            return Err(ClusterError::Stopped);
        }
        let room = &mailbox.ask_room;
        let taken = room.take_by(bytes, begun + patience, shared.clock);
        if let Err(refused) = taken.and_then(|()| mailbox.asks.send(ask).map_err(|_| NoRoom::Closed)) {
            shared.quiescence.remove(1);
            return Err(match refused {
                NoRoom::Count => ClusterError::Full { node, waiting_max: room.count_max },
                NoRoom::Bytes => ClusterError::FullOfBytes { node, bytes_max: room.bytes_max },
                NoRoom::Closed => ClusterError::Stopped,
            });
        }
        match replied.recv_timeout(shared.clock.until(begun + self.timeout)) {
            Ok(reply) => reply,
            Err(RecvTimeoutError::Timeout) => Err(ClusterError::TimedOut { node, after: self.timeout }),
            Err(RecvTimeoutError::Disconnected) => Err(ClusterError::StoppedUnanswered { node }),
        }
    }
}
