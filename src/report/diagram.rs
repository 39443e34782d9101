//! A run as a space-time diagram in text: time runs down, a column for each node.

use std::collections::BTreeSet;

use super::screen::cut;
use crate::protocol::{NodeId, Time, show_duration, visible};
use crate::sim::{Plan, Trace, TraceEvent, What, show_links};

const TIME_WIDTH: usize = 8;
/// More nodes than this do not fit beside each other.
const NODES_MAX: usize = 7;

/// One line of the diagram before it is drawn.
enum Row {
    /// What happened on nodes at one time.
    Cells { at: Time, cells: Vec<String> },
    /// What happened to the whole world.
    Band { at: Time, text: String },
}

/// The run as lines of at most `columns` characters, at most `row_count_max` of them; a few dozen columns and six lines are the
/// least that can be read.
///
/// If there are more, messages of kinds that no decision is about are left out first, then what is in the middle. What a node's
/// `Debug` says stands on one line, with an escape for each character that would not show.
#[must_use]
pub fn diagram(trace: &Trace, plan: &Plan, columns: usize, row_count_max: usize) -> Vec<String> {
    let rows_max = row_count_max.saturating_sub(2).max(3);
    let mut events: Vec<&TraceEvent> = trace.events.iter().collect();
    let mut hidden = 0;
    if rows(&events, plan).len() > rows_max {
        let before = events.len();
        let last_kind = events.iter().rev().find_map(|event| kind_taken(&event.what));
        let decided: BTreeSet<&str> = plan.fates.keys().map(|name| &*name.kind).chain(last_kind).collect();
        events.retain(|event| kind_taken(&event.what).is_none_or(|kind| decided.contains(kind)));
        hidden = before - events.len();
    }
    let mut rows = rows(&events, plan);
    let elided = rows.len().saturating_sub(rows_max);
    let gap_at = rows_max / 2;
    if elided > 0 {
        rows.drain(gap_at..gap_at + elided + 1);
    }
    let node_count = plan.node_count.max(1);
    let width = columns.saturating_sub(TIME_WIDTH) / node_count.min(NODES_MAX);
    let mut lines = vec![header(node_count, width)];
    for (place, row) in rows.iter().enumerate() {
        if elided > 0 && place == gap_at {
            lines.push(format!("{:TIME_WIDTH$}… {} more rows …", "", elided + 1));
        }
        lines.push(draw(row, width));
    }
    if hidden > 0 {
        lines.push(format!("{:TIME_WIDTH$}({hidden} messages that no decision is about are not shown)", ""));
    }
    lines.truncate(row_count_max);
    lines.iter().map(|line| cut(line, columns)).collect()
}

fn header(node_count: usize, width: usize) -> String {
    let mut line = format!("{:>6}  ", "ms");
    for node in 0..node_count.min(NODES_MAX) {
        line.push_str(&pad(&format!("node {node}"), width));
    }
    if node_count > NODES_MAX {
        line.push_str("...");
    }
    line.trim_end().to_owned()
}

fn kind_taken(what: &What) -> Option<&str> {
    match what {
        What::Took { name, .. } | What::Lost { name, .. } => Some(&name.kind),
        _ => None,
    }
}

/// What is worth a row; what happens at the same time on different nodes shares one.
fn rows(events: &[&TraceEvent], plan: &Plan) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // Timers are the story only where a world does not come to rest.
    let with_timers = events.iter().any(|event| matches!(event.what, What::Omitted { .. }));
    let columns = plan.node_count.clamp(1, NODES_MAX);
    for event in events {
        let TraceEvent { at, what, .. } = event;
        if let Some(text) = band(what, plan) {
            rows.push(Row::Band { at: *at, text });
        }
        let Some((node, text)) = cell(what, with_timers) else { continue };
        if node.index() >= columns {
            continue;
        }
        match rows.last_mut() {
            Some(Row::Cells { at: same, cells })
                if same == at && cells[node.index()..].iter().all(String::is_empty) =>
            {
                cells[node.index()] = text;
            }
            _ => {
                let mut cells = vec![String::new(); columns];
                cells[node.index()] = text;
                rows.push(Row::Cells { at: *at, cells });
            }
        }
    }
    rows
}

fn band(what: &What, plan: &Plan) -> Option<String> {
    match what {
        What::Struck { fault } => plan.armed.get(*fault).map(ToString::to_string),
        What::Cut { links } => Some(format!("cut {}", show_links(links))),
        What::Joined { links } => Some(format!("joined {}", show_links(links))),
        What::Healed | What::Omitted { .. } => Some(what.to_string()),
        _ => None,
    }
}

fn cell(what: &What, with_timers: bool) -> Option<(NodeId, String)> {
    match what {
        What::TimerLate { name, late } => {
            Some((name.node, format!("{} will be {} late", visible(&name.kind), show_duration(*late))))
        }
        What::Fired { name, late: Some(late), .. } => {
            Some((name.node, format!("{} fires {} late", visible(&name.kind), show_duration(*late))))
        }
        What::Fired { name, text, late: None } if with_timers => Some((name.node, format!("timer {text}"))),
        What::Held { name } => Some((name.link.from, format!("holds {} for {}", visible(&name.kind), name.link.to))),
        What::Started { node, incarnation } if *incarnation > 0 => Some((*node, "restarts".to_owned())),
        What::Asked { node, text, .. } => Some((*node, visible(text).into_owned())),
        What::Unheard { node, .. } => Some((*node, "(request unheard)".to_owned())),
        What::Took { name, text } => Some((name.link.to, format!("←{} {}", name.link.from, visible(text)))),
        What::Lost { name, text, .. } => Some((name.link.to, format!("✗{} {}", name.link.from, visible(text)))),
        What::Marked { node, mark } => Some((*node, format!("({})", visible(mark)))),
        What::Crashed { node, in_step, wiped } => {
            let (when, what) = (if *in_step { " in the step" } else { "" }, if *wiped { ", disk lost" } else { "" });
            Some((*node, format!("CRASHES{when}{what}")))
        }
        What::Paused { node, until } => Some((*node, format!("PAUSES until {}", millis(*until)))),
        What::Abandoned { node } => Some((*node, "DOWN for good".to_owned())),
        _ => None,
    }
}

fn draw(row: &Row, width: usize) -> String {
    match row {
        Row::Band { at, text } => format!("{:>6}  ─── {text} ───", millis(*at)),
        Row::Cells { at, cells } => {
            let mut line = format!("{:>6}  ", millis(*at));
            for cell in cells {
                line.push_str(&pad(if cell.is_empty() { "." } else { cell }, width));
            }
            line.trim_end().to_owned()
        }
    }
}

/// Milliseconds, to a hundredth.
fn millis(at: Time) -> String {
    let hundredths = at.as_nanos() / 10_000;
    match hundredths % 100 {
        0 => format!("{}", hundredths / 100),
        part => format!("{}.{part:02}", hundredths / 100),
    }
}

/// Cut or filled up to `width`, the last character left free.
fn pad(text: &str, width: usize) -> String {
    let text = cut(text, width.saturating_sub(1));
    let fill = width.saturating_sub(text.chars().count());
    text + &" ".repeat(fill)
}
