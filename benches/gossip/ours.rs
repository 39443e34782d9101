//! The gossip as a state machine, in a world that nobody looks at.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use distributed_data_consistency::protocol::{Boot, Digest, Env, NodeId, RequestId, Rng, StateMachine, Time};
use distributed_data_consistency::sim::{
    End, Event, Fate, Fates, Limits, NameRef, Nodes, Observer, Plan, RunEnd, World,
};

use super::{Outcome, SEED, TTL, Workload, latency_nanos, other};

/// The stream that latencies are drawn from.
pub const LATENCY_STREAM: u64 = 0;

#[derive(Clone, Debug)]
pub struct Gossip {
    id: u64,
    ttl: u64,
}

/// A node, and the two integers that each message updates.
pub struct Gossiper {
    first_message_count: usize,
    heard: u64,
    sum: u64,
}

impl Gossiper {
    fn pass_on(gossip: Gossip, env: &mut Env<'_, Self>) {
        let (me, node_count) = (env.id().index(), env.node_count());
        let to = other(me, node_count, env.rng().bits());
        env.send(NodeId::new(to), gossip);
    }
}

impl StateMachine for Gossiper {
    type Message = Gossip;
    type Timer = ();
    type Request = ();
    type Response = ();
    type Durable = ();

    fn start(&mut self, env: &mut Env<'_, Self>) {
        for id in 0..self.first_message_count as u64 {
            Self::pass_on(Gossip { id, ttl: TTL }, env);
        }
    }

    fn on_message(&mut self, _from: NodeId, Gossip { id, ttl }: Gossip, env: &mut Env<'_, Self>) {
        self.heard += 1;
        self.sum = self.sum.wrapping_add(id ^ ttl);
        if ttl > 0 {
            Self::pass_on(Gossip { id, ttl: ttl - 1 }, env);
        }
    }

    fn on_request(&mut self, _id: RequestId, _request: (), _env: &mut Env<'_, Self>) {}

    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.heard);
        digest.fold(self.sum);
    }
}

pub struct RandomLatency(Rng);

impl Fates for RandomLatency {
    fn wants_names(&self) -> bool {
        false
    }

    fn fate(&mut self, _name: NameRef<'_>, _at: Time) -> Option<Fate> {
        Some(Fate::delay(Duration::from_nanos(latency_nanos(self.0.bits()))))
    }
}

/// Lives through the workload, up to this many deliveries.
pub fn live(workload: &Workload, delivery_count: u64) -> RunEnd {
    live_seen(workload, delivery_count, &mut ())
}

/// How many more bytes than before are allocated after this many deliveries; `allocated` tells how many are.
pub fn memory(workload: &Workload, delivery_count: u64, allocated: impl Fn() -> usize) -> usize {
    let mut scales = Scales { before: allocated(), grown: 0, allocated };
    live_seen(workload, delivery_count, &mut scales);
    scales.grown
}

/// Weighs a world as it ends.
struct Scales<A> {
    before: usize,
    grown: usize,
    allocated: A,
}

impl<A: Fn() -> usize> Observer<Gossiper> for Scales<A> {
    fn see(&mut self, _at: Time, event: &Event<'_, Gossiper>, _nodes: Nodes<'_, Gossiper>) -> ControlFlow<()> {
        if let Event::Ends { .. } = event {
            self.grown = (self.allocated)() - self.before;
        }
        ControlFlow::Continue(())
    }
}

fn live_seen(workload: &Workload, delivery_count: u64, observer: &mut impl Observer<Gossiper>) -> RunEnd {
    let plan = Plan { seed: SEED, heal_at: Time::from_nanos(u64::MAX), ..Plan::new(workload.node_count) };
    let boot = |boot: Boot<()>| Gossiper {
        first_message_count: workload.first_message_count(boot.id.index()),
        heard: 0,
        sum: 0,
    };
    let fates = RandomLatency(Rng::new(SEED, LATENCY_STREAM));
    // The starts of the nodes are steps, too.
    let limits = Limits {
        step_count_max: delivery_count + workload.node_count as u64,
        pending_count_max: usize::MAX,
        ..Limits::default()
    };
    World::new(&plan, &boot, None, fates, observer, limits).run()
}

pub fn world(workload: &Workload) -> Outcome {
    let begun = Instant::now();
    let end = live(workload, workload.delivery_count);
    let took = begun.elapsed();
    black_box(end.digest);
    assert_eq!(end.end, End::TooLong, "gossip never ends by itself");
    Outcome { delivered: end.stats.delivered, at: end.at.as_nanos(), took }
}
