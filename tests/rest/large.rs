//! Worlds of thousands of nodes cost what happens in them, and not the square of their nodes.

use allocation_counter::measure;
use distributed_data_consistency::protocol::NodeId;
use distributed_data_consistency::sim::{End, Fault, Link, Plan};

use super::actor::{Order, crash, fault, harness, ms, plan};

/// Both directions of all links between two halves, or only one.
fn halves(node_count: usize, both: bool) -> Fault {
    let pairs =
        (0..node_count / 2).flat_map(|left| (node_count / 2..node_count).map(move |right| Link::new(left, right)));
    let mut links: Vec<Link> = pairs.clone().collect();
    links.extend(pairs.filter(|_| both).map(Link::reversed));
    Fault::Partition { links, heal: Some(ms(20)) }
}

/// With a look through all links for each of them this would take hours.
#[test]
fn a_cut_between_halves_of_two_thousand_nodes_ends() {
    let boring = plan(2_000, &[(15, 0, Order::Tell(1)), (15, 1_999, Order::Tell(2)), (60, 0, Order::Tell(3))]);
    for both in [true, false] {
        let stats = harness().run(&fault(boring.clone(), 10, halves(2_000, both))).stats;
        assert_eq!((stats.partitions, stats.partitions_one_way), (u64::from(both), u64::from(!both)));
        assert_eq!(stats.cut, if both { 2_000 } else { 1_000 });
        assert_eq!(stats.sent, 3 * 1_999);
    }
    // Written down as well.
    let trace = harness().record(&fault(plan(600, &[]), 10, halves(600, true))).trace;
    assert!(trace.lines().iter().any(|line| line.starts_with("10ms cut 0↔300 0↔301")));
}

#[test]
fn four_thousand_nodes_with_three_requests_take_little_memory() {
    let orders = [(1, 0, Order::Tell(1)), (2, 7, Order::Tell(2)), (3, 4_095, Order::Tell(3))];
    let mut plan = fault(plan(4_096, &orders), 50, crash(9, None));
    plan.core = Some((0..4_095).map(NodeId::new).collect());
    let outcome = harness().run(&plan);
    assert_eq!((outcome.end, outcome.stats.abandoned), (Some(End::Quiet), 1));
    assert_eq!(outcome.stats.delivered, 3 * 4_095);
    // A word for each link alone would be 64 MiB.
    let bytes = measure(|| drop(harness().run(&plan))).bytes_max;
    assert!(bytes < 16 << 20, "{bytes} bytes");
}

/// A timer more costs the logarithm of their number: `sim::timers` counts the comparisons.
#[test]
fn a_node_may_have_forty_thousand_timers() {
    let orders: Vec<_> = (0..40_000).map(|timer| (1, 0, Order::Set(timer, u64::from(timer) % 977 + 1))).collect();
    let outcome = harness().run(&Plan { settle: ms(10_000), ..plan(1, &orders) });
    assert_eq!((outcome.end, outcome.stats.timers), (Some(End::Quiet), 40_000));
}
