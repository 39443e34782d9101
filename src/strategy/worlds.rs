//! What drawn worlds are like.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Calibration, ClockBounds, Knob, Profile, Sayings, Scenario, Strategy};

/// What drawn worlds are like: all that a seed is expanded with, beside what clients do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Worlds {
    /// How many nodes; 3 to 5 by default.
    pub node_counts: RangeInclusive<usize>,
    /// How many requests; 1 to 24 by default.
    pub request_counts: RangeInclusive<u32>,
    /// How long a world may take to come to rest after it has healed; 10 s by default.
    pub settle: Duration,
    /// How hostile; [`Profile::hostile`] by default.
    pub profile: Profile,
    /// Which limits of the machine are made small in some worlds; none by default.
    pub knobs: Vec<Knob>,
    /// How they are drawn from seeds.
    pub strategy: Strategy,
    /// How far the clocks of nodes are from each other; not at all by default.
    pub clocks: ClockBounds,
    /// What somebody has thought of; half of the worlds have one of these.
    pub scenarios: Vec<Scenario>,
}

/// Worlds in the scale of a system.
#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    pub(crate) calibration: Calibration,
    pub(crate) worlds: Worlds,
    /// What faults may wait for.
    pub(crate) sayings: Sayings,
}

impl Fitted {
    pub(crate) fn new(calibration: Calibration, worlds: &Worlds) -> Self {
        let worlds = Worlds { profile: calibration.fit(&worlds.profile), ..worlds.clone() };
        Self { sayings: Sayings::of(&calibration), calibration, worlds }
    }
}

impl Default for Worlds {
    fn default() -> Self {
        Self {
            node_counts: 3..=5,
            request_counts: 1..=24,
            settle: Duration::from_secs(10),
            profile: Profile::hostile(),
            knobs: Vec::new(),
            strategy: Strategy::default(),
            clocks: ClockBounds::default(),
            scenarios: Vec::new(),
        }
    }
}
