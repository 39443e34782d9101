//! The laws of causality: clocks against a naive comparison, sets of dots against a plain set.
#![cfg(feature = "store")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use bincode::config;
use distributed_data_consistency::causality::{Actor, COUNTER_MAX, ClockError, ClockOrder, Dot, DotSet, VectorClock};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn laws() -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/proptest.txt");
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..ProptestConfig::default()
    }
}

// Encodings.

/// A table at the top, which TOML needs.
#[derive(Serialize, Deserialize)]
struct Table<T> {
    it: T,
}

fn to_bytes(it: &impl Serialize) -> Vec<u8> {
    bincode::serde::encode_to_vec(it, config::standard()).expect("expect: it can be encoded")
}

/// `None` if the bytes are refused, or if some are left over.
fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (it, used) = bincode::serde::decode_from_slice(bytes, config::standard()).ok()?;
    (used == bytes.len()).then_some(it)
}

fn round_trips<T: Serialize + DeserializeOwned + PartialEq + Debug>(it: &T) {
    assert_eq!(from_bytes::<T>(&to_bytes(it)).as_ref(), Some(it));
    let text = toml::to_string(&Table { it }).expect("expect: it can be written");
    let table: Table<T> = toml::from_str(&text).expect("expect: what was written can be read");
    assert_eq!(&table.it, it);
}

// Vector clocks.

/// Mostly small counters, so that clocks meet; now and then one near an end of the range.
fn counter() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => 0..4_u64,
        1 => COUNTER_MAX - 2..=COUNTER_MAX,
        1 => 0..=COUNTER_MAX,
    ]
}

/// Entries of a clock, with zeros at the end now and then: few, as in a cluster, or up to 300.
fn entries() -> impl Strategy<Value = Vec<u64>> {
    // As clocks are where nodes have lived often.
    let sparse = vec((0..300_usize, counter()), 0..6).prop_map(|counted| {
        let mut entries = vec![0; counted.iter().map(|entry| entry.0 + 1).max().unwrap_or(0)];
        counted.into_iter().for_each(|(slot, counter)| entries[slot] = counter);
        entries
    });
    let used = prop_oneof![3 => vec(counter(), 0..8), 1 => vec(counter(), 0..300), 2 => sparse];
    (used, 0..4_usize).prop_map(|(mut entries, zero_count)| {
        entries.resize(entries.len() + zero_count, 0);
        entries
    })
}

/// Two clocks: strangers, or one and the same with a few entries changed and the length cut or padded. Long
/// strangers are always concurrent.
fn two() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    let change = (any::<Index>(), counter());
    let related = (entries(), vec(change, 0..3), any::<Index>(), 0..4_usize);
    let related = related.prop_map(|(left, changes, cut, how)| {
        let mut right = left.clone();
        for (place, counter) in changes.into_iter().filter(|_| !left.is_empty()) {
            right[place.index(left.len())] = counter;
        }
        match how {
            0 => right.truncate(cut.index(left.len() + 1)),
            1 => right.extend([0, 0]),
            _ => {}
        }
        (left, right)
    });
    prop_oneof![1 => (entries(), entries()), 2 => related]
}

fn clock(entries: &[u64]) -> VectorClock {
    VectorClock::try_from(entries).expect("expect: counters are in range")
}

fn joined(left: &VectorClock, right: &VectorClock) -> VectorClock {
    let mut joined = left.clone();
    joined.join(right);
    joined
}

fn is_at_least(left: &VectorClock, right: &VectorClock) -> bool {
    matches!(left.compare(right), ClockOrder::Greater | ClockOrder::Equal)
}

fn entry(entries: &[u64], slot: usize) -> u64 {
    entries.get(slot).copied().unwrap_or(0)
}

/// Compares entry by entry, as one would on paper.
fn compare_naively(left: &[u64], right: &[u64]) -> ClockOrder {
    let (mut is_less, mut is_greater) = (false, false);
    for slot in 0..left.len().max(right.len()) {
        is_less |= entry(left, slot) < entry(right, slot);
        is_greater |= entry(left, slot) > entry(right, slot);
    }
    match (is_less, is_greater) {
        (false, false) => ClockOrder::Equal,
        (true, false) => ClockOrder::Less,
        (false, true) => ClockOrder::Greater,
        (true, true) => ClockOrder::Concurrent,
    }
}

