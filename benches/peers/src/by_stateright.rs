//! stateright's simulation: one random walk through the states of a model. It has no clock: any message in flight may come
//! next. Each step looks at all of them, and copies and hashes the whole state.

use std::time::Instant;

use stateright::{Checker, Model, Property, UniformChooser};

use crate::gossip::{Outcome, SEED, TTL, Workload, other};

struct Gossip(Workload);

#[derive(Clone, Debug, Hash, PartialEq)]
struct State {
    /// What each node has heard, and the sum.
    nodes: Vec<(u64, u64)>,
    /// To whom, id, ttl.
    in_flight: Vec<(usize, u64, u64)>,
}

/// To whom a message goes; models have no randomness of their own.
fn random_other(me: usize, node_count: usize, id: u64, ttl: u64) -> usize {
    let mixed = (id ^ ttl.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    other(me, node_count, (mixed >> 32) as u32)
}

impl Model for Gossip {
    type State = State;
    type Action = usize;

    fn init_states(&self) -> Vec<State> {
        let count = self.0.node_count;
        let of_node = |node| {
            let sends = 0..self.0.first_message_count(node) as u64;
            sends.map(move |id| (random_other(node, count, id, TTL), id, TTL))
        };
        vec![State { nodes: vec![(0, 0); count], in_flight: (0..count).flat_map(of_node).collect() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<usize>) {
        actions.extend(0..state.in_flight.len());
    }

    fn next_state(&self, state: &State, action: usize) -> Option<State> {
        let mut next = state.clone();
        let (me, id, ttl) = next.in_flight[action];
        next.nodes[me].0 += 1;
        next.nodes[me].1 = next.nodes[me].1.wrapping_add(id ^ ttl);
        next.in_flight[action] = (random_other(me, next.nodes.len(), id, ttl - 1), id, ttl - 1);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("nothing is lost", |model: &Self, state: &State| {
            state.in_flight.len() == model.0.in_flight
        })]
    }
}

pub fn run(workload: &Workload) -> Outcome {
    let begun = Instant::now();
    // The first state is no delivery.
    let depth = workload.delivery_count as usize + 1;
    let checker = Gossip(*workload).checker().target_state_count(depth).target_max_depth(depth);
    let checker = checker.spawn_simulation(SEED, UniformChooser).join();
    let delivered = checker.state_count() as u64 - 1;
    Outcome { delivered, at: 0, took: begun.elapsed() }
}
