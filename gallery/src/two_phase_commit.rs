//! Two-phase commit with presumed abort (Gray, "Notes on Data Base Operating Systems", 1978; Mohan, Lindsay and Obermarck, "Transaction
//! Management in the R* Distributed Database Management System", ACM TODS 1986).
//!
//! The node that a client asks coordinates; all nodes take part, itself included. What a coordinator knows nothing of was aborted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Breach, Check, Liveness};
use distributed_data_consistency::protocol::{Boot, Digest, Effect, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{Event, EventKind, Nodes};
use distributed_data_consistency::strategy::Profile;
use serde::{Deserialize, Serialize};

bugs! {
    /// The coordinator's decision to commit is not on its disk: after a restart it takes it that it had aborted. (Gray 1978, section
    /// 5.8.3.3: the commit record is forced.)
    DecisionLost = "decision-lost",
    /// The coordinator tells its decision before it is on the disk. (Same place.)
    ToldBeforeForced = "told-before-forced",
    /// A participant that has voted yes and hears nothing aborts by itself. (Gray 1978: after its vote it is in doubt, and must ask.)
    UnilateralAbort = "unilateral-abort",
    /// What the coordinator knows nothing of was committed, though it has no record of what it began. (Mohan, Lindsay and Obermarck 1986,
    /// section 3.2: presumed commit needs a collecting record that is forced before the first prepare.)
    PresumedCommit = "presumed-commit",
    /// A participant votes yes before what it would need to commit is on its disk. (Gray 1978, section 5.8.3.3.)
    VoteNotForced = "vote-not-forced",
    /// A vote that the network delivers twice counts for two. (R* counts over links that double nothing.)
    DoubledVote = "doubled-vote",
}

/// A transaction goes by the number of the request.
pub type Transaction = RequestId;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Do it on all nodes, or on none.
    Commit,
}

/// What nodes tell each other, of a transaction.
#[derive(Clone, Debug)]
pub enum Message {
    /// Can you?
    Prepare(Transaction),
    /// I can; or not.
    Vote(Transaction, bool),
    /// All shall commit; or abort.
    Decision(Transaction, bool),
    /// What has been decided?
    Inquire(Transaction),
}

/// What wakes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The coordinator has waited for votes long enough.
    Votes(Transaction),
    /// A participant has voted yes and heard nothing.
    Doubt(Transaction),
}

/// All that survives a crash.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// What it has voted yes to, and who decides.
    prepared: BTreeMap<Transaction, NodeId>,
    /// How it ended here.
    outcomes: BTreeMap<Transaction, bool>,
    /// As a coordinator: what it has decided to commit.
    committed: BTreeSet<Transaction>,
}

/// A coordinator and participant.
pub struct TwoPhase {
    bug: Option<Bug>,
    disk: Disk,
    /// As a coordinator: who has voted yes.
    collecting: BTreeMap<Transaction, Vec<NodeId>>,
}

impl TwoPhase {
    fn boot(Boot { durable, .. }: Boot<Disk>, bug: Option<Bug>) -> Self {
        Self { bug, disk: durable, collecting: BTreeMap::new() }
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

    fn wait(timer: Timer, env: &mut Env<'_, Self>) {
        env.set_timer(timer, Duration::from_millis(100));
    }

    fn on_prepare(&mut self, from: NodeId, tx: Transaction, env: &mut Env<'_, Self>) {
        if self.disk.outcomes.contains_key(&tx) {
            return;
        }
        let can = self.disk.prepared.contains_key(&tx) || env.rng().chance(900);
        if can {
            let on_disk = !self.has(Bug::VoteNotForced);
            self.save(on_disk, env, |disk| _ = disk.prepared.insert(tx, from));
            env.mark("voted yes");
            Self::wait(Timer::Doubt(tx), env);
        } else {
            self.end(tx, false, env);
        }
        env.send(from, Message::Vote(tx, can));
    }

    fn on_vote(&mut self, from: NodeId, tx: Transaction, yes: bool, env: &mut Env<'_, Self>) {
        let counts_copies = self.has(Bug::DoubledVote);
        let Some(votes) = self.collecting.get_mut(&tx) else { return self.tell(from, tx, env) };
        if !yes {
            return self.decide(tx, false, env);
        }
        if counts_copies || !votes.contains(&from) {
            votes.push(from);
        }
        if votes.len() >= env.node_count() {
            self.decide(tx, true, env);
        }
    }

    fn decide(&mut self, tx: Transaction, commit: bool, env: &mut Env<'_, Self>) {
        self.collecting.remove(&tx);
        env.cancel_timer(Timer::Votes(tx));
        let (forced, late) = (!self.has(Bug::DecisionLost), self.has(Bug::ToldBeforeForced));
        if commit && !late {
            self.save(forced, env, |disk| _ = disk.committed.insert(tx));
        }
        env.mark(if commit { "committed" } else { "aborted" });
        env.respond(tx, commit);
        env.nodes().for_each(|node| env.send(node, Message::Decision(tx, commit)));
        if commit && late {
            self.save(forced, env, |disk| _ = disk.committed.insert(tx));
        }
    }

    /// Tells a participant in doubt what was decided, unless it is still open.
    fn tell(&mut self, to: NodeId, tx: Transaction, env: &mut Env<'_, Self>) {
        if !self.collecting.contains_key(&tx) {
            let commit = self.disk.committed.contains(&tx) || self.has(Bug::PresumedCommit);
            env.mark("told after doubt");
            env.send(to, Message::Decision(tx, commit));
        }
    }

    fn end(&mut self, tx: Transaction, commit: bool, env: &mut Env<'_, Self>) {
        if self.disk.outcomes.contains_key(&tx) {
            return;
        }
        // Whoever knows nothing of it has nothing to commit.
        let commit = commit && self.disk.prepared.contains_key(&tx);
        self.save(true, env, |disk| {
            disk.prepared.remove(&tx);
            disk.outcomes.insert(tx, commit);
        });
        env.cancel_timer(Timer::Doubt(tx));
    }
}

impl StateMachine for TwoPhase {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = bool;
    type Durable = Disk;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        self.disk.prepared.keys().for_each(|tx| Self::wait(Timer::Doubt(*tx), env));
    }

