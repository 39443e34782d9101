//! Many clients, all that can go wrong, and an oracle that holds millions of operations.
//!
//! **What the oracle knows.** Every value is written once. A client writes over just what it has read, or written, before, so which
//! write is over which is known from what clients were told, without a look at the store's clocks or names. A write that was not
//! acknowledged may have happened or not, and so may one that died with its node: for that alone names are asked for, those that the
//! surviving nodes had seen when the node had crashed.
//!
//! **What it demands** at rest, of every key on every node: each write that is certain, and that nothing is over, is shown (or it is
//! *lost*); none that something certain is over is shown (*resurrected*); what is shown was written, once, and no shown one is over
//! another (*false siblings*). All nodes show the same, no name was given twice, and nothing is left over.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use distributed_data_consistency::causality::{Dot, DotSet};
use distributed_data_consistency::kv::{ClientContext, Request, Response};
use distributed_data_consistency::protocol::Rng;
use distributed_data_consistency::runtime::{Client, Cluster, LinkFaults};
use distributed_data_consistency::sim::{Link, Stats};
use distributed_data_consistency::store::Node;

const NODES: usize = 5;
const CLIENTS: u64 = 8;
const LONG: Duration = Duration::from_secs(300);

/// What comes when so many hundredths of the operations are done, and so many hundredths more. Each absence is a tenth of all operations.
const STORY: [(u64, u64, Act); 8] = [
    (10, 0, Act::Isolate(0)),
    (10, 10, Act::Heal),
    (40, 0, Act::Halves),
    (40, 4, Act::Crash(1)),
    (40, 8, Act::Restart(1)),
    (40, 10, Act::Heal),
    (80, 0, Act::Crash(3)),
    (80, 10, Act::Restart(3)),
];

#[derive(Clone, Copy, Debug)]
enum Act {
    Isolate(usize),
    Halves,
    Heal,
    Crash(usize),
    Restart(usize),
}

/// How hard to press.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stress {
    pub(crate) operations: u64,
    pub(crate) keys: u64,
    pub(crate) seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Writes that were neither acknowledged nor certainly refused.
    pub(crate) unknown: u64,
    pub(crate) refused: u64,
    /// Acknowledged writes of which no other node had heard when their node crashed.
    pub(crate) died: u64,
    pub(crate) shown: u64,
    pub(crate) stats: Stats,
    /// All below must be 0, and `at_rest` true.
    pub(crate) faults: Faults,
    pub(crate) at_rest: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) resurrected: u64,
    pub(crate) false_siblings: u64,
    pub(crate) differing_keys: u64,
    pub(crate) names_twice: u64,
    pub(crate) leftovers: u64,
}

/// One write, or delete, by its place among those of its client.
struct Written {
    id: u64,
    key: u64,
    is_delete: bool,
    over: Vec<u64>,
    /// Its name; `None` if it was not acknowledged.
    dot: Option<Dot>,
}

/// What all other nodes had seen when a node had crashed.
struct Death {
    node: u32,
    /// Lives before this one ended then.
    next_incarnation: u32,
    seen: DotSet,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    None,
    Maybe,
    Certain,
}

fn key(number: u64) -> String {
    format!("key-{number}")
}

struct Progress {
    done: AtomicU64,
    marks: Vec<u64>,
    reached: Sender<()>,
    /// Clients may be so many operations ahead of the story: each absence is met by some, however late its thread wakes.
    ahead_max: u64,
    /// How many acts are over.
    acts: Mutex<usize>,
    act_over: Condvar,
}

impl Progress {
    fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        for _ in self.marks.iter().filter(|mark| **mark == done) {
            self.reached.send(()).expect("the story is not over");
        }
        let due = self.marks.iter().filter(|mark| **mark + self.ahead_max <= done).count();
        if due > 0 {
            let acts = self.acts.lock().expect("nobody panics with it");
            drop(self.act_over.wait_while(acts, |acts| *acts < due).expect("nobody panics with it"));
        }
    }

    fn end_act(&self) {
        *self.acts.lock().expect("nobody panics with it") += 1;
        self.act_over.notify_all();
    }
}

/// What one client does, and what it has been told.
struct Session<'a> {
    client: Client<Node>,
    rng: Rng,
    stress: Stress,
    next_id: u64,
    /// Of each key the context, and which writes it covers at least.
    carried: BTreeMap<u64, (ClientContext, Vec<u64>)>,
    written: Vec<Written>,
    report: Report,
    progress: &'a Progress,
}

