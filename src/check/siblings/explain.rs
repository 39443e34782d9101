//! What is wrong with what a node shows, and why, told from what the oracle knows.

use super::incarnation::Claim;
use super::write::Loss;
use super::write_set::WriteId;
use super::{Breach, QUIET, Siblings, StepInput, TIME_UP};
use crate::protocol::NodeId;
use crate::sim::NameRef;
use smallvec::SmallVec;

/// How what a node shows differs from what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// It does not show this write, which nothing it knows of builds on.
    Lost(WriteId),
    /// It shows this write, though it knows of one that builds on it, or should not have it at all.
    Stale(WriteId),
    /// It shows this write more than once.
    Twice(WriteId),
    /// It shows a value that nobody wrote.
    Invented,
}

/// Holds what a node shows against what it should.
pub(super) fn compare(expected: &[WriteId], shown: &[Option<WriteId>]) -> Option<Difference> {
    // As many siblings as there are nodes are not many, so both are sorted instead of searched.
    let mut places: SmallVec<[(WriteId, usize); 4]> =
        shown.iter().enumerate().filter_map(|(place, write)| Some(((*write)?, place))).collect();
    places.sort_unstable();
    let again = places.windows(2).filter(|two| two[0].0 == two[1].0).map(|two| two[1].1).min();
    let invented = shown.iter().position(Option::is_none);
    match (invented, again) {
        (Some(invented), again) if again.is_none_or(|again| invented < again) => return Some(Difference::Invented),
        (_, Some(again)) => return shown[again].map(Difference::Twice),
        _ => {}
    }
    let is_shown = |write: &WriteId| places.binary_search_by_key(write, |place| place.0).is_ok();
    if let Some(lost) = expected.iter().find(|write| !is_shown(write)) {
        return Some(Difference::Lost(*lost));
    }
    let mut sorted = SmallVec::<[WriteId; 4]>::from_slice(expected);
    sorted.sort_unstable();
    let stale = shown.iter().flatten().find(|write| sorted.binary_search(write).is_err());
    stale.map(|write| Difference::Stale(*write))
}

impl Siblings {
    /// The step that was just handled left `node` with `difference`.
    pub(super) fn explain_step(&self, node: NodeId, key: usize, difference: Difference) -> Breach {
        match difference {
            Difference::Lost(lost) => self.explain_lost(node, lost),
            Difference::Stale(stale) => self.explain_stale(node, stale),
            Difference::Twice(twice) => {
                let write = self.tell(twice);
                let again = self.tell_step(node, Some(twice));
                Breach::new("twice", format!("{} shows write {write} twice on node {node}", self.tell_key(key)))
                    .because(self.tell_written(twice))
                    .because(self.tell_taken(node, twice))
                    .because(format!("{again}, and now has it twice"))
            }
            Difference::Invented => {
                Breach::new("invented", format!("{} shows on node {node} what nobody wrote", self.tell_key(key)))
            }
        }
    }

    /// In the end `node` still has `difference`, though no step made it.
    pub(super) fn explain_rest(
        &self,
        node: NodeId,
        key: usize,
        difference: Difference,
        up: &[NodeId],
        quiet: bool,
    ) -> Breach {
        let (rest, when) = if quiet { (QUIET, "at rest") } else { (TIME_UP, "in the end") };
        let (Difference::Lost(write) | Difference::Stale(write)) = difference else {
            return self.explain_step(node, key, difference);
        };
        let (summary, label) = (self.tell_key(key), self.history.label(write));
        if let Difference::Stale(_) = difference {
            let over = up.iter().flat_map(|peer| self.history.siblings(*peer, key));
            let over = over.copied().find(|over| *over != write && self.history.builds_on(*over, write));
            let told = over.map_or_else(String::new, |over| self.tell_written(over));
            let summary = format!("{summary} still shows write {} on node {node} {when}", self.tell(write));
            return Breach::new("stale at rest", summary)
                .because(self.tell_written(write))
                .because(told)
                .because(format!("that has not come to node {node}, which still shows {label}: {rest}"));
        }
        let holders = up.iter().filter(|peer| self.history.siblings(**peer, key).contains(&write));
        let holders: Vec<String> = holders.map(NodeId::to_string).collect();
        let claim = match self.history.claimed(node, write) {
            Some(claim) if quiet => format!("{}, so it never asks for it", self.tell_claim(claim)),
            Some(claim) => format!("{}; {rest}", self.tell_claim(claim)),
            None => format!("nothing has brought it to node {node} since, and {rest}"),
        };
        Breach::new("missing at rest", format!("{summary} misses write {} on node {node} {when}", self.tell(write)))
            .because(format!("{}; node {} has it", self.tell_written(write), holders.join(", ")))
            .because(self.tell_loss(node, write))
            .because(claim)
    }

