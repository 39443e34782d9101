//! A node that does as it is told, so that a test can say what keeps a world going.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Boot, Env, NodeId, Observe, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{Action, Fault, Plan, PlannedFault, PlannedRequest};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default)]
pub(crate) struct Actor {
    /// Numbers it has been told.
    pub(crate) known: BTreeSet<u64>,
    pub(crate) sent: u64,
    pub(crate) taken: u64,
    is_counted: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Order {
    Nothing,
    /// Set this timer, due after so many milliseconds.
    Set(u32, u64),
    /// Set it so many times, one time after the other.
    SetAgain(u32, u64, u32),
    Cancel(u32),
    /// Beat for ever, once in so many microseconds.
    Beat(u64),
    /// A timer that is due at once, again and again.
    Spin,
    /// Send a message to a node, which sends it back, and so on.
    Ping(usize),
    /// A broadcast, which everybody answers by a broadcast, of messages with so many bytes.
    Storm(usize),
    /// Tell everybody a number.
    Tell(u64),
    Answer(u32),
    AnswerTwice,
    /// Ask another node to answer.
    Forward(usize),
    /// Make the request durable; the next incarnation answers it.
    AnswerLater,
}

#[derive(Clone, Debug)]
pub(crate) enum Message {
    Ping,
    Storm(Vec<u8>),
    Beat,
    Heard,
    Tell(u64),
    Forward(RequestId),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Idle(u32),
    Beat(u64),
    Spin,
}

/// How many messages and timers the nodes of a system that is [`counted`] have handled.
pub(crate) static STEPS: AtomicU64 = AtomicU64::new(0);

impl Actor {
    fn send(&mut self, to: NodeId, message: Message, env: &mut Env<'_, Self>) {
        self.sent += 1;
        env.send(to, message);
    }

    fn broadcast(&mut self, message: &Message, env: &mut Env<'_, Self>) {
        env.peers().for_each(|peer| self.send(peer, message.clone(), env));
    }
}

impl StateMachine for Actor {
    type Message = Message;
    type Timer = Timer;
    type Request = Order;
    type Response = ();
    type Durable = Option<u32>;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        if let Some(id) = *env.durable() {
            env.persist(|durable| *durable = None);
            env.respond(RequestId(id), ());
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        STEPS.fetch_add(self.is_counted.into(), Ordering::Relaxed);
        self.taken += 1;
        match message {
            Message::Ping => self.send(from, Message::Ping, env),
            Message::Storm(ref bytes) => {
                assert!(bytes.iter().all(|byte| *byte == 7), "a message comes as it was sent");
                self.broadcast(&message, env);
            }
            Message::Beat => self.send(from, Message::Heard, env),
            Message::Heard => {}
            Message::Tell(number) => _ = self.known.insert(number),
            Message::Forward(id) => env.respond(id, ()),
        }
    }

    fn on_timer(&mut self, timer: Timer, env: &mut Env<'_, Self>) {
        STEPS.fetch_add(self.is_counted.into(), Ordering::Relaxed);
        match timer {
            Timer::Idle(_) => {}
            Timer::Beat(micros) => {
                self.broadcast(&Message::Beat, env);
                env.set_timer(timer, Duration::from_micros(micros));
            }
            Timer::Spin => env.set_timer(timer, Duration::ZERO),
        }
    }

    fn on_request(&mut self, id: RequestId, order: Order, env: &mut Env<'_, Self>) {
        match order {
            Order::Nothing => {}
            Order::Set(timer, millis) => env.set_timer(Timer::Idle(timer), Duration::from_millis(millis)),
            Order::SetAgain(timer, millis, times) => {
                (0..times).for_each(|_| env.set_timer(Timer::Idle(timer), Duration::from_millis(millis)));
            }
            Order::Cancel(timer) => env.cancel_timer(Timer::Idle(timer)),
            Order::Beat(micros) => env.set_timer(Timer::Beat(micros), Duration::from_micros(micros)),
            Order::Spin => env.set_timer(Timer::Spin, Duration::ZERO),
            Order::Ping(peer) => self.send(NodeId::new(peer), Message::Ping, env),
            Order::Storm(bytes) => self.broadcast(&Message::Storm(vec![7; bytes]), env),
            Order::Tell(number) => {
                self.known.insert(number);
                self.broadcast(&Message::Tell(number), env);
            }
            Order::Answer(other) => env.respond(RequestId(other), ()),
            Order::AnswerTwice => (0..2).for_each(|_| env.respond(id, ())),
            Order::Forward(peer) => self.send(NodeId::new(peer), Message::Forward(id), env),
            Order::AnswerLater => env.persist(|durable| *durable = Some(id.0)),
        }
    }

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Ping => "ping",
            Message::Storm(_) => "storm",
            Message::Beat => "beat",
            Message::Heard => "heard",
            Message::Tell(_) => "tell",
            Message::Forward(_) => "forward",
        }
    }
}

impl Observe for Actor {
    type View = BTreeSet<u64>;

    fn view(&self) -> BTreeSet<u64> {
        self.known.clone()
    }
}

pub(crate) fn harness() -> Harness<Actor> {
    Harness::new("actor", |_: Boot<Option<u32>>| Actor::default()).requests(|_| Order::Nothing)
}

pub(crate) fn counted() -> Harness<Actor> {
    let boot = |_: Boot<Option<u32>>| Actor { is_counted: true, ..Actor::default() };
    Harness::new("counted", boot).requests(|_| Order::Nothing)
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A world in which nodes are told what to do when; it heals at 100 ms and has a second to settle.
pub(crate) fn plan(node_count: usize, orders: &[(u64, usize, Order)]) -> Plan {
    let mut plan = Plan { settle: ms(1_000), ..Plan::new(node_count) };
    for (millis, node, order) in orders {
        let (at, action) = (Time::from_millis(*millis), Action::new(order.clone()));
        plan.requests.push(PlannedRequest::new(at, NodeId::new(*node), action));
    }
    plan
}

pub(crate) fn fault(mut plan: Plan, millis: u64, fault: Fault) -> Plan {
    plan.faults.push(PlannedFault { at: Time::from_millis(millis), fault });
    plan
}

pub(crate) fn crash(node: usize, restart: Option<Duration>) -> Fault {
    Fault::Crash { node: NodeId::new(node), effects: None, restart, wipe: false }
}
