//! A Raft server: who leads, and what followers do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, StateMachine, Time};

use super::leading::Leading;
use super::log::{Command, Disk, Entry, Snapshot};
use super::{Bug, Message, Request, Response};

/// A follower that has heard of no leader for so long, in milliseconds, stands for election.
const ELECTION_MS: (u64, u64) = (150, 300);
/// Nobody takes a leader for dead sooner.
pub(super) const ELECTION_MIN: Duration = Duration::from_millis(ELECTION_MS.0);
/// A leader says so often that it is there.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(50);
/// A client that has not been answered asks again.
const RETRY: Duration = Duration::from_millis(100);

/// What wakes a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Nobody leads, it seems.
    Election,
    /// Time to say that one leads.
    Heartbeat,
    /// Clients of this server still wait.
    Clients,
}

/// What a server is in its term.
#[derive(Debug)]
pub enum Role {
    /// It follows the leader, if there is one.
    Follower,
    /// It asks whether it would be elected; these would vote for it.
    PreCandidate(BTreeSet<NodeId>),
    /// It wants to be elected; these voted for it.
    Candidate(BTreeSet<NodeId>),
    /// It leads.
    Leader(Leading),
}

/// A server, which also speaks for the clients that are connected to it.
pub struct Raft {
    pub(super) bug: Option<Bug>,
    pub(super) me: NodeId,
    /// Entries a message.
    pub(super) batch_max: usize,
    snapshot_every: u64,
    /// Whether it asks before it stands for election.
    pub pre_vote: bool,
    /// What survives a crash.
    pub disk: Disk,
    /// What it is.
    pub role: Role,
    pub(super) leader: Option<NodeId>,
    heard_at: Option<Time>,
    /// All entries up to this one are known to be committed …
    pub commit: u64,
    /// … and up to this one applied.
    pub applied: u64,
    /// The replicated state: the writes in the order in which they were applied.
    pub journal: Vec<RequestId>,
    waiting: BTreeMap<RequestId, Request>,
}

