//! Any state machine on threads: one for each node, channels between them, a real clock.
//!
//! What drives a node is what drives it in a simulated world: [`NodeDriver`] calls the machine and keeps its timers, effects go through a buffer
//! that the driver reuses. A node's thread is not the node: a node that crashes, or panics, loses its machine, and its thread goes on
//! to say so, and to make the next incarnation.
//!
//! Where to look: `place` is the thread of a node, `step` what its machine does there, `agenda` what it has yet to do, `room` how much
//! may wait for it, `links` what goes wrong between nodes, `client` whoever asks, `recording` how a run becomes a plan, `load` how one
//! knows that nothing is left to happen.

mod agenda;
mod builder;
mod client;
mod clock;
mod error;
mod links;
mod node_thread;
mod quiescence;
mod recording;
mod room;
mod step;

use std::any::Any;
use std::fmt;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use crate::protocol::{NodeId, RequestId, StateMachine, Time};
use crate::sim::{Action, Clients, Link, Plan, Stats, catch_panic};
use client::{Asked, Reply};
use clock::Clock;
use links::Cuts;
use node_thread::Ended;
use quiescence::Quiescence;
use room::Room;

pub use builder::Builder;
pub use client::Client;
pub use error::ClusterError;
pub use links::LinkFaults;

/// Makes a node's machine.
type Boot<M> = dyn Fn(crate::protocol::Boot<<M as StateMachine>::Durable>) -> M + Send + Sync;

/// Nodes of any state machine, each on a thread of its own.
///
/// ```
/// use distributed_data_consistency::kv::{Request, Response};
/// use distributed_data_consistency::runtime::Cluster;
/// use distributed_data_consistency::store::Node;
/// use std::time::Duration;
///
/// let cluster = Cluster::builder(3, Node::boot).start();
/// let client = cluster.client();
/// client.request(0, Request::Put { key: "cart".into(), value: (*b"bread").into(), context: None })?;
/// assert!(cluster.wait_for_rest(Duration::from_secs(5)), "a cluster that agrees falls silent");
///
/// cluster.crash(0)?; // node 0 forgets everything …
/// cluster.restart(0)?; // … and gets it back from its peers
/// assert!(cluster.wait_for_rest(Duration::from_secs(5)));
/// let Response::Values { values, .. } = client.request(0, Request::Get { key: "cart".into() })? else { unreachable!() };
/// assert_eq!(*values[0], *b"bread");
/// # Ok::<(), distributed_data_consistency::runtime::ClusterError>(())
/// ```
///
/// **Queues.** Each node has a queue for messages and one for requests, bounded in number ([`Builder::queue_max`]) and in bytes
/// ([`Builder::queue_bytes_max`]). A message that finds its receiver's queue full is lost and counted (the mark `queue full`), as a
/// datagram network loses it; a client waits for room until its time is up. No node ever waits for another one, so there is no
/// deadlock. A timer takes no room, and one that was moved or cancelled leaves nothing behind.
///
/// **Time** is what [`Env::now`](crate::protocol::Env::now) tells: nanoseconds since the cluster began. It rises from step to step of a
/// node, a message is taken after it was sent, and a timer is told the very moment for which it was set, even if its thread wakes later.
///
/// **Panics.** A machine that panics has crashed: no effect of that step happens, clients that wait are told
/// [`ClusterError::Crashed`], and [`state`](Self::state) has the text. So has one whose boot panics, or whose message, timer or own
/// `Drop` does. It can be restarted from what it had made durable; what a step has sent before its later effects panicked stays sent. A
/// workload that panics is the client's: it is told [`ClusterError::WorkloadPanicked`], the node is as it was, and the mark
/// `workload panicked` counts it.
///
/// **Bytes.** Messages are moved between threads, not encoded, so none can be malformed; what a value's bytes mean is between its writer
/// and its reader, who is told [`CodecError`](crate::store::CodecError) if they mean nothing.
///
/// Dropping it stops the threads at once; [`stop`](Self::stop) handles first what is under way.
pub struct Cluster<M: StateMachine> {
    shared: Arc<Shared<M>>,
    threads: Vec<JoinHandle<Ended>>,
    seed: u64,
}

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It is up.
    Up,
    /// It was told to crash.
    Crashed,
    /// It is down, for something of its machine panicked, with this text.
    Panicked(String),
}

/// What is left of a cluster.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// What happened on all nodes, counted. Messages that were lost because a queue was full are the mark `queue full`.
    pub stats: Stats,
    /// All that was under way has been handled.
    pub is_drained: bool,
    /// How each node stood in the end.
    pub states: Vec<NodeState>,
    /// The run, if it was recorded: a simulator that runs this plan takes the same steps.
    pub plan: Option<Plan>,
}

