//! Stream links: in order and once, until the session breaks; and what machines get wrong that rely on them.
#![cfg(feature = "proptest")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::model_check::{Scope, explore};
use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::replay::{Expect, PlanFile};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::sim::{
    Action, Fate, Fault, Link, Links, LostWhy, MessageName, Plan, PlannedFault, PlannedRequest, What,
};
use distributed_data_consistency::strategy::{Profile, Strategy};
use distributed_data_consistency::sweep::{Seeds, Sweep, SweepOptions};
use distributed_data_consistency::testing::plans_config;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    /// Nothing is sent again when a session begins.
    NoResend,
    /// It is sent when the session breaks: to nobody.
    TooSoon,
    /// What is sent again is added to what has come before.
    AddsAgain,
}

#[derive(Clone, Debug)]
enum Copy {
    Next(u8),
    Whole(Vec<u8>),
}

/// Keeps a list, of which each peer has a copy. It relies on streams: no message has a number.
struct Lists {
    bug: Option<Bug>,
    own: Vec<u8>,
    copies: BTreeMap<NodeId, Vec<u8>>,
}

impl Lists {
    fn resend(&self, peer: NodeId, env: &mut Env<'_, Self>) {
        if self.bug == Some(Bug::AddsAgain) {
            self.own.iter().for_each(|entry| env.send(peer, Copy::Next(*entry)));
        } else {
            env.send(peer, Copy::Whole(self.own.clone()));
        }
    }
}

impl StateMachine for Lists {
    type Message = Copy;
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = Vec<u8>;

    fn on_message(&mut self, from: NodeId, message: Copy, _env: &mut Env<'_, Self>) {
        let copy = self.copies.entry(from).or_default();
        match message {
            Copy::Next(entry) => copy.push(entry),
            Copy::Whole(whole) => *copy = whole,
        }
    }

    fn on_request(&mut self, id: RequestId, entry: u8, env: &mut Env<'_, Self>) {
        env.persist(|own| own.push(entry));
        self.own.push(entry);
        env.broadcast(&Copy::Next(entry));
        env.respond(id, ());
    }

    fn on_disconnect(&mut self, peer: NodeId, env: &mut Env<'_, Self>) {
        if self.bug == Some(Bug::TooSoon) {
            self.resend(peer, env);
        }
    }

    fn on_reconnect(&mut self, peer: NodeId, env: &mut Env<'_, Self>) {
        if !matches!(self.bug, Some(Bug::NoResend | Bug::TooSoon)) {
            self.resend(peer, env);
        }
    }

    fn kind(message: &Copy) -> &'static str {
        match message {
            Copy::Next(_) => "next",
            Copy::Whole(_) => "whole",
        }
    }
}

fn lists(bug: Option<Bug>) -> Harness<Lists> {
    Harness::new("lists", move |boot: Boot<Vec<u8>>| Lists { bug, own: boot.durable, copies: BTreeMap::new() })
        .requests(|rng| rng.below(250) as u8)
        .links(Links::Stream)
        .at_rest("copied", |nodes| {
            for (from, owner) in nodes.up() {
                for (node, copier) in nodes.up().filter(|(node, _)| *node != from) {
                    let copy = copier.copies.get(&from).map_or(&[][..], Vec::as_slice);
                    if copy != owner.own {
                        return Err(format!("node {node} has another copy of node {from}'s list"));
                    }
                }
            }
            Ok(())
        })
}

/// Tells all peers the largest number until they have it; right on any links, but for what it does when sessions break.
struct Gossip {
    forgets: bool,
    largest: u8,
    /// What each peer is known to have.
    known: BTreeMap<NodeId, u8>,
    left: BTreeSet<NodeId>,
}

impl Gossip {
    fn tell(&self, env: &mut Env<'_, Self>) {
        let lacks = |peer: &NodeId| self.known.get(peer).is_none_or(|known| *known < self.largest);
        let peers: Vec<NodeId> = env.peers().filter(|peer| lacks(peer) && !self.left.contains(peer)).collect();
        if !peers.is_empty() && self.largest > 0 {
            peers.into_iter().for_each(|peer| env.send(peer, (self.largest, false)));
            env.set_timer((), Duration::from_millis(10));
        }
    }
}

