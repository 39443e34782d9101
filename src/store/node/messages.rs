//! How messages go through a node.

use std::sync::Arc;

use super::Node;
use crate::causality::{Actor, DotSet};
use crate::kv::Key;
use crate::protocol::NodeId;
use crate::store::error::StoreError;
use crate::store::mailbox::Outgoing;
use crate::store::marks::Marks;
use crate::store::message::{Envelope, Message, Pull, Reply};
use crate::store::results::Processed;
use crate::store::sync::{Progress, batches};

/// Messages.
impl Node {
    /// Puts a message into the inbox, for [`process_messages`](Self::process_messages) to take in.
    ///
    /// # Errors
    /// If it is malformed, not for this node, or the inbox is full: of messages ([`Config::inbox_max`](crate::store::Config::inbox_max)) or of bytes
    /// ([`Config::inbox_bytes_max`](crate::store::Config::inbox_bytes_max)). Then nothing has changed.
    pub fn deliver(&mut self, envelope: Envelope) -> Result<(), StoreError> {
        self.validator().check_envelope(&envelope)?;
        self.inbox.push(envelope, &self.config)
    }

    /// Takes in everything that was delivered, in the order in which it came. May leave answers in the outbox.
    pub fn process_messages(&mut self) -> Processed {
        self.process_messages_and_tell(&mut |_| ())
    }

    /// As [`process_messages`](Self::process_messages). Shows `changed` each key whose versions may have changed, maybe more than once.
    pub(crate) fn process_messages_and_tell(&mut self, changed: &mut impl FnMut(&Key)) -> Processed {
        let mut processed = Processed::default();
        while let Some(envelope) = self.inbox.pop() {
            processed.messages += 1;
            processed.stored += self.take(envelope, changed);
        }
        if processed.messages > 0 {
            self.collect();
        }
        processed
    }

    /// As [`deliver`](Self::deliver) and [`process_messages`](Self::process_messages), of one message when none waits.
    pub(super) fn take_alone(&mut self, envelope: Envelope) {
        debug_assert!(self.inbox.is_empty(), "expect: a state machine lets no message wait");
        if self.validator().check_envelope(&envelope).is_ok() {
            self.take(envelope, &mut |_| ());
            self.collect();
        }
    }

    /// Takes in a message that was checked. Returns how many versions were stored.
    fn take(&mut self, Envelope { from, message, .. }: Envelope, changed: &mut impl FnMut(&Key)) -> usize {
        let before = self.actor();
        let stored = match &message {
            Message::Update(update) => {
                self.replica.note_dirty(self.peers.observe_write(from, update.write.dot));
                let stored = self.replica.apply(update);
                changed(&update.key);
                stored
            }
            Message::Pull(pull) => {
                self.observe(from, pull.actor, &pull.seen);
                self.answer(from, pull);
                0
            }
            Message::Reply(reply) => self.take_reply(from, reply, changed),
        };
        self.end_incarnation(before);
        for update in self.peers.note_heard_of(from, matches!(message, Message::Pull(_))) {
            self.outbox.push(Some(from), Message::Update(update), &self.config);
        }
        stored
    }

    /// Notes what a peer says to have seen.
    fn observe(&mut self, from: NodeId, actor: Actor, seen: &DotSet) {
        if let Some(own) = self.replica.latest_own_dot(seen) {
            self.replica.observe_own(own);
        }
        self.replica.note_dirty(self.peers.observe(from, actor, seen));
    }

    /// Whoever has begun a new incarnation since it was `before` has been answered by nobody.
    fn end_incarnation(&mut self, before: Actor) {
        if self.actor() != before {
            self.peers.begin_new_incarnation();
        }
    }

    fn answer(&mut self, from: NodeId, pull: &Pull) {
        let (states, full) = self.replica.missing_from(&pull.seen);
        let batches = batches(states, &self.config);
        let batch_count = u32::try_from(batches.len()).expect("expect: a node has less than 2^32 keys");
        let (actor, asked_by, number) = (self.actor(), pull.actor, self.peers.number_answer());
        // Most answers are one batch, which takes the set as it is.
        let seen = std::iter::repeat_n(self.seen().clone(), batches.len());
        let batches = batches.into_iter().zip(seen).enumerate().map(|(batch, (keys, seen))| {
            let batch = batch as u32;
            Message::Reply(Arc::new(Reply { actor, asked_by, number, batch, batch_count, full, keys, seen }))
        });
        self.outbox.push_answer(from, batches.collect(), &self.config);
    }

    /// An answer to an earlier incarnation of this node is passed over: it leaves out what that one had.
    pub(super) fn is_answer(&self, reply: &Reply) -> bool {
        reply.asked_by == self.actor()
    }

