//! Clients that ask again, wait for answers, and ask some things more often than others; and nodes that are spares at first.
#![cfg(feature = "proptest")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::Liveness;
use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, Rng, StateMachine, Time, Workload};
use distributed_data_consistency::replay::{Expect, PlanFile};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::sim::{Action, Plan, PlannedRequest, Retry, What};
use distributed_data_consistency::strategy::{Profile, Strategy};
use distributed_data_consistency::sweep::{Seeds, Sweep, SweepOptions};
use distributed_data_consistency::testing::plans_config;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
enum Talk {
    Do(RequestId),
    Done(RequestId),
}

/// Each request is handed on to node 0, which counts it once.
struct Counter {
    /// It counts what it is asked, however often that was asked before.
    forgets: bool,
    counted: Vec<u32>,
    /// The requests of clients of this node.
    asked: BTreeSet<RequestId>,
}

impl Counter {
    fn count(&mut self, id: RequestId, env: &mut Env<'_, Self>) {
        if self.forgets || !self.counted.contains(&id.0) {
            self.counted.push(id.0);
            env.persist(|counted| counted.push(id.0));
        }
    }
}

impl StateMachine for Counter {
    type Message = Talk;
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = Vec<u32>;

    fn on_message(&mut self, from: NodeId, message: Talk, env: &mut Env<'_, Self>) {
        match message {
            Talk::Do(id) => {
                self.count(id, env);
                env.send(from, Talk::Done(id));
            }
            Talk::Done(id) => {
                if self.asked.remove(&id) {
                    env.respond(id, ());
                }
            }
        }
    }

    fn on_request(&mut self, id: RequestId, _request: u8, env: &mut Env<'_, Self>) {
        if env.id() == NodeId::new(0) {
            self.count(id, env);
            env.respond(id, ());
        } else {
            self.asked.insert(id);
            env.send(NodeId::new(0), Talk::Do(id));
        }
    }
}

/// Nothing is doubled but by clients.
fn counter(forgets: bool) -> Harness<Counter> {
    let boot = move |boot: Boot<Vec<u32>>| Counter { forgets, counted: boot.durable, asked: BTreeSet::new() };
    Harness::new("counter", boot)
        .nodes(2..=3)
        .requests(|rng| rng.below(9) as u8)
        .profile(Profile { duplicate_permille: 0, ..Profile::hostile() })
        .always("once", |nodes| {
            for (node, counter) in nodes.up() {
                let once: BTreeSet<&u32> = counter.counted.iter().collect();
                if once.len() < counter.counted.len() {
                    return Err(format!("node {node} has counted a request twice"));
                }
            }
            Ok(())
        })
}

fn retried(forgets: bool) -> Harness<Counter> {
    counter(forgets).retries(20 * MS, 2)
}

fn sweep<M: StateMachine>(harness: &Harness<M>, worlds: u64) -> Sweep {
    let jobs = NonZeroUsize::new(2).unwrap();
    harness.sweep_with(&SweepOptions { jobs, ..SweepOptions::new(Seeds::first(worlds)) }, &|_| {})
}

#[test]
fn what_is_done_twice_is_found_where_clients_ask_again_and_nowhere_else() {
    assert!(sweep(&retried(true), 200).violation_count() > 0);
    assert_eq!(sweep(&counter(true), 2_000).violation_count(), 0);
    for strategy in [Strategy::Uniform, Strategy::Portfolio] {
        let sweep = sweep(&retried(false).strategy(strategy), 2_000);
        assert!(sweep.violations.is_empty(), "{:?}", sweep.violations);
        assert!(sweep.stats.retries > 1_000 && sweep.stats.marks["answered again"] > 100, "{:?}", sweep.stats);
    }
}

#[test]
fn what_matters_is_left() {
    let failure = sweep(&retried(true), 200).failures.swap_remove(0);
    let plan = &failure.shrunk.plan;
    assert_eq!((plan.requests.len(), plan.requests[0].retries.len()), (1, 1), "{plan:#?}");
    assert!(plan.decision_count() <= 3 && plan.node_count == 2, "{plan:#?}");
    let twin = failure.twin.as_ref().unwrap();
    let screen = Screen { failure: &failure, hints: &[] }.to_string();
    assert!(screen.contains(&twin.change.split(' ').next().unwrap().to_owned()), "{screen}");
}