impl StateMachine for Gossip {
    type Message = (u8, bool);
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = u8;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        self.tell(env);
    }

    fn on_message(&mut self, from: NodeId, (number, is_answer): (u8, bool), env: &mut Env<'_, Self>) {
        if number > self.largest {
            self.largest = number;
            env.persist(|durable| *durable = number);
        }
        let known = self.known.entry(from).or_default();
        *known = number.max(*known);
        if !is_answer {
            env.send(from, (self.largest, true));
        }
        self.tell(env);
    }

    fn on_request(&mut self, id: RequestId, number: u8, env: &mut Env<'_, Self>) {
        self.largest = self.largest.max(number);
        let largest = self.largest;
        env.persist(|durable| *durable = largest);
        env.respond(id, ());
        self.tell(env);
    }

    fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
        self.tell(env);
    }

    fn on_disconnect(&mut self, peer: NodeId, _env: &mut Env<'_, Self>) {
        self.left.insert(peer);
    }

    fn on_reconnect(&mut self, peer: NodeId, env: &mut Env<'_, Self>) {
        if !self.forgets {
            self.left.remove(&peer);
        }
        self.tell(env);
    }
}

fn gossip(forgets: bool, links: Links) -> Harness<Gossip> {
    let boot = move |boot: Boot<u8>| {
        let (known, left) = (BTreeMap::new(), BTreeSet::new());
        Gossip { forgets, largest: boot.durable, known, left }
    };
    Harness::new("gossip", boot).requests(|rng| rng.below(250) as u8).links(links).at_rest("same", |nodes| {
        let largest: BTreeSet<u8> = nodes.up().map(|(_, node)| node.largest).collect();
        if largest.len() == 1 { Ok(()) } else { Err(format!("nodes have {largest:?}")) }
    })
}

fn sweep<M: StateMachine>(harness: &Harness<M>, worlds: u64) -> Sweep {
    let jobs = NonZeroUsize::new(2).unwrap();
    harness.sweep_with(&SweepOptions { jobs, ..SweepOptions::new(Seeds::first(worlds)) }, &|_| {})
}

#[test]
fn a_machine_that_relies_on_streams_is_right_on_them_and_on_nothing_else() {
    for strategy in [Strategy::Uniform, Strategy::Swarm, Strategy::Portfolio] {
        let sweep = sweep(&lists(None).profile(Profile::harsh()).strategy(strategy), 1_000);
        assert!(sweep.violations.is_empty(), "{:?}", sweep.failures);
        assert!(sweep.stats.sessions_broken > 100 && sweep.stats.broken > 100, "{:?}", sweep.stats);
        assert_eq!((sweep.stats.duplicated, sweep.stats.reordered), (0, 0));
    }
    assert!(sweep(&lists(None).links(Links::Datagram), 100).violation_count() > 0);
}

#[test]
fn each_bug_is_found_where_sessions_break_and_nowhere_else() {
    for bug in [Bug::NoResend, Bug::TooSoon, Bug::AddsAgain] {
        assert!(sweep(&lists(Some(bug)), 200).violation_count() > 0, "{bug:?}");
        assert_eq!(sweep(&lists(Some(bug)).profile(Profile::calm()), 500).violation_count(), 0, "{bug:?}");
    }
    assert!(sweep(&gossip(true, Links::Stream), 200).violation_count() > 0);
    assert_eq!(sweep(&gossip(true, Links::Datagram), 1_000).violation_count(), 0);
    assert_eq!(sweep(&gossip(false, Links::Stream), 1_000).violation_count(), 0);
}

