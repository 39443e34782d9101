//! Where plans come from, and what becomes of those that fail.
//!
//! A seed is expanded into a world ([`World`](crate::sim::World) and [`SeededFates`]), many seeds are swept over, a small
//! scope is searched to its end, and a plan that fails is made smaller until every decision in it matters.

mod exhaustive;
mod outcome;
mod profile;
mod random;
mod shrink;
mod sweep;
mod system;

pub use exhaustive::{Ask, Exploration, Reduction, SCOPE_NODES_MAX, Scope, explore};
pub use outcome::Outcome;
pub use profile::{Profile, UnknownProfile};
pub use random::SeededFates;
pub use shrink::{Shrunk, shrink};
pub use sweep::{Failure, SHRINK_RUNS_MAX, Seeds, Sweep, SweepOptions, sweep};
pub use system::{CheckMaker, Recorded, System};
