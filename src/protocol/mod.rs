//! The contract between a synchronous node and whoever drives it: the simulator, or real threads.
//!
//! A node does no I/O, reads no clock and has no entropy of its own. Time, randomness and the means to act
//! come in through [`Env`]; what it wants done goes out as [`Effect`]s.
//!
//! ```
//! use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
//!
//! /// Whoever is greeted greets back once.
//! struct Polite { greeted: usize }
//!
//! impl StateMachine for Polite {
//!     type Message = &'static str;
//!     type Timer = ();
//!     type Request = NodeId;
//!     type Response = ();
//!     type Durable = ();
//!
//!     fn on_message(&mut self, from: NodeId, message: &'static str, env: &mut Env<'_, Self>) {
//!         self.greeted += 1;
//!         if message == "hello" {
//!             env.send(from, "hello to you");
//!         }
//!     }
//!
//!     fn on_request(&mut self, id: RequestId, friend: NodeId, env: &mut Env<'_, Self>) {
//!         env.send(friend, "hello");
//!         env.respond(id, ());
//!     }
//! }
//! ```
//!
//! The first step on from here, clients and promises included, is `examples/your_protocol.rs`.

mod digest;
mod disk;
mod env;
mod ids;
mod knobs;
mod rng;
mod time;
mod timer_kind;
mod visible;
mod workload;

use std::borrow::Cow;
use std::fmt;

pub use digest::Digest;
pub(crate) use disk::Disk;
pub use disk::DiskError;
#[cfg(feature = "harness")]
pub(crate) use disk::Unsynced;
#[cfg(feature = "harness")]
pub(crate) use env::Listener;
pub use env::{Effect, Env};
pub use ids::{NodeId, RequestId};
#[cfg(feature = "harness")]
pub(crate) use knobs::watch_knobs;
pub use knobs::{KNOB_COUNT_MAX, KNOB_NAME_BYTES_MAX, KNOB_VALUE_MAX, Knobs};
pub use rng::Rng;
pub use time::{Time, show_duration};
pub(crate) use visible::visible;
#[cfg(feature = "harness")]
pub(crate) use visible::{is_hidden, one_line, push_escape};
pub use workload::{DrawRequest, Requests, Simpler, WeightedRequests, Workload};

/// A synchronous node: it takes one input at a time and hands over effects.
///
/// Each `on_` call is one *step*: it happens at one instant and is never interrupted, but a crash may cut off its
/// effects after any of them.
pub trait StateMachine: Sized {
    /// What nodes send each other.
    type Message: Clone + fmt::Debug;
    /// What a timer is known by; setting it again moves it.
    type Timer: Clone + Ord + fmt::Debug;
    /// What a client asks.
    type Request: Clone + fmt::Debug;
    /// What a client is told.
    type Response: Clone + fmt::Debug;
    /// All that survives a crash, but for what was [written](Env::write) and not synced.
    type Durable: Clone + Default + fmt::Debug;

    /// The node begins an incarnation, at first or after a crash.
    fn start(&mut self, env: &mut Env<'_, Self>) {
        let _ = env;
    }

    /// A message arrived. The network may have delayed, reordered or duplicated it.
    fn on_message(&mut self, from: NodeId, message: Self::Message, env: &mut Env<'_, Self>);

    /// A client asks; the answer, now or later, goes to [`Env::respond`] with the same id.
    fn on_request(&mut self, id: RequestId, request: Self::Request, env: &mut Env<'_, Self>);

    /// A timer that this incarnation of the node has set is due.
    fn on_timer(&mut self, timer: Self::Timer, env: &mut Env<'_, Self>) {
        let _ = (timer, env);
    }

    /// Where links are [streams](crate::harness::Harness::links): the session with `peer` has broken. What was under way in both directions
    /// is lost, and so is what is sent to it before [`on_reconnect`](Self::on_reconnect). Where links are datagrams, which is the default,
    /// and on real threads it is never called.
    fn on_disconnect(&mut self, peer: NodeId, env: &mut Env<'_, Self>) {
        let _ = (peer, env);
    }

    /// There is a session with `peer` again: after one that has broken, and after a restart of this node. As a cluster begins, all
    /// sessions are there, and nobody is told.
    fn on_reconnect(&mut self, peer: NodeId, env: &mut Env<'_, Self>) {
        let _ = (peer, env);
    }

    /// A short name for a sort of message. It names fates in plans (`0→1 update #3`) and arrows in pictures, and changing it breaks
    /// saved plans. One word reads best; a name of several is put in quotes (`0→1 "append entries" #3`).
    fn kind(message: &Self::Message) -> &'static str {
        let _ = message;
        "message"
    }

    /// A short name for a sort of timer. It names late timers in plans (`1 election #3`), and changing it breaks saved plans. By
    /// default it is the first word that the timer's `Debug` shows, in small letters: `Election` is `election`, `RetryTo(2)` is
    /// `retry-to`, and what begins with no word is `timer`. It is asked only where timers are written down or are late.
    fn timer_kind(timer: &Self::Timer) -> Cow<'static, str> {
        timer_kind::first_word(timer)
    }

