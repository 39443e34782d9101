//! What it costs to find and repair what differs, what a key costs at rest, and what contexts do for siblings. Counts bytes,
//! not time, so the numbers are the same on every machine.
//!
//! **Sync.** Two nodes have the same keys; then one of them writes some again, and the updates are lost. All bytes of the
//! pull and of the replies are counted, less the divergent keys' and values' own bytes, and divided by the number of
//! divergent keys. Beside it stands what a Merkle-tree exchange would take. It is flattered wherever there was a choice:
//!
//! - The asker sends the hashes of the children of each node that differs, and is answered with one bit per child;
//!   hashes have 8 bytes, and no level, list or bitmap has a length or a header.
//! - A leaf is told as one hash per key, of the key and its versions together: no key travels that does not differ.
//! - What then travels per divergent key is charged as the store's own reply.
//! - Of several numbers of leaves and children the best is shown, and that one needs to be known beforehand.
//! - That hashes must be kept up to date on each write, and rebuilt after a crash, costs nothing here.
//!
//! What it does better: it needs no log, and finds damage that no write has done.
//!
//! **At rest.** All nodes have all, and know of each other that they do. Memory is what is given back when the last node is
//! dropped, with the spare room of its tables.
//!
//! `cargo bench --bench repair` measures; as a test it takes small sizes.

use bincode::config::standard;
use distributed_data_consistency::Node;
use distributed_data_consistency::protocol::Rng;
use distributed_data_consistency::store::{Context, Envelope, Message, Version};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const NODE_COUNT: usize = 5;
const VALUE_BYTES: usize = 32;
const HASH_BYTES: usize = 8;

fn main() {
    // Cargo passes `--bench` when it benches, and nothing or `--test` when it tests.
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    let quick = has("--quick") || has("--test") || !has("--bench");
    let (key_counts, divergent_counts): (&[usize], &[usize]) =
        if quick { (&[500], &[1, 50]) } else { (&[1_000, 10_000, 100_000], &[1, 100, 10_000]) };
    sync_table(key_counts, divergent_counts);
    rest_table(if quick { 200 } else { 20_000 });
    explosion_table();
}

// The cluster.

fn key(number: usize) -> String {
    format!("user:{number:06}")
}

/// A value that no other write has.
fn value(number: u64) -> Vec<u8> {
    let mut value = vec![0; VALUE_BYTES];
    value[..8].copy_from_slice(&number.to_le_bytes());
    value
}

fn cluster() -> Vec<Node> {
    (0..NODE_COUNT).map(|node| Node::new(node, NODE_COUNT)).collect()
}

fn carry(nodes: &mut [Node]) {
    loop {
        let envelopes: Vec<Envelope> = nodes.iter_mut().flat_map(Node::drain_outbox).collect();
        if envelopes.is_empty() {
            return;
        }
        for envelope in envelopes {
            let to = &mut nodes[envelope.to.index()];
            to.deliver(envelope).expect("expect: the inbox is emptied in time");
            to.process_messages();
        }
    }
}

/// Lets each node hear from each other one that it has all.
fn settle(nodes: &mut [Node]) {
    for _ in 0..2 {
        for (asker, peer) in (0..nodes.len()).flat_map(|asker| (0..NODE_COUNT).map(move |peer| (asker, peer))) {
            if asker != peer {
                nodes[asker].start_sync(peer).expect("expect: it is within the limits");
                carry(nodes);
            }
        }
    }
}

// Sync.

/// How the divergent writes come to be.
#[derive(Clone, Copy)]
enum Loss {
    /// The writer writes its own keys again, and a stretch of its updates is lost.
    Stretch,
    /// The same, of keys that other nodes had written.
    OthersKeys,
    /// Every second update is lost.
    EverySecond,
}

const LOSSES: [(&str, Loss); 3] =
    [("own keys", Loss::Stretch), ("others' keys", Loss::OthersKeys), ("every second", Loss::EverySecond)];

/// The bytes of one repair, less those of the divergent keys and values.
struct Repair {
    pull: usize,
    reply: usize,
}

impl Repair {
    fn of(key_count: usize, divergent_count: usize, loss: Loss) -> Self {
        let mut nodes = cluster();
        for number in 0..key_count {
            let writer = if matches!(loss, Loss::OthersKeys) { 1 + number % (NODE_COUNT - 1) } else { 0 };
            nodes[writer].put(key(number), value(number as u64)).expect("expect: it is within the limits");
            carry(&mut nodes);
        }
        settle(&mut nodes);
        for divergent in 0..divergent_count {
            let number = divergent * key_count / divergent_count;
            nodes[0].put(key(number), value((key_count + divergent) as u64)).expect("expect: it is within the limits");
            nodes[0].drain_outbox();
            if matches!(loss, Loss::EverySecond) {
                // A client that has read nothing: a context would make each receiver note all it has missed so far.
                let written = nodes[0].put_with_context(format!("new:{divergent}"), b"v".to_vec(), &Context::empty());
                written.expect("expect: it is within the limits");
                carry(&mut nodes);
            }
        }
        Self::measure(&mut nodes, divergent_count)
    }

