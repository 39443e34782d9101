//! The limits of a node.

use std::time::Duration;

use crate::protocol::Boot;

/// The limits of a node: how large each input may be, and how much of it may wait. How much is stored in the end has no
/// bound: no key and no sibling is ever dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The longest key.
    pub key_bytes_max: usize,
    /// The longest value.
    pub value_bytes_max: usize,
    /// The most entries a vector clock may have: the number of nodes times the number of incarnations. Whoever can
    /// forge messages can make a node go on to its last incarnation but one, so this bounds what a forged clock costs as well.
    pub clock_slots_max: usize,
    /// The most siblings that a write with a context may make; it is refused then. Replicated siblings are never dropped.
    pub siblings_max: usize,
    /// From how many siblings on a write is told that its key is crowded.
    pub siblings_warn: usize,
    /// The most keys in one batch of an answer to a pull.
    pub batch_keys_max: usize,
    /// A batch is closed when it holds so many bytes of keys and values.
    pub batch_bytes: usize,
    /// The longest message that [`Node::deliver_bytes`](super::Node::deliver_bytes) decodes.
    pub message_bytes_max: usize,
    /// How much memory it may take to decode one. A few bytes of a hostile message may stand for something much larger.
    pub message_memory_max: usize,
    /// The most updates that are kept for a peer that does not answer; what comes then it gets by anti-entropy alone.
    pub hints_max: usize,
    /// The most bytes that the updates take which are kept for one peer that does not answer.
    pub hints_bytes_max: usize,
    /// The most messages that wait to be taken in; what comes then is refused.
    pub inbox_max: usize,
    /// The most bytes that messages take which wait to be taken in; what comes then is refused. An empty inbox takes any message.
    pub inbox_bytes_max: usize,
    /// The most messages that wait to be sent; then the oldest is forgotten, and anti-entropy makes up for it. The batches of one
    /// answer always have room.
    pub outbox_max: usize,
    /// The most bytes that messages take which wait to be sent; then the oldest is forgotten. The newest is never forgotten for
    /// its bytes, nor any batch of one answer. An update for all peers counts once, as it is held.
    pub outbox_bytes_max: usize,
    /// How often a node that lacks something, or knows a peer that does, asks again.
    pub sync_every: Duration,
}

impl Config {
    /// These limits, where the plan does not say otherwise.
    pub(super) fn shaken<D>(self, boot: &Boot<D>) -> Self {
        let knob = |name, limit: usize| usize::try_from(boot.knob(name, limit as u64)).unwrap_or(usize::MAX);
        Self {
            batch_keys_max: knob("batch_keys_max", self.batch_keys_max),
            batch_bytes: knob("batch_bytes", self.batch_bytes),
            hints_max: knob("hints_max", self.hints_max),
            hints_bytes_max: knob("hints_bytes_max", self.hints_bytes_max),
            outbox_max: knob("outbox_max", self.outbox_max),
            outbox_bytes_max: knob("outbox_bytes_max", self.outbox_bytes_max),
            // Not 0: a node would ask again and again at one moment.
            sync_every: (boot.knobs.get("sync_every_us"))
                .map_or(self.sync_every, |micros| Duration::from_micros(micros.max(1))),
            ..self
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            key_bytes_max: 64 << 10,
            value_bytes_max: 4 << 20,
            clock_slots_max: 64 << 10,
            siblings_max: 100,
            siblings_warn: 25,
            batch_keys_max: 1_024,
            batch_bytes: 1 << 20,
            message_bytes_max: 8 << 20,
            message_memory_max: 64 << 20,
            hints_max: 1_024,
            hints_bytes_max: 64 << 20,
            inbox_max: 64 << 10,
            inbox_bytes_max: 256 << 20,
            outbox_max: 1 << 20,
            outbox_bytes_max: 256 << 20,
            sync_every: Duration::from_millis(20),
        }
    }
}
