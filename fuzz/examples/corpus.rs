//! Writes the seeds of all targets to `fuzz/corpus/TARGET/seed-*`, the same ones each time:
//! `cargo run --release --manifest-path fuzz/Cargo.toml --example corpus`.
//!
//! Seeds of worlds are the saved plans of `snapshots/replays`, and drawn worlds, cut down to those that show something that those
//! before them do not.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::protocol::{Rng, StateMachine};
use distributed_data_consistency::replay::PlanFile;
use distributed_data_consistency::sim::Stats;
use distributed_data_consistency::testing::Fuzzer;
use distributed_data_consistency_fuzz::wire;

/// Drawn worlds to choose from.
const WORLDS: u64 = 2_000;
/// Seeds of a target, at the most.
const SEEDS_MAX: usize = 40;
/// Longer seeds are left out: a fuzzer mixes what it needs from short ones.
const BYTES_MAX: usize = 1_024;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let saved = plan_files(&root.join("../snapshots/replays"))?;
    let write = |target: &str, seeds: Vec<Vec<u8>>| write_seeds(&root.join("corpus").join(target), &seeds);
    write("message_order", worlds(&store().fuzzer(), &saved))?;
    write("textbook_order", worlds(&textbook(None).fuzzer(), &saved))?;
    write("wire_decode", wire::seeds())?;
    write("plan_file", saved.iter().map(|text| without_run(text).into_bytes()).collect())?;
    write("store_vs_textbook", (0..24).map(random).collect())?;
    write("clock_laws", (24..48).map(random).collect())
}

/// Plans as bytes: the saved ones, and drawn ones that show something new.
fn worlds<M: StateMachine>(fuzzer: &Fuzzer<M>, saved: &[String]) -> Vec<Vec<u8>> {
    let plan = |text: &String| fuzzer.harness().parse_plan(Path::new("seed"), text).ok();
    let told = saved.iter().filter_map(plan).map(|file| file.plan);
    let drawn = (0..WORLDS).map(|seed| fuzzer.harness().record_seed(seed).plan);
    let mut candidates: Vec<Vec<u8>> = told.chain(drawn).map(|plan| fuzzer.bytes(&plan)).collect();
    candidates.retain(|bytes| bytes.len() <= BYTES_MAX);
    // The short ones first, so that a long one is taken only for what no short one shows.
    candidates.sort_by_key(Vec::len);
    let mut shown = BTreeSet::new();
    candidates.retain(|bytes| {
        let outcome = fuzzer.outcome(bytes);
        assert!(outcome.is_clean(), "a seed violates a check: {:?}", outcome.violation);
        let before = shown.len();
        shown.extend(features(&outcome.stats));
        shown.len() > before
    });
    // The last ones show the most.
    let surplus = candidates.len().saturating_sub(SEEDS_MAX);
    candidates.split_off(surplus)
}

/// What happened, and about how often.
fn features(stats: &Stats) -> Vec<(&'static str, u32)> {
    let counts = stats.faults().into_iter().chain(stats.marks.iter().map(|(name, count)| (*name, *count)));
    counts.filter(|(_, count)| *count > 0).map(|(name, count)| (name, count.ilog2())).collect()
}

fn plan_files(directory: &Path) -> io::Result<Vec<String>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.iter().map(fs::read_to_string).collect()
}

/// A plan file without how its run went: that is the longest part, and any text.
fn without_run(text: &str) -> String {
    text.split("\n[run]").next().unwrap_or_default().to_owned() + "\n"
}

fn random(number: u64) -> Vec<u8> {
    let mut rng = Rng::new(number, 0);
    (0..rng.between(8, 120)).map(|_| rng.bits() as u8).collect()
}

/// In place of the seeds that are there; what a fuzzer has found there stays.
fn write_seeds(directory: &Path, seeds: &[Vec<u8>]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("seed-") {
            fs::remove_file(entry.path())?;
        }
    }
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(directory.join(format!("seed-{number:02}")), seed)?;
    }
    println!("{}: {} seeds, {} bytes", directory.display(), seeds.len(), seeds.iter().map(Vec::len).sum::<usize>());
    Ok(())
}
