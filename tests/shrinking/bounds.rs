//! What shrinking and explaining cost is bounded, whatever the system does, and whoever has seen enough is heard at once. All of it
//! is counted in steps, never timed.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::determinism::DETERMINISM;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::shrink::{ShrinkOptions, Shrunk, Watch, shrink};
use distributed_data_consistency::sim::{Action, Plan, PlannedRequest};
use distributed_data_consistency::sweep::{Failure, Seeds, SweepOptions, failure_of};

/// Does what it is made for, and counts its steps.
struct Busy {
    step: fn(&mut Self, u32, &mut Env<'_, Self>),
    steps: Arc<AtomicU64>,
    is_acked: bool,
    is_bad: bool,
}

impl StateMachine for Busy {
    type Message = u32;
    type Timer = u32;
    type Request = u32;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, number: u32, env: &mut Env<'_, Self>) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        (self.step)(self, number, env);
    }

    fn on_request(&mut self, _id: RequestId, number: u32, env: &mut Env<'_, Self>) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        (self.step)(self, number, env);
    }

    fn on_timer(&mut self, number: u32, env: &mut Env<'_, Self>) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        (self.step)(self, number, env);
    }
}

fn busy(step: fn(&mut Busy, u32, &mut Env<'_, Busy>)) -> (Harness<Busy>, Arc<AtomicU64>) {
    let steps = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&steps);
    let boot = move |_| Busy { step, steps: Arc::clone(&counted), is_acked: false, is_bad: false };
    let harness = Harness::new("busy", boot).requests(|rng| rng.between(1, 3) as u32).always("bad", |nodes| {
        if nodes.up().any(|(_, node)| node.is_bad) { Err("a node is bad".to_owned()) } else { Ok(()) }
    });
    (harness, steps)
}

fn plan(node_count: usize, numbers: &[u32]) -> Plan {
    let request = |(place, number): (u64, &u32)| {
        PlannedRequest::new(Time::from_millis(place), NodeId::new(0), Action::new(*number))
    };
    // Messages are so fast that a storm is one of steps, and not of time.
    let requests = (0..).zip(numbers).map(request).collect();
    Plan { requests, latency: Duration::from_micros(1), ..Plan::new(node_count) }
}

/// Counts down, a message to itself at a time.
fn countdown(node: &mut Busy, number: u32, env: &mut Env<'_, Busy>) {
    match number {
        0 => node.is_bad = true,
        _ => env.send(env.id(), number - 1),
    }
}

/// Is asked 1, tells the other node, and is bad if that has answered in time; if not, both talk for ever.
fn touchy(node: &mut Busy, number: u32, env: &mut Env<'_, Busy>) {
    let other = NodeId::new(1 - env.id().index());
    match number {
        1 => {
            env.send(other, 2);
            env.set_timer(4, Duration::from_millis(5));
        }
        2 => env.send(other, 3),
        3 => node.is_acked = true,
        4 if node.is_acked => node.is_bad = true,
        _ => env.send(other, 5),
    }
}

#[test]
fn what_storms_beside_a_short_failure_is_cut_short() {
    let (harness, steps) = busy(touchy);
    let shrunk = shrink(&harness, &plan(2, &[1]), &ShrinkOptions::default()).unwrap();
    assert_eq!(shrunk.violation.check, "bad");
    let mut failure = Failure::new(&harness, None, shrunk);
    failure.explain(&harness);
    // Whoever does not ask at all passes; and what is lost or late was not told to pass.
    assert!(failure.twin.as_ref().unwrap().change.starts_with("without"), "{:?}", failure.twin);
    let steps = steps.load(Ordering::Relaxed);
    assert!(steps < 5_000_000, "{steps} steps: one storm alone takes a million");
}

#[test]
fn a_run_without_end_is_shrunk_by_its_beginning() {
    let (harness, steps) = busy(|_, number, env| env.send(NodeId::new(1 - env.id().index()), number));
    let harness = harness.step_count_max(300_000);
    let shrunk = shrink(&harness, &plan(2, &[1, 2, 3, 1, 2, 3, 1]), &ShrinkOptions::default()).unwrap();
    assert_eq!((shrunk.violation.check.as_str(), shrunk.plan.requests.len()), ("rest", 1));
    // It is told as what it is: of the whole run.
    assert_eq!((shrunk.violation.step, shrunk.digest), (300_000, harness.run(&shrunk.plan).digest));
    let steps = steps.load(Ordering::Relaxed);
    // The run as it was found, as it is told, and once more above; each candidate is no more than a beginning.
    assert!(steps <= 3 * 300_000 + (shrunk.runs + 10) * 20_000, "{steps} steps for {} runs", shrunk.runs);
}

