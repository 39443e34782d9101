//! Session guarantees: what one client may rely on while it goes from replica to replica (Terry et al. 1994).

use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use indexmap::IndexMap;

use super::judged::{Judge, Judged};
use super::linearizability::{Direct, Map, Model};
use super::writes::{Accesses, MapHistory, Origin};
use super::{Breach, Verdict};

/// What a session may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// What it reads is not older than what it has written.
    ReadYourWrites,
    /// What it reads is not older than what it has read.
    MonotonicReads,
    /// What it writes is newer than what it has written.
    MonotonicWrites,
    /// What it writes is newer than what it has read.
    WritesFollowReads,
}

impl Guarantee {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ReadYourWrites, Self::MonotonicReads, Self::MonotonicWrites, Self::WritesFollowReads];

    /// As a violation calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadYourWrites => "read your writes",
            Self::MonotonicReads => "monotonic reads",
            Self::MonotonicWrites => "monotonic writes",
            Self::WritesFollowReads => "writes follow reads",
        }
    }
}

/// A check: sessions can [rely](check_sessions) on what they are promised, where a session is what one node was asked, unless
/// [`session`](Judged::session) says otherwise. It is judged when a world is at rest.
pub type Sessions<K, V, R = Direct, Q = <Map<K, V> as Model>::Input, A = <Map<K, V> as Model>::Output> =
    Judged<Promised<K, V>, R, Q, A>;

/// What [`Sessions`] judges by.
#[derive(Clone, Debug)]
pub struct Promised<K, V> {
    guarantees: Vec<Guarantee>,
    of: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Judged<Promised<K, V>>
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    /// The check, of these guarantees, for a machine that speaks as a [`Map`] does.
    #[must_use]
    pub fn new(guarantees: &[Guarantee]) -> Self {
        Self::by(Promised { guarantees: guarantees.to_vec(), of: PhantomData })
    }
}

impl<K, V> Judge for Promised<K, V>
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    type Model = Map<K, V>;
    const NAME: &'static str = "sessions";
    const UNKNOWN: &'static str = "sessions: unknown";

    fn judge(&self, history: &MapHistory<K, V>, who: &'static str) -> Verdict {
        judge(history, &self.guarantees, who)
    }
}

/// So many pairs of writes are looked at.
const PAIRS_MAX: usize = 4_000_000;

/// Judges whether sessions could rely on all of these guarantees at once: whether the writes of each key can be ordered so that no
/// session sees that order go backward. Each key is judged for itself; what one key says of another is for
/// [`check_causal`](super::check_causal).
///
/// No two writes of a key may write the same, and none may write `None`, which is what a key holds at first: else it cannot be said
/// what a read has read, and the verdict is [`Verdict::Unknown`]; so it is beyond 4,000,000 pairs of operations of one session and key.
pub fn check_sessions<K, V>(history: &MapHistory<K, V>, guarantees: &[Guarantee]) -> Verdict
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    judge(history, guarantees, "session")
}

/// One write must be older than another, because a session did one thing and then another.
#[derive(Clone, Copy)]
struct Older {
    write: usize,
    newer: Origin,
    first: usize,
    then: usize,
    guarantee: Guarantee,
}

fn judge<K, V>(history: &MapHistory<K, V>, guarantees: &[Guarantee], who: &'static str) -> Verdict
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    let accesses = match Accesses::new(history, who) {
        Ok(accesses) => accesses,
        Err(verdict) => return verdict,
    };
    let Some(mut pairs) = pairs(&accesses, guarantees) else {
        return Verdict::Unknown { states: PAIRS_MAX as u64 };
    };
    pairs.sort_by_key(|pair| accesses.all[pair.then].called);
    if !is_cyclic(&pairs, accesses.all.len()) {
        return Verdict::Holds;
    }
    // The first pair with which it cannot be.
    let (mut low, mut high) = (0, pairs.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if is_cyclic(&pairs[..=middle], accesses.all.len()) { high = middle } else { low = middle + 1 }
    }
    tell(&accesses, &pairs[..=high])
}

