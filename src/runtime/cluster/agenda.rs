//! What a node has yet to do by itself: its timers, and the messages that take their time.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use super::InFlight;
use crate::protocol::{StateMachine, Time};

/// When something is due; of what is due at the same time, what was put in first.
type DueAt = (Time, u64);

/// What is due later. A timer that is moved, cancelled or forgotten leaves nothing behind.
pub(super) struct Agenda<M: StateMachine> {
    timers: BTreeMap<DueAt, M::Timer>,
    /// invariant: tells of each timer in `timers`, and of no other, when it is due.
    set: BTreeMap<M::Timer, DueAt>,
    messages: BTreeMap<DueAt, InFlight<M>>,
    /// How much was ever put in.
    count: u64,
}

pub(super) enum Due<M: StateMachine> {
    Timer(M::Timer),
    InFlight(InFlight<M>),
}

/// The first moment that is later.
pub(super) fn after(time: Time) -> Time {
    time + Duration::from_nanos(1)
}

impl<M: StateMachine> Agenda<M> {
    pub(super) fn new() -> Self {
        Self { timers: BTreeMap::new(), set: BTreeMap::new(), messages: BTreeMap::new(), count: 0 }
    }

    /// Sets a timer, or moves it.
    pub(super) fn set_timer(&mut self, timer: M::Timer, due: Time) {
        let moment = self.moment(due);
        if let Some(before) = self.set.insert(timer.clone(), moment) {
            self.timers.remove(&before);
        }
        self.timers.insert(moment, timer);
    }

    pub(super) fn cancel_timer(&mut self, timer: &M::Timer) {
        if let Some(moment) = self.set.remove(timer) {
            self.timers.remove(&moment);
        }
    }

    pub(super) fn timer_count(&self) -> usize {
        self.set.len()
    }

    /// Forgets all timers; gives them back, since to drop one may panic.
    pub(super) fn take_timers(&mut self) -> impl Iterator<Item = M::Timer> + use<M> {
        let (mut timers, mut set) = (mem::take(&mut self.timers), mem::take(&mut self.set));
        let timers = std::iter::from_fn(move || timers.pop_first().map(|(_, timer)| timer));
        timers.chain(std::iter::from_fn(move || set.pop_first().map(|(timer, _)| timer)))
    }

    /// Keeps a message until it is due. It is taken after it was sent.
    pub(super) fn keep(&mut self, in_flight: InFlight<M>) {
        let moment = self.moment(in_flight.due.max(after(in_flight.sent)));
        self.messages.insert(moment, in_flight);
    }

    /// Gives back a message that was kept.
    pub(super) fn take_message(&mut self) -> Option<InFlight<M>> {
        self.messages.pop_first().map(|(_, in_flight)| in_flight)
    }

    /// When the first of all is due.
    pub(super) fn next_due(&self) -> Option<Time> {
        let timer = self.timers.keys().next();
        let in_flight = self.messages.keys().next();
        timer.into_iter().chain(in_flight).map(|(due, _)| *due).min()
    }

    /// Takes out what comes next, if that is by `now`, and tells the time at which it happens; the last step was at `last`. A timer is told
    /// the very moment for which it was set; a message is taken after all that was, and after every timer of that time, so that no two
    /// things that might have been the other way round happen at one time.
    pub(super) fn pop(&mut self, last: Time, now: Time) -> Option<(Time, Due<M>)> {
        let timer = self.timers.keys().next().map(|(due, _)| *due);
        let in_flight = self.messages.keys().next().map(|(due, _)| (*due).max(after(last)));
        match (timer, in_flight) {
            (Some(due), in_flight) if due <= now && in_flight.is_none_or(|at| due <= at) => {
                let (_, timer) = self.timers.pop_first()?;
                self.set.remove(&timer);
                Some((due.max(last), Due::Timer(timer)))
            }
            (_, Some(at)) if at <= now => self.take_message().map(|in_flight| (at, Due::InFlight(in_flight))),
            _ => None,
        }
    }

    fn moment(&mut self, due: Time) -> DueAt {
        self.count += 1;
        (due, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::{Agenda, Due};
    use crate::protocol::{Env, NodeId, RequestId, StateMachine, Time};
    use crate::runtime::cluster::InFlight;
    use crate::sim::Link;

    struct Idle;

    impl StateMachine for Idle {
        type Message = u8;
        type Timer = u8;
        type Request = ();
        type Response = ();
        type Durable = ();

        fn on_message(&mut self, _from: NodeId, _message: u8, _env: &mut Env<'_, Self>) {}

        fn on_request(&mut self, _id: RequestId, (): (), _env: &mut Env<'_, Self>) {}
    }

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn in_flight(message: u8, due: u64) -> InFlight<Idle> {
        InFlight { link: Link::new(0, 1), number: 0, sent: Time::ZERO, due: at(due), bytes: 1, message }
    }

    /// What comes by `now`, with its times.
    fn all(agenda: &mut Agenda<Idle>, now: u64) -> Vec<(u64, char, u8)> {
        let mut last = Time::ZERO;
        std::iter::from_fn(|| {
            let (at, due) = agenda.pop(last, at(now))?;
            last = at;
            Some(match due {
                Due::Timer(timer) => (at.as_nanos(), 't', timer),
                Due::InFlight(in_flight) => (at.as_nanos(), 'm', in_flight.message),
            })
        })
        .collect()
    }

    #[test]
    fn a_timer_that_is_set_over_and_over_is_one_timer() {
        let mut agenda: Agenda<Idle> = Agenda::new();
        for round in 0..10_000 {
            agenda.set_timer(1, at(1_000 + round));
            agenda.set_timer(2, at(5));
            agenda.cancel_timer(&2);
        }
        assert_eq!((agenda.timers.len(), agenda.set.len()), (1, 1));
        assert_eq!(agenda.next_due(), Some(at(10_999)));
        assert_eq!(all(&mut agenda, 20_000), [(10_999, 't', 1)]);
        agenda.set_timer(1, at(1));
        assert_eq!((agenda.take_timers().count(), agenda.timer_count(), agenda.next_due()), (2, 0, None));
    }

    #[test]
    fn what_is_due_comes_in_order_and_no_message_at_the_time_of_anything_else() {
        let mut agenda = Agenda::new();
        agenda.keep(in_flight(1, 10));
        agenda.keep(in_flight(2, 10));
        agenda.set_timer(3, at(11));
        agenda.set_timer(4, at(10));
        agenda.set_timer(5, at(10));
        agenda.keep(in_flight(6, 100));
        let expected = [(10, 't', 4), (10, 't', 5), (11, 't', 3), (12, 'm', 1), (13, 'm', 2)];
        assert_eq!(all(&mut agenda, 99), expected);
        assert_eq!(all(&mut agenda, 100), [(100, 'm', 6)]);
    }
}
