//! What a strategy is: a file with a [`Scheduler`], and a line in the table of `mod.rs`.

use std::fmt;
use std::time::Duration;

use super::{LinkFaults, SeededFates, Worlds};
use crate::protocol::{NodeId, Rng, StateMachine, Time};
use crate::sim::{Action, Clients, Fate, Link, NameRef, Plan};

/// Draws worlds in one way.
pub(crate) trait Scheduler: Sync {
    /// The world of a seed: a plan without fates, and the source that draws these as the world runs.
    fn draw(&self, sketch: &mut Sketch<'_>) -> (Plan, SeededFates);

    /// The scheduler that draws the world of `seed`, if it is another one.
    fn turn(&self, _seed: u64) -> Option<super::Strategy> {
        None
    }

    /// Whether its worlds have what is more than a little of everything: limits that are small, timers that are late.
    fn is_baseline(&self) -> bool {
        false
    }
}

/// What a scheduler draws a world from.
pub(crate) struct Sketch<'a> {
    pub(crate) worlds: &'a Worlds,
    pub(crate) clients: Option<&'a mut dyn Actions>,
    pub(crate) seed: u64,
}

/// What clients may ask, whatever the machine.
pub(crate) trait Actions {
    /// See [`Clients::begin`].
    fn begin(&mut self, rng: &mut Rng);
    /// See [`Clients::draw`].
    fn draw(&mut self, rng: &mut Rng) -> Action;
}

/// The clients of one machine.
pub(crate) struct ActionsOf<M: StateMachine>(pub(crate) Box<dyn Clients<M>>);

impl<M: StateMachine> Actions for ActionsOf<M> {
    fn begin(&mut self, rng: &mut Rng) {
        self.0.begin(rng);
    }

    fn draw(&mut self, rng: &mut Rng) -> Action {
        self.0.draw(rng)
    }
}

/// In which order the messages and the late timers of one world come, as far as delays can say.
pub(crate) trait Order: fmt::Debug + Send + Sync {
    /// What becomes of a message.
    fn fate(&mut self, name: NameRef<'_>, at: Time, links: &LinkFaults, rng: &mut Rng) -> Option<Fate> {
        links.fate(rng, |rng| self.delay(name.link, at, links, rng))
    }

    /// How long a message takes that is not lost.
    fn delay(&mut self, link: Link, at: Time, links: &LinkFaults, rng: &mut Rng) -> Duration;

    /// How late a timer of `node` fires that is set at `at` and due at `due`, where timers are late by up to `longest`.
    fn lateness(&mut self, node: NodeId, at: Time, due: Time, longest: Duration, rng: &mut Rng) -> Duration {
        let _ = (node, at, due);
        any_lateness(longest, rng)
    }

    /// The same order again, for another run.
    fn fork(&self) -> Box<dyn Order>;
}

/// Each message takes its own time.
#[derive(Clone, Debug)]
pub(crate) struct AnyOrder;

impl Order for AnyOrder {
    fn delay(&mut self, _link: Link, _at: Time, links: &LinkFaults, rng: &mut Rng) -> Duration {
        Duration::from_micros(rng.between(1, links.delay_max_us))
    }

    fn fork(&self) -> Box<dyn Order> {
        Box::new(self.clone())
    }
}

/// Any lateness up to `longest`.
pub(super) fn any_lateness(longest: Duration, rng: &mut Rng) -> Duration {
    Duration::from_micros(rng.between(0, longest.as_micros() as u64))
}
