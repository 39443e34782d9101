//! A little world with a network that a script drives, and a ghost that knows what happened before what. The ghost
//! never looks at clocks.

use std::collections::BTreeSet;

use distributed_data_consistency::causality::Dot;
use distributed_data_consistency::store::{Envelope, Message, Node, Write as Sent};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{Plain, cluster};

/// One thing that happens. Nodes and keys are taken modulo how many there are, so every script can be run.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Put {
        node: usize,
        key: usize,
    },
    /// A message of the network reaches its inbox; a copy may stay, to come again later.
    Deliver {
        which: Index,
        again: bool,
    },
    Drop {
        which: Index,
    },
    Process {
        node: usize,
    },
    Sync {
        node: usize,
        peer: usize,
    },
    /// The versions of a message come in by hand, through the plain interface.
    ByHand {
        which: Index,
    },
}

const KEYS: [&str; 3] = ["cart", "user", "page"];

fn step(by_hand: u32) -> impl Strategy<Value = Step> {
    let node = || 0..5_usize;
    prop_oneof![
        4 => (node(), 0..KEYS.len()).prop_map(|(node, key)| Step::Put { node, key }),
        8 => (any::<Index>(), prop::bool::weighted(0.3)).prop_map(|(which, again)| Step::Deliver { which, again }),
        2 => any::<Index>().prop_map(|which| Step::Drop { which }),
        6 => node().prop_map(|node| Step::Process { node }),
        1 => (node(), node()).prop_map(|(node, peer)| Step::Sync { node, peer }),
        by_hand => any::<Index>().prop_map(|which| Step::ByHand { which }),
    ]
}

/// How many nodes and keys, and what happens.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) node_count: usize,
    key_count: usize,
    steps: Vec<Step>,
}

impl Script {
    /// The same, but that the others write what the last node would have written.
    pub(crate) fn with_a_silent_last_node(mut self) -> Self {
        for step in &mut self.steps {
            if let Step::Put { node, .. } = step {
                *node %= self.node_count - 1;
            }
        }
        self
    }
}

fn scripts_with(by_hand: u32) -> impl Strategy<Value = Script> {
    (2..=5_usize, 2..=KEYS.len(), vec(step(by_hand), 0..120)).prop_map(|(node_count, key_count, steps)| Script {
        node_count,
        key_count,
        steps,
    })
}

/// Any script in which all messages go through the native interface.
pub(crate) fn scripts() -> impl Strategy<Value = Script> {
    scripts_with(0)
}

/// Any script in which some updates come in by hand.
pub(crate) fn mixed_scripts() -> impl Strategy<Value = Script> {
    scripts_with(6)
}

pub(crate) type WriteId = usize;

/// A write as the ghost knows it.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) key: usize,
    pub(crate) node: usize,
    /// *H*: the writes that it builds on, and itself.
    pub(crate) past: BTreeSet<WriteId>,
    /// What the node called it, which the ghost only keeps for others to compare.
    pub(crate) dot: Dot,
    pub(crate) clock: Vec<usize>,
}

/// Nodes, what is under way between them, and the ghost.
pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) writes: Vec<Write>,
    /// All updates that were ever sent.
    pub(crate) sent: Vec<Envelope>,
    key_count: usize,
    network: Vec<Envelope>,
    inboxes: Vec<Vec<Envelope>>,
    /// *R*, by node and key.
    processed: Vec<Vec<BTreeSet<WriteId>>>,
}

impl World {
    fn new(script: &Script) -> Self {
        Self {
            nodes: cluster(script.node_count),
            writes: Vec::new(),
            sent: Vec::new(),
            key_count: script.key_count,
            network: Vec::new(),
            inboxes: vec![Vec::new(); script.node_count],
            processed: vec![vec![BTreeSet::new(); script.key_count]; script.node_count],
        }
    }

    /// Runs a script; `check` looks at the world after each step, and is told the node to which something happened.
    pub(crate) fn run(
        script: &Script,
        mut check: impl FnMut(&Self, usize) -> Result<(), TestCaseError>,
    ) -> Result<Self, TestCaseError> {
        let mut world = Self::new(script);
        for step in &script.steps {
            if let Some(node) = world.step(step) {
                check(&world, node)?;
            }
        }
        Ok(world)
    }

