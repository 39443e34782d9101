//! Whatever panics on a node's thread, the thread lives on and the truth is told.

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use distributed_data_consistency::protocol::{Env, NodeId, RequestId, Rng, StateMachine, Workload};
use distributed_data_consistency::runtime::{Cluster, ClusterError, NodeState};
use distributed_data_consistency::sim::Action;

const LONG: Duration = Duration::from_secs(120);

/// What explodes as it is dropped, if it is live.
#[derive(Clone, Debug)]
struct Shell {
    is_live: bool,
}

impl Drop for Shell {
    fn drop(&mut self) {
        assert!(!self.is_live, "a shell was dropped");
    }
}

/// What explodes as it is compared with its like.
#[derive(Clone, Debug)]
struct Fuse(u8);

impl Ord for Fuse {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(self.0 != 7 || other.0 != 7, "fuses were compared");
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Fuse {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Fuse {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Fuse {}

struct Bomb {
    /// It explodes when the node loses it.
    _core: Shell,
    count: u64,
}

impl Bomb {
    fn new(is_live: bool) -> Self {
        Self { _core: Shell { is_live }, count: 0 }
    }
}

#[derive(Clone, Debug)]
enum Told {
    Count,
    /// Send live shells to node 1, which drops them.
    Fire,
    /// The same, but panic before they are sent.
    Misfire,
    /// Set the same timer twice.
    Fuses,
    /// Send to a node that is not there, and set a timer.
    Nowhere,
    /// Set a timer of no time, each time that it is due.
    Spin,
}

impl StateMachine for Bomb {
    type Message = Shell;
    type Timer = Fuse;
    type Request = Told;
    type Response = u64;
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, _message: Shell, _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, id: RequestId, told: Told, env: &mut Env<'_, Self>) {
        let shell = || Shell { is_live: true };
        match told {
            Told::Count => {
                self.count += 1;
                env.respond(id, self.count);
            }
            Told::Fire => (0..3).for_each(|_| env.send(NodeId::new(1), shell())),
            Told::Misfire => {
                (0..3).for_each(|_| env.send(NodeId::new(1), shell()));
                panic!("misfired");
            }
            Told::Fuses => (0..2).for_each(|_| env.set_timer(Fuse(7), Duration::from_secs(600))),
            Told::Nowhere => {
                env.send(NodeId::new(9), Shell { is_live: false });
                env.set_timer(Fuse(0), Duration::ZERO);
            }
            Told::Spin => {
                env.set_timer(Fuse(1), Duration::ZERO);
                env.respond(id, 0);
            }
        }
    }

    fn on_timer(&mut self, fuse: Fuse, env: &mut Env<'_, Self>) {
        if fuse.0 == 1 {
            env.set_timer(fuse, Duration::ZERO);
        }
    }
}

fn panicked(text: &str) -> Option<NodeState> {
    Some(NodeState::Panicked(text.to_owned()))
}

/// Panics as it makes a request of 0, and as it hears the first response.
#[derive(Clone, Default)]
struct Careless {
    has_heard: bool,
}

impl Workload<Bomb> for Careless {
    type Action = u8;

    fn draw(&mut self, _rng: &mut Rng) -> u8 {
        1
    }

    fn request(&mut self, _id: RequestId, action: &u8) -> Told {
        assert!(*action > 0, "there is no request of 0");
        Told::Count
    }

    fn response(&mut self, _id: RequestId, _response: &u64) {
        assert!(std::mem::replace(&mut self.has_heard, true), "the first response is too much");
    }
}

#[test]
fn a_workload_that_panics_is_told_to_its_client_and_the_node_lives_on() {
    let cluster = Cluster::builder(1, |_| Bomb::new(false)).workload(Careless::default()).start();
    let client = cluster.client().timeout(LONG);
    let told = |text: &str, has_happened| {
        Err(ClusterError::WorkloadPanicked { node: NodeId::new(0), text: text.to_owned(), has_happened })
    };
    assert_eq!(client.act(0, Action::new(0_u8)), told("there is no request of 0", false));
    assert_eq!(client.act(0, Action::new(1_u8)), told("the first response is too much", true));
    assert_eq!(cluster.state(0), Some(NodeState::Up));
    assert_eq!(client.act(0, Action::new(1_u8)), Ok(2));
    assert_eq!((cluster.crash(0), cluster.state(0)), (Ok(()), Some(NodeState::Crashed)));
    assert_eq!((cluster.restart(0), cluster.state(0)), (Ok(()), Some(NodeState::Up)));
    assert_eq!(client.act(0, Action::new(1_u8)), Ok(1));
    let stopped = cluster.stop(LONG);
    assert!(stopped.is_drained);
    assert_eq!(stopped.stats.marks["workload panicked"], 2);
}

#[test]
fn a_machine_whose_drop_panics_is_lost_and_its_place_goes_on() {
    let cluster = Cluster::builder(1, |_| Bomb::new(true)).start();
    let client = cluster.client().timeout(LONG);
    assert_eq!(client.request(0, Told::Count), Ok(1));
    for _ in 0..2 {
        assert_eq!((cluster.crash(0), cluster.state(0)), (Ok(()), panicked("a shell was dropped")));
        assert_eq!((cluster.restart(0), cluster.state(0)), (Ok(()), Some(NodeState::Up)));
        assert_eq!(client.request(0, Told::Count), Ok(1));
    }
    let stopped = cluster.stop(LONG);
    assert!(stopped.is_drained);
    assert_eq!(stopped.states, [NodeState::Panicked("a shell was dropped".to_owned())]);
    assert_eq!((stopped.stats.crashes, stopped.stats.restarts), (2, 2));
}

#[test]
fn a_boot_that_panics_is_told_to_whoever_restarts() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let cluster = Cluster::builder(2, {
        let is_broken = Arc::clone(&is_broken);
        move |boot| {
            assert!(boot.id != NodeId::new(1) || !is_broken.load(SeqCst), "cannot be made");
            Bomb::new(false)
        }
    })
    .start();
    assert!(cluster.wait_for_rest(LONG), "a node that could not be made is waited for no more");
    assert_eq!((cluster.state(0), cluster.state(1)), (Some(NodeState::Up), panicked("cannot be made")));
    let error = ClusterError::Panicked { node: NodeId::new(1), text: "cannot be made".to_owned() };
    assert_eq!(cluster.restart(1), Err(error));
    let client = cluster.client().timeout(LONG);
    assert_eq!(client.request(1, Told::Count), Err(ClusterError::Down { node: NodeId::new(1) }));
    is_broken.store(false, SeqCst);
    assert_eq!((cluster.restart(1), client.request(1, Told::Count)), (Ok(()), Ok(1)));
}

/// Two panics at once would end the process.
#[test]
fn messages_whose_drop_panics_are_dropped_one_by_one() {
    let cluster = Cluster::builder(2, |_| Bomb::new(false)).start();
    let client = cluster.client().timeout(LONG);
    let crashed = Err(ClusterError::Crashed { node: NodeId::new(0) });
    assert_eq!(client.request(0, Told::Misfire), crashed);
    assert_eq!((cluster.state(0), cluster.state(1)), (panicked("misfired"), Some(NodeState::Up)));
    cluster.restart(0).unwrap();
    let impatient = client.timeout(Duration::from_millis(1));
    assert!(impatient.request(0, Told::Fire).is_err(), "nobody answers that");
    assert!(cluster.wait_for_rest(LONG));
    // Two of them came to a node that was down by then, and were dropped there.
    assert_eq!((cluster.state(0), cluster.state(1)), (Some(NodeState::Up), panicked("a shell was dropped")));
    assert_eq!((cluster.stats().delivered, cluster.stats().down), (1, 2));
    assert_eq!((cluster.restart(1), cluster.state(1)), (Ok(()), Some(NodeState::Up)));
}

#[test]
fn a_timer_whose_order_panics_crashes_its_node_alone() {
    let cluster = Cluster::builder(2, |_| Bomb::new(false)).start();
    let client = cluster.client().timeout(LONG);
    assert_eq!(client.request(0, Told::Fuses), Err(ClusterError::Crashed { node: NodeId::new(0) }));
    assert_eq!((cluster.state(0), cluster.state(1)), (panicked("fuses were compared"), Some(NodeState::Up)));
    cluster.restart(0).unwrap();
    assert_eq!(client.request(0, Told::Count), Ok(1));
    assert!(cluster.wait_for_rest(LONG), "a timer of an incarnation that is over is not waited for");
}

#[test]
fn a_look_that_panics_panics_where_it_was_asked_for() {
    let cluster = Cluster::builder(1, |_| Bomb::new(false)).start();
    let look = || cluster.look(0, |_| -> u8 { panic!("it is too dark") });
    let told = catch_unwind(AssertUnwindSafe(look)).unwrap_err();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.contains("node 0") && told.contains("it is too dark"), "{told}");
    assert_eq!(cluster.look(0, |bomb| bomb.count), Ok(Some(0)));
    assert_eq!(cluster.state(0), Some(NodeState::Up));
}

#[test]
fn a_step_that_sends_nowhere_is_over_with_that() {
    let cluster = Cluster::builder(1, |_| Bomb::new(false)).start();
    let client = cluster.client().timeout(LONG);
    assert_eq!(client.request(0, Told::Nowhere), Err(ClusterError::Crashed { node: NodeId::new(0) }));
    assert!(cluster.wait_for_rest(LONG));
    assert_eq!(cluster.state(0), panicked("node 0 sent to node 9, but the cluster has 1 nodes"));
    assert_eq!(cluster.stats().timers, 0);
}

#[test]
fn a_node_whose_timers_never_end_can_be_crashed_and_stopped() {
    let cluster = Cluster::builder(1, |_| Bomb::new(false)).start();
    let client = cluster.client().timeout(LONG);
    for _ in 0..2 {
        assert_eq!(client.request(0, Told::Spin), Ok(0));
        assert_eq!((cluster.crash(0), cluster.restart(0)), (Ok(()), Ok(())));
    }
    assert_eq!(client.request(0, Told::Spin), Ok(0));
    assert!(cluster.stop(LONG).is_drained);
}
