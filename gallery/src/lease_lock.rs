//! A lock with leases and fencing tokens (Gray and Cheriton, "Leases", SOSP 1989; Burrows, "The Chubby lock service", OSDI 2006, on
//! sequencers; Kleppmann, "How to do distributed locking", 2016, on tokens).
//!
//! Node 0 keeps a register and grants leases on it. Whoever holds the lease reads from its own copy, and writes through with the token of
//! its lease: the newest token is the only one that counts. Leases last by each node's own clock, and clocks differ by less than a tenth.

use std::collections::BTreeMap;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::Liveness;
use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::strategy::Profile;

use crate::history::{Atomic, Request, Response, versioned};

bugs! {
    /// The register takes what a holder writes whose lease has ended, and which the network has held up: the new holder's copy is stale.
    /// (Kleppmann 2016; Burrows 2006, section 2.4.)
    TokenNotChecked = "token-not-checked",
    /// The holder counts its lease from when it is granted it, not from when it asked: it ends later than the server takes it for. (Gray and
    /// Cheriton 1989, section 2: the term at the holder is shortened by the time to receive it.)
    FromReceipt = "lease-from-receipt",
    /// The holder leaves no margin for clocks that differ. (Gray and Cheriton 1989, section 5.) Needs clocks that drift.
    NoMargin = "drift-beyond-lease",
    /// The lease is not on the server's disk: after a restart it grants another one. (Gray and Cheriton 1989, section 2: a server that
    /// recovers waits, or remembers.)
    GrantForgotten = "grant-forgotten",
    /// A grant is taken whenever it comes, also one to a question before a crash: what has been written under a later lease is not in it.
    /// (The nonce of Liskov and Cowling 2012, section 4.3, for leases; the harness found it in this file.)
    OldGrantTaken = "old-grant-taken",
    /// A holder that is asked does not look at its clock again: it holds until its timer says that it does not. (Kleppmann 2016, on pauses.)
    ByTimer = "held-by-timer",
}

/// What nodes tell each other.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Message {
    /// When it was asked for by the holder's clock comes back with the lease.
    Acquire {
        asked_at: Time,
    },
    Granted {
        token: u64,
        asked_at: Time,
        latest: Response,
    },
    Write {
        token: u64,
        id: RequestId,
    },
    Written {
        id: RequestId,
        latest: Response,
    },
    /// The token is no longer the newest.
    Refused {
        token: u64,
    },
}

/// What wakes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Clients wait.
    Again,
    /// The lease has ended.
    Ended,
}

/// How long the server grants a lease.
const LEASE: Duration = Duration::from_millis(100);
/// How long a holder counts on it.
const COUNTED_ON: Duration = Duration::from_millis(90);
const SERVER: NodeId = NodeId::new(0);

/// What the server has on its disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    token: u64,
    holder: Option<NodeId>,
    asked_at: Time,
    until: Time,
    writes: Vec<RequestId>,
}

/// A lease, as its holder sees it.
struct Lease {
    token: u64,
    until: Time,
    latest: Response,
}

/// A node: of all one is the server, and each may hold the lease.
pub struct Node {
    bug: Option<Bug>,
    disk: Disk,
    /// When it asked for a lease last, in this incarnation.
    asked_at: Option<Time>,
    /// The newest token that it has heard of.
    newest: u64,
    lease: Option<Lease>,
    waiting: BTreeMap<RequestId, Request>,
}

