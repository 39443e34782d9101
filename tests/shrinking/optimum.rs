//! The fewest decisions (requests, faults, fates that are not boring) in which each planted bug can be seen.
//!
//! `tests/shrinking` holds each number from both sides: a saved plan of that size fails, and no smaller plan does.

use distributed_data_consistency::textbook::Bug;

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
