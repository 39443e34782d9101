//! Late timers, clocks and armed faults as proptest draws them.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::pool::{LATE_US, PARTITION_US, Pool};
use crate::protocol::NodeId;
use crate::sim::{ArmedFault, Blow, Clock, Moment, On, Plan, TimerName, When};

/// How many timers of a kind and node, and how many times that something is said, a plan may have decided on.
const NUMBER_MAX: u32 = 8;

/// What a plan has of these.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    timers: Vec<(TimerName, Duration)>,
    clocks: Vec<(NodeId, Clock)>,
    armed: Vec<ArmedFault>,
}

impl Extras {
    pub(super) fn add_to(self, plan: &mut Plan) {
        plan.timers.extend(self.timers);
        plan.clocks.extend(self.clocks);
        plan.armed.extend(self.armed);
    }
}

/// As many as the system has: late timers if it sets any, clocks within the bounds that it stands, faults at what it says.
pub(super) fn extras(node_count: usize, pool: &Pool) -> BoxedStrategy<Extras> {
    if pool.timers.is_empty() && pool.clocks.is_none() && pool.sayings.is_empty() {
        return Just(Extras::default()).boxed();
    }
    let some = |count: usize, has_any: bool| if has_any { 0..count } else { 0..1 };
    (
        vec(timer(node_count, pool.timers.clone()), some(6, !pool.timers.is_empty())),
        vec(clock(node_count, pool), some(3, !pool.clocks.is_none())),
        vec(armed(node_count, pool), some(3, !pool.sayings.is_empty())),
    )
        .prop_map(|(timers, clocks, armed)| Extras { timers, clocks, armed })
        .boxed()
}

fn timer(node_count: usize, kinds: Vec<Arc<str>>) -> impl Strategy<Value = (TimerName, Duration)> {
    (0..node_count, any::<prop::sample::Index>(), 1..=NUMBER_MAX, 1..=LATE_US).prop_map(
        move |(node, kind, number, late)| {
            let kind = if kinds.is_empty() { Arc::default() } else { Arc::clone(kind.get(&kinds)) };
            (TimerName { node: NodeId::new(node), kind, number }, Duration::from_micros(late))
        },
    )
}

fn clock(node_count: usize, pool: &Pool) -> impl Strategy<Value = (NodeId, Clock)> + use<> {
    let lead_max = pool.clocks.offset_max.as_micros().min(1 << 40) as i64;
    let drift_max = pool.clocks.drift_ppm_max.min(i32::MAX as u32) as i32;
    (0..node_count, 0..=lead_max, -drift_max..=drift_max)
        .prop_map(|(node, lead, drift_ppm)| (NodeId::new(node), Clock { offset_nanos: lead * 1_000, drift_ppm }))
}

fn armed(node_count: usize, pool: &Pool) -> impl Strategy<Value = ArmedFault> + use<> {
    let (sayings, kinds, may_pause) = (pool.sayings.clone(), pool.kinds.clone(), pool.profile.pause_permille > 0);
    let on = prop_oneof![
        3 => Just(On::That),
        1 => Just(On::Peers),
        1 => (0..node_count).prop_map(|node| On::Node(NodeId::new(node))),
    ];
    let blow =
        (0..7_u32, prop::option::of(0..4_u32), any::<prop::sample::Index>()).prop_map(move |(sort, effects, kind)| {
            match sort {
                0 | 1 => Blow::Crash { effects, wipe: false },
                2 => Blow::Isolate,
                3 => Blow::Deafen,
                4 => Blow::Mute,
                5 if may_pause => Blow::Pause,
                _ if kinds.is_empty() => Blow::Isolate,
                _ => Blow::Hold { kind: Arc::clone(kind.get(&kinds)) },
            }
        });
    let span = |most: u64| (1..=most).prop_map(Duration::from_micros);
    let after = prop_oneof![2 => Just(Duration::ZERO), 1 => span(PARTITION_US)];
    (any::<prop::sample::Index>(), 1..=NUMBER_MAX, after, on, blow, prop::option::of(span(PARTITION_US)), any::<bool>())
        .prop_filter_map("something must be said", move |(said, count, after, on, blow, lasts, is_until)| {
            if sayings.is_empty() {
                return None;
            }
            let said = said.get(&sayings).clone();
            let until = is_until && blow != Blow::Pause;
            let until = until.then(|| Moment { said: said.clone(), count: count + 1, by: None });
            let when = When::Said { moment: Moment { said, count, by: None }, after };
            Some(ArmedFault { when, on, blow, lasts, until })
        })
}