    fn on_request(&mut self, tx: Transaction, Request::Commit: Request, env: &mut Env<'_, Self>) {
        self.collecting.insert(tx, Vec::new());
        env.nodes().for_each(|node| env.send(node, Message::Prepare(tx)));
        Self::wait(Timer::Votes(tx), env);
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Votes(tx) => self.decide(tx, false, env),
            Timer::Doubt(tx) if self.has(Bug::UnilateralAbort) => self.end(tx, false, env),
            Timer::Doubt(tx) => {
                if let Some(coordinator) = self.disk.prepared.get(&tx) {
                    env.send(*coordinator, Message::Inquire(tx));
                    Self::wait(timer, env);
                }
            }
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        match message {
            Message::Prepare(tx) => self.on_prepare(from, tx, env),
            Message::Vote(tx, yes) => self.on_vote(from, tx, yes, env),
            Message::Decision(tx, commit) => self.end(tx, commit, env),
            Message::Inquire(tx) => self.tell(from, tx, env),
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Prepare(_) => "prepare",
            Message::Vote(..) => "vote",
            Message::Decision(..) => "decision",
            Message::Inquire(_) => "inquire",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        for (tx, commit) in &self.disk.outcomes {
            digest.fold(u64::from(tx.0) << 1 | u64::from(*commit));
        }
    }
}

/// Of a transaction all nodes, and its client, hear the same.
#[derive(Clone, Default)]
pub struct Atomicity {
    outcomes: BTreeMap<Transaction, (bool, String)>,
}

impl Atomicity {
    fn note(&mut self, tx: Transaction, commit: bool, who: String) -> Result<(), Breach> {
        let (first, other) = self.outcomes.entry(tx).or_insert_with(|| (commit, who.clone()));
        if *first == commit {
            return Ok(());
        }
        let (did, does) = if commit { ("aborted", "committed") } else { ("committed", "aborted") };
        Err(Breach::new("split", format!("transaction {tx} is {did} for {other}, and {does} for {who}")))
    }
}

impl Check<TwoPhase> for Atomicity {
    fn name(&self) -> &'static str {
        "atomicity"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, TwoPhase>, nodes: Nodes<'_, TwoPhase>) -> Result<(), Breach> {
        let Event::Ends { node, effects, .. } = event else { return Ok(()) };
        for effect in *effects {
            if let Effect::Respond { id, response } = effect {
                self.note(*id, *response, "its client".to_owned())?;
            }
        }
        // What is on the disk: what was cut off by a crash never happened.
        let outcomes = nodes.durable(*node).into_iter().flat_map(|disk| &disk.outcomes);
        for (tx, commit) in outcomes {
            self.note(*tx, *commit, format!("node {node}"))?;
        }
        Ok(())
    }
}

/// Nobody is in doubt for ever.
fn no_doubt(nodes: Nodes<'_, TwoPhase>) -> Result<(), String> {
    let mut in_doubt = nodes.up().flat_map(|(node, machine)| machine.disk.prepared.keys().map(move |tx| (node, tx)));
    in_doubt.next().map_or(Ok(()), |(node, tx)| Err(format!("node {node} is in doubt about transaction {tx}")))
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<TwoPhase> {
    let profile = Profile { hostile_max: Duration::from_millis(400), ..Profile::hostile() };
    Harness::new(crate::system_name("two-phase-commit", bug), move |boot| TwoPhase::boot(boot, bug))
        .nodes(2..=4)
        .requests(|_| Request::Commit)
        .request_counts(1..=12)
        .profile(profile)
        .check(Atomicity::default())
        .check(Liveness::new())
        .at_rest("no-doubt", no_doubt)
        .must_reach(["voted yes", "committed", "aborted", "told after doubt"])
        .snapshots(crate::SNAPSHOTS)
}
