//! Primary and backup with a view service (Alsberg and Day, "A Principle for Resilient Sharing of Distributed Resources", ICSE 1976; in
//! this form the second lab of MIT 6.824, 2012 to 2015).
//!
//! Node 0 is the view service: it says who is the primary and who the backup, and changes that only after the primary has said that it is
//! ready, so that whoever is promoted has all. The others keep nothing on their disks but that they have run: a server that has crashed
//! begins anew. Neither the loss of both nor of a primary without a backup is survived; so there is no promise that clients are answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::strategy::Profile;

use crate::history::{Atomic, Request, Response, versioned};

bugs! {
    /// The primary answers before the backup has the write: it is lost with the primary. (Alsberg and Day 1976: two-host resiliency.)
    AnsweredFirst = "answered-before-backup",
    /// The primary answers reads by itself, without asking the backup whether it is the primary still. (6.824 lab 2, hints to part B.)
    LocalRead = "local-read",
    /// A primary that hears nothing of its backup takes it for dead and goes on alone, while the view service has promoted the backup: two
    /// primaries. (Bailis and Kingsbury, "The Network is Reliable", ACM Queue 2014, on failovers by time-out.)
    TwoPrimaries = "two-primaries",
    /// A backup acknowledges what a primary of an earlier view forwards to it. (6.824 lab 2: a backup must reject what is not from the
    /// primary of its view.)
    OldPrimaryServed = "old-primary-served",
    /// Who has been named primary serves, whether it was given the state or not. (6.824 lab 2, "must be the primary or backup of the
    /// previous view", and what a server that restarts must not do.)
    EmptyPrimary = "empty-primary",
}

/// Who does what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    number: u64,
    primary: Option<NodeId>,
    backup: Option<NodeId>,
}

/// What nodes tell each other.
#[derive(Clone, Debug)]
pub enum Message {
    /// To the view service: I am there, and ready in this view; 0 after a restart.
    Ping(u64),
    /// From the view service.
    View(View),
    /// To a new backup: all there is.
    State(u64, Vec<RequestId>),
    /// It has it.
    HasState(u64),
    /// To the backup: in this view, the so-manieth time, all there is.
    Forward(u64, u64, Vec<RequestId>),
    /// It has it.
    Forwarded(u64, u64),
    /// To the primary, for a client.
    Ask(RequestId, Request),
    /// To the client's node.
    Answer(RequestId, Response),
}

/// What wakes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Time to ping, or to look who has.
    Ping,
    /// Clients wait.
    Clients,
}

/// All that survives a crash: of a server that it has run, of the view service the view.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    has_run: bool,
    view: View,
    is_acked: bool,
}

const PING: Duration = Duration::from_millis(50);
/// Whoever has not been heard of for so long is taken for dead.
const DEAD: Duration = Duration::from_millis(200);
/// The view service.
const SERVICE: NodeId = NodeId::new(0);

/// The view service, or a server; and the clients that are connected to it.
pub struct Server {
    bug: Option<Bug>,
    me: NodeId,
    disk: Disk,
    view: View,
    /// As the view service: when each server was heard of last.
    heard: BTreeMap<NodeId, Time>,
    /// True for whoever was first, or has been given the state.
    has_state: bool,
    /// As a primary: the backup has the state.
    is_synced: bool,
    journal: Vec<RequestId>,
    forwards: u64,
    /// Who waits for the backup to have the so-manieth forward; of a read what it has read.
    pending: BTreeMap<u64, (RequestId, NodeId, Response)>,
    backup_heard: Time,
    waiting: BTreeMap<RequestId, Request>,
}

