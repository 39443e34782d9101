//! The bodies of the fuzz targets, on their seeds and on random bytes: what a fuzzer would run, as an ordinary test.
#![cfg(all(feature = "builtin", feature = "json", feature = "protobuf"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../fuzz/src/lib.rs"]
#[allow(missing_docs, dead_code, unreachable_pub, reason = "the library of another crate")]
mod bodies;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::protocol::Rng;
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::sim::{Fault, Plan};
use distributed_data_consistency::testing::Settings;

/// Input `number`: up to thirty records of random bytes.
fn input(number: u64) -> Vec<u8> {
    let mut rng = Rng::new(number, 0);
    let length = rng.between(0, 241);
    (0..length).map(|_| rng.bits() as u8).collect()
}

/// The decisions of a plan, each as text, sorted.
fn decisions(plan: &Plan) -> Vec<String> {
    let requests = plan.requests.iter().map(|request| format!("{request:?}"));
    let faults = plan.faults.iter().map(|fault| format!("{fault:?}"));
    let fates = plan.fates.iter().map(|fate| format!("{fate:?}"));
    let mut decisions: Vec<String> = requests.chain(faults).chain(fates).collect();
    decisions.sort_unstable();
    decisions
}

/// How many decisions of `left` are not in `right`.
fn missing(left: &[String], right: &[String]) -> usize {
    let mut right = right.to_vec();
    left.iter()
        .filter(|one| right.iter().position(|other| other == *one).map(|at| right.swap_remove(at)).is_none())
        .count()
}

/// Runs the seeds of a target, and so many random inputs; a quarter of them where the compiler has optimised little.
fn check(target: &str, inputs: u64, body: impl Fn(&[u8])) {
    let inputs = if cfg!(debug_assertions) { inputs / 4 } else { inputs };
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/").to_owned() + target;
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory}: expected seeds: {error}"));
    let mut seeds: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    // In an order of its own, that a failure may name the same seed each time.
    seeds.sort();
    assert!(!seeds.is_empty(), "{directory}: expected seeds");
    seeds.iter().for_each(|seed| body(&fs::read(seed).unwrap()));
    (0..inputs).for_each(|number| body(&input(number)));
}

const SNAPSHOTS: &str = "snapshots/replays";

#[test]
fn message_order() {
    let fuzzer = bodies::worlds::store_worlds(SNAPSHOTS);
    check("message_order", 10_000, |data| bodies::worlds::run(&fuzzer, data));
}

#[test]
fn textbook_order() {
    let fuzzer = bodies::worlds::textbook_worlds(None, SNAPSHOTS);
    check("textbook_order", 2_000, |data| bodies::worlds::run(&fuzzer, data));
}

#[test]
fn wire_decode() {
    check("wire_decode", 10_000, bodies::wire::wire_decode);
}

#[test]
fn plan_file() {
    check("plan_file", 10_000, bodies::plan_file::plan_file);
}

#[test]
fn store_vs_textbook() {
    check("store_vs_textbook", 10_000, bodies::versus::store_vs_textbook);
}

#[test]
fn clock_laws() {
    check("clock_laws", 10_000, bodies::clocks::clock_laws);
}

#[test]
fn a_bug_that_is_none_is_refused() {
    let refused = catch_unwind(|| bodies::worlds::textbook_worlds(Some("no-such-bug"), SNAPSHOTS)).unwrap_err();
    assert!(refused.downcast_ref::<String>().unwrap().contains("expected one of node-wide-stamp"));
}

/// The plan, with the links of each cut in order.
fn in_order(mut plan: Plan) -> Plan {
    for planned in &mut plan.faults {
        if let Fault::Partition { links, .. } = &mut planned.fault {
            links.sort();
        }
    }
    plan
}

