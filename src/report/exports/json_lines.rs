//! JSON Lines: first what the run is, then one record for each event. For programs; the form is stated in the guide and has a version.

use serde_json::json;

use crate::protocol::one_line;
use crate::report::page::weight_name;
use crate::report::view::{RunView, message_of, node_of, text_of, word_of};

/// Rises when a field changes its meaning; new fields may come without that.
const VERSION: u32 = 1;

impl RunView<'_> {
    /// The run as JSON Lines.
    #[must_use]
    pub fn json_lines(&self) -> String {
        let violation = self.failure.map(|failure| &failure.shrunk.violation);
        let head = json!({
            "record": "run", "version": VERSION, "system": self.system, "nodes": self.node_count,
            "check": violation.map(|violation| &violation.check),
            "summary": violation.map(|violation| one_line(&violation.breach.summary)),
            "violating_step": self.violating(),
            "replay": self.replay,
        });
        let events = self.trace.events.iter().enumerate().map(|(place, event)| {
            json!({
                "record": "event", "step": event.step, "at_nanos": event.at.as_nanos(), "what": word_of(&event.what),
                "node": node_of(&event.what).map(|node| node.index()),
                "message": message_of(&event.what).map(ToString::to_string),
                "text": text_of(&event.what),
                "weight": weight_name(self.weight(place)),
            })
        });
        std::iter::once(head).chain(events).map(|line| line.to_string() + "\n").collect()
    }
}
