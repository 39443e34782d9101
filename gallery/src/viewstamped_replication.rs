//! Viewstamped Replication (Oki and Liskov, PODC 1988; Liskov and Cowling, "Viewstamped Replication Revisited", MIT 2012): a replicated
//! log whose nodes keep no log on their disks, and learn it anew from their peers after a crash.
//!
//! With one thing of 1988 that the revision left out: the view is on the disk. Without it recovery is not safe (Michael, Ports, Sharma
//! and Szekeres, "Recovering Shared Objects Without Stable Storage", DISC 2017). Where the paper sends what is new, whole logs are sent
//! here: they are short, and there is no state transfer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::sim::Nodes;
use distributed_data_consistency::strategy::Profile;
use serde::{Deserialize, Serialize};

use crate::history::{Atomic, Op};

bugs! {
    /// A node that recovers takes any answer for one to its question, also one to a recovery before an earlier crash. (Liskov and Cowling
    /// 2012, section 4.3, on the nonce.)
    NoNonce = "recovery-without-nonce",
    /// A view change takes the longest log rather than the one of the latest view in which its node was normal. (Same paper, section 4.2,
    /// step 3.)
    LongestLog = "longest-log",
    /// The view is not on the disk: a node that recovers forgets which view change it has taken part in. (Michael et al., DISC 2017.)
    ViewForgotten = "view-forgotten",
    /// A node that has crashed goes on at once with an empty log. (Liskov and Cowling 2012, section 4.3.)
    NoRecovery = "no-recovery",
    /// The primary answers before a majority has the entry. (Same paper, section 4.1, step 5.)
    AnsweredEarly = "answered-early",
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Append this request to the log.
    Append,
}

/// The log of a view.
#[derive(Clone, Debug, Default)]
pub struct Viewed {
    view: u64,
    log: Vec<RequestId>,
    commit: usize,
}

/// A log, and how much of it is committed.
type Committed = (Vec<RequestId>, usize);

/// What nodes tell each other.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names are those of the paper")]
pub enum Message {
    Ask {
        id: RequestId,
    },
    Answer {
        id: RequestId,
        place: u64,
    },
    Prepare(Viewed),
    PrepareOk {
        view: u64,
        len: usize,
    },
    StartViewChange {
        view: u64,
    },
    /// The log, and the latest view in which its node was normal.
    DoViewChange {
        at: Viewed,
        last_normal: u64,
    },
    StartView(Viewed),
    Recovery {
        view: u64,
        nonce: u64,
    },
    /// Only the primary sends its log.
    RecoveryResponse {
        view: u64,
        nonce: u64,
        log: Option<(Vec<RequestId>, usize)>,
    },
}

/// What wakes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The primary says that it is there.
    Heartbeat,
    /// Nothing was heard of the primary, or no new view has begun.
    ViewChange,
    /// Clients wait, or answers to a recovery are missing.
    Again,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It takes part in its view.
    Normal,
    /// It waits for its view to begin.
    ViewChange,
    /// It has crashed, and has no log yet.
    Recovering,
}

/// All that survives a crash: whether the node has run before, and its view.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    has_run: bool,
    view: u64,
}

/// A replica, which also speaks for the clients that are connected to it.
pub struct Replica {
    bug: Option<Bug>,
    me: NodeId,
    /// What it does.
    pub status: Status,
    /// Its view, and its log.
    pub at: Viewed,
    last_normal: u64,
    /// As a primary: how much each node has.
    acked: BTreeMap<NodeId, usize>,
    changing: BTreeSet<NodeId>,
    changed: BTreeMap<NodeId, (u64, Viewed)>,
    nonce: u64,
    responses: BTreeMap<NodeId, (u64, Option<Committed>)>,
    waiting: BTreeSet<RequestId>,
    /// As a primary: for whom clients ask.
    asked_by: BTreeMap<RequestId, NodeId>,
}

