//! Whom clients asked, and who has answered them.

use crate::protocol::{NodeId, RequestId, Time};

/// A mark: a client was answered by a node that it did not ask, as where requests are handed on to a leader.
const BY_ANOTHER: &str = "answered by another node";
/// A mark: the node that a client asked has crashed since, and answered nevertheless.
const AFTER_A_CRASH: &str = "answered after a crash";

/// A mark: a client that has asked more than once was answered more than once.
const AGAIN: &str = "answered again";

/// An answer that no node may give: one more to a request than its client has asked, or one to a request that nobody has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misanswer {
    /// Who gave it.
    pub node: NodeId,
    /// To which request.
    pub id: RequestId,
    /// Who had given the first answer, and when; `None` if nobody has asked.
    pub first: Option<(NodeId, Time)>,
}

#[derive(Clone, Copy)]
struct Asked {
    node: NodeId,
    incarnation: u32,
    /// How often its client has asked, and was answered.
    asks: u32,
    answers: u32,
    answered: Option<(NodeId, Time)>,
}

/// The requests that nodes have heard.
#[derive(Default)]
pub(super) struct Answers {
    /// By number; `None` for those that no node has heard.
    asked: Vec<Option<Asked>>,
}

impl Answers {
    pub(super) fn ask(&mut self, id: RequestId, node: NodeId, incarnation: u32) {
        let place = id.0 as usize;
        if self.asked.len() <= place {
            self.asked.resize(place + 1, None);
        }
        let asked = &mut self.asked[place];
        let before = asked.take().unwrap_or(Asked { node, incarnation, asks: 0, answers: 0, answered: None });
        *asked = Some(Asked { node, incarnation, asks: before.asks.saturating_add(1), ..before });
    }

    /// True if the client has an answer.
    pub(super) fn is_answered(&self, id: RequestId) -> bool {
        matches!(self.asked.get(id.0 as usize), Some(Some(Asked { answered: Some(_), .. })))
    }

    /// A node answers; returns whether that is the first answer, and what is worth a mark.
    pub(super) fn answer(
        &mut self,
        id: RequestId,
        (node, incarnation): (NodeId, u32),
        at: Time,
    ) -> Result<(bool, Option<&'static str>), Misanswer> {
        match self.asked.get_mut(id.0 as usize) {
            Some(Some(asked)) if asked.answers < asked.asks => {
                asked.answers += 1;
                if asked.answered.is_some() {
                    return Ok((false, Some(AGAIN)));
                }
                asked.answered = Some((node, at));
                let after_a_crash = (asked.incarnation != incarnation).then_some(AFTER_A_CRASH);
                Ok((true, if asked.node == node { after_a_crash } else { Some(BY_ANOTHER) }))
            }
            Some(Some(Asked { answered: first, .. })) => Err(Misanswer { node, id, first: *first }),
            _ => Err(Misanswer { node, id, first: None }),
        }
    }
}
