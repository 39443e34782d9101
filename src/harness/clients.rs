//! What clients do beside asking: how often they ask what, whether they wait, and what they do when nobody answers.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Harness;
use crate::protocol::{DrawRequest, StateMachine, WeightedRequests};
use crate::sim::{DECISIONS_MAX, NODE_COUNT_MAX};
use crate::strategy::Retries;

impl<M: StateMachine> Harness<M> {
    /// Clients that ask several kinds of things, each so often as its weight says.
    ///
    /// ```
    /// # use distributed_data_consistency::{Harness, protocol::{Boot, Env, NodeId, RequestId, StateMachine}};
    /// # struct Node;
    /// # impl StateMachine for Node {
    /// #     type Message = (); type Timer = (); type Request = Ask; type Response = (); type Durable = ();
    /// #     fn on_message(&mut self, _: NodeId, (): (), _: &mut Env<'_, Self>) {}
    /// #     fn on_request(&mut self, _: RequestId, _: Ask, _: &mut Env<'_, Self>) {}
    /// # }
    /// #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    /// enum Ask { Read(u8), Write(u8) }
    ///
    /// let harness = Harness::new("node", |_: Boot<()>| Node)
    ///     .requests_weighted([(3, |rng| Ask::Read(rng.below(4) as u8)), (1, |rng| Ask::Write(rng.below(4) as u8))]);
    /// ```
    ///
    /// # Panics
    /// If all weights are 0.
    #[must_use]
    #[track_caller]
    pub fn requests_weighted<const N: usize>(self, kinds: [(u32, DrawRequest<M::Request>); N]) -> Self
    where
        M::Request: PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        assert!(kinds.iter().any(|(weight, _)| *weight > 0), "requests_weighted: expected a weight above 0");
        self.workload(WeightedRequests::new(kinds.to_vec()))
    }

    /// Clients that have no answer after a while ask again, under the same [`RequestId`](crate::protocol::RequestId): the same node or
    /// another one, after about `after` since they asked last, and at most `count` times. A machine that does a request twice is found
    /// so. A request that its client has made *n* times may be answered up to *n* times, by any nodes; the client hears the first.
    ///
    /// # Panics
    /// If `after` is 0 or more than an hour, or a world might have more decisions than a plan file holds.
    #[must_use]
    #[track_caller]
    pub fn retries(mut self, after: Duration, count: u32) -> Self {
        let hour = Duration::from_secs(3_600);
        assert!(!after.is_zero() && after <= hour, "retries: expected a time up to {hour:?}, found {after:?}");
        assert!(count as usize <= DECISIONS_MAX, "retries: expected at most {DECISIONS_MAX}, found {count}");
        self.worlds.retries = Some(Retries { after, count });
        self
    }

    /// Each client asks one thing after the other: the next when it has its answer, or has waited for `timeout` in all, retries included.
    /// See [`Plan::closed_loop`](crate::sim::Plan::closed_loop). Without this nobody waits.
    #[must_use]
    pub fn closed_loop(mut self, timeout: Duration) -> Self {
        self.worlds.closed_loop = Some(timeout);
        self
    }

    /// How many nodes drawn worlds have besides: up, reachable, and needed by nobody, until the protocol takes them in. They are the
    /// last ones; [`Boot::member_count`](crate::protocol::Boot::member_count) says how many nodes are members as the world begins.
    /// Clients ask members.
    ///
    /// # Panics
    /// If the range is empty, or the nodes would be more than [`NODE_COUNT_MAX`].
    #[must_use]
    #[track_caller]
    pub fn spares(mut self, counts: RangeInclusive<usize>) -> Self {
        let most = NODE_COUNT_MAX - *self.worlds.node_counts.end();
        assert!(
            !counts.is_empty() && *counts.end() <= most,
            "spares: expected a range such as 0..=2 within 0..={most}, found {counts:?}"
        );
        self.worlds.spares = counts;
        self
    }
}
