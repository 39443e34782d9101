//! What is right is clean, and what is wrong is found: by today's harness, in worlds that are always the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod data;

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use data::{FOUND, NOT_YET};
use ddc_gallery as gallery;
use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::StateMachine;
use distributed_data_consistency::score::{ScoreOptions, score};
use distributed_data_consistency::sweep::{REACH_WORLDS_MIN, Seeds, SweepOptions};

/// The right one is clean, and in its worlds all that it is for happens; each bug is found where the data says.
fn check<M: StateMachine, B: Copy + fmt::Display>(bugs: &[B], harness: impl Fn(Option<B>) -> Harness<M>) {
    let right = harness(None);
    let sweep = right.sweep_with(&SweepOptions::new(Seeds::first(REACH_WORLDS_MIN)), &|_| {});
    assert!(sweep.is_clean(), "{}: {:?} {:?}", right.name(), sweep.violations, sweep.unreached);
    for bug in bugs {
        let wrong = harness(Some(*bug));
        let Some((_, check, worlds)) = FOUND.iter().find(|(name, ..)| *name == wrong.name()) else { continue };
        let (jobs, stop) = (NonZeroUsize::MIN, Arc::default());
        let options = ScoreOptions { campaigns: 1, first: 0, worlds_max: *worlds, jobs, stop };
        let found = score(&wrong, &options, &|_| {}).checks();
        assert!(found.contains_key(*check), "{} in {worlds} worlds: expected {check}, found {found:?}", wrong.name());
    }
}

#[test]
fn raft() {
    check(gallery::raft::Bug::ALL, gallery::raft::harness);
}

#[test]
fn paxos() {
    check(gallery::paxos::Bug::ALL, gallery::paxos::harness);
}

#[test]
fn viewstamped_replication() {
    check(gallery::viewstamped_replication::Bug::ALL, gallery::viewstamped_replication::harness);
}

#[test]
fn two_phase_commit() {
    check(gallery::two_phase_commit::Bug::ALL, gallery::two_phase_commit::harness);
}

#[test]
fn primary_backup() {
    check(gallery::primary_backup::Bug::ALL, gallery::primary_backup::harness);
}

#[test]
fn chain_replication() {
    check(gallery::chain_replication::Bug::ALL, gallery::chain_replication::harness);
}

#[test]
fn abd_register() {
    check(gallery::abd_register::Bug::ALL, gallery::abd_register::harness);
}

#[test]
fn swim() {
    check(gallery::swim::Bug::ALL, gallery::swim::harness);
}

#[test]
fn crdts() {
    check(gallery::crdts::Bug::ALL, gallery::crdts::harness);
}

#[test]
fn lease_lock() {
    check(gallery::lease_lock::Bug::ALL, gallery::lease_lock::harness);
}

/// Nobody forgets to say of a bug whether it is found.
#[test]
fn every_bug_is_accounted_for() {
    let told = FOUND.iter().map(|(name, ..)| *name).chain(NOT_YET.iter().map(|(name, _)| *name));
    let known: BTreeSet<String> = gallery::systems().names().filter(|name| name.contains('/')).collect();
    assert_eq!(told.clone().count(), known.len());
    assert_eq!(told.map(str::to_owned).collect::<BTreeSet<_>>(), known);
    assert!(NOT_YET.iter().all(|(_, why)| why.len() > 40), "why each is not found is to be told");
}
