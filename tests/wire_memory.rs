//! Lengths that bytes claim are not believed: to refuse a hostile message takes hardly more memory than the message may.
//!
//! One test, in a binary of its own, because it counts every allocation of the process.

use distributed_data_consistency::Node;
use distributed_data_consistency::store::Config;
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

#[test]
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
