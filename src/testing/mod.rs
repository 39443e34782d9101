//! What `cargo test`, proptest and `cargo fuzz` call: [`Harness::sweep`](crate::Harness::sweep),
//! [`replay_dir`](crate::Harness::replay_dir), [`explore`](crate::Harness::explore), [`check_plans`](crate::Harness::check_plans)
//! and [`Fuzzer`]. Each runs, shrinks, explains, saves and panics with the first screen.

mod bytes;
mod disk;
mod extras_bytes;
#[cfg(feature = "proptest")]
mod extras_plans;
mod fuzz;
mod model_check;
mod mutation;
#[cfg(feature = "proptest")]
mod plans;
mod pool;
#[cfg(feature = "proptest")]
mod properties;
mod record;
mod replay;
mod saved;
mod settings;
mod snapshot;
mod sweep;
mod unmet;
mod update;
mod watch;

pub use fuzz::Fuzzer;
pub use model_check::ModelCheckReport;
pub use mutation::{mutate, splice};
#[cfg(feature = "proptest")]
pub use properties::plans_config;
pub use replay::{Divergence, Replayed, Replays};
pub use saved::{Saved, save};
pub use settings::{JOBS_MAX, Settings, SettingsError, parse_jobs, parse_seed, parse_shard, parse_span};
pub use sweep::SweepReport;
pub use unmet::Unmet;
pub use update::Updated;
#[cfg(feature = "cli")]
pub(crate) use watch::{GivenUp, Watched};
