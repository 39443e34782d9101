//! What clients are told when there is no answer.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::runtime::{Client, Cluster, ClusterError, LinkFaults, NodeState};

const LONG: Duration = Duration::from_secs(120);

/// A node that does as it is told.
struct Puppet {
    gate: Arc<Mutex<Receiver<()>>>,
    arrived: Sender<()>,
    /// What it has heard from others.
    heard: Vec<u64>,
    /// How often it has been told to count.
    count: u64,
}

#[derive(Clone, Debug)]
enum Told {
    /// Say that it has come, and wait at the gate.
    Wait,
    /// Count, and make that durable.
    Count,
    Panic,
    /// Answer nothing.
    Ignore,
    /// Send this to all others.
    Send(u64),
    SendNowhere,
}

impl StateMachine for Puppet {
    type Message = u64;
    type Timer = ();
    type Request = Told;
    type Response = u64;
    type Durable = u64;

    fn on_message(&mut self, _from: NodeId, message: u64, env: &mut Env<'_, Self>) {
        self.heard.push(message);
        // Whoever hears 1 to 9 tells one less, so that there is something to drain.
        if (1..10).contains(&message) {
            env.broadcast(&(message - 1));
        }
    }

    fn on_request(&mut self, id: RequestId, told: Told, env: &mut Env<'_, Self>) {
        match told {
            Told::Wait => {
                self.arrived.send(()).unwrap();
                self.gate.lock().unwrap().recv().unwrap();
            }
            Told::Count => {
                self.count += 1;
                let count = self.count;
                env.persist(|durable| *durable = count);
            }
            Told::Panic => {
                env.send(NodeId::new(1), 100);
                panic!("told to panic");
            }
            Told::Ignore => return,
            Told::Send(number) => env.broadcast(&number),
            Told::SendNowhere => env.send(NodeId::new(9), 0),
        }
        env.respond(id, self.count);
    }
}

struct Puppets {
    cluster: Cluster<Puppet>,
    client: Client<Puppet>,
    open: Sender<()>,
    arrived: Receiver<()>,
}

fn puppets(queue_max: usize) -> Puppets {
    let (open, gate) = channel();
    let (tell, arrived) = channel();
    let (gate, tell) = (Arc::new(Mutex::new(gate)), Mutex::new(tell));
    let boot = move |boot: Boot<u64>| Puppet {
        gate: Arc::clone(&gate),
        arrived: tell.lock().unwrap().clone(),
        heard: Vec::new(),
        count: boot.durable,
    };
    let cluster = Cluster::builder(2, boot).queue_max(queue_max).start();
    Puppets { client: cluster.client().timeout(LONG), cluster, open, arrived }
}

#[test]
fn a_full_queue_is_an_error_and_what_is_in_it_is_answered() {
    let Puppets { cluster, client, open, arrived } = puppets(2);
    thread::scope(|scope| {
        let waits = scope.spawn(|| client.request(0, Told::Wait));
        arrived.recv().unwrap();
        let counts: Vec<_> = (0..2).map(|_| scope.spawn(|| client.request(0, Told::Count))).collect();
        // Once both are in the queue there is no room for a third; before that the third is one of the two.
        let patient = client.clone().timeout(Duration::from_millis(1));
        let full = ClusterError::Full { node: NodeId::new(0), waiting_max: 2 };
        let mut taken = 0;
        let refused = loop {
            match patient.try_request(0, Told::Count) {
                Err(ClusterError::TimedOut { .. }) => taken += 1,
                other => break other,
            }
        };
        assert_eq!(refused, Err(full.clone()));
        assert!(!full.may_have_happened());
        assert_eq!(patient.request(0, Told::Count), Err(full), "a client waits for room, but not for ever");
        open.send(()).unwrap();
        waits.join().unwrap().unwrap();
        for count in counts {
            assert!(count.join().unwrap().is_ok(), "what waited for room got it");
        }
        assert!(cluster.wait_for_rest(LONG));
        assert_eq!(cluster.look(0, |node| node.count).unwrap(), Some(2 + taken), "nothing is done twice, or forgotten");
    });
}

#[test]
fn messages_that_find_no_room_are_lost_and_counted_and_nobody_waits() {
    let Puppets { cluster, client, open, arrived } = puppets(2);
    thread::scope(|scope| {
        let waits = scope.spawn(|| client.request(1, Told::Wait));
        arrived.recv().unwrap();
        for number in 0..5 {
            client.request(0, Told::Send(20 + number)).unwrap();
        }
        open.send(()).unwrap();
        waits.join().unwrap().unwrap();
    });
    assert!(cluster.wait_for_rest(LONG));
    assert_eq!(cluster.look(1, |node| node.heard.clone()).unwrap(), Some(vec![20, 21]));
    assert_eq!(cluster.stats().marks["queue full"], 3);
}

#[test]
fn a_node_that_is_down_says_so_and_comes_back_with_what_was_durable() {
    let Puppets { cluster, client, .. } = puppets(8);
    assert_eq!(client.request(0, Told::Count), Ok(1));
    cluster.crash(0).unwrap();
    assert_eq!(cluster.state(0), Some(NodeState::Crashed));
    let down = ClusterError::Down { node: NodeId::new(0) };
    assert_eq!(client.request(0, Told::Count), Err(down.clone()));
    assert!(!down.may_have_happened());
    assert_eq!(cluster.look(0, |node| node.count), Ok(None));
    cluster.restart(0).unwrap();
    cluster.restart(0).unwrap();
    assert_eq!(client.request(0, Told::Count), Ok(2), "neither lost nor done by the node that was down");
    assert_eq!(cluster.stats().restarts, 1);
}

