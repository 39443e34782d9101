//! Decisions of a plan that met nothing: the code has changed, or a hand has mistyped a name.
//!
//! Plans are total, so such a decision is no error; but a plan that decides nothing any more passes for the wrong reason. All is read
//! off the run as it was written down: a run costs no more for it.

use std::collections::BTreeSet;
use std::fmt;

use indexmap::IndexMap;

use crate::harness::Recorded;
use crate::protocol::{NodeId, Time, visible};
use crate::sim::{Fault, Link, MessageName, NODE_COUNT_MAX, Plan, PlannedFault, What};
use crate::testing::disk;

/// A decision of a plan that met nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Which: `fate 0→1 updat #1`.
    pub decision: String,
    /// Why: `no message of that kind was sent`.
    pub why: String,
}

/// `fate 0→1 updat #1: no message of that kind was sent`
impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.decision, self.why)
    }
}

/// The decisions of `plan` that met nothing in its run, in which machines asked for the knobs of these names.
pub(crate) fn unmet(plan: &Plan, recorded: &Recorded, asked: &BTreeSet<String>) -> Vec<Unmet> {
    let run = Run::new(plan, recorded);
    let mut unmet = Vec::new();
    let mut add = |decision: String, why: &str| unmet.push(Unmet { decision, why: why.to_owned() });
    for (name, _) in plan.knobs.iter().filter(|(name, _)| !asked.contains(*name)) {
        add(format!("knob {}", visible(name)), "no node asked for it");
    }
    // Of a run that is too long to be written down to its end nobody knows.
    if recorded.trace.is_whole() {
        if let Some(core) = &plan.core
            && !run.abandoned
        {
            let why = if run.healed { "it leaves out no node" } else { OVER };
            add(format!("core {core:?}"), why);
        }
        run.requests(&mut add);
        run.retries(recorded, &mut add);
        run.faults(&mut add);
        disk::unmet(plan, recorded, &mut add);
    }
    run.fates(recorded, &mut add);
    run.timers_and_armed(recorded, &mut add);
    unmet
}

const OVER: &str = "the run was over by then";
const DOWN: &str = "the node was down";

