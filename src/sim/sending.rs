//! What becomes of a message that is sent, where that is more than one delivery: copies, messages held back, messages lost.

use std::ops::ControlFlow;
use std::time::Duration;

use super::pending::Pending;
use super::{Event, Fates, Link, LostWhy, NameRef, Observer, World};
use crate::protocol::{StateMachine, Time};

/// A copy that comes this many base latencies after the first one comes late.
const LATE_LATENCIES: u32 = 20;

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// A message that a fault holds back has no other fate.
    #[cold]
    pub(super) fn hold_back(&mut self, name: NameRef<'_>, sent: u32, message: M::Message) -> ControlFlow<()> {
        let NameRef { link, kind, number } = name;
        self.see(&Event::Sent { name, message: &message, fate: None })?;
        self.see(&Event::Held { name, message: &message })?;
        self.stats.delayed += 1;
        let back = self.hold(link, Pending::Delivery { link, number, sent, message }, kind);
        debug_assert!(back.is_none(), "expect: whoever holds a message back takes it");
        ControlFlow::Continue(())
    }

    /// When a message that is sent now comes, if its fate is to take so long.
    #[inline]
    pub(super) fn comes_at(&mut self, delay: Duration) -> Time {
        let at = self.now + delay;
        if at > self.plan.heal_at { self.settle_after(at) } else { at }
    }

    pub(super) fn send_copies(&mut self, delays: &[Duration], link: Link, number: u32, message: &M::Message) {
        let Some(first) = delays.iter().min() else { return };
        self.stats.delayed += u64::from(*first != self.plan.latency);
        // Plans are total, so no delay is too long for the sum.
        let late = first.saturating_add(self.plan.latency.saturating_mul(LATE_LATENCIES));
        self.stats.duplicated += delays.len() as u64 - 1;
        self.stats.duplicated_late += delays.iter().filter(|delay| **delay > late).count() as u64;
        let sent = self.stats.sent as u32;
        for delay in delays {
            let message = message.clone();
            let at = self.comes_at(*delay);
            self.queue.push(at, Pending::Delivery { link, number, sent, message });
        }
    }

    pub(super) fn lose(&mut self, link: Link, number: u32, message: &M::Message, why: LostWhy) -> ControlFlow<()> {
        match why {
            LostWhy::Dropped => self.stats.dropped += 1,
            LostWhy::Cut => self.stats.cut += 1,
            LostWhy::Down => self.stats.down += 1,
            LostWhy::Broken => self.stats.broken += 1,
        }
        let name = NameRef { link, kind: M::kind(message), number };
        self.see(&Event::Lost { name, message, why })
    }
}
