//! The example, held to what it says: the right protocol is clean, and the planted bug is found.
#![cfg(feature = "cli")]

#[path = "../examples/your_protocol.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "an example is a program: here it is a module, and nobody calls its main"
)]
mod your_protocol;

use distributed_data_consistency::sim::{Fate, Fault};
use distributed_data_consistency::sweep::{Seeds, SweepOptions};
use distributed_data_consistency::testing::save;

use your_protocol::harness;

#[test]
fn a_token_has_one_holder() {
    let swept = harness(false).sweep(3_000);
    swept.assert_clean();
    assert!(swept.stats.marks["lock given"] > 1_000, "the worlds are idle");
}

#[test]
#[cfg(feature = "proptest")]
fn a_token_has_one_holder_whatever_the_plan() {
    harness(false).check_plans(256);
}

#[test]
fn a_grant_that_is_counted_twice_is_found() {
    // About one world in three hundred shows it, and of several the smallest is told.
    let sweep = harness(true).sweep_with(&SweepOptions::new(Seeds::first(2_000)), &|_| {});
    let failure = sweep.failures.first().expect("expect: the bug is found");
    assert_eq!(failure.shrunk.violation.check, "one-holder");
    let plan = &failure.shrunk.plan;
    assert!(plan.decision_count() <= 5, "{plan:#?}");
    let cuts = plan.faults.iter().all(|planned| matches!(planned.fault, Fault::Partition { .. }));
    assert!(plan.requests.len() == 2 && cuts, "two clients, and nothing but the network: {plan:#?}");
    let doubled = |fate: &Fate| matches!(fate, Fate::Deliver(delays) if delays.len() == 2);
    assert!(plan.fates.iter().any(|(name, fate)| &*name.kind == "grant" && doubled(fate)), "{plan:#?}");

    // With the bug fixed the saved plan is clean: the test that keeps it so.
    let directory = tempfile::tempdir().unwrap();
    save(failure, directory.path()).unwrap();
    harness(true).replay_dir(directory.path()).assert_as_expected();
    let fixed = harness(false).replay_dir(directory.path());
    assert_eq!(fixed.replayed.len(), 1);
    fixed.assert_clean();
}
