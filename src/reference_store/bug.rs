//! The mistakes that can be switched on.

use std::fmt;
use std::str::FromStr;

/// A known mistake of replicated stores, planted behind a switch, to see whether and how fast a harness finds it.
///
/// Each tells what is wrong, the shortest story in which it shows (node 0 is A, and so on; `x {A:1}` is value x with
/// its clock), and where it stays invisible: the weaker setting in which a test passes and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Bug {
    /// The stamp of a put also joins the node's own clock, which knows of all keys: the new write claims to have
    /// seen writes of this key that the node knows of only through other keys.
    ///
    /// Story: A puts cart=a `{A:1}`, and the update to B is lost; A puts user=b `{A:2}`, which reaches B; B puts
    /// cart=c `{A:2 B:1}`, which destroys a wherever it arrives, though B never saw a.
    ///
    /// Invisible with one key: there the node's clock is the join of the clocks of the key's versions. Convergence
    /// alone does not see it either, for all nodes lose the same write.
    NodeWideStamp,
    /// A put does not look at the siblings it is to replace: its stamp is only the node's own counter.
    ///
    /// Story: B holds cart=a `{A:1}` and puts cart=b `{B:1}`: a stays as a sibling for ever.
    ///
    /// Invisible while each key is written by one node only, in one incarnation.
    BlindPut,
    /// A version whose clock is equal to one that is here is kept as one more sibling.
    ///
    /// Story: the same update is delivered to B twice: B shows cart=a twice.
    ///
    /// Invisible when each update arrives exactly once, and before a sync asks for it.
    EqualIsConcurrent,
    /// The comparison looks only at the actors that both clocks have.
    ///
    /// Story: B holds cart=x `{A:1}` and puts cart=y `{A:1 B:1}`; a second copy of x arrives late, and replaces y.
    ///
    /// Invisible while each key is written by one node only, in one incarnation: all its clocks have the same one actor.
    ZipCompare,
    /// The node's identity is not durable before its first update leaves: after a crash it is the same actor again,
    /// and counts from 1 again.
    ///
    /// Story: A puts cart=x `{A:1}`, which reaches B; A crashes, forgets, starts again and puts cart=y `{A:1}`: B
    /// takes y for a duplicate of x, and the two never agree.
    ///
    /// Invisible while no node loses its memory; and to a comparison of clocks without values.
    DotReuse,
    /// The node writes over all that it has itself, whatever the client has read.
    ///
    /// Story: two clients have read nothing; both put cart at A: the first write vanishes, though nobody has seen it.
    ///
    /// Invisible while clients bring no context, or read at the same node just before they write.
    ServerContext,
    /// All siblings of a key share one clock, so that a context covers all that the node has or none of it.
    ///
    /// Story: c1 puts cart=a at A; c2, who has read nothing, puts cart=b there; c1, who has seen a, puts cart=c: a stays.
    ///
    /// Invisible while clients bring no context; and to a check that looks for lost writes only, for none is lost.
    NoDots,
    /// What a context covers is held against the versions that are here, and then forgotten.
    ///
    /// Story: A puts cart=x, and the update to B is late; a client that has seen x puts cart=y at B; then x arrives at B,
    /// which takes it for news.
    ///
    /// Invisible while no client is faster than replication, and while clients bring no context.
    ValueNotContext,
    /// A delete removes all that the node has, whatever the client has read.
    ///
    /// Story: a client has read cart=x; then cart=y arrives; the client deletes what it has read: y is gone too.
    ///
    /// Invisible while clients bring no context, or delete only when all is quiet.
    DeleteDropsSiblings,
    /// A node forgets a delete, and what was deleted, after a while, whether or not the others have heard of it.
    ///
    /// Story: A puts cart=x; C is cut off; A deletes cart, and forgets that it did; C comes back, and with it x.
    ///
    /// Invisible without deletes, and while no message takes longer than the while.
    EarlyForget,
    /// What a node says it has seen is the highest counter of each actor, so that a hole below it is never asked for.
    ///
    /// Story: A puts cart=a (1), and the update to B is lost; A puts user=b (2), which reaches B: now B says that it
    /// has seen all of A's first two, and nobody ever sends it a; as B does not hold it either, a must be obsolete, and
    /// goes everywhere.
    ///
    /// Invisible with one key and no contexts, where A's second write covers its first; and when losses come in bursts that swallow
    /// an actor's last writes.
    DigestMax,
    /// A node whose peer has seen all that it had itself when it asked takes over the peer's state as it is.
    ///
    /// Story: A puts cart=x, and the update to B is lost; A puts user=z, so that B asks; B puts cart=y while the answer is
    /// under way; then the answer takes the place of y, which had been written meanwhile.
    ///
    /// Invisible while nothing happens to a node that waits for an answer.
    SyncReplaces,
    /// A node waits for the answer to its pull before it asks that peer again, for ever.
    ///
    /// Story: A puts cart=x, and the update to B is lost; so is the answer when B asks: B never asks A again.
    ///
    /// Invisible while every pull is answered: when nothing is lost and nobody crashes.
    StuckSync,
    /// The clock of a write, and what it builds on, is cut to the two actors with the highest counters, the writer included.
    ///
    /// Story: A puts cart=x, B puts y over x, and C puts z over both; z knows only of B and C: where x is all there is, it
    /// stays beside z.
    ///
    /// Invisible while no more than two actors write a key.
    PrunedClock,
    /// What a peer has seen is adopted with the first part of its answer, before the others are here.
    ///
    /// Story: A puts three keys, and the updates to B are lost; B asks, and the second part of the answer is lost: B never
    /// asks for what was in it, and by B's word A drops it too.
    ///
    /// Invisible while all parts of an answer arrive, or there is only one.
    SeenTooEarly,
    /// An update that comes after a later one of the same writer is taken for an old copy of something seen.
    ///
    /// Story: A puts cart=a, then user=b; the updates to B swap: B drops a, and by B's word so does A in the end.
    ///
    /// Invisible on links that keep the order.
    FifoOnly,

    /// A node drives its repair by a message to itself, and counts on it.
    ///
    /// Story: A's timer fires, and the message to itself is lost, as in a mailbox that is full: A never asks anybody again.
    ///
    /// Invisible while nothing is lost but by cuts and crashes: no cut lies between a node and itself.
    LoopbackTrust,
    /// Acknowledgements of an update are counted, and not who they are from; what has as many as there are peers is left out
    /// of answers.
    ///
    /// Story: A puts cart=x, and the update to C is lost; B's acknowledgement comes twice: A tells C that it has all, without x.
    ///
    /// Invisible while no message comes twice.
    AckCount,
    /// The filter of doubled updates remembers names for a while only, as long as any message takes.
    ///
    /// Story: A puts cart=x and deletes it; everybody has seen both, and the delete is forgotten; then a second copy of the
    /// update comes, older than anything the filter knows.
    ///
    /// Invisible while second copies come soon after the first.
    DedupWindow,
    /// A node takes it that whom it hears, hears it: answers are sent several times over, and who asks the same for the third
    /// time must be confused.
    ///
    /// Story: nothing reaches B, but what B asks reaches everybody; it asks twice, and is never answered again.
    ///
    /// Invisible while cuts cut both ways.
    SymmetricLinks,
    /// The node's name is made durable only after the first messages that bear it have left.
    ///
    /// Story: A puts cart=x `{A:1}`, and crashes when the update to B is out; it starts again as the same, and puts cart=y
    /// `{A:1}`.
    ///
    /// Invisible while nodes crash between steps.
    PersistAfterSend,
    /// A node begins a new round of questions only when all who were asked in the last have answered.
    ///
    /// Story: A asks B and C; B answers, and C is gone for good: A asks B for nothing more.
    ///
    /// Invisible while all nodes come back in the end.
    WaitsForAll,
    /// A node that wakes up late takes those for dead who have been silent so long; the dead must come back under a new name.
    ///
    /// Story: A handles nothing for a while; then its timer tells that nobody has been heard of for two rounds: A never again
    /// takes anything from anybody.
    ///
    /// Invisible while nodes do not pause: a timer is never late by itself.
    Quarantine,
    /// A node whose disk is empty takes itself for one that begins its first incarnation.
    ///
    /// Story: A puts cart=x `{A:1}` and loses memory and disk; as the same A it puts cart=y `{A:1}`.
    ///
    /// Invisible while disks survive.
    NewDisk,
    /// An update that was overtaken by so many of its writer is taken for an old copy, as in a window against replays.
    ///
    /// Story: A puts five times, and the first update to B comes last: B drops it.
    ///
    /// Invisible while few messages overtake few.
    ReplayWindow,
    /// Parts of different answers of one peer, of as many parts each, are put together to one.
    ///
    /// Story: A answers B's question twice, and in between a write moves what the second part begins with; the first part of
    /// one and the second part of the other make B believe that it has all.
    ///
    /// Invisible while answers are whole before the next begins, or have one part.
    TornAnswer,
    /// Who has had several updates of a writer in order, and each once, takes the stream for whole from then on: a hole in it
    /// must be of no interest.
    ///
    /// Story: A puts six times, one after the other; the update of the seventh put is lost on the way to B, and the eighth
    /// comes: B will never ask for the seventh.
    ///
    /// Invisible in worlds with a little of every fault, where no stream looks whole for long.
    TrustedStream,

    /// What comes when a part of an answer is full closes the part, and is itself in none.
    ///
    /// Story: A puts 65 keys, and the updates to B are lost; B asks, and the answer has the first 64 in one part, and an empty
    /// one: B takes it that the last is obsolete, and by B's word so does A.
    ///
    /// Invisible while nobody lacks more than goes into one part, which is 64 versions.
    FullBatch,
    /// Answers are made from a log of the latest names that a node has seen; what it has no room for must have long been
    /// everywhere.
    ///
    /// Story: A puts cart=x, and the update to B is lost; A puts 64 other keys; B asks, and x is no longer in the log: B is told
    /// that it has all, without x.
    ///
    /// Invisible while no node sees more than fits into the log, which is 64 names.
    ShortLog,
}