/// Which writes must be older than which; `None` if there are too many.
fn pairs<K, V>(accesses: &Accesses<'_, K, V>, guarantees: &[Guarantee]) -> Option<Vec<Older>> {
    let mut by_session: IndexMap<(u64, usize), Vec<usize>, foldhash::fast::FixedState> = IndexMap::default();
    for (at, access) in accesses.all.iter().enumerate() {
        by_session.entry((access.session, access.key)).or_default().push(at);
    }
    let mut pairs = Vec::new();
    let mut looked_at = 0;
    for places in by_session.values() {
        for (count, then) in places.iter().enumerate() {
            looked_at += count;
            if looked_at > PAIRS_MAX {
                return None;
            }
            let later = &accesses.all[*then];
            for first in &places[..count] {
                let earlier = &accesses.all[*first];
                if earlier.ended.is_none_or(|ended| ended > later.called) {
                    continue;
                }
                let mut add = |write: Option<Origin>, newer: Option<Origin>, guarantee| {
                    let (Some(Origin::Write(write)), Some(newer)) = (write, newer) else { return };
                    if newer != Origin::Write(write) && guarantees.contains(&guarantee) {
                        pairs.push(Older { write, newer, first: *first, then: *then, guarantee });
                    }
                };
                let (wrote, writes) =
                    (earlier.writes.then_some(Origin::Write(*first)), later.writes.then_some(Origin::Write(*then)));
                add(wrote, later.reads, Guarantee::ReadYourWrites);
                add(earlier.reads, later.reads, Guarantee::MonotonicReads);
                add(wrote, writes, Guarantee::MonotonicWrites);
                add(earlier.reads, writes, Guarantee::WritesFollowReads);
            }
        }
    }
    Some(pairs)
}

/// Whether some write must be older than itself, or than nothing at all.
fn is_cyclic(pairs: &[Older], count: usize) -> bool {
    let mut newer: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut older_count = vec![0_u32; count];
    for pair in pairs {
        let Origin::Write(write) = pair.newer else { return true };
        newer[pair.write].push(write);
        older_count[write] += 1;
    }
    let mut free: Vec<usize> = (0..count).filter(|at| older_count[*at] == 0).collect();
    let mut ordered = 0;
    while let Some(at) = free.pop() {
        ordered += 1;
        for write in &newer[at] {
            older_count[*write] -= 1;
            if older_count[*write] == 0 {
                free.push(*write);
            }
        }
    }
    ordered < count
}

/// Says why the last pair cannot be: the shortest way from the newer write back to the older one.
fn tell<K, V>(accesses: &Accesses<'_, K, V>, pairs: &[Older]) -> Verdict
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    let Some((last, before)) = pairs.split_last() else { return Verdict::Holds };
    let name = last.guarantee.name();
    let shown = accesses.show(last.then);
    let summary = accesses.about(last.then, &format!("{shown} breaks \"{name}\""));
    let mut breach = Breach::new(name, summary).about(accesses.subject(last.then));
    breach = breach.because(format!("before it the same {} did {}", accesses.who, accesses.show(last.first)));
    let Origin::Write(newer) = last.newer else {
        return accesses.verdict(vec![last.then], breach.because("it has read that nobody had written the key"));
    };
    let mut came_by: IndexMap<usize, &Older, foldhash::fast::FixedState> = IndexMap::default();
    let mut next = VecDeque::from([newer]);
    while let Some(at) = next.pop_front() {
        for pair in before.iter().filter(|pair| pair.write == at) {
            let Origin::Write(write) = pair.newer else { continue };
            if write != newer && !came_by.contains_key(&write) {
                came_by.insert(write, pair);
                next.push_back(write);
            }
        }
    }
    let mut at = last.write;
    let mut why = Vec::new();
    while let Some(pair) = came_by.get(&at).filter(|_| at != newer) {
        let (first, then) = (accesses.show(pair.first), accesses.show(pair.then));
        why.push(format!("what {first} stands for is older than what {then} does, by \"{}\"", pair.guarantee.name()));
        at = pair.write;
    }
    for reason in why.into_iter().rev() {
        breach = breach.because(reason);
    }
    accesses.verdict(vec![last.then], breach)
}