#[test]
fn a_seed_and_the_plan_of_its_run_are_the_same_run() {
    let harness = retried(true).closed_loop(30 * MS);
    for seed in 0..150 {
        let recorded = harness.record_seed(seed);
        let again = harness.record(&recorded.plan);
        assert_eq!(harness.run_seed(seed).digest, recorded.outcome.digest, "{seed}");
        assert_eq!((again.outcome.digest, &again.plan), (recorded.outcome.digest, &recorded.plan), "{seed}");
        assert!(recorded.plan.requests.iter().all(|request| request.retries.len() <= 2));
    }
}

#[test]
fn a_system_whose_clients_never_ask_again_draws_the_worlds_it_always_drew() {
    let plain = |mut plan: Plan| {
        plan.requests.iter_mut().for_each(|request| request.retries.clear());
        (plan.seed, plan.node_count, plan.heal_at, plan.requests, plan.faults)
    };
    for seed in 0..50 {
        let (with, without) = (retried(false).record_seed(seed).plan, counter(false).record_seed(seed).plan);
        assert_eq!(plain(with), plain(without), "{seed}");
    }
}

fn request(at_ms: u64, node: usize, retries: &[(u32, usize)]) -> PlannedRequest {
    let retry = |(after, node): &(u32, usize)| Retry { after: *after * MS, node: NodeId::new(*node) };
    let retries = retries.iter().map(retry).collect();
    PlannedRequest { retries, ..PlannedRequest::new(Time::from_millis(at_ms), NodeId::new(node), Action::new(7_u8)) }
}

fn told<M: StateMachine>(harness: &Harness<M>, plan: &Plan) -> Vec<String> {
    let asks = |what: &What| matches!(what, What::Asked { .. } | What::Answered { .. } | What::Unheard { .. });
    let events = harness.record(plan).trace.events;
    events.iter().filter(|event| asks(&event.what)).map(ToString::to_string).collect()
}

#[test]
fn a_client_asks_again_until_it_has_its_answer() {
    let mut plan = Plan::new(2);
    plan.requests = vec![request(10, 1, &[(1, 0), (5, 1), (1, 9)]), request(30, 1, &[(1, 1), (1, 1)])];
    plan.fates.insert("1→0 message #1".parse().unwrap(), distributed_data_consistency::sim::Fate::Drop);
    plan.fates.insert("1→0 message #2".parse().unwrap(), distributed_data_consistency::sim::Fate::delay(2 * MS));
    let expected = [
        "10ms node 1 is asked: 7",
        "11ms node 0 is asked: 7",
        "11ms node 0 answers: ()",
        "30ms node 1 is asked: 7",
        "31ms node 1 is asked: 7",
        "32ms node 1 is asked: 7",
        "33ms node 1 answers: ()",
    ];
    assert_eq!(told(&counter(false), &plan), expected);
    let recorded = counter(false).record(&plan);
    let left: Vec<usize> = recorded.plan.requests.iter().map(|request| request.retries.len()).collect();
    assert_eq!((left, recorded.plan.decision_count()), (vec![1, 2], 7), "those that were never made are no decisions");
}

