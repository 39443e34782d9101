//! A million operations of eight clients on five nodes on threads, with one message in ten lost, one in twenty doubled, two partitions and
//! two crashes: `cargo bench --bench cluster_stress`, or with `-- --operations 100000 --seed 7`.
//!
//! What it demands is told in `tests/cluster/stress.rs`.
#![expect(clippy::disallowed_types, reason = "a bench measures")]

#[path = "../tests/cluster/stress.rs"]
mod stress;

use std::process::ExitCode;
use std::time::Instant;

use stress::{Faults, Stress, run};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| {
        let place = words.iter().position(|word| word == name);
        place.map_or(default, |place| words[place + 1].parse().expect("expect: a number"))
    };
    let stress = Stress {
        operations: number("--operations", 1_000_000),
        keys: number("--keys", 1_000),
        seed: number("--seed", 0),
    };
    let start = Instant::now();
    let report = run(stress);
    let took = start.elapsed();
    print!("{report}");
    println!(
        "took          {:.1} s, {:.0} operations per second",
        took.as_secs_f64(),
        stress.operations as f64 / took.as_secs_f64()
    );
    let is_right = report.at_rest && report.faults == Faults::default();
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
