//! What not every protocol stands: only some nodes heal, nodes pause, disks are lost, what is written in two parts is torn.
#![cfg(feature = "builtin")]

use std::num::NonZeroUsize;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Excuse, Liveness};
use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::sim::{Fault, Plan};
use distributed_data_consistency::strategy::Profile;
use distributed_data_consistency::sweep::{Seeds, Sweep, SweepOptions};

fn sweep<M: StateMachine>(harness: &Harness<M>, worlds: u64) -> Sweep {
    let jobs = NonZeroUsize::new(2).expect("expect: above 0");
    harness.sweep_with(&SweepOptions { jobs, ..SweepOptions::new(Seeds::first(worlds)) }, &|_| {})
}

/// Answers a request once enough nodes have heard of it.
struct Poll {
    needed: usize,
    /// Requests that wait, each with the nodes that have heard of it.
    waiting: Vec<(RequestId, Vec<NodeId>)>,
}

#[derive(Clone, Debug)]
enum Talk {
    Ask(RequestId),
    Heard(RequestId),
}

impl Poll {
    fn ask(&self, env: &mut Env<'_, Self>) {
        for (id, heard) in &self.waiting {
            env.peers().filter(|peer| !heard.contains(peer)).for_each(|peer| env.send(peer, Talk::Ask(*id)));
        }
        if !self.waiting.is_empty() {
            env.set_timer((), Duration::from_millis(20));
        }
    }

    fn answer(&mut self, env: &mut Env<'_, Self>) {
        let needed = self.needed;
        self.waiting.retain(|(id, heard)| {
            let is_enough = heard.len() >= needed;
            if is_enough {
                env.respond(*id, ());
            }
            !is_enough
        });
    }
}

impl StateMachine for Poll {
    type Message = Talk;
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, from: NodeId, message: Talk, env: &mut Env<'_, Self>) {
        match message {
            Talk::Ask(id) => env.send(from, Talk::Heard(id)),
            Talk::Heard(id) => {
                for (_, heard) in self.waiting.iter_mut().filter(|(waiting, _)| *waiting == id) {
                    if !heard.contains(&from) {
                        heard.push(from);
                    }
                }
                self.answer(env);
            }
        }
    }

    fn on_request(&mut self, id: RequestId, _request: u8, env: &mut Env<'_, Self>) {
        self.waiting.push((id, vec![env.id()]));
        self.answer(env);
        self.ask(env);
    }

    fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
        self.ask(env);
    }
}

/// Waits for all nodes, or for a majority.
fn poll(all: bool) -> Harness<Poll> {
    poll_with(all, Liveness::new())
}

fn poll_with(all: bool, answered: Liveness) -> Harness<Poll> {
    let needed = move |count: usize| if all { count } else { count / 2 + 1 };
    Harness::new("poll", move |boot: Boot<()>| Poll { needed: needed(boot.node_count), waiting: Vec::new() })
        .requests(|rng| rng.below(3) as u8)
        .settle(Duration::from_millis(500))
        .check(answered)
}

#[test]
fn who_waits_for_all_is_caught_where_only_some_heal_and_nowhere_else() {
    assert_eq!(sweep(&poll(true), 1_000).violation_count(), 0, "all heal");
    assert_eq!(sweep(&poll(false).profile(Profile::harsh()), 1_000).violation_count(), 0, "a majority is enough");
    let found = sweep(&poll(true).profile(Profile::harsh()), 1_000);
    let failure = found.failures.first().expect("expect: the bug is found");
    let (plan, violation) = (&failure.shrunk.plan, &failure.shrunk.violation);
    assert_eq!(violation.to_string(), "answered: node 0 has not answered request 0");
    assert_eq!((plan.requests.len(), plan.faults.len(), plan.fates.len()), (1, 0, 0), "{plan:#?}");
    assert_eq!((plan.node_count, &plan.core), (3, &Some([0, 1].map(NodeId::new).to_vec())), "{plan:#?}");
    assert!(violation.breach.because.contains(&"down for good: 2".to_owned()), "{violation:#?}");
    let twin = failure.twin.as_ref().expect("expect: with all nodes back it is clean");
    assert_eq!(twin.change, "with all nodes back as the world heals");
}

#[test]
fn a_majority_is_not_enough_where_fewer_are_left() {
    let any_size = Profile { core_of_any_size: true, ..Profile::harsh() };
    assert!(sweep(&poll(false).profile(any_size.clone()), 1_000).violations["answered"] > 0);

    let excused = sweep(&poll_with(false, Liveness::new().needs(|count| count / 2 + 1)).profile(any_size), 1_000);
    assert_eq!(excused.violation_count(), 0);
    for excuse in [Excuse::TooFewLeft, Excuse::NodeCrashed] {
        assert!(excused.stats.marks[excuse.name()] > 0, "{:?}", excused.stats.marks);
    }
}

#[test]
fn who_needs_more_than_it_says_has_no_excuse() {
    let needy = poll_with(true, Liveness::new().needs(|count| count / 2 + 1));
    assert!(sweep(&needy.profile(Profile::harsh()), 1_000).violations["answered"] > 0);
}

