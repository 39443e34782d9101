//! What is found with a kind of decision, and is not without it.

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::StateMachine;
use distributed_data_consistency::strategy::{ClockBounds, Profile};
use std::time::Duration;

use crate::machines::{compacting, hasty, lease};
use crate::raft::{Mistake, raft};
use crate::{first_failing, options};

const BOUNDS: ClockBounds = ClockBounds { offset_max: Duration::from_millis(50), drift_ppm_max: 100_000 };

fn assert_found<M: StateMachine>(with: &Harness<M>, without: &Harness<M>, worlds: u64) {
    let found = first_failing(with, worlds);
    assert!(found.is_some(), "{}: none of {worlds} worlds fails", with.name());
    assert_eq!(first_failing(without, worlds), None, "{}: a world fails without it", with.name());
}

#[test]
fn a_timer_that_is_late_shows_what_no_other_fault_does() {
    let without = Profile { late_timers_permille: Some(0), ..Profile::hostile() };
    assert_found(&hasty(), &hasty().profile(without), 300);
}

#[test]
fn a_clock_that_drifts_shows_a_lease_that_is_too_long() {
    assert_found(&lease(BOUNDS), &lease(ClockBounds::default()), 1_000);
    // Where they start from each other is nothing to a lease.
    let only_offset = ClockBounds { drift_ppm_max: 0, ..BOUNDS };
    assert_eq!(first_failing(&lease(only_offset), 1_000), None);
}

#[test]
fn a_crash_right_after_a_mark_shows_a_file_that_is_half_there() {
    let without = Profile { moments_permille: Some(0), ..Profile::hostile() };
    assert_found(&compacting(), &compacting().profile(without), 400);
}

#[test]
fn the_unpersisted_vote_is_found_and_raft_without_a_mistake_is_clean() {
    assert!(first_failing(&raft(Mistake::VoteNotPersisted), 1_000).is_some());
    let sweep = raft(Mistake::None).sweep_with(&options(400), &|_| {});
    assert!(sweep.violations.is_empty(), "{:?}", sweep.failures);
    assert!(sweep.stats.marks["leader elected"] > 600 && sweep.stats.marks["committed"] > 400, "{:?}", sweep.stats);
    assert!(sweep.stats.timers_late > 0 && sweep.stats.struck > 0 && sweep.stats.armed > sweep.stats.struck);
}