impl Bug {
    /// The well-known mistakes of replicated stores: of clocks, contexts, deletes and repair. Most show in any hostile world.
    pub const CORE: [Self; 16] = [
        Self::NodeWideStamp,
        Self::BlindPut,
        Self::EqualIsConcurrent,
        Self::ZipCompare,
        Self::DotReuse,
        Self::ServerContext,
        Self::NoDots,
        Self::ValueNotContext,
        Self::DeleteDropsSiblings,
        Self::EarlyForget,
        Self::DigestMax,
        Self::SyncReplaces,
        Self::StuckSync,
        Self::PrunedClock,
        Self::SeenTooEarly,
        Self::FifoOnly,
    ];

    /// Mistakes about what can go wrong: each shows only in worlds that have the one thing which its author did not think of.
    pub const OF_FAULTS: [Self; 11] = [
        Self::LoopbackTrust,
        Self::AckCount,
        Self::DedupWindow,
        Self::SymmetricLinks,
        Self::PersistAfterSend,
        Self::WaitsForAll,
        Self::Quarantine,
        Self::NewDisk,
        Self::ReplayWindow,
        Self::TornAnswer,
        Self::TrustedStream,
    ];

    /// Mistakes about what happens when something is full, of which no small world has enough: each shows only in worlds that
    /// shake the limit (the knobs `part_length` and `log_max`).
    pub const OF_LIMITS: [Self; 2] = [Self::FullBatch, Self::ShortLog];