/// What of a run decisions can have met.
struct Run<'a> {
    plan: &'a Plan,
    node_count: usize,
    healed: bool,
    /// When the last thing happened.
    end: Time,
    abandoned: bool,
    /// By the number of the request.
    requests: BTreeSet<u32>,
    /// Faults that struck, in order; each is taken by the decision that it came of.
    struck: Vec<(Time, &'a What)>,
    /// The armed faults that struck.
    armed: BTreeSet<usize>,
    /// How many messages were sent, by link and kind.
    sent: IndexMap<(Link, &'a str), u32>,
    whole: bool,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, recorded: &'a Recorded) -> Self {
        let mut run = Self {
            plan,
            node_count: plan.node_count.clamp(1, NODE_COUNT_MAX),
            healed: false,
            end: Time::ZERO,
            abandoned: false,
            requests: BTreeSet::new(),
            struck: Vec::new(),
            armed: recorded.trace.events.iter().filter_map(|event| event.what.struck()).collect(),
            sent: IndexMap::new(),
            whole: recorded.trace.is_whole(),
        };
        for event in &recorded.trace.events {
            run.end = event.at;
            match &event.what {
                What::Healed => run.healed = true,
                What::Abandoned { .. } => run.abandoned = true,
                What::Asked { id, .. } | What::Unheard { id, .. } => _ = run.requests.insert(id.0),
                what @ (What::Crashed { .. } | What::Paused { .. } | What::Cut { .. }) => {
                    run.struck.push((event.at, what))
                }
                What::Sent { name, .. } => {
                    let count = run.sent.entry((name.link, &*name.kind)).or_default();
                    *count = name.number.max(*count);
                }
                _ => {}
            }
        }
        run
    }

    fn is_there(&self, node: NodeId) -> bool {
        node.index() < self.node_count
    }

    fn requests(&self, add: &mut impl FnMut(String, &str)) {
        for (number, planned) in (0..).zip(&self.plan.requests).filter(|(number, _)| !self.requests.contains(number)) {
            let decision = format!("request {} at {}, of node {}", number + 1, planned.at, planned.node);
            add(decision, if self.is_there(planned.node) { OVER } else { "there is no such node" });
        }
    }

    fn retries(&self, recorded: &Recorded, add: &mut impl FnMut(String, &str)) {
        let requests = self.plan.requests.iter().zip(&recorded.plan.requests).enumerate();
        for (number, (planned, made)) in requests.filter(|(number, _)| self.requests.contains(&(*number as u32))) {
            for (place, retry) in planned.retries.iter().enumerate() {
                let decision = format!("retry {} of request {}, of node {}", place + 1, number + 1, retry.node);
                if !self.is_there(retry.node) {
                    add(decision, "there is no such node");
                } else if place >= made.retries.len() {
                    add(decision, "the request was answered by then, or the run was over");
                }
            }
        }
    }

    fn faults(&self, add: &mut impl FnMut(String, &str)) {
        let mut struck = self.struck.clone();
        // The last one that a crash within a step can have come of takes it: it has taken the place of those before.
        let mut order: Vec<(usize, &PlannedFault)> = self.plan.faults.iter().enumerate().collect();
        order.sort_by_key(|(index, planned)| (planned.at, *index));
        let mut unmet: Vec<(usize, &PlannedFault)> = Vec::new();
        let (within, at_once): (Vec<_>, Vec<_>) =
            order.into_iter().partition(|(_, planned)| is_within_step(&planned.fault));
        for (index, planned) in at_once.into_iter().chain(within.into_iter().rev()) {
            match struck.iter().position(|(at, what)| came_of(planned, *at, what)) {
                Some(place) if self.cuts_any(&planned.fault) => _ = struck.remove(place),
                _ => unmet.push((index, planned)),
            }
        }
        unmet.sort_by_key(|(index, _)| *index);
        for (index, planned) in unmet {
            let what = match &planned.fault {
                Fault::Crash { node, .. } => format!("crash of node {node}"),
                Fault::Pause { node, .. } => format!("pause of node {node}"),
                Fault::Partition { .. } => "partition".to_owned(),
            };
            add(format!("fault {} at {}, {what}", index + 1, planned.at), self.why_unmet(planned));
        }
    }

    /// A cut of links that are not there is no cut.
    fn cuts_any(&self, fault: &Fault) -> bool {
        let is_link = |link: &Link| link.from != link.to && self.is_there(link.from) && self.is_there(link.to);
        !matches!(fault, Fault::Partition { links, .. } if !links.iter().any(is_link))
    }

    fn why_unmet(&self, planned: &PlannedFault) -> &'static str {
        match &planned.fault {
            Fault::Crash { node, .. } | Fault::Pause { node, .. } if !self.is_there(*node) => "there is no such node",
            fault if !self.cuts_any(fault) => "there are no such links",
            _ if planned.at >= self.plan.heal_at => "the world had healed by then",
            _ if planned.at > self.end => OVER,
            Fault::Crash { effects: Some(_), .. } => "the node was down, or took no step from there on",
            Fault::Crash { .. } | Fault::Pause { .. } => DOWN,
            Fault::Partition { .. } => OVER,
        }
    }

    /// Late timers that nobody set, and armed faults whose moment never came.
    fn timers_and_armed(&self, recorded: &Recorded, add: &mut impl FnMut(String, &str)) {
        for name in self.plan.timers.keys().filter(|name| !recorded.plan.timers.contains_key(*name)) {
            let is_there = self.is_there(name.node);
            let why = if is_there { "it was not set before the world healed" } else { "there is no such node" };
            add(format!("timer {name}"), why);
        }
        for (place, armed) in self.plan.armed.iter().enumerate().filter(|(place, _)| !self.armed.contains(place)) {
            add(format!("armed fault {}, {armed}", place + 1), "its moment never came, or it struck nobody");
        }
    }

    fn fates(&self, recorded: &Recorded, add: &mut impl FnMut(String, &str)) {
        for name in self.plan.fates.keys().filter(|name| !recorded.plan.fates.contains_key(*name)) {
            add(format!("fate {name}"), self.why_no_message(name));
        }
    }

    fn why_no_message(&self, name: &MessageName) -> &'static str {
        let MessageName { link, kind, number } = name;
        if !self.is_there(link.from) || !self.is_there(link.to) {
            return "there is no such node";
        }
        if !self.whole {
            return "it was not asked for";
        }
        match self.sent.get(&(*link, &**kind)) {
            Some(sent) if sent >= number => "it was sent over a link that was cut, or after the world had healed",
            Some(_) => "fewer such messages were sent",
            None if self.sent.keys().any(|(_, other)| *other == &**kind) => "no such message was sent over that link",
            None => "no message of that kind was sent",
        }
    }
}

fn is_within_step(fault: &Fault) -> bool {
    matches!(fault, Fault::Crash { effects: Some(_), .. })
}

/// Whether what struck at this time can have come of the decision.
fn came_of(planned: &PlannedFault, at: Time, what: &What) -> bool {
    match (&planned.fault, what) {
        (Fault::Crash { node, effects: None, .. }, What::Crashed { node: crashed, in_step: false, .. }) => {
            node == crashed && at == planned.at
        }
        (Fault::Crash { node, effects: Some(_), .. }, What::Crashed { node: crashed, in_step: true, .. }) => {
            node == crashed && at >= planned.at
        }
        (Fault::Pause { node, .. }, What::Paused { node: paused, .. }) => node == paused && at == planned.at,
        (Fault::Partition { links, .. }, What::Cut { links: cut }) => links == cut && at == planned.at,
        _ => false,
    }
}
