//! A cluster before it begins.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam_channel::unbounded;
use indexmap::IndexMap;

use super::agenda::Agenda;
use super::clock::Clock;
use super::links::{Cuts, DrawnFates};
use super::node_thread::{Ended, Inbox, NodeThread};
use super::quiescence::Quiescence;
use super::recording::Log;
use super::room::Room;
use super::{Boot, Cluster, LinkFaults, Mailbox, NodeState, Shared};
use crate::protocol::{NodeId, Rng, StateMachine, Time, Workload};
use crate::sim::{Clients, MessageCounts, NodeDriver, Stats, node_rng};

/// How many messages, and how many requests, may wait for a node, if not told otherwise.
const QUEUE_MAX: usize = 16 << 10;

/// How many bytes of messages, and of requests, may wait for a node, if not told otherwise.
const QUEUE_BYTES_MAX: usize = 256 << 20;

/// The random stream of what goes wrong with the messages of node 0; node *i* has the *i*-th after it.
const LINK_STREAM: u64 = 1 << 33;

/// A [`Cluster`] before it begins.
pub struct Builder<M: StateMachine> {
    node_count: usize,
    boot: Arc<Boot<M>>,
    seed: u64,
    queue_max: usize,
    queue_bytes_max: usize,
    link_faults: LinkFaults,
    workload: Option<Box<dyn Clients<M>>>,
    is_recorded: bool,
}

impl<M: StateMachine> Cluster<M> {
    /// A cluster of `node_count` nodes, each made by `boot` on its own thread, at first and after each crash.
    ///
    /// # Panics
    /// If `node_count` is 0.
    pub fn builder(
        node_count: usize,
        boot: impl Fn(crate::protocol::Boot<M::Durable>) -> M + Send + Sync + 'static,
    ) -> Builder<M> {
        assert!(node_count > 0, "expect: a cluster has a node");
        Builder {
            node_count,
            boot: Arc::new(boot),
            seed: 0,
            queue_max: QUEUE_MAX,
            queue_bytes_max: QUEUE_BYTES_MAX,
            link_faults: LinkFaults::none(),
            workload: None,
            is_recorded: false,
        }
    }
}

impl<M: StateMachine> std::fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a cluster of {} nodes to be", self.node_count)
    }
}

