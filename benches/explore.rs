//! How fast scopes are exhausted: `cargo bench --bench explore`.
//!
//! The register is the model that `benches/peers` runs beside another checker. The store is the scope that `ddc explore`
//! searches if not told otherwise.
#![expect(clippy::disallowed_types, reason = "benches measure real time")]
#![allow(missing_docs, reason = "a bench")]

#[path = "register/machine.rs"]
mod machine;
#[path = "register/mod.rs"]
mod register;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::store;
use distributed_data_consistency::kv::placements;
use distributed_data_consistency::model_check::{Ask, Exploration, Reduction, Scope, explore};
use distributed_data_consistency::protocol::StateMachine;

const ROUNDS: usize = 7;

fn main() {
    println!(
        "{:<22}{:<10}{:>5}{:>12}{:>14}{:>10}{:>11}{:>11}",
        "scope", "reduction", "jobs", "runs", "orders", "states", "best ms", "median ms"
    );
    let registers = machine::registers();
    let scope = machine::scope();
    measure("register, 4 nodes", &registers, &scope.clone().reduction(Reduction::States), 1);
    measure("register, 4 nodes", &registers, &scope, 1);
    measure("register, 4 nodes", &registers, &scope, 2);

    let sets = placements(3, 2, 3, 0).into_iter();
    let asks = sets.map(|puts| puts.into_iter().map(|(node, put)| Ask::new(node, put)).collect());
    let scope = Scope::new(3, Vec::new()).with_request_sets(asks.collect()).drops(1).duplicates(1);
    for jobs in [1, 2] {
        measure("store, 3 puts", &store(), &scope, jobs);
    }
}

fn measure<M: StateMachine>(name: &str, harness: &Harness<M>, scope: &Scope, jobs: usize) {
    let jobs = NonZeroUsize::new(jobs).expect("expect: at least one thread");
    let mut times: Vec<(Duration, Exploration)> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let found = explore(&harness, scope, jobs, &|_| {});
            (start.elapsed(), found)
        })
        .collect();
    times.sort_by_key(|(time, _)| *time);
    let found = &times[0].1;
    assert!(found.is_exhaustive() && found.violation_count() == 0, "expect: the scope is clean");
    let ms = |place: usize| times[place].0.as_secs_f64() * 1_000.0;
    println!(
        "{name:<22}{:<10}{jobs:>5}{:>12}{:>14}{:>10}{:>11.2}{:>11.2}",
        format!("{:?}", found.reduction).to_lowercase(),
        found.executions,
        found.interleavings.map_or_else(|| "-".to_owned(), |count| count.to_string()),
        found.states,
        ms(0),
        ms(ROUNDS / 2),
    );
}
