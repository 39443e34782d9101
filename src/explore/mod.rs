//! Where plans come from, and what becomes of those that fail.
//!
//! A seed is expanded into a world ([`World`](crate::sim::World) and [`SeededFates`]), many seeds are swept over, a small
//! scope is searched to its end, and a plan that fails is made smaller until every decision in it matters.

mod bounds;
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
pub use exhaustive::{
    Ask, Exploration, ExploreOptions, Happened, Reduction, SCOPE_NODES_MAX, Scope, explore, explore_with,
};
pub use explain::{Changed, Moment, Parting, Pivot, Twin};
pub use outcome::Outcome;
pub use profile::{Profile, UnknownProfile};
pub use random::SeededFates;
pub use score::{Campaign, Score, ScoreOptions, score};
pub use shrink::{SHRINK_RUNS_MAX, SHRINK_STEPS_MAX, ShrinkOptions, Shrinking, Shrunk, Watch, shrink};
pub use strategy::{Knob, Strategy, UnknownStrategy};
pub use sweep::{
    Failure, REACH_WORLDS_MIN, Seeds, Sweep, SweepOptions, VERIFY_PERMILLE, failure_of, failure_of_differing, sweep,
};
pub use system::{CheckMaker, Recorded, ShowState, System};
