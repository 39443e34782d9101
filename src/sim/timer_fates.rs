//! Timers that fire late. A timer has a name as a message has: its node, its kind, and the number of the setting.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use indexmap::{Equivalent, IndexMap};

use super::names::{read_kind, show_kind};
use super::pending::Pending;
use super::{Event, Fates, Observer, ParseNameError, World};
use crate::protocol::{NodeId, StateMachine, Time};
use crate::running::catch_panic_at;

/// Names one setting of a timer of a run: the `number`-th, from 1, of its kind on its node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerName {
    /// Whose.
    pub node: NodeId,
    /// What sort, as [`StateMachine::timer_kind`] says.
    pub kind: Arc<str>,
    /// Which setting of those, from 1; counted over all incarnations of the node.
    pub number: u32,
}

/// A [`TimerName`] that borrows its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerRef<'a> {
    /// Whose.
    pub node: NodeId,
    /// What sort.
    pub kind: &'a str,
    /// Which setting of those, from 1; 0 when nobody counts.
    pub number: u32,
}

impl TimerName {
    fn borrowed(&self) -> TimerRef<'_> {
        TimerRef { node: self.node, kind: &self.kind, number: self.number }
    }
}

impl TimerRef<'_> {
    /// The same name, owned.
    #[must_use]
    pub fn into_name(self) -> TimerName {
        TimerName { node: self.node, kind: self.kind.into(), number: self.number }
    }
}

impl Hash for TimerRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.node, self.kind, self.number).hash(state);
    }
}

/// As its borrowed form hashes, so that one can look up the other.
impl Hash for TimerName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Equivalent<TimerName> for TimerRef<'_> {
    fn equivalent(&self, name: &TimerName) -> bool {
        *self == name.borrowed()
    }
}

/// `1 election #3`
impl fmt::Display for TimerRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} #{}", self.node, show_kind(self.kind), self.number)
    }
}

impl fmt::Display for TimerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.borrowed(), f)
    }
}

impl fmt::Debug for TimerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads `1 election #3`; a kind of several words in quotes.
impl FromStr for TimerName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        const WRONG: ParseNameError = ParseNameError("expected a timer like \"1 election #3\"");
        let (node, rest) = text.trim().split_once(char::is_whitespace).ok_or(WRONG)?;
        let node: u16 = node.parse().map_err(|_| WRONG)?;
        let (kind, number) = read_kind(rest.trim_start()).ok_or(WRONG)?;
        let number = number.trim_start().strip_prefix('#').and_then(|number| number.parse().ok()).ok_or(WRONG)?;
        if number == 0 {
            return Err(ParseNameError("timers are numbered from #1"));
        }
        Ok(Self { node: NodeId::new(node.into()), kind: kind.into(), number })
    }
}

/// How many timers of each kind each node has set: what their names are made of.
#[derive(Debug, Default)]
pub(super) struct TimerCounts(IndexMap<(NodeId, Cow<'static, str>), u32, foldhash::fast::FixedState>);

impl TimerCounts {
    fn next(&mut self, node: NodeId, kind: Cow<'static, str>) -> u32 {
        let count = self.0.entry((node, kind)).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

/// What a timer is called. One whose `Debug` panics has a name too: the run is the same whether or not anybody asks for names.
pub(crate) fn kind_of<M: StateMachine>(timer: &M::Timer) -> Cow<'static, str> {
    catch_panic_at(|| M::timer_kind(timer)).unwrap_or(Cow::Borrowed("timer"))
}

impl<M: StateMachine, F: Fates, O: Observer<M>> World<'_, M, F, O> {
    /// A node sets a timer, or moves it.
    #[inline]
    pub(super) fn set_timer(&mut self, node: NodeId, timer: M::Timer, after: Duration) -> ControlFlow<()> {
        let (mut at, mut number) = (self.now + after, 0);
        if self.times_timers {
            (at, number) = self.time_timer(node, &timer, after)?;
        }
        let driver = &mut self.nodes[node.index()];
        let (incarnation, token) = (driver.incarnation, driver.set_timer(timer));
        self.queue.push(at, Pending::Timer { node, incarnation, token, number });
        ControlFlow::Continue(())
    }

    /// When it fires, and which number it has.
    #[cold]
    fn time_timer(&mut self, node: NodeId, timer: &M::Timer, after: Duration) -> ControlFlow<(), (Time, u32)> {
        let after = if self.plan.clocks.is_empty() { after } else { self.clock_of(node).takes(after) };
        let due = self.now + after;
        let mut named = None;
        if let Some(counts) = &mut self.timer_counts {
            let kind = kind_of::<M>(timer);
            let number = counts.next(node, kind.clone());
            named = Some((kind, number));
        }
        let number = named.as_ref().map_or(0, |(_, number)| *number);
        if self.healed {
            return ControlFlow::Continue((due, number));
        }
        let planned = named
            .as_ref()
            .and_then(|(kind, number)| self.plan.timers.get(&TimerRef { node, kind, number: *number }).copied());
        let drawn = |fates: &mut F, now| if fates.draws_timers() { fates.lateness(node, now, due) } else { None };
        let late = planned.or_else(|| drawn(&mut self.fates, self.now)).filter(|late| !late.is_zero());
        let Some(late) = late else { return ControlFlow::Continue((due, number)) };
        self.stats.timers_late += 1;
        let (kind, _) = named.unwrap_or_else(|| (kind_of::<M>(timer), 0));
        self.see(&Event::TimerLate { timer: TimerRef { node, kind: &kind, number }, late })?;
        let mut at = due + late;
        if at > self.plan.heal_at {
            // Never early, however late the world heals.
            at = self.settle_after(at).max(due);
        }
        ControlFlow::Continue((at, number))
    }
}

#[cfg(test)]
mod tests {
    use super::TimerName;
    use crate::protocol::NodeId;

    #[test]
    fn names_are_read_back() {
        for kind in ["election", "step down", "", "#1", "\"", "日本"] {
            let name = TimerName { node: NodeId::new(12), kind: kind.into(), number: 3 };
            assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
        }
        for wrong in ["", "1", "1 election", "1 election #0", "x election #1", "1 election 3"] {
            assert!(wrong.parse::<TimerName>().is_err(), "{wrong}");
        }
    }
}