    /// All of them.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        Self::CORE.into_iter().chain(Self::OF_FAULTS).chain(Self::OF_LIMITS)
    }

    /// The name on the command line and in plan files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NodeWideStamp => "node-wide-stamp",
            Self::BlindPut => "blind-put",
            Self::EqualIsConcurrent => "equal-is-concurrent",
            Self::ZipCompare => "zip-compare",
            Self::DotReuse => "dot-reuse",
            Self::ServerContext => "server-context",
            Self::NoDots => "no-dots",
            Self::ValueNotContext => "value-not-context",
            Self::DeleteDropsSiblings => "delete-drops-siblings",
            Self::EarlyForget => "early-forget",
            Self::DigestMax => "digest-max",
            Self::SyncReplaces => "sync-replaces",
            Self::StuckSync => "stuck-sync",
            Self::PrunedClock => "pruned-clock",
            Self::SeenTooEarly => "seen-too-early",
            Self::FifoOnly => "fifo-only",
            Self::LoopbackTrust => "loopback-trust",
            Self::AckCount => "ack-count",
            Self::DedupWindow => "dedup-window",
            Self::SymmetricLinks => "symmetric-links",
            Self::PersistAfterSend => "persist-after-send",
            Self::WaitsForAll => "waits-for-all",
            Self::Quarantine => "quarantine",
            Self::NewDisk => "new-disk",
            Self::ReplayWindow => "replay-window",
            Self::TornAnswer => "torn-answer",
            Self::TrustedStream => "trusted-stream",
            Self::FullBatch => "full-batch",
            Self::ShortLog => "short-log",
        }
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, UnknownBug> {
        let unknown = || UnknownBug { name: name.to_owned() };
        Self::all().find(|bug| bug.name() == name).ok_or_else(unknown)
    }
}

/// No [`Bug`] has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBug {
    /// What was asked for.
    pub name: String,
}

/// Lists the names there are, so that whoever mistyped one need not look them up.
impl fmt::Display for UnknownBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown bug {:?}: expected one of {}",
            self.name,
            Bug::all().map(Bug::name).collect::<Vec<_>>().join(", ")
        )
    }
}

impl std::error::Error for UnknownBug {}
