//! Chain replication (van Renesse and Schneider, "Chain Replication for Supporting High Throughput and Availability", OSDI 2004).
//!
//! Writes enter at the head and go down the chain; the tail answers them, and all reads. The paper's servers fail by stopping, and
//! somebody notices: here a server that has crashed says so when it is back, and only then does the master, node 0, take it out of the
//! chain. It does not join again.

use std::collections::BTreeMap;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::Nodes;
use distributed_data_consistency::strategy::Profile;

use crate::history::{Atomic, Request, Response, versioned};

bugs! {
    /// Any server of the chain answers reads, from what it has. (van Renesse and Schneider 2004, section 3; what it takes to do so: Terrace
    /// and Freedman, "Object Storage on CRAQ", USENIX ATC 2009.)
    ReadsAnywhere = "reads-not-from-tail",
    /// The head answers a write before the tail has it. (van Renesse and Schneider 2004, section 3.)
    AnsweredByHead = "answered-by-head",
    /// The master takes whoever is silent for dead; but a tail that is cut off still answers. (Same paper, section 2: fail-stop is assumed.)
    SilentIsDead = "silent-is-dead",
    /// A server takes each update as the next one, for its links lose nothing and keep the order. (Same paper, section 3: reliable FIFO
    /// links are assumed.)
    GapApplied = "gap-applied",
    /// Updates that a failed server had not passed on are not sent again to its successor. (Same paper, section 3.3, on Sent.)
    NotResent = "not-resent",
}

/// A write: which request, and the node that its client asked.
pub type Update = (RequestId, NodeId);

/// What nodes tell each other.
#[derive(Clone, Debug)]
pub enum Message {
    /// To the master: I am there; and I have lost all, or not.
    Ping(bool),
    /// From the master: the so-manieth chain.
    Chain(u64, Vec<NodeId>),
    /// The so-manieth update, to the next server of the chain.
    Update(u64, Update),
    /// The tail has so many, to the server before.
    Ack(u64),
    /// To head or tail, for a client.
    Ask(RequestId, Request),
    /// To the client's node.
    Answer(RequestId, Response),
}

/// What wakes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Time to say who is there, and to send again what was not acknowledged.
    Tick,
    /// Clients wait.
    Clients,
}

/// All that survives a crash: that the node has run; of the master the chain as well.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    has_run: bool,
    number: u64,
    chain: Vec<NodeId>,
}

const TICK: Duration = Duration::from_millis(50);
const MASTER: NodeId = NodeId::new(0);

/// The master, or a server of the chain; and the clients that are connected to it.
pub struct Server {
    bug: Option<Bug>,
    me: NodeId,
    number: u64,
    chain: Vec<NodeId>,
    /// It has crashed, and lost what it had.
    pub is_lost: bool,
    /// As the master: when each server was heard of last.
    heard: BTreeMap<NodeId, Time>,
    updates: Vec<Update>,
    /// So many of them are known to be at the tail.
    acked: u64,
    waiting: BTreeMap<RequestId, Request>,
}