#[test]
fn who_waits_for_answers_asks_the_next_thing_then() {
    let mut plan = Plan { closed_loop: Some(8 * MS), ..Plan::new(2) };
    plan.requests = (10..14).map(|at| request(at, 1, &[])).collect();
    plan.requests.push(request(10, 0, &[]));
    // Nobody answers the second.
    plan.fates.insert("1→0 message #2".parse().unwrap(), distributed_data_consistency::sim::Fate::Drop);
    let expected = [
        "10ms node 1 is asked: 7",
        "10ms node 0 is asked: 7",
        "10ms node 0 answers: ()",
        "12ms node 1 answers: ()",
        "12ms node 1 is asked: 7",
        "20ms node 1 is asked: 7",
        "22ms node 1 answers: ()",
        "22ms node 1 is asked: 7",
        "24ms node 1 answers: ()",
    ];
    assert_eq!(told(&counter(false), &plan), expected);
    // In drawn worlds no node ever has two open requests that are younger than the time-out.
    let harness = counter(false).closed_loop(30 * MS);
    let mut waited = 0;
    for seed in 0..60 {
        let mut asked: BTreeMap<NodeId, (RequestId, Time)> = BTreeMap::new();
        let recorded = harness.record_seed(seed);
        for event in &recorded.trace.events {
            match &event.what {
                What::Asked { node, id, .. } | What::Unheard { node, id } => {
                    if let Some((_, at)) = asked.insert(*node, (*id, event.at)) {
                        assert!(event.at - at >= 30 * MS, "{event}");
                    }
                    waited += usize::from(recorded.plan.requests[id.0 as usize].at < event.at);
                }
                What::Answered { id, .. } => asked.retain(|_, (open, _)| open != id),
                _ => {}
            }
        }
    }
    assert!(waited > 20, "{waited}");
}

/// Answers each request so often.
struct Answers(u32);

impl StateMachine for Answers {
    type Message = ();
    type Timer = ();
    type Request = u64;
    type Response = u64;
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, id: RequestId, request: u64, env: &mut Env<'_, Self>) {
        (0..self.0).for_each(|_| env.respond(id, request));
    }
}

/// Draws how often it has drawn, and asks that and how often it was asked for a request.
#[derive(Clone, Default)]
struct Counting {
    requests: u64,
    heard: Vec<(u32, u64)>,
}

impl Workload<Answers> for Counting {
    type Action = u8;

    fn draw(&mut self, rng: &mut Rng) -> u8 {
        rng.below(9) as u8
    }

    fn request(&mut self, _id: RequestId, _action: &u8) -> u64 {
        self.requests += 1;
        self.requests
    }

    fn response(&mut self, id: RequestId, response: &u64) {
        assert!(self.heard.iter().all(|(other, _)| *other != id.0), "a client hears one answer");
        self.heard.push((id.0, *response));
    }
}

#[test]
fn a_request_says_the_same_each_time_and_its_client_hears_one_answer() {
    let harness = |answers| Harness::new("answers", move |_: Boot<()>| Answers(answers)).workload(Counting::default());
    let mut plan = Plan::new(2);
    plan.requests = vec![request(10, 0, &[(1, 1), (1, 0)]), request(20, 1, &[])];
    let silent =
        ["10ms node 0 is asked: 1", "11ms node 1 is asked: 1", "12ms node 0 is asked: 1", "20ms node 1 is asked: 2"];
    assert_eq!(told(&harness(0), &plan), silent);
    assert!(harness(1).run(&plan).is_clean());
    let twice = harness(2).run(&plan).violation.unwrap();
    assert_eq!(twice.to_string(), "answers: node 0 answers request 0, which has been answered");
}

#[test]
fn liveness_knows_clients_that_ask_again() {
    let answered = |count: u32| {
        let boot = move |_: Boot<()>| Answers(count);
        Harness::new("answers", boot).requests(|rng| rng.below(9)).check(Liveness::new()).retries(5 * MS, 2)
    };
    assert_eq!(sweep(&answered(1).profile(Profile::harsh()), 500).violation_count(), 0);
    assert!(sweep(&answered(0), 20).violations["answered"] > 0);
}

#[test]
fn each_kind_of_request_is_asked_as_often_as_its_weight_says() {
    let harness = Harness::new("answers", |_: Boot<()>| Answers(1))
        .requests_weighted([(6, |rng| rng.below(10)), (0, |_| 99), (2, |rng| 100 + rng.below(10))])
        .request_counts(20..=20);
    let (mut small, mut large) = (0, 0);
    for seed in 0..100 {
        for request in harness.record_seed(seed).plan.requests {
            match request.action.downcast::<u64>().unwrap() {
                0..10 => small += 1,
                100..110 => large += 1,
                other => panic!("{other} was never to be drawn"),
            }
        }
    }
    assert!(small > 2 * large && small < 4 * large && small + large == 2_000, "{small} and {large}");
}

