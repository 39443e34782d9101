//! A system that dies on request: the process that the test starts.

use std::collections::VecDeque;
use std::fmt;
use std::hint;
use std::process::{self, ExitCode};
use std::sync::mpsc::channel;
use std::thread;

use distributed_data_consistency::Harness;
use distributed_data_consistency::Node;
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::protocol::{
    Boot, Digest, Env, NodeId, RequestId, Rng, Simpler, StateMachine, Time, Workload,
};
use distributed_data_consistency::sim::{Event, Nodes};
use distributed_data_consistency::store::Candidate;
use serde::{Deserialize, Serialize};

/// The request that kills.
const DEADLY: u8 = 7;
/// Nothing happens by itself.
const ALIVE: &str = "nothing";

/// One node. What it dies of is its way.
struct Mortal {
    way: &'static str,
    taken: u32,
    open: u32,
}

/// A request, or the message that it becomes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Word(u8);

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(way() != "debug", "no word for {}", self.0);
        write!(f, "Word({})", self.0)
    }
}

/// What the process is to die of.
pub(crate) fn way() -> &'static str {
    static WAY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    WAY.get_or_init(|| std::env::var("DDC_DIES_OF").unwrap_or_else(|_| ALIVE.to_owned()))
}

/// Panics when it is dropped, and does so once more if a panic is the reason.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the bomb is dropped");
    }
}

fn overflow(depth: u64) -> u64 {
    let place = hint::black_box([depth; 64]);
    if depth == u64::MAX { depth } else { overflow(depth + 1) + place[3] }
}

fn hang() {
    while hint::black_box(true) {
        hint::spin_loop();
    }
}

extern "C" fn cannot_unwind() {
    panic!("no way out");
}

/// What kills by itself, wherever it is done.
fn die(way: &str) {
    match way {
        "abort" => process::abort(),
        "exit" => process::exit(0),
        "overflow" => _ = hint::black_box(overflow(0)),
        "memory" => {
            // Room alone: it need not be touched to run out.
            let mut held = VecDeque::new();
            loop {
                held.push_back(hint::black_box(Vec::<u8>::with_capacity(1 << 30)));
            }
        }
        "too much" => drop(hint::black_box(Vec::<u8>::with_capacity(isize::MAX as usize))),
        "bomb" => {
            let _bomb = Bomb;
            panic!("seven is not handled");
        }
        "extern" => cannot_unwind(),
        "hang" => hang(),
        "deadlock" => {
            let (_sender, receiver) = channel::<()>();
            let _ = receiver.recv();
        }
        "any" => std::panic::panic_any(DEADLY),
        "unwrap" => {
            let nothing: Option<u8> = hint::black_box(None);
            let _ = nothing.unwrap();
        }
        "resolver" => {
            let mut node = Node::new(0, 1);
            node.put("stock", [3]).unwrap();
            let resolver = |_: Vec<Candidate<distributed_data_consistency::kv::Value>>| panic!("no resolution");
            let _ = node.resolve("stock", &resolver);
        }
        _ => {}
    }
}

impl StateMachine for Mortal {
    type Message = Word;
    type Timer = ();
    type Request = Word;
    type Response = ();
    type Durable = ();

    fn start(&mut self, env: &mut Env<'_, Self>) {
        assert!(self.way != "start" || env.id() != NodeId::new(2), "node 2 does not start");
    }

    fn on_message(&mut self, _from: NodeId, Word(word): Word, env: &mut Env<'_, Self>) {
        self.taken += 1;
        self.open += 1;
        if self.way == "endless" {
            env.set_timer((), std::time::Duration::ZERO);
        }
        if word == DEADLY {
            if self.way == "state" {
                panic!("seven is not handled");
            }
            die(self.way);
        }
        match (self.way, word) {
            ("message" | "findings", DEADLY) => panic!("seven is not handled"),
            ("slip", 9) if self.taken >= 3 => panic!("rare: third message is a nine"),
            ("slip", 8) => panic!("common: an eight"),
            // One in a few hundred worlds hangs; before it others fail.
            ("late hang", DEADLY) => panic!("seven is not handled"),
            ("late hang", 3) if self.taken == 9 => hang(),
            _ => {}
        }
        if word != DEADLY {
            self.open -= 1;
        }
    }