impl Server {
    fn boot(Boot { id, node_count, durable, .. }: Boot<Disk>, bug: Option<Bug>) -> Self {
        let first = || (1..node_count).map(NodeId::new).collect();
        let chain = if durable.chain.is_empty() { first() } else { durable.chain };
        let is_lost = durable.has_run && id != MASTER;
        let (heard, updates, waiting) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { bug, me: id, number: durable.number, chain, is_lost, heard, updates, acked: 0, waiting }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn is_head(&self) -> bool {
        !self.is_lost && self.chain.first() == Some(&self.me)
    }

    fn is_tail(&self) -> bool {
        !self.is_lost && self.chain.last() == Some(&self.me)
    }

    /// The server so many places after this one.
    fn neighbour(&self, offset: isize) -> Option<NodeId> {
        let place = self.chain.iter().position(|node| *node == self.me)?;
        self.chain.get(place.checked_add_signed(offset)?).copied()
    }

    /// The master: a server is there.
    fn on_ping(&mut self, from: NodeId, is_lost: bool, env: &mut Env<'_, Self>) {
        self.heard.insert(from, env.now());
        if is_lost {
            self.take_out(from, env);
        }
        env.send(from, Message::Chain(self.number, self.chain.clone()));
    }

    fn take_out(&mut self, dead: NodeId, env: &mut Env<'_, Self>) {
        if self.chain.contains(&dead) && self.chain.len() > 1 {
            let is_end = self.chain.first() == Some(&dead) || self.chain.last() == Some(&dead);
            env.mark(if is_end { "end of the chain taken out" } else { "middle of the chain taken out" });
            self.number += 1;
            self.chain.retain(|node| *node != dead);
            let (number, chain) = (self.number, self.chain.clone());
            env.persist(|disk| (disk.number, disk.chain) = (number, chain));
        }
    }

    fn on_chain(&mut self, number: u64, chain: Vec<NodeId>, env: &mut Env<'_, Self>) {
        if number <= self.number || self.me == MASTER {
            return;
        }
        (self.number, self.chain) = (number, chain);
        if self.has(Bug::NotResent) {
            self.acked = self.updates.len() as u64;
        }
        self.pass_on(env);
    }

    /// Sends on what the tail is not known to have; the tail has all.
    fn pass_on(&mut self, env: &mut Env<'_, Self>) {
        if self.is_lost {
            return;
        }
        if self.is_tail() {
            return self.on_ack(self.updates.len() as u64, env);
        }
        if let Some(next) = self.neighbour(1) {
            for (number, update) in (1..).zip(&self.updates).skip(self.acked as usize) {
                env.send(next, Message::Update(number, *update));
            }
        }
    }

    fn on_update(&mut self, from: NodeId, number: u64, update: Update, env: &mut Env<'_, Self>) {
        if self.is_lost || self.neighbour(-1) != Some(from) {
            return;
        }
        let have = self.updates.len() as u64;
        if number == have + 1 || number > have && self.has(Bug::GapApplied) {
            self.updates.push(update);
            if let Some(next) = self.neighbour(1) {
                env.send(next, Message::Update(self.updates.len() as u64, update));
            }
        }
        if self.is_tail() {
            self.on_ack(self.updates.len() as u64, env);
        }
    }

    /// So many updates are at the tail: the tail tells the clients, and everybody whoever is before it.
    fn on_ack(&mut self, count: u64, env: &mut Env<'_, Self>) {
        let before = self.acked;
        self.acked = before.max(count.min(self.updates.len() as u64));
        if let Some(previous) = self.neighbour(-1) {
            env.send(previous, Message::Ack(self.acked));
        }
        if self.is_tail() {
            for (number, (id, from)) in (1..).zip(self.updates.clone()).skip(before as usize) {
                env.mark("written");
                self.answer(from, id, (number, Some(id.0)), env);
            }
        }
    }

    fn on_ask(&mut self, from: NodeId, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        let known = self.updates.iter().position(|(other, _)| *other == id).map(|place| place as u64 + 1);
        match (request, known) {
            (Request::Write, Some(number))
                if self.is_head() && (number <= self.acked || self.has(Bug::AnsweredByHead)) =>
            {
                self.answer(from, id, (number, Some(id.0)), env);
            }
            (Request::Write, Some(_)) => {}
            (Request::Write, _) if self.is_head() => {
                self.updates.push((id, from));
                self.pass_on(env);
                if self.has(Bug::AnsweredByHead) {
                    self.answer(from, id, (self.updates.len() as u64, Some(id.0)), env);
                }
            }
            (Request::Read, _) if self.is_tail() || self.has(Bug::ReadsAnywhere) && self.serves() => {
                env.mark("read");
                let last = self.updates.last().map(|(id, _)| id.0);
                self.answer(from, id, (self.updates.len() as u64, last), env);
            }
            _ => {}
        }
    }

    fn serves(&self) -> bool {
        !self.is_lost && self.chain.contains(&self.me)
    }

    /// Asks whoever should know; and at the second time all.
    fn ask(&mut self, id: RequestId, request: &Request, env: &mut Env<'_, Self>) {
        let end = if *request == Request::Write { self.chain.first() } else { self.chain.last() };
        match end.copied().filter(|end| *end != self.me && !(self.has(Bug::ReadsAnywhere) && self.serves())) {
            Some(end) => env.send(end, Message::Ask(id, request.clone())),
            None => self.on_ask(self.me, id, request.clone(), env),
        }
    }

    fn answer(&mut self, to: NodeId, id: RequestId, response: Response, env: &mut Env<'_, Self>) {
        if to != self.me {
            env.send(to, Message::Answer(id, response));
        } else if self.waiting.remove(&id).is_some() {
            env.respond(id, response);
        }
    }
}

impl StateMachine for Server {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Disk;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        env.persist(|disk| disk.has_run = true);
        env.set_timer(Timer::Tick, TICK);
        self.heard = env.peers().map(|node| (node, env.now())).collect();
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        self.waiting.insert(id, request.clone());
        self.ask(id, &request, env);
        env.set_timer(Timer::Clients, Duration::from_millis(100));
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Tick if self.me == MASTER => {
                let is_silent = |(node, at): (&NodeId, &Time)| (env.now() - *at > TICK * 4).then_some(*node);
                let silent: Vec<NodeId> = self.heard.iter().filter_map(is_silent).collect();
                if self.has(Bug::SilentIsDead) {
                    silent.into_iter().for_each(|node| self.take_out(node, env));
                }
                env.set_timer(Timer::Tick, TICK);
            }
            Timer::Tick => {
                env.send(MASTER, Message::Ping(self.is_lost));
                self.pass_on(env);
                env.set_timer(Timer::Tick, TICK);
            }
            Timer::Clients => {
                for (id, request) in self.waiting.clone() {
                    env.broadcast(&Message::Ask(id, request.clone()));
                    self.on_ask(self.me, id, request, env);
                }
                if !self.waiting.is_empty() {
                    env.set_timer(Timer::Clients, Duration::from_millis(100));
                }
            }
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        match message {
            Message::Ping(is_lost) => self.on_ping(from, is_lost, env),
            Message::Chain(number, chain) => self.on_chain(number, chain, env),
            Message::Update(number, update) => self.on_update(from, number, update, env),
            Message::Ack(count) if !self.is_lost && self.neighbour(1) == Some(from) => self.on_ack(count, env),
            Message::Ack(_) => {}
            Message::Ask(id, request) => self.on_ask(from, id, request, env),
            Message::Answer(id, response) => self.answer(self.me, id, response, env),
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Ping(_) => "ping",
            Message::Chain(..) => "chain",
            Message::Update(..) => "update",
            Message::Ack(_) => "ack",
            Message::Ask(..) => "ask",
            Message::Answer(..) => "answer",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        [self.number, self.acked].into_iter().for_each(|number| digest.fold(number));
        self.updates.iter().for_each(|(id, _)| digest.fold(id.0.into()));
    }
}

/// As long as one server of the chain has what it had, clients are answered.
fn progress(nodes: Nodes<'_, Server>) -> Result<(), String> {
    let Some(master) = nodes.get(MASTER) else { return Ok(()) };
    let is_lost = |node: &NodeId| nodes.get(*node).is_none_or(|server| server.is_lost);
    match nodes.up().find(|(_, server)| !server.waiting.is_empty()) {
        Some((node, _)) if !master.chain.iter().all(is_lost) => Err(format!("clients of node {node} still wait")),
        _ => Ok(()),
    }
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Server> {
    let profile = Profile { hostile_max: Duration::from_secs(1), pause_permille: 200, ..Profile::hostile() };
    Harness::new(crate::system_name("chain-replication", bug), move |boot| Server::boot(boot, bug))
        .nodes(3..=5)
        .requests(|rng| if rng.chance(600) { Request::Write } else { Request::Read })
        .profile(profile)
        .settle(Duration::from_secs(2))
        .check(Atomic::new(versioned))
        .at_rest("progress", progress)
        .must_reach(["written", "read", "end of the chain taken out", "middle of the chain taken out"])
        .snapshots(crate::SNAPSHOTS)
}
