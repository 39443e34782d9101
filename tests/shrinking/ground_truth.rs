//! The optimum of each planted bug, from both sides.

use distributed_data_consistency::builtin::textbook;
use distributed_data_consistency::check::Violation;
use distributed_data_consistency::reference_store::Bug;

use super::optimum::{OTHER_WAYS, optimum};
use super::search::search;
use super::smallest_saved;

#[test]
fn a_saved_plan_of_that_size_fails() {
    for bug in Bug::CORE {
        let saved = smallest_saved(bug);
        assert_eq!(saved.file.plan.decision_count(), optimum(bug), "{bug}: {}", saved.path.display());
        assert!(saved.is_as_expected() && saved.divergence().is_none(), "{bug}");
    }
}

/// Every plan of one decision less is run, for two nodes, and for three where the bug takes three actors.
///
/// Two decisions is as far as the search goes. The one bug that takes four is told by hand: an answer has a second part
/// only if it has three versions, so it takes three writes; and while every message comes once, in order, each update
/// comes before any answer that was sent after it. So it takes a fault or a fate beside the three.
#[test]
fn no_smaller_plan_fails() {
    for bug in Bug::CORE {
        let node_count = if bug == Bug::PrunedClock { 3 } else { 2 };
        let searched = search(&textbook(Some(bug)), node_count, (optimum(bug) - 1).min(2), |_| true);
        assert!(searched.failing.is_none(), "{bug} fails after {} plans: {:#?}", searched.plans, searched.failing);
        assert!(searched.plans >= if optimum(bug) > 2 { 3_000 } else { 10 }, "{bug}: only {} plans", searched.plans);
    }
}

#[test]
fn the_search_finds_what_there_is() {
    for bug in Bug::CORE.into_iter().filter(|bug| optimum(*bug) == 2) {
        let searched = search(&textbook(Some(bug)), 2, 2, |_| true);
        assert!(searched.failing.is_some(), "{bug} is not found in {} plans", searched.plans);
    }
}

/// A bug that can be seen in several ways has an optimum for each.
#[test]
fn other_ways_to_fail_take_more() {
    for (bug, check, sort, optimum) in OTHER_WAYS {
        let is_way = |violation: &Violation| violation.check == check && violation.breach.sort == sort;
        let searched = search(&textbook(Some(bug)), 2, 2, is_way);
        assert_eq!(optimum, 3, "the search goes as far as two decisions");
        assert!(searched.failing.is_none(), "{bug}: {:#?}", searched.failing);
        assert!(searched.plans >= 3_000, "{bug}: only {} plans", searched.plans);
    }
}