fn reverse(order: ClockOrder) -> ClockOrder {
    match order {
        ClockOrder::Less => ClockOrder::Greater,
        ClockOrder::Greater => ClockOrder::Less,
        ClockOrder::Equal | ClockOrder::Concurrent => order,
    }
}

proptest! {
    #![proptest_config(laws())]

    #[test]
    fn join_is_idempotent_commutative_and_associative(a in entries(), (b, c) in two()) {
        let (a, b, c) = (clock(&a), clock(&b), clock(&c));
        prop_assert_eq!(&joined(&a, &a), &a);
        prop_assert_eq!(&joined(&a, &VectorClock::new()), &a);
        prop_assert_eq!(joined(&b, &c), joined(&c, &b));
        prop_assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)));
    }

    #[test]
    fn join_is_the_least_upper_bound((a, b) in two(), above in entries()) {
        let join = joined(&clock(&a), &clock(&b));
        prop_assert!(is_at_least(&join, &clock(&a)) && is_at_least(&join, &clock(&b)));
        for slot in 0..a.len().max(b.len()) + 1 {
            prop_assert_eq!(join.get(slot), entry(&a, slot).max(entry(&b, slot)));
        }
        // Whatever is above both is above the join.
        let mut bound = clock(&above);
        for entries in [&a, &b] {
            entries.iter().enumerate().for_each(|(slot, &counter)| bound.raise(slot, counter));
        }
        prop_assert!(is_at_least(&bound, &join));
    }

    #[test]
    fn compare_agrees_with_the_naive_comparison((a, b) in two()) {
        let order = clock(&a).compare(&clock(&b));
        prop_assert_eq!(order, compare_naively(&a, &b));
        prop_assert_eq!(clock(&b).compare(&clock(&a)), reverse(order));
        prop_assert_eq!(order == ClockOrder::Equal, clock(&a) == clock(&b));
        let as_partial_order = clock(&a).partial_cmp(&clock(&b));
        prop_assert_eq!(as_partial_order.is_none(), order == ClockOrder::Concurrent);
        prop_assert_eq!(clock(&a) < clock(&b), order == ClockOrder::Less);
        prop_assert_eq!(clock(&a) > clock(&b), order == ClockOrder::Greater);
    }

    #[test]
    fn raise_never_lowers(entries in entries(), slot in 0..310_usize, counter in counter()) {
        let mut raised = clock(&entries);
        raised.raise(slot, counter);
        let mut model = entries;
        model.resize(model.len().max(slot + 1), 0);
        model[slot] = model[slot].max(counter);
        prop_assert_eq!(raised, clock(&model));
    }

    #[test]
    fn trailing_zeros_do_not_matter(entries in entries(), zero_count in 0..20_usize) {
        let mut padded = entries.clone();
        padded.resize(entries.len() + zero_count, 0);
        let (short, long) = (clock(&entries), clock(&padded));
        prop_assert_eq!(&short, &long);
        prop_assert_eq!(to_bytes(&short), to_bytes(&long));
        prop_assert_eq!(from_bytes::<VectorClock>(&to_bytes(&padded)), Some(short.clone()));
        prop_assert_eq!(short.iter().collect::<Vec<_>>(), entries[..short.slot_count()].to_vec());
        prop_assert!(short.entries().all(|(slot, counter)| counter > 0 && counter == short.get(slot)));
        prop_assert_eq!(short.entries().count(), entries.iter().filter(|counter| **counter > 0).count());
        prop_assert_eq!(short.slot_count(), short.iter().len());
        prop_assert_ne!(short.iter().last(), Some(0));
        prop_assert_eq!(short.is_zero(), entries.iter().all(|&counter| counter == 0));
    }

    #[test]
    fn clocks_survive_encoding(entries in entries()) {
        round_trips(&clock(&entries));
    }

    #[test]
    fn counters_out_of_range_are_refused(
        mut entries in entries(),
        place in any::<Index>(),
        counter in prop_oneof![COUNTER_MAX + 1..COUNTER_MAX + 3, COUNTER_MAX + 1..=u64::MAX],
    ) {
        let slot = place.index(entries.len() + 1);
        entries.insert(slot, counter);
        let refused = Err(ClockError::CounterTooLarge { slot, counter });
        prop_assert_eq!(VectorClock::try_from(entries.as_slice()), refused);
        // At the head of a clock this one says that slots are told.
        if (slot, counter) != (0, COUNTER_MAX + 1) {
            prop_assert_eq!(from_bytes::<VectorClock>(&to_bytes(&entries)), None);
        }
    }

    #[test]
    fn a_clock_of_few_entries_takes_no_more_room_than_they_do(slots in proptest::sample::subsequence((0..4_000_usize).collect::<Vec<_>>(), 1..5)) {
        let mut clock = VectorClock::new();
        slots.iter().rev().for_each(|&slot| clock.raise(slot, 300));
        prop_assert_eq!(clock.entries().map(|entry| entry.0).collect::<Vec<_>>(), slots);
        prop_assert!(to_bytes(&clock).len() <= 40, "{} bytes", to_bytes(&clock).len());
    }

    #[test]
    fn random_bytes_are_a_clock_or_refused(bytes in vec(any::<u8>(), 0..40)) {
        if let Some(clock) = from_bytes::<VectorClock>(&bytes) {
            round_trips(&clock);
        }
    }
}

