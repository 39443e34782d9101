//! A log for ShiViz: the failing run, and the passing twin beside it as a second execution. Clocks are those of the trace, not of the
//! system: each host counts its own events from 1, and knows of another what the messages that it took tell.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indexmap::IndexMap;

use crate::protocol::visible;
use crate::report::view::{RunView, node_of};
use crate::sim::{MessageName, Trace, What};

/// The expressions with which ShiViz reads what follows them: an event, then its host and clock; and what parts two executions.
const PARSER: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})";
const DELIMITER: &str = "=== (?<trace>.*) ===";

type Clock = BTreeMap<usize, u64>;

impl RunView<'_> {
    /// The run as a ShiViz log.
    #[must_use]
    pub fn shiviz(&self) -> String {
        let mut log = format!("{PARSER}\n{DELIMITER}\n");
        let name = if self.failure.is_some() { "fail" } else { "run" };
        add(&mut log, name, self.trace);
        if let Some(twin) = self.twin {
            add(&mut log, "pass", twin);
        }
        log
    }
}

fn add(log: &mut String, name: &str, trace: &Trace) {
    let _ = writeln!(log, "=== {name} ===");
    let mut clocks: BTreeMap<usize, Clock> = BTreeMap::new();
    let mut carried: IndexMap<&MessageName, Clock> = IndexMap::new();
    for event in &trace.events {
        let Some(node) = node_of(&event.what).map(|node| node.index()) else { continue };
        match &event.what {
            // What a step sends carries the clock of the step.
            What::Sent { name, .. } => {
                carried.insert(name, clocks.get(&node).cloned().unwrap_or_default());
                continue;
            }
            // Nobody hears of it.
            What::Lost { .. } | What::Unheard { .. } => continue,
            _ => {}
        }
        let clock = clocks.entry(node).or_default();
        *clock.entry(node).or_default() += 1;
        if let What::Took { name, .. } = &event.what {
            for (other, count) in carried.get(name).into_iter().flatten() {
                let known = clock.entry(*other).or_default();
                *known = (*known).max(*count);
            }
        }
        let shown: Vec<String> = clock.iter().map(|(node, count)| format!("\"n{node}\":{count}")).collect();
        let _ = writeln!(log, "{}\nn{node} {{{}}}", visible(&event.to_string()), shown.join(","));
    }
}
