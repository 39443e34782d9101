//! The states that are so many steps from the first, and how much there is room for.

use std::ops::ControlFlow;

use indexmap::IndexSet;

use super::Scope;
use super::fates::MishapsId;
use super::global_state::GlobalState;
use super::local_states::StepId;

/// A state, or a step of a node, may take so many numbers on the average. Most take a third of it.
const NUMBERS_PER_STATE: u64 = 64;

/// How a state came about: the place of the one before it in the level before, and a step.
#[derive(Clone, Copy)]
pub(crate) struct Came {
    pub(crate) from: u32,
    pub(crate) taken: Taken,
}

/// How much a search may look at and hold.
pub(crate) struct Room {
    states_max: u64,
    numbers_max: u64,
    /// How many states were found so far.
    pub(crate) states: u64,
}

impl Room {
    pub(crate) fn of(scope: &Scope) -> Self {
        // The places of a level are numbers of 32 bits, and so are all others.
        let states_max = scope.states_max.min(u32::MAX.into());
        Self { states_max, numbers_max: states_max.saturating_mul(NUMBERS_PER_STATE), states: 0 }
    }

    /// True if there is room for one more state, where levels hold so many numbers.
    fn has_room(&self, numbers: u64) -> bool {
        self.states < self.states_max && numbers <= self.numbers_max
    }

    /// True if the steps of single nodes take more room than there is.
    pub(crate) fn is_overgrown(&self, unfolded: u64) -> bool {
        unfolded > self.numbers_max
    }
}

/// A step, and what becomes of the messages that it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    pub(crate) step: StepId,
    pub(crate) mishaps: MishapsId,
}

/// The states that are so many steps from the first.
#[derive(Default)]
pub(crate) struct Level {
    states: IndexSet<GlobalState, foldhash::fast::FixedState>,
    copies: Vec<GlobalState>,
    /// How many numbers they take.
    numbers: u64,
}

impl Level {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &GlobalState> {
        self.states.iter().chain(&self.copies)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.states.is_empty() && self.copies.is_empty()
    }
}

/// The next level, as it is found.
pub(crate) struct Next<'a> {
    room: &'a mut Room,
    /// How many numbers the level takes from which it is found.
    numbers_before: u64,
    /// Moments that are known already are kept as well.
    keeps_copies: bool,
    pub(crate) level: Level,
    pub(crate) came: Vec<Came>,
    /// The place of the state from which steps are taken now.
    pub(crate) from: u32,
    /// How many steps were taken.
    pub(crate) transitions: u64,
    /// There was no room for something.
    pub(crate) is_full: bool,
}

impl<'a> Next<'a> {
    pub(crate) fn after(level: &Level, room: &'a mut Room, keeps_copies: bool) -> Self {
        Self {
            room,
            numbers_before: level.numbers,
            keeps_copies,
            level: Level::default(),
            came: Vec::new(),
            from: 0,
            transitions: 0,
            is_full: false,
        }
    }

    /// `taken` leads to `state`. Breaks if there is no room for it.
    pub(crate) fn add(&mut self, state: GlobalState, taken: Taken) -> ControlFlow<()> {
        self.transitions += 1;
        let length = state.length();
        if !self.room.has_room(self.numbers_before + self.level.numbers + length) {
            self.is_full = self.keeps_copies || !self.level.states.contains(&state);
            return if self.is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        }
        if self.keeps_copies {
            self.level.copies.push(state);
        } else if !self.level.states.insert(state) {
            return ControlFlow::Continue(());
        }
        self.room.states += 1;
        self.level.numbers += length;
        self.came.push(Came { from: self.from, taken });
        ControlFlow::Continue(())
    }

    /// Breaks if the steps of single nodes, which take so many numbers, have outgrown the room.
    pub(crate) fn check(&mut self, unfolded: u64) -> ControlFlow<()> {
        self.is_full |= self.room.is_overgrown(unfolded);
        if self.is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