    pub(crate) fn keys(&self) -> &'static [&'static str] {
        &KEYS[..self.key_count]
    }

    /// Returns the node to which something happened.
    fn step(&mut self, step: &Step) -> Option<usize> {
        let node_count = self.nodes.len();
        match *step {
            Step::Put { node, key } => {
                let node = node % node_count;
                self.put(node, key % self.key_count);
                Some(node)
            }
            Step::Deliver { ref which, again } => {
                let envelope = self.pick(which, again)?;
                let to = envelope.to.index();
                self.nodes[to].deliver(envelope.clone()).expect("expect: a right node's message is taken");
                self.inboxes[to].push(envelope);
                Some(to)
            }
            Step::Drop { ref which } => self.pick(which, false).map(|envelope| envelope.to.index()),
            Step::Process { node } => {
                let node = node % node_count;
                self.process(node);
                Some(node)
            }
            Step::Sync { node, peer } => {
                let (node, peer) = (node % node_count, peer % node_count);
                _ = self.nodes[node].start_sync(peer);
                self.collect(node);
                Some(node)
            }
            Step::ByHand { ref which } => {
                let envelope = self.pick(which, false)?;
                let to = envelope.to.index();
                self.carry_by_hand(to, &envelope.message);
                Some(to)
            }
        }
    }

    fn put(&mut self, node: usize, key: usize) {
        let id = self.writes.len();
        let mut past = self.past_of(node, key);
        past.insert(id);
        let dot = self.nodes[node].put(KEYS[key], id.to_string().into_bytes()).unwrap().dot;
        let shown = self.nodes[node].get(KEYS[key]);
        let clock = shown.into_iter().find(|shown| write_id(&shown.0) == id).map(|shown| shown.1);
        let clock = clock.expect("expect: a node shows what it has just written");
        self.writes.push(Write { key, node, past, dot, clock });
        self.processed[node][key].insert(id);
        self.collect(node);
    }

    fn pick(&mut self, which: &Index, again: bool) -> Option<Envelope> {
        if self.network.is_empty() {
            return None;
        }
        let place = which.index(self.network.len());
        Some(if again { self.network[place].clone() } else { self.network.swap_remove(place) })
    }

    fn process(&mut self, node: usize) {
        for envelope in std::mem::take(&mut self.inboxes[node]) {
            for (key, version) in carried(&envelope.message) {
                self.note(node, key, version);
            }
        }
        self.nodes[node].process_messages();
        self.collect(node);
    }

    fn carry_by_hand(&mut self, to: usize, message: &Message) {
        for (key, version) in carried(message) {
            let clock = version.clock.iter().map(|counter| counter as usize);
            let mut clock: Vec<usize> = clock.collect();
            clock.resize(self.nodes.len(), 0);
            let value = version.value.clone().expect("expect: these scripts delete nothing");
            _ = self.nodes[to].receive_update(key, value, clock);
            self.note(to, key, version);
        }
    }

    /// The ghost hears that `node` has processed a version.
    fn note(&mut self, node: usize, key: &str, sent: &Sent) {
        let key = KEYS.iter().position(|known| *known == key).expect("expect: a key of the script");
        let value = sent.value.as_ref().expect("expect: these scripts delete nothing");
        self.processed[node][key].insert(write_id(value));
    }

    fn collect(&mut self, node: usize) {
        for envelope in self.nodes[node].drain_outbox() {
            if matches!(envelope.message, Message::Update { .. }) {
                self.sent.push(envelope.clone());
            }
            self.network.push(envelope);
        }
    }

    /// What `node` has processed of `key`.
    pub(crate) fn processed(&self, node: usize, key: usize) -> &BTreeSet<WriteId> {
        &self.processed[node][key]
    }

    /// All that what `node` has processed of `key` builds on.
    pub(crate) fn past_of(&self, node: usize, key: usize) -> BTreeSet<WriteId> {
        self.processed[node][key].iter().flat_map(|write| self.writes[*write].past.iter().copied()).collect()
    }

    /// *Max*: the writes that are in no other one's past.
    pub(crate) fn latest(&self, writes: &BTreeSet<WriteId>) -> Vec<WriteId> {
        let is_obsolete =
            |write: &WriteId| writes.iter().any(|other| other != write && self.writes[*other].past.contains(write));
        writes.iter().copied().filter(|write| !is_obsolete(write)).collect()
    }

    /// What has survived somewhere: what every node must show in the end.
    pub(crate) fn survivors(&self, key: usize) -> Vec<WriteId> {
        let all = self.processed.iter().flat_map(|keys| keys[key].iter().copied()).collect();
        self.latest(&all)
    }

    /// What `node` shows of `key`, in the order of the writes.
    pub(crate) fn shown(&self, node: usize, key: usize) -> Vec<WriteId> {
        let mut shown: Vec<WriteId> = self.get(node, key).iter().map(|shown| write_id(&shown.0)).collect();
        shown.sort_unstable();
        shown
    }

    pub(crate) fn get(&self, node: usize, key: usize) -> Vec<Plain> {
        self.nodes[node].get(KEYS[key])
    }
}

fn carried(message: &Message) -> Vec<(&str, &Sent)> {
    match message {
        Message::Update(update) => vec![(&*update.key, &update.write)],
        Message::Pull(_) => Vec::new(),
        Message::Reply(reply) => {
            let states = reply.keys.iter();
            states.flat_map(|state| state.writes.iter().map(|write| (&*state.key, write))).collect()
        }
    }
}

fn write_id(value: &[u8]) -> WriteId {
    let text = std::str::from_utf8(value).expect("expect: values are numbers");
    text.parse().expect("expect: values are numbers")
}

/// True if no entry of `left` is above that of `right`.
pub(crate) fn is_within(left: &[usize], right: &[usize]) -> bool {
    left.iter().enumerate().all(|(slot, counter)| *counter <= right.get(slot).copied().unwrap_or(0))
}