impl Raft {
    pub(super) fn boot(boot: Boot<Disk>, bug: Option<Bug>) -> Self {
        let batch_max = boot.knob("batch_max", 64).max(1) as usize;
        let snapshot_every = boot.knob("snapshot_every", 8).max(1);
        let pre_vote = boot.knob("pre_vote", 1) > 0;
        let mut disk = boot.durable;
        if disk.log.snapshot.members.is_empty() {
            // A cluster of more than three servers begins with a spare.
            let count = boot.node_count.min(3).max(boot.node_count.saturating_sub(1));
            disk.log.snapshot.members = (0..count).map(NodeId::new).collect();
        }
        let Snapshot { index, journal, .. } = disk.log.snapshot.clone();
        let (leader, heard_at, waiting) = (None, None, BTreeMap::new());
        let (me, role) = (boot.id, Role::Follower);
        Self {
            bug,
            me,
            batch_max,
            snapshot_every,
            pre_vote,
            disk,
            role,
            leader,
            heard_at,
            commit: index,
            applied: index,
            journal,
            waiting,
        }
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Changes the disk; a crash may come before what follows, never in between.
    pub(super) fn save(&mut self, env: &mut Env<'_, Self>, edit: impl Fn(&mut Disk)) {
        edit(&mut self.disk);
        env.persist(edit);
    }

    fn members(&self) -> &[NodeId] {
        self.disk.log.members().1
    }

    /// True if these are a majority of the members.
    pub fn is_quorum(&self, nodes: impl Fn(NodeId) -> bool) -> bool {
        self.members().iter().filter(|member| nodes(**member)).count() * 2 > self.members().len()
    }

    pub(super) fn peers(&self) -> Vec<NodeId> {
        self.members().iter().copied().filter(|member| *member != self.me).collect()
    }

    fn send_to_peers(&self, message: &Message, env: &mut Env<'_, Self>) {
        self.peers().into_iter().for_each(|peer| env.send(peer, message.clone()));
    }

    fn wait_for_leader(env: &mut Env<'_, Self>) {
        let after = Duration::from_millis(env.rng().between(ELECTION_MS.0, ELECTION_MS.1));
        env.set_timer(Timer::Election, after);
    }

    /// There is a later term than its own.
    fn enter_term(&mut self, term: u64, vote: Option<NodeId>, env: &mut Env<'_, Self>) {
        let edit = |disk: &mut Disk| (disk.term, disk.vote) = (term, vote);
        if self.has(Bug::TermNotPersisted) { edit(&mut self.disk) } else { self.save(env, edit) }
    }

    /// Follows `leader`, or waits for one.
    pub(super) fn follow(&mut self, leader: Option<NodeId>, env: &mut Env<'_, Self>) {
        if let Role::Leader(_) = self.role {
            env.mark("stepped down");
            env.cancel_timer(Timer::Heartbeat);
            Self::wait_for_leader(env);
        }
        (self.role, self.leader) = (Role::Follower, leader);
        if leader.is_some() {
            self.heard_at = Some(env.now());
            Self::wait_for_leader(env);
        }
    }

    /// True if a log that ends like this may hold all that this server knows to be committed.
    fn is_complete(&self, last: (u64, u64)) -> bool {
        let own = self.disk.log.last();
        if self.has(Bug::ShorterLog) { last.0 >= own.0 } else { last >= own }
    }

    fn on_election_timeout(&mut self, env: &mut Env<'_, Self>) {
        Self::wait_for_leader(env);
        if !self.members().contains(&self.me) {
            return;
        }
        self.leader = None;
        if !self.pre_vote {
            return self.stand(env);
        }
        self.role = Role::PreCandidate([self.me].into());
        self.send_to_peers(&Message::PreVote { term: self.disk.term + 1, last: self.disk.log.last() }, env);
    }

    fn stand(&mut self, env: &mut Env<'_, Self>) {
        self.enter_term(self.disk.term + 1, Some(self.me), env);
        self.role = Role::Candidate([self.me].into());
        self.send_to_peers(&Message::Vote { term: self.disk.term, last: self.disk.log.last() }, env);
    }

    fn on_pre_vote(&mut self, from: NodeId, term: u64, last: (u64, u64), env: &mut Env<'_, Self>) {
        let has_leader = self.heard_at.is_some_and(|at| env.now() - at < ELECTION_MIN);
        let is_newer = term > self.disk.term || self.has(Bug::PreVoteDisturbs) && term == self.disk.term;
        if !is_newer {
            env.send(from, Message::Voted { term: self.disk.term, granted: false });
        } else if !has_leader && !matches!(self.role, Role::Leader(_)) && self.is_complete(last) {
            env.send(from, Message::PreVoted { term });
        }
    }

    fn on_vote(&mut self, from: NodeId, term: u64, last: (u64, u64), env: &mut Env<'_, Self>) {
        let is_free = self.disk.vote.is_none_or(|vote| vote == from);
        let granted = term == self.disk.term && is_free && self.is_complete(last);
        if granted {
            let edit = |disk: &mut Disk| disk.vote = Some(from);
            if self.has(Bug::VoteNotPersisted) {
                edit(&mut self.disk)
            } else {
                self.save(env, edit)
            }
            Self::wait_for_leader(env);
        }
        env.send(from, Message::Voted { term: self.disk.term, granted });
    }

    fn on_voted(&mut self, from: NodeId, pre: bool, env: &mut Env<'_, Self>) {
        let votes = match &mut self.role {
            Role::PreCandidate(votes) if pre => votes,
            Role::Candidate(votes) if !pre => votes,
            _ => return,
        };
        votes.insert(from);
        let votes = votes.clone();
        match (self.is_quorum(|node| votes.contains(&node)), pre) {
            (true, true) => self.stand(env),
            (true, false) => self.lead(env),
            _ => {}
        }
    }

    fn on_append(
        &mut self,
        prev: (u64, u64),
        entries: &[Entry],
        leader_commit: u64,
        env: &mut Env<'_, Self>,
    ) -> Result<u64, u64> {
        let (prev, term) = prev;
        let covered = prev + entries.len() as u64;
        let known = self.disk.log.snapshot.index;
        if prev >= known && self.disk.log.term_at(prev) != Some(term) {
            return Err(self.disk.log.before_conflict(prev));
        }
        let log = &self.disk.log;
        let differs = |(place, entry): &(u64, &Entry)| *place > known && log.term_at(*place) != Some(entry.term);
        let first = (prev + 1..).zip(entries).find(differs).map(|(place, _)| place);
        let first = if self.has(Bug::TruncatesMatching) { Some(prev.max(known) + 1) } else { first };
        if let Some(first) = first {
            if first <= self.disk.log.last_index() {
                env.mark("log truncated");
            }
            let new: Vec<Entry> = entries.iter().skip((first - prev - 1) as usize).cloned().collect();
            self.save(env, |disk| {
                disk.log.truncate_after(first - 1);
                disk.log.entries.extend_from_slice(&new);
            });
        }
        let seen = if self.has(Bug::CommitPastAppend) { self.disk.log.last_index() } else { covered };
        self.commit = self.commit.max(leader_commit.min(seen));
        self.apply(env);
        Ok(if self.has(Bug::InaccurateAck) { self.disk.log.last_index() } else { covered })
    }

    fn on_install(&mut self, snapshot: Snapshot, env: &mut Env<'_, Self>) -> Result<u64, u64> {
        let Snapshot { index, term, .. } = snapshot;
        if index <= self.commit && !self.has(Bug::SnapshotOverNewer) {
            return Ok(index);
        }
        let goes_on = self.disk.log.term_at(index) == Some(term) && !self.has(Bug::SnapshotOverNewer);
        self.save(env, |disk| match goes_on {
            true => disk.log.compact(index, &snapshot.journal),
            false => (disk.log.snapshot, disk.log.entries) = (snapshot.clone(), Vec::new()),
        });
        (self.commit, self.applied, self.journal) = (index, index, snapshot.journal);
        env.mark("snapshot installed");
        Ok(index)
    }

    /// Does what has been committed.
    pub(super) fn apply(&mut self, env: &mut Env<'_, Self>) {
        while self.applied < self.commit.min(self.disk.log.last_index()) {
            self.applied += 1;
            let Some(Entry { command, .. }) = self.disk.log.get(self.applied) else { continue };
            match command.clone() {
                Command::Nothing => {}
                Command::Write(id, from) => {
                    if !self.journal.contains(&id) || self.has(Bug::RetryAppliedTwice) {
                        self.journal.push(id);
                    }
                    if let Role::Leader(_) = self.role {
                        self.answer(from, id, self.written(id), env);
                    }
                }
                Command::Members(members, id, from) => {
                    env.mark("members changed");
                    if let Role::Leader(_) = self.role {
                        self.answer(from, id, Response::Changed, env);
                        if !members.contains(&self.me) {
                            self.follow(None, env);
                        }
                    }
                }
            }
        }
        if self.applied - self.disk.log.snapshot.index >= self.snapshot_every {
            let (index, journal) = (self.applied, self.journal.clone());
            self.save(env, |disk| disk.log.compact(index, &journal));
            env.mark("snapshot taken");
        }
    }

    /// The answer to a write that has been applied: its place in the journal.
    pub(super) fn written(&self, id: RequestId) -> Response {
        let place = self.journal.iter().position(|other| *other == id);
        Response::Written { version: place.map_or(0, |place| place as u64 + 1) }
    }

    pub(super) fn answer(&mut self, to: NodeId, id: RequestId, response: Response, env: &mut Env<'_, Self>) {
        if to != self.me {
            env.send(to, Message::Answer { id, response });
        } else if self.waiting.remove(&id).is_some() {
            env.respond(id, response);
        }
    }
}

impl StateMachine for Raft {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Disk;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        Self::wait_for_leader(env);
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        self.waiting.insert(id, request.clone());
        env.set_timer(Timer::Clients, RETRY);
        match self.leader {
            Some(leader) if leader != self.me => env.send(leader, Message::Ask { id, request }),
            _ => self.on_ask(self.me, id, request, env),
        }
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Election => self.on_election_timeout(env),
            Timer::Heartbeat => {
                env.set_timer(Timer::Heartbeat, HEARTBEAT);
                self.replicate(env);
            }
            Timer::Clients => {
                for (id, request) in self.waiting.clone() {
                    env.broadcast(&Message::Ask { id, request: request.clone() });
                    self.on_ask(self.me, id, request, env);
                }
                if !self.waiting.is_empty() {
                    env.set_timer(Timer::Clients, RETRY);
                }
            }
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        let term = message.term(self.has(Bug::PreVoteDisturbs));
        if term > self.disk.term {
            self.enter_term(term, None, env);
            if !matches!(self.role, Role::Leader(_)) || !self.has(Bug::NoStepDown) {
                self.follow(None, env);
            }
        }
        let is_current = term == self.disk.term;
        match message {
            Message::PreVote { term, last } => self.on_pre_vote(from, term, last, env),
            Message::PreVoted { term } if term == self.disk.term + 1 => self.on_voted(from, true, env),
            Message::Vote { term, last } => self.on_vote(from, term, last, env),
            Message::Voted { granted: true, .. } if is_current => self.on_voted(from, false, env),
            Message::PreVoted { .. } | Message::Voted { .. } => {}
            Message::Append { round, .. } | Message::Install { round, .. } if !is_current => {
                env.send(from, Message::Appended { term: self.disk.term, round, result: Err(0) });
            }
            Message::Append { prev, entries, commit, round, .. } => {
                self.follow(Some(from), env);
                let result = self.on_append(prev, &entries, commit, env);
                env.send(from, Message::Appended { term: self.disk.term, round, result });
            }
            Message::Install { snapshot, round, .. } => {
                self.follow(Some(from), env);
                let result = self.on_install(snapshot, env);
                env.send(from, Message::Appended { term: self.disk.term, round, result });
            }
            Message::Appended { round, result, .. } if is_current => self.on_appended(from, round, result, env),
            Message::Appended { .. } => {}
            Message::Ask { id, request } => self.on_ask(from, id, request, env),
            Message::Answer { id, response } => self.answer(self.me, id, response, env),
        }
    }

    fn kind(message: &Message) -> &'static str {
        message.kind()
    }

    fn fold(&self, digest: &mut Digest) {
        [self.disk.term, self.commit, self.disk.log.last_index()].into_iter().for_each(|number| digest.fold(number));
        self.journal.iter().for_each(|id| digest.fold(id.0.into()));
    }
}
