//! Systems that are not deterministic, each with one leak, and what is said of them: the step that goes another way, what
//! differs in it, and the likely cause. And systems that are, of which nothing is said.
//!
//! No test here depends on how fast a thread is: what a race, a stopwatch or a clock would show is played by a counter, and worlds
//! are run on one thread, so that each run is given the same each time.
#![cfg(feature = "builtin")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_types, reason = "these leaks are what is to be caught")]

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::determinism::{Cause, DETERMINISM};
use distributed_data_consistency::protocol::{Digest, Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::replay::{Expect, PlanFile};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::shrink::ShrinkOptions;
use distributed_data_consistency::sim::What;
use distributed_data_consistency::sweep::{Failure, Seeds, SweepOptions};

/// What a leaky node does when it is asked to leak.
type Leak = fn(&mut Leaky, RequestId, &mut Env<'_, Leaky>);

/// Does nothing of note, until it is asked to leak.
struct Leaky {
    leak: Leak,
    /// What a leak may leave in the state.
    stain: u64,
}

impl StateMachine for Leaky {
    type Message = String;
    type Timer = String;
    type Request = String;
    type Response = String;
    type Durable = String;

    fn on_message(&mut self, from: NodeId, message: String, env: &mut Env<'_, Self>) {
        if message == "hello" {
            env.send(from, "hello to you".to_owned());
        }
    }

    fn on_request(&mut self, id: RequestId, request: String, env: &mut Env<'_, Self>) {
        if request == "leak" {
            (self.leak)(self, id, env);
        } else {
            env.broadcast(&"hello".to_owned());
            env.respond(id, "said hello".to_owned());
        }
    }

    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.stain);
    }
}

fn leaky(leak: Leak) -> Harness<Leaky> {
    Harness::new("leaky", move |_| Leaky { leak, stain: 0 })
        .nodes(4..=5)
        .requests(|rng| if rng.chance(300) { "leak".to_owned() } else { "talk".to_owned() })
}

fn options(worlds: u64, verify_permille: u32) -> SweepOptions {
    SweepOptions { verify_permille, jobs: NonZeroUsize::MIN, ..SweepOptions::new(Seeds::first(worlds)) }
}

/// A number without a pattern, below `below`: the next one each time.
fn luck(drawn: &AtomicU64, below: u64) -> u64 {
    let mut bits = drawn.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ bits >> 31) % below
}

/// The first step that goes another way is the one that leaks, what differs in it begins with `what`, and the likely cause
/// is `cause`.
#[track_caller]
fn check(leak: Leak, what: &str, cause: Cause) {
    let sweep = leaky(leak).sweep_with(&options(60, 1_000), &|_| {});
    let failure = sweep.failures.first().expect("the leak is found");
    assert!(sweep.violations[DETERMINISM] > 0);
    assert_is_leak(failure, what, cause);
}

#[track_caller]
fn assert_is_leak(failure: &Failure, what: &str, cause: Cause) {
    let violation = &failure.shrunk.violation;
    assert_eq!(violation.check, DETERMINISM);
    let of_step = failure.trace.events.iter().filter(|event| event.step == violation.step);
    let asked = of_step.clone().any(|event| matches!(&event.what, What::Asked { text, .. } if text == "\"leak\""));
    assert!(asked, "{violation:#?}\n{:#?}", of_step.collect::<Vec<_>>());
    let [one, other, likely] = violation.breach.because.as_slice() else { panic!("{violation:#?}") };
    assert!(one.starts_with(&format!("one run    {what}")), "{violation:#?}");
    assert!(other.starts_with(&format!("the other  {what}")), "{violation:#?}");
    assert_ne!(one.strip_prefix("one run    "), other.strip_prefix("the other  "), "{violation:#?}");
    assert_eq!(*likely, format!("likely     {cause}"), "{violation:#?}");
    // What came later cannot be to blame, and is not shown.
    assert!(failure.shrunk.plan.requests.iter().all(|planned| planned.at <= violation.at));
    assert!(failure.trace.events.iter().all(|event| event.step <= violation.step));
}

#[test]
fn the_order_of_a_hash_map_in_a_message() {
    check(
        |_, _, env| {
            let map: HashMap<u32, u32> = (0..8).map(|key| (key, key * key)).collect();
            env.broadcast(&format!("{map:?}"));
        },
        "sends to ",
        Cause::IterationOrder,
    );
}

#[test]
fn the_order_of_a_hash_set_in_sends() {
    check(
        |_, _, env| {
            let peers: HashSet<NodeId> = env.peers().collect();
            peers.into_iter().for_each(|peer| env.send(peer, "hello".to_owned()));
        },
        "sends to ",
        Cause::IterationOrder,
    );
}

