//! Plans as a proptest strategy: what proptest draws, it can also shrink.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::Harness;
use crate::machine::{NodeId, Rng, StateMachine, Time};
use crate::sim::{Fate, Fault, Link, MessageName, Plan, PlannedFault, PlannedRequest, What};

/// How long the hostile phase of a plan lasts, in microseconds.
const HOSTILE_US: u64 = 60_000;
/// How many messages of a kind and link a plan may have decided on.
const NUMBER_MAX: u32 = 8;

impl<M: StateMachine> Harness<M> {
    /// Any plan for this system: a few requests and faults, and fates for some of its messages.
    ///
    /// Plans are total, so whatever proptest shrinks one to can be run as well.
    pub fn plans(&self) -> impl Strategy<Value = Plan> + use<M> {
        let kinds = self.kinds();
        let (fewest, most) = (*self.system().node_counts.start(), *self.system().node_counts.end());
        let requests = self.request_pool();
        let settle = self.system().settle;
        (fewest..=most).prop_flat_map(move |node_count| {
            let request = (0..HOSTILE_US, 0..node_count, any::<prop::sample::Index>());
            let request_count = if requests.is_empty() { 0..1 } else { 0..16 };
            let requests = requests.clone();
            let fates = if kinds.is_empty() { 0..1 } else { 0..24 };
            (
                vec(request, request_count),
                vec(fault(node_count), 0..4),
                vec((name(node_count, kinds.clone()), fate()), fates),
            )
                .prop_map(move |(picked, faults, fates)| {
                    let mut plan = Plan { settle, heal_at: time(HOSTILE_US), ..Plan::new(node_count) };
                    plan.requests = picked
                        .into_iter()
                        .map(|(at, node, action)| {
                            let action = action.get(&requests).action.clone();
                            PlannedRequest { at: time(at), node: NodeId::new(node), action }
                        })
                        .collect();
                    plan.faults = faults;
                    plan.fates = fates.into_iter().filter(|(name, _)| !name.kind.is_empty()).collect();
                    plan
                })
        })
    }

    /// Requests to choose from, drawn from one fixed seed: only the workload can make them.
    fn request_pool(&self) -> Vec<PlannedRequest> {
        let Some(clients) = &self.system().clients else { return Vec::new() };
        let mut clients = clients.fork();
        let rng = &mut Rng::new(0, 0);
        clients.begin(rng);
        let mut draw = || PlannedRequest { at: Time::ZERO, node: NodeId::new(0), action: clients.draw(rng) };
        (0..64).map(|_| draw()).collect()
    }

    /// The kinds of messages that this system sends, as far as a few drawn worlds show.
    pub(super) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = Vec::new();
        for seed in 0..4 {
            for event in self.record_seed(seed).trace.events {
                if let What::Sent { name, .. } = event.what
                    && !kinds.iter().any(|kind| **kind == *name.kind)
                {
                    kinds.push(name.kind.to_string());
                }
            }
        }
        kinds.sort_unstable();
        kinds
    }
}

fn time(micros: u64) -> Time {
    Time::ZERO + Duration::from_micros(micros)
}

fn span(most_us: u64) -> impl Strategy<Value = Duration> {
    (1..=most_us).prop_map(Duration::from_micros)
}

fn name(node_count: usize, kinds: Vec<String>) -> impl Strategy<Value = MessageName> {
    (0..node_count, 0..node_count, any::<prop::sample::Index>(), 1..=NUMBER_MAX).prop_map(
        move |(from, to, kind, number)| {
            let kind = if kinds.is_empty() { "" } else { kind.get(&kinds).as_str() };
            MessageName { link: Link::new(from, to), kind: kind.into(), number }
        },
    )
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Drop),
        span(40_000).prop_map(Fate::delay),
        (span(40_000), span(150_000)).prop_map(|(first, second)| Fate::copies(&[first, second])),
    ]
}

fn fault(node_count: usize) -> impl Strategy<Value = PlannedFault> {
    let crash = (0..node_count, prop::option::of(0..5_u32), prop::option::of(span(30_000)))
        .prop_map(|(node, effects, restart)| Fault::Crash { node: NodeId::new(node), effects, restart });
    let partition = (0..node_count, 0..node_count, any::<bool>(), prop::option::of(span(40_000))).prop_map(
        |(left, right, both, heal)| {
            let link = Link::new(left, right);
            let links = if both && left != right { vec![link, link.reversed()] } else { vec![link] };
            Fault::Partition { links, heal }
        },
    );
    (0..HOSTILE_US, prop_oneof![crash, partition]).prop_map(|(at, fault)| PlannedFault { at: time(at), fault })
}
