//! Ways to die, and whether the seed is known afterwards and what was found is kept: a process that dies on request, and a parent that
//! looks at what it leaves.
//!
//! A runner of its own, for the process that dies is this program as well: `cargo test --test deaths -- drop hang` runs the rows with one
//! of these words in their names.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test that cannot go on fails"
)]

mod dying;
mod process;
mod rows;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Ok(how) = std::env::var("DDC_DIES") {
        return dying::main(&how);
    }
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    if std::env::args().any(|word| word == "--list") {
        rows::all().iter().for_each(|row| println!("{}: test", row.name));
        return ExitCode::SUCCESS;
    }
    println!("{:<44} {:<12} findings", "dies of", "seed known");
    let mut failed = Vec::new();
    for row in rows::all().into_iter().filter(|row| is_wanted(row.name)) {
        match panic::catch_unwind(AssertUnwindSafe(|| (row.check)())) {
            Ok(()) => println!("{:<44} {:<12} {}", row.name, "yes", row.findings),
            Err(_) => {
                println!("{:<44} FAILED", row.name);
                failed.push(row.name);
            }
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed: {}", failed.join(", "));
    ExitCode::from(101)
}
