//! The same nodes on real threads.
//!
//! [`SharedNode`] is one node for many threads. [`Cluster`] is many nodes, each on a thread of its own, of any
//! [`StateMachine`](crate::protocol::StateMachine): the code that the simulator has proven, and the same pieces that drive it
//! there. A threaded run can be recorded, and is then a [`Plan`](crate::sim::Plan) like any other.
//!
//! # What an acknowledgement means
//!
//! An answer reaches the client after the step that gave it is over: whatever the node did before it answered (what it changed,
//! made durable, and handed to the network) has happened. What that is worth is the machine's promise, not the runtime's. Of the
//! [store](crate::store) it is: *the write is on this node, and on its way to all others*. From then on no loss, delay,
//! duplicate or partition takes it away, and it is never dropped because a queue is full: messages that find no room are made up for by
//! anti-entropy. It dies only if its node crashes before any other has heard of it, for the store keeps no data on disk. Who
//! needs more asks for more: a machine may put off its answer until others have the write.
//!
//! What is *not* acknowledged may have happened or not; [`ClusterError::may_have_happened`] tells for each error whether it can.

mod cluster;
mod locks;
mod shared;

pub use cluster::{Builder, Client, Cluster, ClusterError, LinkFaults, NodeState, Stopped};
pub use shared::SharedNode;
