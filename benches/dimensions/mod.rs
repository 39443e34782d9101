//! How the time of a whole run, file or screen grows with one number at a time, as an exponent: 1.0 is in proportion.

#![expect(clippy::disallowed_types, reason = "a benchmark measures real time; no run sees it")]

mod plans;

use std::time::{Duration, Instant};

use distributed_data_consistency::check::{Convergence, Identity, Liveness, Residue, Siblings};
use distributed_data_consistency::harness::Harness;
use distributed_data_consistency::kv::StoreWorkload;
use distributed_data_consistency::replay::{Expect, PlanFile};
use distributed_data_consistency::report::diagram;
use distributed_data_consistency::sim::Plan;
use distributed_data_consistency::store::Node;
use distributed_data_consistency::strategy::Profile;
use plans::{fates, faults, puts, settled};

/// What grows faster than this is told of, with the reason.
const EXPONENT_MAX: f64 = 1.1;

/// Each size is measured so often, in turn, and the best counts: others use the machine too.
const ROUNDS: usize = 3;

/// One number that grows, all else being the same.
struct Dimension {
    name: &'static str,
    /// What the time is divided by.
    unit: &'static str,
    sizes: &'static [usize],
    /// Why it grows faster than in proportion, if it does.
    why: &'static str,
    run: fn(usize) -> Measured,
}

/// How long it took, and of how many units.
struct Measured {
    took: Duration,
    units: u64,
}

const REQUESTS: &[usize] = &[6_250, 25_000, 100_000];
const RECORDED: &[usize] = &[3_125, 12_500, 50_000];
const HOSTILE: &[usize] = &[1_000, 4_000, 16_000];
const DECISIONS: &[usize] = &[6_250, 25_000, 100_000];

/// Growth of caches that are missed, not of work.
const CACHES: &str = "nothing is done more often: what is held no longer fits in the caches";

const ALL: &[Dimension] = &[
    Dimension { name: "requests, 20 keys", unit: "request", sizes: REQUESTS, why: CACHES, run: |n| run(&puts(n, 20)) },
    Dimension { name: "requests, one key", unit: "request", sizes: REQUESTS, why: CACHES, run: |n| run(&puts(n, 1)) },
    Dimension {
        name: "requests, as many keys",
        unit: "request",
        sizes: REQUESTS,
        why: CACHES,
        run: |n| run(&puts(n, n)),
    },
    Dimension {
        name: "recorded, 20 keys",
        unit: "request",
        sizes: RECORDED,
        why: CACHES,
        run: |n| record(&puts(n, 20)),
    },
    Dimension {
        name: "recorded, one key",
        unit: "request",
        sizes: RECORDED,
        why: CACHES,
        run: |n| record(&puts(n, 1)),
    },
    Dimension {
        name: "hostile worlds by requests",
        unit: "step",
        sizes: HOSTILE,
        why: "crashes come with requests, and each makes a node take in again all keys there are",
        run: |n| hostile(n, false),
    },
    Dimension {
        name: "hostile worlds, recorded",
        unit: "step",
        sizes: HOSTILE,
        why: "as above; and each step asks its node about each write that it lacks, those that died with a node among them",
        run: |n| hostile(n, true),
    },
    Dimension {
        name: "nodes, one request",
        unit: "message",
        sizes: &[64, 256, 1_024],
        why: "n nodes ask each other: n² messages, each held until it is due; a message costs more as they leave the caches",
        run: |n| run(&settled(n)),
    },
    Dimension { name: "fates, one a request", unit: "fate", sizes: DECISIONS, why: CACHES, run: |n| run(&fates(n)) },
    Dimension {
        name: "faults: pauses and cuts",
        unit: "fault",
        sizes: DECISIONS,
        why: CACHES,
        run: |n| run(&faults(n)),
    },
    Dimension { name: "plan files: write", unit: "decision", sizes: FILES, why: CACHES, run: write },
    Dimension { name: "plan files: read", unit: "decision", sizes: FILES, why: CACHES, run: read },
    Dimension { name: "trace of a run, as text", unit: "event", sizes: TRACES, why: CACHES, run: lines },
    Dimension { name: "diagram of a long trace", unit: "event", sizes: TRACES, why: CACHES, run: draw },
];

const FILES: &[usize] = &[1_250, 5_000, 20_000];
const TRACES: &[usize] = &[1_000, 4_000, 16_000];

/// Measures one dimension once: for whoever counts what it does.
pub(crate) fn once(name: &str, size: usize) {
    let dimension = ALL.iter().find(|dimension| dimension.name == name).expect("expect: the name of a dimension");
    let Measured { took, units } = (dimension.run)(size);
    println!("{name}: {:.1} ms for {units} of {}", took.as_nanos() as f64 / 1e6, dimension.unit);
}

