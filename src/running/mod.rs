//! What is being run, on each thread: so that whatever ends the process, somebody knows the seed.
//!
//! Each thread has a [`Running`]: a few words that it writes as it goes and that others read. The panic hook (`panics`) reads its
//! own thread's when a panic cannot be caught. The watchdog (`watchdog`) reads all of them from a thread of its own. And a small
//! file (`file`) holds a copy for whoever comes after a death that no hook hears of: an overflown stack, no memory left, a kill.
//!
//! A run never reads any of it, so it changes none.

mod file;
mod job;
mod panics;
#[cfg(test)]
mod tests;
mod watchdog;

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::protocol::{NodeId, Time};

pub(crate) use file::forget_file;
pub(crate) use job::{Job, Stuck, enter, job, spawn_scoped};
pub(crate) use panics::{Panic, catch_panic, catch_panic_at, shown};
pub(crate) use watchdog::Watch;

/// Whose code is being run. All of it is in one word, so that it is written in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nobody's but ours.
    Nothing,
    /// The closure that makes a node.
    Boot(NodeId),
    /// A node begins an incarnation.
    Start(NodeId),
    /// A node takes a message from another.
    Message(NodeId, NodeId),
    /// A node is asked by a client.
    Request(NodeId),
    /// A node's timer fires.
    Timer(NodeId),
    /// A node hears of its session with another.
    Session(NodeId, NodeId),
    /// A node's memory is dropped.
    Drop(NodeId),
    /// A node's state is folded into the digest.
    Fold(NodeId),
    /// The check at this place.
    Check(usize),
    /// What clients do, as they are asked for a request or hear an answer.
    Clients,
    /// What clients do, as a world is drawn.
    Draw,
    /// The memory of a world that is over is dropped.
    Leave,
}

/// A packed [`Doing`]: what it is in the low bits, and up to two numbers above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

/// Bits of a word below the first number.
const TAG_BITS: u32 = 8;
/// Bits of a number.
const NUMBER_BITS: u32 = 24;

impl Word {
    #[inline(always)]
    const fn new(tag: u64, first: u64, second: u64) -> Self {
        Self(tag | first << TAG_BITS | second << (TAG_BITS + NUMBER_BITS))
    }

    /// The check at this place.
    pub(crate) const fn check(place: usize) -> Self {
        Self::new(8, place as u64, 0)
    }
}

/// What a node handles, as it stands in a word; and in the digest of each run, so that these numbers never change.
pub(crate) mod input {
    pub(crate) const START: u64 = 1;
    pub(crate) const MESSAGE: u64 = 2;
    pub(crate) const REQUEST: u64 = 3;
    pub(crate) const TIMER: u64 = 4;
    pub(crate) const SESSION: u64 = 7;
}

impl Doing {
    const fn word(self) -> Word {
        const fn of(tag: u64, node: NodeId) -> Word {
            Word::new(tag, node.index() as u64, 0)
        }
        match self {
            Self::Nothing => Word(0),
            Self::Start(node) => of(input::START, node),
            Self::Message(node, from) => Word::new(input::MESSAGE, node.index() as u64, from.index() as u64),
            Self::Request(node) => of(input::REQUEST, node),
            Self::Timer(node) => of(input::TIMER, node),
            Self::Boot(node) => of(5, node),
            Self::Drop(node) => of(6, node),
            Self::Session(node, peer) => Word::new(input::SESSION, node.index() as u64, peer.index() as u64),
            Self::Fold(node) => of(12, node),
            Self::Check(place) => Word::check(place),
            Self::Clients => Word(9),
            Self::Draw => Word(10),
            Self::Leave => Word(11),
        }
    }

    fn of(Word(word): Word) -> Self {
        let number = |shift: u32| (word >> shift) as usize & ((1 << NUMBER_BITS) - 1);
        let (first, second) = (number(TAG_BITS), number(TAG_BITS + NUMBER_BITS));
        let node = NodeId::new(first);
        match word & ((1 << TAG_BITS) - 1) {
            input::START => Self::Start(node),
            input::MESSAGE => Self::Message(node, NodeId::new(second)),
            input::REQUEST => Self::Request(node),
            input::TIMER => Self::Timer(node),
            5 => Self::Boot(node),
            6 => Self::Drop(node),
            input::SESSION => Self::Session(node, NodeId::new(second)),
            12 => Self::Fold(node),
            8 => Self::Check(first),
            9 => Self::Clients,
            10 => Self::Draw,
            11 => Self::Leave,
            _ => Self::Nothing,
        }
    }

