//! How a fuzzer changes the bytes of a plan: by decisions, not by bytes.
//!
//! A fuzzer that knows nothing of plans finds their shape by chance. These two know where decisions begin: they drop, double,
//! move, aim and add decisions, and mix those of two plans. Most changes leave most of the plan as it is.

use crate::protocol::Rng;
use crate::testing::bytes::{DECISIONS_MAX, sort};
use crate::testing::extras_bytes;
use crate::testing::record::RECORD;

type Record = [u8; RECORD];

/// And so many about a timer, a clock or an armed fault.
const EXTRAS_PERMILLE: u32 = 150;

/// Of new decisions, so many in a thousand are about a knob.
const KNOBS_PERMILLE: u32 = 40;
/// The same of what only some systems have.
const RARE_PERMILLE: u32 = 40;

/// Changes the plan that `data[..size]` stands for, in up to four places, and gives the new size, of at most `max_size` bytes. The
/// body of a `fuzz_mutator!`; what is done depends on `seed` alone.
///
/// ```
/// use distributed_data_consistency::testing::mutate;
///
/// // In a fuzz target: fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| mutate(data, size, max_size, seed));
/// let mut data = [0; 64];
/// let size = mutate(&mut data, 17, 64, 1);
/// assert!(size <= 64);
/// ```
#[must_use]
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let rng = &mut Rng::new(seed.into(), 0);
    let (mut first, mut records) = parse(data.get(..size).unwrap_or(data));
    for _ in 0..1 << rng.below(3) {
        if rng.chance(20) {
            first = rng.bits() as u8;
        }
        change(&mut records, rng);
    }
    write(first, &records, data, max_size)
}

/// Mixes the decisions of two plans into `out`, and gives how many bytes it wrote there. The body of a `fuzz_crossover!`; what is
/// done depends on `seed` alone.
#[must_use]
pub fn splice(left: &[u8], right: &[u8], out: &mut [u8], seed: u32) -> usize {
    let rng = &mut Rng::new(seed.into(), 1);
    let ((first, mut records), (_, others)) = (parse(left), parse(right));
    if rng.chance(500) {
        // One goes on as the other.
        records.truncate(rng.below(records.len() as u64 + 1) as usize);
        records.extend_from_slice(&others[rng.below(others.len() as u64 + 1) as usize..]);
    } else {
        records.retain(|_| rng.chance(600));
        records.extend(others.into_iter().filter(|_| rng.chance(600)));
    }
    let max_size = out.len();
    write(first, &records, out, max_size)
}

fn parse(data: &[u8]) -> (u8, Vec<Record>) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let whole = |bytes: &[u8]| {
        let mut record = [0; RECORD];
        record[..bytes.len()].copy_from_slice(bytes);
        record
    };
    (*first, rest.chunks(RECORD).take(DECISIONS_MAX).map(whole).collect())
}

/// Writes as many records as there is room for.
fn write(first: u8, records: &[Record], data: &mut [u8], max_size: usize) -> usize {
    let room = max_size.min(data.len());
    let Some(place) = data[..room].first_mut() else { return 0 };
    *place = first;
    let mut size = 1;
    for record in records.iter().take((room - 1) / RECORD) {
        data[size..size + RECORD].copy_from_slice(record);
        size += RECORD;
    }
    size
}

/// Makes one change.
fn change(records: &mut Vec<Record>, rng: &mut Rng) {
    let count = records.len() as u64;
    if count == 0 || rng.chance(250) {
        let at = rng.below(count + 1) as usize;
        return records.insert(at, drawn(rng));
    }
    let [at, other] = [rng.below(count) as usize, rng.below(count) as usize];
    match rng.below(10) {
        0..2 => drop(records.remove(at)),
        // The same again, but for one thing.
        2 => {
            let mut again = records[at];
            alter(&mut again, rng);
            records.insert(at, again);
        }
        // Each at the time of the other.
        3 => {
            let (left, right) = (time(&records[at]), time(&records[other]));
            set_time(&mut records[at], right);
            set_time(&mut records[other], left);
        }
        // About when something else happens: what matters happens close together.
        4..6 => {
            let near = time(&records[other]).saturating_add_signed(shift(rng));
            set_time(&mut records[at], near);
        }
        // Which comes first decides between two fates of one message.
        6 => records.swap(at, other),
        _ => alter(&mut records[at], rng),
    }
}

