//! A run as a space-time diagram in text: time runs down, a column for each node that does something.

use std::collections::BTreeSet;

use super::text::{cut, wrapped_to};
use crate::explain::{Story, Weight};
use crate::protocol::{NodeId, Time, show_duration, visible};
use crate::sim::{DiskFault, Loss, Plan, Trace, TraceEvent, What, show_links};

const TIME_WIDTH: usize = 8;
/// More nodes than this do not fit beside each other.
const NODES_MAX: usize = 7;
/// What a step changed takes at most so many lines.
const NOTE_LINES: usize = 2;

/// One line of the diagram before it is drawn.
enum Row {
    /// What happened on nodes at one time.
    Cells { at: Time, cells: Vec<Cell> },
    /// What happened to the whole world.
    Band { at: Time, text: String },
}

/// What happened on one node; nothing if there is no text.
#[derive(Clone, Default)]
struct Cell {
    text: String,
    /// In which step, if that may have changed something.
    step: Option<u64>,
}

/// The run as lines of at most `columns` characters, at most `row_count_max` of them; a few dozen columns and six lines are the
/// least that can be read.
///
/// If there are more, what the verdict does not depend on is left out first, then what is in the middle. Without a story of what it
/// depends on, messages of kinds that no decision is about are left out. Below a row stands what its steps changed, where there is
/// room. What a node's `Debug` says stands on one line, with an escape for each character that would not show.
#[must_use]
pub fn diagram(trace: &Trace, plan: &Plan, story: Option<&Story>, columns: usize, row_count_max: usize) -> Vec<String> {
    let rows_max = row_count_max.saturating_sub(2).max(3);
    let shown = choose(trace, plan, story, rows_max);
    let hidden = trace.events.iter().filter(|event| kind_taken(&event.what).is_some()).count()
        - shown.iter().filter(|event| kind_taken(&event.what).is_some()).count();
    let nodes = busy_nodes(&shown, plan);
    let mut rows = rows(&shown, &nodes, plan);
    let elided = rows.len().saturating_sub(rows_max);
    let gap_at = rows_max / 2;
    if elided > 0 {
        rows.drain(gap_at..gap_at + elided + 1);
    }
    let width = columns.saturating_sub(TIME_WIDTH) / nodes.len().clamp(1, NODES_MAX);
    let below = notes(&rows, &nodes, story, (columns, width), rows_max.saturating_sub(rows.len()));
    let mut lines = vec![header(&nodes, width)];
    for (place, (row, below)) in rows.iter().zip(below).enumerate() {
        if elided > 0 && place == gap_at {
            lines.push(format!("{:TIME_WIDTH$}… {} more rows …", "", elided + 1));
        }
        lines.push(draw(row, width, columns));
        lines.extend(below);
    }
    if hidden > 0 {
        let why = if story.is_some() { "the verdict does not depend on" } else { "no decision is about" };
        let messages = if hidden == 1 { "1 message that".to_owned() } else { format!("{hidden} messages that") };
        let are = if hidden == 1 { "is" } else { "are" };
        lines.push(format!("{:TIME_WIDTH$}({messages} {why} {are} not shown)", ""));
    }
    lines.truncate(row_count_max);
    lines.iter().map(|line| cut(line, columns)).collect()
}

