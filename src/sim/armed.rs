//! The armed faults of a world: who hears what nodes say, and what then strikes.

use std::ops::ControlFlow;
use std::time::Duration;

use smallvec::SmallVec;

use super::pending::Pending;
use super::{ArmedFault, Blow, Event, Fates, Link, Moment, Observer, On, Said, When, World};
use crate::protocol::{Effect, Listener, NodeId, StateMachine};

/// The armed faults of a world that has not healed.
pub(super) struct Armed<M: StateMachine> {
    /// How often what any fault waits for was said.
    counted: Vec<(Said, Option<NodeId>, u32)>,
    /// Those that have struck or are about to.
    is_spent: Vec<bool>,
    active: Vec<Active<M>>,
}

/// A fault that has struck and has not ended.
struct Active<M: StateMachine> {
    fault: usize,
    is_over: bool,
    /// Which links it has cut.
    links: Vec<Link>,
    /// Which nodes are down, each with the incarnation in which it is to come back.
    down: Vec<(NodeId, u32)>,
    /// What it holds back.
    held: Vec<Pending<M>>,
    /// Whose messages it holds back.
    holds: Vec<NodeId>,
}

/// A fault whose moment has come in a step.
#[derive(Clone, Copy)]
pub(super) struct Hit {
    fault: usize,
    /// It strikes in the middle of the step.
    in_step: bool,
}

/// What a step has brought about: faults that strike, and faults that end.
#[derive(Default)]
pub(super) struct Hits {
    pub(super) strikes: SmallVec<[Hit; 2]>,
    ends: SmallVec<[usize; 2]>,
}

impl Hits {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.strikes.is_empty() && self.ends.is_empty()
    }
}

impl<M: StateMachine> Armed<M> {
    /// Those of a plan; `None` if it has none.
    pub(super) fn of(faults: &[ArmedFault]) -> Option<Box<Self>> {
        if faults.is_empty() {
            return None;
        }
        let mut counted: Vec<(Said, Option<NodeId>, u32)> = Vec::new();
        let whens = faults.iter().filter_map(|fault| match &fault.when {
            When::Said { moment, .. } => Some(moment),
            When::At(_) => None,
        });
        for moment in whens.chain(faults.iter().filter_map(|fault| fault.until.as_ref())) {
            if !counted.iter().any(|(said, by, _)| (said, by) == (&moment.said, &moment.by)) {
                counted.push((moment.said.clone(), moment.by, 0));
            }
        }
        Some(Box::new(Self { counted, is_spent: vec![false; faults.len()], active: Vec::new() }))
    }

    /// How often what this moment is about has been said.
    fn count_of(&self, moment: &Moment) -> u32 {
        let known = self.counted.iter().find(|(said, by, _)| (said, by) == (&moment.said, &moment.by));
        known.map_or(0, |(_, _, count)| *count)
    }

    /// Which fault holds back a message of this kind from this node.
    fn holder(&mut self, faults: &[ArmedFault], from: NodeId, kind: &str) -> Option<&mut Active<M>> {
        self.active.iter_mut().find(|active| {
            let holds = matches!(&faults[active.fault].blow, Blow::Hold { kind: held } if **held == *kind);
            holds && !active.is_over && active.holds.contains(&from)
        })
    }
}

/// Hears what one node says in one step.
pub(super) struct Ear<'a, M: StateMachine> {
    pub(super) armed: &'a mut Armed<M>,
    pub(super) faults: &'a [ArmedFault],
    pub(super) node: NodeId,
    pub(super) hits: Hits,
}

impl<M: StateMachine> Listener<M> for Ear<'_, M> {
    fn hears(&mut self, effect: &Effect<M>) -> Option<usize> {
        let is_said = |said: &Said| match (said, effect) {
            (Said::Mark(mark), Effect::Mark(marked)) => **mark == **marked,
            (Said::Sent(kind), Effect::Send { message, .. }) => **kind == *M::kind(message),
            (Said::Persisted, Effect::Persist) => true,
            _ => false,
        };
        let mut left = None;
        for place in 0..self.armed.counted.len() {
            let (said, by, count) = &mut self.armed.counted[place];
            if is_said(said) && by.is_none_or(|by| by == self.node) {
                *count = count.saturating_add(1);
                left = self.reached(place).or(left);
            }
        }
        left
    }
}

