//! A check is shown the events of the kinds that it looks at, all of them, and no others.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};

use distributed_data_consistency::builtin::store;
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::protocol::{StateMachine, Time};
use distributed_data_consistency::sim::{Event, EventKind, Nodes};

const ALL: &[EventKind] = &EventKind::ALL;

/// Notes what it is shown.
#[derive(Clone)]
struct Looks {
    name: &'static str,
    at: &'static [EventKind],
    shown: Arc<Mutex<Vec<EventKind>>>,
}

impl Looks {
    fn at(name: &'static str, at: &'static [EventKind]) -> Self {
        Self { name, at, shown: Arc::default() }
    }
}

impl<M: StateMachine> Check<M> for Looks {
    fn name(&self) -> &'static str {
        self.name
    }

    fn looks_at(&self) -> &'static [EventKind] {
        self.at
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> Result<(), Breach> {
        self.shown.lock().unwrap().push(event.kind());
        Ok(())
    }
}

#[test]
fn a_check_is_shown_what_it_looks_at() {
    let everything = Looks::at("everything", ALL);
    let part = |kind: usize| Looks::at(format!("looks {kind}").leak(), &ALL[kind..=kind]);
    let parts: Vec<Looks> = (0..ALL.len()).map(part).collect();
    let nothing = Looks::at("nothing", &[]);
    let harness = parts.iter().fold(store(), |harness, part| harness.check(part.clone()));
    let harness = harness.check(everything.clone()).check(nothing.clone());
    for seed in 0..60 {
        assert_eq!(harness.run_seed(seed).violation, None);
    }
    let all = everything.shown.lock().unwrap();
    for (part, kind) in parts.iter().zip(ALL) {
        let expected = all.iter().filter(|shown| *shown == kind).count();
        let shown = part.shown.lock().unwrap();
        assert!(shown.iter().all(|shown| shown == kind), "{kind:?}");
        assert_eq!(shown.len(), expected, "{kind:?}");
        // No node pauses unless a profile asks for it.
        assert!(expected > 0 || *kind == EventKind::Paused, "no world shows {kind:?}");
    }
    assert!(nothing.shown.lock().unwrap().is_empty());
}
