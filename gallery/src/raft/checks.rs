//! What Raft promises: the properties of figure 3 of the paper, exactly once, and that what is known never goes back.

use std::collections::{BTreeMap, BTreeSet};

use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::protocol::{NodeId, RequestId, Time};
use distributed_data_consistency::sim::{Event, EventKind, Input, Nodes};

use super::node::{Raft, Role};
use super::{Log, Message};

/// At most one leader in a term.
#[derive(Clone, Default)]
pub struct ElectionSafety {
    leaders: BTreeMap<u64, NodeId>,
}

impl Check<Raft> for ElectionSafety {
    fn name(&self) -> &'static str {
        "election-safety"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Raft>, nodes: Nodes<'_, Raft>) -> Result<(), Breach> {
        let Some((node, Raft { role: Role::Leader(_), disk, .. })) = ended(event, nodes) else { return Ok(()) };
        match self.leaders.insert(disk.term, node) {
            Some(other) if other != node => {
                Err(Breach::new("two leaders", format!("nodes {other} and {node} both lead term {}", disk.term)))
            }
            _ => Ok(()),
        }
    }
}

/// No two servers apply different writes at the same place, none is applied twice, and whoever leads has all that was applied.
#[derive(Clone, Default)]
pub struct StateMachineSafety {
    applied: Vec<RequestId>,
    /// Who led in which term when it was last looked at.
    /// The term of the node that applied it first: it was committed by then.
    applied_in: Vec<u64>,
    leading: BTreeMap<NodeId, u64>,
}

impl Check<Raft> for StateMachineSafety {
    fn name(&self) -> &'static str {
        "state-machine-safety"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Raft>, nodes: Nodes<'_, Raft>) -> Result<(), Breach> {
        let Some((node, raft)) = ended(event, nodes) else { return Ok(()) };
        if let Some(place) =
            (0..self.applied.len().min(raft.journal.len())).find(|at| self.applied[*at] != raft.journal[*at])
        {
            let (one, other) = (self.applied[place], raft.journal[place]);
            return Err(Breach::new(
                "differ",
                format!("request {one} was applied as write {place}, on node {node} {other}"),
            ));
        }
        for id in raft.journal.iter().skip(self.applied.len()) {
            if self.applied.contains(id) {
                return Err(Breach::new("twice", format!("node {node} has applied request {id} twice")));
            }
            self.applied.push(*id);
            self.applied_in.push(raft.disk.term);
        }
        if matches!(raft.role, Role::Leader(_)) && self.leading.insert(node, raft.disk.term) != Some(raft.disk.term) {
            // A leader of an earlier term need not know of it: it may be elected late, and commits nothing any more.
            let earlier = self.applied.iter().zip(&self.applied_in).filter(|(_, term)| **term < raft.disk.term);
            let lost = earlier.map(|(id, _)| id).find(|id| !holds(raft, **id));
            return lost.map_or(Ok(()), |id| {
                let told = format!("node {node} leads term {} without request {id}, which was applied", raft.disk.term);
                Err(Breach::new("incomplete leader", told))
            });
        }
        Ok(())
    }
}

fn holds(raft: &Raft, id: RequestId) -> bool {
    let logged =
        |log: &Log| log.entries.iter().any(|entry| matches!(entry.command, super::Command::Write(of, _) if of == id));
    raft.journal.contains(&id) || logged(&raft.disk.log)
}

/// What is known to be committed, applied, or to be on a follower, is so for as long as the server runs, or leads.
#[derive(Clone, Default)]
pub struct NeverBack {
    /// Commit index, term in which it leads, and the sum of what is known to be on followers.
    seen: BTreeMap<NodeId, (u64, Option<u64>, u64)>,
}

impl Check<Raft> for NeverBack {
    fn name(&self) -> &'static str {
        "never-back"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends, EventKind::Crashed]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Raft>, nodes: Nodes<'_, Raft>) -> Result<(), Breach> {
        if let Event::Crashed { node, .. } = event {
            self.seen.remove(node);
        }
        let Some((node, raft)) = ended(event, nodes) else { return Ok(()) };
        let (term, matched) = match &raft.role {
            Role::Leader(leading) => (Some(raft.disk.term), leading.progress.values().map(|peer| peer.matched).sum()),
            _ => (None, 0),
        };
        let now = (raft.commit, term, matched);
        let before = self.seen.insert(node, now).unwrap_or(now);
        if before.0 > now.0 {
            return Err(Breach::new(
                "commit",
                format!("node {node} knew of {} committed entries, now of {}", before.0, now.0),
            ));
        }
        if before.1 == now.1 && before.2 > now.2 {
            return Err(Breach::new("match", format!("leader {node} forgets what is on its followers")));
        }
        Ok(())
    }
}

/// With pre-vote, nobody is the first in a term without a majority that would elect it: a leader that works is left in peace.
#[derive(Clone, Default)]
pub struct NoDisturbance {
    highest: u64,
    supporters: BTreeMap<(NodeId, u64), BTreeSet<NodeId>>,
}

impl Check<Raft> for NoDisturbance {
    fn name(&self) -> &'static str {
        "no-disturbance"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Begins, EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Raft>, nodes: Nodes<'_, Raft>) -> Result<(), Breach> {
        if let Event::Begins { node, input: Input::Message { name, message: Message::PreVoted { term } }, .. } = event {
            self.supporters.entry((*node, *term)).or_default().insert(name.link.from);
        }
        let Some((node, raft)) = ended(event, nodes) else { return Ok(()) };
        if raft.disk.term <= self.highest {
            return Ok(());
        }
        self.highest = raft.disk.term;
        let supporters = self.supporters.remove(&(node, self.highest)).unwrap_or_default();
        if !raft.pre_vote || raft.is_quorum(|other| other == node || supporters.contains(&other)) {
            return Ok(());
        }
        Err(Breach::new(
            "disturbed",
            format!("node {node} entered term {} with the support of {supporters:?}", self.highest),
        ))
    }
}

/// Where two logs have an entry of the same index and term, they are the same up to there.
pub fn log_matching(nodes: Nodes<'_, Raft>) -> Result<(), String> {
    for (one, left) in nodes.up() {
        for (other, right) in nodes.up().filter(|(other, _)| *other > one) {
            let (left, right) = (&left.disk.log, &right.disk.log);
            let first = left.snapshot.index.max(right.snapshot.index) + 1;
            let shared = first..=left.last_index().min(right.last_index());
            let last = shared.clone().rev().find(|index| left.term_at(*index) == right.term_at(*index));
            let differs = |index: &u64| Some(*index) <= last && left.get(*index) != right.get(*index);
            if let Some(index) = shared.clone().find(differs) {
                return Err(format!(
                    "nodes {one} and {other} differ at index {index}, before an entry that they share"
                ));
            }
        }
    }
    Ok(())
}

/// The server that has just handled a step.
fn ended<'a>(event: &Event<'_, Raft>, nodes: Nodes<'a, Raft>) -> Option<(NodeId, &'a Raft)> {
    match event {
        Event::Ends { node, .. } => Some((*node, nodes.get(*node)?)),
        _ => None,
    }
}