#[test]
fn five_entries_fit_inline() {
    // Five counters, and two words for length and place.
    assert!(size_of::<VectorClock>() <= 56, "a clock has {} bytes", size_of::<VectorClock>());
}

#[test]
#[should_panic(expected = "counters stay below 2^53")]
fn a_clock_cannot_be_raised_out_of_range() {
    VectorClock::new().raise(0, COUNTER_MAX + 1);
}

// Actors and dots.

proptest! {
    #![proptest_config(laws())]

    #[test]
    fn actors_and_slots_name_each_other(node_count in 1..2_000_usize, slot in 0..1_000_000_usize) {
        let actor = Actor::at_slot(slot, node_count);
        prop_assert_eq!(actor.slot(node_count), slot);
        prop_assert_eq!(actor.next().slot(node_count), slot + node_count);
        prop_assert!(actor < Actor::at_slot(slot + 1, node_count));
        round_trips(&actor);
    }
}

// Sets of dots.

fn actor() -> impl Strategy<Value = Actor> {
    (0..2_u32, 0..3_u32).prop_map(|(incarnation, node)| Actor { incarnation, node })
}

/// Small counters, which touch; and counters at the upper end, which cost no more.
fn dot() -> impl Strategy<Value = Dot> {
    let counter = prop_oneof![6 => 1..14_u64, 1 => COUNTER_MAX - 4..=COUNTER_MAX, 1 => 1..=COUNTER_MAX];
    (actor(), counter).prop_map(|(actor, counter)| named(actor, counter))
}

fn named(actor: Actor, counter: u64) -> Dot {
    Dot::new(actor, counter).expect("expect: counters start at 1")
}

/// Dots of all actors or of one, few or enough to leave no gap.
fn dots() -> impl Strategy<Value = Vec<Dot>> {
    let of_one = (actor(), vec(1..12_u64, 0..24))
        .prop_map(|(actor, counters)| counters.into_iter().map(|counter| named(actor, counter)).collect());
    prop_oneof![vec(dot(), 0..12), vec(dot(), 0..120), of_one]
}

/// The dots of one actor, in runs with gaps between them.
fn runs() -> impl Strategy<Value = Vec<Dot>> {
    vec((0..4_u64, 1..5_u64), 0..6).prop_map(|runs| {
        let mut end = 0;
        let counters = runs.into_iter().flat_map(|(gap, length)| {
            let first = end + gap + 1;
            end = end + gap + length;
            first..=end
        });
        counters.map(|counter| named(Actor::first(0), counter)).collect()
    })
}

fn set(dots: &[Dot]) -> DotSet {
    dots.iter().copied().collect()
}

/// All that can be asked of a set, answered by the model.
fn assert_same(set: &DotSet, model: &BTreeSet<Dot>, probes: &[Dot]) {
    for &dot in model.iter().chain(probes) {
        assert_eq!(set.contains(dot), model.contains(&dot), "{dot} in {set:?}");
    }
    let mut by_actor: BTreeMap<Actor, BTreeSet<u64>> = BTreeMap::new();
    for dot in model {
        by_actor.entry(dot.actor).or_default().insert(dot.counter.get());
    }
    let mut gap_count = 0;
    for (&actor, counters) in &by_actor {
        let base = (1..).take_while(|counter| counters.contains(counter)).last().unwrap_or(0);
        assert_eq!(set.base(actor), base, "the base of {actor} in {set:?}");
        let starts_a_run = |counter: &&u64| **counter > base && !counters.contains(&(**counter - 1));
        gap_count += counters.iter().filter(starts_a_run).count();
    }
    assert_eq!(set.gap_count(), gap_count, "gaps in {set:?}");
    assert!(set.actors().eq(by_actor.keys().copied()), "actors of {set:?}");
    assert_eq!(set.is_empty(), model.is_empty());
}

