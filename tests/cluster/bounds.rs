//! What may wait for a node is bounded, and only what waits counts.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use distributed_data_consistency::kv::{Request, Value};
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::runtime::{Builder, Cluster, ClusterError, LinkFaults};
use distributed_data_consistency::store::Node;

const LONG: Duration = Duration::from_secs(120);

/// A node that keeps what it is sent, and waits at a gate.
struct Depot {
    gate: Arc<Mutex<Receiver<()>>>,
    arrived: Sender<()>,
    taken: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Told {
    /// Say that it has come, and wait at the gate.
    Wait,
    /// Send so many bytes to node 1.
    Send(usize),
    /// Keep these.
    Keep(Vec<u8>),
}

impl StateMachine for Depot {
    type Message = Vec<u8>;
    type Timer = ();
    type Request = Told;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, message: Vec<u8>, _env: &mut Env<'_, Self>) {
        self.taken.push(message.len());
    }

    fn on_request(&mut self, id: RequestId, told: Told, env: &mut Env<'_, Self>) {
        match told {
            Told::Wait => {
                self.arrived.send(()).unwrap();
                self.gate.lock().unwrap().recv().unwrap();
            }
            Told::Send(bytes) => env.send(NodeId::new(1), vec![0; bytes]),
            Told::Keep(bytes) => self.taken.push(bytes.len()),
        }
        env.respond(id, ());
    }

    fn message_bytes(message: &Vec<u8>) -> usize {
        message.len()
    }

    fn request_bytes(request: &Told) -> usize {
        match request {
            Told::Wait | Told::Send(_) => 0,
            Told::Keep(bytes) => bytes.len(),
        }
    }
}

fn depots(set: impl FnOnce(Builder<Depot>) -> Builder<Depot>) -> (Cluster<Depot>, Sender<()>, Receiver<()>) {
    let (open, gate) = channel();
    let (tell, arrived) = channel();
    let (gate, tell) = (Arc::new(Mutex::new(gate)), Mutex::new(tell));
    let boot = move |_| Depot { gate: Arc::clone(&gate), arrived: tell.lock().unwrap().clone(), taken: Vec::new() };
    (set(Cluster::builder(2, boot)).start(), open, arrived)
}

fn taken(cluster: &Cluster<Depot>, node: usize) -> Vec<usize> {
    cluster.look(node, |depot| depot.taken.clone()).unwrap().unwrap()
}

/// Each message moves a timer that is due in ten minutes, and would wake the node when it is not needed any more.
struct Watchdog;

impl StateMachine for Watchdog {
    type Message = ();
    type Timer = ();
    type Request = ();
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, (): (), env: &mut Env<'_, Self>) {
        env.set_timer((), Duration::from_secs(600));
    }

    fn on_request(&mut self, id: RequestId, (): (), env: &mut Env<'_, Self>) {
        env.send(NodeId::new(1), ());
        env.respond(id, ());
    }
}

#[test]
fn timers_that_were_moved_take_no_room() {
    let faults = LinkFaults { delay_permille: 1_000, delay_max: Duration::from_micros(50), ..LinkFaults::none() };
    let cluster = Cluster::builder(2, |_| Watchdog).queue_max(8).link_faults(faults).start();
    let client = cluster.client().timeout(LONG);
    for sent in 1..=100 {
        client.request(0, ()).unwrap();
        loop {
            let stats = cluster.stats();
            assert_eq!(stats.marks.get("queue full"), None, "after {sent} messages, one at a time");
            if stats.delivered == sent {
                break;
            }
            thread::yield_now();
        }
    }
}

#[test]
fn messages_are_bounded_in_bytes() {
    let (cluster, open, arrived) = depots(|builder| builder.queue_bytes_max(2_500));
    let client = cluster.client().timeout(LONG);
    let while_it_waits = |sizes: &[usize]| {
        thread::scope(|scope| {
            let waits = scope.spawn(|| client.request(1, Told::Wait));
            arrived.recv().unwrap();
            sizes.iter().for_each(|size| client.request(0, Told::Send(*size)).unwrap());
            open.send(()).unwrap();
            waits.join().unwrap().unwrap();
        });
        assert!(cluster.wait_for_rest(LONG));
        (taken(&cluster, 1), cluster.stats().marks["queue full"])
    };
    assert_eq!(while_it_waits(&[1_000, 1_000, 1_000, 501, 500]), (vec![1_000, 1_000, 500], 2));
    // What is larger than all room goes alone.
    let (taken, full) = while_it_waits(&[9_000, 1]);
    assert_eq!((&taken[3..], full), (&[9_000][..], 3));
}

