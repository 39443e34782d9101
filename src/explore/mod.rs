//! Where plans come from, and what becomes of those that fail.
//!
//! A seed is expanded into a world ([`World`](crate::sim::World) and [`SeededFates`]), many seeds are swept over, a small
//! scope is searched to its end, and a plan that fails is made smaller until every decision in it matters.

mod coverage;
mod determinism;
mod exhaustive;
mod explain;
mod feedback;
mod origin;
mod outcome;
mod profile;
mod random;
mod score;
mod shrink;
mod strategy;
mod sweep;
mod system;

pub use coverage::Coverage;
pub use determinism::{Cause, DETERMINISM, Nondeterminism, Verified};
pub use exhaustive::{Ask, Exploration, Reduction, SCOPE_NODES_MAX, Scope, explore};
pub use explain::{Changed, Moment, Parting, Pivot, Twin};
pub use outcome::Outcome;
pub use profile::{Profile, UnknownProfile};
pub use random::SeededFates;
pub use score::{Campaign, Score, ScoreOptions, score};
pub use shrink::{SHRINK_RUNS_MAX, ShrinkOptions, Shrunk, shrink};
pub use strategy::{Knob, Strategy, UnknownStrategy};
pub use sweep::{
    Failure, Other, REACH_WORLDS_MIN, Seeds, SoFar, Sweep, SweepOptions, VERIFY_PERMILLE, failure_of, sweep,
};
pub use system::{CheckMaker, Recorded, System};