    fn measure(nodes: &mut [Node], divergent_count: usize) -> Self {
        let mut repair = Self { pull: 0, reply: 0 };
        nodes[1].start_sync(0).expect("expect: it is within the limits");
        let mut stored = 0;
        for _ in 0..2 {
            let envelopes: Vec<Envelope> = nodes[..2].iter_mut().flat_map(Node::drain_outbox).collect();
            for envelope in envelopes {
                let bytes = envelope.to_bytes();
                match &envelope.message {
                    Message::Reply(reply) => {
                        let payload = reply.keys.iter().map(|state| {
                            let values = state.writes.iter().filter_map(|write| write.value.as_ref());
                            state.key.len() + values.map(|value| value.len()).sum::<usize>()
                        });
                        repair.reply += bytes.len() - payload.sum::<usize>();
                    }
                    _ => repair.pull += bytes.len(),
                }
                let to = &mut nodes[envelope.to.index()];
                to.deliver_bytes(&bytes).expect("expect: what a node sends is taken");
                stored += to.process_messages().stored;
            }
        }
        assert_eq!(stored, divergent_count, "one round repairs all that differs");
        assert_eq!(nodes[0].seen(), nodes[1].seen());
        repair
    }
}

/// The bytes of a Merkle-tree exchange before the first value travels, by the best tree there is.
fn merkle(key_count: usize, divergent_count: usize) -> (usize, usize, usize) {
    let leaf_counts = [64, 256, 1_024, key_count / 64, key_count / 16, key_count / 4, key_count];
    let shapes = leaf_counts.into_iter().filter(|&leaves| leaves > 0);
    let shapes = shapes.flat_map(|leaves| [2, 4, 16, 64].map(|fanout| (leaves, fanout)));
    let bytes =
        shapes.map(|(leaves, fanout)| (merkle_with(key_count, divergent_count, leaves, fanout), leaves, fanout));
    bytes.min().expect("expect: there are shapes")
}

fn merkle_with(key_count: usize, divergent_count: usize, leaf_count: usize, fanout: usize) -> usize {
    let leaf_of = |number: usize| (mix(number as u64 + 1) % leaf_count as u64) as usize;
    let mut keys_in = vec![0; leaf_count];
    (0..key_count).for_each(|number| keys_in[leaf_of(number)] += 1);
    let mut differs = vec![false; leaf_count];
    (0..divergent_count).for_each(|divergent| differs[leaf_of(divergent * key_count / divergent_count)] = true);
    // A hash for each key of a leaf that differs; then level by level up to the root, which takes one hash and one bit.
    let told = keys_in.iter().zip(&differs).filter(|(_, differs)| **differs).map(|(keys, _)| keys);
    let mut bytes = told.sum::<usize>() * HASH_BYTES + HASH_BYTES + 1;
    while differs.len() > 1 {
        let parents: Vec<bool> = differs.chunks(fanout).map(|children| children.contains(&true)).collect();
        let children = differs.chunks(fanout).zip(&parents).filter(|(_, differs)| **differs).map(|(chunk, _)| chunk);
        bytes += children.map(|children| children.len() * HASH_BYTES + children.len().div_ceil(8)).sum::<usize>();
        differs = parents;
    }
    bytes
}