#[test]
fn whoever_waits_when_a_node_crashes_hears_of_it() {
    let Puppets { cluster, client, .. } = puppets(8);
    thread::scope(|scope| {
        let waits = scope.spawn(|| client.request(0, Told::Ignore));
        while cluster.stats().requests == 0 {
            thread::yield_now();
        }
        cluster.crash(0).unwrap();
        let crashed = ClusterError::Crashed { node: NodeId::new(0) };
        assert!(crashed.may_have_happened());
        assert_eq!(waits.join().unwrap(), Err(crashed));
    });
}

#[test]
fn a_panic_is_a_crash_with_its_text_and_no_effect_of_that_step_happens() {
    let Puppets { cluster, client, .. } = puppets(8);
    assert_eq!(client.request(0, Told::Count), Ok(1));
    assert_eq!(client.request(0, Told::Panic), Err(ClusterError::Crashed { node: NodeId::new(0) }));
    assert_eq!(cluster.state(0), Some(NodeState::Panicked("told to panic".to_owned())));
    assert_eq!(cluster.state(1), Some(NodeState::Up));
    cluster.restart(0).unwrap();
    assert_eq!((cluster.state(0), client.request(0, Told::Count)), (Some(NodeState::Up), Ok(2)));
    assert!(cluster.wait_for_rest(LONG));
    assert_eq!(cluster.look(1, |node| node.heard.clone()).unwrap(), Some(vec![]));

    let _ = client.request(0, Told::SendNowhere);
    let Some(NodeState::Panicked(text)) = cluster.state(0) else { panic!("it is a bug, as in a simulated world") };
    assert_eq!(text, "node 0 sent to node 9, but the cluster has 2 nodes");
}

#[test]
fn an_answer_that_does_not_come_in_time_is_an_error() {
    let Puppets { cluster, client, .. } = puppets(8);
    let after = Duration::from_millis(1);
    let timed_out = ClusterError::TimedOut { node: NodeId::new(0), after };
    assert!(timed_out.may_have_happened());
    assert_eq!(client.clone().timeout(after).request(0, Told::Ignore), Err(timed_out));
    assert_eq!(client.request(2, Told::Count), Err(ClusterError::NoSuchNode { node: NodeId::new(2), node_count: 2 }));
    assert!(cluster.crash(2).is_err() && cluster.restart(2).is_err() && cluster.look(2, |_| ()).is_err());
}

#[test]
fn stopping_handles_what_is_under_way_and_refuses_what_comes() {
    let Puppets { cluster, client, .. } = puppets(1_024);
    client.request(0, Told::Send(9)).unwrap();
    let stopped = cluster.stop(LONG);
    assert!(stopped.is_drained);
    assert_eq!((stopped.stats.sent, stopped.stats.delivered), (10, 10));
    assert_eq!(client.request(0, Told::Count), Err(ClusterError::Stopped));
}

#[test]
fn dropping_a_cluster_tells_whoever_waits() {
    let Puppets { cluster, client, .. } = puppets(8);
    thread::scope(|scope| {
        let waits = scope.spawn(|| client.request(0, Told::Ignore));
        while cluster.stats().requests == 0 {
            thread::yield_now();
        }
        drop(cluster);
        assert_eq!(waits.join().unwrap(), Err(ClusterError::StoppedUnanswered { node: NodeId::new(0) }));
    });
}

#[test]
fn links_lose_double_and_cut_as_they_are_told() {
    let boot = |_: Boot<u64>| {
        let (gate, arrived) = (channel().1, channel().0);
        Puppet { gate: Arc::new(Mutex::new(gate)), arrived, heard: Vec::new(), count: 0 }
    };
    let heard = |faults| {
        let cluster = Cluster::builder(2, boot).link_faults(faults).start();
        let client = cluster.client().timeout(LONG);
        client.request(0, Told::Send(20)).unwrap();
        assert!(cluster.wait_for_rest(LONG));
        cluster.isolate(1);
        client.request(0, Told::Send(21)).unwrap();
        assert!(cluster.wait_for_rest(LONG));
        let heard = cluster.look(1, |node| node.heard.clone()).unwrap().unwrap();
        (heard, cluster.stats())
    };
    let (plain, stats) = heard(LinkFaults::none());
    assert_eq!((plain, stats.cut), (vec![20], 1));
    let (lost, stats) = heard(LinkFaults { drop_permille: 1_000, ..LinkFaults::none() });
    assert_eq!((lost, stats.dropped), (vec![], 1));
    let (doubled, stats) = heard(LinkFaults { duplicate_permille: 1_000, ..LinkFaults::none() });
    assert_eq!((doubled, stats.duplicated), (vec![20, 20], 1));
    let slow = LinkFaults { delay_permille: 1_000, delay_max: Duration::from_millis(2), ..LinkFaults::none() };
    assert_eq!(heard(slow).1.delayed, 1);
}