/// The order in which a hash set would give the peers.
fn shuffled(env: &Env<'_, Leaky>, drawn: &AtomicU64) -> Vec<NodeId> {
    let mut peers: Vec<NodeId> = env.peers().collect();
    for last in (1..peers.len()).rev() {
        peers.swap(last, luck(drawn, last as u64 + 1) as usize);
    }
    peers
}

/// Some runs do more than others, because they come to the first peer later.
#[test]
fn an_order_that_makes_one_run_do_more() {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    check(
        |_, _, env| {
            let first = env.peers().next();
            for peer in shuffled(env, &DRAWN) {
                env.send(peer, "hello".to_owned());
                if Some(peer) == first {
                    break;
                }
            }
        },
        "sends to ",
        Cause::IterationOrder,
    );
}

#[test]
fn the_time_of_day() {
    static NANOS: AtomicU64 = AtomicU64::new(1_700_000_000_000_000_000);
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    check(
        |_, id, env| {
            let passed = 1 + luck(&DRAWN, 1_000_000);
            env.respond(id, format!("it is {}", NANOS.fetch_add(passed, Ordering::Relaxed)));
        },
        "answers request ",
        Cause::WallClock,
    );
}

#[test]
fn a_stopwatch() {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    check(
        |_, _, env| {
            let elapsed = Duration::from_nanos(200 + luck(&DRAWN, 5_000));
            env.persist(|durable| *durable = format!("took {elapsed:?}"));
        },
        "persists ",
        Cause::Timing,
    );
}

#[test]
fn a_static_counter() {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    check(
        |_, _, env| {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            env.set_timer(format!("timer {number}"), Duration::from_millis(1));
        },
        "sets timer ",
        Cause::Counter,
    );
}

#[test]
fn an_address_in_a_message() {
    check(
        |_, _, env| {
            let place: &u64 = Box::leak(Box::new(0));
            env.broadcast(&format!("{place:p}"));
        },
        "sends to ",
        Cause::Address,
    );
}

#[test]
fn an_address_as_a_number() {
    check(
        |_, id, env| {
            let place: &u64 = Box::leak(Box::new(0));
            env.respond(id, format!("session {}", std::ptr::from_ref(place).addr()));
        },
        "answers request ",
        Cause::Address,
    );
}

#[test]
fn an_address_in_the_state() {
    check(
        |node, _, _| node.stain = std::ptr::from_ref::<u64>(Box::leak(Box::new(0))).addr() as u64,
        "holds another state",
        Cause::State,
    );
}

#[test]
fn the_identity_of_the_thread() {
    check(|_, _, env| env.broadcast(&format!("from {:?}", thread::current().id())), "sends to ", Cause::ThreadIdentity);
}

/// How much of the work one of two threads did: what a real race comes to depends on how busy the machine is.
#[test]
fn a_race_of_two_threads() {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    check(|_, id, env| env.respond(id, format!("left did {}", luck(&DRAWN, 1_000))), "answers request ", Cause::Timing);
}

#[test]
fn a_thread_local_that_outlives_its_world() {
    thread_local! {
        static COUNTER: Cell<u64> = const { Cell::new(0) };
    }
    // Asked twice or more in a world, it has counted on.
    check(
        |_, id, env| {
            COUNTER.set(COUNTER.get() + 1);
            env.respond(id, format!("answer {}", COUNTER.get()));
        },
        "answers request ",
        Cause::ThreadLocal,
    );
}

#[test]
fn the_seed_of_a_hasher() {
    check(
        |_, _, env| {
            let hash = RandomState::new().hash_one("a key");
            env.broadcast(&format!("to shard {hash}"));
        },
        "sends to ",
        Cause::Entropy,
    );
}

#[test]
fn clients_that_are_not_deterministic_are_found_too() {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let harness = Harness::new("leaky", |_| Leaky { leak: |_, _, _| {}, stain: 0 })
        .requests(|_| format!("request {}", COUNTER.fetch_add(1, Ordering::Relaxed)));
    let sweep = harness.sweep_with(&options(10, 1_000), &|_| {});
    let violation = &sweep.failures[0].shrunk.violation;
    assert!(violation.breach.because[0].starts_with("one run    is asked request "), "{violation:#?}");
    assert_eq!(violation.breach.because[2], format!("likely     {}", Cause::Counter));
}

