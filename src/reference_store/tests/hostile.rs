//! Random worlds, with an oracle that never looks at clocks.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Letter, World};
use crate::causality::Dot;
use crate::kv::{ClientContext, Replica, Response, Sibling};
use crate::protocol::{Observe, Rng, StateMachine};
use crate::reference_store::{Bug, ReferenceStore, Timer};

/// How bad a random run is, in permille per step, and what its clients do.
#[derive(Clone, Copy)]
pub(super) struct Hostility {
    pub(super) key_count: u64,
    pub(super) node_count_max: u64,
    /// False: each key is written at one node only.
    pub(super) any_node_writes: bool,
    /// False: a message never overtakes another on the same link.
    pub(super) reorder: bool,
    pub(super) drop: u32,
    pub(super) duplicate: u32,
    pub(super) crash: u32,
    pub(super) wake: u32,
    /// Of the writes.
    pub(super) delete: u32,
    /// Of the writes: by a client that writes over what it has seen.
    pub(super) session: u32,
}

/// Everything at once.
pub(super) const HOSTILE: Hostility = Hostility {
    key_count: 3,
    node_count_max: 4,
    any_node_writes: true,
    reorder: true,
    drop: 150,
    duplicate: 250,
    crash: 30,
    wake: 150,
    delete: 200,
    session: 400,
};

/// The writes of a run, and which of them each node has taken in. It never looks at clocks.
#[derive(Default)]
struct Oracle {
    /// By value, or the name of a delete: the writes of the same key in its past, itself included.
    pasts: BTreeMap<String, BTreeSet<String>>,
    /// By node and key: the writes taken in, in this incarnation.
    taken: BTreeMap<(usize, String), BTreeSet<String>>,
    /// The deletes, with their keys.
    deletes: Vec<(Dot, String)>,
    /// By client and key: what it has seen, and the writes that are behind it.
    sessions: BTreeMap<(u64, String), (ClientContext, BTreeSet<String>)>,
}

impl Oracle {
    /// All that `node` has of `key`, and what that builds on.
    fn had(&self, node: usize, key: &str) -> BTreeSet<String> {
        let taken = self.taken.get(&(node, key.to_owned()));
        taken.into_iter().flatten().flat_map(|write| &self.pasts[write]).cloned().collect()
    }

    fn put(&mut self, node: usize, key: &str, label: String, mut past: BTreeSet<String>) -> BTreeSet<String> {
        past.insert(label.clone());
        self.taken.entry((node, key.to_owned())).or_default().insert(label.clone());
        self.pasts.insert(label, past.clone());
        past
    }

    fn deliver(&mut self, letter: &Letter, node: &ReferenceStore) {
        ReferenceStore::carried(&letter.message, &mut |key, sibling| {
            self.taken.entry((letter.to, key.to_owned())).or_default().insert(label(sibling));
        });
        // Who lost its memory hears of a delete that was forgotten without being sent it.
        for (dot, key) in self.deletes.iter().filter(|(dot, _)| node.has_seen(*dot)) {
            self.taken.entry((letter.to, key.clone())).or_default().insert(dot.to_string());
        }
    }

    /// Of the writes of `key` that any of `nodes` has taken in, those that are in no other's past.
    fn expected(&self, nodes: &[usize], key: &str) -> Vec<String> {
        let taken = nodes.iter().filter_map(|&node| self.taken.get(&(node, key.to_owned())));
        let taken: BTreeSet<&String> = taken.flatten().collect();
        let is_obsolete =
            |write: &String| taken.iter().any(|other| *other != write && self.pasts[*other].contains(write));
        let is_delete = |write: &String| self.deletes.iter().any(|(dot, _)| dot.to_string() == **write);
        taken.iter().copied().filter(|write| !is_obsolete(write) && !is_delete(write)).cloned().collect()
    }

