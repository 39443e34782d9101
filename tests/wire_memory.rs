//! Lengths that bytes claim are not believed: to refuse a hostile message takes hardly more memory than the message may.
//!
//! One test at a time, in a binary of its own, because it counts every allocation of the process.

#![cfg(all(feature = "json", feature = "protobuf"))]

use std::sync::Arc;

use distributed_data_consistency::Node;
use distributed_data_consistency::causality::{Actor, Dot, DotSet, VectorClock};
use distributed_data_consistency::protocol::NodeId;
use distributed_data_consistency::store::{
    Bincode, Codec, Config, Envelope, Json, KeyState, Message, Protobuf, Pull, Reply, Write,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The limit on messages in this test.
const BYTES_MAX: usize = 1 << 20;

/// A number in the form that claims the most bytes.
fn long(number: u64) -> Vec<u8> {
    [&[253][..], &number.to_le_bytes()].concat()
}

/// What the bytes claim; `length` is that of the part that is not there.
fn claims(length: u64) -> Vec<(&'static str, Vec<u8>)> {
    let length = long(length);
    // Format, from node 1, to node 0; then the kind of message.
    let update = [1, 1, 0, 0];
    let pull = [1, 1, 0, 1];
    let reply = [1, 1, 0, 2];
    let (key, no_dot, clock) = ([1, b'k'], [0], [2, 0, 1]);
    let claim = |parts: &[&[u8]]| parts.concat();
    vec![
        ("key of an update", claim(&[&update, &length])),
        ("clock of an update", claim(&[&update, &key, &no_dot, &length])),
        ("value of an update", claim(&[&update, &key, &no_dot, &clock, &length])),
        ("actors of a pull", claim(&[&pull, &[0, 1], &length])),
        ("runs of a pull", claim(&[&pull, &[0, 1], &[1, 0, 1, 1], &length])),
        ("versions of a reply", claim(&[&reply, &[0, 1, 0, 0], &length])),
        ("key in a reply", claim(&[&reply, &[0, 1, 0, 0, 1], &length])),
        ("clock in a reply", claim(&[&reply, &[0, 1, 0, 0], &length, &key, &no_dot, &length])),
        ("value in a reply", claim(&[&reply, &[0, 1, 0, 0], &length, &key, &no_dot, &clock, &length])),
    ]
}

/// The most bytes that are allocated at once while `run` runs, beside those that were before.
fn peak_of(run: impl FnOnce()) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    run();
    MEMORY.peak_usage().saturating_sub(before)
}

/// So many bytes may a decoder take.
const MEMORY_MAX: usize = 4 << 20;

/// Messages of many small parts, each of which stands for more than its bytes.
fn hollow() -> Vec<(&'static str, Envelope)> {
    const COUNT: u32 = 100_000;
    let actor = Actor::first(0);
    let envelope = |message| Envelope { from: NodeId::new(0), to: NodeId::new(1), message };
    let reply = |keys| {
        let (number, batch, batch_count, full, seen) = (0, 0, 1, false, DotSet::new());
        envelope(Message::Reply(Arc::new(Reply {
            actor,
            asked_by: actor,
            number,
            batch,
            batch_count,
            full,
            keys,
            seen,
        })))
    };
    let state = |writes, kept| KeyState { key: "".into(), writes, kept, covered: DotSet::new() };
    let write = || Write { dot: None, clock: VectorClock::new(), value: None };
    let dot = |counter| Dot::new(actor, counter).expect("expect: a counter above 0");
    let dots = |nodes: u32, gap: u64| {
        let writers = (0..nodes).map(Actor::first);
        let dots = writers.flat_map(|actor| (0..u64::from(COUNT / nodes)).map(move |place| (actor, 2 + place * gap)));
        dots.filter_map(|(actor, counter)| Dot::new(actor, counter)).collect::<DotSet>()
    };
    let pull = |seen| envelope(Message::Pull(Arc::new(Pull { actor, seen })));
    vec![
        ("keys", reply((0..COUNT).map(|_| state(vec![], vec![])).collect())),
        ("writes of a key", reply(vec![state((0..COUNT).map(|_| write()).collect(), vec![])])),
        ("names of a key", reply(vec![state(vec![], (1..=u64::from(COUNT) * 2).map(dot).collect())])),
        ("actors of a pull", pull(dots(COUNT, 1))),
        ("runs of a pull", pull(dots(1, 2))),
    ]
}

fn decoding_hollow_messages_is_refused_in_time<C: Codec<Envelope>>(limited: &C, lax: &C) {
    for (what, envelope) in hollow() {
        let bytes = lax.encode(&envelope).expect("expect: it can be encoded");
        let name = limited.name();
        let mut refused = false;
        let peak = peak_of(|| refused = limited.decode(&bytes).is_err());
        assert!(peak <= MEMORY_MAX, "{name}: many {what}, in {} bytes: {peak} bytes taken", bytes.len());
        assert!(refused, "{name}: many {what}, in {} bytes: {peak} bytes taken", bytes.len());
        assert_eq!(lax.decode(&bytes).as_ref(), Ok(&envelope), "{name}: many {what}");
    }
}

/// What is counted is the process's, so all of it is one test.
#[test]
fn hostile_bytes_take_no_more_memory_than_they_may() {
    refusing_hostile_bytes_takes_little_memory();
    let (memory_max, bytes_max) = (MEMORY_MAX, 16 << 20);
    let bincode = Bincode { bytes_max, ..Bincode::default() };
    decoding_hollow_messages_is_refused_in_time(&Bincode { memory_max, ..bincode }, &bincode);
    let json = Json { bytes_max, ..Json::default() };
    decoding_hollow_messages_is_refused_in_time(&Json { memory_max, ..json }, &json);
    let protobuf = Protobuf { bytes_max, ..Protobuf::default() };
    decoding_hollow_messages_is_refused_in_time(&Protobuf { memory_max, ..protobuf }, &protobuf);
}

fn refusing_hostile_bytes_takes_little_memory() {
    let config = Config { message_bytes_max: BYTES_MAX, ..Config::default() };
    let mut node = Node::with_config(0, 3, 0, config).expect("expect: a node");
    assert!(peak_of(|| drop(vec![0_u8; BYTES_MAX])) >= BYTES_MAX, "the allocator is counted");
    for length in [1 << 16, 1 << 20, 1 << 24, (1 << 27) + 1, 1 << 31, 1 << 40, u64::MAX / 2, u64::MAX] {
        for (what, mut bytes) in claims(length) {
            // What is there takes more room than its bytes, but what is only claimed takes none.
            for (is_filled, times_max) in [(false, 4), (true, 32)] {
                if is_filled {
                    bytes.resize(BYTES_MAX, 1);
                }
                let peak = peak_of(|| drop(node.deliver_bytes(&bytes)));
                let length_now = bytes.len();
                assert!(
                    peak <= times_max * BYTES_MAX,
                    "{what} claims {length}, in {length_now} bytes: {peak} bytes taken"
                );
                assert_eq!(node.process_messages().messages, 0, "{what} claims {length}");
            }
        }
    }
}