/// What all threads have in common.
struct Shared<M: StateMachine> {
    clock: Clock,
    cuts: Cuts,
    quiescence: Quiescence,
    mailboxes: Vec<Mailbox<M>>,
    states: Mutex<Vec<NodeState>>,
    workload: Option<Mutex<Box<dyn Clients<M>>>>,
    request_count: AtomicU32,
    is_recorded: bool,
    is_stopping: AtomicBool,
}

/// How one reaches a node's thread.
struct Mailbox<M: StateMachine> {
    controls: Sender<Control<M>>,
    messages: Sender<InFlight<M>>,
    /// Taken by whoever sends a message, given back when the node takes it.
    message_room: Room,
    asks: Sender<ClientRequest<M>>,
    ask_room: Room,
}

/// Dropped when it is done: whoever waits for it hears that. What cannot be done is told before.
type Done = Sender<ClusterError>;

type Look<M> = Box<dyn FnOnce(Option<&M>, &Stats) + Send>;

enum Control<M: StateMachine> {
    Crash(Done),
    Restart(Done),
    Look(Look<M>),
    /// No timers any more.
    Drain(Done),
    Stop,
}

/// A message under way.
struct InFlight<M: StateMachine> {
    link: Link,
    number: u32,
    sent: Time,
    /// It takes its time until then.
    due: Time,
    /// How much room it takes.
    bytes: usize,
    message: M::Message,
}

/// A request under way.
struct ClientRequest<M: StateMachine> {
    what: Asked<M>,
    reply: Sender<Reply<M>>,
    /// Its client gives up then.
    until: Time,
    /// How much room it takes.
    bytes: usize,
}

impl<M: StateMachine> Cluster<M> {
    /// A handle for whoever asks.
    #[must_use]
    pub fn client(&self) -> Client<M> {
        Client::new(Arc::clone(&self.shared))
    }

    /// How many nodes there are.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.shared.mailboxes.len()
    }

    /// How long ago the cluster began.
    #[must_use]
    pub fn now(&self) -> Time {
        self.shared.clock.now()
    }

    /// How a node stands; `None` if there is no such node.
    #[must_use]
    pub fn state(&self, node: impl Into<NodeId>) -> Option<NodeState> {
        self.shared.state(node.into())
    }

    /// Crashes a node: it loses everything but its durable state. Returns once it has. A node that is down stays so.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn crash(&self, node: impl Into<NodeId>) -> Result<(), ClusterError> {
        self.shared.control(node.into(), Control::Crash)
    }

    /// Restarts a node that is down, from what it had made durable. Returns once it has started. A node that is up stays so.
    ///
    /// # Errors
    /// If there is no such node; [`ClusterError::Panicked`] if its boot or its first step panics.
    pub fn restart(&self, node: impl Into<NodeId>) -> Result<(), ClusterError> {
        self.shared.control(node.into(), Control::Restart)
    }

    /// Cuts links: what is sent over them is lost, and so is what is under way on them. Links of nodes that are not there are nobody's
    /// business.
    pub fn cut(&self, links: &[Link]) {
        self.shared.cuts.cut(links, self.shared.clock);
    }

    /// Cuts a node off from all others, both ways.
    pub fn isolate(&self, node: impl Into<NodeId>) {
        let node = node.into();
        let others = (0..self.node_count()).map(NodeId::new).filter(|other| *other != node);
        let links: Vec<Link> =
            others.map(|to| Link { from: node, to }).flat_map(|link| [link, link.reversed()]).collect();
        self.cut(&links);
    }

    /// Mends these links.
    pub fn heal(&self, links: &[Link]) {
        self.shared.cuts.heal(|link| links.contains(&link), self.shared.clock);
    }

    /// Mends all links.
    pub fn heal_all(&self) {
        self.shared.cuts.heal(|_| true, self.shared.clock);
    }

    /// True if what is sent over this link now is lost.
    #[must_use]
    pub fn is_cut(&self, link: Link) -> bool {
        self.shared.cuts.is_cut(link, self.now())
    }

    /// Looks at a node's machine, on its own thread and between two steps; `None` while the node is down. `look` must not call the
    /// cluster: its node waits for it.
    ///
    /// # Errors
    /// If there is no such node.
    ///
    /// # Panics
    /// If `look` does: the node is none the worse for it.
    pub fn look<T: Send + 'static>(
        &self,
        node: impl Into<NodeId>,
        look: impl FnOnce(&M) -> T + Send + 'static,
    ) -> Result<Option<T>, ClusterError> {
        self.shared.look(node.into(), |machine, _| machine.map(look))
    }

    /// What has happened so far, on all nodes, counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut all = Stats::default();
        for node in 0..self.node_count() {
            if let Ok(stats) = self.shared.look(NodeId::new(node), |_, stats| stats.clone()) {
                all.add(&stats);
            }
        }
        all
    }

    /// Waits until nothing will happen by itself any more: no message is under way, no request waits, no timer is set. False if that is
    /// not so within that time; the [store](crate::store) comes to rest when all nodes agree, and not before.
    pub fn wait_for_rest(&self, within: Duration) -> bool {
        self.shared.quiescence.wait_for_rest(within)
    }

    /// Stops: from now on clients are told [`ClusterError::Stopped`], and no timer fires; all requests and messages that are under way
    /// are handled, which may take up to `within`; then the threads end. A step that is under way is waited for, however long it takes.
    ///
    /// # Panics
    /// If a thread has panicked other than in code of its machine, which is a bug of ours.
    pub fn stop(mut self, within: Duration) -> Stopped {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        for node in 0..self.node_count() {
            let _ = self.shared.control(NodeId::new(node), Control::Drain);
        }
        let is_drained = self.shared.quiescence.wait_for_rest(within);
        let mut stats = Stats::default();
        let mut logs = Vec::new();
        for ended in self.end() {
            let Ended { stats: other, log } = ended.unwrap_or_else(|payload| panic::resume_unwind(payload));
            stats.add(&other);
            logs.extend(log);
        }
        let plan = self.shared.is_recorded.then(|| recording::to_plan(self.seed, &logs, self.shared.cuts.planned()));
        let states = lock(&self.shared.states).clone();
        Stopped { stats, is_drained, states, plan }
    }

    /// Ends the threads.
    fn end(&mut self) -> Vec<Result<Ended, Box<dyn Any + Send>>> {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        for mailbox in &self.shared.mailboxes {
            let _ = mailbox.controls.send(Control::Stop);
        }
        self.threads.drain(..).map(JoinHandle::join).collect()
    }
}