    fn check(&self, world: &World, node: usize, whose: &[usize], when: &str) -> Result<(), String> {
        for key in KEYS {
            let mut shown = Vec::new();
            world.nodes[node].siblings(key, &mut |sibling| shown.push(label(sibling)));
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

/// The value of a write, or the name of a delete.
fn label(sibling: Sibling<'_>) -> String {
    match (sibling.value, sibling.dot) {
        (Some(value), _) => String::from_utf8_lossy(value).into_owned(),
        (None, dot) => dot.expect("expect: a delete has a name").to_string(),
    }
}

/// One random run: hostile for a while, then healed. After each step each node shows what it took in, and at rest
/// all show the same.
pub(super) fn run(seed: u64, bug: Option<Bug>, how: Hostility) -> Result<(), String> {
    let mut rng = Rng::new(seed, 1);
    let node_count = rng.between(2, how.node_count_max) as usize;
    let (mut world, mut oracle) = (World::new(node_count, bug), Oracle::default());
    for step in 0..rng.between(5, 80) {
        let node = random_step(&mut world, &mut oracle, &mut rng, how, step);
        oracle.check(&world, node, &[node], &format!("step {step}"))?;
    }
    if !world.rest_watched(|letter, node| oracle.deliver(letter, node)) {
        return Err("healed, but never at rest".to_owned());
    }
    let all: Vec<usize> = (0..node_count).collect();
    for &node in &all {
        oracle.check(&world, node, &all, "at rest")?;
    }
    let is_same = world.nodes.windows(2).all(|pair| pair[0].view() == pair[1].view());
    let has_deletes =
        world.nodes.iter().any(|node| node.view().values().flatten().any(|version| version.value.is_none()));
    match (is_same, has_deletes) {
        (false, _) => Err("at rest: views differ".to_owned()),
        (_, true) => Err("at rest: a delete is not forgotten".to_owned()),
        _ => Ok(()),
    }
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
        random_write(world, oracle, rng, how, node, KEYS[key], &format!("v{step}"));
        return node;
    } else {
        let mut place = rng.below(world.letters.len() as u64) as usize;
        if !how.reorder {
            let link = |letter: &Letter| (letter.from, letter.to);
            let drawn = link(&world.letters[place]);
            place = world.letters.iter().position(|letter| link(letter) == drawn).unwrap_or(place);
        }
        let letter = world.letters[place].clone();
        if !rng.chance(how.duplicate) {
            world.letters.remove(place);
        }
        if !rng.chance(how.drop) {
            world.deliver(&letter);
            oracle.deliver(&letter, &world.nodes[letter.to]);
        }
        return letter.to;
    }
    node
}

/// A client writes, deletes, or reads for its next write.
fn random_write(
    world: &mut World,
    oracle: &mut Oracle,
    rng: &mut Rng,
    how: Hostility,
    node: usize,
    key: &str,
    value: &str,
) {
    let session = rng.chance(how.session).then(|| (rng.below(2), key.to_owned()));
    if session.is_some() && rng.chance(300) {
        let read = (world.read(node, key), oracle.had(node, key));
        oracle.sessions.extend(session.map(|session| (session, read)));
        return;
    }
    let value = (!rng.chance(how.delete)).then_some(value);
    let seen = session.as_ref().map(|session| oracle.sessions.get(session).cloned().unwrap_or_default());
    let (context, past) = match seen {
        Some((context, past)) => (Some(context), past),
        None => (None, oracle.had(node, key)),
    };
    let context = world.write(node, key, value, context);
    let Some(Response::Written { dot, .. }) = world.response else { return };
    if value.is_none() {
        oracle.deletes.push((dot, key.to_owned()));
    }
    let past = oracle.put(node, key, value.map_or_else(|| dot.to_string(), str::to_owned), past);
    oracle.sessions.extend(session.map(|session| (session, (context, past))));
}

/// The past of a write that its node may not have lived to tell.
fn past_of_lost(oracle: &Oracle, node: usize, step: u64) -> BTreeSet<String> {
    oracle.had(node, KEYS[0]).into_iter().chain([format!("lost{step}")]).collect()
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
