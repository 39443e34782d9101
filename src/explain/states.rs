//! What each step of a run changed: in the node's memory, as far as its `Debug` shows, and in what it keeps through a crash.

use std::fmt::{self, Write as _};
use std::ops::ControlFlow;

use indexmap::IndexMap;

use super::state_diff::{Difference, differences};
use crate::harness::ShowState;
use crate::protocol::{NodeId, StateMachine, Time};
use crate::running::catch_panic_at;
use crate::sim::{BoundedText, Event, Input, Nodes, Observer};

/// The texts of states may have so many bytes in all; what comes later is not compared.
const TEXT_BYTES_MAX: usize = 32 << 20;
/// A state with a longer text is not compared at all.
const STATE_BYTES_MAX: usize = 64 << 10;

/// What one step changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepNote {
    /// In the memory of the node. Of a step that begins an incarnation: what the crash lost, memory before it against memory after.
    pub changed: Vec<Difference>,
    /// In what survives a crash.
    pub persisted: Vec<Difference>,
    /// True if an incarnation begins: `changed` is what the node forgot.
    pub is_restart: bool,
    /// Whose step it is.
    pub node: NodeId,
    /// The memory after it, as `Debug` shows it; `None` if nobody can tell.
    pub memory: Option<String>,
    /// What survives a crash, after it.
    pub durable: Option<String>,
}

impl StepNote {
    /// True if there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.persisted.is_empty()
    }
}

/// `term 1 → 2, vote None → Some(0); persists term 1 → 2`, or `forgot vote Some(0) → None`.
impl fmt::Display for StepNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |differences: &[Difference]| differences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if !self.changed.is_empty() {
            write!(f, "{}{}", if self.is_restart { "forgot " } else { "" }, list(&self.changed))?;
        }
        if !self.persisted.is_empty() {
            let separator = if self.changed.is_empty() { "" } else { "; " };
            write!(f, "{separator}persists {}", list(&self.persisted))?;
        }
        Ok(())
    }
}

/// What is known of one node.
#[derive(Clone, Default)]
struct Known {
    /// Its memory after its last step, also if it has crashed since; `None` if nobody can tell.
    memory: Option<String>,
    durable: Option<String>,
}

/// Looks on, and notes what each step changes.
pub(crate) struct States<M> {
    show: Option<ShowState<M>>,
    nodes: Vec<Known>,
    restarts: bool,
    bytes_left: usize,
    /// By step.
    pub(crate) notes: IndexMap<u64, StepNote>,
}

impl<M: StateMachine> States<M> {
    pub(crate) fn new(show: Option<ShowState<M>>) -> Self {
        Self { show, nodes: Vec::new(), restarts: false, bytes_left: TEXT_BYTES_MAX, notes: IndexMap::new() }
    }

    fn text(&mut self, write: impl FnOnce(&mut BoundedText) -> fmt::Result) -> Option<String> {
        let mut text = BoundedText { text: String::new(), bytes_max: STATE_BYTES_MAX.min(self.bytes_left) };
        let written = catch_panic_at(|| write(&mut text));
        self.bytes_left -= text.text.len();
        matches!(written, Ok(Ok(()))).then_some(text.text)
    }

    fn end_step(&mut self, step: u64, node: NodeId, nodes: Nodes<'_, M>) {
        if self.bytes_left == 0 {
            return;
        }
        let memory = match (self.show, nodes.get(node)) {
            (Some(show), Some(machine)) => self.text(|text| show(machine, text)),
            _ => None,
        };
        let durable = nodes.durable(node).and_then(|durable| self.text(|text| write!(text, "{durable:?}")));
        if self.nodes.len() <= node.index() {
            self.nodes.resize(node.index() + 1, Known::default());
        }
        let before = std::mem::replace(&mut self.nodes[node.index()], Known { memory, durable });
        let now = &self.nodes[node.index()];
        let compare = |before: &Option<String>, now: &Option<String>| match (before, now) {
            (Some(before), Some(now)) => differences(before, now),
            _ => Vec::new(),
        };
        let note = StepNote {
            changed: compare(&before.memory, &now.memory),
            persisted: compare(&before.durable, &now.durable),
            is_restart: self.restarts,
            node,
            memory: now.memory.clone(),
            durable: now.durable.clone(),
        };
        // The first step of a node is told to whoever wants to see whole states.
        let is_first = before.memory.is_none() && before.durable.is_none();
        if !note.is_empty() || is_first {
            self.notes.insert(step, note);
        }
    }
}

impl<M: StateMachine> Observer<M> for States<M> {
    fn see(&mut self, _at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> ControlFlow<()> {
        match event {
            Event::Begins { input, .. } => {
                self.restarts = matches!(input, Input::Start { incarnation } if *incarnation > 0);
            }
            Event::Ends { step, node, .. } => self.end_step(*step, *node, nodes),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
