//! What can become of a request, other than an answer.

use std::fmt;
use std::time::Duration;

use crate::protocol::NodeId;

/// Why a request, or an order to a node, came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterError {
    /// There is no such node. Nothing has happened.
    NoSuchNode {
        /// Who was asked.
        node: NodeId,
        /// How many there are, counted from 0.
        node_count: usize,
    },
    /// So many requests wait for the node that there was no room for another one, for as long as the client would wait. Nothing
    /// has happened.
    Full {
        /// Who was asked.
        node: NodeId,
        /// How many wait there at most.
        waiting_max: usize,
    },
    /// The requests that wait for the node hold so many bytes that there was no room for this one, for as long as the client would
    /// wait. Nothing has happened.
    FullOfBytes {
        /// Who was asked.
        node: NodeId,
        /// How many bytes wait there at most.
        bytes_max: usize,
    },
    /// The node was down. Nothing has happened.
    Down {
        /// Who was asked.
        node: NodeId,
    },
    /// The node crashed after it had taken the request, and before it answered. It may have happened or not.
    Crashed {
        /// Who was asked.
        node: NodeId,
    },
    /// The node was to be restarted, and its boot or its first step panicked: it is down.
    Panicked {
        /// Which.
        node: NodeId,
        /// What the panic said.
        text: String,
    },
    /// The cluster's workload panicked, as it made the request out of the action, or as it heard the response. The node is as it was.
    WorkloadPanicked {
        /// Who was asked.
        node: NodeId,
        /// What the panic said.
        text: String,
        /// It was at the response: the node has done what was asked.
        has_happened: bool,
    },
    /// No answer came in time. It may have happened or not, and may still happen.
    TimedOut {
        /// Who was asked.
        node: NodeId,
        /// How long the client waited.
        after: Duration,
    },
    /// The cluster has been told to stop. Nothing has happened.
    Stopped,
    /// The cluster stopped before the node answered. It may have happened or not.
    StoppedUnanswered {
        /// Who was asked.
        node: NodeId,
    },
    /// The run is recorded, and a plan holds actions of the workload, not requests: ask with
    /// [`Client::act`](super::Client::act). Nothing has happened.
    NotAnAction,
    /// The cluster has no workload to turn an action into a request. Nothing has happened.
    NoWorkload,
}

impl ClusterError {
    /// True if the request may have taken effect, or still may. Otherwise it has not and never will.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Crashed { .. } | Self::TimedOut { .. } | Self::StoppedUnanswered { .. } => true,
            Self::WorkloadPanicked { has_happened, .. } => *has_happened,
            _ => false,
        }
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchNode { node, node_count } => {
                write!(f, "there is no node {node}: expected one of {node_count}, counted from 0")
            }
            Self::Full { node, waiting_max } => {
                write!(f, "the queue of node {node} is full: {waiting_max} requests wait in it")
            }
            Self::FullOfBytes { node, bytes_max } => {
                write!(
                    f,
                    "the queue of node {node} is full: expected requests of at most {bytes_max} bytes to wait in it"
                )
            }
            Self::Panicked { node, text } => write!(f, "node {node} did not start: it panicked: {text}"),
            Self::WorkloadPanicked { node, text, has_happened: false } => {
                write!(f, "the workload panicked as it made a request for node {node}: {text}")
            }
            Self::WorkloadPanicked { node, text, has_happened: true } => {
                write!(f, "the workload panicked as it heard the response of node {node}: {text}")
            }
            Self::Down { node } => write!(f, "node {node} is down"),
            Self::Crashed { node } => write!(f, "node {node} crashed before it answered: it may have happened or not"),
            Self::TimedOut { node, after } => {
                write!(f, "node {node} did not answer within {after:?}: it may have happened or not")
            }
            Self::Stopped => f.write_str("the cluster has stopped"),
            Self::StoppedUnanswered { node } => {
                write!(f, "the cluster stopped before node {node} answered: it may have happened or not")
            }
            Self::NotAnAction => f.write_str("the run is recorded: expected an action of its workload, not a request"),
            Self::NoWorkload => f.write_str("the cluster has no workload to turn an action into a request"),
        }
    }
}

impl std::error::Error for ClusterError {}
