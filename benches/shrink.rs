//! How small the shrinker makes what is found, and how fast: `cargo bench --bench shrink`.
//!
//! For each planted bug the first failing worlds are shrunk, one by one, and held against the fewest decisions in which the
//! bug can be seen in the same way: by the same check and sort of breach, for that is what the shrinker keeps. The column
//! `optimum` is that of the way that takes fewest. A sweep does better than this table: it keeps the smallest of several worlds.
#![allow(clippy::disallowed_types, reason = "a bench reads the clock")]

use std::time::Instant;

use distributed_data_consistency::builtin::textbook;
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::report::grouped;
use distributed_data_consistency::shrink::{ShrinkOptions, shrink};

#[path = "../tests/shrinking/optimum.rs"]
mod optimum;

use optimum::{optimum, optimum_of_way};

/// So many failing worlds of each bug.
const WORLDS: usize = 5;

fn main() {
    let header = ["bug", "decisions", "shrunk", "optimum", "ratio", "worst", "runs", "seconds"];
    println!(
        "median of the first {WORLDS} failing worlds of each bug; worst: the largest ratio and the most seconds of them\n"
    );
    println!(
        "{:<22} {:>9} {:>7} {:>8} {:>6} {:>6} {:>7} {:>8}",
        header[0], header[1], header[2], header[3], header[4], header[5], header[6], header[7]
    );
    let mut ratios = Vec::new();
    let mut slowest = 0.0_f64;
    for bug in Bug::CORE {
        let harness = textbook(Some(bug));
        let failing = (0..).filter(|seed| !harness.run_seed(*seed).is_clean()).take(WORLDS);
        let (mut before, mut after, mut runs, mut seconds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut of_bug: Vec<f64> = Vec::new();
        for seed in failing {
            let plan = harness.record_seed(seed).plan;
            let started = Instant::now();
            let shrunk = shrink(&harness, &plan, &ShrinkOptions::default()).expect("the world fails");
            seconds.push(started.elapsed().as_secs_f64());
            before.push(shrunk.decisions_before as u64);
            after.push(shrunk.plan.decision_count() as u64);
            runs.push(shrunk.runs);
            let fewest = optimum_of_way(bug, &shrunk.violation.check, shrunk.violation.breach.sort);
            of_bug.push(shrunk.plan.decision_count() as f64 / fewest as f64);
            if std::env::args().any(|argument| argument == "--worlds") {
                println!("  {seed:#x}: {} → {:#?}", shrunk.violation, shrunk.plan);
            }
        }
        of_bug.sort_by(f64::total_cmp);
        ratios.extend(&of_bug);
        slowest = seconds.iter().copied().fold(slowest, f64::max);
        let longest = seconds.iter().copied().fold(0.0, f64::max);
        let (before, after, runs) = (median(before), median(after), median(runs));
        println!(
            "{:<22} {before:>9} {after:>7} {:>8} {:>6.2} {:>6.2} {:>7} {longest:>8.3}",
            bug.name(),
            optimum(bug),
            of_bug[of_bug.len() / 2],
            of_bug[of_bug.len() - 1],
            grouped(runs)
        );
    }
    ratios.sort_by(f64::total_cmp);
    let worst = ratios.last().copied().unwrap_or(0.0);
    println!("\nall worlds: median ratio {:.2}, worst {worst:.2}, slowest {slowest:.3} s", ratios[ratios.len() / 2]);
}

fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers[numbers.len() / 2]
}