/// What a run says of streams: each lane in order and once, each node's news of a peer by turns.
fn is_streamlike(events: &[distributed_data_consistency::sim::TraceEvent]) {
    let mut taken: BTreeMap<Link, usize> = BTreeMap::new();
    let mut sent: BTreeMap<Link, Vec<MessageName>> = BTreeMap::new();
    let mut broken: BTreeSet<(NodeId, NodeId)> = BTreeSet::new();
    for event in events {
        match &event.what {
            What::Sent { name, .. } => sent.entry(name.link).or_default().push(name.clone()),
            What::Took { name, .. } => {
                let place = sent[&name.link].iter().position(|other| other == name).unwrap();
                let next = taken.entry(name.link).or_default();
                assert!(place >= *next, "{event} comes late or twice");
                *next = place + 1;
            }
            What::Disconnected { node, peer } => assert!(broken.insert((*node, *peer)), "{event}"),
            // A node that has restarted hears of its new sessions, too.
            What::Crashed { node, .. } => broken.extend((0..8).map(|peer| (*node, NodeId::new(peer)))),
            What::Reconnected { node, peer } => assert!(broken.remove(&(*node, *peer)), "{event}"),
            What::Lost { why, .. } => assert!(matches!(why, LostWhy::Broken | LostWhy::Dropped), "{event}"),
            _ => {}
        }
    }
}

#[test]
fn messages_come_in_order_and_once_and_the_plan_of_a_run_is_that_run() {
    for strategy in [Strategy::Swarm, Strategy::Portfolio] {
        let harness = lists(Some(Bug::AddsAgain)).profile(Profile::harsh()).strategy(strategy);
        for seed in 0..150 {
            let recorded = harness.record_seed(seed);
            is_streamlike(&recorded.trace.events);
            let again = harness.record(&recorded.plan);
            assert_eq!(harness.run_seed(seed).digest, recorded.outcome.digest, "{seed}");
            assert_eq!((again.outcome.digest, &again.plan), (recorded.outcome.digest, &recorded.plan), "{seed}");
        }
    }
}

fn request(at_ms: u64, node: usize, entry: u8) -> PlannedRequest {
    PlannedRequest::new(Time::from_millis(at_ms), NodeId::new(node), Action::new(entry))
}

fn name(text: &str) -> MessageName {
    text.parse().unwrap()
}

#[test]
fn a_lost_message_breaks_the_session_and_takes_along_what_is_under_way() {
    let mut plan = Plan { links: Links::Stream, ..Plan::new(2) };
    plan.requests = vec![request(10, 0, 1), request(10, 1, 2), request(11, 0, 3), request(14, 0, 4), request(20, 0, 5)];
    plan.fates.insert(name("0→1 next #1"), Fate::delay(Duration::from_millis(3)));
    plan.fates.insert(name("0→1 next #2"), Fate::Drop);
    // It comes after the one before.
    plan.fates.insert(name("0→1 next #4"), Fate::delay(Duration::from_millis(5)));
    plan.fates.insert(name("1→0 next #1"), Fate::copies(&[Duration::from_millis(4), Duration::from_millis(1)]));
    let run = lists(Some(Bug::NoResend)).record(&plan).trace;
    let expected = "0ms node 0 starts
0ms node 1 starts
10ms node 0 is asked: 1
10ms node 0 answers: ()
10ms node 1 is asked: 2
10ms node 1 answers: ()
11ms node 0 is asked: 3
11ms node 0 answers: ()
11ms 0→1 next #2 is lost: dropped
12ms node 0 loses its session with node 1
12ms node 1 loses its session with node 0
13ms 0→1 next #1 is lost: session broken
13ms node 0 has a session with node 1 again
13ms node 1 has a session with node 0 again
14ms node 0 is asked: 4
14ms node 0 answers: ()
14ms 1→0 next #1 is lost: session broken
15ms 0→1 next #3 is taken: Next(4)
20ms node 0 is asked: 5
20ms node 0 answers: ()
25ms 0→1 next #4 is taken: Next(5)
100ms the world heals";
    assert_eq!(run.lines().join("\n"), expected);
}

