//! A Mermaid sequence diagram, for a forge that draws them: at most 500 arrows and 50,000 characters, which is what GitHub draws.

use std::fmt::Write as _;

use crate::explain::Weight;
use crate::report::text::cut;
use crate::report::view::RunView;
use crate::sim::{LostWhy, TraceEvent, What, show_links};

const ARROWS_MAX: usize = 400;
const CHARS_MAX: usize = 45_000;
const TEXT_CHARS: usize = 80;

impl RunView<'_> {
    /// The run as a Mermaid sequence diagram. One that is too long shows what the verdict depends on alone, and says so; one that is
    /// still too long its end.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let all: Vec<usize> = (0..self.trace.events.len()).collect();
        let whole = self.lines(&all);
        if fits(&whole) {
            return self.diagram(&whole, None);
        }
        let decisive: Vec<usize> = all.into_iter().filter(|place| self.weight(*place) == Weight::Decisive).collect();
        let mut lines = self.lines(&decisive);
        let mut left_out = 0;
        while !fits(&lines) {
            lines.remove(0);
            left_out += 1;
        }
        let mut note = "only what the verdict depends on is shown".to_owned();
        if left_out > 0 {
            let _ = write!(note, ", and of that not the first {left_out}");
        }
        self.diagram(&lines, Some(&note))
    }

    fn diagram(&self, lines: &[String], note: Option<&str>) -> String {
        let mut text = "sequenceDiagram\n  participant clients\n".to_owned();
        for node in 0..self.node_count {
            let _ = writeln!(text, "  participant n{node} as node {node}");
        }
        let last = self.node_count.saturating_sub(1);
        if let Some(note) = note {
            let _ = writeln!(text, "  Note over clients,n{last}: {note}");
        }
        lines.iter().for_each(|line| _ = writeln!(text, "  {line}"));
        if let Some(failure) = self.failure {
            let violation = escaped(&failure.shrunk.violation.to_string());
            let _ = writeln!(text, "  Note over clients,n{last}: VIOLATED {violation}");
        }
        text
    }

    fn lines(&self, places: &[usize]) -> Vec<String> {
        places.iter().filter_map(|place| self.line(&self.trace.events[*place])).collect()
    }

    fn line(&self, event: &TraceEvent) -> Option<String> {
        let (at, last) = (event.at, self.node_count.saturating_sub(1));
        let whole = |text: &str| format!("Note over clients,n{last}: {at} {}", escaped(text));
        Some(match &event.what {
            What::Asked { node, text, .. } => format!("clients->>n{node}: {}", escaped(text)),
            What::Answered { node, text, .. } => format!("n{node}-->>clients: {}", escaped(text)),
            What::Unheard { node, .. } => format!("clients-xn{node}: (down)"),
            What::Took { name, text } => format!("n{}->>n{}: {}", name.link.from, name.link.to, escaped(text)),
            What::Lost { name, text, why } => {
                let why = if *why == LostWhy::Dropped { "dropped".to_owned() } else { why.to_string() };
                format!("n{}-xn{}: {} ({why})", name.link.from, name.link.to, escaped(text))
            }
            What::Fired { name, text, .. } => format!("Note over n{}: {at} timer {}", name.node, escaped(text)),
            What::TimerLate { name, .. } => format!("Note over n{}: {}", name.node, escaped(&event.what.to_string())),
            What::Held { name } => format!("Note over n{}: {}", name.link.from, escaped(&event.what.to_string())),
            What::Struck { .. } => whole(&event.what.to_string()),
            What::Marked { node, mark } => format!("Note over n{node}: {}", escaped(mark)),
            What::Crashed { node, .. } => format!("Note over n{node}: {at} crashes"),
            What::Started { node, incarnation } if *incarnation > 0 => format!("Note over n{node}: {at} restarts"),
            What::Paused { node, until } => format!("Note over n{node}: {at} pauses until {until}"),
            What::Disconnected { node, .. } | What::Reconnected { node, .. } => {
                format!("Note over n{node}: {}", escaped(&event.what.to_string()))
            }
            What::Disk { fault } => format!("Note over n{}: {}", fault.node(), escaped(&fault.to_string())),
            What::Abandoned { node } => format!("Note over n{node}: {at} down for good"),
            What::Cut { links } => whole(&format!("cut {}", show_links(links))),
            What::Joined { links } => whole(&format!("joined {}", show_links(links))),
            What::Healed => whole("the world heals"),
            What::Omitted { .. } => whole(&event.what.to_string()),
            What::Sent { .. } | What::Started { .. } => return None,
        })
    }
}

fn fits(lines: &[String]) -> bool {
    let arrows = lines.iter().filter(|line| !line.starts_with("Note")).count();
    arrows <= ARROWS_MAX && lines.iter().map(|line| line.chars().count() + 3).sum::<usize>() <= CHARS_MAX
}

/// Text that cannot be taken for syntax: on one line, and with codes for what has a meaning.
fn escaped(text: &str) -> String {
    let one_line = crate::protocol::visible(text);
    let short = cut(&one_line, TEXT_CHARS);
    let mut escaped = String::new();
    for char in short.chars() {
        match char {
            '#' | ';' | '<' | '>' | '"' | '%' | '&' => _ = write!(escaped, "#{};", u32::from(char)),
            char => escaped.push(char),
        }
    }
    if escaped.trim().is_empty() { "-".to_owned() } else { escaped }
}