#[test]
fn requests_are_bounded_in_bytes() {
    let (cluster, open, arrived) = depots(|builder| builder.queue_bytes_max(2_500));
    let client = cluster.client().timeout(LONG);
    let impatient = cluster.client().timeout(Duration::from_millis(1));
    let full = Err(ClusterError::FullOfBytes { node: NodeId::new(0), bytes_max: 2_500 });
    thread::scope(|scope| {
        let waits = scope.spawn(|| client.request(0, Told::Wait));
        arrived.recv().unwrap();
        for _ in 0..2 {
            let gave_up = impatient.request(0, Told::Keep(vec![0; 1_000]));
            assert!(gave_up.unwrap_err().may_have_happened(), "it is in the queue");
        }
        for _ in 0..3 {
            assert_eq!(impatient.try_request(0, Told::Keep(vec![0; 1_000])), full);
            assert_eq!(impatient.request(0, Told::Keep(vec![0; 501])), full, "it waits for room, but not for ever");
        }
        assert!(!full.as_ref().unwrap_err().may_have_happened());
        let patient = scope.spawn(|| client.request(0, Told::Keep(vec![0; 600])));
        open.send(()).unwrap();
        assert_eq!((waits.join().unwrap(), patient.join().unwrap()), (Ok(()), Ok(())));
    });
    assert!(cluster.wait_for_rest(LONG));
    let mut sizes = taken(&cluster, 0);
    sizes.sort_unstable();
    assert_eq!(sizes, [600, 1_000, 1_000]);
}

#[test]
fn the_store_says_how_large_its_messages_and_requests_are() {
    let value: Value = vec![7; 1 << 20].into();
    let request = Request::Put { key: "k".into(), value: value.clone(), context: None };
    let bytes = [Node::request_bytes(&request), Node::request_bytes(&Request::Get { key: "k".into() })];
    assert!(bytes[0] >= 1 << 20 && bytes[1] < 1_000, "{bytes:?}");

    let mut nodes = [Node::new(0, 2), Node::new(1, 2)];
    nodes[0].put("k", value).unwrap();
    let update = nodes[0].drain_outbox().next().unwrap();
    nodes[1].start_sync(0).unwrap();
    let pull = nodes[1].drain_outbox().next().unwrap();
    nodes[0].deliver(pull.clone()).unwrap();
    nodes[0].process_messages();
    let reply = nodes[0].drain_outbox().next().unwrap();
    let bytes = [update, pull, reply].map(|envelope| Node::message_bytes(&envelope.message));
    assert!(bytes[0] >= 1 << 20 && bytes[1] < 1_000 && bytes[2] >= 1 << 20, "{bytes:?}");
}

#[test]
fn no_limit_is_too_large() {
    let (cluster, _open, _arrived) = depots(|builder| builder.queue_max(usize::MAX).queue_bytes_max(usize::MAX));
    let client = cluster.client().timeout(Duration::MAX);
    assert_eq!(client.request(0, Told::Send(1)), Ok(()));
    assert_eq!(client.try_request(0, Told::Send(1)), Ok(()));
    assert!(cluster.wait_for_rest(Duration::MAX));
    assert_eq!(taken(&cluster, 1), [1, 1]);
    assert!(cluster.stop(Duration::MAX).is_drained);
}

/// 2^64 ns and 10 more: a delay of at most 10 ns is another one.
#[test]
fn a_delay_beyond_all_time_is_not_cut_short() {
    let delay_max = Duration::from_nanos(u64::MAX) + Duration::from_nanos(10);
    let faults = LinkFaults { delay_permille: 1_000, delay_max, ..LinkFaults::none() };
    let (cluster, _open, _arrived) = depots(|builder| builder.link_faults(faults));
    cluster.client().timeout(LONG).request(0, Told::Send(1)).unwrap();
    assert!(!cluster.wait_for_rest(Duration::from_millis(20)), "it is under way for years");
    assert_eq!(taken(&cluster, 1), [0; 0]);
}
