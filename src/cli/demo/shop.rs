//! The cluster of the demo, and what it says to each command.

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use super::command::{Command, HELP, Items};
use crate::causality::DotSet;
use crate::kv::{ClientContext, Request, Response, Value};
use crate::protocol::NodeId;
use crate::runtime::{Client, Cluster, ClusterError, NodeState};
use crate::sim::Link;
use crate::store::{Bincode, Codec, Node};

/// How long nodes may take to answer, and to agree. It takes some milliseconds.
const AGREE_MAX: Duration = Duration::from_secs(60);

/// How long it is until one looks again.
const LOOK_EVERY: Duration = Duration::from_millis(1);

pub(super) struct Shop {
    cluster: Cluster<Node>,
    client: Client<Node>,
    codec: Bincode,
}

impl Shop {
    pub(super) fn new(node_count: usize) -> Self {
        let cluster = Cluster::builder(node_count, Node::boot).start();
        Self { client: cluster.client().timeout(AGREE_MAX), cluster, codec: Bincode::default() }
    }

    /// Does it, waits until all nodes that can reach each other agree, and says what came of it, in lines.
    pub(super) fn carry_out(&self, command: &Command) -> String {
        let said = self.act(command).unwrap_or_else(|error| format!("{error}\n"));
        match self.has_settled() {
            true => said,
            false => format!("{said}(the nodes have not agreed yet)\n"),
        }
    }

    fn act(&self, command: &Command) -> Result<String, ClusterError> {
        let cluster = &self.cluster;
        Ok(match command {
            Command::Put { node, key, items } => self.write(*node, key, Some(items), None)?,
            Command::Delete { node, key } => self.write(*node, key, None, None)?,
            Command::Get { node, key } => {
                let (values, _) = self.read(*node, key)?;
                format!("{key} = {}\n", self.tell(&values))
            }
            Command::Resolve { node, key } => self.resolve(*node, key)?,
            Command::Isolate { node } => {
                cluster.isolate(*node);
                format!("node {node} is cut off\n")
            }
            Command::Cut { left, right } => {
                cluster.cut(&both_ways(*left, *right));
                format!("nodes {left} and {right} no longer hear each other\n")
            }
            Command::Heal { left, right } => {
                cluster.heal(&both_ways(*left, *right));
                format!("nodes {left} and {right} hear each other\n")
            }
            Command::HealAll => {
                cluster.heal_all();
                "all links work\n".to_owned()
            }
            Command::Crash { node } => {
                cluster.crash(*node)?;
                format!("node {node} is down, and has forgotten everything\n")
            }
            Command::Restart { node } => {
                cluster.restart(*node)?;
                format!("node {node} is up\n")
            }
            Command::Show => self.show(),
            Command::Help => HELP.iter().fold(String::new(), |mut text, (form, does)| {
                let _ = writeln!(text, "{form:<22}{does}");
                text
            }),
            Command::Quit => String::new(),
        })
    }

    fn write(
        &self,
        node: usize,
        key: &str,
        items: Option<&Items>,
        context: Option<ClientContext>,
    ) -> Result<String, ClusterError> {
        let key_of = key.into();
        let request = match items {
            None => Request::Delete { key: key_of, context },
            Some(items) => match self.codec.encode(items) {
                Ok(value) => Request::Put { key: key_of, value: value.into(), context },
                Err(error) => return Ok(format!("no value: {error}\n")),
            },
        };
        Ok(match (self.client.request(node, request)?, items) {
            (Response::Refused(why), _) => format!("refused: {why}\n"),
            (_, Some(items)) => format!("node {node} has {key} = {}\n", tell_items(items)),
            (_, None) => format!("node {node} has deleted {key}\n"),
        })
    }

    fn read(&self, node: usize, key: &str) -> Result<(Vec<Value>, ClientContext), ClusterError> {
        match self.client.request(node, Request::Get { key: key.into() })? {
            Response::Values { values, context } => Ok((values, context)),
            Response::Written { .. } | Response::Refused(_) => Ok((Vec::new(), ClientContext::empty())),
        }
    }