    /// Whose code it is, as the subject of a sentence; `check` is the name of the check at a place.
    pub(crate) fn who(self, check: impl Fn(usize) -> Option<String>) -> String {
        match self {
            Self::Nothing => "the simulator".to_owned(),
            Self::Boot(node) => format!("the boot of node {node}"),
            Self::Start(node)
            | Self::Message(node, _)
            | Self::Request(node)
            | Self::Timer(node)
            | Self::Session(node, _) => format!("node {node}"),
            Self::Drop(node) => format!("the drop of node {node}"),
            Self::Fold(node) => format!("the fold of node {node}"),
            Self::Check(place) => match check(place) {
                Some(name) => format!("the check \"{name}\""),
                None => format!("check {}", place + 1),
            },
            Self::Clients | Self::Draw => "the workload".to_owned(),
            Self::Leave => "the drop of something that a world leaves".to_owned(),
        }
    }

    /// What it was doing: `as it took a message from node 0`; `None` if who it is says it all.
    pub(crate) fn input(self) -> Option<String> {
        match self {
            Self::Start(_) => Some("as it started".to_owned()),
            Self::Message(_, from) => Some(format!("as it took a message from node {from}")),
            Self::Request(_) => Some("as it was asked by a client".to_owned()),
            Self::Timer(_) => Some("as its timer fired".to_owned()),
            Self::Session(_, peer) => Some(format!("as it heard of its session with node {peer}")),
            Self::Draw => Some("as it drew the world".to_owned()),
            _ => None,
        }
    }
}

/// What a world was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// A seed was expanded into it.
    Seed,
    /// A plan: of a file, or made of the world of a seed as that is shrunk or explained.
    Plan,
    /// It is a part of an exhaustive search, and has no seed.
    Search,
}

/// What one thread is running: written by that thread alone, read by any.
pub(crate) struct Running {
    /// How often it has entered and left a world: odd while it is in one.
    turns: AtomicU64,
    made: AtomicU64,
    seed: AtomicU64,
    /// The last seed of the part of a sweep that it works on; 0 if that is the same.
    last: AtomicU64,
    doing: AtomicU64,
    step: AtomicU64,
    at: AtomicU64,
    system: Mutex<String>,
    job: Mutex<Option<Arc<Job>>>,
    line: file::Line,
}

/// All threads that have ever run a world, and still live.
static ALL: Mutex<Vec<Weak<Running>>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: OnceCell<Own> = const { OnceCell::new() };
}

/// A thread's own: it knows when the thread ends.
struct Own(Arc<Running>);

