//! Paxos: a sequence of decisions by majorities (Lamport, "The Part-Time Parliament", ACM TOCS 1998; "Paxos Made Simple", SIGACT News
//! 2001).
//!
//! Each slot is a decree by itself. A ballot's first phase is run once for all slots from some slot on, which is Multi-Paxos; whoever has
//! a client that waits runs for it, and is outbid by whoever runs next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Breach, Check, Liveness};
use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{Event, EventKind, Nodes};
use distributed_data_consistency::strategy::Profile;
use serde::{Deserialize, Serialize};

bugs! {
    /// An acceptor's promise is not on its disk: after a restart it accepts what it had promised not to. (Lamport 1998, section 2.2: notes
    /// are kept in indelible ink; 2001, section 2.5.)
    PromiseForgotten = "promise-forgotten",
    /// What an acceptor has accepted is not on its disk. (Same places.)
    AcceptedForgotten = "accepted-forgotten",
    /// Of the values that a majority reports the proposer takes the first one rather than that of the highest ballot. (Lamport 2001,
    /// section 2.2, phase 2a.)
    HighestIgnored = "highest-ballot-ignored",
    /// An acceptor accepts whatever it is asked to, also below its promise. (Lamport 2001, P1a.)
    AcceptBelowPromise = "accept-below-promise",
    /// A reply that the network delivers twice counts for two. (Chandra, Griesemer and Redstone, "Paxos Made Live", PODC 2007, on what the
    /// papers leave to the reader.)
    DoubledReply = "doubled-reply",
    /// Two proposers may use the same ballot. (Lamport 2001, section 2.5: proposers choose from disjoint sets of numbers.)
    SharedBallots = "shared-ballots",
    /// A proposer does not keep on its disk which ballots it has used, and uses one twice. (Lamport 2001, section 2.5: "remembers, in
    /// stable storage, the highest-numbered proposal it has tried to issue".)
    BallotReused = "ballot-reused",
    /// A reply to an earlier ballot counts for the one that goes on. (Lamport 2001, section 2.2.)
    MixedBallots = "mixed-ballots",
}

/// A round, and who proposes in it.
pub type Ballot = (u64, u32);
/// The request that was proposed; `None` fills a gap.
pub type Value = Option<RequestId>;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Find a slot for this request.
    Append,
}

/// What nodes tell each other.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are those of the paper")]
pub enum Message {
    Prepare {
        ballot: Ballot,
        from_slot: u64,
    },
    Promise {
        ballot: Ballot,
        accepted: BTreeMap<u64, (Ballot, Value)>,
    },
    Accept {
        ballot: Ballot,
        slot: u64,
        value: Value,
    },
    Accepted {
        ballot: Ballot,
        slot: u64,
    },
    /// The receiver has promised more.
    Outbid {
        promised: Ballot,
    },
    Chosen {
        slot: u64,
        value: Value,
    },
}

/// All that survives a crash.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// As a proposer: the latest round that it used.
    round: u64,
    /// As an acceptor.
    promised: Ballot,
    accepted: BTreeMap<u64, (Ballot, Value)>,
}

/// A proposer, acceptor and learner.
pub struct Paxos {
    bug: Option<Bug>,
    me: NodeId,
    disk: Disk,
    running: Option<Running>,
    /// What it knows to be chosen.
    pub chosen: BTreeMap<u64, Value>,
    waiting: BTreeSet<RequestId>,
}

/// What a proposer knows of its ballot.
struct Running {
    ballot: Ballot,
    from_slot: u64,
    promised_by: Vec<NodeId>,
    found: BTreeMap<u64, (Ballot, Value)>,
    /// Empty until a majority has promised.
    proposals: BTreeMap<u64, (Value, Vec<NodeId>)>,
    leads: bool,
}

