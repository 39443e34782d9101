//! Server-wide clocks, as sets of dots: a base, and a bitmap of what was seen above it.

use distributed_data_consistency::causality::{Actor, Dot, DotSet};
use proptest::prelude::*;

use super::{assert_nothing_is_left_over, cluster, delete, laws_of, pull, put, settle};

const A: Actor = Actor::first(0);
const B: Actor = Actor::first(1);

/// What the papers write as `(base, bitmap)`: bit 0 stands for the counter after the base.
fn clock(actor: Actor, base: u64, bitmap: u64) -> DotSet {
    let mut set = DotSet::new();
    set.insert_up_to(actor, base);
    let above = (0..64).filter(|bit| bitmap >> bit & 1 == 1).map(|bit| base + 1 + bit);
    set.extend(above.map(|counter| dot(actor, counter)));
    set
}

fn dot(actor: Actor, counter: u64) -> Dot {
    Dot::new(actor, counter).unwrap()
}

fn counters(set: &DotSet, actor: Actor) -> Vec<u64> {
    (1..=set.last(actor)).filter(|&counter| set.contains(dot(actor, counter))).collect()
}

fn joined(left: &DotSet, right: &DotSet) -> DotSet {
    let mut joined = left.clone();
    joined.insert_all(right);
    joined
}

#[test]
fn norm_moves_the_base_through_what_touches_it() {
    for ((base, bitmap), (normal_base, normal_bitmap)) in [
        ((0, 0), (0, 0)),
        ((5, 0b11), (7, 0)),
        ((5, 0b1011), (7, 0b10)),
        ((5, 0b10), (5, 0b10)),
        ((2, 0b111_0111), (5, 0b1110)),
        ((0, u64::MAX), (64, 0)),
    ] {
        let set = clock(A, base, bitmap);
        assert_eq!(set.base(A), normal_base, "({base}, {bitmap:b})");
        assert_eq!(set, clock(A, normal_base, normal_bitmap), "({base}, {bitmap:b})");
        assert_eq!(set.is_empty(), base == 0 && bitmap == 0);
    }
}

#[test]
fn missing_dots_are_what_one_has_seen_and_the_other_has_not() {
    for (mine, theirs, missing) in [
        ((0, 0), (0, 0), vec![]),
        ((4, 0), (4, 0), vec![]),
        ((4, 0), (2, 0), vec![3, 4]),
        ((2, 0), (4, 0), vec![]),
        ((5, 0b10), (5, 0), vec![7]),
        ((5, 0b1010), (4, 0b100), vec![5, 9]),
        ((8, 0), (5, 0b10), vec![6, 8]),
        ((2, 0b110), (6, 0), vec![]),
        ((0, 0b10), (0, 0b100), vec![2]),
    ] {
        let left = clock(A, mine.0, mine.1).without(&clock(A, theirs.0, theirs.1));
        assert_eq!(counters(&left, A), missing, "{mine:?} without {theirs:?}");
    }
    let both = joined(&clock(A, 3, 0), &clock(B, 2, 0b10));
    assert_eq!(both.without(&clock(A, 3, 0)), clock(B, 2, 0b10), "an actor of which nothing is missing is not told of");
    assert_eq!(both.without(&DotSet::new()), both);
}

#[test]
fn add_puts_in_one_dot() {
    for ((base, bitmap), added, (then_base, then_bitmap)) in [
        ((0, 0), 1, (1, 0)),
        ((5, 0b11), 8, (8, 0)),
        ((5, 0b1000), 8, (5, 0b1100)),
        ((5, 0b1110), 6, (9, 0)),
        ((5, 0), 3, (5, 0)),
        ((2, 0b101), 4, (5, 0)),
    ] {
        let mut set = clock(A, base, bitmap);
        set.insert(dot(A, added));
        assert_eq!(set, clock(A, then_base, then_bitmap), "{added} into ({base}, {bitmap:b})");
    }
}

#[test]
fn merge_keeps_what_either_has() {
    for (left, right, merged) in [
        ((5, 0b11), (2, 0b100), (7, 0)),
        ((5, 0b10), (6, 0), (7, 0)),
        ((5, 0), (2, 0b1_0000), (5, 0b10)),
        ((2, 0b10), (2, 0b101), (5, 0)),
        ((0, 0), (3, 0b10), (3, 0b10)),
    ] {
        let [one, other] = [left, right].map(|(base, bitmap)| clock(A, base, bitmap));
        assert_eq!(joined(&one, &other), clock(A, merged.0, merged.1), "{left:?} and {right:?}");
        assert_eq!(joined(&other, &one), joined(&one, &other));
    }
}

proptest! {
    #![proptest_config(laws_of(256))]

    #[test]
    fn what_is_missing_makes_up_for_the_difference(mine in (0..9_u64, 0..64_u64), theirs in (0..9_u64, 0..64_u64)) {
        let [mine, theirs] = [mine, theirs].map(|(base, bitmap)| clock(A, base, bitmap));
        let missing = mine.without(&theirs);
        prop_assert_eq!(joined(&theirs, &missing), joined(&theirs, &mine));
        prop_assert!(missing.without(&mine).is_empty());
        prop_assert_eq!(missing.is_empty(), theirs.contains_all(&mine));
        prop_assert!(counters(&missing, A).iter().all(|&counter| !theirs.contains(dot(A, counter))));
    }
}

/// The base is what was seen without a gap; what is above it is asked for, and only that.
#[test]
fn the_base_of_a_node_stops_at_what_it_has_missed() {
    let mut nodes = cluster(2);
    put(&mut nodes[0], "lost", "a");
    let (_, updates) = super::write(&mut nodes[0], "k", Some("b"), None);
    super::take(&mut nodes[1], &updates[0]);
    assert_eq!((nodes[1].seen().base(A), nodes[1].seen().last(A), nodes[1].retained().gaps), (0, 2, 1));
    assert_eq!(pull(&mut nodes, 1, 0), 1, "the lost one and no other");
    assert_eq!((nodes[1].seen().base(A), nodes[1].retained().gaps), (2, 0));
}

/// Dots and tombstones go below the watermark, which is what the node that has seen least has seen.
#[test]
fn the_log_is_cut_at_the_watermark() {
    let mut nodes = cluster(3);
    for number in 0..5 {
        put(&mut nodes[0], &format!("k{number}"), "v");
    }
    delete(&mut nodes[0], "k0");
    for _ in 0..3 {
        pull(&mut nodes, 1, 0);
        pull(&mut nodes, 0, 1);
    }
    let left = nodes[0].retained();
    assert_eq!((left.log_entries, left.tombstones), (6, 1), "node 2 may not have seen them");
    settle(&mut nodes);
    assert_nothing_is_left_over(&nodes);
}