#[test]
#[should_panic(expected = "requests_weighted: expected a weight above 0")]
fn kinds_without_weight_are_refused() {
    let _ = Harness::new("answers", |_: Boot<()>| Answers(1)).requests_weighted([(0, |rng| rng.below(1))]);
}

fn read(text: &str) -> Result<PlanFile, String> {
    counter(false).parse_plan(Path::new("x.toml"), text).map_err(|error| error.to_string())
}

fn file(plan: Plan) -> PlanFile {
    PlanFile { system: "counter".to_owned(), plan, expect: Expect::Clean, digest: None, trace: Vec::new() }
}

fn planned() -> Plan {
    let mut plan = Plan { closed_loop: Some(50 * MS), spares: 1, ..Plan::new(3) };
    plan.requests = vec![request(1, 1, &[(30, 2), (10, 0)]), request(2, 0, &[])];
    plan
}

#[test]
fn plan_files_say_what_clients_do() {
    let file = file(planned());
    let text = file.to_toml().unwrap();
    assert!(text.contains("\nclosed_loop = \"50ms\"\nspares = 1\n"), "{text}");
    let retries = "action = 7\nretries = [{ after = \"30ms\", node = 2 }, { after = \"10ms\", node = 0 }]\n";
    assert!(text.contains(retries), "{text}");
    assert_eq!(read(&text), Ok(file));
    for (from, to, wrong) in [
        ("\"50ms\"", "50", "expected a duration like \"9ms\", found 50"),
        ("spares = 1", "spares = 3", "expected a number of spare nodes from 0 to 2, found 3"),
        ("node = 2 }", "node = -2 }", "expected a node number from 0 to 65535, found -2"),
        ("after = \"30ms\", ", "", "expected a field \"after\": a duration like \"9ms\""),
        ("after = \"30ms\"", "at = \"30ms\"", "expected one of after, node, found a field \"at\""),
        ("retries = [", "retries = 7 # [", "expected an array like [{ after = \"30ms\", node = 2 }], found 7"),
    ] {
        let error = read(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(wrong) && error.starts_with("x.toml:"), "{error}");
    }
}

#[test]
fn an_action_of_that_name_is_none_of_a_retry() {
    let mut plan = Plan::new(1);
    let action: BTreeMap<String, u8> = [("retries".to_owned(), 1)].into();
    plan.requests.push(PlannedRequest::new(Time::ZERO, NodeId::new(0), Action::new(action.clone())));
    let text = file(plan.clone()).to_toml().unwrap();
    assert!(text.contains("action = { retries = 1 }"), "{text}");
    let parse =
        |value: toml::Value| value.try_into::<BTreeMap<String, u8>>().map(Action::new).map_err(|e| e.to_string());
    assert_eq!(PlanFile::from_toml(Path::new("x"), &text, &parse).unwrap().plan, plan);
}

#[test]
fn bytes_hold_retries_and_spare_nodes() {
    let fuzzer = retried(false).spares(0..=2).closed_loop(50 * MS).fuzzer();
    let plan = fuzzer.plan(&fuzzer.bytes(&planned()));
    let retries =
        |plan: &Plan| -> Vec<Vec<Retry>> { plan.requests.iter().map(|request| request.retries.clone()).collect() };
    assert_eq!(retries(&plan), retries(&planned()));
    assert_eq!((plan.node_count, plan.spares, plan.closed_loop), (3, 1, Some(50 * MS)));
    let plain = counter(false).fuzzer().plan(&fuzzer.bytes(&planned()));
    assert_eq!((retries(&plain).concat(), plain.spares), (Vec::new(), 0));
}

#[test]
fn what_meets_nothing_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut plan = Plan::new(2);
    plan.requests = vec![request(1, 1, &[(1, 0), (1, 9), (1, 0)])];
    let replayed = counter(false).replay_file(&file(plan).write_new(directory.path()).unwrap()).unwrap();
    let unmet: Vec<String> = replayed.unmet.iter().map(ToString::to_string).collect();
    let expected = [
        "retry 2 of request 1, of node 9: there is no such node",
        "retry 3 of request 1, of node 0: the request was answered by then, or the run was over",
    ];
    assert_eq!(unmet, expected);
}

