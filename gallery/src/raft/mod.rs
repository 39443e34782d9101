//! Raft: a replicated log with a strong leader (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", USENIX ATC
//! 2014; Ongaro, "Consensus: Bridging Theory and Practice", dissertation, Stanford 2014).
//!
//! With snapshots, pre-vote, linearizable reads by read index, membership changes of one server at a time, and clients that ask again
//! under the same id. The replicated state is a register that remembers which writes it has taken, and in which order.

mod checks;
mod leading;
mod log;
mod node;

use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::Liveness;
use distributed_data_consistency::protocol::{NodeId, RequestId, Rng};
use distributed_data_consistency::strategy::Profile;
use serde::{Deserialize, Serialize};

pub use checks::{ElectionSafety, NeverBack, NoDisturbance, StateMachineSafety};
pub use leading::{Leading, Progress};
pub use log::{Command, Disk, Entry, Log, Snapshot};
pub use node::{Raft, Role, Timer};

use crate::history::{Atomic, Op};

bugs! {
    /// A vote is not on disk before it is given: after a restart the server votes twice in a term, and there are two leaders.
    /// (Ongaro and Ousterhout 2014, figure 2: "updated on stable storage before responding".)
    VoteNotPersisted = "vote-not-persisted",
    /// The term is not on disk: after a restart the server is in an earlier term, and takes part in it once more. (Same place.)
    TermNotPersisted = "term-not-persisted",
    /// An entry of an earlier term is taken for committed once a majority has it; a later leader may still overwrite it. (Ongaro and
    /// Ousterhout 2014, section 5.4.2 and figure 8.)
    FigureEight = "figure-8",
    /// The leader answers reads from its own state without asking whether it still leads. (Same paper, section 8.)
    StaleRead = "stale-read",
    /// The leader takes it that it leads for as long as an election takes after a majority has *answered* it; but answers are late, and
    /// whoever has not answered may be elected by those who have. (Ongaro 2014, section 6.4.1.)
    LeaseRead = "lease-read",
    /// A follower drops whatever follows the entries of an append, also if they match: a late append takes back what it has
    /// acknowledged. (MIT 6.824, Students' Guide to Raft 2016; CCF, "truncation from early append entries", Howard et al., NSDI 2025.)
    TruncatesMatching = "truncates-matching",
    /// A follower commits up to the end of its log rather than to the end of what the append covered. (Ongaro and Ousterhout 2014,
    /// figure 2, "index of last new entry"; Students' Guide 2016.)
    CommitPastAppend = "commit-past-append",
    /// A follower acknowledges all of its log rather than what the append covered. (CCF, "inaccurate append entries response", Howard
    /// et al., NSDI 2025.)
    InaccurateAck = "inaccurate-ack",
    /// A vote for whoever has the last term, whatever the length of its log. (Ongaro and Ousterhout 2014, section 5.4.1.)
    ShorterLog = "vote-for-shorter-log",
    /// A leader that sees a higher term adopts it and still leads. (Same paper, section 5.1.)
    NoStepDown = "no-step-down",
    /// A leader changes the membership before it has committed an entry of its own term. (Ongaro, "bug in single-server membership
    /// changes", raft-dev, July 2015.)
    EarlyMembershipChange = "early-membership-change",
    /// Nobody remembers which requests have been applied, and a client that asks again writes twice. (Ongaro and Ousterhout 2014,
    /// section 8.)
    RetryAppliedTwice = "retry-applied-twice",
    /// A late snapshot replaces a log that is already further. (Same paper, section 7, figure 13; etcd/raft restores only if the
    /// snapshot is ahead of its commit index.)
    SnapshotOverNewer = "snapshot-over-newer",
    /// A late answer lowers what a follower is known to have. (CCF, "match index not monotonic", Howard et al., NSDI 2025.)
    MatchLowered = "match-lowered",
    /// Whoever is asked for a pre-vote enters the term that it is asked about: a server that was cut off deposes a leader that works.
    /// (Ongaro 2014, section 9.6; etcd-io/etcd#8243 and after.)
    PreVoteDisturbs = "pre-vote-disturbs",
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Write a value, which is the number of the request.
    Write,
    /// Read the latest value.
    Read,
    /// Make this server a member.
    Add(NodeId),
    /// Make it none.
    Remove(NodeId),
}