/// The events that are worth a look, so many that they fit if that can be.
fn choose<'a>(trace: &'a Trace, plan: &Plan, story: Option<&Story>, rows_max: usize) -> Vec<&'a TraceEvent> {
    let fits = |events: &[&TraceEvent]| rows(events, &busy_nodes(events, plan), plan).len() <= rows_max;
    let Some(story) = story else {
        // Timers are the story only where a world does not come to rest.
        let with_timers = trace.events.iter().any(|event| matches!(event.what, What::Omitted { .. }));
        let is_shown = |event: &&TraceEvent| match event.what {
            What::Answered { .. } => false,
            What::Fired { late: None, .. } => with_timers,
            _ => true,
        };
        let mut events: Vec<&TraceEvent> = trace.events.iter().filter(is_shown).collect();
        if !fits(&events) {
            let last_kind = events.iter().rev().find_map(|event| kind_taken(&event.what));
            let decided: BTreeSet<&str> = plan.fates.keys().map(|name| &*name.kind).chain(last_kind).collect();
            events.retain(|event| kind_taken(&event.what).is_none_or(|kind| decided.contains(kind)));
        }
        return events;
    };
    let at_least = |least: Weight| -> Vec<&TraceEvent> {
        let weighed = trace.events.iter().zip(&story.weights).filter(|(event, weight)| {
            // Of timers only those are a story that something depends on.
            let is_timer = matches!(event.what, What::Fired { .. });
            **weight >= if is_timer { Weight::Decisive } else { least }
        });
        weighed.map(|(event, _)| event).collect()
    };
    let [idle, beside] = [Weight::Idle, Weight::Beside].map(at_least);
    if fits(&idle) {
        idle
    } else if fits(&beside) {
        beside
    } else {
        at_least(Weight::Decisive)
    }
}

/// The nodes on which something happened, in order; all, if on none anything did.
fn busy_nodes(events: &[&TraceEvent], plan: &Plan) -> Vec<NodeId> {
    let busy: BTreeSet<NodeId> = events.iter().filter_map(|event| Some(cell(&event.what)?.0)).collect();
    let all = (0..plan.node_count.max(1)).map(NodeId::new);
    if busy.is_empty() { all.collect() } else { all.filter(|node| busy.contains(node)).collect() }
}

