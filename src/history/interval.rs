//! Histories of which only times are known, as other programs record them.

use std::fmt;

use super::{History, Moment, Operation, Outcome};
use crate::protocol::Time;

/// An operation that is known by the times of its call and its return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval<I, O> {
    /// See [`Operation::session`].
    pub session: u64,
    /// See [`Operation::input`].
    pub input: I,
    /// When it was called.
    pub called: Time,
    /// When it was answered, or gave up.
    pub ended: Option<Time>,
    /// What its client knows.
    pub outcome: Outcome<O>,
}

/// Why intervals make no history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IntervalError {
    /// The one at this place returns before it is called.
    EndsBeforeCall(usize),
    /// The one at this place has an answer, but no time when it came.
    NoEnd(usize),
    /// There are 2^32 or more.
    TooMany,
}

impl fmt::Display for IntervalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndsBeforeCall(place) => write!(f, "operation {place} returns before it is called"),
            Self::NoEnd(place) => write!(f, "operation {place} was answered, but it is not said when"),
            Self::TooMany => f.write_str("expected less than 2^32 operations"),
        }
    }
}

impl std::error::Error for IntervalError {}

impl<I, O> History<I, O> {
    /// The history of these operations, in any order. Where a call and a return have the same time, the call counts as the earlier:
    /// the two operations overlap, and neither must come first.
    ///
    /// # Errors
    /// If an operation ends before it is called, or is answered at no time.
    pub fn from_intervals(intervals: Vec<Interval<I, O>>) -> Result<Self, IntervalError> {
        u32::try_from(intervals.len()).map_err(|_| IntervalError::TooMany)?;
        let mut moments: Vec<(Time, bool, usize)> = Vec::with_capacity(2 * intervals.len());
        for (place, interval) in intervals.iter().enumerate() {
            moments.push((interval.called, false, place));
            match (&interval.outcome, interval.ended) {
                (_, Some(ended)) if ended < interval.called => return Err(IntervalError::EndsBeforeCall(place)),
                (Outcome::Known(_) | Outcome::Failed, None) => return Err(IntervalError::NoEnd(place)),
                (_, ended) => moments.extend(ended.map(|ended| (ended, true, place))),
            }
        }
        moments.sort_unstable();
        let mut spans: Vec<(u64, Option<u64>)> = vec![(0, None); intervals.len()];
        for (place, (_, is_end, operation)) in (0..).zip(&moments) {
            if *is_end { spans[*operation].1 = Some(place) } else { spans[*operation].0 = place }
        }
        let place =
            |(Interval { session, input, called, ended, outcome }, span): (Interval<I, O>, (u64, Option<u64>))| {
                let ended = span.1.zip(ended).map(|(place, at)| Moment { place, at });
                Operation { session, input, called: Moment { place: span.0, at: called }, ended, outcome }
            };
        let mut operations: Vec<Operation<I, O>> = intervals.into_iter().zip(spans).map(place).collect();
        operations.sort_by_key(|operation| operation.called.place);
        Ok(Self { operations, moments: moments.len() as u64 })
    }
}
