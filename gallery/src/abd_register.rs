//! The ABD register: an atomic register on majorities, without consensus (Attiya, Bar-Noy and Dolev, "Sharing Memory Robustly in
//! Message-Passing Systems", JACM 1995; with many writers: Lynch and Shvartsman, FTCS 1997).
//!
//! An operation asks a majority for the latest time stamp, and then stores at a majority: a write what is new, a read what it has found.

use std::collections::BTreeMap;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::Liveness;
use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, StateMachine};

use crate::history::{Atomic, Op, Request, Stamp};

bugs! {
    /// A read returns what it has found without storing it at a majority: of two reads the later one may find what is older. (Attiya,
    /// Bar-Noy and Dolev 1995, on the second phase of reads.)
    NoWriteBack = "no-write-back",
    /// Time stamps are numbers alone: two writers who know the same latest one choose the same. (Lynch and Shvartsman 1997: a tag is a
    /// number and the writer's id.)
    StampsCollide = "stamps-collide",
    /// A reply that the network delivers twice counts for two. (Attiya, Bar-Noy and Dolev 1995 send over links that double nothing.)
    DoubledReply = "doubled-reply",
    /// Half of the nodes are taken for a majority: two halves need not meet. (Gifford, "Weighted Voting for Replicated Data", SOSP 1979.)
    HalfIsEnough = "half-is-enough",
    /// What a node stores is not on its disk. (The paper's nodes do not come back; those that do must remember.)
    StoredInMemory = "stored-in-memory",
    /// A node takes whatever it is told to store, also what is older than what it has. (Same paper, the receipt of a write.)
    StoresOlder = "stores-older",
}

/// A time stamp, and the value that was written with it.
pub type Stamped = (Stamp, u64);

/// What nodes tell each other.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Message {
    Query { id: RequestId },
    Found { id: RequestId, latest: Stamped },
    Store { id: RequestId, latest: Stamped },
    Stored { id: RequestId },
}

/// A node: a replica, and the clients that are connected to it.
pub struct Abd {
    bug: Option<Bug>,
    /// What it has stored.
    latest: Stamped,
    running: BTreeMap<RequestId, Running>,
}

/// An operation that goes on.
struct Running {
    request: Request,
    /// The latest that it knows of, or what it stores.
    latest: Stamped,
    stores: bool,
    replied: Vec<NodeId>,
}

impl Abd {
    fn boot(Boot { durable, .. }: Boot<Stamped>, bug: Option<Bug>) -> Self {
        Self { bug, latest: durable, running: BTreeMap::new() }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Asks all nodes, this one included, what this phase asks.
    fn ask(&self, id: RequestId, env: &mut Env<'_, Self>) {
        let Some(Running { latest, stores, .. }) = self.running.get(&id) else { return };
        let message = if *stores { Message::Store { id, latest: *latest } } else { Message::Query { id } };
        env.nodes().for_each(|node| env.send(node, message.clone()));
        env.set_timer(id, Duration::from_millis(50));
    }

    fn on_reply(&mut self, from: NodeId, id: RequestId, found: Option<Stamped>, env: &mut Env<'_, Self>) {
        let (counts_copies, half) = (self.has(Bug::DoubledReply), self.has(Bug::HalfIsEnough));
        let (reads_once, collide) = (self.has(Bug::NoWriteBack), self.has(Bug::StampsCollide));
        let Some(running) = self.running.get_mut(&id).filter(|running| running.stores == found.is_none()) else {
            return;
        };
        running.latest = running.latest.max(found.unwrap_or_default());
        if counts_copies || !running.replied.contains(&from) {
            running.replied.push(from);
        }
        let needed = if half { env.node_count().div_ceil(2) } else { env.node_count() / 2 + 1 };
        if running.replied.len() < needed {
            return;
        }
        if running.stores || reads_once && running.request == Request::Read {
            env.mark(if running.request == Request::Read { "read" } else { "written" });
            env.respond(id, running.latest);
            self.running.remove(&id);
            return env.cancel_timer(id);
        }
        if running.request == Request::Write {
            let ((number, _), writer) = (running.latest.0, if collide { 0 } else { u64::from(id.0) + 1 });
            running.latest = ((number + 1, writer), id.0.into());
        }
        (running.stores, running.replied) = (true, Vec::new());
        self.ask(id, env);
    }
}

impl StateMachine for Abd {
    type Message = Message;
    type Timer = RequestId; // a phase that goes on
    type Request = Request;
    type Response = Stamped;
    type Durable = Stamped;

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        let (latest, replied) = (Stamped::default(), Vec::new());
        self.running.insert(id, Running { request, latest, stores: false, replied });
        self.ask(id, env);
    }

    fn on_timer(&mut self, id: RequestId, env: &mut Env<'_, Self>) {
        self.ask(id, env);
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        match message {
            Message::Query { id } => env.send(from, Message::Found { id, latest: self.latest }),
            Message::Found { id, latest } => self.on_reply(from, id, Some(latest), env),
            Message::Store { id, latest } => {
                if latest > self.latest || self.has(Bug::StoresOlder) {
                    self.latest = latest;
                    if !self.has(Bug::StoredInMemory) {
                        env.persist(|disk| *disk = latest);
                    }
                }
                env.send(from, Message::Stored { id });
            }
            Message::Stored { id } => self.on_reply(from, id, None, env),
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Query { .. } => "query",
            Message::Found { .. } => "found",
            Message::Store { .. } => "store",
            Message::Stored { .. } => "stored",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        let ((number, writer), value) = self.latest;
        [number, writer, value].into_iter().for_each(|number| digest.fold(number));
    }
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Abd> {
    Harness::new(crate::system_name("abd-register", bug), move |boot| Abd::boot(boot, bug))
        .nodes(3..=5)
        .requests(Request::draw)
        .check(Atomic::new(|_, request, (stamp, value): &Stamped| {
            Some(if *request == Request::Write { Op::Write(*stamp, *value) } else { Op::Read(*stamp, *value) })
        }))
        .check(Liveness::new())
        .must_reach(["read", "written"])
        .snapshots(crate::SNAPSHOTS)
}