proptest! {
    #![proptest_config(plans_config(64))]

    #[test]
    fn any_plan_is_right_however_often_clients_ask(plan in retried(false).spares(0..=2).plans()) {
        let file = file(plan);
        prop_assert!(file.plan.requests.iter().all(|request| request.node.index() < file.plan.member_count()));
        retried(false).prop_assert_clean(&file.plan)?;
        let text = file.to_toml().unwrap();
        prop_assert_eq!(read(&text).unwrap().plan.requests, file.plan.requests);
    }
}

/// A request is answered when a majority has heard of it; spares do not say that they have.
struct Quorum {
    is_member: bool,
    needed: usize,
    heard: BTreeMap<RequestId, BTreeSet<NodeId>>,
}

impl Quorum {
    fn hear(&mut self, id: RequestId, from: NodeId, env: &mut Env<'_, Self>) {
        if let Some(heard) = self.heard.get_mut(&id) {
            heard.insert(from);
            if heard.len() >= self.needed {
                self.heard.remove(&id);
                env.respond(id, ());
            }
        }
    }
}

impl StateMachine for Quorum {
    type Message = Talk;
    type Timer = RequestId;
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, from: NodeId, message: Talk, env: &mut Env<'_, Self>) {
        match message {
            Talk::Do(id) if self.is_member => env.send(from, Talk::Done(id)),
            Talk::Do(_) => {}
            Talk::Done(id) => self.hear(id, from, env),
        }
    }

    fn on_request(&mut self, id: RequestId, _request: u8, env: &mut Env<'_, Self>) {
        self.heard.insert(id, BTreeSet::new());
        self.hear(id, env.id(), env);
        self.on_timer(id, env);
    }

    fn on_timer(&mut self, id: RequestId, env: &mut Env<'_, Self>) {
        if self.heard.contains_key(&id) {
            env.broadcast(&Talk::Do(id));
            env.set_timer(id, 10 * MS);
        }
    }
}

fn quorum(counts_spares: bool) -> Harness<Quorum> {
    let boot = move |boot: Boot<()>| {
        let voters = if counts_spares { boot.node_count } else { boot.member_count };
        Quorum { is_member: boot.is_member(), needed: voters / 2 + 1, heard: BTreeMap::new() }
    };
    Harness::new("quorum", boot)
        .nodes(3..=4)
        .requests(|rng| rng.below(9) as u8)
        .request_counts(1..=6)
        .settle(Duration::from_secs(1))
        .check(Liveness::new())
}

#[test]
fn who_counts_spares_as_voters_is_found_where_there_are_some_and_nowhere_else() {
    assert_eq!(sweep(&quorum(true), 300).violation_count(), 0);
    assert_eq!(sweep(&quorum(true).profile(Profile::harsh()), 300).violation_count(), 0);
    // Two members of three and two spares are no majority of five.
    let found = sweep(&quorum(true).profile(Profile::harsh()).spares(0..=2), 300);
    let plan = &found.failures[0].shrunk.plan;
    assert!(plan.spares > 0 && plan.decision_count() <= 4, "{plan:#?}");
    for profile in [Profile::hostile(), Profile::harsh()] {
        let right = sweep(&quorum(false).profile(profile).spares(0..=2), 300);
        assert!(right.violations.is_empty(), "{:?}", right.violations);
    }
}

#[test]
fn worlds_have_as_many_spares_as_they_are_told_and_members_as_before() {
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let (with, without) =
            (quorum(false).spares(0..=2).record_seed(seed).plan, quorum(false).record_seed(seed).plan);
        assert_eq!((with.member_count(), with.requests.len()), (without.node_count, without.requests.len()), "{seed}");
        assert!(with.requests.iter().all(|request| request.node.index() < with.member_count()));
        seen.insert(with.spares);
    }
    assert_eq!(seen, [0, 1, 2].into());
}
