//! Nobody waits for ever.

use std::fmt;

use super::{Breach, Check};
use crate::machine::{Effect, NodeId, RequestId, StateMachine, Time};
use crate::sim::{Event, Input, Nodes};

/// At rest, each request that reached a node has been answered, unless the node has crashed since: its client knows that, and
/// can ask again. Who is asked after the world has healed, and is still busy when the time to settle is up, may need longer.
///
/// The promise of those who are left as much as of all: in worlds where only a [core](crate::sim::Plan::core) heals, a node of it
/// that waits for one that never comes back breaks it. A protocol that must wait for a majority promises it to majorities,
/// which is what [`Profile::harsh`](crate::explore::Profile::harsh) leaves.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    waiting: Vec<Waiting>,
    healed: bool,
}

/// A client that has not been answered yet.
#[derive(Clone, Debug)]
struct Waiting {
    node: NodeId,
    id: RequestId,
    at: Time,
    request: String,
    /// It was asked after the world had healed.
    late: bool,
}

impl Answered {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<M: StateMachine> Check<M> for Answered {
    fn name(&self) -> &'static str {
        "answered"
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        match event {
            Event::Begins { node, input: Input::Request { id, request }, .. } => {
                let (request, late) = (format!("{request:?}"), self.healed);
                self.waiting.push(Waiting { node: *node, id: *id, at, request, late });
            }
            Event::Ends { effects, .. } => {
                for effect in *effects {
                    if let Effect::Respond { id: answered, .. } = effect {
                        self.waiting.retain(|waiting| waiting.id != *answered);
                    }
                }
            }
            Event::Crashed { node, .. } => self.waiting.retain(|waiting| waiting.node != *node),
            Event::Healed => self.healed = true,
            Event::Rest { quiet } => {
                if let Some(waiting) = self.waiting.iter().find(|waiting| *quiet || !waiting.late) {
                    return Err(tell(waiting, *quiet, nodes));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Who waits for what, and who could still answer.
fn tell<M: StateMachine>(waiting: &Waiting, quiet: bool, nodes: Nodes<'_, M>) -> Breach {
    let Waiting { node, id, at, request, .. } = waiting;
    let (up, gone): (Vec<NodeId>, Vec<NodeId>) =
        (0..nodes.count()).map(NodeId::new).partition(|node| nodes.get(*node).is_some());
    let rest = if quiet { "nothing is left to happen" } else { "the time to settle is up" };
    let breach = Breach::new("unanswered", format!("node {node} never answers request {id}"))
        .because(format!("at {at} it was asked: {request}"))
        .because(format!("{rest}, with nodes {} up and every link between them whole", List(&up)));
    if gone.is_empty() { breach } else { breach.because(format!("down for good: {}", List(&gone))) }
}

/// `0, 2`
struct List<'a>(&'a [NodeId]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, node) in self.0.iter().enumerate() {
            write!(f, "{}{node}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