    fn take_reply(&mut self, from: NodeId, reply: &Reply, changed: &mut impl FnMut(&Key)) -> usize {
        // Before it tells of an incarnation that this one does not know of: the memory is that of the one that asked.
        let (before, is_answer) = (self.actor(), self.is_answer(reply));
        if reply.asked_by.node == before.node && reply.asked_by > before {
            // An incarnation that has asked may not come again, though it wrote nothing: it had what the answer leaves out.
            self.replica.observe_own((reply.asked_by, 0));
        }
        self.observe(from, reply.actor, &reply.seen);
        if !is_answer {
            return 0;
        }
        self.replica.observe_clocks(&reply.keys);
        self.end_incarnation(before);
        let is_answer = self.is_answer(reply) && self.peers.is_latest(from, reply.actor);
        let is_adopted = is_answer && reply.batch_count == 1;
        let contiguous = (!is_adopted).then(|| reply.seen.contiguous());
        let mut stored = 0;
        for state in &reply.keys {
            stored += self.replica.apply_state(state, &reply.seen, contiguous.as_ref());
            changed(&state.key);
        }
        if is_answer && let Progress::Whole(listed) = self.peers.take_batch(from, reply) {
            if let Some(listed) = listed {
                self.replica.drop_unlisted(&reply.seen, &listed, changed);
            }
            self.replica.adopt(&reply.seen);
        }
        stored
    }

    /// Forgets what every node has.
    pub(super) fn collect(&mut self) {
        let peers = &self.peers;
        self.replica.collect(|node| peers.seen_by(node));
    }

    /// Takes all messages out of the outbox, in the order in which they were left there.
    pub fn drain_outbox(&mut self) -> std::vec::IntoIter<Envelope> {
        let (from, peer_count) = (self.id(), self.node_count() - 1);
        let copies = |outgoing: &Outgoing| if outgoing.to.is_some() { 1 } else { peer_count };
        let mut envelopes = Vec::with_capacity(self.outbox.iter().map(copies).sum());
        self.flush(|to, message| envelopes.push(Envelope { from, to, message }));
        envelopes.into_iter()
    }

    /// Hands each message of the outbox to `send`.
    pub(super) fn flush(&mut self, mut send: impl FnMut(NodeId, Message)) {
        let (me, node_count) = (self.id(), self.node_count());
        while let Some(Outgoing { to, message }) = self.outbox.pop() {
            match to {
                Some(to) => send(to, message),
                None => {
                    let peers = (0..node_count).map(NodeId::new).filter(|&peer| peer != me);
                    peers.for_each(|peer| send(peer, message.clone()));
                }
            }
        }
    }
}

/// Anti-entropy.
impl Node {
    /// Asks `peer` for what this node misses: leaves a pull in the outbox. Asking again is always safe.
    ///
    /// # Errors
    /// Refused, with no change: a peer that is not there, or this node itself.
    pub fn start_sync(&mut self, peer: impl Into<NodeId>) -> Result<(), StoreError> {
        let peer = peer.into();
        let checked = self.validator().check_peer(peer);
        if checked.is_ok() {
            self.ask(peer, self.question());
        }
        checked
    }

    fn question(&self) -> Arc<Pull> {
        Arc::new(Pull { actor: self.actor(), seen: self.seen().clone() })
    }

    fn ask(&mut self, peer: NodeId, question: Arc<Pull>) {
        self.peers.note_asked(peer);
        self.outbox.push(Some(peer), Message::Pull(question), &self.config);
    }

    /// True when, for all this node knows, `peer` and it have seen the same; of a peer that is not there nothing is known.
    ///
    /// A node that has lost its memory cannot know before the peer has answered it.
    #[must_use]
    pub fn is_settled_with(&self, peer: NodeId) -> bool {
        peer == self.id() || self.peers.is_settled(peer, self.seen(), self.actor().incarnation > 0)
    }

    pub(super) fn unsettled_peers(&self) -> impl Iterator<Item = NodeId> + '_ {
        let peers = (0..self.node_count()).map(NodeId::new);
        peers.filter(|&peer| !self.is_settled_with(peer))
    }

    /// Time has passed: asks the peers with whom this node is not settled, unless they may still answer. Those for whose questions
    /// the outbox has no room come next time: it would forget the first for the last, always the same.
    pub(super) fn tick(&mut self) {
        let mut question = None;
        for peer in (0..self.node_count()).map(NodeId::new) {
            if !self.is_settled_with(peer) && self.peers.is_due(peer) && !self.outbox.is_full(&self.config) {
                // It says the same to all of them.
                self.ask(peer, Arc::clone(question.get_or_insert_with(|| self.question())));
            }
        }
    }

    pub(super) fn take_marks(&mut self) -> Marks {
        let mut marks = self.replica.take_marks();
        marks.note_all(self.peers.take_marks());
        marks
    }
}
