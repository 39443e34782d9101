//! What waits in the queue.

use super::Link;
use crate::machine::{NodeId, StateMachine};

/// What waits in the queue.
#[repr(u64)]
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