    /// Writes the union of what is there, over just that.
    fn resolve(&self, node: usize, key: &str) -> Result<String, ClusterError> {
        let (values, context) = self.read(node, key)?;
        if values.len() < 2 {
            return Ok(format!("{key} = {}: there is nothing to settle\n", self.tell(&values)));
        }
        let decoded: Result<Vec<Items>, _> = values.iter().map(|value| self.codec.decode(value)).collect();
        match decoded {
            Ok(sets) => self.write(node, key, Some(&sets.into_iter().flatten().collect()), Some(context)),
            Err(error) => Ok(format!("{key} holds what is no set of items: {error}\n")),
        }
    }

    /// Siblings in an order that does not tell in which order they came.
    fn tell(&self, values: &[Value]) -> String {
        let decode = |value: &Value| match Codec::<Items>::decode(&self.codec, value) {
            Ok(items) => tell_items(&items),
            Err(error) => format!("(no set of items: {error})"),
        };
        let mut told: Vec<String> = values.iter().map(decode).collect();
        told.sort_unstable();
        match told.len() {
            0 => "nothing".to_owned(),
            1 => told.remove(0),
            count => format!("{}    {count} siblings", told.join(" | ")),
        }
    }

    fn show(&self) -> String {
        let mut text = String::new();
        for node in 0..self.cluster.node_count() {
            let cut: Vec<String> = self.cut_off_from(node).iter().map(usize::to_string).collect();
            let cut = if cut.is_empty() { String::new() } else { format!(", does not hear {}", cut.join(" ")) };
            let keys = |node: &Node| -> Vec<(String, Vec<Value>)> {
                let values = |key: &str| node.versions(key).iter().map(|version| version.value.clone()).collect();
                let mut keys: Vec<_> = node.keys().map(|key| (key.to_string(), values(key))).collect();
                keys.sort_unstable();
                keys
            };
            match self.cluster.look(node, keys) {
                Ok(Some(keys)) => {
                    let _ = writeln!(text, "node {node}{cut}");
                    for (key, values) in keys {
                        let _ = writeln!(text, "  {key} = {}", self.tell(&values));
                    }
                }
                Ok(None) => {
                    let why = match self.cluster.state(node) {
                        Some(NodeState::Panicked(text)) => format!("down: it panicked: {text}"),
                        _ => "down".to_owned(),
                    };
                    let _ = writeln!(text, "node {node}, {why}");
                }
                Err(error) => {
                    let _ = writeln!(text, "node {node}: {error}");
                }
            }
        }
        text
    }

    fn cut_off_from(&self, node: usize) -> Vec<usize> {
        let is_cut = |other: &usize| self.cluster.is_cut(Link::new(node, *other));
        (0..self.cluster.node_count()).filter(is_cut).collect()
    }

    /// Waits until all nodes that can reach each other have seen the same; false if they do not come to that.
    fn has_settled(&self) -> bool {
        let until = self.cluster.now() + AGREE_MAX;
        while !self.agrees() {
            if self.cluster.now() > until {
                return false;
            }
            thread::park_timeout(LOOK_EVERY);
        }
        true
    }

    /// True if each two nodes that are up and have a link have seen the same; so have then those that hear each other through others.
    fn agrees(&self) -> bool {
        let count = self.cluster.node_count();
        let seen: Vec<Option<DotSet>> =
            (0..count).map(|node| self.cluster.look(node, |node| node.seen().clone()).ok().flatten()).collect();
        let pairs = (0..count).flat_map(|left| (left + 1..count).map(move |right| (left, right)));
        pairs.filter(|(left, right)| !self.cluster.is_cut(Link::new(*left, *right))).all(|(left, right)| {
            match (&seen[left], &seen[right]) {
                (Some(left), Some(right)) => left == right,
                _ => true,
            }
        })
    }
}

fn both_ways(left: usize, right: usize) -> [Link; 2] {
    let link = Link { from: NodeId::new(left), to: NodeId::new(right) };
    [link, link.reversed()]
}

fn tell_items(items: &Items) -> String {
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    format!("{{{}}}", items.join(" "))
}
