//! Causal consistency: nobody sees an effect without its cause (Ahamad et al. 1995; judged after Bouajjani et al. 2017).

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use indexmap::IndexMap;

use super::judged::{Judge, Judged};
use super::linearizability::{Direct, Map, Model};
use super::writes::{Access, Accesses, MapHistory, Origin};
use super::{Breach, Verdict};

/// A check: what clients see is [causally consistent](check_causal), where a session is what one node was asked, unless
/// [`session`](Judged::session) says otherwise. It is judged when a world is at rest.
pub type Causal<K, V, R = Direct, Q = <Map<K, V> as Model>::Input, A = <Map<K, V> as Model>::Output> =
    Judged<Causes<K, V>, R, Q, A>;

/// What [`Causal`] judges by.
#[derive(Clone, Copy, Debug)]
pub struct Causes<K, V>(PhantomData<fn() -> (K, V)>);

impl<K, V> Judged<Causes<K, V>>
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    /// The check, for a machine that speaks as a [`Map`] does.
    #[must_use]
    pub fn new() -> Self {
        Self::by(Causes(PhantomData))
    }
}

impl<K, V> Default for Judged<Causes<K, V>>
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> Judge for Causes<K, V>
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    type Model = Map<K, V>;
    const NAME: &'static str = "causal";
    const UNKNOWN: &'static str = "causal: unknown";

    fn judge(&self, history: &MapHistory<K, V>, who: &'static str) -> Verdict {
        judge(history, who)
    }
}

/// The pasts of all operations take at most so many numbers.
const CLOCKS_MAX: usize = 1 << 26;

/// Judges whether a history is causally consistent. One operation is the *cause* of another if the same session did it before, if the
/// other has read what it wrote, or by a chain of such steps. Then no cause may be its own effect, and a read must not return a value
/// that, among its causes, was overwritten: nor nothing, if there is a write of the key among them.
///
/// No two writes of a key may write the same, and none may write `None`, which is what a key holds at first: else it cannot be said
/// what a read has read, and the verdict is [`Verdict::Unknown`]. It takes time and memory for each operation and session.
pub fn check_causal<K, V>(history: &MapHistory<K, V>) -> Verdict
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    judge(history, "session")
}

fn judge<K, V>(history: &MapHistory<K, V>, who: &'static str) -> Verdict
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    let accesses = match Accesses::new(history, who) {
        Ok(accesses) => accesses,
        Err(verdict) => return verdict,
    };
    let lanes = Lanes::new(&accesses.all);
    let clocks = accesses.all.len() * lanes.count;
    if clocks > CLOCKS_MAX {
        return Verdict::Unknown { states: clocks as u64 };
    }
    match pasts(&accesses.all, &lanes) {
        Ok(pasts) => {
            let mut reads = (0..accesses.all.len()).filter(|at| accesses.all[*at].reads.is_some());
            let overwritten = reads.find_map(|read| Some((read, lanes.overwritten(&accesses.all, &pasts, read)?)));
            overwritten.map_or(Verdict::Holds, |(read, by)| tell_overwritten(&accesses, read, by))
        }
        Err(at) => tell_cycle(&accesses, at),
    }
}

/// The operations in lanes: those of one lane are of one session and do not overlap. A session that does one thing at a time has one
/// lane.
struct Lanes {
    count: usize,
    /// Of each operation, its lane and its place there.
    place: Vec<(usize, usize)>,
    /// Of each operation, what its session did last before it, in each of its lanes.
    before: Vec<Vec<usize>>,
    /// The writes of a key in a lane: their places there, and where they stand among all.
    writes: IndexMap<(usize, usize), Vec<(usize, usize)>, foldhash::fast::FixedState>,
}

