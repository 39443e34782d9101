//! A trace without what only repeats itself.

use std::mem::{Discriminant, discriminant};

use super::going::without_numbers;
use super::{Link, Trace, TraceEvent, What};
use crate::protocol::NodeId;

/// So many events in a row that come again and again are taken for a repetition.
const PERIOD_MAX: usize = 256;
/// So many rounds in the end must be the same.
const ROUNDS_MIN: usize = 4;
/// Of a trace without repetition so many events are left at its beginning …
const FIRST: usize = 60;
/// … and so many at its end.
const LAST: usize = 20;
/// Of what comes before a repetition so many events are left at its beginning …
const FIRST_BEFORE: usize = 20;
/// … and so many at its end.
const LAST_BEFORE: usize = 6;

/// What is the same of two events if one repeats the other: all but times, numbers and contents.
#[derive(PartialEq)]
struct Shape<'a>(Discriminant<What>, Option<NodeId>, Option<(Link, &'a str)>, Option<String>);

fn shape(event: &TraceEvent) -> Shape<'_> {
    let (node, message, text) = match &event.what {
        What::Sent { name, .. } | What::Took { name, .. } | What::Lost { name, .. } => {
            (None, Some((name.link, &*name.kind)), None)
        }
        What::Fired { name, text, .. } => (Some(name.node), None, Some(without_numbers(text))),
        What::TimerLate { name, .. } => (Some(name.node), None, None),
        What::Held { name } => (None, Some((name.link, &*name.kind)), None),
        What::Marked { node, mark } => (Some(*node), None, Some((*mark).to_owned())),
        What::Started { node, .. }
        | What::Asked { node, .. }
        | What::Answered { node, .. }
        | What::Unheard { node, .. }
        | What::Crashed { node, .. }
        | What::Paused { node, .. }
        | What::Disconnected { node, .. }
        | What::Reconnected { node, .. }
        | What::Abandoned { node } => (Some(*node), None, None),
        What::Disk { fault } => (Some(fault.node()), None, None),
        What::Cut { .. } | What::Joined { .. } | What::Healed | What::Struck { .. } | What::Omitted { .. } => {
            (None, None, None)
        }
    };
    Shape(discriminant(&event.what), node, message, text)
}

impl Trace {
    /// Leaves out what only repeats itself at the end: two rounds of it and the last one stay, and between them
    /// [`What::Omitted`] says how many more there were. If nothing repeats itself, as in a storm of messages, the first events and
    /// the last ones stay.
    pub fn shorten(&mut self) {
        let events = &mut self.events;
        let Some((begin, period)) = repetition(events) else { return omit(events, FIRST, LAST, None) };
        omit(events, begin + 2 * period, period, Some(period));
        let left = events.len() - begin;
        omit(events, FIRST_BEFORE, left + LAST_BEFORE, None);
    }
}

/// Leaves the `first` events and the `last` ones.
fn omit(events: &mut Vec<TraceEvent>, first: usize, last: usize, period: Option<usize>) {
    let Some(count) = events.len().checked_sub(first + last).filter(|count| *count > 1) else { return };
    let TraceEvent { at, step, .. } = events[first];
    let omitted = TraceEvent { at, step, what: What::Omitted { count, period } };
    events.splice(first..first + count, [omitted]);
}

/// From where on the events repeat themselves, and after how many each time.
fn repetition(events: &[TraceEvent]) -> Option<(usize, usize)> {
    let shapes: Vec<Shape<'_>> = events.iter().map(shape).collect();
    let is_same = |place: usize, period: usize| shapes[place] == shapes[place - period];
    let repeats = |period: &usize| {
        let begin = shapes.len().checked_sub(ROUNDS_MIN * period);
        begin.is_some_and(|begin| (begin + period..shapes.len()).rev().all(|place| is_same(place, *period)))
    };
    let period = (1..=PERIOD_MAX).find(repeats)?;
    let other = (period..shapes.len()).rev().find(|place| !is_same(*place, period));
    Some((other.map_or(0, |place| place + 1 - period), period))
}