impl Session<'_> {
    fn work(mut self, number: u64) -> (Vec<Written>, Report) {
        for _ in 0..self.stress.operations / CLIENTS {
            let (node, key_number) = (self.rng.below(NODES as u64) as usize, self.rng.below(self.stress.keys));
            match self.rng.below(20) {
                0..9 => self.read(node, key_number),
                kind => self.write(node, key_number, kind == 19, number),
            }
            self.progress.step();
        }
        (self.written, self.report)
    }

    fn read(&mut self, node: usize, number: u64) {
        self.report.reads += 1;
        if let Ok(Response::Values { values, context }) =
            self.client.request(node, Request::Get { key: key(number).into() })
        {
            let ids =
                values.iter().map(|value| u64::from_le_bytes((**value).try_into().expect("our values"))).collect();
            self.carried.insert(number, (context, ids));
        }
    }

    fn write(&mut self, node: usize, number: u64, is_delete: bool, client: u64) {
        self.report.writes += 1;
        let id = self.next_id * CLIENTS + client;
        self.next_id += 1;
        let (context, over) = self.carried.get(&number).cloned().unwrap_or_default();
        let (key, context) = (key(number).into(), Some(context));
        let request = match is_delete {
            true => Request::Delete { key, context },
            false => Request::Put { key, value: id.to_le_bytes().into(), context },
        };
        let dot = match self.client.request(node, request) {
            Ok(Response::Written { dot, context }) => {
                let covered = if is_delete { Vec::new() } else { vec![id] };
                self.carried.insert(number, (context, covered));
                Some(dot)
            }
            Err(error) if error.may_have_happened() => {
                self.report.unknown += 1;
                None
            }
            _ => {
                self.report.refused += 1;
                return;
            }
        };
        self.written.push(Written { id, key: number, is_delete, over, dot });
    }
}

/// Runs it all.
pub(crate) fn run(stress: Stress) -> Report {
    let faults = LinkFaults { drop_permille: 100, duplicate_permille: 50, ..LinkFaults::none() };
    let cluster = Cluster::builder(NODES, Node::boot).seed(stress.seed).link_faults(faults).start();
    let (reached, acts) = channel();
    let total = stress.operations / CLIENTS * CLIENTS;
    let span = total / 10;
    let marks = STORY.iter().map(|(hundredths, tenths, _)| total * hundredths / 100 + span * tenths / 10).collect();
    let progress = Progress {
        done: AtomicU64::new(0),
        marks,
        reached,
        ahead_max: span / 4,
        acts: Mutex::new(0),
        act_over: Condvar::new(),
    };
    let mut report = Report::default();
    let mut written = Vec::new();
    let deaths = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let session = Session {
                    client: cluster.client().timeout(LONG),
                    rng: Rng::new(stress.seed, number),
                    stress,
                    next_id: 0,
                    carried: BTreeMap::new(),
                    written: Vec::new(),
                    report: Report::default(),
                    progress: &progress,
                };
                scope.spawn(move || session.work(number))
            })
            .collect();
        let deaths = tell_story(&cluster, &acts, &progress);
        for client in clients {
            let (theirs, counts) = client.join().expect("clients do not panic");
            written.extend(theirs);
            report += counts;
        }
        deaths
    });
    report.at_rest = cluster.wait_for_rest(LONG);
    judge(&cluster, &written, &deaths, &mut report);
    report.stats = cluster.stop(LONG).stats;
    report
}

/// Partitions, crashes, and what the others had seen by then.
fn tell_story(cluster: &Cluster<Node>, acts: &Receiver<()>, progress: &Progress) -> Vec<Death> {
    let mut deaths: Vec<Death> = Vec::new();
    for (_, _, act) in STORY {
        acts.recv().expect("clients work on");
        match act {
            Act::Isolate(node) => cluster.isolate(node),
            Act::Halves => {
                let pairs = [0, 1].into_iter().flat_map(|left| (2..NODES).map(move |right| Link::new(left, right)));
                cluster.cut(&pairs.flat_map(|link| [link, link.reversed()]).collect::<Vec<_>>());
            }
            Act::Heal => cluster.heal_all(),
            Act::Crash(node) => {
                cluster.crash(node).expect("it is there");
                let mut seen = DotSet::new();
                for other in 0..NODES {
                    if let Some(theirs) = cluster.look(other, |node| node.seen().clone()).expect("it is there") {
                        seen.insert_all(&theirs);
                    }
                }
                deaths.push(Death { node: node as u32, next_incarnation: u32::MAX, seen });
            }
            Act::Restart(node) => {
                cluster.restart(node).expect("it is there");
                let incarnation =
                    cluster.look(node, |node| node.actor().incarnation).expect("it is there").expect("it is up");
                deaths.last_mut().expect("it had crashed").next_incarnation = incarnation;
            }
        }
        progress.end_act();
    }
    deaths
}

/// An acknowledged write is certain unless its node died and, then or later, no node that was left had seen it.
fn is_certain(dot: Dot, deaths: &[Death]) -> bool {
    let died =
        deaths.iter().position(|death| death.node == dot.actor.node && dot.actor.incarnation < death.next_incarnation);
    died.is_none_or(|first| deaths[first..].iter().all(|death| death.seen.contains(dot)))
}

