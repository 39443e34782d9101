//! A small Raft: elections and the log, with two of its famous mistakes to switch on.

use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{Event, EventKind, Nodes};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    /// A vote is forgotten in a crash.
    VoteNotPersisted,
    /// An entry of an older term counts as committed once a majority has it: figure 8 of the paper.
    CommitsOlderTerm,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    term: u64,
    voted: Option<NodeId>,
    log: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    term: u64,
    command: u8,
}

#[derive(Clone, Debug)]
pub(crate) enum Message {
    AskVote { term: u64, last: (u64, usize) },
    Vote { term: u64, granted: bool },
    Append { term: u64, before: (usize, u64), entries: Vec<Entry>, commit: usize },
    Appended { term: u64, matched: Option<usize> },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Election,
    Heartbeat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Follower,
    Candidate,
    Leader,
}

pub(crate) struct Raft {
    mistake: Mistake,
    disk: Disk,
    role: Role,
    votes: Vec<NodeId>,
    commit: usize,
    next: Vec<usize>,
    matched: Vec<usize>,
    asked: Vec<(usize, RequestId)>,
}

impl Raft {
    fn boot(boot: Boot<Disk>, mistake: Mistake) -> Self {
        let count = boot.node_count;
        let (next, matched) = (vec![0; count], vec![0; count]);
        Self {
            mistake,
            disk: boot.durable,
            role: Role::Follower,
            votes: vec![],
            commit: 0,
            next,
            matched,
            asked: vec![],
        }
    }

    fn last(&self) -> (u64, usize) {
        (self.disk.log.last().map_or(0, |entry| entry.term), self.disk.log.len())
    }

    fn save(&self, env: &mut Env<'_, Self>) {
        let mut disk = self.disk.clone();
        if self.mistake == Mistake::VoteNotPersisted {
            disk.voted = None;
        }
        env.persist(|durable| *durable = disk);
    }

    fn await_leader(env: &mut Env<'_, Self>) {
        let millis = env.rng().between(150, 300);
        env.set_timer(Timer::Election, Duration::from_millis(millis));
    }

    fn see_term(&mut self, term: u64, env: &mut Env<'_, Self>) {
        if term > self.disk.term {
            (self.disk.term, self.disk.voted, self.role) = (term, None, Role::Follower);
            self.save(env);
            env.cancel_timer(Timer::Heartbeat);
            Self::await_leader(env);
        }
    }

    fn send_log(&mut self, to: NodeId, env: &mut Env<'_, Self>) {
        let next = self.next[to.index()].min(self.disk.log.len());
        let before = (next, next.checked_sub(1).map_or(0, |place| self.disk.log[place].term));
        let entries = self.disk.log[next..].to_vec();
        env.send(to, Message::Append { term: self.disk.term, before, entries, commit: self.commit });
    }

    fn send_all(&mut self, env: &mut Env<'_, Self>) {
        env.peers().collect::<Vec<_>>().into_iter().for_each(|peer| self.send_log(peer, env));
    }

    fn advance(&mut self, env: &mut Env<'_, Self>) {
        self.matched[env.id().index()] = self.disk.log.len();
        let mut sorted = self.matched.clone();
        sorted.sort_unstable();
        let majority = sorted[(sorted.len() - 1) / 2];
        let is_own = majority > 0 && self.disk.log[majority - 1].term == self.disk.term;
        if majority > self.commit && (is_own || self.mistake == Mistake::CommitsOlderTerm) {
            self.commit = majority;
            env.mark("committed");
            let (done, rest) = self.asked.drain(..).partition(|(place, _)| *place <= majority);
            self.asked = rest;
            let done: Vec<(usize, RequestId)> = done;
            done.into_iter().for_each(|(_, id)| env.respond(id, true));
        }
    }

    fn lead(&mut self, env: &mut Env<'_, Self>) {
        self.role = Role::Leader;
        let count = env.node_count();
        (self.next, self.matched) = (vec![self.disk.log.len(); count], vec![0; count]);
        self.asked.clear();
        env.mark("leader elected");
        env.cancel_timer(Timer::Election);
        env.set_timer(Timer::Heartbeat, Duration::from_millis(50));
        self.send_all(env);
    }
}

