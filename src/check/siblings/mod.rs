//! The oracle of siblings: knows what truly happened before what, and never looks at a clock.
//!
//! For each write it keeps *H*, the writes of the same key that its writer had when it wrote, and theirs. For each node and
//! key it keeps *R*, the writes that the node has processed. A read must then show exactly the members of *R* that are in
//! the past of no other member.

mod explain;
mod history;
mod incarnation;
mod places;
#[cfg(test)]
mod tests;
mod write;
mod write_set;

use super::{Breach, Check, QUIET, TIME_UP};
use crate::causality::Dot;
use crate::kv::{Replica, Request, Response, Value, key_subject};
use crate::protocol::{Effect, NodeId, Time};
use crate::sim::{Event, EventKind, Input, Link, Nodes};
use explain::compare;
use history::History;
use incarnation::Claim;
use indexmap::IndexMap;
use smallvec::SmallVec;
use write_set::{Met, WriteId};

/// In each step a node is looked at for what the step carries, and for so many keys more, in turn.
const LOOKS_MAX: usize = 4;

/// After every step a node shows exactly the siblings it should, and at rest, or when the time to settle is up, every node shows exactly the writes that
/// survived somewhere and that no surviving write builds on.
#[derive(Clone, Debug, Default)]
pub struct Siblings {
    history: History,
    /// The writes that the step in progress brings to its node, each once …
    carried: Vec<WriteId>,
    /// … by their places among all writes …
    is_carried: Met,
    /// … and the numbers of the keys that were looked at for them.
    looked: Met,
    /// What the step in progress is, for the explanation …
    step: StepInput,
    /// … and when.
    at: Time,
    /// The kind of message that the step in progress takes; kept apart to be reused.
    kind: String,
    /// Of the link and kind of the message that the step in progress takes, the latest that was taken before.
    overtaken_by: Option<u32>,
    /// The latest message that was taken, for each link and kind; only where messages have names.
    latest: IndexMap<(Link, String), u32>,
    /// Which key is looked at next without a reason.
    turn: usize,
    /// Reads after a step that rightly showed more than one sibling.
    concurrent: u64,
}

/// What a step handles, as far as writes go.
#[derive(Clone, Copy, Debug, Default)]
enum StepInput {
    #[default]
    Other,
    /// A write; a delete is one too.
    Write(WriteId),
    /// A read of the key of this number.
    Get(usize),
    Message {
        link: Link,
        /// 0 where messages have no names.
        number: u32,
    },
}

impl Siblings {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn begin<M: Replica>(&mut self, at: Time, node: NodeId, input: &Input<'_, M>, nodes: Nodes<'_, M>) {
        self.carried.clear();
        self.is_carried.clear();
        self.step = StepInput::Other;
        self.at = at;
        match input {
            Input::Start { incarnation: 0 } => {}
            Input::Start { .. } => self.history.forget(at, node),
            Input::Request { request, .. } => {
                let (key, value, context) = match request {
                    Request::Put { key, value, context } => (key, Some(Value::clone(value)), context),
                    Request::Delete { key, context } => (key, None, context),
                    Request::Get { key } => {
                        self.step = StepInput::Get(self.history.key_number(key));
                        return;
                    }
                };
                let write = self.history.write(at, node, key, value, context.as_ref());
                self.carried.push(write);
                self.step = StepInput::Write(write);
            }
            Input::Message { message, .. } if nodes.get(node).is_some_and(|machine| !machine.takes(message)) => {}
            Input::Message { name, message } => {
                let (history, carried, met) = (&self.history, &mut self.carried, &mut self.is_carried);
                M::carried(message, &mut |key, sibling| {
                    carried.extend(history.find(key, sibling).filter(|write| met.meet(write.0)));
                });
                // The first part of an answer may tell of a delete before all of it makes it seen.
                self.learn_deletes(node, |key, dot| M::tells_of(message, key, dot));
                self.step = StepInput::Message { link: name.link, number: name.number };
                self.kind.clear();
                self.kind.push_str(name.kind);
                if name.number > 0 {
                    let latest = self.latest.entry((name.link, name.kind.to_owned())).or_default();
                    self.overtaken_by = (*latest > name.number).then_some(*latest);
                    *latest = name.number.max(*latest);
                }
            }
            Input::Timer { .. } | Input::Disconnected { .. } | Input::Reconnected { .. } => {}
        }
    }

    fn end<M: Replica>(&mut self, at: Time, node: NodeId, machine: &M, effects: &[Effect<M>]) -> Result<(), Breach> {
        match self.step {
            StepInput::Other => return Ok(()),
            StepInput::Get(_) => {}
            StepInput::Write(write) => self.name_write(write, effects),
            StepInput::Message { .. } => self.learn_deletes(node, |_, dot| machine.has_seen(dot)),
        }
        for place in 0..self.carried.len() {
            self.history.process(at, node, self.carried[place]);
        }
        self.hear_answers(node, effects);
        if let StepInput::Message { number: 1.., .. } = self.step {
            self.note_claims(node, machine);
        }
        self.looked.clear();
        for place in 0..self.carried.len() {
            let key = self.history.key_of(self.carried[place]);
            // A message may carry several siblings of one key: one look is enough.
            if self.looked.meet(key) {
                self.concurrent += u64::from(self.look(node, key, machine)? > 1);
            }
        }
        // A step may change a key of which it carries nothing.
        for _ in 0..self.history.key_count().min(LOOKS_MAX) {
            self.turn = if self.turn + 1 < self.history.key_count() { self.turn + 1 } else { 0 };
            if !self.looked.has(self.turn) {
                self.look(node, self.turn, machine)?;
            }
        }
        Ok(())
    }