#[test]
fn a_late_message_holds_up_those_behind_it() {
    let mut plan = Plan { links: Links::Stream, ..Plan::new(2) };
    plan.requests = vec![request(10, 0, 1), request(11, 0, 2), request(12, 1, 3)];
    plan.fates.insert(name("0→1 next #1"), Fate::delay(Duration::from_millis(10)));
    // Node 1 pauses until the very moment at which they come.
    let pause = Fault::Pause { node: NodeId::new(1), span: Duration::from_millis(5) };
    plan.faults = vec![PlannedFault { at: Time::from_millis(15), fault: pause }];
    let run = lists(None).record(&plan);
    assert!(run.outcome.is_clean());
    let lines = run.trace.lines().join("\n");
    let last = "20ms 0→1 next #1 is taken: Next(1)\n20ms 0→1 next #2 is taken: Next(2)\n100ms the world heals";
    assert!(lines.ends_with(last), "{lines}");
}

#[test]
fn a_cut_breaks_sessions_until_it_ends_and_a_crash_until_the_restart() {
    let mut plan = Plan { links: Links::Stream, ..Plan::new(2) };
    let cut = Fault::Partition { links: vec![Link::new(1, 0)], heal: Some(Duration::from_millis(10)) };
    let restart = Some(Duration::from_millis(10));
    let crash = Fault::Crash { node: NodeId::new(1), effects: None, restart, wipe: false };
    plan.faults = vec![
        PlannedFault { at: Time::from_millis(10), fault: cut },
        PlannedFault { at: Time::from_millis(30), fault: crash },
    ];
    let lines = lists(None).record(&plan).trace.lines().join("\n");
    let expected = "10ms cut 1→0
11ms node 0 loses its session with node 1
11ms node 1 loses its session with node 0
20ms joined 1→0
21ms node 0 has a session with node 1 again
21ms node 1 has a session with node 0 again
22ms 0→1 whole #1 is taken: Whole([])
22ms 1→0 whole #1 is taken: Whole([])
30ms node 1 crashes
31ms node 0 loses its session with node 1
40ms node 1 restarts, incarnation 2
41ms node 0 has a session with node 1 again
41ms node 1 has a session with node 0 again
42ms";
    assert!(lines.contains(expected), "{lines}");
}

#[test]
fn what_matters_is_left() {
    let failure = sweep(&lists(Some(Bug::NoResend)), 200).failures.swap_remove(0);
    let plan = &failure.shrunk.plan;
    assert!(plan.decision_count() <= 2 && plan.node_count == 3 && plan.links == Links::Stream, "{plan:#?}");
    let screen = Screen { failure: &failure, hints: &[] }.to_string();
    assert!(screen.lines().count() <= 40, "{screen}");
    assert!(failure.twin.is_some());
}

fn read(text: &str) -> Result<PlanFile, String> {
    lists(None).parse_plan(Path::new("x.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn plan_files_say_how_links_carry_messages() {
    let (system, expect) = ("lists".to_owned(), Expect::Clean);
    let file =
        PlanFile { system, plan: Plan { links: Links::Stream, ..Plan::new(2) }, expect, digest: None, trace: vec![] };
    let text = file.to_toml().unwrap();
    assert!(text.contains("\nlinks = \"stream\"\n"), "{text}");
    assert_eq!(read(&text).as_ref(), Ok(&file));
    let plain = text.replace("\"stream\"", "\"datagram\"");
    assert_eq!(read(&plain).unwrap().plan, Plan::new(2));
    assert!(!read(&plain).unwrap().to_toml().unwrap().contains("links"));
    let wrong = read(&text.replace("\"stream\"", "\"tcp\"")).unwrap_err();
    assert!(wrong.ends_with("expected \"datagram\" or \"stream\", found \"tcp\""), "{wrong}");
    let fuzzer = lists(None).fuzzer();
    assert_eq!(fuzzer.plan(&fuzzer.bytes(&file.plan)).links, Links::Stream);
}

#[test]
#[should_panic(expected = "\"lists\" cannot be searched exhaustively: its links are streams")]
fn an_exhaustive_search_says_that_it_knows_no_streams() {
    let _ = explore(&lists(None), &Scope::new(2, Vec::new()), NonZeroUsize::MIN, &|_| {});
}

proptest! {
    #![proptest_config(plans_config(64))]

    #[test]
    fn any_plan_is_right_on_streams(plan in lists(None).profile(Profile::harsh()).plans()) {
        lists(None).prop_assert_clean(&plan)?;
    }
}
