//! A run as one page for a browser: everything lies in the file, nothing is loaded. The page itself is `page.html`, `style.css` and
//! `script.js`; here its data is made.

use serde_json::{Value, json};

use super::screen::{shrunk_line, tell_moment, tell_twin};
use super::view::{RunView, last_places, message_of, node_of, short, text_of, word_of};
use crate::explain::{Moment, Weight, reasons};
use crate::protocol::one_line;
use crate::sim::{TraceEvent, What};

/// The form of the data in the page; it rises when a field changes its meaning.
const VERSION: u32 = 1;

impl RunView<'_> {
    /// The page. It has no limit: a run of 100,000 events makes a file of some megabytes.
    #[must_use]
    pub fn page(&self) -> String {
        // Of JSON in a page only `<` could be taken for markup.
        let data = self.data().to_string().replace('<', "\\u003c");
        let page = include_str!("page.html");
        let parts =
            [("/*STYLE*/", include_str!("style.css")), ("/*SCRIPT*/", include_str!("script.js")), ("/*DATA*/", &data)];
        // The data goes in last: it may hold any text.
        parts.iter().fold(page.to_owned(), |page, (place, part)| page.replacen(place, part, 1))
    }

    fn data(&self) -> Value {
        let violation = self.failure.map(|failure| {
            let violation = &failure.shrunk.violation;
            json!({ "check": violation.check, "summary": one_line(&violation.breach.summary) })
        });
        let reasons = self.failure.map(|failure| reasons(&failure.shrunk.violation, self.trace, self.story()));
        let reasons: Vec<_> = reasons.iter().flatten().map(|reason| one_line(reason)).collect();
        let moments: &[Moment] =
            self.failure.and_then(|failure| failure.pivot.as_ref()).map_or(&[], |pivot| &pivot.moments);
        json!({
            "version": VERSION,
            "system": self.system,
            "nodes": self.node_count,
            "violation": violation,
            "violating": self.violating(),
            "because": reasons,
            "shrunk": self.failure.map(shrunk_line),
            "twin": self.failure.and_then(|failure| failure.twin.as_ref()).map(tell_twin),
            "pivot": moments.first().map(tell_moment),
            "moments": moments.iter().map(|moment| json!({
                "step": moment.step, "before": moment.before, "after": moment.after, "what": moment.what,
            })).collect::<Vec<_>>(),
            "plan": self.plan,
            "replay": self.replay,
            "events": self.events(),
            "notes": self.notes(),
        })
    }

    fn events(&self) -> Vec<Value> {
        let last = last_places(&self.trace.events);
        let event = |(place, event): (usize, &TraceEvent)| {
            let TraceEvent { at, step, what } = event;
            let mut value =
                json!({ "i": place, "step": step, "at": at.as_nanos(), "what": word_of(what), "short": short(what) });
            let mut set = |name: &str, field: Value| value[name] = field;
            if let Some(node) = node_of(what) {
                set("node", node.index().into());
            }
            if let Some(message) = message_of(what) {
                set("name", message.to_string().into());
                set("from", message.link.from.index().into());
            }
            if let Some(text) = text_of(what) {
                set("text", text.into());
            }
            match what {
                What::Sent { name, .. } => set("until", last.get(name).copied().into()),
                _ => set("line", what.to_string().into()),
            }
            set("weight", weight_name(self.weight(place)).into());
            value
        };
        self.trace.events.iter().enumerate().map(event).collect()
    }

    fn notes(&self) -> Value {
        let Some(story) = self.story() else { return json!({}) };
        let note = |(step, note): (&u64, &crate::explain::StepNote)| {
            let text = if note.is_empty() { "nothing".to_owned() } else { note.to_string() };
            (
                step.to_string(),
                json!({
                    "node": note.node.index(), "text": text, "memory": note.memory, "durable": note.durable,
                }),
            )
        };
        Value::Object(story.notes.iter().map(note).collect())
    }
}

pub(super) const fn weight_name(weight: Weight) -> &'static str {
    match weight {
        Weight::Idle => "idle",
        Weight::Beside => "beside",
        Weight::Decisive => "decisive",
    }
}