proptest! {
    #![proptest_config(laws())]

    #[test]
    fn a_dot_set_is_a_set(dots in dots(), probes in vec(dot(), 0..20)) {
        let (mut set, mut model) = (DotSet::new(), BTreeSet::new());
        for dot in dots {
            prop_assert_eq!(set.insert(dot), model.insert(dot), "inserting {}", dot);
            assert_same(&set, &model, &probes);
        }
    }

    #[test]
    fn insert_all_is_union(left in dots(), right in dots(), probes in vec(dot(), 0..20)) {
        let mut union = set(&left);
        union.insert_all(&set(&right));
        let model: BTreeSet<Dot> = left.iter().chain(&right).copied().collect();
        assert_same(&union, &model, &probes);
        let mut reversed = set(&right);
        reversed.insert_all(&set(&left));
        prop_assert_eq!(&reversed, &union);
        prop_assert_eq!(union, model.into_iter().collect::<DotSet>());
    }

    #[test]
    fn contains_all_is_superset(left in dots(), right in dots(), keep in any::<Index>()) {
        let strangers = (left.clone(), right);
        // A part of the left, so that the answer is often yes; and that part with one dot more.
        let part = left[..keep.index(left.len() + 1)].to_vec();
        let part_and_more = [&part[..], &strangers.1[..strangers.1.len().min(1)]].concat();
        for (left, right) in [strangers, (left.clone(), part), (left, part_and_more)] {
            let model = |dots: &[Dot]| dots.iter().copied().collect::<BTreeSet<Dot>>();
            let expected = model(&left).is_superset(&model(&right));
            prop_assert_eq!(set(&left).contains_all(&set(&right)), expected, "{:?} {:?}", left, right);
        }
    }

    #[test]
    fn without_is_difference(left in dots(), right in dots(), keep in any::<Index>(), probes in vec(dot(), 0..20)) {
        // A part of the left as well, and that part with some dots more: what is taken away is mostly there.
        let part = &left[..keep.index(left.len() + 1)];
        for right in [&right[..], part, &[part, &right].concat()] {
            let model = |dots: &[Dot]| dots.iter().copied().collect::<BTreeSet<Dot>>();
            let rest = set(&left).without(&set(right));
            assert_same(&rest, &model(&left).difference(&model(right)).copied().collect(), &probes);
            round_trips(&rest);
        }
    }

    #[test]
    fn without_cuts_at_every_edge(left in runs(), right in runs()) {
        let rest = set(&left).without(&set(&right));
        let model: BTreeSet<Dot> = left.iter().filter(|dot| !right.contains(dot)).copied().collect();
        assert_same(&rest, &model, &left);
        prop_assert_eq!(to_bytes(&rest), to_bytes(&model.into_iter().collect::<DotSet>()));
    }

    #[test]
    fn insert_up_to_is_a_union_with_all_from_1(dots in dots(), up_to in vec((actor(), 0..16_u64), 0..4)) {
        let (mut set, mut model) = (set(&dots), dots.iter().copied().collect::<BTreeSet<Dot>>());
        for (actor, counter) in up_to {
            set.insert_up_to(actor, counter);
            model.extend((1..=counter).map(|counter| named(actor, counter)));
            assert_same(&set, &model, &dots);
            prop_assert_eq!(&set, &model.iter().copied().collect::<DotSet>());
        }
        round_trips(&set);
    }

    #[test]
    fn insert_up_to_a_large_counter_costs_no_more(dots in dots(), actor in actor(), below in 0..4_u64) {
        let mut set = set(&dots);
        set.insert_up_to(actor, COUNTER_MAX - below);
        prop_assert!(set.base(actor) >= COUNTER_MAX - below);
        prop_assert!(dots.iter().all(|&dot| set.contains(dot)));
        round_trips(&set);
    }

    #[test]
    fn last_is_the_largest_counter(dots in dots(), actor in actor()) {
        let counters = dots.iter().filter(|dot| dot.actor == actor).map(|dot| dot.counter.get());
        prop_assert_eq!(set(&dots).last(actor), counters.max().unwrap_or(0));
        prop_assert_eq!(set(&dots).last_dot(), dots.iter().copied().max());
    }

    #[test]
    fn gaps_are_the_stretches_between(dots in dots(), actor in actor(), probes in vec(dot(), 0..20)) {
        let set = set(&dots);
        let gaps: Vec<(Dot, Dot)> = set.gaps(actor).collect();
        prop_assert!(gaps.iter().all(|(first, last)| first <= last), "{gaps:?}");
        prop_assert!(gaps.is_sorted_by(|left, right| left.1 < right.0), "{gaps:?}");
        for dot in dots.iter().chain(&probes).filter(|dot| dot.actor == actor) {
            let is_left_out = gaps.iter().any(|(first, last)| (*first..=*last).contains(dot));
            prop_assert_eq!(is_left_out, !set.contains(*dot), "{} in {:?}", dot, gaps);
        }
    }

    #[test]
    fn the_order_of_insertion_leaves_no_trace(
        (dots, shuffled) in dots().prop_flat_map(|dots| (Just(dots.clone()), Just(dots).prop_shuffle())),
    ) {
        let (set, other) = (set(&dots), set(&shuffled));
        prop_assert_eq!(&set, &other);
        prop_assert_eq!(to_bytes(&set), to_bytes(&other));
        round_trips(&set);
    }

    #[test]
    fn equal_sets_have_equal_dots(left in dots(), right in dots()) {
        let same = left.iter().collect::<BTreeSet<_>>() == right.iter().collect::<BTreeSet<_>>();
        prop_assert_eq!(set(&left) == set(&right), same);
        prop_assert_eq!(to_bytes(&set(&left)) == to_bytes(&set(&right)), same);
    }
}