impl Paxos {
    fn boot(boot: Boot<Disk>, bug: Option<Bug>) -> Self {
        let (chosen, waiting) = (BTreeMap::new(), BTreeSet::new());
        Self { bug, me: boot.id, disk: boot.durable, running: None, chosen, waiting }
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

    /// Adds a node to those who have replied; true if they are a majority now.
    fn count(by: &mut Vec<NodeId>, from: NodeId, counts_copies: bool, env: &Env<'_, Self>) -> bool {
        if counts_copies || !by.contains(&from) {
            by.push(from);
        }
        by.len() * 2 > env.node_count()
    }

    fn send_all(message: &Message, env: &mut Env<'_, Self>) {
        env.nodes().for_each(|node| env.send(node, message.clone()));
    }

    fn prepare(&mut self, env: &mut Env<'_, Self>) {
        let on_disk = !self.has(Bug::BallotReused);
        let promised = if on_disk { self.disk.promised.0 } else { 0 };
        let round = self.disk.round.max(promised) + 1;
        self.save(on_disk, env, |disk| disk.round = round);
        let ballot = (round, if self.has(Bug::SharedBallots) { 0 } else { self.me.index() as u32 });
        let from_slot = (0..).find(|slot| !self.chosen.contains_key(slot)).unwrap_or_default();
        let (promised_by, found, proposals) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        self.running = Some(Running { ballot, from_slot, promised_by, found, proposals, leads: false });
        Self::send_all(&Message::Prepare { ballot, from_slot }, env);
    }

    fn on_prepare(&mut self, from: NodeId, ballot: Ballot, from_slot: u64, env: &mut Env<'_, Self>) {
        if ballot < self.disk.promised {
            return env.send(from, Message::Outbid { promised: self.disk.promised });
        }
        let on_disk = !self.has(Bug::PromiseForgotten);
        self.save(on_disk, env, |disk| disk.promised = ballot);
        let accepted = self.disk.accepted.range(from_slot..).map(|(slot, accepted)| (*slot, *accepted)).collect();
        env.send(from, Message::Promise { ballot, accepted });
    }

    fn on_promise(&mut self, from: NodeId, accepted: BTreeMap<u64, (Ballot, Value)>, env: &mut Env<'_, Self>) {
        let (takes_first, counts_copies) = (self.has(Bug::HighestIgnored), self.has(Bug::DoubledReply));
        let Some(running) = self.running.as_mut().filter(|running| !running.leads) else { return };
        for (slot, new) in accepted {
            let known = running.found.entry(slot).or_insert(new);
            if !takes_first && new.0 > known.0 {
                *known = new;
            }
        }
        if !Self::count(&mut running.promised_by, from, counts_copies, env) {
            return;
        }
        running.leads = true;
        env.mark("leads");
        let found = std::mem::take(&mut running.found);
        let end = found.keys().next_back().map_or(running.from_slot, |last| last + 1);
        for slot in running.from_slot..end {
            let value = found.get(&slot).and_then(|(_, value)| *value);
            if value.is_some_and(|id| !self.waiting.contains(&id)) {
                env.mark("value adopted");
            }
            self.propose(slot, value, env);
        }
        self.propose_waiting(env);
    }

    /// Proposes what clients wait for, if it leads; else it runs.
    fn propose_waiting(&mut self, env: &mut Env<'_, Self>) {
        let Some(running) = self.running.as_ref().filter(|running| running.leads) else { return self.prepare(env) };
        let is_proposed = |id: &RequestId| running.proposals.values().any(|(value, _)| *value == Some(*id));
        let new: Vec<RequestId> = self.waiting.iter().copied().filter(|id| !is_proposed(id)).collect();
        let last = running.proposals.keys().chain(self.chosen.keys()).max();
        let next = last.map_or(0, |last| last + 1).max(running.from_slot);
        for (slot, id) in (next..).zip(new) {
            self.propose(slot, Some(id), env);
        }
    }

    fn propose(&mut self, slot: u64, value: Value, env: &mut Env<'_, Self>) {
        let Some(running) = &mut self.running else { return };
        running.proposals.insert(slot, (value, Vec::new()));
        Self::send_all(&Message::Accept { ballot: running.ballot, slot, value }, env);
    }

    fn on_accept(&mut self, from: NodeId, ballot: Ballot, slot: u64, value: Value, env: &mut Env<'_, Self>) {
        if ballot < self.disk.promised && !self.has(Bug::AcceptBelowPromise) {
            return env.send(from, Message::Outbid { promised: self.disk.promised });
        }
        let on_disk = !self.has(Bug::AcceptedForgotten);
        let promised = self.disk.promised.max(ballot);
        self.save(!self.has(Bug::PromiseForgotten), env, |disk| disk.promised = promised);
        self.save(on_disk, env, |disk| _ = disk.accepted.insert(slot, (ballot, value)));
        env.send(from, Message::Accepted { ballot, slot });
    }

    fn on_accepted(&mut self, from: NodeId, ballot: Ballot, slot: u64, env: &mut Env<'_, Self>) {
        let (mixes, counts_copies) = (self.has(Bug::MixedBallots), self.has(Bug::DoubledReply));
        let Some(running) = self.running.as_mut().filter(|running| running.ballot == ballot || mixes) else { return };
        let Some((value, accepted_by)) = running.proposals.get_mut(&slot) else { return };
        if Self::count(accepted_by, from, counts_copies, env) {
            let value = *value;
            if !self.chosen.contains_key(&slot) {
                env.mark("chosen");
                env.broadcast(&Message::Chosen { slot, value });
            }
            self.learn(slot, value, env);
        }
    }

    fn learn(&mut self, slot: u64, value: Value, env: &mut Env<'_, Self>) {
        self.chosen.insert(slot, value);
        if let Some(id) = value.filter(|id| self.waiting.remove(id)) {
            env.respond(id, slot);
        }
    }

    fn on_outbid(&mut self, promised: Ballot, env: &mut Env<'_, Self>) {
        if self.running.as_ref().is_some_and(|running| running.ballot < promised) {
            env.mark("outbid");
            self.running = None;
            self.disk.round = self.disk.round.max(promised.0);
        }
    }

    fn ask_again_later(env: &mut Env<'_, Self>) {
        let after = Duration::from_millis(env.rng().between(50, 150));
        env.set_timer((), after);
    }
}

impl StateMachine for Paxos {
    type Message = Message;
    type Timer = (); // clients wait
    type Request = Request;
    type Response = u64; // the slot
    type Durable = Disk;