    /// About how many bytes of memory a message holds, with all that it owns, as it waits for its receiver. On real threads
    /// ([`runtime::Cluster`](crate::runtime::Cluster)) it is asked once a message, so that queues are bounded in bytes as well as in
    /// number; in a simulated world nobody asks. By default it is the size of the type, which is right for whatever owns nothing.
    fn message_bytes(message: &Self::Message) -> usize {
        size_of_val(message)
    }

    /// The same for a request.
    fn request_bytes(request: &Self::Request) -> usize {
        size_of_val(request)
    }

    /// Folds the state into the digest of a run, which asks once, at the end of it. Without it the digest sees
    /// what a node does but not what it holds.
    fn fold(&self, digest: &mut Digest) {
        let _ = digest;
    }
}

/// A machine that shows what must become the same on every node.
///
/// [`Convergence`](crate::check::Convergence) compares the views of all nodes at rest.
pub trait Observe: StateMachine {
    /// What to compare.
    type View: PartialEq + fmt::Debug;

    /// What this node shows now.
    fn view(&self) -> Self::View;

    /// What must become the same among those who are left, where some nodes are down for good. By default it is all that the node
    /// shows. What may be forgotten only once *every* node has it (a deleted key's tombstone) may be here and gone there for
    /// ever: it is no part of this.
    fn view_without_the_gone(&self) -> Self::View {
        self.view()
    }
}

/// What a node is made from, at the start and after each crash.
#[derive(Debug)]
pub struct Boot<D> {
    /// The node to make.
    pub id: NodeId,
    /// How many nodes the cluster has, this one included.
    pub node_count: usize,
    /// How many of them are members as the cluster begins: the first ones. The others are [spares](crate::harness::Harness::spares), which
    /// a protocol may take in; most clusters have none.
    pub member_count: usize,
    /// What it had made durable; the default at first.
    pub durable: D,
    /// Which limits are to be other than in production; the same at each boot of a world.
    pub knobs: Knobs,
}

impl<D> Boot<D> {
    /// The boot of a node all of whose limits are as in production.
    #[must_use]
    pub fn new(id: NodeId, node_count: usize, durable: D) -> Self {
        Self { id, node_count, member_count: node_count, durable, knobs: Knobs::default() }
    }

    /// True if this node is a member as the cluster begins, and no spare.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.id.index() < self.member_count
    }

    /// A limit of the machine's: `default`, unless the plan says otherwise. It is the same for all nodes of a world, and at each of
    /// their boots. On real threads ([`runtime::Cluster`](crate::runtime::Cluster)) it is always `default`.
    ///
    /// Which values worlds are drawn with says [`Harness::knob`](crate::harness::Harness::knob); but plans are total, and one made
    /// by hand may say anything. So a machine that cannot do with 0 says so:
    ///
    /// ```
    /// use distributed_data_consistency::protocol::{Boot, NodeId};
    ///
    /// let mut boot = Boot::new(NodeId::new(0), 3, ());
    /// assert_eq!(boot.knob("batch_max", 64), 64);
    /// boot.knobs.set("batch_max", 0);
    /// assert_eq!(boot.knob("batch_max", 64).max(1), 1);
    /// ```
    #[must_use]
    pub fn knob(&self, name: &str, default: u64) -> u64 {
        self.knobs.get(name).unwrap_or(default)
    }
}