impl StateMachine for Raft {
    type Message = Message;
    type Timer = Timer;
    type Request = u8;
    type Response = bool;
    type Durable = Disk;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        Self::await_leader(env);
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        let (Message::AskVote { term, .. }
        | Message::Vote { term, .. }
        | Message::Append { term, .. }
        | Message::Appended { term, .. }) = message;
        self.see_term(term, env);
        let is_now = term == self.disk.term;
        match message {
            Message::AskVote { last, .. } => {
                let is_free = self.disk.voted.is_none_or(|voted| voted == from);
                let granted = is_now && is_free && last >= self.last() && self.role == Role::Follower;
                if granted {
                    self.disk.voted = Some(from);
                    self.save(env);
                    Self::await_leader(env);
                }
                env.send(from, Message::Vote { term: self.disk.term, granted });
            }
            Message::Vote { granted, .. } if is_now && granted && self.role == Role::Candidate => {
                // The network may double it.
                if !self.votes.contains(&from) {
                    self.votes.push(from);
                }
                if self.votes.len() * 2 > env.node_count() {
                    self.lead(env);
                }
            }
            Message::Append { before: (next, before), entries, commit, .. } => {
                let mut matched = None;
                if is_now {
                    self.role = Role::Follower;
                    Self::await_leader(env);
                    let known = next.checked_sub(1).map_or(Some(0), |place| Some(self.disk.log.get(place)?.term));
                    if known == Some(before) {
                        let upto = next + entries.len();
                        for (place, entry) in (next..).zip(entries) {
                            if self.disk.log.get(place).is_none_or(|own| own.term != entry.term) {
                                self.disk.log.truncate(place);
                                self.disk.log.push(entry);
                            }
                        }
                        self.save(env);
                        self.commit = self.commit.max(commit.min(upto));
                        matched = Some(upto);
                    }
                }
                env.send(from, Message::Appended { term: self.disk.term, matched });
            }
            Message::Appended { matched, .. } if is_now && self.role == Role::Leader => {
                let peer = from.index();
                match matched {
                    Some(upto) => {
                        self.matched[peer] = self.matched[peer].max(upto);
                        self.next[peer] = self.next[peer].max(upto);
                        self.advance(env);
                    }
                    None => {
                        self.next[peer] = self.next[peer].saturating_sub(1).max(self.matched[peer]);
                        self.send_log(from, env);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_request(&mut self, id: RequestId, command: u8, env: &mut Env<'_, Self>) {
        if self.role != Role::Leader {
            return env.respond(id, false);
        }
        self.disk.log.push(Entry { term: self.disk.term, command });
        self.save(env);
        self.asked.push((self.disk.log.len(), id));
        self.send_all(env);
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Heartbeat if self.role == Role::Leader => {
                self.send_all(env);
                env.set_timer(Timer::Heartbeat, Duration::from_millis(50));
            }
            Timer::Election if self.role != Role::Leader => {
                self.disk.term += 1;
                (self.disk.voted, self.role, self.votes) = (Some(env.id()), Role::Candidate, vec![env.id()]);
                self.save(env);
                Self::await_leader(env);
                env.broadcast(&Message::AskVote { term: self.disk.term, last: self.last() });
            }
            _ => {}
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::AskVote { .. } => "ask-vote",
            Message::Vote { .. } => "vote",
            Message::Append { .. } => "append",
            Message::Appended { .. } => "appended",
        }
    }
}

/// Whatever was committed stays, on all nodes alike, whether or not anybody who knew it is still up.
#[derive(Clone, Default)]
struct Committed(Vec<Entry>);

impl Check<Raft> for Committed {
    fn name(&self) -> &'static str {
        "committed"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Raft>, nodes: Nodes<'_, Raft>) -> Result<(), Breach> {
        let Event::Ends { node, .. } = event else { return Ok(()) };
        let Some(machine) = nodes.get(*node) else { return Ok(()) };
        for (place, entry) in machine.disk.log.iter().take(machine.commit).enumerate() {
            match self.0.get(place) {
                None => self.0.push(*entry),
                Some(known) if known != entry => {
                    let told = format!("entry {} was {known:?}, and is {entry:?} on node {node}", place + 1);
                    return Err(Breach::new("lost", told));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// The leader of each term, whether or not it is still up.
#[derive(Clone, Default)]
struct OneLeader(Vec<(u64, NodeId)>);

impl Check<Raft> for OneLeader {
    fn name(&self) -> &'static str {
        "one-leader"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Raft>, nodes: Nodes<'_, Raft>) -> Result<(), Breach> {
        let Event::Ends { node, .. } = event else { return Ok(()) };
        let Some(machine) = nodes.get(*node).filter(|machine| machine.role == Role::Leader) else { return Ok(()) };
        let term = machine.disk.term;
        match self.0.iter().find(|(known, _)| *known == term) {
            Some((_, leader)) if leader != node => {
                Err(Breach::new("two", format!("nodes {leader} and {node} both lead in term {term}")))
            }
            Some(_) => Ok(()),
            None => {
                self.0.push((term, *node));
                Ok(())
            }
        }
    }
}

pub(crate) fn raft(mistake: Mistake) -> Harness<Raft> {
    Harness::new("raft", move |boot| Raft::boot(boot, mistake))
        .requests(|rng| rng.below(100) as u8)
        .settle(Duration::from_secs(1))
        .check(OneLeader::default())
        .check(Committed::default())
}
