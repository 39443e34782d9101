//! Three conflict-free replicated data types (Shapiro, Preguiça, Baquero and Zawirski, "A comprehensive study of Convergent and
//! Commutative Replicated Data Types", INRIA 2011): a counter that grows, a set whose adds win, and a register whose last writer wins.
//!
//! State-based: a node merges whole states, which it is sent after each change and now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Breach, Check, Convergence, Liveness};
use distributed_data_consistency::protocol::{
    Boot, Digest, Effect, Env, NodeId, Observe, RequestId, Rng, StateMachine, Time,
};
use distributed_data_consistency::sim::{Event, EventKind, Input, Nodes};
use serde::{Deserialize, Serialize};

bugs! {
    /// The counter's merge adds what it should take the greater of: what comes twice counts twice. (Shapiro et al. 2011, specification 6.)
    MergeAdds = "merge-adds",
    /// The counter is one number of which the greater is taken: increments at two nodes count for one. (Same report, section 3.1.1.)
    OneNumber = "one-number",
    /// What a node counts is on its disk only when it gossips next; after a crash it counts anew what others have been told already. (Same
    /// report, section 2.2: replicas recover with their state.)
    SlotForgotten = "slot-forgotten",
    /// A remove is of the element rather than of the adds that were seen: it takes later and concurrent adds as well. (Shapiro et al. 2011,
    /// specification 15, OR-set, against specification 12, 2P-set.)
    RemoveByElement = "remove-by-element",
    /// A remove forgets the adds without a trace, and the next merge brings them back. (Bieniusa et al., "An Optimized Conflict-free
    /// Replicated Set", 2012, on tombstones.)
    RemoveForgotten = "remove-forgotten",
    /// Of two writes with the same time stamp each node keeps its own. (Shapiro et al. 2011, specification 8: stamps are unique, and so
    /// totally ordered.)
    Ties = "last-writer-ties",
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Count one more.
    Increment,
    /// Put this into the set.
    Add(u8),
    /// Take this out, as far as this node knows that it is in.
    Remove(u8),
    /// Write into the register; the value is the number of the request.
    Write,
}

/// The state that is merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How much each node has counted.
    counts: BTreeMap<NodeId, u64>,
    /// Each add of an element, by the request that added it …
    adds: BTreeMap<RequestId, u8>,
    /// … and those that were removed.
    removed: BTreeSet<RequestId>,
    /// Elements that were removed; only where a remove is of the element.
    banned: BTreeSet<u8>,
    /// Time stamp, writer and value.
    register: (u64, Option<NodeId>, u32),
}

impl State {
    fn count(&self) -> u64 {
        self.counts.values().fold(0, |sum: u64, count| sum.saturating_add(*count))
    }

    /// The adds that count.
    fn live(&self) -> impl Iterator<Item = (RequestId, u8)> {
        let counts = |(id, element): &(RequestId, u8)| !self.removed.contains(id) && !self.banned.contains(element);
        self.adds.iter().map(|(id, element)| (*id, *element)).filter(counts)
    }

    fn merge(&mut self, other: &Self, bug: Option<Bug>) {
        for (node, count) in &other.counts {
            let own = self.counts.entry(*node).or_default();
            *own = if bug == Some(Bug::MergeAdds) { own.saturating_add(*count) } else { (*own).max(*count) };
        }
        self.adds.extend(&other.adds);
        self.removed.extend(&other.removed);
        self.banned.extend(&other.banned);
        let is_later = match bug {
            Some(Bug::Ties) => other.register.0 > self.register.0,
            _ => other.register > self.register,
        };
        if is_later {
            self.register = other.register;
        }
    }
}

/// A replica.
pub struct Replica {
    bug: Option<Bug>,
    state: State,
}

impl Replica {
    fn boot(Boot { durable, .. }: Boot<State>, bug: Option<Bug>) -> Self {
        Self { bug, state: durable }
    }

    fn apply(&mut self, me: NodeId, id: RequestId, request: &Request) {
        let Self { bug, state } = self;
        match request {
            Request::Increment => {
                let slot = if *bug == Some(Bug::OneNumber) { NodeId::new(0) } else { me };
                let count = state.counts.entry(slot).or_default();
                *count = count.saturating_add(1);
            }
            Request::Add(element) => _ = state.adds.insert(id, *element),
            Request::Remove(element) => match bug {
                Some(Bug::RemoveByElement) => _ = state.banned.insert(*element),
                Some(Bug::RemoveForgotten) => state.adds.retain(|_, other| other != element),
                _ => {
                    let seen: Vec<RequestId> =
                        state.live().filter(|(_, other)| other == element).map(|(id, _)| id).collect();
                    state.removed.extend(seen);
                }
            },
            Request::Write => state.register = (state.register.0 + 1, Some(me), id.0),
        }
    }

    fn save(&self, env: &mut Env<'_, Self>) {
        let state = self.state.clone();
        env.persist(|durable| *durable = state);
    }
}