/// One world in a hundred is verified without being asked for, and which is up to the seed.
#[test]
fn a_sweep_finds_leaks_by_itself() {
    let clean = |_: &mut Leaky, id: RequestId, env: &mut Env<'_, Leaky>| env.respond(id, "done".to_owned());
    let identity: Leak = |_, id, env| env.respond(id, format!("{:?}", thread::current().id()));
    let by_default = SweepOptions::new(Seeds::first(1_000));
    assert_eq!(leaky(clean).sweep_with(&by_default, &|_| {}).violation_count(), 0);
    let found = leaky(identity).sweep_with(&by_default, &|_| {}).violation_count();
    assert!((3..30).contains(&found), "{found} of 1,000");
    // Of all the others nobody knows.
    let sweep = leaky(identity).sweep_with(&by_default, &|_| {});
    assert!((found..30).contains(&sweep.verified), "{} were run twice", sweep.verified);
    let told = format!("determinism {found} of the {} worlds that were run twice", sweep.verified);
    assert_eq!(sweep.tell_violations(&|count| count.to_string()), [told]);
    assert_eq!(leaky(identity).sweep_with(&by_default, &|_| {}).violation_count(), found);
    assert_eq!(leaky(identity).sweep_with(&options(1_000, 0), &|_| {}).violation_count(), 0);
}

/// A check that is violated by chance: what is to blame is told, and not the check.
#[test]
fn a_failure_that_does_not_come_back_is_not_dropped() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    // Nothing that any run shows differs, but the verdict.
    let once = leaky(|_, _, _| {}).at_rest("luck", |_| match RUNS.fetch_add(1, Ordering::Relaxed) {
        20 => Err("out of luck".to_owned()),
        _ => Ok(()),
    });
    let sweep = once.sweep_with(&options(50, 0), &|_| {});
    assert_eq!(sweep.violations.iter().collect::<Vec<_>>(), [(&DETERMINISM.to_owned(), &1)]);
    let violation = &sweep.failures[0].shrunk.violation;
    assert_eq!(violation.to_string(), "determinism: a world violated luck, and does not do so again");
    assert_eq!(violation.breach.because[0], "run again, it is clean");

    // Here every second run is violated, so that two runs in a row differ.
    static TURNS: AtomicU64 = AtomicU64::new(0);
    let in_turn = leaky(|_, _, _| {}).at_rest("luck", |_| match TURNS.fetch_add(1, Ordering::Relaxed) % 2 {
        0 => Err("out of luck".to_owned()),
        _ => Ok(()),
    });
    let sweep = in_turn.sweep_with(&options(50, 0), &|_| {});
    let violation = &sweep.failures[0].shrunk.violation;
    assert_eq!(violation.check, DETERMINISM);
    assert!(violation.breach.because.iter().any(|reason| reason.contains("verdict: luck")), "{violation:#?}");
}

#[test]
fn a_leak_is_told_on_one_screen_saved_and_found_again_from_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let harness = leaky(|_, _, env| {
        let map: HashMap<u32, u32> = (0..8).map(|key| (key, key * key)).collect();
        env.broadcast(&format!("{:?}", map.keys().collect::<Vec<_>>()));
    })
    .snapshots(directory.path());
    let swept = harness.verify(60);
    let told = panic::catch_unwind(AssertUnwindSafe(|| swept.assert_clean())).unwrap_err();
    let told = told.downcast::<String>().unwrap();
    assert!(told.contains("VIOLATED determinism: step "), "{told}");
    assert!(told.contains("likely iteration order (a HashMap or HashSet?)"), "{told}");
    let screen = Screen { failure: &swept.failures[0], hints: &[] }.to_string();
    assert!(screen.lines().count() <= 40 && screen.lines().all(|line| line.chars().count() <= 80), "{screen}");

    let replays = harness.replay_dir(directory.path());
    assert_eq!(replays.replayed.len(), 1);
    replays.assert_as_expected();
    assert_eq!(replays.replayed[0].file.digest, None, "there is none to come back to");
    let fixed = leaky(|_, _, _| {}).replay_dir(directory.path());
    fixed.assert_clean();
}

#[test]
fn what_is_deterministic_raises_no_alarm() {
    store().verify(400).assert_clean();
    textbook(None).verify(150).assert_clean();
    // Failures are verified before they are shrunk: none of these is taken for a leak.
    for bug in Bug::all() {
        let sweep = textbook(Some(bug)).sweep_with(&options(60, 200), &|_| {});
        assert!(!sweep.violations.contains_key(DETERMINISM), "{bug}");
    }
}

/// Verifying changes nothing in what a sweep finds.
#[test]
fn a_verified_world_is_the_same_world() {
    let sweep = |permille| store().sweep_with(&options(200, permille), &|_| {});
    let (plain, verified) = (sweep(0), sweep(1_000));
    assert_eq!((plain.digest, &plain.stats), (verified.digest, &verified.stats));
}

/// A node that panics goes the same way each time: a finding, but no leak.
#[test]
fn a_panic_is_no_leak() {
    let harness = leaky(|_, _, _| panic!("I was never meant to be asked"));
    let sweep = harness.sweep_with(&options(20, 1_000), &|_| {});
    assert_eq!(sweep.violations.keys().collect::<Vec<_>>(), ["panic"]);
}