/// Changes one thing about a decision.
fn alter(record: &mut Record, rng: &mut Rng) {
    match rng.below(8) {
        0 => record[0] = (record[0] & 0xf0) | drawn(rng)[0] & 0x0f,
        1 => record[0] = (record[0] & 0x0f) | number(rng) << 4,
        // Of a request the third byte says what is asked; elsewhere the second and the third are nodes.
        2 => record[1] = rng.below(8) as u8,
        3..5 => record[2] = rng.bits() as u8,
        5 => record[3] = rng.below(8) as u8,
        6 => set_time(record, time(record).saturating_add_signed(shift(rng))),
        _ => [record[6], record[7]] = if rng.chance(300) { [0, 0] } else { (rng.bits() as u16).to_le_bytes() },
    }
}

/// A new decision.
fn drawn(rng: &mut Rng) -> Record {
    let mut record = rng.bits64().to_le_bytes();
    if rng.chance(RARE_PERMILLE) {
        record[0] = if rng.chance(500) { sort::DISK } else { sort::RETRY };
        record[2] = number(rng);
        return record;
    }
    if rng.chance(KNOBS_PERMILLE) {
        // One of the smallest values, mostly.
        (record[0], record[4]) = (sort::KNOB, record[4].leading_zeros() as u8);
        record[5] = 0;
        return record;
    }
    if rng.chance(EXTRAS_PERMILLE) {
        let heads = [&[extras_bytes::TIMER, extras_bytes::CLOCK], &extras_bytes::ARMED[..]].concat();
        record[0] = heads[rng.below(heads.len() as u64) as usize];
        record[3] = number(rng);
        return record;
    }
    record[0] = rng.between(sort::REQUEST.into(), sort::PARTITION.into()) as u8 | number(rng) << 4;
    record
}

/// Which message of a kind and link, less one: mostly an early one.
fn number(rng: &mut Rng) -> u8 {
    rng.below(16).min(rng.below(16)).min(rng.below(16)) as u8
}

fn time(record: &Record) -> u16 {
    u16::from_le_bytes([record[4], record[5]])
}

fn set_time(record: &mut Record, time: u16) {
    [record[4], record[5]] = time.to_le_bytes();
}

/// A way to go in time: short ones are as common as long ones.
fn shift(rng: &mut Rng) -> i16 {
    let reach = 1 << rng.below(14);
    let way = rng.below(reach) as i16;
    if rng.chance(500) { way } else { -way }
}

#[cfg(test)]
mod tests {
    use super::{mutate, parse, splice};
    use crate::testing::record::RECORD;

    /// A plan of so many decisions, all different.
    fn input(records: usize) -> Vec<u8> {
        (0..1 + records * RECORD).map(|at| at as u8).collect()
    }

    #[test]
    fn a_mutation_stays_in_its_room_and_leaves_most_as_it_is() {
        let mut changed = 0;
        for seed in 0..2_000 {
            let before = input(10);
            for room in [0, 1, 5, 8, 9, 81, 200] {
                let mut data = before.clone();
                data.resize(data.len().max(room), 0);
                let size = mutate(&mut data, before.len(), room, seed);
                assert!(size <= room);
                if room == 200 {
                    let (after, before) = (parse(&data[..size]).1, parse(&before).1);
                    let kept = before.iter().filter(|record| after.contains(record)).count();
                    assert!(kept >= 2, "seed {seed} keeps {kept}");
                    changed += usize::from(after != before);
                }
            }
        }
        assert!(changed > 1_900, "{changed}");
    }

    #[test]
    fn a_splice_is_made_of_both() {
        let (left, right) =
            (input(6), input(12)[..1].iter().copied().chain(input(12)[49..].to_vec()).collect::<Vec<_>>());
        let mut both = 0;
        for seed in 0..200 {
            let mut out = [0; 80];
            let size = splice(&left, &right, &mut out, seed);
            let (of_left, of_right) = (parse(&left).1, parse(&right).1);
            let records = parse(&out[..size]).1;
            assert!(records.iter().all(|record| of_left.contains(record) || of_right.contains(record)));
            let any = |of: &[[u8; RECORD]]| records.iter().any(|record| of.contains(record));
            both += usize::from(any(&of_left) && any(&of_right));
        }
        assert!(both > 100, "{both}");
        assert_eq!(splice(&left, &right, &mut [], 1), 0);
    }

    #[test]
    fn the_same_seed_does_the_same() {
        let run = || (0..50).map(|seed| (mutate(&mut input(9), 73, 73, seed), seed)).collect::<Vec<_>>();
        assert_eq!(run(), run());
    }
}
