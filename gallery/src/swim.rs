//! SWIM: who is alive, by probing at random and by gossip (Das, Gupta and Motivala, "SWIM: Scalable Weakly-consistent Infection-style
//! Process Group Membership Protocol", DSN 2002), with the suspicion of its section 4.2.
//!
//! Gossip is on the back of each message, and the whole table at that: clusters are small here. A member that hears of its own death
//! refutes it as it does a suspicion, so that whoever was cut off comes back (as hashicorp/memberlist does).

use std::collections::BTreeMap;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{Event, EventKind, Nodes};
use distributed_data_consistency::strategy::Profile;
use serde::{Deserialize, Serialize};

bugs! {
    /// A member that is suspected says that it is alive without a new incarnation: nobody takes that for newer than the suspicion. (Das,
    /// Gupta and Motivala 2002, section 4.2.)
    SameIncarnation = "refutes-without-incarnation",
    /// That a member is alive is believed whenever it is said of the latest incarnation, also after its death: a late message revives it.
    /// (Same section: "confirm" overrides any "alive" of its incarnation or an earlier one.)
    StaleAlive = "stale-alive-revives",
    /// A member refutes that it is suspected, and not that it is dead: whoever was cut off for long stays dead for all. (hashicorp/memberlist
    /// refutes both.)
    DeathNotRefuted = "death-not-refuted",
    /// After a restart a member begins with its first incarnation, and takes what is said of its earlier ones for old news. (Dadgar,
    /// Phillips and Currey, "Lifeguard", DSN 2018, on incarnations.)
    IncarnationForgotten = "incarnation-forgotten",
}

/// What is believed of a member, the stronger the later in this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// It has answered.
    Alive,
    /// It has not answered.
    Suspect,
    /// It has not answered for long.
    Dead,
}

/// An incarnation, and what is believed of it. Of two beliefs the greater one counts.
pub type Belief = (u64, Health);

/// What is believed of each member.
pub type Table = BTreeMap<NodeId, Belief>;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Who is alive?
    Members,
}

/// What members tell each other, with their tables on its back.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// Are you there?
    Ping,
    /// I am.
    Ack,
    /// Is that one there? I do not hear it.
    PingFor(NodeId),
    /// Are you there? That one wants to know.
    PingOf(NodeId),
    /// I am; tell that one.
    AckFor(NodeId),
    /// That one is.
    AckOf(NodeId),
}

/// What wakes a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Time to probe somebody.
    Period,
    /// It has not answered by itself; let others try.
    Indirect(NodeId),
    /// This incarnation of it has been suspected for long.
    Suspicion(NodeId, u64),
}

const PERIOD: Duration = Duration::from_millis(100);
const DIRECT: Duration = Duration::from_millis(40);
const SUSPICION: Duration = Duration::from_millis(300);

/// A member.
pub struct Member {
    bug: Option<Bug>,
    me: NodeId,
    /// What it believes, of itself as well.
    pub table: Table,
    /// Whom it has probed in this period, and not heard of.
    probed: Option<NodeId>,
}

impl Member {
    fn boot(Boot { id, node_count, durable, .. }: Boot<u64>, bug: Option<Bug>) -> Self {
        let mut table: Table = (0..node_count).map(|node| (NodeId::new(node), (0, Health::Alive))).collect();
        let incarnation = if bug == Some(Bug::IncarnationForgotten) { 0 } else { durable };
        table.insert(id, (incarnation, Health::Alive));
        Self { bug, me: id, table, probed: None }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn incarnation(&self) -> u64 {
        self.table[&self.me].0
    }

    fn set_incarnation(&mut self, incarnation: u64, env: &mut Env<'_, Self>) {
        self.table.insert(self.me, (incarnation, Health::Alive));
        // What comes after a crash is another incarnation.
        env.persist(|durable| *durable = incarnation + 1);
    }

    fn say(&self, to: NodeId, what: What, env: &mut Env<'_, Self>) {
        env.send(to, (what, self.table.clone()));
    }

    fn hear(&mut self, table: &Table, env: &mut Env<'_, Self>) {
        for (node, new) in table {
            if *node == self.me { self.refute(*new, env) } else { self.believe(*node, *new, env) }
        }
    }

    fn refute(&mut self, (incarnation, health): Belief, env: &mut Env<'_, Self>) {
        let (own, is_forgotten) = (self.incarnation(), self.has(Bug::IncarnationForgotten) && incarnation > 0);
        let is_spared = health == Health::Dead && self.has(Bug::DeathNotRefuted) || is_forgotten;
        if health > Health::Alive && incarnation >= own && !is_spared && !self.has(Bug::SameIncarnation) {
            env.mark("refuted");
            self.set_incarnation(incarnation + 1, env);
        }
    }

    fn believe(&mut self, node: NodeId, new: Belief, env: &mut Env<'_, Self>) {
        let Some(old) = self.table.get(&node).copied() else { return };
        let revives = self.has(Bug::StaleAlive) && new.1 == Health::Alive && new.0 >= old.0;
        if new <= old && !revives {
            return;
        }
        self.table.insert(node, new);
        env.cancel_timer(Timer::Suspicion(node, old.0));
        match new.1 {
            Health::Alive => {}
            Health::Suspect => env.set_timer(Timer::Suspicion(node, new.0), SUSPICION),
            Health::Dead => env.mark("declared dead"),
        }
    }

    fn suspect(&mut self, node: NodeId, env: &mut Env<'_, Self>) {
        if let Some((incarnation, Health::Alive)) = self.table.get(&node).copied() {
            env.mark("suspected");
            self.believe(node, (incarnation, Health::Suspect), env);
        }
    }

    fn probe(&mut self, env: &mut Env<'_, Self>) {
        if let Some(silent) = self.probed.take() {
            self.suspect(silent, env);
        }
        // The dead are probed as well: it may be that nobody else tells them.
        let others: Vec<NodeId> = env.peers().collect();
        if let Some(target) = env.rng().pick(&others).copied() {
            self.probed = Some(target);
            self.say(target, What::Ping, env);
            env.set_timer(Timer::Indirect(target), DIRECT);
        }
    }
}

impl StateMachine for Member {
    type Message = (What, Table);
    type Timer = Timer;
    type Request = Request;
    type Response = Vec<NodeId>;
    type Durable = u64; // the next incarnation