impl StateMachine for Replica {
    type Message = State;
    type Timer = ();
    type Request = Request;
    type Response = ();
    type Durable = State;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        env.set_timer((), Duration::from_millis(50));
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        self.apply(env.id(), id, &request);
        if self.bug != Some(Bug::SlotForgotten) {
            self.save(env);
        }
        env.broadcast(&self.state);
        env.respond(id, ());
    }

    fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
        if self.bug == Some(Bug::SlotForgotten) {
            self.save(env);
        }
        let peers: Vec<NodeId> = env.peers().collect();
        if let Some(peer) = env.rng().pick(&peers).copied() {
            env.send(peer, self.state.clone());
        }
        env.set_timer((), Duration::from_millis(50));
    }

    fn on_message(&mut self, _from: NodeId, other: State, env: &mut Env<'_, Self>) {
        let before = self.state.clone();
        self.state.merge(&other, self.bug);
        if self.state != before {
            env.mark("merged");
            self.save(env);
        }
    }

    fn kind(_state: &State) -> &'static str {
        "state"
    }

    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.state.count());
        self.state.live().for_each(|(id, _)| digest.fold(id.0.into()));
        digest.fold(self.state.register.0);
    }
}

impl Observe for Replica {
    type View = (u64, Vec<(RequestId, u8)>, u32);

    fn view(&self) -> Self::View {
        (self.state.count(), self.state.live().collect(), self.state.register.2)
    }
}

/// Each increment counts once, an add counts until somebody who has seen it removes it, and no longer.
#[derive(Clone, Default)]
pub struct Exact {
    asked: BTreeMap<RequestId, Request>,
    /// So many increments were begun, and so many of them answered: one that a crash has cut off may count or not.
    increments: (u64, u64),
    added: BTreeMap<RequestId, u8>,
    /// Adds that a remove has seen: begun, and answered.
    removing: BTreeMap<RequestId, Vec<RequestId>>,
    removed: BTreeSet<RequestId>,
}

impl Exact {
    fn begin(&mut self, id: RequestId, request: &Request, replica: Option<&Replica>) {
        self.asked.insert(id, request.clone());
        self.increments.0 += u64::from(*request == Request::Increment);
        if let Request::Remove(element) = request {
            let live = replica.into_iter().flat_map(|replica| replica.state.live());
            let seen = live.filter(|(_, other)| other == element).map(|(id, _)| id).collect();
            self.removing.insert(id, seen);
        }
    }

    fn end(&mut self, id: RequestId) {
        match self.asked.remove(&id) {
            Some(Request::Increment) => self.increments.1 += 1,
            Some(Request::Add(element)) => _ = self.added.insert(id, element),
            Some(Request::Remove(_)) => self.removed.extend(self.removing.get(&id).into_iter().flatten()),
            Some(Request::Write) | None => {}
        }
    }

    fn judge(&self, node: NodeId, state: &State) -> Result<(), Breach> {
        let (begun, answered) = self.increments;
        let count = state.count();
        if count < answered || count > begun {
            let told = format!("node {node} counts {count}, of {begun} increments of which {answered} were answered");
            return Err(Breach::new("count", told));
        }
        let live: BTreeSet<RequestId> = state.live().map(|(id, _)| id).collect();
        let may_be_gone = |id: &RequestId| self.removing.values().flatten().any(|seen| seen == id);
        if let Some((id, element)) = self.added.iter().find(|(id, _)| !live.contains(id) && !may_be_gone(id)) {
            let told =
                format!("node {node} lost element {element} that request {id} added: nobody who saw it removed it");
            return Err(Breach::new("lost add", told));
        }
        match self.removed.iter().find(|id| live.contains(id)) {
            Some(id) => Err(Breach::new("came back", format!("on node {node} the add of request {id} has come back"))),
            None => Ok(()),
        }
    }
}

impl Check<Replica> for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Begins, EventKind::Ends, EventKind::Rest]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Replica>, nodes: Nodes<'_, Replica>) -> Result<(), Breach> {
        match event {
            Event::Begins { node, input: Input::Request { id, request }, .. } => {
                self.begin(*id, request, nodes.get(*node));
            }
            Event::Ends { effects, .. } => {
                for effect in *effects {
                    if let Effect::Respond { id, .. } = effect {
                        self.end(*id);
                    }
                }
            }
            Event::Rest { .. } => {
                return nodes.up().try_for_each(|(node, replica)| self.judge(node, &replica.state));
            }
            _ => {}
        }
        Ok(())
    }
}

fn draw(rng: &mut Rng) -> Request {
    let element = rng.below(3) as u8;
    match rng.below(6) {
        0 => Request::Increment,
        1 | 2 => Request::Add(element),
        3 | 4 => Request::Remove(element),
        _ => Request::Write,
    }
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Replica> {
    Harness::new(crate::system_name("crdts", bug), move |boot| Replica::boot(boot, bug))
        .nodes(3..=4)
        .requests(draw)
        .settle(Duration::from_secs(2))
        .check(Exact::default())
        .check(Convergence::new())
        .check(Liveness::new())
        .must_reach(["merged"])
        .snapshots(crate::SNAPSHOTS)
}
