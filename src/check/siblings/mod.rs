//! The oracle of siblings: knows what truly happened before what, and never looks at a clock.
//!
//! For each write it keeps *H*, the writes of the same key that its writer had when it wrote, and theirs. For each node and
//! key it keeps *R*, the writes that the node has processed. A read must then show exactly the members of *R* that are in
//! the past of no other member.

mod explain;
mod history;

use super::{Breach, Check};
use crate::kv::{Replica, Request, Value};
use crate::machine::{NodeId, Time};
use crate::sim::{Event, Input, Nodes};
use explain::compare;
use history::{History, WriteId};
use smallvec::SmallVec;

/// After every step a node shows exactly the siblings it should, and at rest every node shows exactly the writes that
/// survived somewhere and that no surviving write builds on.
#[derive(Clone, Debug, Default)]
pub struct Siblings {
    history: History,
    /// The writes that the step in progress brings to its node.
    carried: Vec<WriteId>,
    /// What the step in progress is, for the explanation.
    step: StepInput,
    /// The kind of message that the step in progress takes; kept apart to be reused.
    kind: String,
    /// Reads after a step that rightly showed more than one sibling.
    concurrent: u64,
}

/// What a step handles, as far as writes go.
#[derive(Clone, Copy, Debug, Default)]
enum StepInput {
    #[default]
    Other,
    Put(WriteId),
    Message {
        from: NodeId,
    },
}

impl Siblings {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn begin<M: Replica>(&mut self, at: Time, node: NodeId, input: &Input<'_, M>) {
        self.carried.clear();
        self.step = StepInput::Other;
        match input {
            Input::Start { .. } => self.history.forget(node),
            Input::Request { request: Request::Put { key, value }, .. } => {
                let write = self.history.write(at, node, key, Value::clone(value));
                self.carried.push(write);
                self.step = StepInput::Put(write);
            }
            Input::Message { name, message } => {
                let (history, carried) = (&mut self.history, &mut self.carried);
                M::carried(message, &mut |key, sibling| carried.extend(history.find(key, sibling.value)));
                if !self.carried.is_empty() {
                    self.step = StepInput::Message { from: name.link.from };
                    self.kind.clear();
                    self.kind.push_str(name.kind);
                }
            }
            Input::Request { .. } | Input::Timer { .. } => {}
        }
    }

    fn end<M: Replica>(&mut self, at: Time, node: NodeId, machine: &M) -> Result<(), Breach> {
        for place in 0..self.carried.len() {
            self.history.process(at, node, self.carried[place]);
        }
        for place in 0..self.carried.len() {
            let key = self.history.key_of(self.carried[place]);
            // A message may carry several siblings of one key: one look is enough.
            let looked = self.carried[..place].iter().any(|write| self.history.key_of(*write) == key);
            if !looked {
                let shown = self.shown(key, machine);
                let expected = self.history.siblings(node, key);
                self.concurrent += u64::from(expected.len() > 1);
                if let Some(difference) = compare(expected, &shown) {
                    return Err(self.explain_step(node, key, difference));
                }
            }
        }
        Ok(())
    }

    fn at_rest<M: Replica>(&self, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        let up: Vec<NodeId> = nodes.up().map(|(node, _)| node).collect();
        for key in 0..self.history.key_count() {
            let expected = self.history.survivors(&up, key);
            for (node, machine) in nodes.up() {
                let shown = self.shown(key, machine);
                if let Some(difference) = compare(&expected, &shown) {
                    return Err(self.explain_rest(node, key, difference, &up));
                }
            }
        }
        Ok(())
    }

    /// The writes that a node shows; a value that nobody wrote is `None`.
    fn shown<M: Replica>(&self, key: usize, machine: &M) -> SmallVec<[Option<WriteId>; 4]> {
        let name = self.history.key_name(key);
        let mut shown = SmallVec::new();
        machine.siblings(name, &mut |sibling| shown.push(self.history.find(name, sibling.value)));
        shown
    }
}

impl<M: Replica> Check<M> for Siblings {
    fn name(&self) -> &'static str {
        "siblings"
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        match event {
            Event::Begins { node, input, .. } => self.begin(at, *node, input),
            Event::Ends { node, .. } if !self.carried.is_empty() => {
                if let Some(machine) = nodes.get(*node) {
                    return self.end(at, *node, machine);
                }
            }
            Event::Lost { name, message, why } => {
                let (node, history) = (name.link.to, &mut self.history);
                M::carried(message, &mut |key, sibling| {
                    if let Some(write) = history.find(key, sibling.value) {
                        history.lose(at, node, write, *name, *why);
                    }
                });
            }
            Event::Crashed { node, .. } => self.history.forget(*node),
            Event::Rest { .. } => return self.at_rest(nodes),
            _ => {}
        }
        Ok(())
    }

    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        add("siblings", self.concurrent);
    }
}