/// What a node shows: for each key its values.
fn shown(cluster: &Cluster<Node>, node: usize) -> BTreeMap<String, Vec<u64>> {
    let look = |node: &Node| -> BTreeMap<String, Vec<u64>> {
        let id = |version: &distributed_data_consistency::store::Version| {
            u64::from_le_bytes((*version.value).try_into().expect("our values"))
        };
        let sorted = |key: &str| {
            let mut ids: Vec<u64> = node.versions(key).iter().map(id).collect();
            ids.sort_unstable();
            ids
        };
        node.keys().map(|key| (key.to_string(), sorted(key))).collect()
    };
    cluster.look(node, look).expect("it is there").expect("it is up")
}

fn judge(cluster: &Cluster<Node>, written: &[Written], deaths: &[Death], report: &mut Report) {
    let id_count = written.iter().map(|write| write.id + 1).max().unwrap_or(0) as usize;
    let mut certainty = vec![Certainty::None; id_count];
    let mut covered = vec![Certainty::None; id_count];
    let mut over: Vec<&[u64]> = vec![&[]; id_count];
    let mut dots: Vec<Dot> = Vec::new();
    for write in written {
        let is_certain = write.dot.is_some_and(|dot| is_certain(dot, deaths));
        report.died += u64::from(write.dot.is_some() && !is_certain);
        let how = if is_certain { Certainty::Certain } else { Certainty::Maybe };
        if !write.is_delete {
            certainty[write.id as usize] = how;
        }
        over[write.id as usize] = &write.over;
        for id in &write.over {
            let covered = &mut covered[*id as usize];
            if *covered != Certainty::Certain {
                *covered = how;
            }
        }
        dots.extend(write.dot);
    }
    let count = dots.len();
    dots.sort_unstable();
    dots.dedup();
    report.faults.names_twice = (count - dots.len()) as u64;

    let first = shown(cluster, 0);
    for node in 0..NODES {
        let shown = shown(cluster, node);
        let keys = first.keys().chain(shown.keys().filter(|key| !first.contains_key(*key)));
        report.faults.differing_keys += keys.filter(|key| first.get(*key) != shown.get(*key)).count() as u64;
        let must = written.iter().filter(|write| {
            let id = write.id as usize;
            certainty[id] == Certainty::Certain && covered[id] == Certainty::None
        });
        let is_shown = |write: &&Written| shown.get(&key(write.key)).is_some_and(|ids| ids.contains(&write.id));
        report.faults.lost += must.filter(|write| !is_shown(write)).count() as u64;
        for ids in shown.values() {
            for (place, id) in ids.iter().enumerate() {
                let known = certainty.get(*id as usize).is_some_and(|known| *known != Certainty::None);
                let is_below = ids.iter().any(|other| over.get(*other as usize).is_some_and(|over| over.contains(id)));
                report.faults.false_siblings += u64::from(!known || is_below || ids[..place].contains(id));
                report.faults.resurrected += u64::from(known && covered[*id as usize] == Certainty::Certain);
            }
        }
        report.shown = shown.values().map(|ids| ids.len() as u64).sum();
        let left = cluster.look(node, Node::retained).expect("it is there").expect("it is up");
        report.faults.leftovers += (left.tombstones + left.log_entries + left.hints + left.pending_keys) as u64;
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.writes += other.writes;
        self.unknown += other.unknown;
        self.refused += other.refused;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, writes, unknown, refused, died, shown, stats, faults, at_rest } = self;
        let full = stats.marks.get("queue full").copied().unwrap_or(0);
        writeln!(f, "operations    {} reads, {} writes and deletes", reads, writes)?;
        writeln!(f, "of the writes {refused} refused (node down, or too many siblings), {unknown} without an answer")?;
        writeln!(f, "              {died} acknowledged by a node that crashed before any other had them")?;
        writeln!(
            f,
            "messages      {} sent, {} taken, {} dropped, {} doubled, {} over cut links, {} to nodes that were down, {full} \
            to full queues",
            stats.sent, stats.delivered, stats.dropped, stats.duplicated, stats.cut, stats.down
        )?;
        writeln!(f, "nodes         {} crashes, {} restarts", stats.crashes, stats.restarts)?;
        writeln!(f, "at rest       {}, {shown} versions on each node", if *at_rest { "yes" } else { "NO" })?;
        let Faults { lost, resurrected, false_siblings, differing_keys, names_twice, leftovers } = faults;
        writeln!(
            f,
            "oracle        {lost} lost, {resurrected} resurrected, {false_siblings} false siblings, {differing_keys} \
            keys that differ, {names_twice} names given twice, {leftovers} left over"
        )
    }
}
