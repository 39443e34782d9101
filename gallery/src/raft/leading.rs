//! What the leader does: it replicates its log, commits, reads, and changes who is a member.

use std::collections::BTreeMap;

use distributed_data_consistency::protocol::{Env, NodeId, RequestId, Time};

use super::log::{Command, Entry};
use super::node::{ELECTION_MIN, HEARTBEAT, Raft, Role, Timer};
use super::{Bug, Message, Request, Response};

/// What a leader knows.
#[derive(Debug, Default)]
pub struct Leading {
    /// How far each follower has come.
    pub progress: BTreeMap<NodeId, Progress>,
    /// Appends are numbered, so that a read knows which answers are later than itself.
    round: u64,
    reads: Vec<PendingRead>,
}

/// How far a follower has come.
#[derive(Debug)]
pub struct Progress {
    next: u64,
    /// Its log is the leader's up to here.
    pub matched: u64,
    /// The latest append that it answered.
    round: u64,
    answered_at: Option<Time>,
}

/// A read that waits until a majority has answered an append that is later than itself.
#[derive(Debug)]
struct PendingRead {
    id: RequestId,
    from: NodeId,
    round: u64,
    index: u64,
}

impl Leading {
    fn of(&mut self, peer: NodeId, last_index: u64) -> &mut Progress {
        let new = Progress { next: last_index + 1, matched: 0, round: 0, answered_at: None };
        self.progress.entry(peer).or_insert(new)
    }
}

impl Raft {
    pub(super) fn lead(&mut self, env: &mut Env<'_, Self>) {
        env.mark("leader elected");
        self.role = Role::Leader(Leading::default());
        self.leader = Some(self.me);
        env.cancel_timer(Timer::Election);
        env.set_timer(Timer::Heartbeat, HEARTBEAT);
        // What earlier leaders left is committed with it, and never before it.
        self.append(Command::Nothing, env);
    }

    fn append(&mut self, command: Command, env: &mut Env<'_, Self>) {
        let entry = Entry { term: self.disk.term, command };
        self.save(env, |disk| disk.log.entries.push(entry.clone()));
        self.replicate(env);
    }

    /// Sends each follower what it lacks, be it nothing.
    pub(super) fn replicate(&mut self, env: &mut Env<'_, Self>) {
        if let Role::Leader(leading) = &mut self.role {
            leading.round += 1;
        }
        self.peers().into_iter().for_each(|peer| self.send_append(peer, env));
    }

    fn send_append(&mut self, peer: NodeId, env: &mut Env<'_, Self>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let (term, log, round) = (self.disk.term, &self.disk.log, leading.round);
        let prev = leading.of(peer, log.last_index()).next - 1;
        match log.term_at(prev) {
            Some(prev_term) => {
                let (entries, commit) = (log.after(prev, self.batch_max), self.commit);
                env.send(peer, Message::Append { term, prev: (prev, prev_term), entries, commit, round });
            }
            None => env.send(peer, Message::Install { term, snapshot: log.snapshot.clone(), round }),
        }
    }

    pub(super) fn on_appended(&mut self, from: NodeId, round: u64, result: Result<u64, u64>, env: &mut Env<'_, Self>) {
        let (last, lowers) = (self.disk.log.last_index(), self.has(Bug::MatchLowered));
        let Role::Leader(leading) = &mut self.role else { return };
        let progress = leading.of(from, last);
        progress.answered_at = Some(env.now());
        progress.round = progress.round.max(round);
        let before = progress.next;
        match result {
            Ok(matched) => {
                progress.matched = if lowers { matched } else { progress.matched.max(matched) };
                progress.next = progress.matched + 1;
            }
            Err(hint) => progress.next = (hint + 1).min(progress.next - 1).max(progress.matched + 1),
        }
        // Only what is new: where doubles beget doubles, a network that doubles much is full of them within a heartbeat.
        if progress.next != before && progress.next <= last {
            self.send_append(from, env);
        }
        self.advance_commit(env);
        self.serve_reads(env);
    }

