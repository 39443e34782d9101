//! One node under many threads: nothing that was acknowledged is lost, nothing that was overwritten comes back.
#![cfg(feature = "store")]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use distributed_data_consistency::SharedNode;
use distributed_data_consistency::causality::Dot;
use distributed_data_consistency::protocol::Rng;
use distributed_data_consistency::store::{Context, Envelope, Written};

const NODES: usize = 3;
const CLIENTS: usize = 8;
const OPERATIONS: u64 = 4_000;
const KEYS: u64 = 16;

fn cluster() -> Vec<SharedNode> {
    (0..NODES).map(|node| SharedNode::new(node, NODES)).collect()
}

/// Moves what is in the outboxes; of a hundred messages ten are lost and five doubled.
fn carry(nodes: &[SharedNode], rng: &mut Rng, is_lossy: bool) -> usize {
    let envelopes: Vec<Envelope> = nodes.iter().flat_map(SharedNode::drain_outbox).collect();
    let count = envelopes.len();
    for envelope in envelopes {
        let copies = match rng.below(100) {
            0..10 if is_lossy => 0,
            10..15 if is_lossy => 2,
            _ => 1,
        };
        for _ in 0..copies {
            nodes[envelope.to.index()].deliver(envelope.clone()).expect("expect: a message of a right node is taken");
        }
    }
    for node in nodes {
        node.process_messages();
    }
    count
}

/// Every node asks every other one until nobody has anything to say.
fn settle(nodes: &[SharedNode], rng: &mut Rng) {
    for _ in 0..2 {
        for (asker, asked) in (0..NODES).flat_map(|asker| (0..NODES).map(move |asked| (asker, asked))) {
            if asker != asked {
                nodes[asker].start_sync(asked).expect("expect: both are nodes");
                while carry(nodes, rng, false) > 0 {}
            }
        }
    }
}

/// What one client does: writes over what is there, over what it has read, over nothing; deletes; reads.
fn work(client: usize, nodes: &[SharedNode]) -> Vec<(String, Written)> {
    let mut rng = Rng::new(1, client as u64);
    let mut written = Vec::new();
    let mut carried: BTreeMap<String, Context> = BTreeMap::new();
    for operation in 0..OPERATIONS {
        let node = &nodes[rng.below(NODES as u64) as usize];
        let key = format!("key-{}", rng.below(KEYS));
        let value = format!("{client}:{operation}").into_bytes();
        let write = match rng.below(8) {
            0..4 => {
                let shown = node.read(&key, |versions| versions.len());
                assert!(shown <= CLIENTS * NODES, "the versions of a key stay few: {shown}");
                continue;
            }
            4 => node.put(key.clone(), value),
            5 => {
                let context = carried.get(&key).cloned().unwrap_or_default();
                node.put_with_context(key.clone(), value, &context)
            }
            6 => node.delete(key.clone()),
            _ => {
                let context = node.get_with_context(&key).context;
                node.put_with_context(key.clone(), value, &context)
            }
        };
        let write = write.expect("expect: within the limits");
        carried.insert(key.clone(), write.context.clone());
        written.push((key, write));
    }
    written
}

