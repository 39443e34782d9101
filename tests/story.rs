//! What the first screen says of a protocol that is not ours: the rows that its verdict depends on, what steps changed, and what a crash
//! forgot. The protocol is an election whose vote is not persisted.
#![cfg(feature = "harness")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::explain::Weight;
use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::sim::{Event, Nodes, What};
use distributed_data_consistency::sweep::{Failure, Seeds, SweepOptions};

#[derive(Clone, Debug, PartialEq)]
enum Role {
    Follower,
    Candidate { votes: BTreeSet<NodeId> },
    Leader,
}

#[derive(Debug)]
struct Voter {
    term: u64,
    voted_for: Option<NodeId>,
    role: Role,
    patience: Duration,
}

#[derive(Clone, Debug)]
enum Message {
    RequestVote { term: u64 },
    Vote { term: u64, granted: bool },
    Heartbeat { term: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Election,
    Beat,
}

/// Nobody begins anything after this.
const END: Time = Time::from_millis(400);

impl Voter {
    fn boot(boot: Boot<u64>) -> Self {
        let patience = Duration::from_millis(10 + 7 * boot.id.index() as u64);
        Self { term: boot.durable, voted_for: None, role: Role::Follower, patience }
    }

    fn hear_of(&mut self, term: u64, env: &mut Env<'_, Self>) {
        if term > self.term {
            (self.term, self.voted_for, self.role) = (term, None, Role::Follower);
            env.persist(|durable| *durable = term);
        }
    }
}

impl StateMachine for Voter {
    type Message = Message;
    type Timer = Timer;
    type Request = u8;
    type Response = String;
    type Durable = u64;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        env.set_timer(Timer::Election, self.patience);
    }

    fn on_request(&mut self, id: RequestId, _request: u8, env: &mut Env<'_, Self>) {
        env.respond(id, format!("{:?} of term {}", self.role, self.term));
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        match message {
            Message::RequestVote { term } => {
                self.hear_of(term, env);
                let granted = term == self.term && self.voted_for.is_none_or(|node| node == from);
                if granted {
                    self.voted_for = Some(from);
                }
                env.send(from, Message::Vote { term: self.term, granted });
            }
            Message::Vote { term, granted } => {
                self.hear_of(term, env);
                let quorum = env.node_count() / 2 + 1;
                let Role::Candidate { votes } = &mut self.role else { return };
                if granted && term == self.term {
                    votes.insert(from);
                    if votes.len() >= quorum {
                        self.role = Role::Leader;
                        env.mark("leader elected");
                        env.set_timer(Timer::Beat, Duration::from_millis(3));
                    }
                }
            }
            Message::Heartbeat { term } => {
                self.hear_of(term, env);
                if term == self.term {
                    env.set_timer(Timer::Election, self.patience);
                }
            }
        }
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        match timer {
            _ if env.now() > END => {}
            Timer::Beat if self.role == Role::Leader => {
                env.broadcast(&Message::Heartbeat { term: self.term });
                env.set_timer(Timer::Beat, Duration::from_millis(3));
            }
            Timer::Election if self.role != Role::Leader => {
                self.hear_of(self.term + 1, env);
                self.voted_for = Some(env.id());
                self.role = Role::Candidate { votes: BTreeSet::from([env.id()]) };
                env.broadcast(&Message::RequestVote { term: self.term });
                env.set_timer(Timer::Election, self.patience);
            }
            Timer::Beat | Timer::Election => {}
        }
    }
}

/// One leader a term. It gives no reasons.
#[derive(Clone, Default)]
struct OneLeader(BTreeMap<u64, NodeId>);

impl Check<Voter> for OneLeader {
    fn name(&self) -> &'static str {
        "one leader a term"
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Voter>, nodes: Nodes<'_, Voter>) -> Result<(), Breach> {
        let Event::Ends { node, .. } = event else { return Ok(()) };
        let Some(voter) = nodes.get(*node).filter(|voter| voter.role == Role::Leader) else { return Ok(()) };
        let first = *self.0.entry(voter.term).or_insert(*node);
        if first == *node {
            return Ok(());
        }
        let term = voter.term;
        Err(Breach::new("two leaders", format!("nodes {first} and {node} both lead term {term}")))
    }
}

fn harness() -> Harness<Voter> {
    Harness::new("voter", Voter::boot).debug_state().requests(|rng| rng.between(1, 9) as u8).check(OneLeader::default())
}

fn failure() -> Failure {
    let options = SweepOptions::new(Seeds::first(6_000));
    harness().sweep_with(&options, &|_| {}).failures.into_iter().next().expect("a vote that is forgotten is found")
}

#[test]
fn the_screen_shows_who_voted_for_whom_and_what_the_crash_forgot() {
    let failure = failure();
    let hints = [("saved", "snapshots/replays/one-leader-a-term.toml".to_owned())];
    let screen = Screen { failure: &failure, hints: &hints }.to_string();
    assert!(failure.shrunk.plan.node_count >= 3, "three to five nodes were declared\n{screen}");
    assert!(screen.lines().count() <= 40 && screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    for text in
        ["because  node ", "forgot voted_for Some(", "role Candidate { votes: {", "persists ", "RequestVote { term: "]
    {
        assert!(screen.contains(text), "expected {text:?}\n{screen}");
    }
    assert!(screen.contains("CRASHES") && !screen.contains("Heartbeat"), "{screen}");
    let pivot = &failure.pivot.as_ref().unwrap().moments[0].what;
    assert_ne!(pivot, "the world heals", "{screen}");
}

#[test]
fn what_is_decisive_cannot_be_left_out_and_what_is_idle_can() {
    let failure = failure();
    let (story, violation) = (failure.story.as_ref().unwrap(), &failure.shrunk.violation);
    assert!(story.is_whole && story.weights.len() == failure.trace.events.len());
    let without = |wanted: Weight| {
        let mut plan = failure.shrunk.plan.clone();
        for (event, weight) in failure.trace.events.iter().zip(&story.weights) {
            match &event.what {
                What::Took { name, .. } if *weight == wanted && !plan.fates.contains_key(name) => {
                    plan.fates.insert(name.clone(), distributed_data_consistency::sim::Fate::Drop);
                }
                _ => {}
            }
        }
        harness().run(&plan).violation.is_some_and(|found| found.is_like(violation) && found.at <= violation.at)
    };
    assert!(without(Weight::Idle), "all that is idle can be left out at once");
    assert!(!without(Weight::Decisive), "what is decisive cannot");
}