impl Drop for Own {
    /// A thread that ends in the middle of a world was ended by the code under test (`process::exit`). What is not said now is
    /// never said; and an exit code of 0 would be a lie.
    fn drop(&mut self) {
        let running = &self.0;
        if running.is_in_world() {
            panics::say(&format!(
                "the process is ended by the code under test, in the middle of a world\n{}",
                running.tell()
            ));
            std::process::abort();
        }
        running.line.leave();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            turns: zero(),
            made: zero(),
            seed: zero(),
            last: zero(),
            doing: zero(),
            step: zero(),
            at: zero(),
            system: Mutex::default(),
            job: Mutex::default(),
            line: file::Line::default(),
        }
    }

    /// This thread's.
    pub(crate) fn current() -> Arc<Self> {
        let own = |own: &OnceCell<Own>| {
            let new = || {
                let running = Arc::new(Self::new());
                let mut all = locked(&ALL);
                all.retain(|running| running.strong_count() > 0);
                all.push(Arc::downgrade(&running));
                Own(running)
            };
            Arc::clone(&own.get_or_init(new).0)
        };
        // A thread that ends has none any more, and runs no world either.
        OWN.try_with(own).unwrap_or_else(|_| Arc::new(Self::new()))
    }

    /// This thread is in a world of `system` from here on, until what is returned is dropped.
    pub(crate) fn enter(self: &Arc<Self>, system: &str, made: Made, seed: u64) -> InWorld {
        {
            let mut name = locked(&self.system);
            if *name != system {
                name.clear();
                name.push_str(system);
            }
        }
        self.made.store(made as u64, Ordering::Relaxed);
        self.seed.store(seed, Ordering::Relaxed);
        self.step.store(0, Ordering::Relaxed);
        self.at.store(0, Ordering::Relaxed);
        self.doing(Doing::Nothing);
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.line.world(self);
        InWorld(Arc::clone(self))
    }

    /// This thread begins a part of a sweep: worlds one after the other, up to that of this seed.
    pub(crate) fn part(&self, last: u64) {
        self.last.store(last, Ordering::Relaxed);
        self.line.part();
    }

    pub(crate) fn doing(&self, doing: Doing) {
        self.put(doing.word());
    }

    pub(crate) fn what(&self) -> Doing {
        Doing::of(self.word())
    }

    /// The same as it is stored, to be put back.
    #[inline(always)]
    pub(crate) fn word(&self) -> Word {
        Word(self.doing.load(Ordering::Relaxed))
    }

    #[inline(always)]
    pub(crate) fn put(&self, word: Word) {
        self.doing.store(word.0, Ordering::Relaxed);
    }

    /// A node is about to handle an [`input`]; `from` is who sent it, if anybody has.
    #[inline(always)]
    pub(crate) fn begin(&self, (step, at): (u64, Time), (node, input): (NodeId, u64), from: u64) {
        self.step(step, at);
        self.put(Word::new(input, node.index() as u64, from));
    }

    #[inline(always)]
    pub(crate) fn step(&self, step: u64, at: Time) {
        self.step.store(step, Ordering::Relaxed);
        self.at.store(at.as_nanos(), Ordering::Relaxed);
    }

    /// In which step, and when.
    pub(crate) fn moment(&self) -> (u64, Time) {
        (self.step.load(Ordering::Relaxed), Time::from_nanos(self.at.load(Ordering::Relaxed)))
    }

    fn is_in_world(&self) -> bool {
        !self.turns.load(Ordering::Relaxed).is_multiple_of(2)
    }

    fn made(&self) -> Made {
        match self.made.load(Ordering::Relaxed) {
            0 => Made::Seed,
            1 => Made::Plan,
            _ => Made::Search,
        }
    }

    fn seed(&self) -> Option<u64> {
        (self.made() != Made::Search).then(|| self.seed.load(Ordering::Relaxed))
    }

    /// Three lines at most: who does what, in which world, and how to run that again.
    pub(crate) fn tell(&self) -> String {
        let (doing, (step, at)) = (self.what(), self.moment());
        let (who, input) = (doing.who(|_| None), doing.input().map_or_else(String::new, |input| format!(", {input}")));
        let mut text = format!("  in       step {step} at {at}: {who}{input}\n  world    {}\n", self.world());
        if let Some(again) = self.again() {
            let _ = writeln!(text, "  again    {again}");
        }
        text
    }

    /// `"hang", seed 0x5`
    pub(crate) fn world(&self) -> String {
        let (system, seed) = (locked(&self.system), self.seed.load(Ordering::Relaxed));
        match self.made() {
            Made::Seed => format!("\"{system}\", seed {seed:#x}"),
            Made::Plan => format!("\"{system}\", a plan made of seed {seed:#x}"),
            Made::Search => format!("\"{system}\", in an exhaustive search"),
        }
    }

    /// The command that runs it again, if anybody has said one.
    pub(crate) fn again(&self) -> Option<String> {
        let job = locked(&self.job).clone();
        job.map(|job| job.again(self.seed()))
    }
}

/// A thread is in a world while this lives.
pub(crate) struct InWorld(Arc<Running>);

impl Drop for InWorld {
    fn drop(&mut self) {
        self.0.doing(Doing::Nothing);
        self.0.turns.fetch_add(1, Ordering::Relaxed);
    }
}

/// Those of all threads.
fn all() -> Vec<Arc<Running>> {
    locked(&ALL).iter().filter_map(Weak::upgrade).collect()
}