    /// Why `write` did not come to `node`.
    fn tell_loss(&self, node: NodeId, write: WriteId) -> String {
        let label = self.history.label(write);
        match self.history.last_loss(node, write) {
            Some(Loss { at, message, why, .. }) => format!("{message}, which carried {label}, was lost at {at}: {why}"),
            None => match self.history.forgot_at(node) {
                Some(at) => format!("node {node} began anew at {at}, and no message has brought it {label} since"),
                None => format!("no message ever brought {label} to node {node}"),
            },
        }
    }

    /// `node 1 took 0→1 reply #3 at 44ms, and has counted d as seen since then, without having it`
    fn tell_claim(&self, claim: &Claim) -> String {
        let label = self.history.label(claim.write);
        format!("{} at {}, and has counted {label} as seen since then, without having it", claim.how, claim.at)
    }

    fn explain_lost(&self, node: NodeId, lost: WriteId) -> Breach {
        let key = self.tell_key(self.history.key_of(lost));
        let breach = Breach::new("lost", format!("{key} lost write {} on node {node}", self.tell(lost)));
        let culprit =
            self.carried.iter().copied().find(|write| *write != lost && !self.history.builds_on(*write, lost));
        let label = self.history.label(lost);
        let Some(culprit) = culprit else { return self.explain_dropped(breach, node, lost) };
        let (writer, earlier) = (self.history.get(culprit).node, self.history.get(lost).node);
        let over = self.history.label(culprit);
        let unseen = match self.history.news_past(culprit, lost) {
            _ if self.history.builds_on(lost, culprit) => {
                format!("{}, so {over} is the older one", self.tell_had(lost, culprit))
            }
            Some(news) => {
                let other = self.tell_key(self.history.key_of(news));
                format!("node {writer} had heard of node {earlier} through {other}, but never had {label}")
            }
            None if self.history.get(culprit).has_context => {
                format!("the client that wrote {over} on node {writer} had not seen {label}")
            }
            None => format!("node {writer} did not have {label} when it wrote {over}"),
        };
        breach
            .because(format!("{}; {}", self.tell_written(lost), self.tell_written(culprit)))
            .because(unseen)
            .because(format!("{}, and dropped {label} for it", self.tell_step(node, Some(culprit))))
    }

