//! A run in the forms that other tools read.

mod json_lines;
mod mermaid;
mod perfetto;
mod shiviz;

use std::fmt::Write as _;

use super::view::RunView;
use crate::explain::Weight;
use crate::sim::What;

impl RunView<'_> {
    /// The whole run as text: a line for each event, a star before those that the verdict depends on, and below a step what it changed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (place, event) in self.trace.events.iter().enumerate() {
            if matches!(event.what, What::Sent { .. }) {
                continue;
            }
            let star = if self.story().is_some() && self.weight(place) == Weight::Decisive { '*' } else { ' ' };
            let _ = writeln!(text, "{star} step {:<5} {event}", event.step);
            if let Some(note) = self.note(event.step).filter(|_| event.what.begins_step()) {
                let _ = writeln!(text, "             {}", crate::protocol::visible(&note.to_string()));
            }
        }
        text
    }
}
