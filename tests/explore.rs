//! Exhaustive search: it sees what a naive enumeration sees, finds planted bugs in tiny scopes, and says what it covered.
#![cfg(feature = "builtin")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::kv::{StoreAction, placements};
use distributed_data_consistency::model_check::{
    Ask, Exploration, ExploreOptions, Reduction, Scope, explore, explore_with,
};
use distributed_data_consistency::protocol::{Digest, Env, NodeId, RequestId, Rng, StateMachine, Time};
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::sim::{Event, Input, Nodes};
use distributed_data_consistency::testing::save;

fn search<M: StateMachine>(harness: &Harness<M>, scope: &Scope) -> Exploration {
    explore(harness, scope, NonZeroUsize::MIN, &|_| {})
}

/// All placements of puts.
fn puts(nodes: usize, keys: usize, puts: usize, sessions: u8) -> Scope {
    let placements = placements(nodes, keys, puts, sessions).into_iter();
    let asks = placements.map(|puts| puts.into_iter().map(|(node, put)| Ask::new(node, put)).collect());
    Scope::new(nodes, Vec::new()).with_request_sets(asks.collect())
}

/// A protocol without sense, in which all that a node does, and whom it tells, depends on the order in which it hears things.
#[derive(Clone)]
struct Rumour {
    heard: u64,
    node_count: u64,
}

impl StateMachine for Rumour {
    type Message = u8;
    type Timer = u8;
    type Request = u8;
    type Response = u64;
    type Durable = u64;

    fn on_request(&mut self, id: RequestId, told: u8, env: &mut Env<'_, Self>) {
        self.hear(u64::from(told), env);
        env.respond(id, self.heard);
        env.set_timer(told % 2, Duration::from_millis(10));
        self.tell(told % 3 + 1, env);
    }

    fn on_message(&mut self, from: NodeId, told: u8, env: &mut Env<'_, Self>) {
        self.hear(u64::from(told) + 100 * from.index() as u64, env);
        if told > 1 {
            self.tell(told - 1, env);
        }
    }

    fn on_timer(&mut self, timer: u8, env: &mut Env<'_, Self>) {
        self.hear(u64::from(timer) + 1_000, env);
        self.tell(1, env);
    }

    fn kind(told: &u8) -> &'static str {
        if *told > 1 { "rumour" } else { "whisper" }
    }

    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.heard);
    }
}

impl Rumour {
    fn hear(&mut self, told: u64, env: &mut Env<'_, Self>) {
        self.heard = self.heard.wrapping_mul(31).wrapping_add(told + 1);
        let heard = self.heard;
        env.persist(|durable| *durable = heard);
    }

    fn tell(&self, told: u8, env: &mut Env<'_, Self>) {
        env.send(NodeId::new((self.heard / 7 % self.node_count) as usize), told);
    }
}

fn rumours() -> Harness<Rumour> {
    Harness::new("rumours", |boot| Rumour { heard: boot.durable, node_count: boot.node_count as u64 })
        .requests(|rng| rng.between(0, 5) as u8)
        .settle(Duration::from_secs(1))
}

/// Notes what each node has handled in which order, and the states to which that led, when the world heals.
#[derive(Clone, Default)]
struct Notes {
    histories: Vec<Digest>,
    seen: Arc<Mutex<(BTreeSet<u64>, BTreeSet<u64>)>>,
}