#[test]
fn the_budget_of_steps_is_kept_on_any_number_of_threads() {
    let failing = |jobs: usize, steps_max: u64| {
        let (harness, steps) = busy(countdown);
        let plan = plan(3, &[700, 900, 800, 600, 900, 750, 950, 650]);
        let jobs = NonZeroUsize::new(jobs).unwrap();
        let options = ShrinkOptions { jobs, steps_max, ..ShrinkOptions::default() };
        let Shrunk { plan, digest, runs, .. } = shrink(&harness, &plan, &options).unwrap();
        ((plan, digest, runs), steps.load(Ordering::Relaxed))
    };
    let mut runs = 0;
    for steps_max in [1, 20_000, 60_000, 200_000] {
        let (one, steps) = failing(1, steps_max);
        // A batch of eight is run ahead, and the run that fails is recorded again.
        assert!(steps < steps_max + 12 * 10_000, "{steps} steps of {steps_max}");
        assert_eq!(one, failing(2, steps_max).0, "{steps_max}");
        assert_eq!(one, failing(7, steps_max).0, "{steps_max}");
        assert!(one.2 >= runs);
        runs = one.2;
    }
}

#[test]
fn whoever_has_seen_enough_is_heard_in_the_middle_of_a_run() {
    let stop = Arc::<AtomicBool>::default();
    let after = Arc::<AtomicU64>::default();
    let seen = Arc::<AtomicU64>::default();
    let (flag, counted) = (Arc::clone(&stop), (Arc::clone(&after), Arc::clone(&seen)));
    let (harness, _) = busy(countdown);
    let harness = harness.always("brake", move |_| {
        if flag.load(Ordering::Relaxed) {
            counted.0.fetch_add(1, Ordering::Relaxed);
        }
        // The run itself takes two hundred thousand steps, and is looked at for twenty thousand, whole, and once more to write it down:
        // this is in the middle of a candidate.
        if counted.1.fetch_add(1, Ordering::Relaxed) == 470_000 {
            flag.store(true, Ordering::Relaxed);
        }
        Ok(())
    });
    let plan = plan(1, &[100_000, 100_000]);
    let options = ShrinkOptions { stop: Arc::clone(&stop), jobs: NonZeroUsize::MIN, ..ShrinkOptions::default() };
    let shrunk = shrink(&harness, &plan, &options).unwrap();
    assert!(stop.load(Ordering::Relaxed) && shrunk.violation.check == "bad");
    let after = after.load(Ordering::Relaxed);
    assert!(after <= 2 * 1_024, "{after} steps after it was stopped");
}

/// A candidate that fails once, and not again when it is written down: that is told as what it is, and is no panic of ours.
#[test]
fn a_candidate_that_fails_only_once_is_told_as_not_deterministic() {
    // The run that is found, the two that verify it, and the one that is shrunk fail; and then the second candidate, once.
    const FAILING: [u64; 5] = [0, 1, 2, 3, 5];
    let runs = Arc::new(AtomicU64::new(0));
    let (harness, _) = busy(|_, _, _| {});
    let harness = harness.at_rest("luck", move |_| {
        let is_failing = FAILING.contains(&runs.fetch_add(1, Ordering::Relaxed));
        if is_failing { Err("out of luck".to_owned()) } else { Ok(()) }
    });
    let plan = plan(3, &[1, 2, 3, 1, 2, 3]);
    let options = ShrinkOptions { jobs: NonZeroUsize::MIN, ..ShrinkOptions::default() };
    let (recorded, verified) = (harness.record(&plan), harness.verify_plan(&plan));
    assert!(recorded.outcome.violation.is_some() && verified.differs.is_none());
    let told = failure_of(&harness, recorded, verified, "luck", &options);
    assert_eq!(told.shrunk.violation.check, DETERMINISM, "{:?}", told.shrunk.violation);
    assert!(told.shrunk.violation.breach.summary.contains("a world violated luck"), "{:?}", told.shrunk.violation);
}

#[test]
fn whoever_watches_hears_which_seed_is_shrunk_and_how_far() {
    let (harness, _) = busy(|node, number, _| node.is_bad = number == 3);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let watch = Watch::new(move |shrinking| {
        hears.lock().unwrap().push((shrinking.seed, shrinking.decisions, shrinking.to_string()));
    });
    let sweep = harness.sweep_with(&SweepOptions { watch, ..SweepOptions::new(Seeds::first(40)) }, &|_| {});
    let heard = heard.lock().unwrap();
    let seeds: Vec<u64> = heard.iter().filter_map(|(seed, ..)| *seed).collect();
    assert!(!heard.is_empty() && seeds.len() == heard.len());
    assert!(seeds.contains(&sweep.failures[0].seed.unwrap()));
    assert!(heard.iter().any(|(_, decisions, _)| *decisions == sweep.failures[0].shrunk.plan.decision_count()));
    assert!(heard[0].2.starts_with(&format!("seed {:#x}, bad: ", seeds[0])), "{}", heard[0].2);
}
