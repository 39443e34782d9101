//! Reads a plan file, strictly.

use indexmap::IndexMap;
use toml::de::DeTable;
use toml::{Spanned, Value};

use super::error::{Wrong, clip};
use super::fields::{Field, Table};
use super::values::{DURATION, moment, node, node_number};
use super::{Expect, FORMAT, PlanFile, clients, clocks, depth, disk, moments, timers};
use crate::protocol::{KNOB_COUNT_MAX, KNOB_NAME_BYTES_MAX, KNOB_VALUE_MAX, Knobs, Time};
use crate::sim::DECISIONS_MAX;
use crate::sim::{Action, Fate, Fault, Link, Links, MessageName, NODE_COUNT_MAX, Plan, PlannedFault, PlannedRequest};

const TOP: [&str; 21] = [
    "format",
    "system",
    "seed",
    "violates",
    "expect",
    "digest",
    "nodes",
    "latency",
    "heal_at",
    "core",
    "settle",
    "links",
    "closed_loop",
    "spares",
    "knobs",
    "request",
    "fault",
    "fate",
    "disk",
    "timer",
    "clock",
];
const RUN: &str = "run";
const SYSTEM: &str = "the name of a system, like \"store\"";
/// What the reader takes for the name of a knob.
pub(super) const KNOB_NAME: &str = "a name of a knob of 1 to 64 bytes, like batch_max";
const ACTION: &str = "one action, like put = { key = \"cart\", value = \"b\" }";

type Parse<'a> = &'a dyn Fn(Value) -> Result<Action, String>;

/// Which system the file is for.
pub(super) fn system(text: &str) -> Result<String, Wrong> {
    let document = document(text)?;
    let top = opened(&document)?;
    Ok(top.need("system", SYSTEM)?.text(SYSTEM)?.to_owned())
}

/// The whole file.
pub(super) fn file(text: &str, parse_action: Parse<'_>) -> Result<PlanFile, Wrong> {
    let document = document(text)?;
    let top = opened(&document)?;
    top.only(&[&TOP[..], &[RUN]].concat())?;
    let system = top.need("system", SYSTEM)?.text(SYSTEM)?.to_owned();
    let expect = expect(top)?;
    let digest = match top.get("digest") {
        None => None,
        Some(field) => Some(field.parsed("16 hex digits like \"0x5be1c0ffee15dead\"", |text| hex(text, 16))?),
    };
    let mut plan = header(top)?;
    let [requests, faults, fates, disks, late, clocks] = decisions(top)?;
    plan.requests = requests.into_iter().map(|field| request(field, parse_action)).collect::<Result<_, _>>()?;
    let (armed, faults): (Vec<_>, Vec<_>) = faults.into_iter().partition(|field| moments::is_armed(*field));
    plan.faults = faults.into_iter().map(fault).collect::<Result<_, _>>()?;
    plan.armed = armed.into_iter().map(moments::read).collect::<Result<_, _>>()?;
    plan.fates = fates_by_name(&fates)?;
    plan.disk = disk::read(disks)?;
    plan.timers = timers::read(&late)?;
    plan.clocks = clocks::read(&clocks)?;
    Ok(PlanFile { system, plan, expect, digest, trace: trace(top)? })
}

pub(super) fn document(text: &str) -> Result<Spanned<DeTable<'_>>, Wrong> {
    depth::check(text)?;
    DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Wrong::new(at, format!("expected TOML: {}", error.message()))
    })
}

/// The document, if it is of the format that is read here. All else may look different in another one.
fn opened<'a>(document: &'a Spanned<DeTable<'a>>) -> Result<Table<'a>, Wrong> {
    let top = Table::top(document.get_ref());
    let expected = format!("format = {FORMAT}");
    let format = top.need("format", &expected)?;
    match format.whole(0, u64::MAX, &expected)? {
        FORMAT => Ok(top),
        other => Err(Wrong::new(format.at(), format!("this version reads format {FORMAT}, found format {other}"))),
    }
}

/// What must come of the run.
pub(super) fn expect_of<'a>(document: &'a Spanned<DeTable<'a>>) -> Result<Expect, Wrong> {
    expect(opened(document)?)
}

fn expect(top: Table<'_>) -> Result<Expect, Wrong> {
    let (key, field) = top.one_of(&["violates", "expect"], "violates = \"<check>\" or expect = \"clean\"")?;
    if key == "expect" {
        return field.parsed("\"clean\"", |text| (text == "clean").then_some(Expect::Clean));
    }
    let check = field.text("the name of a check, like \"siblings\"")?;
    Ok(Expect::Violates { check: check.to_owned() })
}

