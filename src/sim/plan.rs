//! Plans: all that a run depends on, as plain data.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use smallvec::{SmallVec, smallvec};

use super::{Action, ArmedFault, Clock, DiskFault, Link, Links, MessageName, Retry, TimerName};
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
    /// How many of the nodes, the last ones, are no members as the world begins: they are up, and nobody needs them. At least one node
    /// is a member.
    pub spares: usize,
    /// How long a message takes whose fate is boring.
    pub latency: Duration,
    /// How links carry messages: the system's choice, and no decision.
    pub links: Links,
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
    /// Clients ask one thing after the other: the next when they have the answer to the one before, or have waited so long for it in
    /// all; and not before it is planned. A client is a [session](crate::protocol::Workload::session) of the workload; requests of none
    /// are of one client for each node. Without it nobody waits.
    pub closed_loop: Option<Duration>,
    /// What clients ask.
    pub requests: Vec<PlannedRequest>,
    /// Which faults strike.
    pub faults: Vec<PlannedFault>,
    /// Which messages have a fate that is not boring.
    pub fates: IndexMap<MessageName, Fate>,
    /// What goes wrong with disks. Of two that are about the same crash or write the first counts.
    pub disk: Vec<DiskFault>,
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
            spares: 0,
            latency: Duration::from_millis(1),
            links: Links::Datagram,
            heal_at: Time::from_millis(100),
            core: None,
            settle: Duration::from_secs(10),
            knobs: Knobs::default(),
            closed_loop: None,
            requests: Vec::new(),
            faults: Vec::new(),
            fates: IndexMap::new(),
            disk: Vec::new(),
            timers: IndexMap::new(),
            clocks: IndexMap::new(),
            armed: Vec::new(),
        }
    }

    /// How many of the nodes are members as the world begins: the first ones.
    #[must_use]
    pub fn member_count(&self) -> usize {
        let node_count = self.node_count.clamp(1, NODE_COUNT_MAX);
        node_count - self.spares.min(node_count - 1)
    }

    /// The number of decisions: requests and their retries, faults, fates, knobs, disk faults, spare nodes, late timers, clocks, armed
    /// faults, and a core. The measure of a counterexample.
    #[must_use]
    pub fn decision_count(&self) -> usize {
        let listed = self.requests.len() + self.faults.len() + self.fates.len() + self.knobs.len();
        let retries: usize = self.requests.iter().map(|request| request.retries.len()).sum();
        let more = self.timers.len() + self.clocks.len() + self.armed.len();
        listed + retries + self.disk.len() + self.spares + more + usize::from(self.core.is_some())
    }
}

/// All that it says; nothing of what not every system has, if there is none: knobs, disk faults, late timers, clocks, armed faults.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, node_count, latency, links, heal_at, core, settle, knobs, closed_loop, .. } = self;
        let Self { spares, requests, faults, fates, disk, timers, clocks, armed, .. } = self;
        let mut plan = f.debug_struct("Plan");
        plan.field("seed", seed).field("node_count", node_count).field("latency", latency).field("heal_at", heal_at);
        plan.field("core", core).field("settle", settle);
        if *spares > 0 {
            plan.field("spares", spares);
        }
        if *links != Links::Datagram {
            plan.field("links", links);
        }
        if closed_loop.is_some() {
            plan.field("closed_loop", closed_loop);
        }
        if !knobs.is_empty() {
            plan.field("knobs", knobs);
        }
        plan.field("requests", requests).field("faults", faults).field("fates", fates);
        if !disk.is_empty() {
            plan.field("disk", disk);
        }
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
#[derive(Clone, PartialEq)]
pub struct PlannedRequest {
    /// When it reaches the node.
    pub at: Time,
    /// Which node.
    pub node: NodeId,
    /// What.
    pub action: Action,
    /// When the client asks again, and whom, if it has no answer by then: one after the other.
    pub retries: Vec<Retry>,
}

impl PlannedRequest {
    /// A request of a client that asks once.
    #[must_use]
    pub fn new(at: Time, node: NodeId, action: Action) -> Self {
        Self { at, node, action, retries: Vec::new() }
    }
}

/// All that it says; of retries nothing if there are none.
impl fmt::Debug for PlannedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut request = f.debug_struct("PlannedRequest");
        request.field("at", &self.at).field("node", &self.node).field("action", &self.action);
        if !self.retries.is_empty() {
            request.field("retries", &self.retries);
        }
        request.finish()
    }
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
