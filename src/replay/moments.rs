//! Faults that wait for a moment in plan files: a `[[fault]]` that says `when` or `on`.

use std::time::Duration;

use super::entries::{node, push_entry, quoted, span};
use super::error::Wrong;
use super::fields::{Field, Table};
use super::values::{moment as at, node_number};
use crate::protocol::NodeId;
use crate::sim::{ArmedFault, Blow, Moment, On, Said, When};

const MOMENT: &str = "a moment like { mark = \"leader elected\", count = 2 }";
const ON: &str = "\"that node\", \"its peers\" or the number of a node";
const BLOWS: [&str; 6] = ["crash", "pause", "isolate", "deafen", "mute", "hold"];

/// True if a `[[fault]]` is one of these.
pub(super) fn is_armed(field: Field<'_>) -> bool {
    field.table("").is_ok_and(|table| table.get("when").is_some() || table.get("on").is_some())
}

pub(super) fn read(field: Field<'_>) -> Result<ArmedFault, Wrong> {
    let table = field.table("a table like [[fault]]")?;
    table.only(&[&["at", "when", "on"], &BLOWS[..]].concat())?;
    let (key, when) = table.one_of(&["at", "when"], "at or when")?;
    let when = match key {
        "at" => When::At(at(table)?),
        _ => {
            let said = when.table(MOMENT)?;
            let after = said.get("after").map(Field::duration).transpose()?;
            When::Said { moment: moment(said, &["after"])?, after: after.unwrap_or_default() }
        }
    };
    let on = on(table.need("on", ON)?)?;
    let (key, field) = table.one_of(&BLOWS, "a crash, a pause, isolate, deafen, mute or hold")?;
    let table = field.table("a table like { restart = \"10ms\" }, or {}")?;
    let lasts = match key {
        "crash" => "restart",
        "pause" | "hold" => "span",
        _ => "heal",
    };
    let known: &[&str] = match key {
        "crash" => &["effects", "restart", "wipe", "until"],
        "pause" => &["span"],
        "hold" => &["kind", "span", "until"],
        _ => &["heal", "until"],
    };
    table.only(known)?;
    let until = table.get("until").map(|until| moment(until.table(MOMENT)?, &[])).transpose()?;
    let lasts = table.get(lasts).map(Field::duration).transpose()?;
    Ok(ArmedFault { when, on, blow: blow(key, table)?, lasts, until })
}

fn on(field: Field<'_>) -> Result<On, Wrong> {
    match field.as_text() {
        Some("that node") => Ok(On::That),
        Some("its peers") => Ok(On::Peers),
        Some(_) => Err(field.wrong(ON)),
        None => Ok(On::Node(node_number(field)?)),
    }
}

fn blow(key: &str, table: Table<'_>) -> Result<Blow, Wrong> {
    Ok(match key {
        "crash" => {
            let max = u64::from(u32::MAX);
            let effects = table.get("effects").map(|field| field.whole(0, max, &format!("a number from 0 to {max}")));
            let wipe = match table.get("wipe") {
                Some(field) if !field.is_true() => return Err(field.wrong("wipe = true")),
                wipe => wipe.is_some(),
            };
            Blow::Crash { effects: effects.transpose()?.map(|effects| effects as u32), wipe }
        }
        "pause" => Blow::Pause,
        "isolate" => Blow::Isolate,
        "deafen" => Blow::Deafen,
        "mute" => Blow::Mute,
        _ => {
            let expected = "a kind of message like \"append\"";
            Blow::Hold { kind: table.need("kind", expected)?.text(expected)?.into() }
        }
    })
}

/// What must be said, by whom, for the how-manieth time.
fn moment(table: Table<'_>, besides: &[&str]) -> Result<Moment, Wrong> {
    table.only(&[&["mark", "sent", "persisted", "count", "by"], besides].concat())?;
    let (key, field) = table.one_of(&["mark", "sent", "persisted"], "one of mark, sent and persisted")?;
    let max = u64::from(u32::MAX);
    let number = |field: Field<'_>| field.whole(0, max, &format!("a number from 0 to {max}, like 2"));
    let (said, count) = match key {
        "mark" => (Said::Mark(field.text("a mark like \"leader elected\"")?.into()), None),
        "sent" => (Said::Sent(field.text("a kind of message like \"append\"")?.into()), None),
        _ => (Said::Persisted, Some(number(field)?)),
    };
    let count = match (count, table.get("count")) {
        (Some(_), Some(field)) => return Err(Wrong::new(field.at(), "expected persisted = 3 alone to say how often")),
        (Some(count), None) => count,
        (None, Some(field)) => number(field)?,
        (None, None) => 1,
    };
    let by = table.get("by").map(node_number).transpose()?;
    Ok(Moment { said, count: count as u32, by })
}

pub(super) fn push(out: &mut String, armed: &ArmedFault) -> Result<(), String> {
    let ArmedFault { when, on, blow, lasts, until } = armed;
    out.push_str("\n[[fault]]\n");
    match when {
        When::At(at) => push_entry(out, "at", &span(at.since_start())),
        When::Said { moment, after } => {
            let after = (!after.is_zero()).then(|| format!("after = {}", span(*after)));
            push_entry(out, "when", &show_moment(moment, after)?);
        }
    }
    push_entry(out, "on", &show_on(*on)?);
    let (key, lasts_key, more) = match blow {
        Blow::Crash { effects, wipe } => {
            let effects = effects.map(|effects| format!("effects = {effects}"));
            let wipe = wipe.then(|| "wipe = true".to_owned());
            ("crash", "restart", [effects, wipe])
        }
        Blow::Pause => ("pause", "span", [None, None]),
        Blow::Isolate => ("isolate", "heal", [None, None]),
        Blow::Deafen => ("deafen", "heal", [None, None]),
        Blow::Mute => ("mute", "heal", [None, None]),
        Blow::Hold { kind } => ("hold", "span", [Some(format!("kind = {}", quoted(kind))), None]),
    };
    let lasts = lasts.map(|lasts: Duration| format!("{lasts_key} = {}", span(lasts)));
    // A pause does not hear of it.
    let until = until.as_ref().filter(|_| *blow != Blow::Pause);
    let until = until.map(|until| Ok::<_, String>(format!("until = {}", show_moment(until, None)?))).transpose()?;
    let [first, second] = more;
    push_entry(out, key, &inline([first, second, lasts, until]));
    Ok(())
}

fn show_on(on: On) -> Result<String, String> {
    Ok(match on {
        On::That => quoted("that node"),
        On::Peers => quoted("its peers"),
        On::Node(on) => node(on)?,
    })
}

fn show_moment(moment: &Moment, after: Option<String>) -> Result<String, String> {
    let Moment { said, count, by } = moment;
    let [said, count] = match said {
        Said::Mark(mark) => [format!("mark = {}", quoted(mark)), format!("count = {count}")].map(Some),
        Said::Sent(kind) => [format!("sent = {}", quoted(kind)), format!("count = {count}")].map(Some),
        Said::Persisted => [Some(format!("persisted = {count}")), None],
    };
    let by = by.map(|by: NodeId| Ok::<_, String>(format!("by = {}", node(by)?))).transpose()?;
    Ok(inline([said, count, by, after]))
}

/// A table on one line.
fn inline<const COUNT: usize>(entries: [Option<String>; COUNT]) -> String {
    let entries: Vec<String> = entries.into_iter().flatten().collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}
