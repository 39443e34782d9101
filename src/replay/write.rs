//! Writes a plan file: one form for one plan, header first, what is long last.

use std::collections::BTreeMap;

use toml::Value;

use super::entries::{node, push_entry, quoted, span};
use super::error::clip;
use super::quote::{push_key, push_string, push_value};
use super::read::{KNOB_NAME, reads_knob};
use super::{Expect, FILE_BYTES_MAX, FORMAT, PlanFile, clients, clocks, disk, moments, timers};
use crate::protocol::{KNOB_COUNT_MAX, Knobs, is_hidden};
use crate::sim::{Fate, Fault, Link, Links, MessageName, NODE_COUNT_MAX, PlannedFault, PlannedRequest};

/// The whole file.
pub(super) fn file(file: &PlanFile) -> Result<String, String> {
    let mut text = String::new();
    push_header(&mut text, file, true)?;
    push_decisions(&mut text, file)?;
    let plan_bytes = text.len();
    push_trace(&mut text, &file.trace);
    if text.len() > FILE_BYTES_MAX {
        // A failure that is saved without its trace is better than one that is lost.
        text.truncate(plan_bytes);
    }
    match plan_bytes > FILE_BYTES_MAX {
        true => Err(format!("expected a plan of at most {FILE_BYTES_MAX} bytes, found {plan_bytes}")),
        false => Ok(text),
    }
}

/// All that tells one plan of a system from another: not where it came from, nor how the run went.
pub(super) fn identity(file: &PlanFile) -> Result<String, String> {
    let mut text = String::new();
    push_header(&mut text, file, false)?;
    push_decisions(&mut text, file)?;
    Ok(text)
}

fn push_header(out: &mut String, file: &PlanFile, origin: bool) -> Result<(), String> {
    let plan = &file.plan;
    push_entry(out, "format", &FORMAT.to_string());
    push_entry(out, "system", &quoted(&file.system));
    if origin {
        push_entry(out, "seed", &format!("\"{:#x}\"", plan.seed));
    }
    match &file.expect {
        Expect::Violates { check } => push_entry(out, "violates", &quoted(check)),
        Expect::Clean => push_entry(out, "expect", "\"clean\""),
    }
    if let Some(digest) = file.digest.filter(|_| origin) {
        push_entry(out, "digest", &format!("\"{digest:#018x}\""));
    }
    push_entry(out, "nodes", &plan.node_count.clamp(1, NODE_COUNT_MAX).to_string());
    push_entry(out, "latency", &span(plan.latency));
    push_entry(out, "heal_at", &span(plan.heal_at.since_start()));
    if let Some(core) = &plan.core {
        let core: Vec<String> = core.iter().map(|healed| node(*healed)).collect::<Result<_, _>>()?;
        push_entry(out, "core", &format!("[{}]", core.join(", ")));
    }
    push_entry(out, "settle", &span(plan.settle));
    if plan.links != Links::Datagram {
        push_entry(out, "links", &quoted(plan.links.name()));
    }
    if let Some(timeout) = plan.closed_loop {
        push_entry(out, "closed_loop", &span(timeout));
    }
    if plan.node_count > plan.member_count() {
        push_entry(out, "spares", &(plan.node_count.clamp(1, NODE_COUNT_MAX) - plan.member_count()).to_string());
    }
    push_knobs(out, &plan.knobs)
}

fn push_knobs(out: &mut String, knobs: &Knobs) -> Result<(), String> {
    if knobs.is_empty() {
        return Ok(());
    }
    if knobs.len() > KNOB_COUNT_MAX {
        return Err(format!("expected at most {KNOB_COUNT_MAX} knobs, found {}", knobs.len()));
    }
    out.push_str("\n[knobs]\n");
    for (name, value) in knobs.iter() {
        if !reads_knob(name) {
            return Err(format!("expected {KNOB_NAME}, found {}", clip(name)));
        }
        push_key(out, name);
        out.push_str(&format!(" = {value}\n"));
    }
    Ok(())
}

fn push_decisions(out: &mut String, file: &PlanFile) -> Result<(), String> {
    for request in &file.plan.requests {
        push_request(out, request)?;
    }
    for fault in &file.plan.faults {
        push_fault(out, fault)?;
    }
    for armed in &file.plan.armed {
        moments::push(out, armed)?;
    }
    for (name, fate) in &file.plan.fates {
        push_fate(out, name, fate)?;
    }
    disk::push(out, &file.plan.disk)?;
    timers::push(out, &file.plan.timers)?;
    clocks::push(out, &file.plan.clocks)?;
    Ok(())
}

fn push_request(out: &mut String, request: &PlannedRequest) -> Result<(), String> {
    out.push_str("\n[[request]]\n");
    push_entry(out, "at", &span(request.at.since_start()));
    push_entry(out, "node", &node(request.node)?);
    let inexpressible = |why: &dyn std::fmt::Display| {
        format!("expected an action that TOML can express, found {}: {why}", clip(&format!("{:?}", request.action)))
    };
    let value = request.action.to_value().map_err(|error| inexpressible(&error))?;
    let (key, value) = match &value {
        // An enum's variant reads best as the field it is, unless the table has another use for that name.
        Value::Table(table) if table.len() == 1 => match table.iter().next() {
            Some((key, inner)) if !["at", "node", "action", "retries"].contains(&key.as_str()) => (key.as_str(), inner),
            _ => ("action", &value),
        },
        _ => ("action", &value),
    };
    push_key(out, key);
    out.push_str(" = ");
    push_value(out, value).map_err(|why| inexpressible(&why))?;
    out.push('\n');
    clients::push(out, &request.retries)
}