impl<M: StateMachine> Check<M> for Notes {
    fn name(&self) -> &'static str {
        "notes"
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        self.histories.resize(nodes.count(), Digest::new());
        match event {
            Event::Begins { node, input, .. } => {
                let text = match input {
                    Input::Start { incarnation } => format!("start {incarnation}"),
                    Input::Message { name, message } => format!("{} {message:?}", name.link),
                    Input::Request { id, request } => format!("{id} {request:?}"),
                    Input::Disconnected { peer } | Input::Reconnected { peer } => format!("session {peer}"),
                    Input::Timer { timer, .. } => format!("timer {timer:?}"),
                };
                self.histories[node.index()].fold_bytes(text.as_bytes());
            }
            Event::Crashed { node, .. } => self.histories[node.index()].fold(7),
            Event::Healed => {
                let (mut history, mut state) = (Digest::new(), Digest::new());
                self.histories.iter().for_each(|of_node| history.fold(of_node.value()));
                nodes.up().for_each(|(_, machine)| machine.fold(&mut state));
                let mut seen = self.seen.lock().unwrap();
                seen.0.insert(history.value());
                seen.1.insert(state.value());
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a search came to see: histories, states, and which checks failed.
#[derive(Debug, PartialEq)]
struct Seen {
    histories: BTreeSet<u64>,
    states: BTreeSet<u64>,
    violated: BTreeSet<String>,
}

fn seen<M: StateMachine>(harness: Harness<M>, scope: &Scope, reduction: Reduction) -> (Seen, Exploration) {
    let notes = Notes::default();
    let seen = notes.seen.clone();
    let found = search(&harness.check(notes), &scope.clone().reduction(reduction));
    let (histories, states) = seen.lock().unwrap().clone();
    (Seen { histories, states, violated: found.violations.keys().cloned().collect() }, found)
}

/// Compares a reduced search with the naive one; the number of naive runs, or `None` where there are too many.
fn compare<M: StateMachine>(harness: impl Fn() -> Harness<M>, scope: &Scope, told: &str) -> Option<(u64, u64)> {
    let scope = &Scope { states_max: 2_000, ..scope.clone() };
    let (classes, reduced) = seen(harness(), scope, Reduction::Classes);
    if reduced.given_up > 0 || reduced.interleavings.unwrap() > 2_000 {
        return None;
    }
    let scope = &Scope { states_max: u64::MAX, ..scope.clone() };
    let (all, naive) = seen(harness(), scope, Reduction::Naive);
    assert_eq!(reduced.interleavings, Some(naive.executions.into()), "{told}: interleavings");
    assert_eq!(classes.violated, all.violated, "{told}");
    if !all.violated.is_empty() {
        // Shrinking makes runs as well, and they leave notes.
        return Some((reduced.executions, naive.executions));
    }
    assert!(classes == all, "{told}: {} classes of {}", classes.histories.len(), all.histories.len());
    // This one also sees runs that heal too early.
    let (moments, _) = seen(harness(), scope, Reduction::Moments);
    assert!(moments.histories.is_superset(&all.histories), "{told}: moments");
    Some((reduced.executions, naive.executions))
}

/// Small scopes with a bit of everything, by seed.
fn random_scope<M: StateMachine>(harness: &Harness<M>, seed: u64, timers: u8) -> Scope {
    let rng = &mut Rng::new(seed, 9);
    let nodes = rng.between(2, 3) as usize;
    let scope = Scope::new(nodes, harness.draw_asks(seed, nodes, rng.between(1, 3) as usize));
    let scope = scope.drops(rng.below(2) as u8).duplicates(rng.below(2) as u8).crashes(rng.below(2) as u8);
    let scope = scope.timers(rng.below(u64::from(timers) + 1) as u8);
    if rng.chance(300) { scope.in_order() } else { scope }
}

#[test]
fn the_reduced_search_sees_what_the_naive_one_sees() {
    let mut compared = 0;
    for seed in 0..100 {
        let scope = random_scope(&rumours(), seed, 0);
        compared += usize::from(compare(rumours, &scope, &format!("rumours {seed} {scope:?}")).is_some());
    }
    assert!(compared > 40, "{compared} scopes were small enough");
    for seed in 0..12 {
        let scope = random_scope(&store(), seed, 0);
        compare(store, &scope, &format!("store {seed}"));
        for bug in [Bug::BlindPut, Bug::FifoOnly] {
            compare(|| textbook(Some(bug)), &scope, &format!("{bug} {seed}"));
        }
    }
}

#[test]
fn the_reduced_search_takes_a_tenth_of_the_runs() {
    let (reduced, naive) = compare(store, &puts(3, 1, 2, 0).duplicates(1), "two puts").unwrap();
    assert!(naive >= 10 * reduced, "{reduced} runs for {naive}");
}

#[test]
fn each_class_is_run_once() {
    let notes = Notes::default();
    let seen = notes.seen.clone();
    let found = search(&store().check(notes), &puts(3, 2, 3, 0).drops(1));
    // Different request sets may come to the same histories only if they ask the same.
    assert_eq!(seen.lock().unwrap().0.len() as u64, found.executions);
    assert!(found.is_exhaustive() && found.violation_count() == 0);
}

#[test]
fn a_search_by_states_sees_the_same_states() {
    for seed in 0..40 {
        let scope = Scope { states_max: 3_000, ..random_scope(&rumours(), seed, 0) };
        let (classes, by_class) = seen(rumours(), &scope, Reduction::Classes);
        let (states, by_state) = seen(rumours(), &scope, Reduction::States);
        assert!(by_class.given_up > 0 || classes.states == states.states, "{seed}");
        assert!(by_class.given_up > 0 || by_state.states <= by_class.states, "{seed}");
    }
}

#[test]
fn timers_may_fire_at_any_time() {
    let scope = Scope::new(2, rumours().draw_asks(1, 2, 1)).timers(1);
    let (without, _) = seen(rumours(), &scope.clone().timers(0), Reduction::Classes);
    let (with, found) = seen(rumours(), &scope, Reduction::Classes);
    assert!(with.histories.is_superset(&without.histories) && with.histories != without.histories);
    assert!(found.stats.timers > 0 && found.executions > 1);

    // Some orders would take a clock that is wrong, so no naive search can make all of them; but the classes are the same.
    let mut compared = 0;
    for seed in 0..60 {
        let scope = Scope { states_max: 3_000, ..random_scope(&rumours(), seed, 1).timers(1) };
        let (classes, by_class) = seen(rumours(), &scope, Reduction::Classes);
        if by_class.given_up == 0 {
            let (moments, by_moment) = seen(rumours(), &Scope { states_max: u64::MAX, ..scope }, Reduction::Moments);
            assert_eq!(by_class.interleavings, by_moment.interleavings, "{seed}");
            assert!(moments.histories.is_superset(&classes.histories), "{seed}");
            compared += 1;
        }
    }
    assert!(compared > 15, "{compared} scopes were small enough");
}

fn check_bug(bug: Bug, scope: &Scope, expected: &str) {
    let clean = search(&textbook(None), scope);
    assert_eq!(clean.violation_count(), 0, "without {bug}: {:?}", clean.failures);
    assert!(clean.is_exhaustive());

    let harness = textbook(Some(bug));
    let found = search(&harness, scope);
    let first = found.failures.first().unwrap_or_else(|| panic!("{bug} was not found"));
    assert_eq!(first.shrunk.violation.check, expected, "{bug}");

    let directory = tempfile::tempdir().unwrap();
    let path = save(first, directory.path()).unwrap();
    let replayed = harness.replay_file(&path).unwrap();
    assert!(replayed.is_as_expected() && replayed.divergence().is_none(), "{bug}");
}

#[test]
fn bugs_of_order_are_found_in_tiny_scopes() {
    check_bug(Bug::BlindPut, &puts(2, 1, 2, 0), "siblings");
    check_bug(Bug::FifoOnly, &puts(2, 2, 2, 0), "siblings");
    check_bug(Bug::PrunedClock, &puts(3, 1, 3, 0), "convergence");
    check_bug(Bug::ServerContext, &puts(1, 1, 2, 2), "siblings");
    check_bug(Bug::NoDots, &puts(1, 1, 3, 2), "siblings");
    check_bug(Bug::ValueNotContext, &puts(2, 1, 2, 1), "siblings");
}

#[test]
fn bugs_of_loss_doubles_crashes_and_timers_are_found_in_tiny_scopes() {
    check_bug(Bug::NodeWideStamp, &puts(2, 2, 3, 0).drops(1), "siblings");
    check_bug(Bug::DigestMax, &puts(2, 2, 2, 0).drops(1), "siblings");
    check_bug(Bug::EqualIsConcurrent, &puts(2, 1, 1, 0).duplicates(1), "siblings");
    check_bug(Bug::ZipCompare, &puts(2, 1, 2, 0).duplicates(1), "siblings");
    check_bug(Bug::DotReuse, &puts(2, 1, 2, 0).crashes(1), "identity");
    check_bug(Bug::StuckSync, &puts(2, 1, 1, 0).drops(2).timers(1), "siblings");
    check_bug(Bug::SeenTooEarly, &puts(2, 2, 3, 0).crashes(1), "siblings");
}

#[test]
fn the_store_stands_every_order() {
    store().explore(&puts(3, 2, 3, 0).drops(1).duplicates(1)).assert_clean();
    store().explore(&puts(2, 1, 2, 2).drops(1).crashes(1)).assert_clean();
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let harness = textbook(Some(Bug::ZipCompare));
    let told =
        |scope: &Scope, jobs| format!("{:?}", explore(&harness, scope, NonZeroUsize::new(jobs).unwrap(), &|_| {}));
    // Many sets of requests with few runs each, and few with many.
    let (wide, deep) = (puts(3, 2, 3, 0).drops(1), puts(3, 1, 2, 0).drops(1).duplicates(1));
    assert_eq!(told(&wide, 3), told(&wide, 1));
    let one = told(&deep, 1);
    assert!([2, 3, 7].iter().all(|jobs| told(&deep, *jobs) == one));
}

/// Each node takes the one token when it is told to, and lays it down when it hears of the other.
struct Holder(bool);

impl StateMachine for Holder {
    type Message = ();
    type Timer = ();
    type Request = ();
    type Response = ();
    type Durable = ();

    fn on_request(&mut self, _id: RequestId, (): (), env: &mut Env<'_, Self>) {
        self.0 = true;
        env.broadcast(&());
    }

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {
        assert!(self.0, "nobody told me");
        self.0 = false;
    }
}

fn holders() -> (Harness<Holder>, Scope) {
    let harness = Harness::new("holders", |_| Holder(false)).requests(|_| ());
    (harness, Scope::new(2, vec![Ask::new(0, ()), Ask::new(1, ())]))
}

#[test]
fn a_promise_over_several_nodes_is_shown_every_moment() {
    let (harness, scope) = holders();
    let harness = harness.always("one", |nodes| match nodes.up().filter(|(_, node)| node.0).count() {
        0 | 1 => Ok(()),
        _ => Err("both hold the token".to_owned()),
    });
    let found = search(&harness, &scope);
    assert_eq!(found.reduction, Reduction::Moments);
    assert!(found.violations.contains_key("one"), "{:?}", found.violations);
}

#[test]
fn a_panic_of_a_node_is_a_finding() {
    let (harness, scope) = holders();
    let found = search(&harness, &scope);
    assert_eq!(found.reduction, Reduction::Classes);
    assert!(found.violations["panic"] > 0);
}

#[test]
fn what_was_not_searched_is_told() {
    let scope = Scope { depth_max: 6, ..puts(3, 1, 2, 0) };
    let found = search(&store(), &scope);
    assert!(found.cut > 0 && !found.is_exhaustive() && found.violation_count() == 0);
    let found = search(&store(), &Scope { states_max: 10, ..puts(3, 1, 2, 0) });
    assert!(found.given_up == 2 && !found.is_exhaustive());
}

#[test]
fn requests_of_a_session_wait_for_each_other() {
    let put = |node: usize, value: &str| {
        Ask::new(node, StoreAction::Put { key: "cart".into(), value: value.into(), session: Some(0) })
    };
    let session = Scope::new(2, vec![put(0, "a"), put(1, "b")]);
    let found = search(&store(), &session);
    assert_eq!(found.violation_count(), 0, "{:?}", found.violations);
    assert!(found.executions > 1);
    assert_eq!(found.stats.marks.get("context used"), Some(&(2 * found.executions)));
}

/// Asked once, it sends as many numbers to itself as it was asked for, each in a message of its own.
struct Wide {
    heard: BTreeSet<u8>,
}

impl StateMachine for Wide {
    type Message = u8;
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_request(&mut self, id: RequestId, last: u8, env: &mut Env<'_, Self>) {
        (0..=last).for_each(|number| env.send(NodeId::new(0), number));
        env.respond(id, ());
    }

    fn on_message(&mut self, _from: NodeId, number: u8, _env: &mut Env<'_, Self>) {
        self.heard.insert(number);
    }

    fn fold(&self, digest: &mut Digest) {
        self.heard.iter().for_each(|number| digest.fold(u64::from(*number)));
    }
}

/// Only the last number matters, so that states stay few.
#[derive(Clone)]
struct LastOfMany(u8);

impl StateMachine for LastOfMany {
    type Message = u8;
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_request(&mut self, id: RequestId, last: u8, env: &mut Env<'_, Self>) {
        (0..=last).for_each(|number| env.send(NodeId::new(0), number));
        env.respond(id, ());
    }

    fn on_message(&mut self, _from: NodeId, number: u8, _env: &mut Env<'_, Self>) {
        self.0 = self.0.saturating_add(u8::from(number == 40));
    }

    fn fold(&self, digest: &mut Digest) {
        digest.fold(u64::from(self.0) + 1);
    }
}

/// However many messages a step sends, each of them is lost and doubled. A run is healed after three steps, so that the orders of
/// forty messages are not all gone through.
#[test]
fn each_message_of_a_wide_step_is_lost_and_doubled() {
    let harness = |wrong: u8| {
        Harness::new("last", |_| LastOfMany(0)).requests(|_| 1).at_rest("once", move |nodes| {
            let heard = nodes.up().map(|(_, node)| node.0).sum::<u8>();
            if heard == wrong { Err(format!("heard {heard} times")) } else { Ok(()) }
        })
    };
    let scope = Scope { depth_max: 2, ..Scope::new(1, vec![Ask::new(0, 40_u8)]) };
    assert_eq!(search(&harness(0), &scope).violation_count(), 0);
    assert_eq!(search(&harness(0), &scope.clone().drops(1)).violation_count(), 1);
    assert_eq!(search(&harness(2), &scope.clone().duplicates(1)).violation_count(), 1);
    // Which messages are lost is a decision for each: none, or one of 41.
    assert_eq!(search(&harness(9), &scope.drops(1)).executions, 42);
}

/// A narrow step, to its end: what is lost or doubled is still all of it.
#[test]
fn each_message_of_a_step_is_lost_and_doubled() {
    let harness = |wrong: u8| {
        Harness::new("wide", |_| Wide { heard: BTreeSet::new() }).requests(|_| 1).at_rest("all", move |nodes| {
            if nodes.up().all(|(_, node)| node.heard.contains(&wrong)) { Ok(()) } else { Err("lost".to_owned()) }
        })
    };
    for number in 0..4 {
        let found = search(&harness(number), &Scope::new(1, vec![Ask::new(0, 3_u8)]).drops(1));
        assert!(found.violation_count() > 0 && found.is_exhaustive());
    }
}

/// The bound of states is kept to the state, on any number of threads, and reaching it is no end of the scope.
#[test]
fn a_search_stops_at_its_bound_of_states() {
    let whole = search(&store(), &puts(3, 1, 2, 0));
    let sets = whole.request_sets;
    for states_max in [1, 2, 7, 50, 333] {
        for jobs in [1, 2, 7] {
            let scope = Scope { states_max, ..puts(3, 1, 2, 0) };
            let found = explore(&store(), &scope, NonZeroUsize::new(jobs).unwrap(), &|_| {});
            assert!(found.states <= states_max * sets, "{} of {states_max} states, {jobs} threads", found.states);
            assert!(found.given_up == 0 || !found.is_exhaustive());
            assert_eq!(found.given_up < sets, found.states < states_max * sets, "{states_max}");
        }
    }
    // Just enough is enough.
    let most = (1..).find(|states| search(&store(), &Scope { states_max: *states, ..puts(2, 1, 1, 0) }).given_up == 0);
    assert_eq!(most, Some(search(&store(), &puts(2, 1, 1, 0)).states));
}

/// One step with a great many outcomes is not gone through to its end before the bound is looked at.
#[test]
fn one_step_of_many_outcomes_is_bounded_as_well() {
    let harness = Harness::new("last", |_| LastOfMany(0)).requests(|_| 1);
    let scope = Scope::new(1, vec![Ask::new(0, 200_u8)]).drops(20).duplicates(20);
    let found = search(&harness, &Scope { states_max: 1_000, ..scope });
    // Moments of two hundred messages are large, and fewer of them fill the memory of a thousand.
    assert!(found.states <= 1_000, "{} states", found.states);
    assert_eq!((found.given_up, found.is_exhaustive()), (1, false));
}

#[test]
#[should_panic(expected = "Scope: expected 1 to 8 nodes, found 9")]
fn a_scope_of_too_many_nodes_is_refused() {
    let _ = Scope::new(9, Vec::new());
}

/// Beats when its timer fires, and has no clients.
#[derive(Debug)]
struct Beacon {
    heard: u64,
}

impl StateMachine for Beacon {
    type Message = ();
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn start(&mut self, env: &mut Env<'_, Self>) {
        env.set_timer((), Duration::from_millis(10 * (1 + env.id().index() as u64)));
    }

    fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
        env.broadcast(&());
    }

    fn on_message(&mut self, _from: NodeId, (): (), env: &mut Env<'_, Self>) {
        self.heard += 1;
        if self.heard == 2 {
            env.mark("heard both");
        }
    }

    fn on_request(&mut self, _id: RequestId, _request: u8, _env: &mut Env<'_, Self>) {}
}

fn beacons() -> Harness<Beacon> {
    Harness::new("beacon", |_| Beacon { heard: 0 }).settle(Duration::from_secs(1))
}

/// With nothing asked and no timer early there is one run, in which nothing is decided: that is no verdict.
#[test]
fn a_search_in_which_nothing_happens_is_not_clean() {
    let found = beacons().explore(&Scope::new(3, Vec::new()));
    assert_eq!((found.executions, found.violation_count(), found.happened.is_nothing()), (1, 0, true));
    assert!(found.is_exhaustive() && !found.is_clean());
    let told = panic::catch_unwind(AssertUnwindSafe(|| found.assert_clean())).unwrap_err();
    let told = told.downcast::<String>().unwrap();
    assert!(told.starts_with("nothing happened in any run of \"beacon\" before it healed"), "{told}");
    assert!(told.contains("timers fired only after that") && told.contains("--timers 1"), "{told}");

    let early = beacons().explore(&Scope::new(3, Vec::new()).timers(1));
    assert!(early.executions > 1 && early.happened.timers > 0 && early.happened.messages > 0, "{:?}", *early);
    early.assert_clean();

    let none = beacons().explore(&Scope::new(3, Vec::new()).with_request_sets(Vec::new()));
    assert!(!none.is_clean() && none.tell_idle().unwrap().contains("there are no request sets"));
}

#[test]
fn a_search_is_held_to_what_it_must_reach() {
    let scope = Scope::new(3, Vec::new()).timers(1);
    let found = beacons().must_reach(["heard both"]).explore(&scope);
    assert!(found.unreached.is_empty() && found.stats.marks["heard both"] > 0);
    found.assert_clean();

    // Of the system's marks one is enough: small scopes have not all that large worlds have.
    let found = beacons().must_reach(["heard both", "never"]).explore(&scope);
    assert_eq!((&*found.unreached, found.misses_reach), (&["never"][..], false));
    found.assert_clean();

    let vain = [
        beacons().must_reach(["never"]).explore(&scope),
        beacons().explore(&scope.clone().must_reach(["heard both", "never"])),
    ];
    for found in vain {
        let told = panic::catch_unwind(AssertUnwindSafe(|| found.assert_clean())).unwrap_err();
        assert!(told.downcast::<String>().unwrap().contains("\"beacon\" reached the mark \"never\""));
    }
}

/// Who takes states for the same by a digest that tells nothing, or takes more for the same than the checks allow, has not
/// seen all.
#[test]
fn a_reduction_that_is_too_strong_is_not_exhaustive() {
    let scope = Scope::new(3, Vec::new()).timers(1);
    let found = search(&beacons(), &scope.clone().reduction(Reduction::States));
    assert!(found.blind && !found.is_exhaustive());
    let watched = || beacons().always("any", |_| Ok(()));
    assert!(search(&watched(), &scope).is_exhaustive());
    let found = search(&watched(), &scope.reduction(Reduction::Classes));
    assert!(found.forced && !found.is_exhaustive());
}

/// A flag that is set in the middle of a search ends it soon, and what was found by then is told.
#[test]
fn a_search_is_stopped_at_any_time() {
    let options = ExploreOptions { jobs: NonZeroUsize::MIN, ..ExploreOptions::default() };
    let stop = Arc::clone(&options.stop);
    let harness = textbook(Some(Bug::FifoOnly));
    let runs = AtomicU64::new(0);
    let found = explore_with(&harness, &puts(2, 2, 2, 0), &options, &|more| {
        if runs.fetch_add(more, Ordering::Relaxed) + more == 5 {
            stop.store(true, Ordering::Relaxed);
        }
    });
    assert!(found.stopped && !found.is_exhaustive());
    assert_eq!(found.executions, 5);
    assert_eq!(found.failures.is_empty(), found.violation_count() == 0);

    // Before the first run: while states are looked for.
    let states = AtomicU64::new(0);
    let stop = Arc::clone(&options.stop);
    stop.store(false, Ordering::Relaxed);
    let harness = Harness::new("stops", move |_| {
        if states.fetch_add(1, Ordering::Relaxed) == 20 {
            stop.store(true, Ordering::Relaxed);
        }
        LastOfMany(0)
    });
    let scope = Scope::new(1, vec![Ask::new(0, 200_u8)]).crashes(200);
    let found = explore_with(&harness.requests(|_| 1), &scope, &options, &|_| {});
    assert!(found.stopped && found.executions == 0 && found.states < 5_000_000);
    assert!(found.tell_idle().unwrap().contains("stopped before"));
}