    fn on_request(&mut self, id: RequestId, Request::Append: Request, env: &mut Env<'_, Self>) {
        self.waiting.insert(id);
        self.propose_waiting(env);
        Self::ask_again_later(env);
    }

    fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
        if !self.waiting.is_empty() {
            self.prepare(env);
            Self::ask_again_later(env);
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        let is_running = |ballot| self.running.as_ref().is_some_and(|running| running.ballot == ballot);
        match message {
            Message::Prepare { ballot, from_slot } => self.on_prepare(from, ballot, from_slot, env),
            Message::Promise { ballot, accepted } if is_running(ballot) => self.on_promise(from, accepted, env),
            Message::Promise { .. } => {}
            Message::Accept { ballot, slot, value } => self.on_accept(from, ballot, slot, value, env),
            Message::Accepted { ballot, slot } => self.on_accepted(from, ballot, slot, env),
            Message::Outbid { promised } => self.on_outbid(promised, env),
            Message::Chosen { slot, value } => self.learn(slot, value, env),
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Prepare { .. } => "prepare",
            Message::Promise { .. } => "promise",
            Message::Accept { .. } => "accept",
            Message::Accepted { .. } => "accepted",
            Message::Outbid { .. } => "outbid",
            Message::Chosen { .. } => "chosen",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.disk.promised.0);
        for (slot, value) in &self.chosen {
            digest.fold(*slot);
            digest.fold(value.map_or(u64::MAX, |id| id.0.into()));
        }
    }
}

/// No two nodes ever learn different values for a slot.
#[derive(Clone, Default)]
pub struct Agreement {
    chosen: BTreeMap<u64, (Value, NodeId)>,
}

impl Check<Paxos> for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Paxos>, nodes: Nodes<'_, Paxos>) -> Result<(), Breach> {
        let Event::Ends { node, .. } = event else { return Ok(()) };
        for (slot, value) in nodes.get(*node).iter().flat_map(|paxos| &paxos.chosen) {
            let (first, other) = *self.chosen.entry(*slot).or_insert((*value, *node));
            if first != *value {
                let told = format!("slot {slot}: {first:?} is chosen on node {other}, {value:?} on node {node}");
                return Err(Breach::new("two values", told));
            }
        }
        Ok(())
    }
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Paxos> {
    let profile = Profile { hostile_max: Duration::from_millis(500), ..Profile::hostile() };
    Harness::new(crate::system_name("paxos", bug), move |boot| Paxos::boot(boot, bug))
        .nodes(3..=5)
        .requests(|_| Request::Append)
        .request_counts(1..=12)
        .profile(profile)
        .check(Agreement::default())
        .check(Liveness::new())
        .must_reach(["leads", "chosen", "value adopted", "outbid"])
        .snapshots(crate::SNAPSHOTS)
}