// What arrives from outside.

/// The parts of a set of dots, right or wrong.
type Raw = Vec<(Actor, RawCounters)>;

#[derive(Clone, Debug)]
struct RawCounters {
    base: u64,
    runs: Vec<(u64, u64)>,
}

/// As they are encoded: each run as how much is left out before it and how much is in.
fn encoded(raw: &Raw) -> Vec<u8> {
    let told = raw.iter().map(|(actor, RawCounters { base, runs })| {
        let ends = [*base].into_iter().chain(runs.iter().map(|run| run.1));
        let steps = ends.zip(runs).map(|(end, &(first, last))| {
            (first.wrapping_sub(end).wrapping_sub(1), last.wrapping_sub(first).wrapping_add(1))
        });
        (*actor, *base, steps.collect::<Vec<(u64, u64)>>())
    });
    to_bytes(&told.collect::<Vec<_>>())
}

/// The set of these parts, by either way in; both must agree.
fn taken_in(raw: &Raw) -> Option<DotSet> {
    let set = from_bytes::<DotSet>(&encoded(raw));
    let parts = raw.iter().map(|(actor, counters)| (*actor, counters.base, counters.runs.clone()));
    assert_eq!(DotSet::from_parts(parts).ok(), set, "{raw:?}");
    set
}

/// The one form in which a set may be encoded, found the long way: no run empty or touching what is before it.
fn is_canonical(raw: &Raw) -> bool {
    let is_ascending = raw.windows(2).all(|pair| pair[0].0 < pair[1].0);
    is_ascending
        && raw.iter().all(|(_, RawCounters { base, runs })| {
            let before = [*base].into_iter().chain(runs.iter().map(|run| run.1));
            let is_apart = before.zip(runs).all(|(end, run)| u128::from(end) + 1 < u128::from(run.0));
            let is_in_range = runs.iter().all(|run| run.1 <= COUNTER_MAX) && *base <= COUNTER_MAX;
            let is_used = *base > 0 || !runs.is_empty();
            is_apart && is_in_range && is_used && runs.iter().all(|run| run.0 <= run.1)
        })
}

