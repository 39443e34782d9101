//! Worlds in which one kind of thing never happens: what is not found in them shows what it is good for.

use crate::strategy::Profile;

/// What never happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Off {
    /// Everything does.
    #[default]
    Nothing,
    Delays,
    Drops,
    Duplicates,
    LateDuplicates,
    Partitions,
    OneWay,
    Crashes,
    InStep,
    Pauses,
    Wipes,
    Cores,
    Knobs,
    LateTimers,
    Clocks,
    Moments,
    /// Each world has a little of everything.
    Swarm,
    Sessions,
    Deletes,
    OtherKeys,
}

impl Off {
    pub(super) const ALL: [Self; 20] = [
        Self::Nothing,
        Self::Delays,
        Self::Drops,
        Self::Duplicates,
        Self::LateDuplicates,
        Self::Partitions,
        Self::OneWay,
        Self::Crashes,
        Self::InStep,
        Self::Pauses,
        Self::Wipes,
        Self::Cores,
        Self::Knobs,
        Self::LateTimers,
        Self::Clocks,
        Self::Moments,
        Self::Swarm,
        Self::Sessions,
        Self::Deletes,
        Self::OtherKeys,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "all",
            Self::Delays => "-delay",
            Self::Drops => "-drop",
            Self::Duplicates => "-dup",
            Self::LateDuplicates => "-late",
            Self::Partitions => "-part",
            Self::OneWay => "-1way",
            Self::Crashes => "-crash",
            Self::InStep => "-step",
            Self::Pauses => "-pause",
            Self::Wipes => "-wipe",
            Self::Cores => "-core",
            Self::Knobs => "-knobs",
            Self::LateTimers => "-timer",
            Self::Clocks => "-clock",
            Self::Moments => "-moment",
            Self::Swarm => "-swarm",
            Self::Sessions => "-sess",
            Self::Deletes => "-del",
            Self::OtherKeys => "-keys",
        }
    }

    /// What is off is a matter of what clients do, not of what goes wrong.
    pub(super) const fn is_of_clients(self) -> bool {
        matches!(self, Self::Sessions | Self::Deletes | Self::OtherKeys)
    }

    /// The profile without this.
    pub(super) fn strike_out(self, mut profile: Profile) -> Profile {
        match self {
            Self::Nothing | Self::Sessions | Self::Deletes | Self::OtherKeys => {}
            Self::Delays => profile.delay_permille = 0,
            Self::Drops => profile.drop_permille = 0,
            Self::Duplicates => profile.duplicate_permille = 0,
            Self::LateDuplicates => profile.late_permille = 0,
            Self::Partitions => profile.partition_permille = 0,
            Self::OneWay => profile.one_way_permille = 0,
            Self::Crashes => profile.crash_permille = 0,
            Self::InStep => profile.in_step_permille = 0,
            Self::Pauses => profile.pause_permille = 0,
            Self::Wipes => profile.wipe_permille = 0,
            Self::Cores => profile.core_permille = 0,
            Self::Knobs => profile.knob_permille = 0,
            Self::LateTimers => profile.late_timers_permille = Some(0),
            Self::Clocks => profile.clock_permille = 0,
            Self::Moments => profile.moments_permille = Some(0),
            Self::Swarm => profile.fixed_mix = true,
        }
        profile
    }
}
