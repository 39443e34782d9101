//! Plans as a proptest strategy: what proptest draws, it can also shrink.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::harness::Harness;
use crate::protocol::{Knobs, NodeId, StateMachine};
use crate::sim::{Fate, Fault, Link, MessageName, Plan, PlannedFault, PlannedRequest, Retry};
use crate::strategy::{Knob, Profile, Retries};
use crate::testing::disk;
use crate::testing::extras_plans::extras;
use crate::testing::pool::{DELAY_US, HOSTILE_US, LATE_US, PARTITION_US, RESTART_US, micros};

/// How many messages of a kind and link a plan may have decided on.
const NUMBER_MAX: u32 = 8;

impl<M: StateMachine> Harness<M> {
    /// Any plan for this system: a few requests and faults, and fates for some of its messages.
    ///
    /// Plans are total, so whatever proptest shrinks one to can be run as well.
    pub fn plans(&self) -> impl Strategy<Value = Plan> + use<M> {
        let pool = self.pool();
        let (fewest, most) = (*pool.node_counts.start(), *pool.node_counts.end());
        (fewest..=most, pool.spares.clone()).prop_flat_map(move |(member_count, spares)| {
            let node_count = member_count + spares;
            let retries = retries(pool.retries, member_count);
            let request = (0..HOSTILE_US, 0..member_count, any::<prop::sample::Index>(), retries);
            let request_count = if pool.actions.is_empty() { 0..1 } else { 0..16 };
            let fates = if pool.kinds.is_empty() { 0..1 } else { 0..24 };
            let pool = pool.clone();
            (
                vec(request, request_count),
                vec(fault(node_count, &pool.profile), 0..4),
                vec((name(node_count, pool.kinds.clone()), fate()), fates),
                core(member_count, spares, &pool.profile),
                knobs(&pool.knobs),
                disk::faults(pool.disks, node_count),
                extras(node_count, &pool),
            )
                .prop_map(move |(picked, faults, fates, core, knobs, disk, extras)| {
                    let mut plan = Plan { core, knobs, disk, ..pool.plan(member_count, spares) };
                    plan.requests = picked
                        .into_iter()
                        .map(|(at, node, action, retries)| {
                            let action = action.get(&pool.actions).clone();
                            PlannedRequest { retries, ..PlannedRequest::new(micros(at), NodeId::new(node), action) }
                        })
                        .collect();
                    plan.faults = faults;
                    plan.fates = fates.into_iter().collect();
                    extras.add_to(&mut plan);
                    plan
                })
        })
    }
}

fn span(most_us: u64) -> impl Strategy<Value = Duration> {
    (1..=most_us).prop_map(Duration::from_micros)
}

/// How a client asks again, if clients do.
fn retries(drawn: Option<Retries>, member_count: usize) -> impl Strategy<Value = Vec<Retry>> + use<> {
    let retry = (span(DELAY_US), 0..member_count).prop_map(|(after, node)| Retry { after, node: NodeId::new(node) });
    vec(retry, 0..=drawn.map_or(0, |drawn| drawn.count as usize))
}

fn name(node_count: usize, kinds: Vec<Arc<str>>) -> impl Strategy<Value = MessageName> {
    (0..node_count, 0..node_count, any::<prop::sample::Index>(), 1..=NUMBER_MAX).prop_map(
        move |(from, to, kind, number)| {
            let kind = if kinds.is_empty() { Arc::default() } else { kind.get(&kinds).clone() };
            MessageName { link: Link::new(from, to), kind, number }
        },
    )
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Drop),
        span(DELAY_US).prop_map(Fate::delay),
        (span(DELAY_US), span(LATE_US)).prop_map(|(first, second)| Fate::copies(&[first, second])),
    ]
}

/// Who heals; with the profile's say, for not every protocol promises anything to those who are left.
fn core(member_count: usize, spares: usize, profile: &Profile) -> impl Strategy<Value = Option<Vec<NodeId>>> + use<> {
    let fewest = if profile.core_of_any_size { 1 } else { member_count / 2 + 1 };
    let nodes: Vec<NodeId> = (0..member_count).map(NodeId::new).collect();
    let core = prop::sample::subsequence(nodes, fewest..=member_count).prop_map(move |mut core| {
        core.extend((member_count..member_count + spares).map(NodeId::new));
        core
    });
    if profile.core_permille > 0 { prop::option::of(core).boxed() } else { Just(None).boxed() }
}

/// Some limits otherwise than in production, half of them tiny.
fn knobs(declared: &[Knob]) -> impl Strategy<Value = Knobs> + use<> {
    let value = |knob: &Knob| {
        let name = knob.name.clone();
        prop::option::of(prop_oneof![knob.tiny(), knob.range.clone()].prop_map(move |value| (name.clone(), value)))
    };
    let values: Vec<_> = declared.iter().map(value).collect();
    values.prop_map(|values| values.into_iter().flatten().collect())
}

fn fault(node_count: usize, profile: &Profile) -> impl Strategy<Value = PlannedFault> + use<> {
    let (may_wipe, may_pause) = (profile.wipe_permille > 0, profile.pause_permille > 0);
    let crash = (0..node_count, prop::option::of(0..5_u32), prop::option::of(span(RESTART_US)), any::<bool>())
        .prop_map(move |(node, effects, restart, wipe)| {
            let wipe = wipe && may_wipe;
            Fault::Crash { node: NodeId::new(node), effects, restart, wipe }
        });
    let pause =
        (0..node_count, span(PARTITION_US)).prop_map(|(node, span)| Fault::Pause { node: NodeId::new(node), span });
    let partition = (0..node_count, 0..node_count, any::<bool>(), prop::option::of(span(PARTITION_US))).prop_map(
        |(left, right, both, heal)| {
            let link = Link::new(left, right);
            let links = if both && left != right { vec![link, link.reversed()] } else { vec![link] };
            Fault::Partition { links, heal }
        },
    );
    let fault = prop_oneof![crash, partition];
    let fault = if may_pause { prop_oneof![2 => fault, 1 => pause].boxed() } else { fault.boxed() };
    (0..HOSTILE_US, fault).prop_map(|(at, fault)| PlannedFault { at: micros(at), fault })
}