fn header(nodes: &[NodeId], width: usize) -> String {
    let mut line = format!("{:>6}  ", "ms");
    for node in nodes.iter().take(NODES_MAX) {
        line.push_str(&pad(&format!("node {node}"), width));
    }
    if nodes.len() > NODES_MAX {
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
fn rows(events: &[&TraceEvent], nodes: &[NodeId], plan: &Plan) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let columns = nodes.len().min(NODES_MAX);
    for event in events {
        let TraceEvent { at, what, step } = event;
        if let Some(text) = band(what, plan) {
            rows.push(Row::Band { at: *at, text });
        }
        let Some((node, text)) = cell(what) else { continue };
        let text = match what {
            What::Answered { .. } if answer(&mut rows, *step, &text) => continue,
            What::Answered { .. } => format!("answers {text}"),
            _ => text,
        };
        let Some(column) = nodes.iter().take(columns).position(|shown| *shown == node) else { continue };
        let cell = Cell { text, step: what.begins_step().then_some(*step) };
        match rows.last_mut() {
            Some(Row::Cells { at: same, cells })
                if same == at && cells[column..].iter().all(|cell| cell.text.is_empty()) =>
            {
                cells[column] = cell;
            }
            _ => {
                let mut cells = vec![Cell::default(); columns];
                cells[column] = cell;
                rows.push(Row::Cells { at: *at, cells });
            }
        }
    }
    rows
}

/// Puts an answer beside what was asked, if that is the step that gives it.
fn answer(rows: &mut [Row], step: u64, text: &str) -> bool {
    let Some(Row::Cells { cells, .. }) = rows.last_mut() else { return false };
    let Some(asked) = cells.iter_mut().find(|cell| cell.step == Some(step)) else { return false };
    asked.text.push_str(" → ");
    asked.text.push_str(text);
    true
}

/// What stands below each row: texts that do not fit, and what the steps of the row changed. There is room for `lines` in all; the
/// last rows have it first.
fn notes(
    rows: &[Row],
    nodes: &[NodeId],
    story: Option<&Story>,
    (columns, width): (usize, usize),
    mut lines: usize,
) -> Vec<Vec<String>> {
    let mut below: Vec<Vec<String>> = rows.iter().map(|_| Vec::new()).collect();
    let Some(story) = story else { return below };
    for (row, below) in rows.iter().zip(&mut below).rev() {
        let Row::Cells { cells, .. } = row else { continue };
        for (column, cell) in cells.iter().enumerate() {
            let is_cut = cell.text.chars().count() >= span(cells, column, width, columns);
            let note = cell.step.and_then(|step| story.note(step)).map(ToString::to_string);
            let text = match (is_cut, note) {
                (false, None) => continue,
                (false, Some(note)) => note,
                (true, None) => cell.text.clone(),
                (true, Some(note)) => format!("{}: {note}", cell.text),
            };
            let text = format!("node {}: {}", nodes[column], visible(&text));
            let mut wrapped = wrapped_to(&" ".repeat(TIME_WIDTH + 2), &text, columns.saturating_sub(1));
            if wrapped.len() > NOTE_LINES {
                wrapped.truncate(NOTE_LINES);
                wrapped[NOTE_LINES - 1].push('…');
            }
            if wrapped.len() <= lines {
                lines -= wrapped.len();
                below.append(&mut wrapped);
            }
        }
    }
    below
}

/// How many characters a cell has: up to the next one that says something.
fn span(cells: &[Cell], column: usize, width: usize, columns: usize) -> usize {
    let next = cells.iter().skip(column + 1).position(|cell| !cell.text.is_empty());
    match next {
        Some(free) => (free + 1) * width,
        None => columns.saturating_sub(TIME_WIDTH + column * width) + 1,
    }
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

fn cell(what: &What) -> Option<(NodeId, String)> {
    match what {
        What::TimerLate { name, late } => {
            Some((name.node, format!("{} will be {} late", visible(&name.kind), show_duration(*late))))
        }
        What::Fired { name, late: Some(late), .. } => {
            Some((name.node, format!("{} fires {} late", visible(&name.kind), show_duration(*late))))
        }
        What::Fired { name, text, late: None } => Some((name.node, format!("timer {text}"))),
        What::Held { name } => Some((name.link.from, format!("holds {} for {}", visible(&name.kind), name.link.to))),
        What::Started { node, incarnation } if *incarnation > 0 => Some((*node, "restarts".to_owned())),
        What::Asked { node, text, .. } => Some((*node, visible(text).into_owned())),
        What::Answered { node, text, .. } if text != "()" => Some((*node, visible(text).into_owned())),
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
        What::Disconnected { node, peer } => Some((*node, format!("(session {peer} broke)"))),
        What::Reconnected { node, peer } => Some((*node, format!("(session {peer} again)"))),
        What::Disk { fault } => Some((fault.node(), disk(fault))),
        _ => None,
    }
}

fn disk(fault: &DiskFault) -> String {
    match fault {
        DiskFault::Loses { loss: Loss::Last(1), .. } => "LOSES a write".to_owned(),
        DiskFault::Loses { loss: Loss::Last(count), .. } => format!("LOSES {count} writes"),
        DiskFault::Loses { loss: Loss::Each(places), .. } => {
            let places: Vec<String> = places.iter().map(|place| format!("-{place}")).collect();
            format!("LOSES write {}", places.join(" "))
        }
        DiskFault::Fails { .. } => "(write fails)".to_owned(),
    }
}

fn draw(row: &Row, width: usize, columns: usize) -> String {
    match row {
        Row::Band { at, text } => format!("{:>6}  ─── {text} ───", millis(*at)),
        Row::Cells { at, cells } => {
            let mut line = format!("{:>6}  ", millis(*at));
            let mut column = 0;
            while let Some(cell) = cells.get(column) {
                // A long text goes on over the columns of nodes that say nothing.
                let span = if cell.text.is_empty() { width } else { span(cells, column, width, columns) };
                let taken = (cell.text.chars().count() + 1).clamp(1, span.max(1)).div_ceil(width.max(1)).max(1);
                let text = if cell.text.is_empty() { "." } else { &cell.text };
                line.push_str(&pad(text, (taken * width).min(span.max(width))));
                column += taken;
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
