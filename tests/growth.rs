//! How what a run costs grows with its length: allocations and bytes, counted at two lengths, never timed.
#![cfg(feature = "builtin")]

use std::time::Duration;

use allocation_counter::measure;
use distributed_data_consistency::check::{Convergence, Identity, Liveness, Residue, Siblings};
use distributed_data_consistency::harness::Harness;
use distributed_data_consistency::kv::{StoreAction, StoreWorkload};
use distributed_data_consistency::protocol::{NodeId, RequestId, Time, Workload};
use distributed_data_consistency::sim::{Action, Plan, PlannedRequest};
use distributed_data_consistency::store::Node;

const NODES: usize = 3;

/// Puts at one node after the other, over so many keys.
fn puts(count: usize, key_count: usize) -> Plan {
    let request = |place: usize| {
        let (key, value) = (format!("k{}", place % key_count).into(), format!("v{place}").into());
        let action = Action::new(StoreAction::Put { key, value, session: None });
        PlannedRequest::new(Time::from_millis(place as u64), NodeId::new(place % NODES), action)
    };
    Plan {
        heal_at: Time::ZERO,
        settle: Duration::from_secs(100),
        requests: (0..count).map(request).collect(),
        ..Plan::new(NODES)
    }
}

fn store() -> Harness<Node> {
    let store = Harness::new("store", Node::boot).workload(StoreWorkload::plain());
    let store = store.check(Siblings::new()).check(Identity::new()).check(Residue::new());
    store.check(Convergence::new()).check(Liveness::new())
}

/// What a run holds at most grows as its requests do. With a bit for each write in each set of writes it did as their square.
#[test]
fn the_memory_of_a_run_grows_as_its_requests() {
    const TIMES: usize = 8;
    let bytes = |count: usize, key_count: usize| {
        let (store, plan) = (store(), puts(count, key_count));
        measure(|| assert!(store.run(&plan).is_clean())).bytes_max
    };
    for (count, few_keys, many_keys) in [(2_000, 1, 1), (2_000, 20, 20), (1_000, 1_000, TIMES * 1_000)] {
        let (short, long) = (bytes(count, few_keys), bytes(TIMES * count, many_keys));
        let times = long as f64 / short as f64;
        assert!(
            times < TIMES as f64 * 1.3,
            "{TIMES} times the puts, {many_keys} keys: {times:.1} times the {short} bytes"
        );
    }
}

/// A plan may write one value as often as it likes.
#[test]
fn a_value_that_is_put_again_costs_no_search() {
    let allocations = |count: u32| {
        let put = StoreAction::Put { key: "cart".into(), value: "bread".into(), session: None };
        let mut workload = StoreWorkload::plain();
        let request = |id| drop(Workload::<Node>::request(&mut workload, RequestId(id), &put));
        measure(|| (0..count).for_each(request)).count_total
    };
    let [short, long] = [200, 3_200].map(allocations);
    assert!(long < 20 * short, "{short} allocations, then {long} for 16 times the puts");
}
