//! Whom clients asked, and who has answered them.

use crate::protocol::{NodeId, RequestId, Time};

/// A mark: a client was answered by a node that it did not ask, as where requests are handed on to a leader.
const BY_ANOTHER: &str = "answered by another node";
/// A mark: the node that a client asked has crashed since, and answered nevertheless.
const AFTER_A_CRASH: &str = "answered after a crash";

/// An answer that no node may give: a second one to the same request, or one to a request that nobody has made.
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
        self.asked[place] = Some(Asked { node, incarnation, answered: None });
    }

    /// A node answers; returns what is worth a mark.
    pub(super) fn answer(
        &mut self,
        id: RequestId,
        (node, incarnation): (NodeId, u32),
        at: Time,
    ) -> Result<Option<&'static str>, Misanswer> {
        match self.asked.get_mut(id.0 as usize) {
            Some(Some(asked @ Asked { answered: None, .. })) => {
                asked.answered = Some((node, at));
                let after_a_crash = (asked.incarnation != incarnation).then_some(AFTER_A_CRASH);
                Ok(if asked.node == node { after_a_crash } else { Some(BY_ANOTHER) })
            }
            Some(Some(Asked { answered: first, .. })) => Err(Misanswer { node, id, first: *first }),
            _ => Err(Misanswer { node, id, first: None }),
        }
    }
}