impl<M: StateMachine> Ear<'_, M> {
    /// Something was said once more: finds what has waited for it.
    fn reached(&mut self, place: usize) -> Option<usize> {
        let (said, by, count) = &self.armed.counted[place];
        let is_now = |moment: &Moment| (&moment.said, &moment.by, moment.count) == (said, by, *count);
        let mut left = None;
        for (fault, armed) in self.faults.iter().enumerate() {
            let When::Said { moment, .. } = &armed.when else { continue };
            if self.armed.is_spent[fault] || !is_now(moment) {
                continue;
            }
            let in_step = is_in_step(armed);
            if let Blow::Crash { effects: Some(effects), .. } = armed.blow
                && in_step
            {
                left = Some(left.unwrap_or(usize::MAX).min(effects as usize));
            }
            self.hits.strikes.push(Hit { fault, in_step });
        }
        for (active, ongoing) in self.armed.active.iter().enumerate() {
            if !ongoing.is_over && self.faults[ongoing.fault].until.as_ref().is_some_and(is_now) {
                self.hits.ends.push(active);
            }
        }
        for hit in &self.hits.strikes {
            self.armed.is_spent[hit.fault] = true;
        }
        left
    }
}

/// True if it strikes before all effects of the step have happened.
fn is_in_step(armed: &ArmedFault) -> bool {
    let at_once = matches!(armed.when, When::Said { after: Duration::ZERO, .. });
    at_once && armed.on == On::That && matches!(armed.blow, Blow::Crash { effects: Some(_), .. })
}

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// The faults that wait for a time go into the queue.
    pub(super) fn schedule_armed(&mut self) {
        self.stats.armed = self.plan.armed.len() as u64;
        for (fault, armed) in self.plan.armed.iter().enumerate() {
            if let When::At(at) = armed.when {
                self.queue.push(at, Pending::Armed { fault: fault as u32, that: None });
            }
        }
    }

    /// What a step has brought about comes about.
    #[cold]
    pub(super) fn hit(&mut self, that: NodeId, hits: Hits) -> ControlFlow<()> {
        for active in hits.ends {
            self.end_armed(active)?;
        }
        for Hit { fault, in_step } in hits.strikes {
            match self.plan.armed[fault].when {
                When::Said { after, .. } if !after.is_zero() => {
                    self.queue.push(self.now + after, Pending::Armed { fault: fault as u32, that: Some(that) });
                }
                _ => self.strike_armed(fault, Some(that), in_step)?,
            }
        }
        ControlFlow::Continue(())
    }

    pub(super) fn strike_armed(&mut self, fault: usize, that: Option<NodeId>, in_step: bool) -> ControlFlow<()> {
        let plan = self.plan;
        let armed = &plan.armed[fault];
        let targets = self.targets(armed.on, that);
        let is_up = |node: &NodeId| self.nodes[node.index()].machine.is_some();
        let needs_node = matches!(armed.blow, Blow::Crash { .. } | Blow::Pause);
        let targets: Vec<NodeId> = targets.into_iter().filter(|node| !needs_node || is_up(node)).collect();
        if self.armed.is_none() || targets.is_empty() {
            return ControlFlow::Continue(());
        }
        self.stats.struck += 1;
        self.struck.push(fault as u32);
        self.see(&Event::Struck { fault })?;
        let links = self.cut_links(&armed.blow, &targets);
        let mut active =
            Active { fault, is_over: false, links: Vec::new(), down: Vec::new(), held: Vec::new(), holds: Vec::new() };
        match &armed.blow {
            Blow::Crash { wipe, .. } => {
                for node in targets {
                    self.crash_node(node, None, *wipe, in_step)?;
                    active.down.push((node, self.nodes[node.index()].incarnation));
                }
            }
            Blow::Pause => {
                for node in targets {
                    self.pause(node, armed.lasts.unwrap_or(Duration::MAX))?;
                }
                return ControlFlow::Continue(());
            }
            Blow::Isolate | Blow::Deafen | Blow::Mute => {
                self.cut(&links)?;
                active.links = links;
            }
            Blow::Hold { .. } => active.holds = targets,
        }
        self.began(active)
    }

    /// A fault has struck that ends some time.
    fn began(&mut self, active: Active<M>) -> ControlFlow<()> {
        let ArmedFault { lasts, until, .. } = &self.plan.armed[active.fault];
        let Some(armed) = &mut self.armed else { return ControlFlow::Continue(()) };
        let place = armed.active.len();
        armed.active.push(active);
        let is_past = until.as_ref().is_some_and(|until| armed.count_of(until) >= until.count);
        if is_past {
            return self.end_armed(place);
        }
        if let Some(lasts) = lasts {
            self.queue.push(self.now + *lasts, Pending::ArmedEnd(place as u32));
        }
        ControlFlow::Continue(())
    }

    /// The fault ends: what it did is undone.
    pub(super) fn end_armed(&mut self, place: usize) -> ControlFlow<()> {
        let Some(armed) = &mut self.armed else { return ControlFlow::Continue(()) };
        let active = &mut armed.active[place];
        if std::mem::replace(&mut active.is_over, true) {
            return ControlFlow::Continue(());
        }
        let (links, down, held) =
            (std::mem::take(&mut active.links), std::mem::take(&mut active.down), std::mem::take(&mut active.held));
        self.release(held);
        if !links.is_empty() {
            self.network.join(&links);
            self.seek_sessions();
            self.see(&Event::Joined { links: &links })?;
        }
        for (node, incarnation) in down {
            let driver = &self.nodes[node.index()];
            if driver.machine.is_none() && driver.incarnation == incarnation {
                self.queue.push(self.now, Pending::Restart { node, incarnation });
            }
        }
        ControlFlow::Continue(())
    }

    fn release(&mut self, held: Vec<Pending<M>>) {
        let at = self.now + self.plan.latency;
        held.into_iter().for_each(|pending| self.queue.push(at, pending));
    }

    /// The world heals: what is held back comes, and no fault strikes any more.
    pub(super) fn disarm(&mut self) {
        let Some(armed) = self.armed.take() else { return };
        for active in armed.active {
            self.release(active.held);
        }
    }

    /// Holds a message back, if a fault says so; gives it back if none does.
    #[cold]
    pub(super) fn hold(&mut self, link: Link, pending: Pending<M>, kind: &str) -> Option<Pending<M>> {
        let Some(armed) = &mut self.armed else { return Some(pending) };
        let Some(active) = armed.holder(&self.plan.armed, link.from, kind) else { return Some(pending) };
        active.held.push(pending);
        None
    }

    /// True if some fault holds messages of this kind from this node back.
    pub(super) fn holds(&mut self, link: Link, kind: &str) -> bool {
        let Some(armed) = &mut self.armed else { return false };
        armed.holder(&self.plan.armed, link.from, kind).is_some()
    }

    /// True if nothing can come of it any more.
    pub(super) fn is_dead_end(&self, place: u32) -> bool {
        self.armed.as_ref().is_none_or(|armed| armed.active[place as usize].is_over)
    }

    fn targets(&self, on: On, that: Option<NodeId>) -> Vec<NodeId> {
        let all = (0..self.nodes.len()).map(NodeId::new);
        match (on, that) {
            (On::Node(node), _) => all.filter(|other| *other == node).collect(),
            (On::That, Some(that)) => vec![that],
            (On::Peers, Some(that)) => all.filter(|other| *other != that).collect(),
            (On::That | On::Peers, None) => Vec::new(),
        }
    }

    /// Which links this cuts: between the nodes that it strikes and all others.
    fn cut_links(&self, blow: &Blow, targets: &[NodeId]) -> Vec<Link> {
        let (out, back) = match blow {
            Blow::Isolate => (true, true),
            Blow::Deafen => (false, true),
            Blow::Mute => (true, false),
            _ => return Vec::new(),
        };
        let mut links = Vec::new();
        for &from in targets {
            for to in (0..self.nodes.len()).map(NodeId::new).filter(|to| *to != from) {
                let link = Link { from, to };
                links.extend(out.then_some(link));
                links.extend(back.then_some(link.reversed()));
            }
        }
        links
    }
}
