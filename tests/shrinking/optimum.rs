//! The fewest decisions (requests, faults, fates that are not boring) in which each planted bug can be seen.
//!
//! `tests/shrinking` holds each number from both sides: a saved plan of that size fails, and no smaller plan does.

use distributed_data_consistency::reference_store::Bug;

/// Ways to see a bug that take more than its optimum: the check, the sort of breach, and the fewest decisions, as far as is
/// known. A shrinker keeps the failure that it was given, so this is what it is held against.
pub(crate) const OTHER_WAYS: [(Bug, &str, &str, usize); 4] = [
    (Bug::DotReuse, "identity", "reused", 3),
    (Bug::DotReuse, "siblings", "lost", 3),
    (Bug::FifoOnly, "siblings", "stale", 3),
    (Bug::NodeWideStamp, "siblings", "stale", 3),
];

/// The fewest decisions that show `bug` in this way.
#[allow(dead_code, reason = "only the bench shrinks what it is given")]
pub(crate) fn optimum_of_way(bug: Bug, check: &str, sort: &str) -> usize {
    let other = OTHER_WAYS.iter().find(|way| (way.0, way.1, way.2) == (bug, check, sort));
    other.map_or_else(|| optimum(bug), |way| way.3)
}

/// The fewest decisions that show `bug`.
pub(crate) fn optimum(bug: Bug) -> usize {
    match bug {
        Bug::BlindPut
        | Bug::DeleteDropsSiblings
        | Bug::DotReuse
        | Bug::EqualIsConcurrent
        | Bug::ServerContext
        | Bug::StuckSync
        | Bug::ValueNotContext
        | Bug::ZipCompare => 2,
        Bug::DigestMax
        | Bug::EarlyForget
        | Bug::FifoOnly
        | Bug::NoDots
        | Bug::NodeWideStamp
        | Bug::PrunedClock
        | Bug::SyncReplaces => 3,
        Bug::SeenTooEarly => 4,
        _ => panic!("no optimum is known of {bug}"),
    }
}
