//! Tells a fuzzer what a world made happen, without unsafe code: as branches.
//!
//! A fuzzer keeps an input that reaches new code, or reaches it more often. What matters in a world is rarely new code: it is a
//! second crash, a reordering more, a mark. So each count of the [`Stats`] calls a function of its own as often as it counts; the
//! fuzzer sees those calls like any others.

use std::hint::black_box;

use distributed_data_consistency::sim::Stats;

/// Calls beyond this tell nothing new: the counters of a fuzzer have eight bits.
const CALLS_MAX: u64 = 128;
const ROW: usize = 16;

#[inline(never)]
fn reached<const PLACE: usize>() {
    black_box(PLACE);
}

macro_rules! row {
    ($row:literal: $($column:literal)*) => { [$(reached::<{ $row * ROW + $column }> as fn()),*] };
}

macro_rules! rows {
    ($($row:literal)*) => { [$(row!($row: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)),*] };
}

static REACHED: [[fn(); ROW]; ROW] = rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);

/// Tells what a run made happen.
pub fn stats(stats: &Stats) {
    let counts = stats.faults().into_iter().chain(stats.marks.iter().map(|(name, count)| (*name, *count)));
    for (name, count) in counts {
        let place = usize::from(place(name));
        let reached = REACHED[place / ROW][place % ROW];
        (0..count.min(CALLS_MAX)).for_each(|_| reached());
    }
}

/// The function of a count: the same in every run. That two may share one costs a little sight, and nothing else.
fn place(name: &str) -> u8 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 56) as u8
}
