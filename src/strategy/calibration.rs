//! What quiet worlds of a system show of its own scale, and the profile stated in that scale.
//!
//! A hostile phase of a tenth of a second is long for a store that syncs every 20 ms, and over before a protocol whose elections take
//! 150 ms has done anything. So the spans of a profile are stretched by what the system's own timers are; what is drawn with them
//! stands in the plan as before, which needs none of this.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Profile;
use crate::protocol::{show_duration, visible};

/// Timers up to this are short: worlds are as long as they are for a system without any.
const SHORT: Duration = Duration::from_millis(40);
/// Timers beyond this are for what no world is about: a session that expires, a file that is rolled over.
const LONG: Duration = Duration::from_secs(2);

/// So many of the system's own spans the hostile phase lasts at the most: several elections, and what comes between them.
const HOSTILE_UNITS: u32 = 20;

/// In so many worlds of a thousand timers are late, if they are long and the profile does not say.
const LATE_TIMERS_PERMILLE: u32 = 400;
/// And so many have faults that wait for a moment, if there are moments to wait for and the profile does not say.
const MOMENTS_PERMILLE: u32 = 800;

/// What a few quiet worlds of a system have shown: no fault, no loss, each message after the base latency. Kinds of messages and
/// marks may also come from one in which each node is cut off and crashes once, if the profile has such faults.
///
/// It is a function of the system alone, and it only scales and aims what strategies draw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calibration {
    /// How long timers were set for, by kind, in the order in which kinds appeared.
    pub timers: Vec<TimerSpans>,
    /// How many messages of each kind were sent.
    pub sent: Vec<(Arc<str>, u64)>,
    /// How often each mark was made.
    pub marks: Vec<(Arc<str>, u64)>,
    /// How often a node made something durable.
    pub persists: u64,
    /// How many requests clients made.
    pub requests: u64,
    /// How many of them were answered.
    pub answers: u64,
    /// How long an answer took, in the median.
    pub answer_time: Option<Duration>,
    /// How long a world took to come to rest after its last request, at the most; `None` if only its time to settle ended one.
    pub rest_time: Option<Duration>,
    /// What ended a world that should have come to rest by itself or with its time to settle.
    pub restless: Option<String>,
}

/// For how long timers of one kind were set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerSpans {
    /// As [`StateMachine::timer_kind`](crate::protocol::StateMachine::timer_kind) says.
    pub kind: Arc<str>,
    /// How often.
    pub count: u64,
    /// The shortest span.
    pub least: Duration,
    /// The median.
    pub median: Duration,
    /// The longest.
    pub most: Duration,
}

impl Calibration {
    /// The span that the system's worlds are made of: the median of the kind of timer that is set for longest, where that is not
    /// so long that no world is about it. `None` if its timers are short, or if it has none.
    #[must_use]
    pub fn unit(&self) -> Option<Duration> {
        let medians = self.timers.iter().map(|timer| timer.median).filter(|median| *median <= LONG);
        medians.max().filter(|unit| *unit > SHORT)
    }

    /// The profile in the system's scale. What it says otherwise than the [stock profiles](Profile::hostile) is left as it is.
    #[must_use]
    pub fn fit(&self, profile: &Profile) -> Profile {
        let mut fitted = profile.clone();
        if !profile.calibrate {
            return fitted;
        }
        let stock = Profile::hostile();
        if let Some(unit) = self.unit() {
            let stretch = |span: &mut Duration, stock: Duration, stretched: Duration| {
                if *span == stock {
                    *span = stretched.max(stock);
                }
            };
            stretch(&mut fitted.hostile_max, stock.hostile_max, unit * HOSTILE_UNITS);
            stretch(&mut fitted.partition_max, stock.partition_max, unit * 2);
            stretch(&mut fitted.restart_max, stock.restart_max, unit * 2);
            stretch(&mut fitted.pause_max, stock.pause_max, unit * 2);
            stretch(&mut fitted.pace_max, stock.pace_max, unit * 2);
            stretch(&mut fitted.delay_max, stock.delay_max, unit / 2);
            stretch(&mut fitted.late_max, stock.late_max, unit * 2);
            stretch(&mut fitted.timer_late_max, stock.timer_late_max, unit * 2);
            fitted.warm_up.get_or_insert(unit * 2);
            fitted.late_timers_permille.get_or_insert(LATE_TIMERS_PERMILLE);
        }
        if self.unit().is_some() || !self.marks.is_empty() {
            fitted.moments_permille.get_or_insert(MOMENTS_PERMILLE);
        }
        fitted
    }

    /// Adds what nodes have said in another world: only that, for its times are not the system's own.
    pub(crate) fn add_sayings(&mut self, other: Self) {
        let add = |known: &mut Vec<(Arc<str>, u64)>, more: Vec<(Arc<str>, u64)>| {
            let new = more.into_iter().filter(|(what, _)| !known.iter().any(|(other, _)| other == what));
            let new: Vec<_> = new.collect();
            known.extend(new);
        };
        add(&mut self.marks, other.marks);
        add(&mut self.sent, other.sent);
        self.persists = self.persists.max(other.persists);
    }

    /// What is wrong with a quiet world, in a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.requests > 0 && self.answers == 0 {
            let requests = self.requests;
            warnings.push(format!(
                "none of {requests} requests is answered in a quiet world: no `Env::respond` with their ids"
            ));
        }
        if let Some(restless) = &self.restless {
            warnings.push(format!("a quiet world does not come to rest: {restless}"));
        }
        warnings
    }
}

/// `timers election 150–300ms, heartbeat 50ms; answers after 2ms; 4 messages a request; at rest 12ms later`
impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.timers.is_empty() {
            let timers: Vec<String> = self.timers.iter().map(ToString::to_string).collect();
            parts.push(format!("timers {}", timers.join(", ")));
        }
        if let Some(time) = self.answer_time {
            parts.push(format!("answers after {}", show_duration(time)));
        }
        let sent: u64 = self.sent.iter().map(|(_, count)| count).sum();
        if let Some(each) = sent.checked_div(self.requests) {
            parts.push(format!("{each} messages a request"));
        }
        match self.rest_time {
            Some(time) => parts.push(format!("at rest {} after the last", show_duration(time))),
            None if self.restless.is_none() => parts.push("timers go on for ever".to_owned()),
            None => {}
        }
        f.write_str(&parts.join("; "))
    }
}

/// `election 150–300ms`
impl fmt::Display for TimerSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, least, most, .. } = self;
        write!(f, "{} ", visible(kind))?;
        if least != most {
            write!(f, "{}–", show_duration(*least))?;
        }
        f.write_str(&show_duration(*most))
    }
}
