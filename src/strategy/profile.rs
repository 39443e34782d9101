//! How hostile drawn worlds are.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How hostile drawn worlds are.
///
/// Each world draws for itself which kinds of fault it has and how strong: a world with a little of everything finds less
/// than many worlds with much of something (swarm testing, Groce et al., ISSTA 2012).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// In how many worlds of a thousand messages take their own time each, and so overtake each other.
    pub delay_permille: u32,
    /// The longest time that a message may take in such worlds; each world draws its own maximum up to this.
    pub delay_max: Duration,
    /// In how many worlds of a thousand messages are lost.
    pub drop_permille: u32,
    /// In how many worlds of a thousand messages are doubled.
    pub duplicate_permille: u32,
    /// In how many worlds of a thousand some of the doubles come late.
    pub late_permille: u32,
    /// How late.
    pub late_max: Duration,
    /// In how many worlds of a thousand links are cut.
    pub partition_permille: u32,
    /// Of the partitions, how many in a thousand cut one way only.
    pub one_way_permille: u32,
    /// In how many worlds of a thousand nodes crash.
    pub crash_permille: u32,
    /// Of the crashes, how many in a thousand strike in the middle of a step.
    pub in_step_permille: u32,
    /// Of so many crashes in a thousand the node's disk does not survive. No protocol that relies on its disk stands that.
    pub wipe_permille: u32,
    /// In how many worlds of a thousand nodes pause.
    pub pause_permille: u32,
    /// In how many worlds of a thousand only a majority of the nodes heals, and the others are down for ever. What is promised
    /// at rest is then promised to those who are left.
    pub core_permille: u32,
    /// In such worlds any nodes may be left, be it only one, rather than a majority.
    pub core_of_any_size: bool,
    /// In how many worlds of a thousand some of the system's knobs are set, if it has any: limits that a small world would never
    /// meet are tiny then.
    pub knob_permille: u32,
    /// Each world has a little of everything, instead of much of something.
    pub fixed_mix: bool,
    /// The most partitions of a world, and the most crashes, and the most pauses.
    pub faults_max: u32,
    /// How long the hostile phase lasts at the most.
    pub hostile_max: Duration,
    /// The longest that links are cut by a fault that ends before the world heals; twice as long where faults strike at requests.
    pub partition_max: Duration,
    /// The longest that a node is down that restarts before the world heals.
    pub restart_max: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// The longest between two requests of a world whose requests come at a pace.
    pub pace_max: Duration,
    /// In how many worlds of a thousand timers fire late; never early. `None` leaves it to what was
    /// [measured](super::Calibration): none where timers are short.
    pub late_timers_permille: Option<u32>,
    /// How late.
    pub timer_late_max: Duration,
    /// In how many worlds of a thousand faults wait for what nodes say: for a mark, a kind of message, something made durable.
    /// `None` leaves it to what was [measured](super::Calibration): none where nodes make no marks and timers are short.
    pub moments_permille: Option<u32>,
    /// In how many worlds of a thousand nodes have clocks of their own, if the system has [bounds](super::ClockBounds) for them.
    pub clock_permille: u32,
    /// The longest that worlds whose requests come at a pace wait for the first; `None` leaves it to what was measured.
    pub warm_up: Option<Duration>,
    /// Whether spans that are those of the stock profiles are stretched to the [scale of the system](super::Calibration), and what
    /// is `None` here is as was measured.
    pub calibrate: bool,
}

impl Profile {
    /// Messages overtake each other; nothing is lost.
    #[must_use]
    pub const fn calm() -> Self {
        Self {
            name: "calm",
            drop_permille: 0,
            duplicate_permille: 0,
            late_permille: 0,
            partition_permille: 0,
            crash_permille: 0,
            ..Self::hostile()
        }
    }

    /// Messages are lost and doubled as well; nodes and links stay up.
    #[must_use]
    pub const fn lossy() -> Self {
        Self { name: "lossy", partition_permille: 0, crash_permille: 0, ..Self::hostile() }
    }