impl<M: StateMachine> Drop for Cluster<M> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<M: StateMachine> fmt::Debug for Cluster<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("nodes", &*lock(&self.shared.states)).finish_non_exhaustive()
    }
}

impl<M: StateMachine> Shared<M> {
    fn mailbox(&self, node: NodeId) -> Result<&Mailbox<M>, ClusterError> {
        self.mailboxes.get(node.index()).ok_or(ClusterError::NoSuchNode { node, node_count: self.mailboxes.len() })
    }

    /// Tells a node what to do, and waits until it is carried out.
    fn control(&self, node: NodeId, make: impl FnOnce(Done) -> Control<M>) -> Result<(), ClusterError> {
        let (done, is_done) = bounded(1);
        self.mailbox(node)?.controls.send(make(done)).map_err(|_| ClusterError::Stopped)?;
        is_done.recv().map_or(Ok(()), Err)
    }

    fn look<T: Send + 'static>(
        &self,
        node: NodeId,
        look: impl FnOnce(Option<&M>, &Stats) -> T + Send + 'static,
    ) -> Result<T, ClusterError> {
        let (tell, told) = bounded(1);
        let look: Look<M> = Box::new(move |machine, stats| drop(tell.try_send(catch_panic(|| look(machine, stats)))));
        let _ = self.mailbox(node)?.controls.send(Control::Look(look));
        let seen = told.recv().map_err(|_| ClusterError::Stopped)?;
        Ok(seen.unwrap_or_else(|text| panic!("what looks at node {node} panicked: {text}")))
    }

    fn state(&self, node: NodeId) -> Option<NodeState> {
        lock(&self.states).get(node.index()).cloned()
    }

    fn set_state(&self, node: NodeId, state: NodeState) {
        lock(&self.states)[node.index()] = state;
    }

    /// Lets the workload look at an action, so that one that is not its own panics here and not on a node's thread.
    fn check_action(&self, action: &Action) -> Result<(), ClusterError> {
        let workload = self.workload.as_ref().ok_or(ClusterError::NoWorkload)?;
        lock(workload).session(action);
        Ok(())
    }

    fn request(&self, id: RequestId, action: &Action) -> M::Request {
        let workload = self.workload.as_ref().expect("expect: actions are checked before they are sent");
        lock(workload).request(id, action)
    }
}

/// Drops one by one what may panic as it is dropped: two at once would end the process. Returns what the first panic said.
fn discard<T>(mut items: impl Iterator<Item = T>) -> Option<String> {
    let mut first = None;
    loop {
        match catch_panic(|| items.next().map(drop).is_some()) {
            Ok(true) => {}
            Ok(false) => return first,
            Err(text) => first = first.or(Some(text)),
        }
    }
}

/// Who panics with a lock is a client, who has changed nothing, or a workload, whose client is told.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