impl Lanes {
    fn new(all: &[Access]) -> Self {
        let mut by_session: IndexMap<u64, Vec<usize>, foldhash::fast::FixedState> = IndexMap::default();
        let mut lanes: Vec<Vec<usize>> = Vec::new();
        let mut found = Self { count: 0, place: Vec::new(), before: Vec::new(), writes: IndexMap::default() };
        let mut is_read = vec![false; all.len()];
        for access in all {
            if let Some(Origin::Write(write)) = access.reads {
                is_read[write] = true;
            }
        }
        for (at, access) in all.iter().enumerate() {
            let own = by_session.entry(access.session).or_default();
            let ended = |other: &usize| all[*other].ended.is_some_and(|ended| ended < access.called);
            let last_before = |lane: &usize| lanes[*lane].iter().rev().find(|other| ended(other)).copied();
            found.before.push(own.iter().filter_map(last_before).collect());
            if access.ended.is_none() && !is_read[at] {
                // It may never have happened, and is the cause of nothing.
                found.place.push((0, 0));
                continue;
            }
            let free = own.iter().copied().find(|lane| lanes[*lane].last().is_none_or(ended));
            let lane = free.unwrap_or_else(|| {
                lanes.push(Vec::new());
                own.push(lanes.len() - 1);
                lanes.len() - 1
            });
            found.place.push((lane, lanes[lane].len()));
            if access.writes {
                found.writes.entry((lane, access.key)).or_default().push((lanes[lane].len(), at));
            }
            lanes[lane].push(at);
        }
        found.count = lanes.len();
        found
    }

    /// A write among the causes of a read that overwrites what it has read.
    fn overwritten(&self, all: &[Access], pasts: &[Vec<u32>], read: usize) -> Option<usize> {
        let from = all[read].reads?;
        (0..self.count).find_map(|lane| {
            let writes = self.writes.get(&(lane, all[read].key))?;
            let count = writes.partition_point(|(place, _)| *place < pasts[read][lane] as usize);
            let (_, last) = *writes[..count].last()?;
            let is_newer = match from {
                Origin::Nobody => true,
                Origin::Write(write) => {
                    let (lane, place) = self.place[write];
                    write != last && pasts[last][lane] as usize > place
                }
            };
            is_newer.then_some(last)
        })
    }
}

/// Of each operation, how many of each lane are its causes.
///
/// # Errors
/// With an operation that is its own cause.
fn pasts(all: &[Access], lanes: &Lanes) -> Result<Vec<Vec<u32>>, usize> {
    let causes = |at: usize| {
        let from = match all[at].reads {
            Some(Origin::Write(write)) => Some(write),
            _ => None,
        };
        lanes.before[at].iter().copied().chain(from)
    };
    let mut effects: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    let mut open: Vec<usize> = vec![0; all.len()];
    for (at, open) in open.iter_mut().enumerate() {
        for cause in causes(at) {
            effects[cause].push(at);
            *open += 1;
        }
    }
    let mut free: Vec<usize> = (0..all.len()).filter(|at| open[*at] == 0).collect();
    let mut pasts: Vec<Vec<u32>> = vec![Vec::new(); all.len()];
    while let Some(at) = free.pop() {
        let mut past = vec![0_u32; lanes.count];
        for cause in causes(at) {
            for (mine, theirs) in past.iter_mut().zip(&pasts[cause]) {
                *mine = (*mine).max(*theirs);
            }
            let (lane, place) = lanes.place[cause];
            past[lane] = past[lane].max(place as u32 + 1);
        }
        pasts[at] = past;
        for effect in &effects[at] {
            open[*effect] -= 1;
            if open[*effect] == 0 {
                free.push(*effect);
            }
        }
    }
    match (0..all.len()).find(|at| open[*at] > 0) {
        // What only comes after a cycle is none: go back until something comes again.
        Some(mut at) => {
            let mut been = vec![false; all.len()];
            while !been[at] {
                been[at] = true;
                at = causes(at).find(|cause| open[*cause] > 0).unwrap_or(at);
            }
            Err(at)
        }
        None => Ok(pasts),
    }
}

fn tell_overwritten<K, V>(accesses: &Accesses<'_, K, V>, read: usize, by: usize) -> Verdict
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    let summary = accesses.about(read, &format!("{} is older than a cause of it", accesses.show(read)));
    let mut breach = Breach::new("overwritten", summary).about(accesses.subject(read));
    breach = breach.because(format!("among its causes is {}", accesses.show(by)));
    breach = breach.because(match accesses.all[read].reads {
        Some(Origin::Write(write)) => format!("which has {} among its own", accesses.show(write)),
        _ => "but it has read that nobody had written the key".to_owned(),
    });
    accesses.verdict(vec![read, by], breach)
}

fn tell_cycle<K, V>(accesses: &Accesses<'_, K, V>, at: usize) -> Verdict
where
    K: Clone + Eq + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    let summary = accesses.about(at, &format!("{} is a cause of itself", accesses.show(at)));
    accesses.verdict(vec![at], Breach::new("cyclic", summary).about(accesses.subject(at)))
}