    /// The step carried nothing for which `lost` could have made way.
    fn explain_dropped(&self, breach: Breach, node: NodeId, lost: WriteId) -> Breach {
        let label = self.history.label(lost);
        let breach = breach.because(self.tell_written(lost));
        if self.carried.contains(&lost) {
            let breach = match self.history.claimed(node, lost) {
                Some(claim) => breach.because(self.tell_claim(claim)),
                None => {
                    let unfounded = format!("nothing that node {node} has builds on {label}");
                    match (self.step, self.overtaken_by) {
                        (StepInput::Message { link, .. }, Some(number)) => {
                            let later = NameRef { link, kind: &self.kind, number };
                            breach.because(format!("{unfounded}; {later}, sent later, had come before it"))
                        }
                        _ => breach.because(unfounded),
                    }
                }
            };
            return breach.because(format!("{}, and passed over it", self.tell_step(node, Some(lost))));
        }
        let breach = match self.step {
            StepInput::Message { link, .. } if self.history.taken_at(link.from, lost).is_none() => {
                breach.because(match self.history.claimed(link.from, lost) {
                    Some(claim) => self.tell_claim(claim),
                    None => self.tell_loss(link.from, lost),
                })
            }
            _ => breach.because(self.tell_taken(node, lost)),
        };
        let step = self.tell_step(node, None);
        breach.because(format!("{step} at {}, and dropped {label}, though nothing it has builds on it", self.at))
    }

    fn explain_stale(&self, node: NodeId, stale: WriteId) -> Breach {
        let key = self.history.key_of(stale);
        let siblings = self.history.siblings(node, key);
        let over = siblings.iter().copied().find(|over| self.history.builds_on(*over, stale));
        let (label, carried) = (self.history.label(stale), self.carried.first().copied());
        let breach = Breach::new("stale", {
            format!("{} still shows write {} on node {node}", self.tell_key(key), self.tell(stale))
        });
        let breach = breach.because(self.tell_written(stale));
        match over {
            Some(over) => {
                let over_label = self.history.label(over);
                let beside = match self.history.get(over).value {
                    Some(_) => format!("and shows {label} beside {over_label}"),
                    None => format!("and shows {label}, which {over_label} had deleted"),
                };
                let had = match self.history.get(over).has_context {
                    true => format!("its client had seen {label}"),
                    false => self.tell_had(over, stale),
                };
                let written = format!("{}; {had}", self.tell_written(over));
                breach.because(written).because(format!("{}, {beside}", self.tell_step(node, carried)))
            }
            None => breach.because(format!("node {node} should not have it in this incarnation")),
        }
    }

    /// `b (by node 1)`
    fn tell(&self, write: WriteId) -> String {
        format!("{} (by node {})", self.history.label(write), self.history.get(write).node)
    }

    /// `key "cart"`
    fn tell_key(&self, key: usize) -> String {
        format!("key \"{}\"", self.history.key_name(key).escape_default())
    }

    /// `node 0 had a when it wrote b`
    fn tell_had(&self, write: WriteId, earlier: WriteId) -> String {
        let (node, label, earlier) =
            (self.history.get(write).node, self.history.label(write), self.history.label(earlier));
        if self.history.get(write).has_context {
            format!("the client that wrote {label} there had seen {earlier}")
        } else {
            format!("node {node} had {earlier} then")
        }
    }

    /// `node 1 wrote b at 3ms`
    fn tell_written(&self, write: WriteId) -> String {
        let told = self.history.get(write);
        format!("node {} wrote {} at {}", told.node, self.history.label(write), told.at)
    }

    /// `node 2 took b at 4ms`
    fn tell_taken(&self, node: NodeId, write: WriteId) -> String {
        let label = self.history.label(write);
        match self.history.taken_at(node, write) {
            Some(at) => format!("node {node} first had {label} at {at}"),
            None => format!("node {node} never had {label} in this incarnation"),
        }
    }

    /// What the step in progress did, with the write that matters in it.
    pub(super) fn tell_step(&self, node: NodeId, write: Option<WriteId>) -> String {
        let at = self.at;
        match self.step {
            StepInput::Write(write) => format!("node {node} was asked at {at} to write {}", self.history.label(write)),
            StepInput::Message { link, number } => {
                let message = NameRef { link, kind: &self.kind, number };
                match write {
                    Some(write) => format!("node {node} took {} with {message} at {at}", self.history.label(write)),
                    None => format!("node {node} took {message}"),
                }
            }
            StepInput::Get(_) | StepInput::Other => format!("node {node} handled a step without a write"),
        }
    }
}
