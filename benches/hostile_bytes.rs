//! What hostile bytes can do to a decoder: a million mutated and random messages for each codec, and what they cost at most.
//!
//! `cargo bench --bench hostile_bytes` takes a million for each; with `-- --quick`, or as a test, ten thousand. A last line
//! for each codec is the worst known: a megabyte of key states with nothing in them.

use std::sync::Arc;

use distributed_data_consistency::causality::{Actor, DotSet};
use distributed_data_consistency::protocol::{NodeId, Rng};
use distributed_data_consistency::store::{Bincode, Codec, Envelope, Json, KeyState, Message, Protobuf, Reply};
use peak_alloc::PeakAlloc;

#[path = "../tests/codecs/envelopes.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "shared with the tests, which need more of it")]
mod envelopes;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// So many bytes may a decoder take.
const MEMORY_MAX: usize = 4 << 20;

fn measure<C: Codec<Envelope>>(codec: &C, inputs: u64) {
    let encode = |envelope: &Envelope| codec.encode(envelope).expect("an envelope can be encoded");
    let seeds: Vec<Vec<u8>> = envelopes::seed_envelopes().iter().map(encode).collect();
    let mut rng = Rng::new(7, 0);
    let (mut taken, mut longest, mut peak) = (0_u64, 0, 0);
    for _ in 0..inputs {
        let bytes = envelopes::mutate(&seeds, &mut rng);
        longest = longest.max(bytes.len());
        let (decoded, cost) = cost_of(codec, &bytes);
        taken += u64::from(decoded);
        peak = peak.max(cost);
        assert!(cost <= MEMORY_MAX, "{}: {cost} bytes taken by {bytes:?}", codec.name());
    }
    let name = codec.name();
    println!(
        "{name:9} {inputs} inputs: {taken} decoded, {} refused; longest {longest} B, peak {peak} B",
        inputs - taken
    );
    let state = || KeyState { key: "".into(), writes: Vec::new(), kept: Vec::new(), covered: DotSet::new() };
    let one = encode(&hollow(vec![state()])).len();
    let each = encode(&hollow(vec![state(), state()])).len() - one;
    let bytes = encode(&hollow((0..(1 << 20) / each).map(|_| state()).collect()));
    let (_, cost) = cost_of(codec, &bytes);
    println!("{name:9} {} B of empty key states: refused at {cost} B, {MEMORY_MAX} are allowed", bytes.len());
    assert!(cost <= MEMORY_MAX);
}

/// Whether the bytes are a message, and how much memory it took to say so.
fn cost_of<C: Codec<Envelope>>(codec: &C, bytes: &[u8]) -> (bool, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let decoded = codec.decode(bytes).is_ok();
    (decoded, ALLOCATOR.peak_usage().saturating_sub(before))
}

fn hollow(keys: Vec<KeyState>) -> Envelope {
    let actor = Actor::first(0);
    let seen = DotSet::new();
    let reply = Reply { actor, asked_by: actor, number: 0, batch: 0, batch_count: 1, full: false, keys, seen };
    Envelope { from: NodeId::new(0), to: NodeId::new(1), message: Message::Reply(Arc::new(reply)) }
}

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench")
        && !std::env::args().any(|argument| argument == "--quick");
    let inputs = if full { 1_000_000 } else { 10_000 };
    let memory_max = MEMORY_MAX;
    measure(&Bincode { memory_max, ..Bincode::default() }, inputs);
    measure(&Json { memory_max, ..Json::default() }, inputs);
    measure(&Protobuf { memory_max, ..Protobuf::default() }, inputs);
}