fn header(top: Table<'_>) -> Result<Plan, Wrong> {
    let expected = format!("a number of nodes from 1 to {NODE_COUNT_MAX}");
    let node_count = top.need("nodes", &expected)?.whole(1, NODE_COUNT_MAX as u64, &expected)?;
    let mut plan = Plan::new(node_count as usize);
    if let Some(seed) = top.get("seed") {
        plan.seed = seed.parsed("a hex number of at most 16 digits like \"0x9f2c41\"", |text| {
            hex(text, text.len().saturating_sub(2))
        })?;
    }
    if let Some(latency) = top.get("latency") {
        plan.latency = latency.duration()?;
    }
    if let Some(heal_at) = top.get("heal_at") {
        plan.heal_at = Time::ZERO + heal_at.duration()?;
    }
    if let Some(core) = top.get("core") {
        let nodes = core.items("an array of the nodes that heal, like [0, 2]")?;
        plan.core = Some(nodes.map(node_number).collect::<Result<_, _>>()?);
    }
    if let Some(settle) = top.get("settle") {
        plan.settle = settle.duration()?;
    }
    if let Some(links) = top.get("links") {
        let of_name = |name: &str| [Links::Datagram, Links::Stream].into_iter().find(|links| links.name() == name);
        plan.links = links.parsed("\"datagram\" or \"stream\"", of_name)?;
    }
    if let Some(timeout) = top.get("closed_loop") {
        plan.closed_loop = Some(timeout.duration()?);
    }
    if let Some(spares) = top.get("spares") {
        let most = node_count - 1;
        plan.spares = spares.whole(0, most, &format!("a number of spare nodes from 0 to {most}"))? as usize;
    }
    if let Some(field) = top.get("knobs") {
        plan.knobs = knobs(field)?;
    }
    Ok(plan)
}

fn knobs(field: Field<'_>) -> Result<Knobs, Wrong> {
    let mut knobs = Vec::new();
    for (at, name, value) in field.table("a table like [knobs]")?.entries() {
        if knobs.len() == KNOB_COUNT_MAX {
            return Err(Wrong::new(at, format!("expected at most {KNOB_COUNT_MAX} knobs")));
        }
        if !reads_knob(name) {
            return Err(Wrong::new(at, format!("expected {KNOB_NAME}, found {}", clip(name))));
        }
        let expected = format!("a number from 0 to {KNOB_VALUE_MAX}, like batch_max = 1");
        knobs.push((name.to_owned(), value.whole(0, KNOB_VALUE_MAX, &expected)?));
    }
    Ok(knobs.into_iter().collect())
}

/// Whether the name of a knob is one that is read.
pub(super) fn reads_knob(name: &str) -> bool {
    (1..=KNOB_NAME_BYTES_MAX).contains(&name.len())
}

/// Requests, faults, fates, disk faults, late timers and clocks, if there are not too many together.
fn decisions(top: Table<'_>) -> Result<[Vec<Field<'_>>; 6], Wrong> {
    let mut room = DECISIONS_MAX;
    let mut list = |key: &str| {
        let Some(field) = top.get(key) else { return Ok(Vec::new()) };
        let mut items = field.items(&format!("tables like [[{key}]]"))?;
        match room.checked_sub(items.len()) {
            Some(rest) => room = rest,
            None => {
                let at = items.nth(room).map_or(field.at(), Field::at);
                return Err(Wrong::new(at, format!("expected at most {DECISIONS_MAX} requests, faults and fates")));
            }
        }
        Ok(items.collect())
    };
    Ok([list("request")?, list("fault")?, list("fate")?, list("disk")?, list("timer")?, list("clock")?])
}

fn request(field: Field<'_>, parse_action: Parse<'_>) -> Result<PlannedRequest, Wrong> {
    let table = field.table("a table like [[request]]")?;
    let at = moment(table)?;
    let node = node(table)?;
    let (key, field) = table.one_besides(&["at", "node", "retries"], ACTION)?;
    let mut value = field.value()?;
    if key != "action" {
        value = Value::Table([(key.to_owned(), value)].into_iter().collect());
    }
    let action = parse_action(value)
        .map_err(|why| Wrong::new(field.at(), format!("expected an action of this system: {why}")))?;
    Ok(PlannedRequest { at, node, action, retries: clients::read(table)? })
}