/// Writes what it is asked to in two parts.
struct TwoParts {
    parts: [u8; 2],
}

impl StateMachine for TwoParts {
    type Message = ();
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = [u8; 2];

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, id: RequestId, request: u8, env: &mut Env<'_, Self>) {
        env.persist(|durable| durable[0] = request);
        env.persist(|durable| durable[1] = request);
        self.parts = [request; 2];
        env.respond(id, ());
    }
}

/// Takes what is on its disk for whole, or makes it so.
fn two_parts(mends: bool) -> Harness<TwoParts> {
    let boot = move |Boot { durable, .. }: Boot<[u8; 2]>| {
        let parts = if mends { [durable[0]; 2] } else { durable };
        TwoParts { parts }
    };
    Harness::new("two-parts", boot).requests(|rng| rng.between(1, 200) as u8).always("whole", |nodes| {
        match nodes.up().find(|(_, machine)| machine.parts[0] != machine.parts[1]) {
            Some((node, machine)) => Err(format!("node {node} has half of a write: {:?}", machine.parts)),
            None => Ok(()),
        }
    })
}

#[test]
fn a_write_in_two_parts_is_torn_by_a_crash_between_them() {
    let failure = &sweep(&two_parts(false), 1_000).failures[0];
    let plan = &failure.shrunk.plan;
    assert_eq!(plan.requests.len(), 1, "{plan:#?}");
    assert!(matches!(plan.faults[0].fault, Fault::Crash { effects: Some(1), .. }), "{plan:#?}");
    assert_eq!(sweep(&two_parts(true), 1_000).violation_count(), 0);
}

/// A disk that is lost is a decision of its own: it stays only where it matters.
#[test]
fn a_lost_disk_is_found_where_the_profile_asks_for_it() {
    let forgets = || {
        Harness::new("memory", |boot: Boot<[u8; 2]>| TwoParts { parts: [boot.durable[0]; 2] })
            .requests(|rng| rng.between(1, 200) as u8)
            .check(Remembers::default())
    };
    assert_eq!(sweep(&forgets(), 1_000).violation_count(), 0);
    let wipes = Profile { wipe_permille: 500, ..Profile::hostile() };
    let failure = &sweep(&forgets().profile(wipes), 1_000).failures[0];
    let plan = &failure.shrunk.plan;
    assert_eq!(plan.decision_count(), 2, "{plan:#?}");
    // Within a step or between two: either is one decision.
    assert!(matches!(plan.faults[0].fault, Fault::Crash { wipe: true, .. }), "{plan:#?}");
}

/// What a node has once had, it has again after a crash.
#[derive(Clone, Default)]
struct Remembers(Vec<bool>);

impl distributed_data_consistency::check::Check<TwoParts> for Remembers {
    fn name(&self) -> &'static str {
        "remembers"
    }

    fn see(
        &mut self,
        _at: distributed_data_consistency::protocol::Time,
        event: &distributed_data_consistency::sim::Event<'_, TwoParts>,
        nodes: distributed_data_consistency::sim::Nodes<'_, TwoParts>,
    ) -> Result<(), distributed_data_consistency::check::Breach> {
        self.0.resize(nodes.count(), false);
        let distributed_data_consistency::sim::Event::Ends { node, .. } = event else { return Ok(()) };
        let has = nodes.durable(*node).is_some_and(|durable| durable[0] > 0);
        if std::mem::replace(&mut self.0[node.index()], has) && !has {
            let told = format!("node {node} has forgotten");
            return Err(distributed_data_consistency::check::Breach::new("forgot", told));
        }
        Ok(())
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_store_stands_it_whoever_is_left() {
    use distributed_data_consistency::builtin::{store, textbook};
    for core_of_any_size in [false, true] {
        let profile = Profile { core_of_any_size, ..Profile::harsh() };
        let swept = sweep(&store().profile(profile.clone()), 1_000);
        assert_eq!(swept.violations.len(), 0, "{:?}", swept.failures.first().map(|failure| &failure.shrunk.violation));
        let stats = &swept.stats;
        assert!(stats.pauses > 100 && stats.abandoned > 100 && stats.wipes == 0, "{stats:?}");
        assert_eq!(sweep(&textbook(None).profile(profile), 300).violation_count(), 0);
    }
}

/// Milder profiles have nothing of it, and so mean what they meant.
#[test]
fn worlds_that_are_not_harsh_have_none_of_it() {
    let harsh = |plan: &Plan| {
        let rare = |fault: &Fault| matches!(fault, Fault::Pause { .. } | Fault::Crash { wipe: true, .. });
        plan.core.is_some() || plan.faults.iter().any(|planned| rare(&planned.fault))
    };
    let count = |profile: Profile| {
        (0..200).filter(|seed| harsh(&poll(false).profile(profile.clone()).record_seed(*seed).plan)).count()
    };
    assert_eq!(count(Profile::hostile()), 0);
    assert!(count(Profile::harsh()) > 50);
}
