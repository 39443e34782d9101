//! The passing twin and the pivotal step of the smallest saved plan of each planted bug.

use distributed_data_consistency::builtin::textbook;
use distributed_data_consistency::explain::Changed;
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::sweep::Failure;

use super::smallest_saved;

fn explained(bug: Bug) -> Failure {
    let mut failure = smallest_saved(bug).failure().expect("the saved plan fails");
    failure.explain(&textbook(Some(bug)));
    failure
}

#[test]
fn one_change_makes_it_pass() {
    let mut by_request = Vec::new();
    for bug in Bug::CORE {
        let failure = explained(bug);
        let twin = failure.twin.as_ref().unwrap_or_else(|| panic!("{bug} has no twin"));
        assert!(textbook(Some(bug)).run(&twin.plan).is_clean(), "{bug}: {}", twin.change);
        assert!(twin.parting.is_some(), "{bug}: {}", twin.change);
        let (plan, other) = (&failure.shrunk.plan, &twin.plan);
        let changed = [plan.requests != other.requests, plan.faults != other.faults, plan.fates != other.fates];
        assert_eq!(changed.iter().filter(|changed| **changed).count(), 1, "{bug}: {}", twin.change);
        assert!(plan.decision_count().abs_diff(other.decision_count()) <= 1, "{bug}: {}", twin.change);
        if twin.changed == Changed::Request {
            by_request.push(bug);
        }
    }
    // Nothing but what clients ask shows these.
    let requests_only = [Bug::ZipCompare, Bug::ServerContext, Bug::NoDots, Bug::DeleteDropsSiblings, Bug::PrunedClock];
    assert_eq!(by_request, requests_only);
}

/// What decides, by the story of each bug, in its smallest saved plan.
fn decides(bug: Bug) -> &'static str {
    match bug {
        // The write that will carry news of the writer past its first one, which is lost.
        Bug::NodeWideStamp => "node 0 is asked: put user=b",
        // News of the writer come without its first write, which the node from then on claims to have.
        Bug::FifoOnly => "node 1 takes 0→1 update #2",
        // The put that does not look at what is there.
        Bug::BlindPut => "node 1 is asked: put cart=b",
        // The second copy.
        Bug::EqualIsConcurrent => "node 1 takes 0→1 update #1",
        // A write that has seen nothing, but has the same actor as the one before.
        Bug::ZipCompare | Bug::ServerContext => "node 0 is asked: put cart=b over nothing",
        // Nobody knows any more who the node was.
        Bug::DotReuse => "node 1 crashes",
        // One of two siblings is overwritten.
        Bug::NoDots => "node 0 is asked: put cart=c over what was read",
        // The client is faster than replication.
        Bug::ValueNotContext => "node 1 is asked: put cart=b over what was read",
        Bug::DeleteDropsSiblings => "node 0 is asked: delete cart over nothing",
        // The delete that one node will not hear of in time.
        Bug::EarlyForget => "node 1 is asked: delete cart",
        // The hole.
        Bug::DigestMax => "0→1 update #1 is lost",
        // The write that is made while an answer is under way.
        Bug::SyncReplaces => "node 0 is asked: put cart=a",
        // Nobody answers it; the update lost before would have been repaired.
        Bug::StuckSync => "0→1 pull #1 is lost",
        // The third actor.
        Bug::PrunedClock => "node 2 is asked: put cart=c",
        // The third version makes it an answer in two parts.
        Bug::SeenTooEarly => "node 0 is asked: put cart=c over nothing",
        _ => panic!("nobody has told the story of {bug}"),
    }
}

#[test]
fn the_step_that_decides_is_among_the_first_two() {
    for bug in Bug::CORE {
        let pivot = explained(bug).pivot.unwrap_or_else(|| panic!("{bug} has no pivot"));
        let first: Vec<&str> = pivot.moments.iter().take(2).map(|moment| moment.what.as_str()).collect();
        assert!(first.contains(&decides(bug)), "{bug}: {:#?}", pivot.moments);
    }
}
