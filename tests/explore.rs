//! Exhaustive search: it sees what a naive enumeration sees, finds planted bugs in tiny scopes, and says what it covered.
#![cfg(feature = "builtin")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::kv::{StoreAction, placements};
use distributed_data_consistency::model_check::{Ask, Exploration, Reduction, Scope, explore};
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
                    Input::Start { life } => format!("start {life}"),
                    Input::Message { name, message } => format!("{} {message:?}", name.link),
                    Input::Request { id, request } => format!("{id} {request:?}"),
                    Input::Timer { timer } => format!("timer {timer:?}"),
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
    assert!(found.tally.timers > 0 && found.executions > 1);

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
    assert_eq!(found.tally.marks.get("context used"), Some(&(2 * found.executions)));
}