impl Node {
    fn boot(Boot { durable, .. }: Boot<Disk>, bug: Option<Bug>) -> Self {
        Self { bug, disk: durable, asked_at: None, newest: 0, lease: None, waiting: BTreeMap::new() }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn save(&mut self, on_disk: bool, env: &mut Env<'_, Self>, edit: impl Fn(&mut Disk)) {
        edit(&mut self.disk);
        if on_disk {
            env.persist(edit);
        }
    }

    fn latest(&self) -> Response {
        (self.disk.writes.len() as u64, self.disk.writes.last().map(|id| id.0))
    }

    /// The server: somebody wants the lease.
    fn on_acquire(&mut self, from: NodeId, asked_at: Time, env: &mut Env<'_, Self>) {
        let is_granted = env.now() < self.disk.until;
        if is_granted && self.disk.holder == Some(from) && asked_at == self.disk.asked_at {
            return env.send(from, Message::Granted { token: self.disk.token, asked_at, latest: self.latest() });
        }
        if is_granted && self.disk.holder.is_some_and(|holder| holder != from) {
            return;
        }
        let (token, until) = (self.disk.token + 1, env.now() + LEASE);
        if self.disk.holder.is_some_and(|holder| holder != from) {
            env.mark("holder changed");
        }
        self.save(true, env, |disk| disk.token = token);
        let on_disk = !self.has(Bug::GrantForgotten);
        self.save(on_disk, env, |disk| {
            (disk.holder, disk.asked_at, disk.until) = (Some(from), asked_at, until);
        });
        env.send(from, Message::Granted { token, asked_at, latest: self.latest() });
    }

    /// The server: somebody writes who has, or had, the lease.
    fn on_write(&mut self, from: NodeId, token: u64, id: RequestId, env: &mut Env<'_, Self>) {
        let known = self.disk.writes.iter().position(|other| *other == id);
        if let Some(place) = known {
            return env.send(from, Message::Written { id, latest: (place as u64 + 1, Some(id.0)) });
        }
        if token < self.disk.token {
            env.mark("old token");
            if !self.has(Bug::TokenNotChecked) {
                return env.send(from, Message::Refused { token });
            }
        }
        self.save(true, env, |disk| disk.writes.push(id));
        env.send(from, Message::Written { id, latest: self.latest() });
    }

    fn on_granted(&mut self, token: u64, asked_at: Time, latest: Response, env: &mut Env<'_, Self>) {
        let until = match self.bug {
            Some(Bug::FromReceipt) => env.now() + COUNTED_ON,
            Some(Bug::NoMargin) => asked_at + LEASE,
            _ => asked_at + COUNTED_ON,
        };
        let is_asked_for = self.asked_at == Some(asked_at) || self.has(Bug::OldGrantTaken);
        if is_asked_for && until > env.now() && token > self.newest {
            self.newest = token;
            self.lease = Some(Lease { token, until, latest });
            env.set_timer(Timer::Ended, until - env.now());
            self.serve(env);
        }
    }

    /// Serves whoever waits, as the holder; or wants to be it.
    fn serve(&mut self, env: &mut Env<'_, Self>) {
        let by_timer = self.has(Bug::ByTimer);
        let Some(lease) = self.lease.as_ref().filter(|lease| by_timer || env.now() < lease.until) else {
            if !self.waiting.is_empty() {
                // The same question for as long as its answer would be worth something.
                let asked_at = self.asked_at.filter(|at| env.now() < *at + COUNTED_ON).unwrap_or(env.now());
                self.asked_at = Some(asked_at);
                env.send(SERVER, Message::Acquire { asked_at });
            }
            return;
        };
        for (id, request) in &self.waiting {
            match request {
                Request::Write => env.send(SERVER, Message::Write { token: lease.token, id: *id }),
                Request::Read => {
                    env.mark("read");
                    env.respond(*id, lease.latest);
                }
            }
        }
        self.waiting.retain(|_, request| *request == Request::Write);
    }

    fn on_written(&mut self, id: RequestId, latest: Response, env: &mut Env<'_, Self>) {
        if let Some(lease) = &mut self.lease {
            lease.latest = lease.latest.max(latest);
        }
        if self.waiting.remove(&id).is_some() {
            env.mark("written");
            env.respond(id, latest);
        }
    }
}

impl StateMachine for Node {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Disk;

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        self.waiting.insert(id, request);
        self.serve(env);
        env.set_timer(Timer::Again, Duration::from_millis(40));
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Ended => self.lease = self.lease.take().filter(|lease| env.now() < lease.until),
            Timer::Again => {
                self.serve(env);
                if !self.waiting.is_empty() {
                    env.set_timer(Timer::Again, Duration::from_millis(40));
                }
            }
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        match message {
            Message::Acquire { asked_at } => self.on_acquire(from, asked_at, env),
            Message::Granted { token, asked_at, latest } => self.on_granted(token, asked_at, latest, env),
            Message::Write { token, id } => self.on_write(from, token, id, env),
            Message::Written { id, latest } => self.on_written(id, latest, env),
            Message::Refused { token } => {
                self.newest = self.newest.max(token);
                self.lease = self.lease.take().filter(|lease| lease.token > token);
            }
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Acquire { .. } => "acquire",
            Message::Granted { .. } => "granted",
            Message::Write { .. } => "write",
            Message::Written { .. } => "written",
            Message::Refused { .. } => "refused",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.disk.token);
        self.disk.writes.iter().for_each(|id| digest.fold(id.0.into()));
    }
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Node> {
    // Leases are lost by those who stop for a while.
    let profile = Profile { hostile_max: Duration::from_millis(600), pause_permille: 300, ..Profile::hostile() };
    Harness::new(crate::system_name("lease-lock", bug), move |boot| Node::boot(boot, bug))
        .nodes(3..=4)
        .requests(Request::draw)
        .profile(profile)
        .check(Atomic::new(versioned))
        .check(Liveness::new())
        .must_reach(["read", "written", "holder changed", "old token"])
        .snapshots(crate::SNAPSHOTS)
}
