//! Plans: all that a run depends on, as plain data.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use smallvec::{SmallVec, smallvec};

use super::{Action, ArmedFault, Clock, Link, MessageName, TimerName};
use crate::protocol::{Knobs, NodeId, Time};

/// The largest cluster a plan may describe.
pub const NODE_COUNT_MAX: usize = 4_096;

/// The most requests, faults and fates that a plan file may hold, and so the most requests that a harness may ask for. A
/// counterexample has ten; a whole world, unshrunk, some thousands.
pub const DECISIONS_MAX: usize = 1_000_000;

/// One world: how many nodes, what clients ask, which faults strike, and the fate of each message.
///
/// Plans are *total*: every plan can be run. A request or fault for a node that is not there is ignored, and so is a
/// fate for a message that is never sent. A plan lists only what is not boring: a message without a fate is delivered
/// once, in order, after the base latency.
#[derive(Clone, PartialEq)]
pub struct Plan {
    /// Where the plan came from. The nodes' own random streams are drawn from it, nothing else.
    pub seed: u64,
    /// How many nodes, from 1 to [`NODE_COUNT_MAX`]; what lies beyond is taken for the nearest.
    pub node_count: usize,
    /// How long a message takes whose fate is boring.
    pub latency: Duration,
    /// From here on nothing goes wrong any more: partitions end, nodes that are down restart, and each message that is
    /// sent from now on has the boring fate.
    pub heal_at: Time,
    /// Which nodes heal: of all others that are up then, none is from there on, and those that are down stay so for ever. All
    /// nodes heal if it does not say.
    pub core: Option<Vec<NodeId>>,
    /// How long the cluster may take to come to rest, after the healing and the last thing that the plan brings about after it: a
    /// request, or a message that its fate delays. A request that is planned for later than this after the healing is not made, and a
    /// message that is to come later comes then.
    pub settle: Duration,
    /// Which limits of the machine are other than in production. One that nobody asks for changes nothing.
    pub knobs: Knobs,
    /// What clients ask.
    pub requests: Vec<PlannedRequest>,
    /// Which faults strike.
    pub faults: Vec<PlannedFault>,
    /// Which messages have a fate that is not boring.
    pub fates: IndexMap<MessageName, Fate>,
    /// Which timers fire late, and by how much. A timer without an entry fires when it is due.
    pub timers: IndexMap<TimerName, Duration>,
    /// Which nodes have a clock of their own. All others have the time of the world.
    pub clocks: IndexMap<NodeId, Clock>,
    /// Faults that wait for something that a node says.
    pub armed: Vec<ArmedFault>,
}

impl Plan {
    /// A world of `node_count` nodes in which nothing goes wrong and nobody asks anything.
    #[must_use]
    pub fn new(node_count: usize) -> Self {
        Self {
            seed: 0,
            node_count,
            latency: Duration::from_millis(1),
            heal_at: Time::from_millis(100),
            core: None,
            settle: Duration::from_secs(10),
            knobs: Knobs::default(),
            requests: Vec::new(),
            faults: Vec::new(),
            fates: IndexMap::new(),
            timers: IndexMap::new(),
            clocks: IndexMap::new(),
            armed: Vec::new(),
        }
    }

    /// The number of decisions: requests, faults, fates, knobs, late timers, clocks, armed faults, and a core. The measure of a
    /// counterexample.
    #[must_use]
    pub fn decision_count(&self) -> usize {
        let drawn = self.requests.len() + self.faults.len() + self.fates.len() + self.knobs.len();
        drawn + self.timers.len() + self.clocks.len() + self.armed.len() + usize::from(self.core.is_some())
    }
}

/// All that it says; of knobs, late timers, clocks and armed faults nothing if there are none.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, node_count, latency, heal_at, core, settle, knobs, requests, faults, fates, .. } = self;
        let Self { timers, clocks, armed, .. } = self;
        let mut plan = f.debug_struct("Plan");
        plan.field("seed", seed).field("node_count", node_count).field("latency", latency).field("heal_at", heal_at);
        plan.field("core", core).field("settle", settle);
        if !knobs.is_empty() {
            plan.field("knobs", knobs);
        }
        plan.field("requests", requests).field("faults", faults).field("fates", fates);
        if !timers.is_empty() {
            plan.field("timers", timers);
        }
        if !clocks.is_empty() {
            plan.field("clocks", clocks);
        }
        if !armed.is_empty() {
            plan.field("armed", armed);
        }
        plan.finish()
    }
}

/// What a client asks when, of whom.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRequest {
    /// When it reaches the node.
    pub at: Time,
    /// Which node.
    pub node: NodeId,
    /// What.
    pub action: Action,
}

/// Which fault strikes when.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFault {
    /// When.
    pub at: Time,
    /// What.
    pub fault: Fault,
}

/// A thing that goes wrong other than with a single message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node loses everything but its durable state.
    Crash {
        /// Which.
        node: NodeId,
        /// Not at once, but in the middle of the node's next step, after this many of the step's effects.
        effects: Option<u32>,
        /// How long it stays down; without it until the world heals.
        restart: Option<Duration>,
        /// It loses its durable state as well, as with a new disk. No protocol that relies on its disk can stand that.
        wipe: bool,
    },
    /// A node handles nothing for a while, and forgets nothing: messages, requests and its own timers wait, and are handled in
    /// order when it goes on. The healing ends it at the latest; and so does a crash, but what waits then comes no sooner.
    Pause {
        /// Which.
        node: NodeId,
        /// How long.
        span: Duration,
    },
    /// Links lose what is sent over them, and what is under way on them.
    Partition {
        /// Which; both directions of a pair, or only one.
        links: Vec<Link>,
        /// How long; without it until the world heals.
        heal: Option<Duration>,
    },
}

/// What the network does with one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is lost.
    Drop,
    /// It arrives once for each of these times, counted from when it was sent. Nothing listed is [`Fate::Drop`].
    Deliver(SmallVec<[Duration; 2]>),
}

impl Fate {
    /// It arrives once, after `delay`.
    #[must_use]
    #[inline]
    pub fn delay(delay: Duration) -> Self {
        Self::Deliver(smallvec![delay])
    }

    /// It arrives once for each of `delays`.
    #[must_use]
    pub fn copies(delays: &[Duration]) -> Self {
        Self::Deliver(SmallVec::from_slice(delays))
    }
}