    /// Everything goes wrong.
    #[must_use]
    pub const fn hostile() -> Self {
        Self {
            name: "hostile",
            delay_permille: 850,
            delay_max: Duration::from_millis(50),
            drop_permille: 500,
            duplicate_permille: 500,
            late_permille: 500,
            late_max: Duration::from_millis(300),
            partition_permille: 400,
            one_way_permille: 400,
            crash_permille: 400,
            in_step_permille: 400,
            wipe_permille: 0,
            pause_permille: 0,
            core_permille: 0,
            core_of_any_size: false,
            knob_permille: 400,
            fixed_mix: false,
            faults_max: 3,
            hostile_max: Duration::from_millis(120),
            partition_max: Duration::from_millis(60),
            restart_max: Duration::from_millis(40),
            pause_max: Duration::from_millis(60),
            pace_max: Duration::from_millis(20),
            late_timers_permille: None,
            timer_late_max: Duration::from_millis(60),
            moments_permille: None,
            clock_permille: 600,
            warm_up: None,
            calibrate: true,
        }
    }

    /// As hostile, and what not every protocol stands: nodes pause, and in some worlds only a majority of them heals.
    #[must_use]
    pub const fn harsh() -> Self {
        Self { name: "harsh", pause_permille: 300, core_permille: 300, ..Self::hostile() }
    }
}

/// The longest span that a profile may speak of.
const SPAN_MAX: Duration = Duration::from_secs(3_600);

/// The most faults of a kind that a world may have.
const FAULTS_MAX: u32 = 1_000;

impl Profile {
    /// Whether worlds can be like this.
    ///
    /// # Errors
    /// What is wrong, with the name of the field and what was expected: more than 1,000 worlds in a thousand, no faults at all where
    /// the fields of each kind say how many worlds have some, a hostile phase of less than a millisecond, or a span of more than an
    /// hour of virtual time.
    pub fn check(&self) -> Result<(), String> {
        for (field, permille) in [
            ("delay_permille", self.delay_permille),
            ("drop_permille", self.drop_permille),
            ("duplicate_permille", self.duplicate_permille),
            ("late_permille", self.late_permille),
            ("partition_permille", self.partition_permille),
            ("one_way_permille", self.one_way_permille),
            ("crash_permille", self.crash_permille),
            ("in_step_permille", self.in_step_permille),
            ("wipe_permille", self.wipe_permille),
            ("pause_permille", self.pause_permille),
            ("core_permille", self.core_permille),
            ("knob_permille", self.knob_permille),
            ("clock_permille", self.clock_permille),
            ("late_timers_permille", self.late_timers_permille.unwrap_or(0)),
            ("moments_permille", self.moments_permille.unwrap_or(0)),
        ] {
            if permille > 1_000 {
                return Err(format!("{field}: expected at most 1000, found {permille}"));
            }
        }
        let millisecond = Duration::from_millis(1);
        for (field, span, least) in [
            ("delay_max", self.delay_max, Duration::ZERO),
            ("late_max", self.late_max, Duration::ZERO),
            ("hostile_max", self.hostile_max, millisecond),
            ("partition_max", self.partition_max, millisecond),
            ("restart_max", self.restart_max, millisecond),
            ("pause_max", self.pause_max, millisecond),
            ("pace_max", self.pace_max, Duration::ZERO),
            ("timer_late_max", self.timer_late_max, Duration::ZERO),
            ("warm_up", self.warm_up.unwrap_or_default(), Duration::ZERO),
        ] {
            if !(least..=SPAN_MAX).contains(&span) {
                return Err(format!("{field}: expected from {least:?} to {SPAN_MAX:?}, found {span:?}"));
            }
        }
        if !(1..=FAULTS_MAX).contains(&self.faults_max) {
            let found = self.faults_max;
            return Err(format!(
                "faults_max: expected from 1 to {FAULTS_MAX}, found {found}; permilles of 0 say that there are none"
            ));
        }
        Ok(())
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::hostile()
    }
}

/// A name that is no profile's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProfile(String);

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile \"{}\": expected calm, lossy, hostile or harsh", self.0.escape_default())
    }
}

impl std::error::Error for UnknownProfile {}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let profiles = [Self::calm(), Self::lossy(), Self::hostile(), Self::harsh()];
        profiles.into_iter().find(|profile| profile.name == name).ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}
