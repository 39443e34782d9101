//! What it costs to compare two vector clocks, beside other ways to do it.
//!
//! Pairs of clocks of 3 to 256 entries, of which a quarter each are equal, before, after and concurrent. All ways take turns,
//! round after round, because wall times on a shared machine drift: take the ratios. That all of them agree is asserted.
//!
//! `cargo bench --bench clocks` measures; with `-- --quick`, or as a test, it only checks that they agree.

#![expect(clippy::disallowed_types, reason = "a benchmark measures real time; no run sees it")]

#[path = "gossip/spread.rs"]
mod spread;

use std::cmp::Ordering;
use std::hint::black_box;
use std::time::Instant;

use crdts::{CmRDT, VClock};
use distributed_data_consistency::causality::{ClockOrder, VectorClock};
use distributed_data_consistency::protocol::Rng;
use spread::spread;

const SIZES: [usize; 5] = [3, 5, 16, 64, 256];
const PAIR_COUNT: usize = 64;

/// The same pair in each form.
struct Pair {
    ours: (VectorClock, VectorClock),
    numbers: (Vec<u64>, Vec<u64>),
    crdts: (VClock<u16>, VClock<u16>),
}

/// A way to compare, and its name. Ours comes first: ratios are to it.
type Way = (&'static str, fn(&Pair) -> ClockOrder);

const WAYS: [Way; 5] = [
    ("VectorClock", |pair| pair.ours.0.compare(&pair.ours.1)),
    ("signs, on numbers", |pair| signs(&pair.numbers.0, &pair.numbers.1)),
    ("one pass, early exit", |pair| one_pass(&pair.numbers.0, &pair.numbers.1)),
    ("two passes", |pair| two_passes(&pair.numbers.0, &pair.numbers.1)),
    ("crdts", |pair| match pair.crdts.0.partial_cmp(&pair.crdts.1) {
        Some(Ordering::Less) => ClockOrder::Less,
        Some(Ordering::Equal) => ClockOrder::Equal,
        Some(Ordering::Greater) => ClockOrder::Greater,
        None => ClockOrder::Concurrent,
    }),
];

const fn order(less: bool, greater: bool) -> ClockOrder {
    match (less, greater) {
        (false, false) => ClockOrder::Equal,
        (true, false) => ClockOrder::Less,
        (false, true) => ClockOrder::Greater,
        (true, true) => ClockOrder::Concurrent,
    }
}

/// What ours does, on numbers that need no check of their form.
fn signs(left: &[u64], right: &[u64]) -> ClockOrder {
    let (mut less, mut greater) = (0_u64, 0_u64);
    for (mine, theirs) in left.iter().zip(right) {
        less |= mine.wrapping_sub(*theirs);
        greater |= theirs.wrapping_sub(*mine);
    }
    order(less >> 63 == 1, greater >> 63 == 1)
}

fn one_pass(left: &[u64], right: &[u64]) -> ClockOrder {
    let (mut less, mut greater) = (false, false);
    for (mine, theirs) in left.iter().zip(right) {
        less |= mine < theirs;
        greater |= mine > theirs;
        if less && greater {
            return ClockOrder::Concurrent;
        }
    }
    order(less, greater)
}

fn two_passes(left: &[u64], right: &[u64]) -> ClockOrder {
    let less = left.iter().zip(right).any(|(mine, theirs)| mine < theirs);
    let greater = left.iter().zip(right).any(|(mine, theirs)| mine > theirs);
    order(less, greater)
}

fn pair(size: usize, kind: usize, rng: &mut Rng) -> Pair {
    let mut left: Vec<u64> = (0..size).map(|_| rng.between(1, 1_000)).collect();
    let mut right = left.clone();
    // Where they differ is drawn, so that early exits come early and late.
    let (first, second) = (rng.below(size as u64) as usize, rng.below(size as u64 - 1) as usize);
    let second = second + usize::from(second >= first);
    left[first] += u64::from(kind == 1 || kind == 3);
    right[second] += u64::from(kind == 2 || kind == 3);
    let clock = |numbers: &[u64]| VectorClock::try_from(numbers).expect("counters are small");
    let crdts = |numbers: &[u64]| {
        let mut clock = VClock::new();
        numbers.iter().zip(0_u16..).for_each(|(counter, slot)| clock.apply(crdts::Dot::new(slot, *counter)));
        clock
    };
    Pair { ours: (clock(&left), clock(&right)), crdts: (crdts(&left), crdts(&right)), numbers: (left, right) }
}

fn main() {
    // Cargo passes `--bench` when it benches, and nothing or `--test` when it tests.
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    let quick = has("--quick") || has("--test") || !has("--bench");
    let (rounds, repeats) = if quick { (2, 2) } else { (31, 2_000) };
    println!("ns, median of {rounds} rounds, and times those of ours");
    println!("{:<22}{}", "entries", SIZES.map(|size| format!("{size:>16}")).concat());
    let columns: Vec<[Vec<f64>; WAYS.len()]> = SIZES.iter().map(|size| column(*size, rounds, repeats)).collect();
    for (way, (name, _)) in WAYS.iter().enumerate() {
        let cells = columns.iter().map(|column| {
            let ratios = column[way].iter().zip(&column[0]).map(|(nanos, ours)| nanos / ours);
            format!("{:>10.1} {:>5.2}", spread(column[way].clone())[1], spread(ratios.collect())[1])
        });
        println!("{name:<22}{}", cells.collect::<String>());
    }
}

/// ns of each way, round by round.
fn column(size: usize, rounds: usize, repeats: usize) -> [Vec<f64>; WAYS.len()] {
    let mut rng = Rng::new(7, size as u64);
    let pairs: Vec<Pair> = (0..PAIR_COUNT).map(|number| pair(size, number % 4, &mut rng)).collect();
    for pair in &pairs {
        let orders = WAYS.map(|(_, compare)| compare(pair));
        assert!(orders.iter().all(|order| *order == orders[0]), "{:?}: {orders:?}", pair.ours);
    }
    let mut nanos = WAYS.map(|_| Vec::new());
    for _ in 0..rounds {
        for (nanos, (_, compare)) in nanos.iter_mut().zip(&WAYS) {
            let begun = Instant::now();
            for _ in 0..repeats {
                for pair in &pairs {
                    black_box(compare(black_box(pair)));
                }
            }
            nanos.push(begun.elapsed().as_nanos() as f64 / (repeats * pairs.len()) as f64);
        }
    }
    nanos
}
