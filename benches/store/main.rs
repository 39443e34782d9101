//! What a read, a write and a merge cost, and what a key takes, beside maps that somebody would write by hand and the
//! crate `crdts`.
//!
//! Each subject holds the same keys (11 bytes) and values (32 bytes), written once by node 0 of three; then, at random
//! keys, it is read, written over, and given what node 1 has written over what it had read. The subjects take turns, because wall
//! times on a shared machine drift, and each round in another order, because who comes first brings the keys into the cache, and
//! who comes next gets the memory that the one before has freed, in its disorder (always after `crdts` a put of the node took
//! twice its time): take the ratios.
//!
//! A put of the node ends with a message to its peers in the outbox, and a note of which key it was for whoever asks later; the
//! maps tell nobody. What that is of the difference, `fast map, telling` shows: it leaves a message with each write as well.
//!
//! `cargo bench --bench store` measures with 1,000,000 keys; with `-- --quick`, or as a test, with 2,000.

#![expect(clippy::disallowed_types, reason = "a benchmark measures real time; no run sees it")]

mod maps;
mod ours;
#[path = "../gossip/spread.rs"]
mod spread;

use std::time::Instant;

use distributed_data_consistency::protocol::Rng;
use peak_alloc::PeakAlloc;
use spread::spread;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const VALUE_BYTES: usize = 32;

/// So many writes go out, or come in, together.
const BATCH: usize = 64;

/// A prime, and no factor of the number of keys.
const STRIDE: u64 = 7_919;

/// Something that holds keys.
trait Subject {
    /// Writes `value` over all there is, as node 0.
    fn put(&mut self, key: &str, value: &[u8]);

    /// All bytes of the values there are, added up: so that whatever is read is looked at.
    fn get(&self, key: &str) -> u64;

    /// Prepares what node 1 sends that has read each of these keys, and written `value` over it. Not measured.
    fn prepare(&mut self, keys: &[&str], value: &[u8]);

    /// Takes in the first so many of what was prepared. Returns how many versions that made.
    fn merge(&mut self, count: usize) -> usize;

    /// The network carries to all nodes what is to be carried. Not measured.
    fn rest(&mut self) {}
}

type Maker = fn() -> Box<dyn Subject>;

/// What is measured of one subject.
struct Measured {
    name: &'static str,
    subject: Box<dyn Subject>,
    bytes_per_key: usize,
    /// ns: get, put, merge; round by round.
    nanos: [Vec<f64>; 3],
}

fn main() {
    // Cargo passes `--bench` when it benches, and nothing or `--test` when it tests.
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    let quick = has("--quick") || has("--test") || !has("--bench");
    let (key_count, sample, rounds) = if quick { (2_000, 500, 2) } else { (1_000_000, 100_000, 15) };
    let keys: Vec<String> = (0..key_count).map(|key| format!("key-{key:07}")).collect();
    let makers: [(&'static str, Maker); 6] = [
        ("node", || Box::new(ours::Shared::new())),
        ("node, get copies", || Box::new(ours::Copied::new())),
        ("fast map", || Box::new(maps::Fast::default())),
        ("fast map, telling", || Box::new(maps::Fast::telling())),
        ("std map", || Box::new(maps::Plain::default())),
        ("crdts", || Box::new(maps::Crdts::default())),
    ];
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|only| name == only);
    let makers = makers.into_iter().filter(|(name, _)| is_wanted(name));
    let mut all: Vec<Measured> = makers.map(|(name, make)| fill(name, make, &keys)).collect();
    let mut rng = Rng::new(7, 0);
    for round in 0..=rounds {
        // Each key at most once; where they lie in memory has nothing to do with their numbers.
        let first = rng.below(key_count);
        let pick = |place| keys[((first + place * STRIDE) % key_count) as usize].as_str();
        let picked: [Vec<&str>; 3] = std::array::from_fn(|part| {
            let begin = part as u64 * sample;
            (begin..begin + sample).map(pick).collect()
        });
        let mut turns: Vec<usize> = (0..all.len()).collect();
        rng.shuffle(&mut turns);
        let sums: Vec<u64> = turns.into_iter().map(|turn| measure(&mut all[turn], &picked, round)).collect();
        assert!(sums.iter().all(|sum| *sum == sums[0]), "all hold the same: {sums:?}");
    }
    tell(&all);
}

fn fill(name: &'static str, make: Maker, keys: &[String]) -> Measured {
    let before = ALLOCATOR.current_usage();
    let mut subject = make();
    for (number, key) in keys.iter().enumerate() {
        subject.put(key, &[number as u8; VALUE_BYTES]);
        if number % 4096 == 0 {
            subject.rest();
        }
    }
    subject.rest();
    let bytes_per_key = (ALLOCATOR.current_usage() - before) / keys.len();
    Measured { name, subject, bytes_per_key, nanos: Default::default() }
}

/// One round; returns what the reads have seen. Each kind of work has keys of its own, so that none finds them in the cache.
fn measure(measured: &mut Measured, [merged, read, put]: &[Vec<&str>; 3], round: u64) -> u64 {
    let (subject, value) = (&mut measured.subject, [round as u8; VALUE_BYTES]);
    let (mut nanos, mut sum, mut versions) = ([0; 3], 0, 0);
    let mut time = |what: usize, work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        nanos[what] += begun.elapsed().as_nanos();
    };
    subject.prepare(merged, &value);
    time(0, &mut || sum = read.iter().map(|key| subject.get(key)).sum());
    for keys in put.chunks(BATCH) {
        time(1, &mut || keys.iter().for_each(|key| subject.put(key, &value)));
        subject.rest();
    }
    for _ in merged.chunks(BATCH) {
        time(2, &mut || versions += subject.merge(BATCH));
        subject.rest();
    }
    assert_eq!(versions, merged.len(), "one that builds on what is there replaces it");
    // The first round warms up.
    if round > 0 {
        measured.nanos.iter_mut().zip(nanos).for_each(|(all, nanos)| all.push(nanos as f64 / read.len() as f64));
    }
    sum
}

fn tell(all: &[Measured]) {
    println!("{:<18} {:>22} {:>22} {:>22} {:>14}", "", "get", "put", "merge", "bytes per key");
    println!("{:<18} {:>22} {:>22} {:>22}", "", "ns  / node (spread)", "ns  / node (spread)", "ns  / node (spread)");
    for it in all {
        print!("{:<18}", it.name);
        for (mine, node) in it.nanos.iter().zip(&all[0].nanos) {
            let [_, middle, _] = spread(mine.clone());
            let [low, ratio, high] = spread(mine.iter().zip(node).map(|(mine, node)| mine / node).collect());
            print!(" {middle:>6.0} {ratio:>5.2} ({low:.1}..{high:.1})");
        }
        println!(" {:>10}", it.bytes_per_key);
    }
}