    fn on_request(&mut self, id: RequestId, word: Word, env: &mut Env<'_, Self>) {
        assert!(self.way != "request" || word.0 != DEADLY, "seven is not asked for");
        if self.way == "timer" && word.0 == DEADLY {
            env.set_timer((), std::time::Duration::from_millis(3));
        }
        env.broadcast(&word);
        env.respond(id, ());
    }

    fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
        if self.way == "endless" {
            return env.set_timer((), std::time::Duration::ZERO);
        }
        panic!("the timer is not handled");
    }

    fn fold(&self, digest: &mut Digest) {
        assert!(self.way != "fold" || self.taken < 3, "no fold");
        digest.fold(u64::from(self.taken));
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        assert!(!["drop", "state"].contains(&self.way) || self.open == 0, "dropped with {} entries open", self.open);
        if self.way == "hang in drop" && self.taken > 3 {
            hang();
        }
    }
}

/// Clients that die as well.
#[derive(Clone)]
struct Clients;

impl Workload<Mortal> for Clients {
    type Action = Word;

    fn begin(&mut self, rng: &mut Rng) {
        assert!(way() != "begin" || !rng.chance(300), "no beginning");
    }

    fn draw(&mut self, rng: &mut Rng) -> Word {
        let word = rng.between(1, 9) as u8;
        assert!(way() != "draw" || word != DEADLY, "seven is not drawn");
        Word(word)
    }

    fn request(&mut self, _id: RequestId, word: &Word) -> Word {
        assert!(way() != "ask" || word.0 != DEADLY, "seven is not put in words");
        if way() == "hang in the workload" && word.0 == DEADLY {
            hang();
        }
        word.clone()
    }

    fn response(&mut self, id: RequestId, (): &()) {
        assert!(way() != "hear" || id.0 < 3, "the fourth answer is not understood");
    }

    fn simpler(&self, _actions: &[Word]) -> Vec<Simpler<Word>> {
        assert!(way() != "simpler", "nothing is simpler");
        if way() == "hang in shrinking" {
            hang();
        }
        Vec::new()
    }
}

/// A check that counts, and cannot.
#[derive(Clone)]
struct Counts;

impl Check<Mortal> for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn see(&mut self, _at: Time, _event: &Event<'_, Mortal>, _nodes: Nodes<'_, Mortal>) -> Result<(), Breach> {
        Ok(())
    }

    fn count(&self, _add: &mut dyn FnMut(&'static str, u64)) {
        assert!(way() != "count", "cannot count");
    }
}

pub(crate) fn harness() -> Harness<impl StateMachine> {
    let boot = |boot: Boot<()>| {
        assert!(way() != "boot" || boot.id != NodeId::new(2), "node 2 does not boot");
        if way() == "hang in boot" && boot.id == NodeId::new(2) {
            hang();
        }
        Mortal { way: way(), taken: 0, open: 0 }
    };
    let most_taken = |nodes: Nodes<'_, Mortal>| nodes.up().map(|(_, node)| node.taken).max().unwrap_or(0);
    Harness::new("mortal", boot)
        .workload(Clients)
        .step_count_max(if way() == "endless" { u64::MAX } else { 1_000_000 })
        .check(Counts)
        .always("never", move |nodes| {
            assert!(way() != "always" || most_taken(nodes) < 3, "cannot look at three");
            if way() == "hang in a check" && most_taken(nodes) >= 3 {
                hang();
            }
            Ok(())
        })
        .at_rest("in the end", move |nodes| {
            assert!(way() != "at rest" || most_taken(nodes) < 3, "cannot judge three");
            match (way(), most_taken(nodes)) {
                ("debug" | "simpler" | "hang in shrinking" | "findings" | "two words" | "late hang", 5) => {
                    Err("five were taken".to_owned())
                }
                ("two words", 12..) => Err("too many were taken".to_owned()),
                _ => Ok(()),
            }
        })
}

/// What the process does: a command line, or a sweep as in a test, on one thread or another.
pub(crate) fn main(how: &str) -> ExitCode {
    let worlds = std::env::var("DDC_DIES_AFTER").ok().and_then(|worlds| worlds.parse().ok()).unwrap_or(300);
    let sweep = move || harness().sweep(worlds).assert_clean();
    match how {
        "cli" => return harness().cli(),
        "main thread" => sweep(),
        "thread" => thread::Builder::new().spawn(sweep).unwrap().join().unwrap(),
        name => thread::Builder::new().name(name.to_owned()).spawn(sweep).unwrap().join().unwrap(),
    }
    ExitCode::SUCCESS
}