/// A fault that strikes at a time; [`moments`] reads those that wait for one.
fn fault(field: Field<'_>) -> Result<PlannedFault, Wrong> {
    let table = field.table("a table like [[fault]]")?;
    let kinds = ["crash", "partition", "pause"];
    table.only(&["at", "crash", "partition", "pause"])?;
    let at = moment(table)?;
    let (key, field) = table.one_of(&kinds, "a crash, a partition or a pause")?;
    let fault = match key {
        "crash" => crash(field)?,
        "pause" => pause(field)?,
        _ => partition(field)?,
    };
    Ok(PlannedFault { at, fault })
}

fn crash(field: Field<'_>) -> Result<Fault, Wrong> {
    let table = field.table("a table like { node = 2, restart = \"10ms\" }")?;
    table.only(&["node", "effects", "restart", "wipe"])?;
    let effects = table.get("effects").map(|field| {
        let max = u64::from(u32::MAX);
        field.whole(0, max, &format!("a number of effects from 0 to {max}"))
    });
    Ok(Fault::Crash {
        node: node(table)?,
        effects: effects.transpose()?.map(|effects| effects as u32),
        restart: table.get("restart").map(Field::duration).transpose()?,
        wipe: match table.get("wipe") {
            Some(field) if !field.is_true() => return Err(field.wrong("wipe = true")),
            wipe => wipe.is_some(),
        },
    })
}

fn pause(field: Field<'_>) -> Result<Fault, Wrong> {
    let table = field.table("a table like { node = 2, span = \"10ms\" }")?;
    table.only(&["node", "span"])?;
    Ok(Fault::Pause { node: node(table)?, span: table.need("span", DURATION)?.duration()? })
}

fn partition(field: Field<'_>) -> Result<Fault, Wrong> {
    let table = field.table("a table like { links = [\"0↔1\"], heal = \"20ms\" }")?;
    table.only(&["links", "heal"])?;
    let expected = "an array of links like [\"0↔1\", \"2→0\"]";
    let mut links = Vec::new();
    for field in table.need("links", expected)?.items(expected)? {
        let (link, both) = field.parsed("a link like \"0↔1\", \"0→1\", \"0<->1\" or \"0->1\"", parse_link)?;
        links.push(link);
        if both {
            links.push(link.reversed());
        }
    }
    Ok(Fault::Partition { links, heal: table.get("heal").map(Field::duration).transpose()? })
}

/// One direction, or both.
fn parse_link(text: &str) -> Option<(Link, bool)> {
    match text.split_once('↔').or_else(|| text.split_once("<->")) {
        Some((from, to)) => Some((format!("{from}→{to}").parse().ok()?, true)),
        None => Some((text.parse().ok()?, false)),
    }
}

fn fates_by_name(fields: &[Field<'_>]) -> Result<IndexMap<MessageName, Fate>, Wrong> {
    let mut fates = IndexMap::new();
    for field in fields {
        let table = field.table("a table like [[fate]]")?;
        table.only(&["message", "drop", "delay", "copies"])?;
        let expected = "a message like \"0→1 update #3\"";
        let message = table.need("message", expected)?;
        let name: MessageName = message.parsed(expected, |text| text.parse().ok())?;
        if fates.contains_key(&name) {
            return Err(message.wrong("one fate for each message"));
        }
        fates.insert(name, fate(table)?);
    }
    Ok(fates)
}

fn fate(table: Table<'_>) -> Result<Fate, Wrong> {
    let (key, field) = table.one_of(&["drop", "delay", "copies"], "one of drop, delay and copies")?;
    match key {
        "drop" if field.is_true() => Ok(Fate::Drop),
        "drop" => Err(field.wrong("drop = true")),
        "delay" => Ok(Fate::delay(field.duration()?)),
        _ => {
            let copies = field.items("an array of durations like [\"2ms\", \"40ms\"]")?;
            Ok(Fate::Deliver(copies.map(Field::duration).collect::<Result<_, _>>()?))
        }
    }
}

fn trace(top: Table<'_>) -> Result<Vec<String>, Wrong> {
    let Some(run) = top.get(RUN) else { return Ok(Vec::new()) };
    let run = run.table("a table like [run]")?;
    run.only(&["trace"])?;
    let Some(trace) = run.get("trace") else { return Ok(Vec::new()) };
    if let Some(lines) = trace.as_text() {
        return Ok(lines.lines().map(str::to_owned).collect());
    }
    let lines = trace.items("lines of text, or an array of strings")?;
    lines.map(|line| line.text("a line of text").map(str::to_owned)).collect()
}

/// `0x` and exactly so many hex digits, at most 16.
fn hex(text: &str, digit_count: usize) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    let fits = digits.len() == digit_count && digits.len() <= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| fits)
}
