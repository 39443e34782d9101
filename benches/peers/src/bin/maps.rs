//! One node under one and two threads, beside concurrent maps of others: `cargo run --release --bin maps` in this directory.
//!
//! A million keys with values of 32 bytes, 95 % reads and 5 % writes, every thread on keys drawn from all. A write to the node gives it a
//! name and a clock, and leaves an update in the outbox; a write to a map puts a value. All have the same hasher.
//! Everything is measured in turn, round by round, on whatever the machine has to give.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::{Arc, Barrier, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use distributed_data_consistency::SharedNode;
use foldhash::fast::FixedState;

const KEYS: usize = 1_000_000;
const OPERATIONS: usize = 1_500_000;
const ROUNDS: usize = 7;
const SHARDS: usize = 64;

type Key = Arc<str>;
type Value = Arc<[u8]>;

trait Map: Sync {
    fn read(&self, key: &Key) -> usize;
    fn write(&self, key: &Key, value: Value);
}

impl Map for SharedNode {
    fn read(&self, key: &Key) -> usize {
        self.read(key, |versions| versions.iter().map(|version| version.value.len()).sum())
    }

    fn write(&self, key: &Key, value: Value) {
        assert!(self.put(key.clone(), value).is_ok(), "the node takes it");
    }
}

impl Map for scc::HashMap<Key, Value, FixedState> {
    fn read(&self, key: &Key) -> usize {
        self.read_sync(key, |_, value| value.len()).unwrap_or(0)
    }

    fn write(&self, key: &Key, value: Value) {
        self.upsert_sync(key.clone(), value);
    }
}

impl Map for dashmap::DashMap<Key, Value, FixedState> {
    fn read(&self, key: &Key) -> usize {
        self.get(key).map_or(0, |value| value.len())
    }

    fn write(&self, key: &Key, value: Value) {
        self.insert(key.clone(), value);
    }
}

impl Map for papaya::HashMap<Key, Value, FixedState> {
    fn read(&self, key: &Key) -> usize {
        self.pin().get(key).map_or(0, |value| value.len())
    }

    fn write(&self, key: &Key, value: Value) {
        self.pin().insert(key.clone(), value);
    }
}

type Plain = HashMap<Key, Value, FixedState>;

struct Shards(Vec<Mutex<Plain>>, FixedState);

impl Shards {
    fn of(&self, key: &Key) -> &Mutex<Plain> {
        &self.0[(self.1.hash_one(key) >> 32) as usize % SHARDS]
    }
}

impl Map for Shards {
    fn read(&self, key: &Key) -> usize {
        self.of(key).lock().expect("nobody panics").get(key).map_or(0, |value| value.len())
    }

    fn write(&self, key: &Key, value: Value) {
        self.of(key).lock().expect("nobody panics").insert(key.clone(), value);
    }
}

impl Map for RwLock<Plain> {
    fn read(&self, key: &Key) -> usize {
        self.read().expect("nobody panics").get(key).map_or(0, |value| value.len())
    }

    fn write(&self, key: &Key, value: Value) {
        self.write().expect("nobody panics").insert(key.clone(), value);
    }
}

/// Millions of operations per second of all threads together.
fn measure(map: &dyn Map, keys: &[Key], value: &Value, threads: usize, seed: u64) -> f64 {
    let barrier = Barrier::new(threads + 1);
    let took: Duration = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let mut state = (seed * 16 + thread as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    barrier.wait();
                    for _ in 0..OPERATIONS {
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        let key = &keys[(u128::from(state) * KEYS as u128 >> 64) as usize];
                        if state % 20 == 0 {
                            map.write(key, value.clone());
                        } else {
                            black_box(map.read(key));
                        }
                    }
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        workers.into_iter().for_each(|worker| worker.join().expect("nobody panics"));
        start.elapsed()
    });
    (OPERATIONS * threads) as f64 / took.as_secs_f64() / 1e6
}

fn main() {
    let keys: Vec<Key> = (0..KEYS).map(|key| format!("key-{key:07}").into()).collect();
    let value: Value = [7; 32].into();
    let node = SharedNode::new(0, 1);
    let scc = scc::HashMap::with_capacity_and_hasher(KEYS, FixedState::default());
    let dash = dashmap::DashMap::with_capacity_and_hasher(KEYS, FixedState::default());
    let papaya = papaya::HashMap::builder().capacity(KEYS).hasher(FixedState::default()).build();
    let shards = Shards((0..SHARDS).map(|_| Mutex::default()).collect(), FixedState::default());
    let lock: RwLock<Plain> = RwLock::default();
    let maps: [(&str, &dyn Map); 6] = [
        ("SharedNode", &node),
        ("scc", &scc),
        ("dashmap", &dash),
        ("papaya", &papaya),
        ("64 mutex shards", &shards),
        ("one RwLock", &lock),
    ];
    for (_, map) in &maps {
        keys.iter().for_each(|key| map.write(key, value.clone()));
    }
    let mut measured = vec![[Vec::new(), Vec::new()]; maps.len()];
    for round in 0..ROUNDS {
        for (place, (_, map)) in maps.iter().enumerate() {
            for threads in [1, 2] {
                measured[place][threads - 1].push(measure(*map, &keys, &value, threads, round as u64));
            }
        }
    }
    let median = |figures: &[f64]| {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[ROUNDS / 2]
    };
    let best = measured[1..].iter().map(|figures| median(&figures[1])).fold(0.0, f64::max);
    println!("median of {ROUNDS} rounds, million operations per second");
    println!("{:<18}{:>10}{:>11}{:>9}{:>14}", "", "1 thread", "2 threads", "scaling", "of best peer");
    for ((name, _), figures) in maps.iter().zip(&measured) {
        let (one, two) = (median(&figures[0]), median(&figures[1]));
        // Of runs that follow each other, so that what else the machine does counts less.
        let ratios: Vec<f64> = figures[1].iter().zip(&figures[0]).map(|(two, one)| two / one).collect();
        println!("{name:<18}{one:>10.2}{two:>11.2}{:>9.2}{:>14.2}", median(&ratios), two / best);
    }
}