fn push_fault(out: &mut String, fault: &PlannedFault) -> Result<(), String> {
    out.push_str("\n[[fault]]\n");
    push_entry(out, "at", &span(fault.at.since_start()));
    match &fault.fault {
        Fault::Crash { node: crashed, effects, restart, wipe } => {
            let mut crash = format!("node = {}", node(*crashed)?);
            if let Some(effects) = effects {
                crash.push_str(&format!(", effects = {effects}"));
            }
            if let Some(restart) = restart {
                crash.push_str(&format!(", restart = {}", span(*restart)));
            }
            if *wipe {
                crash.push_str(", wipe = true");
            }
            push_entry(out, "crash", &format!("{{ {crash} }}"));
        }
        Fault::Pause { node: paused, span: lasts } => {
            push_entry(out, "pause", &format!("{{ node = {}, span = {} }}", node(*paused)?, span(*lasts)));
        }
        Fault::Partition { links, heal } => {
            let links = paired(links).into_iter().map(|(link, both)| show_link(link, both));
            let mut partition = format!("links = [{}]", links.collect::<Result<Vec<_>, _>>()?.join(", "));
            if let Some(heal) = heal {
                partition.push_str(&format!(", heal = {}", span(*heal)));
            }
            push_entry(out, "partition", &format!("{{ {partition} }}"));
        }
    }
    Ok(())
}

fn push_fate(out: &mut String, name: &MessageName, fate: &Fate) -> Result<(), String> {
    let shown = name.to_string();
    // A number 0, or a node beyond all that are read, would not be read as what it is.
    if shown.parse().as_ref() != Ok(name) {
        return Err(format!("expected a message like \"0→1 update #3\", found {}", clip(&shown)));
    }
    out.push_str("\n[[fate]]\n");
    push_entry(out, "message", &quoted(&shown));
    match fate {
        Fate::Drop => push_entry(out, "drop", "true"),
        Fate::Deliver(delays) => match delays.as_slice() {
            [delay] => push_entry(out, "delay", &span(*delay)),
            delays => {
                let delays: Vec<_> = delays.iter().map(|delay| span(*delay)).collect();
                push_entry(out, "copies", &format!("[{}]", delays.join(", ")));
            }
        },
    }
    Ok(())
}

fn push_trace(out: &mut String, lines: &[String]) {
    if !lines.is_empty() {
        out.push_str("\n[run]\ntrace = ");
        out.push_str(&trace(lines));
        out.push('\n');
    }
}

/// As lines that can be read as they are, or, if a line holds what such a block cannot, as a list of strings.
pub(super) fn trace(trace: &[String]) -> String {
    let mut out = String::new();
    let plain = |line: &String| !line.contains("'''") && line.chars().all(|c| c == '\t' || !is_hidden(c));
    if trace.iter().all(plain) {
        out.push_str("'''\n");
        for line in trace {
            out.push_str(line);
            out.push('\n');
        }
        out.push_str("'''");
    } else {
        out.push_str("[\n");
        for line in trace {
            out.push_str("    ");
            push_string(&mut out, line);
            out.push_str(",\n");
        }
        out.push(']');
    }
    out
}

/// The links in their order, each with its reverse, if that is there too: the reverse is then not listed again.
fn paired(links: &[Link]) -> Vec<(Link, bool)> {
    // Where each link stands, the first place last.
    let mut places: BTreeMap<Link, Vec<usize>> = BTreeMap::new();
    for (place, &link) in links.iter().enumerate().rev() {
        places.entry(link).or_default().push(place);
    }
    let mut paired = Vec::new();
    for (place, &link) in links.iter().enumerate() {
        // Whoever is not at the front of its places any more was taken as the reverse of another.
        if places.get_mut(&link).and_then(|places| places.pop_if(|next| *next == place)).is_none() {
            continue;
        }
        let reverse = places.get_mut(&link.reversed()).filter(|_| link.from != link.to).and_then(Vec::pop);
        paired.push((link, reverse.is_some()));
    }
    paired
}

fn show_link(link: Link, both: bool) -> Result<String, String> {
    let arrow = if both { '↔' } else { '→' };
    Ok(format!("\"{}{arrow}{}\"", node(link.from)?, node(link.to)?))
}

#[cfg(test)]
mod tests {
    use super::paired;
    use crate::sim::Link;

    #[test]
    fn both_directions_stand_at_the_place_of_the_first() {
        let links = [(0, 1), (2, 0), (1, 0), (3, 3), (3, 3), (1, 0), (0, 2), (4, 1)];
        let shown = paired(&links.map(|(from, to)| Link::new(from, to)));
        let shown: Vec<_> = shown.iter().map(|(link, both)| format!("{link:?} {both}")).collect();
        assert_eq!(shown, ["0→1 true", "2→0 true", "3→3 false", "3→3 false", "1→0 false", "4→1 false"]);
    }

    #[test]
    fn pairing_what_is_paired_changes_nothing() {
        let links = [(0, 1), (2, 3), (1, 0), (1, 0), (0, 1), (0, 1)].map(|(from, to)| Link::new(from, to));
        let once = paired(&links);
        let again: Vec<_> =
            once.iter().flat_map(|&(link, both)| [Some(link), both.then(|| link.reversed())]).flatten().collect();
        assert_eq!(paired(&again), once);
    }
}
