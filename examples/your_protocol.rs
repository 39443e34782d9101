//! Your own protocol in 100 lines: a replicated lock that hands out fencing tokens.
//!
//!     cargo run --example your_protocol -- sweep
//!
//! runs a thousand hostile worlds and finds nothing. Now make `COUNT_COPIES` true, which plants a believable bug, and run
//! it again: two clients hold the same token. The screen shows the smallest run in which that happens, and names the file
//! that replays it. Make it false again and replay the file: it is clean, and tells where the run now goes another way.

use std::collections::BTreeMap;
use std::process::ExitCode;

use distributed_data_consistency::harness::Harness;
use distributed_data_consistency::protocol::{Boot, Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::sim::Nodes;
use serde::{Deserialize, Serialize};

/// The bug: a grant that the network delivers twice is taken for the grants of two servers.
const COUNT_COPIES: bool = false;

/// One server of the lock service. A client holds the lock once a majority of the servers has granted it a token. A newer
/// token is a larger number, so that whatever the lock guards can turn away those who come late with an old one.
pub struct Server {
    /// The newest token this server has granted. It grants no token twice: all safety comes from here.
    granted: u64,
    /// The token it collects grants for, on behalf of a client.
    bid: Option<Bid>,
    /// Who was given which token here. Nothing but the promise below looks at it.
    given: BTreeMap<u64, String>,
    count_copies: bool,
}

struct Bid {
    id: RequestId,
    client: String,
    token: u64,
    granted_by: Vec<NodeId>,
}

/// What a client asks; a plan file says `lock = "alice"`, hence serde.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Give the lock to this client.
    Lock(String),
}

/// What servers tell each other.
#[derive(Clone, Debug)]
pub enum Message {
    /// May I hand out this token?
    Ask(u64),
    /// You may, and nobody else may.
    Grant(u64),
}

impl StateMachine for Server {
    type Message = Message;
    type Timer = (); // it sets none
    type Request = Request;
    type Response = u64; // the token
    type Durable = u64; // all that survives a crash: the newest token granted

    /// Asks all servers, this one included, to grant the next token.
    fn on_request(&mut self, id: RequestId, Request::Lock(client): Request, env: &mut Env<'_, Self>) {
        let token = self.granted + 1;
        self.granted = token;
        env.persist(|durable| *durable = token);
        self.bid = Some(Bid { id, client, token, granted_by: vec![env.id()] });
        env.broadcast(&Message::Ask(token));
    }

    fn on_message(&mut self, from: NodeId, message: Message, env: &mut Env<'_, Self>) {
        match message {
            Message::Ask(token) if token > self.granted => {
                self.granted = token;
                // Before the grant leaves: a crash may strike between any two effects of a step. With these two lines the
                // other way round, `sweep --seeds 200000` finds a world in which it does.
                env.persist(|durable| *durable = token);
                env.send(from, Message::Grant(token));
            }
            Message::Ask(_) => {} // granted already, to that server or another
            Message::Grant(token) => {
                let Some(bid) = self.bid.as_mut().filter(|bid| bid.token == token) else { return };
                if self.count_copies || !bid.granted_by.contains(&from) {
                    bid.granted_by.push(from);
                }
                if bid.granted_by.len() * 2 <= env.node_count() {
                    return;
                }
                let Some(bid) = self.bid.take() else { return };
                self.given.insert(token, bid.client);
                env.respond(bid.id, token);
                env.mark("lock given"); // a sweep counts these: the worlds are not idle
            }
        }
    }

    /// Names messages, in plans and pictures: `0→1 grant #1`.
    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Ask(_) => "ask",
            Message::Grant(_) => "grant",
        }
    }
}

/// The promise: no two clients are given the same token.
fn one_holder(nodes: Nodes<'_, Server>) -> Result<(), String> {
    let mut holders = BTreeMap::new();
    for (node, server) in nodes.up() {
        for (token, client) in &server.given {
            match holders.insert(token, (node, client)) {
                Some((other, first)) if first != client => {
                    return Err(format!("node {other} gave token {token} to {first}, node {node} to {client}"));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The system, described once: for the command line below, and for `cargo test` in tests/your_protocol.rs.
pub fn harness(count_copies: bool) -> Harness<Server> {
    // Makes a server, at the start and after each crash, of what was durable.
    let boot = move |Boot { durable, .. }: Boot<u64>| Server {
        granted: durable,
        bid: None,
        given: BTreeMap::new(),
        count_copies,
    };
    Harness::new("lock", boot)
        .nodes(3..=5)
        .requests(|rng| Request::Lock(["alice", "bob", "carol"][rng.below(3) as usize].to_owned()))
        .always("one-holder", one_holder)
        .must_reach(["lock given"]) // a promise kept by worlds in which nothing happens is worth nothing
        // Leave this out, and plans that fail are saved in snapshots/replays, to be committed.
        .snapshots("target/lock")
}

fn main() -> ExitCode {
    harness(COUNT_COPIES).cli()
}