    fn start(&mut self, env: &mut Env<'_, Self>) {
        self.set_incarnation(self.incarnation(), env);
        env.set_timer(Timer::Period, PERIOD);
    }

    fn on_request(&mut self, id: RequestId, Request::Members: Request, env: &mut Env<'_, Self>) {
        let alive = |(node, (_, health)): (&NodeId, &Belief)| (*health != Health::Dead).then_some(*node);
        env.respond(id, self.table.iter().filter_map(alive).collect());
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            Timer::Period => {
                self.probe(env);
                env.set_timer(Timer::Period, PERIOD);
            }
            Timer::Indirect(target) if self.probed == Some(target) => {
                let mut others: Vec<NodeId> = env.peers().filter(|node| *node != target).collect();
                env.rng().shuffle(&mut others);
                others.iter().take(2).for_each(|helper| self.say(*helper, What::PingFor(target), env));
            }
            Timer::Indirect(_) => {}
            Timer::Suspicion(node, incarnation) => {
                if self.table.get(&node) == Some(&(incarnation, Health::Suspect)) {
                    self.believe(node, (incarnation, Health::Dead), env);
                }
            }
        }
    }

    fn on_message(&mut self, from: NodeId, (what, table): Self::Message, env: &mut Env<'_, Self>) {
        self.hear(&table, env);
        match what {
            What::Ping => self.say(from, What::Ack, env),
            What::Ack => self.probed = self.probed.filter(|probed| *probed != from),
            What::PingFor(target) => self.say(target, What::PingOf(from), env),
            What::PingOf(asker) => self.say(from, What::AckFor(asker), env),
            What::AckFor(asker) => self.say(asker, What::AckOf(from), env),
            What::AckOf(target) => self.probed = self.probed.filter(|probed| *probed != target),
        }
    }

    fn kind((what, _): &Self::Message) -> &'static str {
        match what {
            What::Ping => "ping",
            What::Ack => "ack",
            What::PingFor(_) => "ping-for",
            What::PingOf(_) => "ping-of",
            What::AckFor(_) => "ack-for",
            What::AckOf(_) => "ack-of",
        }
    }

    fn fold(&self, digest: &mut Digest) {
        for (incarnation, health) in self.table.values() {
            digest.fold(incarnation << 2 | *health as u64);
        }
    }
}

/// What a member believes of an incarnation, it does not take back: the dead stay dead until they come with another one.
#[derive(Clone, Default)]
pub struct DeadStayDead {
    dead: BTreeMap<(NodeId, NodeId), u64>,
}

impl Check<Member> for DeadStayDead {
    fn name(&self) -> &'static str {
        "dead-stay-dead"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends, EventKind::Crashed]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Member>, nodes: Nodes<'_, Member>) -> Result<(), Breach> {
        let node = match event {
            Event::Ends { node, .. } => *node,
            Event::Crashed { node, .. } => {
                self.dead.retain(|(believer, _), _| believer != node);
                return Ok(());
            }
            _ => return Ok(()),
        };
        for (of, (incarnation, health)) in nodes.get(node).iter().flat_map(|member| &member.table) {
            if *health == Health::Dead {
                self.dead.insert((node, *of), *incarnation);
            } else if self.dead.get(&(node, *of)).is_some_and(|dead| dead >= incarnation) {
                let told =
                    format!("incarnation {incarnation} of node {of} was dead for node {node}, and is so no more");
                return Err(Breach::new("revived", told));
            }
        }
        Ok(())
    }
}

/// In the end, everybody knows who is there and who is not.
fn accuracy(nodes: Nodes<'_, Member>) -> Result<(), String> {
    for (node, member) in nodes.up() {
        for (of, (_, health)) in &member.table {
            let is_up = nodes.get(*of).is_some();
            if is_up != (*health == Health::Alive) && (is_up || *health != Health::Dead) {
                let is = if is_up { "up" } else { "down for good" };
                return Err(format!("node {node} takes node {of} for {health:?}, which is {is}"));
            }
        }
    }
    Ok(())
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Member> {
    // In some worlds members do not come back.
    let profile = Profile { hostile_max: Duration::from_secs(2), ..Profile::harsh() };
    Harness::new(crate::system_name("swim", bug), move |boot| Member::boot(boot, bug))
        .nodes(3..=5)
        .requests(|_| Request::Members)
        .request_counts(1..=3)
        .profile(profile)
        .settle(Duration::from_secs(6))
        .check(DeadStayDead::default())
        .at_rest("accuracy", accuracy)
        .must_reach(["suspected", "refuted", "declared dead"])
        .snapshots(crate::SNAPSHOTS)
}
