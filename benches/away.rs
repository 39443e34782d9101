//! What a node's absence costs those who work on, and its return: `cargo bench --bench away`.
//!
//! Three nodes, a thousand keys. Nothing comes to the third one or from it while the two others take writes, of which they lose one in ten
//! on the way to each other; they ask each other, and the one that is away, as often as the store would on its own. Then the third comes
//! back under load, and an operation more is done for each eight of the absence. An operation should cost the same however long the absence.
#![expect(clippy::disallowed_types, reason = "a bench measures")]

use std::time::Instant;

use distributed_data_consistency::Node;
use distributed_data_consistency::protocol::Rng;
use distributed_data_consistency::store::{Envelope, Message};

const NODES: usize = 3;
const KEYS: u64 = 1_000;
/// A node asks once in so many operations.
const ASK_EVERY: usize = 16;
const ROUNDS: usize = 3;

fn main() {
    // Cargo passes `--bench` when it benches, and nothing or `--test` when it tests.
    let quick = !std::env::args().any(|arg| arg == "--bench");
    let absences: &[usize] = if quick { &[1_000] } else { &[8_000, 32_000, 128_000] };
    println!("{:>18}{:>12}{:>14}   ns an operation, best of {ROUNDS}", "operations away", "meanwhile", "on its return");
    for &absence in absences {
        let rounds = (0..ROUNDS).map(|round| measure(absence, round as u64));
        let [away, back] = rounds.fold([f64::MAX; 2], |best, round| [best[0].min(round[0]), best[1].min(round[1])]);
        println!("{absence:>18}{away:>12.0}{back:>14.0}");
    }
}

/// Nanoseconds an operation while the third node is away, and of all once it is back: the return, and what is done meanwhile.
fn measure(absence: usize, seed: u64) -> [f64; 2] {
    let mut world = World { nodes: (0..NODES).map(|id| Node::new(id, NODES)).collect(), rng: Rng::new(seed, 0) };
    let start = Instant::now();
    world.work(absence, true);
    let away = start.elapsed();
    let start = Instant::now();
    world.work(absence / 8, false);
    world.settle();
    let back = start.elapsed();
    assert!(world.nodes.iter().all(|node| node.seen() == world.nodes[0].seen()), "all have all");
    assert!(world.nodes.iter().all(|node| node.retained().pending_keys == 0), "nothing is left over");
    [away.as_nanos() as f64 / absence as f64, back.as_nanos() as f64 / (absence + absence / 8) as f64]
}

struct World {
    nodes: Vec<Node>,
    rng: Rng,
}

impl World {
    fn work(&mut self, operations: usize, is_away: bool) {
        for operation in 0..operations {
            let writer = self.rng.below(2) as usize;
            let key = format!("key-{}", self.rng.below(KEYS));
            assert!(self.nodes[writer].put(key, [7; 32]).is_ok(), "the node takes it");
            if operation % ASK_EVERY == 0 {
                let asker = operation / ASK_EVERY % NODES;
                let asked = (asker + 1 + self.rng.below(2) as usize) % NODES;
                assert!(self.nodes[asker].start_sync(asked).is_ok(), "it is there");
            }
            while self.carry(is_away, true) {}
        }
    }

    /// Hands over what waits in the outboxes, and lets each node take in one message at a time.
    fn carry(&mut self, is_away: bool, is_lossy: bool) -> bool {
        let envelopes: Vec<Envelope> = self.nodes.iter_mut().flat_map(Node::drain_outbox).collect();
        let is_any = !envelopes.is_empty();
        for envelope in envelopes {
            let (from, to) = (envelope.from.index(), envelope.to.index());
            let is_lost = is_lossy && matches!(envelope.message, Message::Update(_)) && self.rng.chance(100);
            if is_lost || (is_away && (from == 2 || to == 2)) {
                continue;
            }
            self.nodes[to].deliver(envelope).expect("expect: a message of a right node is taken");
            self.nodes[to].process_messages();
        }
        is_any
    }

    fn settle(&mut self) {
        for _ in 0..2 {
            for (asker, asked) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
                assert!(self.nodes[asker].start_sync(asked).is_ok(), "it is there");
                while self.carry(false, false) {}
            }
        }
    }
}
