//! The same model exhausted by this crate and by stateright, in turn.
//!
//! The model is the register of `../register`: four nodes, each of which writes once and tells all others, over a network
//! that delivers in any order. Both check that nodes agree once everything has come. Stateright is given the model as it
//! likes it best: a plain `Model` of small values, not its actors. It looks at every state; this crate leaves out orders
//! that come to the same, so what is compared is the time until the same promise is known to hold in all runs.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::machine;
use crate::register::{Clock, NODES, Siblings, put, take};
use distributed_data_consistency::Harness;
use distributed_data_consistency::model_check::{Exploration, Reduction, explore};
use stateright::{Checker, Model, Property};

const ROUNDS: usize = 15;

/// The register as stateright takes it.
struct Everybody {
    /// The end states, if somebody wants them.
    ends: Option<Arc<Mutex<BTreeSet<Siblings>>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    nodes: [Siblings; NODES],
    has_put: [bool; NODES],
    /// Sorted.
    under_way: Vec<(u8, Clock)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Put(usize),
    Take(usize),
}

impl Model for Everybody {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { nodes: Default::default(), has_put: [false; NODES], under_way: Vec::new() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend((0..NODES).filter(|node| !state.has_put[*node]).map(Action::Put));
        actions.extend((0..state.under_way.len()).map(Action::Take));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Put(node) => {
                let clock = put(&mut next.nodes[node], node);
                next.has_put[node] = true;
                next.under_way.extend((0..NODES as u8).filter(|to| usize::from(*to) != node).map(|to| (to, clock)));
                next.under_way.sort_unstable();
            }
            Action::Take(place) => {
                let (to, clock) = next.under_way.remove(place);
                take(&mut next.nodes[usize::from(to)], clock);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("convergence", |model: &Self, state: &State| {
            let is_over = state.under_way.is_empty() && state.has_put == [true; NODES];
            if let (true, Some(ends)) = (is_over, &model.ends) {
                ends.lock().expect("one thread").insert(state.nodes[0].clone());
            }
            !is_over || state.nodes.iter().all(|node| *node == state.nodes[0])
        })]
    }
}

/// Measures, and prints.
pub fn compare() {
    let (harness, scope) = (machine::registers(), machine::scope());
    let by_states = scope.clone().reduction(Reduction::States);
    let ours = |scope: &_, jobs| run_ours(&harness, scope, jobs);

    let ends = Arc::default();
    let all = Everybody { ends: Some(Arc::clone(&ends)) }.checker().spawn_dfs().join();
    all.assert_properties();
    let end_count = ends.lock().expect("one thread").len() as u64;
    let found = ours(&by_states, 1);
    assert_eq!(found.executions, end_count, "both come to the same end states");
    println!("end states    {end_count} in both");
    println!("stateright    {} states, {} generated", all.unique_state_count(), all.state_count());
    println!("ours          {} states, {} transitions, {} runs", found.states, found.transitions, found.executions);

    let stateright = |threads| {
        let checker = Everybody { ends: None }.checker().threads(threads).spawn_dfs().join();
        checker.assert_properties();
    };
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(time(|| stateright(1)));
        times[1].push(time(|| drop(ours(&by_states, 1))));
        times[2].push(time(|| stateright(2)));
        times[3].push(time(|| drop(ours(&scope, 1))));
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    let names = [
        "stateright, dfs, 1 thread",
        "ours, by states, 1 thread",
        "stateright, dfs, 2 threads",
        "ours, by classes, 1 thread",
    ];
    for (name, times) in names.iter().zip(&times) {
        println!("{name:<28}{:>10.2} ms at best, {:>10.2} in the median", ms(times[0]), ms(times[ROUNDS / 2]));
    }
    let ratio = |place: usize| ms(times[0][place]) / ms(times[1][place]);
    println!("ratio         {:.1} at best, {:.1} in the median", ratio(0), ratio(ROUNDS / 2));
}

fn run_ours(
    harness: &Harness<machine::Register>,
    scope: &distributed_data_consistency::model_check::Scope,
    jobs: usize,
) -> Exploration {
    let jobs = NonZeroUsize::new(jobs).expect("at least one thread");
    let found = explore(&harness, scope, jobs, &|_| {});
    assert!(found.is_exhaustive() && found.violation_count() == 0, "the register converges");
    found
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