    fn advance_commit(&mut self, env: &mut Env<'_, Self>) {
        let Role::Leader(Leading { progress, .. }) = &self.role else { return };
        let log = &self.disk.log;
        let matched = |node: &NodeId| match progress.get(node) {
            _ if *node == self.me => log.last_index(),
            known => known.map_or(0, |progress| progress.matched),
        };
        let mut counts: Vec<u64> = log.members().1.iter().map(matched).collect();
        counts.sort_unstable_by(|left, right| right.cmp(left));
        let majority = counts[counts.len() / 2];
        let is_own = log.term_at(majority) == Some(self.disk.term) || self.has(Bug::FigureEight);
        if majority > self.commit && is_own {
            self.commit = majority;
            env.mark("committed");
            self.apply(env);
        }
    }

    /// Answers the reads of which it is sure that nobody else has led since they were asked.
    fn serve_reads(&mut self, env: &mut Env<'_, Self>) {
        let Role::Leader(Leading { progress, reads, .. }) = &self.role else { return };
        let has_answered = |node, round| progress.get(&node).is_some_and(|progress| progress.round >= round);
        let is_sure = |read: &&PendingRead| {
            self.applied >= read.index && self.is_quorum(|node| node == self.me || has_answered(node, read.round))
        };
        let ready: Vec<(RequestId, NodeId)> = reads.iter().filter(is_sure).map(|read| (read.id, read.from)).collect();
        for (id, from) in ready {
            if let Role::Leader(leading) = &mut self.role {
                leading.reads.retain(|read| read.id != id);
            }
            self.answer_read(from, id, env);
        }
    }

    fn answer_read(&mut self, from: NodeId, id: RequestId, env: &mut Env<'_, Self>) {
        env.mark("read");
        let response = Response::Read { version: self.journal.len() as u64, value: self.journal.last().map(|id| id.0) };
        self.answer(from, id, response, env);
    }

    /// A client of server `from` asks.
    pub(super) fn on_ask(&mut self, from: NodeId, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        if !matches!(self.role, Role::Leader(_)) {
            return;
        }
        match request {
            Request::Write if self.journal.contains(&id) && !self.has(Bug::RetryAppliedTwice) => {
                self.answer(from, id, self.written(id), env);
            }
            Request::Write => self.append(Command::Write(id, from), env),
            Request::Read => self.on_read(from, id, env),
            Request::Add(node) => self.change_members(from, id, (node, true), env),
            Request::Remove(node) => self.change_members(from, id, (node, false), env),
        }
    }

    fn on_read(&mut self, from: NodeId, id: RequestId, env: &mut Env<'_, Self>) {
        let Role::Leader(Leading { progress, .. }) = &self.role else { return };
        let is_fresh = |node| {
            let at = progress.get(&node).and_then(|progress| progress.answered_at);
            at.is_some_and(|at| env.now() - at < ELECTION_MIN)
        };
        let has_lease = self.has(Bug::LeaseRead) && self.is_quorum(|node| node == self.me || is_fresh(node));
        let knows_all = self.has_own_commit();
        if self.has(Bug::StaleRead) || has_lease && knows_all {
            return self.answer_read(from, id, env);
        }
        let index = self.commit;
        let Role::Leader(leading) = &mut self.role else { return };
        if knows_all && leading.reads.iter().all(|read| read.id != id) {
            leading.reads.push(PendingRead { id, from, round: leading.round + 1, index });
            self.replicate(env);
        }
    }

    /// True if an entry of its own term is committed: before that it does not know what is.
    fn has_own_commit(&self) -> bool {
        self.disk.log.term_at(self.commit) == Some(self.disk.term)
    }

    fn change_members(&mut self, from: NodeId, id: RequestId, change: (NodeId, bool), env: &mut Env<'_, Self>) {
        let (index, members) = self.disk.log.members();
        if index > self.commit {
            return; // one at a time; the client asks again
        }
        let ((node, joins), is_member) = (change, members.contains(&change.0));
        let is_allowed = if joins { node.index() < env.node_count() } else { members.len() > 2 };
        if joins == is_member || !is_allowed {
            return self.answer(from, id, Response::Changed, env);
        }
        if self.has_own_commit() || self.has(Bug::EarlyMembershipChange) {
            let mut members: Vec<NodeId> = members.iter().copied().filter(|member| *member != node).collect();
            members.extend(joins.then_some(node));
            members.sort_unstable();
            self.append(Command::Members(members, id, from), env);
        }
    }
}