    /// Holds what `node` shows of a key against what it should. Returns how many siblings that are.
    fn look<M: Replica>(&self, node: NodeId, key: usize, machine: &M) -> Result<usize, Breach> {
        let name = self.history.key_name(key);
        if let Some(count) = self.history.are_siblings(node, key, |each| machine.siblings(name, each)) {
            return Ok(count);
        }
        let shown = self.shown(key, machine);
        let expected = self.history.live(self.history.siblings(node, key));
        match compare(&expected, &shown) {
            Some(difference) => Err(self.explain_step(node, key, difference).about(self.subject(key))),
            None => Ok(expected.len()),
        }
    }

    /// Notes which writes `node` now says to have seen that it does not have.
    fn note_claims<M: Replica>(&mut self, node: NodeId, machine: &M) {
        let claimed = self.history.new_claims(node, |dot| machine.has_seen(dot));
        if claimed.is_empty() {
            return;
        }
        let how = self.tell_step(node, None);
        for write in claimed {
            self.history.claim(node, Claim { at: self.at, write, how: how.clone() });
        }
    }

    /// The name that the store gives a write is in its answer. A delete has no value: it is recognised by that name or, if a
    /// crash swallowed it, by the one in its messages. A write that was refused has not happened.
    fn name_write<M: Replica>(&mut self, write: WriteId, effects: &[Effect<M>]) {
        let is_delete = self.history.get(write).value.is_none();
        for effect in effects {
            match effect {
                Effect::Respond { response: Response::Refused(_), .. } => self.carried.clear(),
                Effect::Respond { response: Response::Written { dot, .. }, .. } => self.history.name(write, *dot),
                Effect::Send { message, .. } if is_delete => {
                    let history = &mut self.history;
                    M::carried(message, &mut |key, sibling| {
                        if let (None, None, Some(dot)) = (sibling.value, history.find(key, sibling), sibling.dot) {
                            history.name(write, dot);
                        }
                    });
                }
                _ => {}
            }
        }
    }

    /// A delete that everybody had may be forgotten; who lost its memory learns of it without being sent it: `learns` of a
    /// delete by its key and its name.
    fn learn_deletes(&mut self, node: NodeId, learns: impl Fn(&str, Dot) -> bool) {
        let (carried, met) = (&mut self.carried, &mut self.is_carried);
        for (delete, key, dot) in self.history.untaken_deletes(node) {
            if learns(key, dot) && met.meet(delete.0) {
                carried.push(delete);
            }
        }
    }

    /// Remembers what the store's answers tell its clients.
    fn hear_answers<M: Replica>(&mut self, node: NodeId, effects: &[Effect<M>]) {
        for effect in effects {
            let Effect::Respond { response, .. } = effect else { continue };
            match (response, self.step) {
                (Response::Written { context, .. }, StepInput::Write(write)) => self.history.tell(context, &[write]),
                (Response::Values { context, .. }, StepInput::Get(key)) => {
                    let siblings = SmallVec::<[WriteId; 4]>::from_slice(self.history.siblings(node, key));
                    self.history.tell(context, &siblings);
                }
                _ => {}
            }
        }
    }

    fn at_rest<M: Replica>(&mut self, quiet: bool, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        let up: Vec<NodeId> = nodes.up().map(|(node, _)| node).collect();
        for key in 0..self.history.key_count() {
            let survivors = self.history.survivors(&up, key);
            let expected = self.history.live(&survivors);
            for (node, machine) in nodes.up() {
                let shown = self.shown(key, machine);
                if let Some(difference) = compare(&expected, &shown) {
                    return Err(self.explain_rest(node, key, difference, &up, quiet).about(self.subject(key)));
                }
            }
        }
        Ok(())
    }

    fn subject(&self, key: usize) -> String {
        key_subject(self.history.key_name(key))
    }

    /// The writes that a node shows; a value that nobody wrote is `None`.
    fn shown<M: Replica>(&self, key: usize, machine: &M) -> SmallVec<[Option<WriteId>; 4]> {
        let name = self.history.key_name(key);
        let mut shown = SmallVec::new();
        machine.siblings(name, &mut |sibling| shown.push(self.history.find_of(key, sibling)));
        shown
    }
}

impl<M: Replica> Check<M> for Siblings {
    fn name(&self) -> &'static str {
        "siblings"
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Begins, EventKind::Ends, EventKind::Lost, EventKind::Crashed, EventKind::Rest]
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        match event {
            Event::Begins { node, input, .. } => self.begin(at, *node, input, nodes),
            Event::Ends { node, effects, .. } => {
                if let Some(machine) = nodes.get(*node) {
                    return self.end(at, *node, machine, effects);
                }
            }
            Event::Lost { name, message, why } => {
                let (node, history) = (name.link.to, &mut self.history);
                M::carried(message, &mut |key, sibling| {
                    if let Some(write) = history.find(key, sibling) {
                        history.lose(at, node, write, *name, *why);
                    }
                });
            }
            Event::Crashed { node, .. } => self.history.forget(at, *node),
            Event::Rest { quiet } => return self.at_rest(*quiet, nodes),
            _ => {}
        }
        Ok(())
    }

    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        add("siblings", self.concurrent);
    }
}
