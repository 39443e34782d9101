//! A fork must go the same way up to where it forks.

use super::fork::Fork;
use crate::builtin::textbook;
use crate::protocol::{Rng, StateMachine};
use crate::reference_store::Bug;
use crate::sim::{LostWhy, TraceEvent, What};

/// What has happened for good: what becomes of a message that was only just sent may be drawn anew.
fn past(events: &[TraceEvent]) -> Vec<&TraceEvent> {
    let is_open = |what: &What| matches!(what, What::Sent { .. } | What::Lost { why: LostWhy::Dropped, .. });
    events.iter().filter(|event| !is_open(&event.what)).collect()
}

/// How many forks went another way in the end.
fn check<M: StateMachine>(harness: &crate::Harness<M>, seed: u64) -> usize {
    let failing = harness.record_seed(seed);
    let events = &failing.trace.events;
    let mut others = 0;
    for end in 0..events.len() {
        if matches!(events[end].what, What::Sent { .. } | What::Answered { .. } | What::Marked { .. }) {
            continue; // The effects of a step belong to it.
        }
        let (plan, fates) = Fork::new(&failing, end).draw(&mut Rng::new(end as u64, 0));
        let forked = harness.record_with(plan, fates).trace.events;
        let (before, after) = (past(&events[..end]), past(&forked));
        let same = before.iter().zip(&after).take_while(|(event, forked)| event == forked).count();
        let (expected, found) = (before.get(same), after.get(same));
        assert!(expected.is_none(), "seed {seed:#x}, forked at {end}: {found:?} in place of {expected:?}");
        others += usize::from(past(events) != after);
    }
    others
}

#[test]
fn a_fork_is_the_same_until_it_forks() {
    let others: usize = (0..8).map(|seed| check(&textbook(Some(Bug::SyncReplaces)), seed)).sum();
    assert!(others > 0, "no fork ever goes another way");
}
