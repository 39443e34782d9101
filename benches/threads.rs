//! How soon a write is everywhere, and how one node scales: `cargo bench --bench threads`.
//!
//! The first is the time from the call of a client until the slower of the other two nodes of three has taken the update, on threads, in
//! one process. The second is `SharedNode` on one and two threads, 95 % reads; `benches/peers` has it beside the maps of others.
#![expect(clippy::disallowed_types, reason = "a bench measures")]

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use distributed_data_consistency::kv::{Key, Request, Response, Value};
use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, Rng, StateMachine};
use distributed_data_consistency::runtime::{Client, Cluster, SharedNode};
use distributed_data_consistency::store::{Durable, Message, Node, SyncTimer};

const PUTS: usize = 20_000;
const KEYS: usize = 1_000_000;
const OPERATIONS: usize = 1_000_000;
const ROUNDS: usize = 5;

/// A node that says who has taken the update of which put, and when.
struct Watched {
    node: Node,
    taken: Sender<(usize, u64, Instant)>,
}

impl StateMachine for Watched {
    type Message = Message;
    type Timer = SyncTimer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(&mut self, env: &mut Env<'_, Self>) {
        self.with(env, |node, env| node.start(env));
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        let value = match &message {
            Message::Update(update) => update.write.value.clone(),
            Message::Pull(_) | Message::Reply(_) => None,
        };
        self.with(env, |node, env| node.on_message(from, message, env));
        if let Some(value) = value {
            let _ = self.taken.send((env.id().index(), number_of(&value), Instant::now()));
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, env: &mut Env<'_, Self>) {
        self.with(env, |node, env| node.on_request(id, request, env));
    }

    fn on_timer(&mut self, timer: SyncTimer, env: &mut Env<'_, Self>) {
        self.with(env, |node, env| node.on_timer(timer, env));
    }
}

impl Watched {
    /// Lets the node handle it, and hands over what it wants done.
    fn with(&mut self, env: &mut Env<'_, Self>, handle: impl FnOnce(&mut Node, &mut Env<'_, Node>)) {
        use distributed_data_consistency::protocol::Effect;
        let mut effects = Vec::new();
        let mut durable = *env.durable();
        let mut rng = env.rng().clone();
        handle(
            &mut self.node,
            &mut Env::new(env.id(), env.node_count(), env.now(), &mut rng, &mut durable, &mut effects),
        );
        for effect in effects {
            match effect {
                Effect::Send { to, message } => env.send(to, message),
                Effect::SetTimer { timer, after } => env.set_timer(timer, after),
                Effect::CancelTimer { timer } => env.cancel_timer(timer),
                Effect::Persist => env.persist(|kept| *kept = durable),
                Effect::Respond { id, response } => env.respond(id, response),
                Effect::Mark(what) => env.mark(what),
            }
        }
    }
}

/// A value of 32 bytes tells which put it is of.
fn number_of(value: &[u8]) -> u64 {
    value[..8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn put(client: &Client<Watched>, number: usize) {
    let mut value = [7; 32];
    value[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let request = Request::Put { key: format!("key-{}", number % 100).into(), value: value.into(), context: None };
    assert!(matches!(client.request(0, request), Ok(Response::Written { .. })), "the node takes it");
}

/// Sorted times from the call to the answer, and until all have it.
fn visible() -> [Vec<Duration>; 2] {
    let (tell, taken) = channel();
    let tell = std::sync::Mutex::new(tell);
    let boot = move |boot: Boot<Durable>| {
        let taken = tell.lock().expect("nobody panics").clone();
        Watched { node: Node::boot(boot), taken }
    };
    let cluster = Cluster::builder(3, boot).start();
    let client = cluster.client();
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..PUTS {
        let start = Instant::now();
        put(&client, number);
        let answered = start.elapsed();
        // A node that was slow to answer is sent some updates twice.
        let mut first_taken = [None; 3];
        while first_taken[1..].contains(&None) {
            let (node, taken_number, at) = taken.recv().expect("two nodes take it");
            if taken_number == number as u64 {
                first_taken[node].get_or_insert(at);
            }
        }
        times[0].push(answered);
        times[1].push(*first_taken.iter().flatten().max().expect("two") - start);
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    times
}

/// Million operations per second.
fn shared(node: &SharedNode, keys: &[Key], threads: usize, seed: u64) -> f64 {
    let value: Value = Arc::new([7; 32]);
    let start = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let value = &value;
            scope.spawn(move || {
                let mut rng = Rng::new(seed, thread as u64);
                for _ in 0..OPERATIONS {
                    let key = &keys[rng.below(KEYS as u64) as usize];
                    if rng.chance(50) {
                        assert!(node.put(key.clone(), value.clone()).is_ok(), "the node takes it");
                    } else {
                        std::hint::black_box(node.read(key, <[_]>::len));
                    }
                }
            });
        }
    });
    (OPERATIONS * threads) as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn main() {
    let [answered, everywhere] = visible();
    let us = |times: &[Duration], permille: usize| times[(times.len() - 1) * permille / 1_000].as_secs_f64() * 1e6;
    println!("{PUTS} puts at one of three nodes, microseconds    median    90 %    99 %");
    for (what, times) in [("answered", &answered), ("on all nodes", &everywhere)] {
        println!("{what:<45}{:>10.1}{:>8.1}{:>8.1}", us(times, 500), us(times, 900), us(times, 990));
    }
    let keys: Vec<Key> = (0..KEYS).map(|key| format!("key-{key:07}").into()).collect();
    let node = SharedNode::new(0, 1);
    keys.iter().for_each(|key| assert!(node.put(key.clone(), [7; 32]).is_ok(), "the node takes it"));
    let mut figures: Vec<(f64, f64)> =
        (0..ROUNDS as u64).map(|round| (shared(&node, &keys, 1, round), shared(&node, &keys, 2, round))).collect();
    figures.sort_by(|left, right| (left.1 / left.0).total_cmp(&(right.1 / right.0)));
    let (one, two) = figures[ROUNDS / 2];
    println!(
        "SharedNode, {KEYS} keys, 95 % reads: {one:.2} million a second on one thread, {two:.2} on two ({:.2} times)",
        two / one
    );
}
