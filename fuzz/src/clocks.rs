//! The laws of clocks and of sets of names, each held against a plain model.

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use distributed_data_consistency::causality::{Actor, COUNTER_MAX, ClockOrder, Dot, DotSet, VectorClock};

/// Slots of a clock, spread so that both its dense and its sparse form come up.
const SLOTS: [usize; 8] = [0, 1, 2, 3, 15, 16, 40, 300];
const COUNTERS: u8 = 24;

/// Three clocks and three sets of names.
///
/// # Panics
/// If a law is broken.
pub fn clock_laws(data: &[u8]) {
    let bytes = &mut Unstructured::new(data);
    // Bytes that have run out are zeros: every input is some clocks and sets.
    let clocks: [_; 3] = std::array::from_fn(|_| clock(bytes).unwrap_or_default());
    let sets: [_; 3] = std::array::from_fn(|_| set(bytes).unwrap_or_default());
    for (clock, plain) in &clocks {
        let told: Vec<u64> = clock.iter().collect();
        assert!(told.iter().copied().eq(trimmed(plain)), "{clock:?} is not {plain:?}");
        let again = VectorClock::try_from(told.as_slice());
        assert_eq!(again.as_ref(), Ok(clock), "a clock has one form");
    }
    for (left, plain_left) in &clocks {
        for (right, plain_right) in &clocks {
            let order = compare(plain_left, plain_right);
            assert_eq!(left.compare(right), order, "{left:?} and {right:?}");
            assert_eq!(order == ClockOrder::Equal, left == right);
            let mut joined = left.clone();
            joined.join(right);
            let mut other_way = right.clone();
            other_way.join(left);
            assert_eq!(joined, other_way, "a join has no order");
            assert_eq!(joined, of(&join(plain_left, plain_right)), "the join of {left:?} and {right:?}");
            assert!(matches!(joined.compare(left), ClockOrder::Equal | ClockOrder::Greater));
        }
    }
    let [a, b, c] = clocks.map(|(clock, _)| clock);
    let (mut left, mut right) = (a.clone(), b.clone());
    left.join(&b);
    left.join(&c);
    right.join(&c);
    let mut joined = a;
    joined.join(&right);
    assert_eq!(left, joined, "joins can be grouped in any way");
    sets.iter().for_each(|(set, plain)| check_set(set, plain));
    for (left, plain_left) in &sets {
        for (right, plain_right) in &sets {
            check_pair((left, plain_left), (right, plain_right));
        }
    }
}

type Plain = BTreeSet<Dot>;

fn check_set(set: &DotSet, plain: &Plain) {
    assert_eq!(*set, plain.iter().copied().collect(), "a set has one form");
    assert_eq!(set.is_empty(), plain.is_empty());
    for dot in all_dots() {
        assert_eq!(set.contains(dot), plain.contains(&dot), "{dot} in {set:?}");
    }
    for actor in actors() {
        let last = plain.iter().filter(|dot| dot.actor == actor).map(|dot| dot.counter.get()).max();
        assert_eq!(set.last(actor), last.unwrap_or(0), "the last of {actor} in {set:?}");
        let base = (1..).take_while(|counter| plain.contains(&dot(actor, *counter))).last();
        assert_eq!(set.base(actor), base.unwrap_or(0), "the base of {actor} in {set:?}");
    }
    let parts = set.parts().map(|(actor, base, runs)| (actor, base, runs.collect()));
    assert_eq!(DotSet::from_parts(parts).as_ref(), Ok(set), "a set is made of its parts");
}

fn check_pair((left, plain_left): (&DotSet, &Plain), (right, plain_right): (&DotSet, &Plain)) {
    assert_eq!(left == right, plain_left == plain_right, "{left:?} and {right:?}");
    assert_eq!(left.contains_all(right), plain_left.is_superset(plain_right), "{left:?} and {right:?}");
    let rest: DotSet = plain_left.difference(plain_right).copied().collect();
    assert_eq!(left.without(right), rest, "{left:?} without {right:?}");
    let mut both = left.clone();
    both.insert_all(right);
    let union: DotSet = plain_left.union(plain_right).copied().collect();
    assert_eq!(both, union, "{left:?} and {right:?}");
    assert!(both.contains_all(left) && both.contains_all(right));
}

/// A clock, and the same as numbers.
fn clock(bytes: &mut Unstructured<'_>) -> arbitrary::Result<(VectorClock, Vec<u64>)> {
    let mut plain = vec![0; 0];
    for _ in 0..u8::arbitrary(bytes)? % 8 {
        let [slot, counter] = <[u8; 2]>::arbitrary(bytes)?;
        let slot = SLOTS[usize::from(slot) % SLOTS.len()];
        plain.resize(plain.len().max(slot + 1), 0);
        plain[slot] = if counter > 250 { COUNTER_MAX - u64::from(counter - 251) } else { u64::from(counter % 6) };
    }
    let mut clock = VectorClock::new();
    plain.iter().enumerate().for_each(|(slot, &counter)| clock.raise(slot, counter));
    assert_eq!(clock, of(&plain), "a clock that was raised to {plain:?}");
    Ok((clock, plain))
}

fn of(plain: &[u64]) -> VectorClock {
    VectorClock::try_from(plain).expect("expect: no counter is too large")
}

fn trimmed(plain: &[u64]) -> impl Iterator<Item = u64> + '_ {
    let length = plain.iter().rposition(|&counter| counter != 0).map_or(0, |last| last + 1);
    plain[..length].iter().copied()
}

fn join(left: &[u64], right: &[u64]) -> Vec<u64> {
    let at = |clock: &[u64], slot: usize| clock.get(slot).copied().unwrap_or(0);
    (0..left.len().max(right.len())).map(|slot| at(left, slot).max(at(right, slot))).collect()
}

fn compare(left: &[u64], right: &[u64]) -> ClockOrder {
    let both = join(left, right);
    match (trimmed(left).eq(trimmed(&both)), trimmed(right).eq(trimmed(&both))) {
        (true, true) => ClockOrder::Equal,
        (true, false) => ClockOrder::Greater,
        (false, true) => ClockOrder::Less,
        (false, false) => ClockOrder::Concurrent,
    }
}

/// A set, and the same name by name: names come one by one, and all up to one.
fn set(bytes: &mut Unstructured<'_>) -> arbitrary::Result<(DotSet, Plain)> {
    let (mut set, mut plain) = (DotSet::new(), Plain::new());
    for _ in 0..u8::arbitrary(bytes)? % 24 {
        let byte = u8::arbitrary(bytes)?;
        let actor = actors()[usize::from(byte >> 6) % 3];
        let counter = u64::from(byte & 0x1f) % u64::from(COUNTERS) + 1;
        if byte & 0x20 == 0 {
            assert_eq!(set.insert(dot(actor, counter)), plain.insert(dot(actor, counter)));
        } else {
            set.insert_up_to(actor, counter);
            plain.extend((1..=counter).map(|counter| dot(actor, counter)));
        }
    }
    Ok((set, plain))
}

fn actors() -> [Actor; 3] {
    [Actor::first(0), Actor::first(1), Actor { incarnation: 1, node: 0 }]
}

fn dot(actor: Actor, counter: u64) -> Dot {
    Dot::new(actor, counter).expect("expect: counters start at 1")
}

fn all_dots() -> impl Iterator<Item = Dot> {
    actors().into_iter().flat_map(|actor| (1..=u64::from(COUNTERS)).map(move |counter| dot(actor, counter)))
}