impl<M: StateMachine + 'static> Builder<M>
where
    M::Message: Send,
    M::Request: Send,
    M::Response: Send,
{
    /// Where the nodes' random streams come from, as in a simulated world of this seed, and the faults of links.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many messages may wait for a node, those that take their time included, and how many requests; at least 1, and
    /// 16,384 if not told otherwise. A message that comes then is lost, a request waits.
    #[must_use]
    pub fn queue_max(mut self, queue_max: usize) -> Self {
        self.queue_max = queue_max.max(1);
        self
    }

    /// How many bytes of messages may wait for a node, and how many of requests; 256 MiB if not told otherwise. A message that comes then
    /// is lost, a request waits; one that is larger is let in when nothing else holds any. How large they are says the machine:
    /// [`StateMachine::message_bytes`], [`StateMachine::request_bytes`]. Actions, which are shared, count as a pointer.
    #[must_use]
    pub fn queue_bytes_max(mut self, queue_bytes_max: usize) -> Self {
        self.queue_bytes_max = queue_bytes_max;
        self
    }

    /// What goes wrong with messages; by default nothing does.
    #[must_use]
    pub fn link_faults(mut self, faults: LinkFaults) -> Self {
        self.link_faults = faults;
        self
    }

    /// What turns actions into requests, for [`Client::act`](super::Client::act).
    #[must_use]
    pub fn workload(mut self, workload: impl Workload<M>) -> Self {
        self.workload = Some(Box::new(workload));
        self
    }

    /// Writes down what happens, so that [`stop`](Cluster::stop) has a plan of it. It takes about 100 bytes a message. Clients must
    /// [act](super::Client::act), for a plan holds actions.
    #[must_use]
    pub fn record(mut self) -> Self {
        self.is_recorded = true;
        self
    }

    /// Starts the nodes.
    ///
    /// # Panics
    /// If the system gives no thread, or the `Default` of what is durable panics.
    #[must_use]
    pub fn start(self) -> Cluster<M> {
        // Whoever begins with what cannot be made is told so here, and not by threads that are dead.
        drop(M::Durable::default());
        let room = || Room::new(self.queue_max, self.queue_bytes_max);
        let (mailboxes, inboxes): (Vec<Mailbox<M>>, Vec<Inbox<M>>) = (0..self.node_count)
            .map(|_| {
                let (to_controls, controls) = unbounded();
                // Bounded by their rooms.
                let (to_messages, messages) = unbounded();
                let (to_asks, asks) = unbounded();
                let (message_room, ask_room) = (room(), room());
                let mailbox =
                    Mailbox { controls: to_controls, messages: to_messages, message_room, asks: to_asks, ask_room };
                (mailbox, Inbox { controls, messages, asks })
            })
            .unzip();
        let shared = Arc::new(Shared {
            clock: Clock::start(),
            cuts: Cuts::new(self.is_recorded),
            quiescence: Quiescence::default(),
            mailboxes,
            states: Mutex::new(vec![NodeState::Up; self.node_count]),
            workload: self.workload.map(Mutex::new),
            request_count: AtomicU32::new(0),
            is_recorded: self.is_recorded,
            is_stopping: AtomicBool::new(false),
        });
        // Until a node has started there is something to wait for.
        shared.quiescence.add(self.node_count);
        let mut cluster = Cluster { shared, threads: Vec::new(), seed: self.seed };
        for (node, inbox) in inboxes.into_iter().enumerate() {
            let seat = Seat {
                node,
                shared: Arc::clone(&cluster.shared),
                boot: Arc::clone(&self.boot),
                seed: self.seed,
                link_faults: self.link_faults,
            };
            let thread = thread::Builder::new().name(format!("node {node}")).spawn(move || seat.live(inbox));
            cluster.threads.push(thread.expect("expect: the system has threads to give"));
        }
        cluster
    }
}

/// What a place is made from, on its own thread: a machine need not be fit to travel.
struct Seat<M: StateMachine> {
    node: usize,
    shared: Arc<Shared<M>>,
    boot: Arc<Boot<M>>,
    seed: u64,
    link_faults: LinkFaults,
}

impl<M: StateMachine> Seat<M> {
    /// What the machine does wrong becomes the state of its node; what is wrong here goes on as a panic, but is not said to be up.
    fn live(self, inbox: Inbox<M>) -> Ended {
        let (shared, node) = (Arc::clone(&self.shared), NodeId::new(self.node));
        let lived = panic::catch_unwind(AssertUnwindSafe(|| self.node_thread().live(inbox)));
        lived.unwrap_or_else(|payload| {
            shared.set_state(
                node,
                NodeState::Panicked("the thread of the node, which is a bug of this crate".to_owned()),
            );
            panic::resume_unwind(payload)
        })
    }

    fn node_thread(self) -> NodeThread<M> {
        let Self { node, shared, boot, seed, link_faults } = self;
        let is_recorded = shared.is_recorded;
        NodeThread {
            id: NodeId::new(node),
            shared,
            boot,
            driver: NodeDriver::new(node_rng(seed, node)),
            fates: DrawnFates { faults: link_faults, rng: Rng::new(seed, LINK_STREAM + node as u64) },
            agenda: Agenda::new(),
            effects: Vec::new(),
            unanswered: IndexMap::default(),
            unanswered_max: 0,
            counts: is_recorded.then(MessageCounts::default),
            last: Time::ZERO,
            timers_counted: 0,
            stats: Stats::default(),
            log: is_recorded.then(Log::default),
            is_draining: false,
            has_control: false,
        }
    }
}
