//! A check is shown the events of the kinds that it looks at, all of them, and no others.
#![cfg(feature = "builtin")]
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
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o"];
    let everything = Looks::at("everything", ALL);
    let parts: Vec<Looks> =
        names.iter().zip(0..ALL.len()).map(|(name, kind)| Looks::at(name, &ALL[kind..=kind])).collect();
    let nothing = Looks::at("nothing", &[]);
    assert_eq!(parts.len(), ALL.len());
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
        // No node pauses unless a profile asks for it, no disk fails unless a harness does, and the store has short timers, which
        // are on time and for which no fault waits.
        let rare = [EventKind::Paused, EventKind::Disk, EventKind::TimerLate, EventKind::Struck, EventKind::Held];
        assert!(expected > 0 || rare.contains(kind), "no world shows {kind:?}");
    }
    assert!(nothing.shown.lock().unwrap().is_empty());
}