/// Spreads keys over leaves, as a hash would.
fn mix(number: u64) -> u64 {
    let mixed = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn sync_table(key_counts: &[usize], divergent_counts: &[usize]) {
    println!("sync: bytes per divergent key, without the keys and values");
    println!(
        "{:>9} {:>10}  {:<13} {:>8} {:>8} {:>9} {:>11}  its best tree",
        "keys", "divergent", "lost", "pull", "reply", "store", "merkle"
    );
    for &key_count in key_counts {
        for &divergent_count in divergent_counts.iter().filter(|&&count| count <= key_count) {
            let (tree, leaves, fanout) = merkle(key_count, divergent_count);
            for (name, loss) in LOSSES {
                let Repair { pull, reply } = Repair::of(key_count, divergent_count, loss);
                let each = |bytes: usize| bytes as f64 / divergent_count as f64;
                println!(
                    "{key_count:>9} {divergent_count:>10}  {name:<13} {:>8.2} {:>8.2} {:>9.2} {:>11.2}  {leaves} leaves, {fanout} children",
                    each(pull),
                    each(reply),
                    each(pull + reply),
                    each(tree + reply),
                );
            }
        }
    }
    println!();
}

// At rest.

fn encoded(value: &impl serde::Serialize) -> usize {
    bincode::serde::encode_to_vec(value, standard()).expect("expect: it can be encoded").len()
}

/// A settled cluster: each key written `writes` times, each time by some node that had all before it.
fn written(key_count: usize, writes: usize) -> Vec<Node> {
    let (mut nodes, mut rng) = (cluster(), Rng::new(11, 0));
    for number in 0..key_count * writes {
        let writer = rng.below(NODE_COUNT as u64) as usize;
        nodes[writer].put(key(number % key_count), value(number as u64)).expect("expect: it is within the limits");
        carry(&mut nodes);
    }
    settle(&mut nodes);
    nodes
}

/// A settled cluster: each key has as many siblings as given, of clients that had read nothing.
fn crowded(key_count: usize, siblings: usize) -> Vec<Node> {
    let (mut nodes, mut rng) = (cluster(), Rng::new(12, 0));
    for number in 0..key_count * siblings {
        let writer = rng.below(NODE_COUNT as u64) as usize;
        let written = nodes[writer].put_with_context(key(number % key_count), value(number as u64), &Context::empty());
        written.expect("expect: it is within the limits");
        carry(&mut nodes);
    }
    settle(&mut nodes);
    nodes
}

fn rest_table(key_count: usize) {
    println!("at rest: bytes per sibling, {NODE_COUNT} nodes; a version is {} bytes in memory", size_of::<Version>());
    println!("{:<40} {:>9} {:>6} {:>12} {:>8} {:>12}", "", "key+value", "dot", "clock beyond", "memory", "of it meta");
    let rows: [(&str, usize, Vec<Node>); 4] = [
        ("written once", 1, written(key_count, 1)),
        ("overwritten 10 times by random nodes", 1, written(key_count, 11)),
        ("2 siblings", 2, crowded(key_count / 2, 2)),
        ("10 siblings", 10, crowded(key_count / 10, 10)),
    ];
    for (name, siblings, nodes) in rows {
        rest_row(name, siblings, nodes);
    }
    println!();
}

fn rest_row(name: &str, siblings: usize, mut nodes: Vec<Node>) {
    nodes.truncate(1);
    let node = nodes.pop().expect("expect: a cluster has a node");
    let leftovers = node.retained();
    assert_eq!(
        (leftovers.tombstones, leftovers.log_entries, leftovers.gaps),
        (0, 0, 0),
        "at rest nothing is left over"
    );
    let (mut count, mut payload, mut dots, mut clocks) = (0, 0, 0, 0);
    for key in node.keys() {
        let versions = node.versions(key);
        assert_eq!(versions.len(), siblings);
        payload += key.len() + versions.iter().map(|version| version.value.len()).sum::<usize>();
        count += versions.len();
        for version in versions {
            let dot = version.dot.expect("expect: a write of a node has a name");
            dots += encoded(&dot);
            // The writer's entry is the dot once more.
            clocks += encoded(&version.clock) - encoded(&dot.counter);
        }
    }
    let before = ALLOCATOR.current_usage();
    drop(node);
    let memory = before - ALLOCATOR.current_usage();
    let each = |bytes: usize| bytes as f64 / count as f64;
    println!(
        "{name:<40} {:>9.1} {:>6.1} {:>12.1} {:>8.1} {:>12.1}",
        each(payload),
        each(dots),
        each(clocks),
        each(memory),
        each(memory - payload),
    );
}

// Sibling explosion.

const ROUNDS: usize = 101;

/// Two clients take turns; each writes with the context of its own last write and never reads.
fn with_contexts() -> usize {
    let mut node = Node::new(0, 1);
    let mut contexts = [Context::empty(), Context::empty()];
    for round in 0..ROUNDS {
        let context = &mut contexts[round % 2];
        *context =
            node.put_with_context("k", value(round as u64), context).expect("expect: it is within the limits").context;
    }
    node.versions("k").len()
}

/// One object of a store with one clock for all siblings: a write that has not seen it all stays beside it all.
fn with_plain_vectors() -> usize {
    let (mut clock, mut siblings) = (0, 0);
    let mut contexts = [0, 0];
    for round in 0..ROUNDS {
        let context = &mut contexts[round % 2];
        siblings = if *context == clock { 1 } else { siblings + 1 };
        clock += 1;
        *context = clock;
    }
    siblings
}

fn explosion_table() {
    let (ours, plain) = (with_contexts(), with_plain_vectors());
    println!("siblings after {ROUNDS} stale rounds: {ours} with contexts, {plain} with plain vectors");
    assert_eq!((ours, plain), (2, ROUNDS));
}
