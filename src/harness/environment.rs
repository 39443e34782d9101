//! What the world around the nodes is like: links and disks.

use super::Harness;
use crate::protocol::StateMachine;
use crate::sim::Links;
use crate::strategy::Disks;

impl<M: StateMachine> Harness<M> {
    /// How links carry messages: as [datagrams](Links::Datagram), if not told otherwise, each for itself; or as [streams](Links::Stream), as
    /// protocols expect that run over TCP. There messages come in order and once until the session breaks, because of a lost message, a
    /// cut or a crash: then both ends hear [`on_disconnect`](StateMachine::on_disconnect), and later
    /// [`on_reconnect`](StateMachine::on_reconnect). A drawn fate that doubles a message delays it, and one that loses it breaks its
    /// session. [Exhaustive search](crate::model_check) and [real threads](crate::runtime::Cluster) have datagrams only.
    #[must_use]
    pub fn links(mut self, links: Links) -> Self {
        self.worlds.links = links;
        self
    }

    /// What disks do in drawn worlds; they are [reliable](Disks::reliable) if not told otherwise. A machine that
    /// [writes](crate::protocol::Env::write) without a sync, or that can be told that a write [fails](crate::protocol::Env::try_write),
    /// wants to be tried with disks that do so:
    ///
    /// ```
    /// use distributed_data_consistency::{Harness, strategy::Disks};
    /// # use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, StateMachine};
    /// /// Counts requests, and answers before the count is safe.
    /// struct Counter(u32);
    ///
    /// impl StateMachine for Counter {
    ///     # type Message = ();
    ///     # type Timer = ();
    ///     # type Request = ();
    ///     # type Response = u32;
    ///     # type Durable = u32;
    ///     # fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}
    ///     fn on_request(&mut self, id: RequestId, (): (), env: &mut Env<'_, Self>) {
    ///         self.0 += 1;
    ///         let count = self.0;
    ///         env.write(move |durable| *durable = count);
    ///         env.respond(id, count); // and no `env.sync()` before it
    ///     }
    /// }
    ///
    /// let harness = Harness::new("counter", |boot: Boot<u32>| Counter(boot.durable))
    ///     .requests(|_| ())
    ///     .disks(Disks::unsynced());
    /// ```
    ///
    /// # Panics
    /// If a field says more than 1,000 worlds in a thousand.
    #[must_use]
    #[track_caller]
    pub fn disks(mut self, disks: Disks) -> Self {
        if let Err(wrong) = disks.check() {
            panic!("disks: {wrong}");
        }
        self.worlds.disks = disks;
        self
    }
}
