//! What happened before what: vector clocks, dots, actors, and sets of dots seen.
//!
//! Pure data. Nothing here knows of keys, values, messages or time.

mod clock;
mod dot;
mod dot_set;

pub use clock::{COUNTER_MAX, ClockError, ClockOrder, VectorClock};
pub use dot::{Actor, Dot};
pub use dot_set::DotSet;