#[test]
fn what_survives_is_what_no_write_had_seen() {
    let nodes = cluster();
    let done = AtomicBool::new(false);
    let written: Vec<(String, Written)> = thread::scope(|scope| {
        let carrier = scope.spawn(|| {
            let mut rng = Rng::new(2, 0);
            while !done.load(Ordering::Acquire) {
                carry(&nodes, &mut rng, true);
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn({
                    let nodes = &nodes;
                    move || work(client, nodes)
                })
            })
            .collect();
        let written = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        done.store(true, Ordering::Release);
        carrier.join().unwrap();
        written
    });
    settle(&nodes, &mut Rng::new(3, 0));

    let names: BTreeSet<Dot> = written.iter().map(|(_, write)| write.dot).collect();
    assert_eq!(names.len(), written.len(), "no name is given twice");
    for number in 0..KEYS {
        let key = format!("key-{number}");
        let of_key: Vec<&Written> = written.iter().filter(|(other, _)| *other == key).map(|(_, write)| write).collect();
        let is_overwritten =
            |write: &Written| of_key.iter().any(|other| other.dot != write.dot && other.context.covers(write.dot));
        let survivors: BTreeSet<Dot> =
            of_key.iter().filter(|write| !is_overwritten(write)).map(|write| write.dot).collect();
        for node in &nodes {
            let shown: BTreeSet<Dot> =
                node.read(&key, |versions| versions.iter().filter_map(|version| version.dot).collect());
            let deleted = survivors.difference(&shown).count();
            assert!(shown.is_subset(&survivors), "{key} at node {}: {shown:?}, not {survivors:?}", node.id());
            assert_eq!(shown, node.with(|node| node.versions(&key).iter().filter_map(|version| version.dot).collect()));
            assert!(deleted <= of_key.len());
        }
    }
    let first: Vec<_> = (0..KEYS).map(|key| sorted(&nodes[0], key)).collect();
    for node in &nodes {
        assert_eq!((0..KEYS).map(|key| sorted(node, key)).collect::<Vec<_>>(), first);
        let leftovers = node.retained();
        assert_eq!((leftovers.tombstones, leftovers.log_entries, leftovers.hints, leftovers.gaps), (0, 0, 0, 0));
    }
}

fn sorted(node: &SharedNode, key: u64) -> Vec<(Vec<u8>, Vec<usize>)> {
    let mut shown = node.get(format!("key-{key}"));
    shown.sort();
    shown
}

#[test]
fn the_worked_examples_hold_behind_a_shared_handle() {
    let node = SharedNode::new(0, 3);
    node.put("k".to_string(), b"a".to_vec()).unwrap();
    node.put("j".to_string(), b"b".to_vec()).unwrap();
    node.receive_update("k".to_string(), b"c".to_vec(), vec![0, 1, 0]).unwrap();
    assert_eq!(node.get("k"), [(b"a".to_vec(), vec![1, 0, 0]), (b"c".to_vec(), vec![0, 1, 0])]);
    node.put("k".to_string(), b"d".to_vec()).unwrap();
    assert_eq!(node.get("k"), [(b"d".to_vec(), vec![3, 1, 0])]);
    node.delete("k").unwrap();
    assert!(node.get("k").is_empty());
    assert_eq!(node.process_messages().messages, 0);
}

#[test]
fn a_reader_that_panics_does_no_harm() {
    let node = SharedNode::new(0, 1);
    node.put("k", *b"a").unwrap();
    let reader = node.clone();
    let panicked =
        thread::scope(|scope| scope.spawn(move || reader.with(|_| panic!("a reader gives up"))).join().is_err());
    assert!(panicked);
    assert!(node.put("k", *b"b").is_ok());
    assert_eq!(node.get("k").len(), 1);
}

const LONG: Duration = Duration::from_secs(120);

/// Fails rather than waits for ever.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = channel();
    let worker = thread::Builder::new().spawn(move || drop(tell.send(work()))).expect("a thread");
    let result = told.recv_timeout(LONG);
    assert!(!matches!(result, Err(RecvTimeoutError::Timeout)), "it waits for itself");
    worker.join().expect("the work does not panic");
    result.expect("it has been told")
}

/// No lock is held while a reader looks.
#[test]
fn a_reader_may_do_anything_to_the_node_that_it_reads() {
    let seen = in_time(|| {
        let node = SharedNode::new(0, 2);
        node.put("k", *b"a").unwrap();
        let other = node.clone();
        let seen = node.read("k", |versions| {
            node.put("k", *b"b").unwrap();
            assert_eq!(node.get("k")[0].0, b"b");
            let context = node.get_with_context("k").context;
            node.put_with_context("k", *b"c", &context).unwrap();
            node.delete("k").unwrap();
            node.receive_update("k", *b"d", vec![0, 1]).unwrap();
            node.process_messages();
            node.start_sync(1).unwrap();
            assert_eq!(node.drain_outbox().len(), 5);
            node.with(|node| assert_eq!(node.versions("k").len(), 1));
            node.read("k", |within| assert_eq!(*within[0].value, *b"d"));
            drop(other);
            versions.to_vec()
        });
        assert_eq!(node.get("k")[0].0, b"d");
        seen
    });
    assert_eq!((seen.len(), &*seen[0].value), (1, &b"a"[..]), "what it looks at is of one moment");
}

/// A writer that waits for a reader would keep the reader's own reads waiting.
#[test]
fn readers_within_readers_and_writers_do_not_wait_for_each_other() {
    in_time(|| {
        let node = SharedNode::new(0, 1);
        node.put("k", *b"a").unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let writers = [(); 2].map(|()| {
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        node.put("k", *b"b").unwrap();
                    }
                })
            });
            for _ in 0..2_000 {
                node.read("k", |_| {
                    node.read("k", |_| (node.get("k").len(), node.get_with_context("k").versions.len()))
                });
            }
            done.store(true, Ordering::Release);
            writers.into_iter().for_each(|writer| writer.join().unwrap());
        });
    });
}

#[test]
fn a_look_that_asks_the_handle_for_its_own_lock_is_told_so() {
    let told = in_time(|| {
        let node = SharedNode::new(0, 1);
        node.put("k", *b"a").unwrap();
        assert_eq!(node.with(|_| node.get("k").len()), 1);
        let look = || node.with(|_| node.get_with_context("k"));
        let told = panic::catch_unwind(AssertUnwindSafe(look)).unwrap_err();
        assert!(node.put("k", *b"b").is_ok(), "the lock is free again");
        *told.downcast::<&str>().unwrap()
    });
    assert!(told.contains("SharedNode::with"), "{told}");
}