/// What bytes say, bytes can say again.
#[test]
fn the_plan_of_bytes_comes_back_from_its_bytes() {
    let fuzzer = store().fuzzer();
    for number in 0..500 {
        let plan = fuzzer.plan(&input(number));
        let again = fuzzer.plan(&fuzzer.bytes(&plan));
        assert_eq!(decisions(&in_order(again.clone())), decisions(&in_order(plan.clone())), "input {number}");
        assert_eq!(again.node_count, plan.node_count);
    }
}

/// The node forgets a delete that it tells of in the first part of an answer: right, and no loss.
#[test]
fn a_forgotten_delete_is_heard_of_in_the_first_part_of_an_answer() {
    let replayed = store().replay_file("tests/fuzz/forgotten-delete.toml".as_ref()).unwrap();
    replayed.outcome.assert_clean();
    assert!(replayed.outcome.stats.crashes > 0 && replayed.outcome.stats.marks["sibling made"] > 0);
}

#[test]
fn random_bytes_find_the_planted_bugs() {
    for bug in [Bug::BlindPut, Bug::EqualIsConcurrent, Bug::NodeWideStamp] {
        let fuzzer = textbook(Some(bug)).fuzzer();
        let found = (0..4_000).find(|number| !fuzzer.outcome(&input(*number)).is_clean());
        assert!(found.is_some(), "4,000 random inputs do not find {bug}");
    }
}

#[test]
fn the_simple_form_runs_the_same_plan() {
    let (simple, fuzzer) = (store(), store().fuzzer());
    for number in 0..3 {
        assert_eq!(simple.plan_from_bytes(&input(number)), fuzzer.plan(&input(number)));
        simple.fuzz(&input(number));
    }
}

#[test]
fn bytes_that_fail_are_told_and_saved_as_a_plan() {
    let directory = tempfile::tempdir().unwrap();
    let harness = || textbook(Some(Bug::BlindPut)).snapshots(directory.path());
    let fuzzer = harness().fuzzer();
    let failing = (0..).map(input).find(|data| !fuzzer.outcome(data).is_clean()).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| fuzzer.run(&failing))).unwrap_err();
    let told = panic.downcast_ref::<String>().unwrap();
    assert!(told.contains("VIOLATED") && told.contains("shrunk"), "{told}");
    if Settings::from_env().unwrap().save {
        let replays = harness().replay_dir(directory.path());
        assert_eq!(replays.replayed.len(), 1, "{told}");
        replays.assert_as_expected();
    }
}

#[test]
fn a_changed_byte_changes_one_decision() {
    let fuzzer = store().fuzzer();
    for number in 0..300 {
        let data = input(number);
        let before = decisions(&fuzzer.plan(&data));
        let mut rng = Rng::new(number, 1);
        // Not the first byte: with the number of nodes everything changes.
        let Some(last) = data.len().checked_sub(1).filter(|last| *last > 0) else { continue };
        let mut changed = data.clone();
        changed[rng.between(1, last as u64) as usize] = rng.bits() as u8;
        let after = decisions(&fuzzer.plan(&changed));
        // A fate that steps aside may uncover an earlier one of the same message, or cover it.
        assert!(missing(&before, &after) <= 2 && missing(&after, &before) <= 2, "input {number}");
        // A record that is removed takes its decision with it, and nothing else.
        if let Some(shorter) = data.len().checked_sub(8).filter(|length| *length > 0) {
            let mut removed = data.clone();
            let at = 1 + rng.below(shorter as u64 / 8 + 1) as usize * 8;
            removed.drain(at..(at + 8).min(data.len()));
            let after = decisions(&fuzzer.plan(&removed));
            assert!(missing(&before, &after) <= 1 && missing(&after, &before) <= 1, "input {number}");
        }
    }
}

#[test]
fn zeros_decide_nothing() {
    let fuzzer = store().fuzzer();
    for length in 0..100 {
        assert_eq!(fuzzer.plan(&vec![0; length]).decision_count(), 0);
    }
    assert!(fuzzer.plan(&vec![0xff; 1 << 20]).decision_count() <= 256);
}