/// What it is told.
#[derive(Clone, Debug)]
pub enum Response {
    /// How many writes there have been with this one.
    Written {
        /// So many.
        version: u64,
    },
    /// The latest of so many writes.
    Read {
        /// So many.
        version: u64,
        /// `None` if there has been none.
        value: Option<u32>,
    },
    /// The members are as asked for, or cannot be.
    Changed,
}

/// What servers tell each other.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are those of the paper")]
pub enum Message {
    PreVote { term: u64, last: (u64, u64) },
    PreVoted { term: u64 },
    Vote { term: u64, last: (u64, u64) },
    Voted { term: u64, granted: bool },
    Append { term: u64, prev: (u64, u64), entries: Vec<Entry>, commit: u64, round: u64 },
    Appended { term: u64, round: u64, result: Result<u64, u64> },
    Install { term: u64, snapshot: Snapshot, round: u64 },
    Ask { id: RequestId, request: Request },
    Answer { id: RequestId, response: Response },
}

impl Message {
    /// The term of the sender; 0 where it does not matter.
    fn term(&self, with_pre_votes: bool) -> u64 {
        match self {
            Self::PreVote { term, .. } if with_pre_votes => *term,
            Self::Vote { term, .. } | Self::Voted { term, .. } | Self::Append { term, .. } => *term,
            Self::Appended { term, .. } | Self::Install { term, .. } => *term,
            Self::PreVote { .. } | Self::PreVoted { .. } | Self::Ask { .. } | Self::Answer { .. } => 0,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::PreVote { .. } => "pre-vote",
            Self::PreVoted { .. } => "pre-voted",
            Self::Vote { .. } => "vote",
            Self::Voted { .. } => "voted",
            Self::Append { .. } => "append",
            Self::Appended { .. } => "appended",
            Self::Install { .. } => "install",
            Self::Ask { .. } => "ask",
            Self::Answer { .. } => "answer",
        }
    }
}

fn draw(rng: &mut Rng) -> Request {
    match rng.below(10) {
        0..5 => Request::Write,
        5..8 => Request::Read,
        8 => Request::Add(NodeId::new(rng.below(5) as usize)),
        _ => Request::Remove(NodeId::new(rng.below(5) as usize)),
    }
}

/// What an operation says of the register.
fn read_off(id: RequestId, _request: &Request, response: &Response) -> Option<Op> {
    match *response {
        Response::Written { version } => Some(Op::Write((version, 0), id.0.into())),
        Response::Read { version, value } => Some(Op::Read((version, 0), value.map_or(u64::MAX, u64::from))),
        Response::Changed => None,
    }
}

/// The system under test; right, or with one known bug.
#[must_use]
pub fn harness(bug: Option<Bug>) -> Harness<Raft> {
    // Long enough for several terms; nodes that stop for a while as well.
    let profile = Profile {
        hostile_max: Duration::from_secs(3),
        late_max: Duration::from_secs(1),
        pause_permille: 200,
        faults_max: 8,
        ..Profile::hostile()
    };
    let harness = Harness::new(crate::system_name("raft", bug), move |boot| Raft::boot(boot, bug))
        .nodes(3..=5)
        .requests(draw)
        .profile(profile)
        .settle(Duration::from_secs(3))
        .knob("batch_max", 1..=8)
        .knob("snapshot_every", 1..=16)
        .knob("pre_vote", 0..=1)
        .check(ElectionSafety::default())
        .check(StateMachineSafety::default())
        .check(NeverBack::default())
        .check(NoDisturbance::default())
        .check(Atomic::new(read_off))
        .at_rest("log-matching", checks::log_matching)
        .check(Liveness::new());
    harness
        .must_reach(["leader elected", "committed", "read", "members changed", "snapshot installed", "log truncated"])
        .snapshots(crate::SNAPSHOTS)
}