/// Prints a line for each dimension, and a reason for each that grows faster than in proportion.
pub(crate) fn print(quick: bool) {
    println!("{:<28}{:>10}{:>10}  {:<16}{:>10}", "dimension", "size", "ms", "ns", "exponent");
    for dimension in ALL {
        let sizes = if quick { &dimension.sizes[..1] } else { dimension.sizes };
        let mut best = vec![f64::INFINITY; sizes.len()];
        let mut units = vec![0; sizes.len()];
        for _ in 0..if quick { 1 } else { ROUNDS } {
            for (place, size) in sizes.iter().enumerate() {
                let measured = (dimension.run)(*size);
                best[place] = best[place].min(measured.took.as_nanos() as f64);
                units[place] = measured.units;
            }
        }
        // Where the unit is not what grows, as with the messages of n nodes, it is what counts.
        let points: Vec<(f64, f64)> = units.iter().zip(&best).map(|(units, nanos)| (*units as f64, *nanos)).collect();
        for (place, size) in sizes.iter().enumerate() {
            let name = if place == 0 { dimension.name } else { "" };
            let each = format!("{:.0} a {}", best[place] / units[place] as f64, dimension.unit);
            let last = place + 1 == sizes.len() && place > 0;
            let exponent = if last { format!("{:.2}", exponent(&points)) } else { String::new() };
            println!("{name:<28}{size:>10}{:>10.1}  {each:<16}{exponent:>10}", best[place] / 1e6);
        }
        if sizes.len() > 1 && exponent(&points) > EXPONENT_MAX {
            println!("    above {EXPONENT_MAX}: {}", dimension.why);
        }
    }
}

/// The slope of the straight line that fits best where both axes are logarithmic.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(size, time)| (size.ln(), time.ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / logs.len() as f64;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let covariance: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    covariance / logs.iter().map(|log| (log.0 - x).powi(2)).sum::<f64>()
}

fn store() -> Harness<Node> {
    let store = Harness::new("store", Node::boot).workload(StoreWorkload::plain()).step_count_max(u64::MAX);
    let store = store.check(Siblings::new()).check(Identity::new()).check(Residue::new());
    store.check(Convergence::new()).check(Liveness::new())
}

/// How long the processor worked: what else the machine does is no part of it.
fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let (start, worked) = (Instant::now(), on_processor());
    let done = work();
    let took = on_processor().zip(worked).map(|(now, before)| Duration::from_nanos(now - before));
    (took.unwrap_or_else(|| start.elapsed()), done)
}

/// How many nanoseconds this thread has had of a processor; only Linux tells.
fn on_processor() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// All decisions, or all messages if there are few of those.
fn units(plan: &Plan, delivered: u64) -> u64 {
    if plan.decision_count() > 1 { plan.decision_count() as u64 } else { delivered }
}

fn run(plan: &Plan) -> Measured {
    let store = store();
    let (took, outcome) = time(|| store.run(plan));
    assert!(outcome.is_clean(), "expect: the store is right");
    let units = units(plan, outcome.stats.delivered);
    // A request with a fate of its message is one thing twice.
    Measured { took, units: if plan.fates.is_empty() { units } else { plan.fates.len() as u64 } }
}

fn record(plan: &Plan) -> Measured {
    let store = store();
    let (took, recorded) = time(|| store.record(plan));
    assert!(recorded.outcome.is_clean(), "expect: the store is right");
    Measured { took, units: plan.decision_count() as u64 }
}

/// Worlds as seeds draw them, with more requests, and as many more faults.
fn hostile(requests: usize, recorded: bool) -> Measured {
    let (count, hostile) = (requests as u32, Profile::hostile());
    let scale = count / 10;
    let profile =
        Profile { hostile_max: hostile.hostile_max * scale, faults_max: hostile.faults_max * scale, ..hostile };
    let store = store().workload(StoreWorkload::default()).profile(profile).request_counts(count..=count);
    let run = |seed| match recorded {
        true => store.record_seed(seed).outcome,
        false => store.run_seed(seed),
    };
    // Worlds differ: some are harsher than others.
    let (took, steps) = time(|| (0..4).map(run).map(|outcome| outcome.stats.steps).sum());
    Measured { took, units: steps }
}

fn file(n: usize) -> PlanFile {
    let mut plan = fates(n);
    plan.faults = faults(n).faults;
    PlanFile { system: "store".to_owned(), plan, expect: Expect::Clean, digest: Some(0), trace: Vec::new() }
}

fn write(n: usize) -> Measured {
    let file = file(n);
    let (took, text) = time(|| file.to_toml());
    text.expect("expect: the plan has a text");
    Measured { took, units: file.plan.decision_count() as u64 }
}

fn read(n: usize) -> Measured {
    let file = file(n);
    let text = file.to_toml().expect("expect: the plan has a text");
    let store = store();
    let (took, read) = time(|| store.parse_plan("growth.toml".as_ref(), &text));
    assert_eq!(read.expect("expect: what was written is read").plan.decision_count(), file.plan.decision_count());
    Measured { took, units: file.plan.decision_count() as u64 }
}

fn lines(n: usize) -> Measured {
    let recorded = store().record(&fates(n));
    let (took, lines) = time(|| recorded.trace.lines());
    Measured { took, units: lines.len() as u64 }
}

fn draw(n: usize) -> Measured {
    let recorded = store().record(&fates(n));
    let (took, lines) = time(|| diagram(&recorded.trace, &recorded.plan, None, 80, 18));
    assert!(lines.len() < 40, "expect: a diagram is short");
    Measured { took, units: recorded.trace.events.len() as u64 }
}
