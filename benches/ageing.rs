//! How plans age: of the saved plans of the planted bugs, how many fail the same way after each of twenty refactors, and how
//! many of the seeds that they were found with, or of the next ones whose worlds fail.
//!
//!     cargo bench --bench ageing

#[path = "../tests/ageing/census.rs"]
mod census;
#[path = "../tests/ageing/refactored.rs"]
mod refactored;

use census::{count, saved};
use refactored::Refactor;

fn main() {
    let saved = saved();
    println!("{:<20} {:>12} {:>12}   plans that do not fail the same way", "refactor", "plans", "seeds");
    let (mut plans, mut seeds) = (0, 0);
    for refactor in Refactor::ALL {
        let count = count(&saved, refactor);
        let of = |part: usize| format!("{part} of {}", saved.len());
        let name = format!("{refactor:?}");
        println!("{name:<20} {:>12} {:>12}   {}", of(count.plans), of(count.seeds), count.lost.join(", "));
        (plans, seeds) = (plans + count.plans, seeds + count.seeds);
    }
    let permille = |part: usize| part * 1_000 / (saved.len() * Refactor::ALL.len());
    let percent = |part: usize| format!("{}.{} %", permille(part) / 10, permille(part) % 10);
    println!("{:<20} {:>12} {:>12}", "all", percent(plans), percent(seeds));
}
