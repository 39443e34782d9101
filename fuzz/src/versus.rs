//! The store against the textbook: one node of each, told the same.

use arbitrary::{Arbitrary, Unstructured};
use distributed_data_consistency::reference_store::ReferenceStore;
use distributed_data_consistency::store::Node;

const KEYS: [&str; 3] = ["cart", "user", "page"];
/// Beyond this an input only takes longer.
const OPS_MAX: usize = 128;
/// Counters about which something may change.
const LARGE: [usize; 4] = [(1 << 53) - 2, (1 << 53) - 1, 1 << 53, usize::MAX];

/// One thing that both nodes are told to do, or that happens elsewhere.
#[derive(Debug)]
enum Op {
    Put {
        key: usize,
    },
    /// Another node, in one of its lives, writes over some of the versions that there are of the key.
    Elsewhere {
        key: usize,
        node: usize,
        life: usize,
        over: Vec<u8>,
    },
    /// A version that was written somewhere arrives, perhaps not for the first time.
    Arrive {
        which: usize,
    },
    /// A clock that nobody has written.
    Forged {
        key: usize,
        clock: Vec<usize>,
    },
}

impl<'a> Arbitrary<'a> for Op {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let head = u8::arbitrary(bytes)?;
        let key = usize::from(head >> 4) % KEYS.len();
        Ok(match head % 16 {
            0..4 => Self::Put { key },
            4..8 => {
                let who = u8::arbitrary(bytes)?;
                let over = (0..who >> 6).map(|_| u8::arbitrary(bytes)).collect::<arbitrary::Result<_>>()?;
                Self::Elsewhere { key, node: usize::from(who & 7), life: usize::from(who >> 3 & 7) % 3, over }
            }
            8..14 => Self::Arrive { which: u8::arbitrary(bytes)?.into() },
            _ => {
                let length = u8::arbitrary(bytes)? % 12;
                let counter = |byte: u8| match byte {
                    0..240 => usize::from(byte % 4),
                    large => LARGE[usize::from(large) % LARGE.len()],
                };
                let clock = (0..length).map(|_| u8::arbitrary(bytes).map(counter)).collect::<arbitrary::Result<_>>()?;
                Self::Forged { key, clock }
            }
        })
    }
}

/// A real write: its key, value and clock.
type Write = (usize, Vec<u8>, Vec<usize>);

/// The first byte says which node of how many, the others what happens.
///
/// # Panics
/// If the two answer differently.
pub fn store_vs_textbook(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let Ok(first) = u8::arbitrary(&mut bytes) else { return };
    let node_count = 1 + usize::from(first % 5);
    let me = usize::from(first / 5) % node_count;
    let (mut store, mut textbook) = (Node::new(me, node_count), ReferenceStore::new(me, node_count));
    let mut writes: Vec<Write> = Vec::new();
    for number in 0..OPS_MAX {
        if bytes.is_empty() {
            return;
        }
        let Ok(op) = Op::arbitrary(&mut bytes) else { return };
        match &op {
            Op::Put { key } => {
                let value = format!("put {number}").into_bytes();
                let dot = store.put(KEYS[*key], value.clone()).ok().map(|written| written.dot);
                assert_eq!(dot, textbook.put(KEYS[*key], value), "op {number}: {op:?}");
                if dot.is_some() {
                    let (value, clock) = store.get(KEYS[*key]).remove(0);
                    writes.push((*key, value, clock));
                }
            }
            Op::Elsewhere { key, node, life, over } => {
                let slot = life * node_count + node % node_count;
                if node % node_count != me {
                    writes.push(write_elsewhere(&writes, *key, slot, node_count, over));
                }
            }
            Op::Arrive { which } if !writes.is_empty() => {
                let (key, value, clock) = &writes[which % writes.len()];
                let _ = store.receive_update(KEYS[*key], value.clone(), clock.clone());
                textbook.receive_update(KEYS[*key], value.clone(), clock.clone());
            }
            Op::Arrive { .. } => {}
            Op::Forged { key, clock } => {
                let value = format!("forged {number}").into_bytes();
                let _ = store.receive_update(KEYS[*key], value.clone(), clock.clone());
                textbook.receive_update(KEYS[*key], value, clock.clone());
            }
        }
        for key in KEYS {
            assert_eq!(
                store.get(key),
                textbook.get(key),
                "{key} after op {number}, {op:?}, of node {me} of {node_count}"
            );
        }
    }
}

/// A write of another node over some versions of a key, counted by a naive vector clock.
fn write_elsewhere(writes: &[Write], key: usize, slot: usize, node_count: usize, over: &[u8]) -> Write {
    let of_key: Vec<&Write> = writes.iter().filter(|write| write.0 == key).collect();
    let mut clock = vec![0; (slot + 1).next_multiple_of(node_count)];
    if !of_key.is_empty() {
        over.iter().for_each(|which| join(&mut clock, &of_key[usize::from(*which) % of_key.len()].2));
    }
    // The largest of its counters that there is: names are never used twice.
    let made = writes.iter().filter_map(|write| write.2.get(slot)).max().copied().unwrap_or(0);
    clock[slot] = made + 1;
    (key, format!("{slot}#{}", made + 1).into_bytes(), clock)
}

fn join(left: &mut Vec<usize>, right: &[usize]) {
    left.resize(left.len().max(right.len()), 0);
    left.iter_mut().zip(right).for_each(|(left, right)| *left = (*left).max(*right));
}