impl Replica {
    fn boot(Boot { id, durable, .. }: Boot<Disk>, bug: Option<Bug>) -> Self {
        let recovers = durable.has_run && bug != Some(Bug::NoRecovery);
        let status = if recovers { Status::Recovering } else { Status::Normal };
        Self {
            bug,
            me: id,
            status,
            at: Viewed { view: durable.view, ..Viewed::default() },
            last_normal: durable.view,
            acked: BTreeMap::new(),
            changing: BTreeSet::new(),
            changed: BTreeMap::new(),
            nonce: 0,
            responses: BTreeMap::new(),
            waiting: BTreeSet::new(),
            asked_by: BTreeMap::new(),
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn primary(&self, view: u64, env: &Env<'_, Self>) -> NodeId {
        NodeId::new((view % env.node_count() as u64) as usize)
    }

    fn leads(&self, env: &Env<'_, Self>) -> bool {
        self.status == Status::Normal && self.primary(self.at.view, env) == self.me
    }

    fn is_majority(count: usize, env: &Env<'_, Self>) -> bool {
        count * 2 > env.node_count()
    }

    fn wait_for_primary(env: &mut Env<'_, Self>) {
        let after = Duration::from_millis(env.rng().between(150, 300));
        env.set_timer(Timer::ViewChange, after);
    }

    fn enter(&mut self, view: u64, status: Status, env: &mut Env<'_, Self>) {
        if view > self.at.view {
            (self.changing, self.changed, self.acked) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
            if !self.has(Bug::ViewForgotten) {
                env.persist(|disk| disk.view = view);
            }
        }
        (self.at.view, self.status) = (view, status);
        if status == Status::Normal {
            self.last_normal = view;
        }
        Self::wait_for_primary(env);
    }

    /// Takes over the log of a view that has begun.
    fn adopt(&mut self, new: Viewed, env: &mut Env<'_, Self>) {
        self.enter(new.view, Status::Normal, env);
        (self.at.log, self.at.commit) = (new.log, new.commit);
    }

    fn on_ask(&mut self, from: NodeId, id: RequestId, env: &mut Env<'_, Self>) {
        if !self.leads(env) {
            return;
        }
        self.asked_by.insert(id, from);
        if !self.at.log.contains(&id) {
            self.at.log.push(id);
            env.broadcast(&Message::Prepare(self.at.clone()));
        }
        self.answer_committed(env);
    }

    fn answer_committed(&mut self, env: &mut Env<'_, Self>) {
        let len = if self.has(Bug::AnsweredEarly) { self.at.log.len() } else { self.at.commit };
        for (place, id) in (1..).zip(self.at.log.iter().take(len).copied().collect::<Vec<_>>()) {
            if let Some(from) = self.asked_by.remove(&id) {
                self.answer(from, id, place, env);
            }
        }
    }

    fn answer(&mut self, to: NodeId, id: RequestId, place: u64, env: &mut Env<'_, Self>) {
        if to != self.me {
            env.send(to, Message::Answer { id, place });
        } else if self.waiting.remove(&id) {
            env.respond(id, place);
        }
    }

    fn on_prepare(&mut self, from: NodeId, new: Viewed, env: &mut Env<'_, Self>) {
        if new.view < self.at.view || self.status == Status::Recovering {
            return;
        }
        if new.view > self.at.view || self.status == Status::ViewChange {
            self.adopt(new, env);
        } else {
            Self::wait_for_primary(env);
            if new.log.len() > self.at.log.len() {
                self.at.log = new.log;
            }
            self.at.commit = self.at.commit.max(new.commit);
        }
        env.send(from, Message::PrepareOk { view: self.at.view, len: self.at.log.len() });
    }

    fn on_prepare_ok(&mut self, from: NodeId, len: usize, env: &mut Env<'_, Self>) {
        let acked = self.acked.entry(from).or_default();
        *acked = (*acked).max(len);
        let mut lens: Vec<usize> = self.acked.values().copied().chain([self.at.log.len()]).collect();
        lens.sort_unstable_by(|left, right| right.cmp(left));
        let by_majority = lens.get(env.node_count() / 2).copied().unwrap_or(0);
        if by_majority > self.at.commit {
            self.at.commit = by_majority;
            env.mark("committed");
        }
        self.answer_committed(env);
    }

    fn start_view_change(&mut self, view: u64, env: &mut Env<'_, Self>) {
        self.enter(view, Status::ViewChange, env);
        env.broadcast(&Message::StartViewChange { view });
        self.on_start_view_change(self.me, env);
    }

    fn on_start_view_change(&mut self, from: NodeId, env: &mut Env<'_, Self>) {
        self.changing.insert(from);
        if self.status == Status::ViewChange && Self::is_majority(self.changing.len(), env) {
            let primary = self.primary(self.at.view, env);
            let (at, last_normal) = (self.at.clone(), self.last_normal);
            if primary == self.me {
                self.on_do_view_change(self.me, last_normal, at, env);
            } else {
                env.send(primary, Message::DoViewChange { at, last_normal });
            }
        }
    }

    fn on_do_view_change(&mut self, from: NodeId, last_normal: u64, at: Viewed, env: &mut Env<'_, Self>) {
        self.changed.insert(from, (last_normal, at));
        let has_own = self.changed.contains_key(&self.me);
        if self.status != Status::ViewChange || !has_own || !Self::is_majority(self.changed.len(), env) {
            return;
        }
        let by_length = self.has(Bug::LongestLog);
        let order = |(last_normal, at): &&(u64, Viewed)| (if by_length { 0 } else { *last_normal }, at.log.len());
        let best = self.changed.values().max_by_key(order).map(|(_, at)| at.log.clone()).unwrap_or_default();
        let commit = self.changed.values().map(|(_, at)| at.commit).max().unwrap_or(0).min(best.len());
        env.mark("view changed");
        self.adopt(Viewed { view: self.at.view, log: best, commit }, env);
        env.broadcast(&Message::StartView(self.at.clone()));
        env.set_timer(Timer::Heartbeat, Duration::from_millis(50));
    }

    fn recover(&mut self, env: &mut Env<'_, Self>) {
        env.broadcast(&Message::Recovery { view: self.at.view, nonce: self.nonce });
        env.set_timer(Timer::Again, Duration::from_millis(100));
    }

    fn on_recovery_response(&mut self, env: &mut Env<'_, Self>) {
        let latest = self.responses.values().map(|(view, _)| *view).max().unwrap_or(0);
        let primary = self.primary(latest, env);
        if !Self::is_majority(self.responses.len(), env) || latest < self.at.view {
            return;
        }
        if let Some((view, Some((log, commit)))) = self.responses.get(&primary).filter(|(view, _)| *view == latest) {
            env.mark("recovered");
            let new = Viewed { view: *view, log: log.clone(), commit: *commit };
            self.adopt(new, env);
        }
    }
}

impl StateMachine for Replica {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = u64; // the place in the log, from 1
    type Durable = Disk;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        env.persist(|disk| disk.has_run = true);
        if self.status == Status::Recovering {
            self.nonce = env.rng().bits64();
            self.recover(env);
        } else {
            Self::wait_for_primary(env);
            env.set_timer(Timer::Heartbeat, Duration::ZERO);
        }
    }

    fn on_request(&mut self, id: RequestId, Request::Append: Request, env: &mut Env<'_, Self>) {
        self.waiting.insert(id);
        let primary = self.primary(self.at.view, env);
        if primary == self.me {
            self.on_ask(primary, id, env)
        } else {
            env.send(primary, Message::Ask { id })
        }
        env.set_timer(Timer::Again, Duration::from_millis(100));
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Heartbeat if self.leads(env) => {
                env.broadcast(&Message::Prepare(self.at.clone()));
                Self::wait_for_primary(env);
                env.set_timer(Timer::Heartbeat, Duration::from_millis(50));
            }
            Timer::Heartbeat => {}
            Timer::ViewChange if self.status == Status::Recovering => {}
            Timer::ViewChange => self.start_view_change(self.at.view + 1, env),
            Timer::Again if self.status == Status::Recovering => self.recover(env),
            Timer::Again => {
                for id in self.waiting.clone() {
                    env.broadcast(&Message::Ask { id });
                    self.on_ask(self.me, id, env);
                }
                if !self.waiting.is_empty() {
                    env.set_timer(Timer::Again, Duration::from_millis(100));
                }
            }
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        let recovers = self.status == Status::Recovering;
        match message {
            Message::Ask { id } => self.on_ask(from, id, env),
            Message::Answer { id, place } => self.answer(self.me, id, place, env),
            Message::Prepare(new) => self.on_prepare(from, new, env),
            Message::PrepareOk { view, len } if view == self.at.view && self.leads(env) => {
                self.on_prepare_ok(from, len, env);
            }
            Message::StartViewChange { view } | Message::DoViewChange { at: Viewed { view, .. }, .. }
                if recovers || view < self.at.view => {}
            Message::StartViewChange { view } => {
                if view > self.at.view {
                    self.start_view_change(view, env);
                }
                self.on_start_view_change(from, env);
            }
            Message::DoViewChange { at, last_normal } => {
                if at.view > self.at.view {
                    self.start_view_change(at.view, env);
                }
                self.on_do_view_change(from, last_normal, at, env);
            }
            Message::StartView(new) => {
                if !recovers
                    && (new.view > self.at.view || new.view == self.at.view && self.status == Status::ViewChange)
                {
                    self.adopt(new, env);
                    env.send(from, Message::PrepareOk { view: self.at.view, len: self.at.log.len() });
                }
            }
            // Whoever recovers may have promised more than all others know of.
            Message::Recovery { view, .. } if !recovers && view > self.at.view => self.start_view_change(view, env),
            Message::Recovery { nonce, .. } if self.status == Status::Normal => {
                let log = self.leads(env).then(|| (self.at.log.clone(), self.at.commit));
                env.send(from, Message::RecoveryResponse { view: self.at.view, nonce, log });
            }
            Message::RecoveryResponse { view, nonce, log } if recovers => {
                if nonce == self.nonce || self.has(Bug::NoNonce) {
                    self.responses.insert(from, (view, log));
                    self.on_recovery_response(env);
                }
            }
            Message::PrepareOk { .. } | Message::Recovery { .. } | Message::RecoveryResponse { .. } => {}
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Ask { .. } => "ask",
            Message::Answer { .. } => "answer",
            Message::Prepare(_) => "prepare",
            Message::PrepareOk { .. } => "prepare-ok",
            Message::StartViewChange { .. } => "start-view-change",
            Message::DoViewChange { .. } => "do-view-change",
            Message::StartView(_) => "start-view",
            Message::Recovery { .. } => "recovery",
            Message::RecoveryResponse { .. } => "recovery-response",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        [self.at.view, self.at.commit as u64].into_iter().for_each(|number| digest.fold(number));
        self.at.log.iter().for_each(|id| digest.fold(id.0.into()));
    }
}

/// Where a majority has not lost its memory, everybody recovers and all clients are answered. (Where a majority has, the protocol stands
/// still for ever: that is its price.)
fn progress(nodes: Nodes<'_, Replica>) -> Result<(), String> {
    let able = nodes.up().filter(|(_, replica)| replica.status != Status::Recovering).count();
    let stuck = |replica: &Replica| replica.status == Status::Recovering || !replica.waiting.is_empty();
    match nodes.up().find(|(_, replica)| stuck(replica)) {
        Some((node, _)) if able * 2 > nodes.count() => Err(format!("node {node} recovers still, or its clients wait")),
        _ => Ok(()),
    }
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Replica> {
    let profile = Profile {
        hostile_max: Duration::from_secs(3),
        late_max: Duration::from_secs(1),
        pause_permille: 200,
        faults_max: 8,
        ..Profile::hostile()
    };
    Harness::new(crate::system_name("viewstamped-replication", bug), move |boot| Replica::boot(boot, bug))
        .nodes(3..=5)
        .requests(|_| Request::Append)
        .request_counts(1..=12)
        .profile(profile)
        .settle(Duration::from_secs(3))
        .check(Atomic::new(|id, _, place| Some(Op::Write((*place, 0), id.0.into()))))
        .at_rest("progress", progress)
        .must_reach(["committed", "view changed", "recovered"])
        .snapshots(crate::SNAPSHOTS)
}