/// Sets that are nearly in order, and often in order.
fn raw() -> impl Strategy<Value = Raw> {
    let step = prop_oneof![1 => Just(0_u64), 1 => Just(1), 6 => 2..5_u64];
    let small = (0..3_u64, vec((step, 0..4_u64), 0..4)).prop_map(|(base, steps)| {
        let mut end = base;
        let runs = steps.into_iter().map(|(step, length)| {
            let first = end + step;
            end = first + length;
            (first, end)
        });
        RawCounters { base, runs: runs.collect() }
    });
    let edge = prop_oneof![0..6_u64, COUNTER_MAX - 2..=COUNTER_MAX + 2, u64::MAX - 2..=u64::MAX];
    let wild = (edge.clone(), vec((edge.clone(), edge), 0..3));
    let wild = wild.prop_map(|(base, runs)| RawCounters { base, runs });
    let counters = prop_oneof![3 => small, 1 => wild].boxed();
    let in_order = (btree_set(actor(), 0..4), vec(counters.clone(), 4))
        .prop_map(|(actors, counters)| actors.into_iter().zip(counters).collect());
    prop_oneof![3 => in_order, 1 => vec((actor(), counters), 0..4)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..laws() })]

    #[test]
    fn only_the_canonical_form_is_taken(raw in raw()) {
        let taken = taken_in(&raw);
        prop_assert_eq!(taken.is_some(), is_canonical(&raw), "{:?}", &taken);
        if let Some(set) = taken {
            prop_assert_eq!(to_bytes(&set), encoded(&raw));
            for (actor, counters) in &raw {
                prop_assert_eq!(set.base(*actor), counters.base);
                for &(first, last) in &counters.runs {
                    let ends = [first, last].map(|counter| set.contains(named(*actor, counter)));
                    prop_assert_eq!(ends, [true, true]);
                    prop_assert!(!set.contains(named(*actor, first - 1)));
                    prop_assert!(!set.contains(named(*actor, last + 1)));
                }
            }
        }
    }

    #[test]
    fn random_bytes_are_a_set_or_refused(bytes in vec(any::<u8>(), 0..60)) {
        if let Some(set) = from_bytes::<DotSet>(&bytes) {
            round_trips(&set);
        }
    }

    /// Mostly small numbers, as lengths and counters are: random bytes that get past the first check.
    #[test]
    fn small_random_bytes_are_a_set_or_refused(bytes in vec(0..5_u8, 0..30)) {
        if let Some(set) = from_bytes::<DotSet>(&bytes) {
            prop_assert_eq!(to_bytes(&set), bytes);
            round_trips(&set);
        }
    }
}

/// A node, its base, its runs.
type Row<'a> = (u32, u64, &'a [(u64, u64)]);

fn taken(rows: &[Row<'_>]) -> bool {
    let counters = |base, runs: &[(u64, u64)]| RawCounters { base, runs: runs.to_vec() };
    let raw: Raw = rows.iter().map(|&(node, base, runs)| (Actor::first(node), counters(base, runs))).collect();
    taken_in(&raw).is_some()
}

#[test]
fn each_other_form_is_refused() {
    let max = COUNTER_MAX;
    assert!(taken(&[]));
    assert!(taken(&[(0, 2, &[(4, 4), (6, max)]), (1, max, &[])]));
    assert!(!taken(&[(1, 1, &[]), (0, 1, &[])]), "actors out of order");
    assert!(!taken(&[(0, 1, &[]), (0, 1, &[])]), "an actor twice");
    assert!(!taken(&[(0, 0, &[])]), "an actor with nothing");
    assert!(!taken(&[(0, 0, &[(0, 3)])]), "the counter 0");
    assert!(!taken(&[(0, 0, &[(1, 3)])]), "a run that belongs to the base");
    assert!(!taken(&[(0, 2, &[(2, 3)])]), "a run that overlaps the base");
    assert!(!taken(&[(0, 2, &[(3, 3)])]), "a run that touches the base");
    assert!(!taken(&[(0, 0, &[(3, 5), (5, 7)])]), "runs that overlap");
    assert!(!taken(&[(0, 0, &[(3, 5), (6, 7)])]), "runs that touch");
    assert!(!taken(&[(0, 0, &[(6, 7), (3, 4)])]), "runs out of order");
    assert!(!taken(&[(0, 0, &[(5, 4)])]), "a run without a counter");
    assert!(!taken(&[(0, max + 1, &[])]), "a base out of range");
    assert!(!taken(&[(0, 0, &[(3, max + 1)])]), "a run out of range");
    assert!(!taken(&[(0, u64::MAX, &[(u64::MAX, u64::MAX)])]), "the largest numbers there are");
}

#[test]
#[should_panic(expected = "counters stay below 2^53")]
fn a_dot_out_of_range_cannot_be_inserted() {
    DotSet::new().insert(named(Actor::first(0), COUNTER_MAX + 1));
}

#[test]
#[should_panic(expected = "counters stay below 2^53")]
fn dots_up_to_one_out_of_range_cannot_be_inserted() {
    DotSet::new().insert_up_to(Actor::first(0), COUNTER_MAX + 1);
}
