//! Trace events for Perfetto and `chrome://tracing`: a track for each node, a slice for each step, an arrow for each message.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::report::view::{RunView, node_of, short, text_of};
use crate::sim::{MessageName, What};

/// A slice is so long, in the unit of the format (µs, with fractions); steps of one time stand behind each other.
const SLICE: f64 = 0.8;

impl RunView<'_> {
    /// The run in the trace event format. Virtual microseconds are its microseconds; what happens at the same time is set apart by one.
    #[must_use]
    pub fn perfetto(&self) -> String {
        let mut events: Vec<Value> = (0..self.node_count)
            .map(|node| json!({ "ph": "M", "name": "thread_name", "pid": 1, "tid": node, "args": { "name": format!("node {node}") } }))
            .collect();
        events.push(json!({ "ph": "M", "name": "process_name", "pid": 1, "args": { "name": self.system } }));
        let mut free: BTreeMap<usize, u64> = BTreeMap::new();
        let mut sent: IndexMap<&MessageName, (usize, usize, u64)> = IndexMap::new();
        for (place, event) in self.trace.events.iter().enumerate() {
            let micros = event.at.as_nanos() / 1_000;
            let Some(node) = node_of(&event.what).map(|node| node.index()) else {
                events.push(
                    json!({ "ph": "i", "s": "g", "name": event.what.to_string(), "pid": 1, "tid": 0, "ts": micros }),
                );
                continue;
            };
            if let What::Sent { name, .. } = &event.what {
                let at = free.get(&node).map_or(micros, |next| next.saturating_sub(1).max(micros));
                sent.insert(name, (place, node, at));
                continue;
            }
            let ts = free.get(&node).copied().unwrap_or(0).max(micros);
            free.insert(node, ts + 1);
            events.push(json!({
                "ph": "X", "name": short(&event.what), "pid": 1, "tid": node, "ts": ts, "dur": SLICE,
                "args": { "step": event.step, "text": text_of(&event.what) },
            }));
            let arrival = match &event.what {
                What::Took { name, .. } => sent.get(name),
                _ => None,
            };
            if let Some((id, from, sent_at)) = arrival {
                let kind = "message";
                // Two copies of one message are two arrows.
                let id = id << 20 | place & 0xf_ffff;
                events.push(
                    json!({ "ph": "s", "cat": kind, "name": kind, "id": id, "pid": 1, "tid": from, "ts": sent_at }),
                );
                events.push(json!({ "ph": "f", "bp": "e", "cat": kind, "name": kind, "id": id, "pid": 1, "tid": node, "ts": ts }));
            }
        }
        json!({ "displayTimeUnit": "ms", "traceEvents": events }).to_string()
    }
}
