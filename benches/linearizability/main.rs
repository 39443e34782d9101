//! What it costs to judge histories.
//!
//!     cargo bench --bench linearizability             long histories: correct registers, and maps of 100 keys
//!     cargo bench --bench linearizability -- agree N  N small random ones, beside a checker that tries all orders
//!     cargo bench --bench linearizability -- sweep N  N worlds of a register, a map and a queue, with the check and without
//!     cargo bench --bench linearizability -- judge FILE   a history of a map in JSON lines
//!     cargo bench --bench linearizability -- write DIR    histories for others to judge
#![expect(clippy::disallowed_types, reason = "a bench measures")]

#[path = "../../tests/histories/agreement.rs"]
mod agreement;
#[path = "../../tests/histories/brute.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod brute;
#[path = "../../tests/histories/central.rs"]
mod central;
#[path = "../../tests/histories/plain.rs"]
mod plain;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::Verdict;
use distributed_data_consistency::check::linearizability::{
    Map, Model, Queue, Register, RegisterAnswer, RegisterOp, SearchLimits, check_history,
};
use distributed_data_consistency::history::{History, Outcome};
use distributed_data_consistency::protocol::Rng;
use distributed_data_consistency::sweep::{Seeds, SweepOptions};

use brute::{HistoryOf, Shape, draw_with};

type MapHistory = HistoryOf<Map<String, u64>>;

/// What one run of the bench draws: clients, operations, keys, unknown outcomes and wrong answers in a hundred thousand.
const SHAPES: [(u64, u64, u64, u64, u64); 10] = [
    (1, 10_000, 1, 0, 0),
    (5, 10_000, 1, 0, 0),
    (10, 10_000, 1, 0, 0),
    (10, 10_000, 1, 0, 1),
    (10, 10_000, 1, 1, 0),
    (30, 10_000, 1, 0, 0),
    (100, 10_000, 1, 0, 0),
    (10, 100_000, 100, 0, 0),
    (100, 100_000, 100, 0, 0),
    (100, 100_000, 100, 1, 1),
];

fn draw(seed: u64, (clients, operations, keys, unknown, wrong): (u64, u64, u64, u64, u64)) -> MapHistory {
    let mut value = 0;
    let ask = |rng: &mut Rng| {
        value += 1;
        let key = format!("k{}", rng.below(keys));
        (key, if rng.below(2) == 0 { RegisterOp::Read } else { RegisterOp::Write(Some(value)) })
    };
    let shape = Shape { clients, operations, unknown, wrong: 0 };
    let mut history = draw_with::<ManyKeys>(&mut Rng::new(seed, 0), shape, ask);
    if wrong > 0 {
        history = spoil(&history, seed);
    }
    history
}

/// The same history with one read of an old value near its end.
fn spoil(history: &MapHistory, seed: u64) -> MapHistory {
    let reads: Vec<usize> = (0..history.len())
        .filter(|at| {
            let operation = &history.operations()[*at];
            operation.input.1 == RegisterOp::Read && matches!(operation.outcome, Outcome::Known(_))
        })
        .collect();
    let victim = reads[reads.len() * 9 / 10 + Rng::new(seed, 1).below(reads.len() as u64 / 20) as usize];
    let mut at = 0;
    history.map(|input, output| {
        at += 1;
        let output = if at - 1 == victim { Some(RegisterAnswer::Value(None)) } else { output.copied() };
        Some((input.clone(), output))
    })
}

/// A map of any number of keys, to draw histories from.
#[derive(Default)]
struct ManyKeys(Map<String, u64>);

impl Model for ManyKeys {
    type Input = (String, RegisterOp<Option<u64>>);
    type Output = RegisterAnswer<Option<u64>>;
    type State = Option<u64>;
    type Key = String;

    fn init(&self) -> Option<u64> {
        self.0.init()
    }

    fn step(&self, state: &Option<u64>, input: &Self::Input, output: Option<&Self::Output>) -> Option<Option<u64>> {
        self.0.step(state, input, output)
    }
}

