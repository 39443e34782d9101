//! What waits in the queue.

use super::Link;
use crate::protocol::{NodeId, StateMachine};

/// What waits in the queue.
/// All that a variant holds begins at the same place, and the whole is copied in words: a tag that shared a word with it
/// would make each copy wait for the one before.
#[repr(u64)]
pub(super) enum Pending<M: StateMachine> {
    Delivery {
        link: Link,
        number: u32,
        /// How many messages were sent before, and this one; it wraps.
        sent: u32,
        message: M::Message,
    },
    Timer {
        node: NodeId,
        incarnation: u32,
        token: u64,
        /// Which setting of its kind it is; 0 when nobody counts.
        number: u32,
    },
    Request(u32),
    Fault(usize),
    PartitionEnd(usize),
    /// An armed fault strikes for which the time has come, or some time after `that` node has said something.
    Armed {
        fault: u32,
        that: Option<NodeId>,
    },
    /// What an armed fault did at this place ends.
    ArmedEnd(u32),
    Restart {
        node: NodeId,
        incarnation: u32,
    },
    Heal,
    /// A session may begin, if it is still the one that is awaited.
    Open {
        pair: Link,
        number: u32,
    },
    /// The node that the link begins at hears that its session with the other has broken, or begins.
    Session {
        link: Link,
        incarnation: u32,
        begins: bool,
    },
    /// A client has had no answer for long enough, and asks again.
    Retry {
        id: u32,
        number: u32,
    },
    /// A client waits no longer for this answer.
    GiveUp(u32),
}