impl Server {
    fn boot(Boot { id, durable, .. }: Boot<Disk>, bug: Option<Bug>) -> Self {
        Self {
            bug,
            me: id,
            view: if id == SERVICE { durable.view } else { View::default() },
            disk: durable,
            heard: BTreeMap::new(),
            has_state: false,
            is_synced: false,
            journal: Vec::new(),
            forwards: 0,
            pending: BTreeMap::new(),
            backup_heard: Time::ZERO,
            waiting: BTreeMap::new(),
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn set_view(&mut self, view: View, is_acked: bool, env: &mut Env<'_, Self>) {
        self.view = view;
        (self.disk.view, self.disk.is_acked) = (view, is_acked);
        env.persist(|disk| (disk.view, disk.is_acked) = (view, is_acked));
    }

    /// The view service: a server is there, and says in which view it is ready.
    fn on_ping(&mut self, from: NodeId, ready: u64, env: &mut Env<'_, Self>) {
        let View { number, primary, backup } = self.view;
        let serves = Some(from) == primary || Some(from) == backup;
        // It has crashed since it was ready: it does not count as heard of, so that it is replaced.
        let has_lost_all = serves && ready == 0 && self.disk.is_acked;
        if has_lost_all {
            self.heard.remove(&from);
        } else {
            self.heard.insert(from, env.now());
        }
        if Some(from) == primary && ready == number {
            self.set_view(self.view, true, env);
        }
        self.next_view(env);
        env.send(from, Message::View(self.view));
    }

    fn is_alive(&self, node: NodeId, env: &Env<'_, Self>) -> bool {
        self.heard.get(&node).is_some_and(|at| env.now() - *at < DEAD)
    }

    fn next_view(&mut self, env: &mut Env<'_, Self>) {
        let View { number, primary, backup } = self.view;
        let idle =
            env.peers().find(|node| Some(*node) != primary && Some(*node) != backup && self.is_alive(*node, env));
        let Some(old) = primary else {
            if let Some(first) = idle {
                self.set_view(View { number: 1, primary: Some(first), backup: None }, false, env);
            }
            return;
        };
        if !self.disk.is_acked {
            return;
        }
        let backup = backup.filter(|node| self.is_alive(*node, env));
        let (primary, backup) = match (self.is_alive(old, env), backup) {
            (true, backup) => (old, backup.or(idle)),
            (false, Some(backup)) => (backup, idle),
            (false, None) => return,
        };
        let next = View { number: number + 1, primary: Some(primary), backup };
        if next.primary != self.view.primary || next.backup != self.view.backup {
            env.mark(if primary == old { "backup changed" } else { "failover" });
            self.set_view(next, false, env);
        }
    }

    fn on_view(&mut self, view: View, env: &mut Env<'_, Self>) {
        if view.number <= self.view.number {
            return;
        }
        let (was_first, is_primary) = (view.number == 1 && !self.disk.has_run, view.primary == Some(self.me));
        self.has_state = is_primary && (self.has_state || was_first || self.has(Bug::EmptyPrimary));
        (self.view, self.is_synced, self.backup_heard) = (view, view.backup.is_none(), env.now());
        self.pending.clear();
        self.send_state(env);
    }

    fn leads(&self) -> bool {
        self.view.primary == Some(self.me) && self.has_state
    }

    fn send_state(&mut self, env: &mut Env<'_, Self>) {
        if let Some(backup) = self.view.backup.filter(|_| self.leads() && !self.is_synced) {
            env.send(backup, Message::State(self.view.number, self.journal.clone()));
        }
    }

    fn on_ask(&mut self, from: NodeId, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        if !self.leads() || !self.is_synced {
            return;
        }
        if request == Request::Write && !self.journal.contains(&id) {
            self.journal.push(id);
        }
        let place = self.journal.iter().position(|other| *other == id).map_or(self.journal.len(), |place| place + 1);
        let response = (place as u64, place.checked_sub(1).map(|place| self.journal[place].0));
        let is_alone = self.view.backup.is_none()
            || self.has(Bug::TwoPrimaries) && env.now() - self.backup_heard > DEAD
            || self.has(Bug::AnsweredFirst) && request == Request::Write
            || self.has(Bug::LocalRead) && request == Request::Read;
        if let Some(backup) = self.view.backup {
            self.forwards += 1;
            env.send(backup, Message::Forward(self.view.number, self.forwards, self.journal.clone()));
        }
        if is_alone {
            self.answer(from, id, response, env);
        } else {
            self.pending.insert(self.forwards, (id, from, response));
        }
    }

    fn on_forward(&mut self, from: NodeId, view: u64, number: u64, journal: Vec<RequestId>, env: &mut Env<'_, Self>) {
        let is_backup = self.view.backup == Some(self.me) && self.has_state && view == self.view.number;
        if is_backup && journal.len() > self.journal.len() {
            self.journal = journal;
        }
        if is_backup || self.has(Bug::OldPrimaryServed) && view < self.view.number {
            env.send(from, Message::Forwarded(view, number));
        }
    }

    fn on_forwarded(&mut self, number: u64, env: &mut Env<'_, Self>) {
        self.backup_heard = env.now();
        let later = self.pending.split_off(&(number + 1));
        for (id, from, response) in std::mem::replace(&mut self.pending, later).into_values() {
            env.mark("replicated");
            self.answer(from, id, response, env);
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
        env.set_timer(Timer::Ping, Duration::ZERO);
        let servers: BTreeSet<NodeId> = [self.view.primary, self.view.backup].into_iter().flatten().collect();
        self.heard = servers.into_iter().map(|node| (node, env.now())).collect();
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        self.waiting.insert(id, request.clone());
        match self.view.primary {
            Some(primary) if primary != self.me => env.send(primary, Message::Ask(id, request)),
            _ => self.on_ask(self.me, id, request, env),
        }
        env.set_timer(Timer::Clients, Duration::from_millis(100));
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Ping => {
                if self.me == SERVICE {
                    self.next_view(env);
                } else {
                    let is_ready = self.view.primary != Some(self.me) || self.leads() && self.is_synced;
                    let is_ready = is_ready && (self.view.backup != Some(self.me) || self.has_state);
                    env.send(SERVICE, Message::Ping(if is_ready { self.view.number } else { 0 }));
                    self.send_state(env);
                }
                env.set_timer(Timer::Ping, PING);
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
        let is_backup = self.view.backup == Some(self.me);
        match message {
            Message::Ping(ready) => self.on_ping(from, ready, env),
            Message::View(view) => self.on_view(view, env),
            Message::State(view, journal) if view == self.view.number && is_backup => {
                if !self.has_state {
                    (self.has_state, self.journal) = (true, journal);
                }
                env.send(from, Message::HasState(view));
            }
            Message::HasState(view) if view == self.view.number => self.is_synced = true,
            Message::State(..) | Message::HasState(_) => {}
            Message::Forward(view, number, journal) => self.on_forward(from, view, number, journal, env),
            Message::Forwarded(view, number) if view == self.view.number => self.on_forwarded(number, env),
            Message::Forwarded(..) => {}
            Message::Ask(id, request) => self.on_ask(from, id, request, env),
            Message::Answer(id, response) => self.answer(self.me, id, response, env),
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Ping(_) => "ping",
            Message::View(_) => "view",
            Message::State(..) => "state",
            Message::HasState(_) => "has-state",
            Message::Forward(..) => "forward",
            Message::Forwarded(..) => "forwarded",
            Message::Ask(..) => "ask",
            Message::Answer(..) => "answer",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.view.number);
        self.journal.iter().for_each(|id| digest.fold(id.0.into()));
    }
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Server> {
    // Servers that stop for a while are what failure detectors get wrong.
    let profile = Profile { hostile_max: Duration::from_secs(2), pause_permille: 300, ..Profile::hostile() };
    Harness::new(crate::system_name("primary-backup", bug), move |boot| Server::boot(boot, bug))
        .nodes(3..=5)
        .requests(|rng| if rng.chance(600) { Request::Write } else { Request::Read })
        .profile(profile)
        .settle(Duration::from_secs(2))
        .check(Atomic::new(versioned))
        .must_reach(["replicated", "failover", "backup changed"])
        .snapshots(crate::SNAPSHOTS)
}