impl plain::Plain for ManyKeys {
    type Held = std::collections::BTreeMap<String, Option<u64>>;

    fn run(held: &mut Self::Held, (key, input): &Self::Input) -> Self::Output {
        plain::run_register(held.entry(key.clone()).or_default(), input)
    }

    fn is_like(given: &Self::Output, expected: &Self::Output) -> bool {
        given == expected
    }

    fn draw(rng: &mut Rng) -> Self::Input {
        (String::new(), if rng.below(2) == 0 { RegisterOp::Read } else { RegisterOp::Write(None) })
    }

    fn draw_answer(input: &Self::Input, _rng: &mut Rng) -> Self::Output {
        Self::run(&mut Self::Held::default(), input)
    }
}

fn tell(name: &str, history: &MapHistory) {
    let begin = Instant::now();
    let verdict = check_history(&Map::default(), history, SearchLimits::default());
    let took = begin.elapsed();
    let said = match verdict {
        Verdict::Holds => "holds".to_owned(),
        Verdict::Unknown { states } => format!("unknown after {states} states"),
        verdict => format!("violated, {} ordered", verdict.misfit().map_or(0, |misfit| misfit.ordered.len())),
    };
    println!("{name:<48} {:>9.1} ms  {said}", took.as_secs_f64() * 1e3);
}

/// The same worlds without the check and with it, by turns.
fn sweep<S>(name: &str, worlds: u64)
where
    S: plain::Plain + Clone + Send + Sync + 'static,
    S::Input: serde::Serialize + serde::de::DeserializeOwned + Send + Sync,
    S::Output: Send + Sync,
    S::State: Send + Sync,
    S::Key: Send + Sync,
{
    let time = |harness: Harness<central::Central<S>>| {
        let options = SweepOptions { jobs: NonZeroUsize::MIN, ..SweepOptions::new(Seeds::first(worlds)) };
        let begin = Instant::now();
        assert!(harness.sweep_with(&options, &|_| {}).is_clean());
        begin.elapsed().as_secs_f64() * 1e6 / worlds as f64
    };
    let (mut without, mut with) = (f64::MAX, f64::MAX);
    for _ in 0..5 {
        without = without.min(time(central::unchecked::<S>(None)));
        with = with.min(time(central::central::<S>(None)));
    }
    println!(
        "{name:<10} {without:>7.2} µs a world without the check, {with:>7.2} µs with it: {:.2} times",
        with / without
    );
}

fn name_of((clients, operations, keys, unknown, wrong): (u64, u64, u64, u64, u64)) -> String {
    let unknown = if unknown > 0 { format!("-unknown{unknown}") } else { String::new() };
    format!("c{clients}-n{operations}-k{keys}{unknown}{}", if wrong > 0 { "-wrong" } else { "" })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["agree", count] => {
            let begin = Instant::now();
            let (right, all) = agreement::agree_all(1_000, count.parse().expect("a number"));
            println!("{right} of {all} are linearizable; no verdict differs; {:.1} s", begin.elapsed().as_secs_f64());
        }
        ["sweep", worlds] => {
            let worlds: u64 = worlds.parse().expect("a number");
            sweep::<Register<u64>>("register", worlds);
            sweep::<Map<String, u64>>("map", worlds);
            sweep::<Queue<u64>>("queue", worlds);
        }
        ["judge", file] => {
            let text = std::fs::read_to_string(file).expect("a file");
            tell(file, &History::from_json_lines(&text).expect("a history"));
        }
        ["write", directory] => {
            for shape in SHAPES {
                let path = Path::new(directory).join(format!("{}.jsonl", name_of(shape)));
                std::fs::write(path, draw(1, shape).to_json_lines().expect("JSON")).expect("a directory");
            }
        }
        _ => {
            for shape in SHAPES {
                tell(&name_of(shape), &draw(1, shape));
            }
        }
    }
}