/// What is left of a leak is the one request that leaks: neither other requests nor faults nor nodes are to blame.
#[test]
fn a_leak_is_shrunk() {
    let sweep = leaky(|_, id, env| env.respond(id, format!("{:?}", thread::current().id())))
        .sweep_with(&options(60, 1_000), &|_| {});
    let Failure { shrunk, .. } = &sweep.failures[0];
    assert_eq!((shrunk.violation.check.as_str(), shrunk.plan.requests.len()), (DETERMINISM, 1), "{shrunk:#?}");
    assert_eq!((shrunk.plan.decision_count(), shrunk.plan.node_count), (1, 4), "{shrunk:#?}");
    assert!(shrunk.runs > 1 && shrunk.decisions_before > 1, "{shrunk:#?}");
    assert_is_leak(&sweep.failures[0], "answers request ", Cause::ThreadIdentity);
}

/// The first request leaves something behind without which the second does not leak: both stay, and nothing else.
#[test]
fn a_leak_keeps_what_it_needs() {
    let armed: Leak = |node, id, env| match node.stain {
        0 => {
            node.stain = 1;
            env.respond(id, "armed".to_owned());
        }
        _ => env.respond(id, format!("{:?}", thread::current().id())),
    };
    let sweep = leaky(armed).sweep_with(&options(60, 1_000), &|_| {});
    let shrunk = &sweep.failures[0].shrunk;
    assert_eq!(shrunk.violation.check, DETERMINISM);
    assert_eq!((shrunk.plan.decision_count(), shrunk.plan.node_count), (2, 4), "{shrunk:#?}");
}

/// One run in some goes another way: that is told, with the plan as small as luck allows.
#[test]
fn a_leak_that_shows_now_and_then_is_not_lost() {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let rare: Leak = |_, id, env| {
        let odd = luck(&DRAWN, 40) == 0;
        env.respond(id, if odd { "odd".to_owned() } else { "even".to_owned() });
    };
    let sweep = leaky(rare).sweep_with(&options(60, 1_000), &|_| {});
    let shrunk = &sweep.failures[0].shrunk;
    assert_eq!(shrunk.violation.check, DETERMINISM);
    let told = shrunk.violation.breach.because.join("\n");
    assert!(told.contains("not always: of 5 times") || told.contains("run twice 5 more times"), "{told}");
}

/// Stamps itself when it is asked, and tells nobody.
#[derive(Debug)]
struct Stamped {
    stamp: u64,
}

impl StateMachine for Stamped {
    type Message = ();
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, id: RequestId, _request: u8, env: &mut Env<'_, Self>) {
        static STAMPS: AtomicU64 = AtomicU64::new(1);
        self.stamp = STAMPS.fetch_add(1, Ordering::Relaxed);
        env.respond(id, ());
    }
}

#[test]
fn a_state_is_compared_as_debug_shows_it() {
    let harness = || Harness::new("stamped", |_| Stamped { stamp: 0 }).requests(|_| 1);
    let unseen = harness().sweep_with(&options(20, 1_000), &|_| {});
    assert_eq!(unseen.violation_count(), 0);
    // Nobody knows of its states, and the sweep says so.
    assert_eq!((unseen.verified, unseen.compares_states), (20, false));

    let seen = harness().debug_state().sweep_with(&options(20, 1_000), &|_| {});
    assert!(seen.compares_states);
    let shrunk = &seen.failures[0].shrunk;
    assert_eq!((shrunk.violation.check.as_str(), shrunk.plan.decision_count()), (DETERMINISM, 1), "{shrunk:#?}");
    let because = &shrunk.violation.breach.because;
    assert!(because[0].starts_with("one run    holds Stamped { stamp: "), "{because:?}");
    assert_eq!(because[2], format!("likely     {}", Cause::Counter));

    let told = leaky(|_, _, _| {}).sweep_with(&options(20, 1_000), &|_| {});
    assert!(told.compares_states, "it has a fold");
}

/// A plan that goes different ways is shrunk from its file, too.
#[test]
fn a_leak_is_shrunk_from_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let identity: Leak = |_, id, env| env.respond(id, format!("{:?}", thread::current().id()));
    let harness = leaky(identity);
    let seed = (0..).find(|seed| harness.verify_seed(*seed).differs.is_some()).unwrap();
    let plan = harness.record_seed(seed).plan;
    let whole = PlanFile {
        system: "leaky".to_owned(),
        plan,
        expect: Expect::Violates { check: DETERMINISM.to_owned() },
        digest: None,
        trace: Vec::new(),
    };
    let path = whole.write_new(directory.path()).unwrap();
    let failure = harness.shrink_file(&path, &ShrinkOptions::default()).unwrap().unwrap();
    assert_eq!(failure.shrunk.violation.check, DETERMINISM);
    assert_eq!(failure.shrunk.plan.decision_count(), 1, "{:#?}", failure.shrunk.plan);
}
