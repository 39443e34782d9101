//! The world: a single-threaded scheduler that owns the virtual clock, the network and the faults.
//!
//! A run is a pure function of a [`Plan`]. What happens to each message is asked of a [`Fates`]: a plan's own list, or a
//! seed that draws as the run goes. Whoever wants to know what happens looks on as an [`Observer`].
//!
//! Nothing here knows any particular state machine.

mod action;
mod answers;
mod arena;
mod armed;
mod bounded_text;
mod clients;
mod clock;
mod disk;
mod faults;
mod going;
mod leaving;
mod live;
mod moments;
mod names;
mod network;
mod nodes;
mod observer;
mod outcome;
mod pending;
mod plan;
mod queue;
mod repeats;
mod sending;
mod sessions;
mod stats;
mod timer_fates;
mod timers;
mod trace;
mod wide;
mod world;

pub(crate) use crate::running::catch_panic;

pub use action::{Action, Clients};
pub use answers::Misanswer;
pub use arena::Arena;
pub(crate) use bounded_text::BoundedText;
pub use clients::Retry;
pub use clock::{Clock, DRIFT_PPM_MAX};
pub use disk::{DiskFault, DrawnDisks, Loss};
pub use going::{Going, Share};
pub use moments::{ArmedFault, Blow, Moment, On, Said, When};
pub use names::{Link, MessageName, NameRef, ParseNameError};
pub(crate) use network::MessageCounts;
pub use network::{Fates, PlannedFates};
pub(crate) use nodes::NodeDriver;
pub use nodes::Nodes;
pub use observer::{Event, EventKind, Input, LostWhy, Observer};
pub use outcome::{End, Limits, RunEnd};
pub use plan::{DECISIONS_MAX, Fate, Fault, NODE_COUNT_MAX, Plan, PlannedFault, PlannedRequest};
pub use queue::EventQueue;
pub use sessions::Links;
pub use stats::Stats;
pub(crate) use timer_fates::kind_of as timer_kind_of;
pub use timer_fates::{TimerName, TimerRef};
pub use trace::{Recorder, Recording, Trace, TraceEvent, What, show_links};
pub use world::World;
pub(crate) use world::node_rng;
