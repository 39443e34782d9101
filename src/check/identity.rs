//! No name is given twice.

use indexmap::IndexMap;
use indexmap::map::Entry;

use super::{Breach, Check};
use crate::causality::Dot;
use crate::kv::{Key, Replica, Request, Shown, Value, WRITES_USUAL};
use crate::protocol::{NodeId, Time};
use crate::sim::{Event, EventKind, Input, Nodes};

/// No dot names two writes, however often its node crashes.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    named: IndexMap<Dot, Write, foldhash::fast::FixedState>,
    /// What the step in progress puts.
    putting: Option<(Key, Value)>,
}

#[derive(Clone, Debug)]
struct Write {
    key: Key,
    value: Value,
    node: NodeId,
    at: Time,
}

impl Identity {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the name of a write, which must be new.
    fn name(&mut self, dot: Dot, write: Write) -> Result<(), Breach> {
        if self.named.is_empty() {
            self.named.reserve(WRITES_USUAL);
        }
        match self.named.entry(dot) {
            Entry::Vacant(entry) => {
                entry.insert(write);
                Ok(())
            }
            Entry::Occupied(entry) => {
                let first = entry.get();
                let tell = |write: &Write| {
                    format!("node {} named {}={} {dot} at {}", write.node, write.key, Shown(&write.value), write.at)
                };
                Err(Breach::new("reused", format!("the name {dot} was given to two writes"))
                    .because(tell(first))
                    .because(tell(&write)))
            }
        }
    }
}

impl<M: Replica> Check<M> for Identity {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Begins, EventKind::Ends]
    }

    fn see(&mut self, at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        match event {
            Event::Begins { input, .. } => {
                if let Input::Request { request: Request::Put { key, value, .. }, .. } = input {
                    self.putting = Some((key.clone(), value.clone()));
                }
                Ok(())
            }
            Event::Ends { node, .. } if self.putting.is_some() => {
                let (Some((key, value)), Some(machine)) = (self.putting.take(), nodes.get(*node)) else {
                    return Ok(());
                };
                let mut dot = None;
                machine.siblings(&key, &mut |sibling| {
                    if sibling.value == Some(&*value) {
                        dot = dot.or(sibling.dot);
                    }
                });
                dot.map_or(Ok(()), |dot| self.name(dot, Write { key, value, node: *node, at }))
            }
            _ => Ok(()),
        }
    }
}
