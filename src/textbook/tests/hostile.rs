//! Random worlds, with an oracle that never looks at clocks.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Letter, World};
use crate::kv::Replica;
use crate::machine::{Observe, Rng, StateMachine};
use crate::textbook::{Bug, Textbook, Timer};

/// How bad a random run is, in permille per step, and what its clients do.
#[derive(Clone, Copy)]
pub(super) struct Hostility {
    pub(super) key_count: u64,
    /// False: each key is written at one node only.
    pub(super) any_node_writes: bool,
    pub(super) drop: u32,
    pub(super) duplicate: u32,
    pub(super) crash: u32,
    pub(super) wake: u32,
}

/// Everything at once.
pub(super) const HOSTILE: Hostility =
    Hostility { key_count: 3, any_node_writes: true, drop: 150, duplicate: 250, crash: 30, wake: 150 };

/// The writes of a run, and which of them each node has taken in. It never looks at clocks.
#[derive(Default)]
struct Oracle {
    /// By value: the writes of the same key in its past, itself included.
    pasts: BTreeMap<String, BTreeSet<String>>,
    /// By node and key: the writes taken in, in this life.
    taken: BTreeMap<(usize, String), BTreeSet<String>>,
}

impl Oracle {
    fn put(&mut self, node: usize, key: &str, value: &str) {
        let taken = self.taken.entry((node, key.to_owned())).or_default();
        let mut past: BTreeSet<String> = taken.iter().flat_map(|write| &self.pasts[write]).cloned().collect();
        past.insert(value.to_owned());
        taken.insert(value.to_owned());
        self.pasts.insert(value.to_owned(), past);
    }

    fn deliver(&mut self, letter: &Letter) {
        Textbook::carried(&letter.message, &mut |key, sibling| {
            self.taken.entry((letter.to, key.to_owned())).or_default().insert(text(sibling.value));
        });
    }

    /// Of the writes of `key` that any of `nodes` has taken in, those that are in no other's past.
    fn expected(&self, nodes: &[usize], key: &str) -> Vec<String> {
        let taken = nodes.iter().filter_map(|&node| self.taken.get(&(node, key.to_owned())));
        let taken: BTreeSet<&String> = taken.flatten().collect();
        let is_obsolete =
            |write: &String| taken.iter().any(|other| *other != write && self.pasts[*other].contains(write));
        taken.iter().copied().filter(|write| !is_obsolete(write)).cloned().collect()
    }

    fn check(&self, world: &World, node: usize, whose: &[usize], when: &str) -> Result<(), String> {
        for key in KEYS {
            let mut shown = Vec::new();
            world.nodes[node].siblings(key, &mut |sibling| shown.push(text(sibling.value)));
            shown.sort();
            let expected = self.expected(whose, key);
            if shown != expected {
                return Err(format!("{when}: node {node} shows {shown:?} of {key}, expected {expected:?}"));
            }
        }
        Ok(())
    }
}

const KEYS: [&str; 3] = ["cart", "user", "page"];

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// One random run: hostile for a while, then healed. After each step each node shows what it took in, and at rest
/// all show the same.
pub(super) fn run(seed: u64, bug: Option<Bug>, how: Hostility) -> Result<(), String> {
    let mut rng = Rng::new(seed, 1);
    let node_count = rng.between(2, 4) as usize;
    let (mut world, mut oracle) = (World::new(node_count, bug), Oracle::default());
    for step in 0..rng.between(5, 80) {
        let node = random_step(&mut world, &mut oracle, &mut rng, how, step);
        oracle.check(&world, node, &[node], &format!("step {step}"))?;
    }
    if !world.rest_watched(|letter| oracle.deliver(letter)) {
        return Err("healed, but never at rest".to_owned());
    }
    let all: Vec<usize> = (0..node_count).collect();
    for &node in &all {
        oracle.check(&world, node, &all, "at rest")?;
    }
    let is_same = world.nodes.windows(2).all(|pair| pair[0].view() == pair[1].view());
    if is_same { Ok(()) } else { Err("at rest: views differ".to_owned()) }
}

/// Lets one thing happen; returns the node it happened to.
fn random_step(world: &mut World, oracle: &mut Oracle, rng: &mut Rng, how: Hostility, step: u64) -> usize {
    let node = rng.below(world.nodes.len() as u64) as usize;
    if rng.chance(how.crash) {
        // In the middle of a put or of an answer, or in between.
        match rng.below(3) {
            0 => {
                let (value, past) = (format!("lost{step}"), past_of_lost(oracle, node, step));
                world.put_within(node, KEYS[0], &value, rng.below(3) as usize);
                oracle.pasts.insert(value, past);
            }
            1 => world.step(node, rng.below(3) as usize, |node, env| node.on_timer(Timer::Sync, env)),
            _ => {}
        }
        oracle.taken.retain(|(at, _), _| *at != node);
        world.restart(node);
    } else if rng.chance(how.wake) {
        world.wake(node);
    } else if world.letters.is_empty() || rng.chance(300) {
        let key = rng.below(how.key_count) as usize;
        let node = if how.any_node_writes { node } else { key % world.nodes.len() };
        oracle.put(node, KEYS[key], &format!("v{step}"));
        world.put(node, KEYS[key], &format!("v{step}"));
        return node;
    } else {
        let place = rng.below(world.letters.len() as u64) as usize;
        let letter = world.letters[place].clone();
        if !rng.chance(how.duplicate) {
            world.letters.remove(place);
        }
        if !rng.chance(how.drop) {
            world.deliver(&letter);
            oracle.deliver(&letter);
        }
        return letter.to;
    }
    node
}

/// The past of a write that its node may not have lived to tell.
fn past_of_lost(oracle: &Oracle, node: usize, step: u64) -> BTreeSet<String> {
    let taken = oracle.taken.get(&(node, KEYS[0].to_owned()));
    let had = taken.into_iter().flatten().flat_map(|write| &oracle.pasts[write]).cloned();
    had.chain([format!("lost{step}")]).collect()
}

#[test]
fn it_is_right_in_hostile_worlds() {
    for seed in 0..1_000 {
        run(seed, None, HOSTILE).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}

#[test]
fn it_is_right_in_worlds_that_crash_all_the_time() {
    let how = Hostility { crash: 200, key_count: 1, ..HOSTILE };
    for seed in 0..1_000 {
        run(seed, None, how).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}
