//! What drawn worlds are like.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::clients::NO_SPARES;
use super::{Calibration, ClockBounds, Disks, Knob, Profile, Retries, Sayings, Scenario, Strategy};
use crate::sim::Links;

/// What drawn worlds are like: all that a seed is expanded with, beside what clients do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Worlds {
    /// How many nodes; 3 to 5 by default.
    pub node_counts: RangeInclusive<usize>,
    /// The fewest nodes of a shrunk world, if those may be fewer than of a drawn one.
    pub shrunk_nodes: Option<usize>,
    /// How many requests; 1 to 24 by default.
    pub request_counts: RangeInclusive<u32>,
    /// How long a world may take to come to rest after it has healed; 10 s by default.
    pub settle: Duration,
    /// How hostile; [`Profile::hostile`] by default.
    pub profile: Profile,
    /// Which limits of the machine are made small in some worlds; none by default.
    pub knobs: Vec<Knob>,
    /// How many spare nodes besides; none by default.
    pub spares: RangeInclusive<usize>,
    /// How links carry messages; as datagrams by default.
    pub links: Links,
    /// When clients ask again; never by default.
    pub retries: Option<Retries>,
    /// Clients ask one thing after the other, and wait so long for an answer; by default they do not.
    pub closed_loop: Option<Duration>,
    /// What disks do; [`Disks::reliable`] by default.
    pub disks: Disks,
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

impl Worlds {
    /// The fewest nodes that a shrunk world may have.
    pub(crate) fn node_count_least(&self) -> usize {
        self.shrunk_nodes.unwrap_or(*self.node_counts.start())
    }
}

impl Default for Worlds {
    fn default() -> Self {
        Self {
            node_counts: 3..=5,
            shrunk_nodes: None,
            request_counts: 1..=24,
            settle: Duration::from_secs(10),
            profile: Profile::hostile(),
            knobs: Vec::new(),
            spares: NO_SPARES,
            links: Links::default(),
            retries: None,
            closed_loop: None,
            disks: Disks::reliable(),
            strategy: Strategy::default(),
            clocks: ClockBounds::default(),
            scenarios: Vec::new(),
        }
    }
}
