//! Famous protocols, small and right, each with a switch for each of its famous bugs.
//!
//! Each is written as a user of the harness would write it, on its public interface only: the machine, what its clients ask, and what
//! must hold. So they are examples to copy from; and how soon the harness finds their bugs measures what it is worth.
//!
//! ```text
//! cargo run --release -p ddc-gallery -- sweep --system raft
//! cargo run --release -p ddc-gallery -- sweep --system raft --bug figure-8 --seeds 20000
//! cargo run --release -p ddc-gallery -- score --campaigns 20 --strategy uniform,portfolio
//! ```
//!
//! | system | its bugs |
//! | --- | --- |
//! | [`raft`]: log, sessions, snapshots, membership, pre-vote | [`raft::Bug`] |
//! | [`paxos`]: single decrees in a row, Multi-Paxos | [`paxos::Bug`] |
//! | [`viewstamped_replication`]: no disk, recovery from peers | [`viewstamped_replication::Bug`] |
//! | [`two_phase_commit`]: presumed abort | [`two_phase_commit::Bug`] |
//! | [`primary_backup`]: with a view service | [`primary_backup::Bug`] |
//! | [`chain_replication`]: with a master | [`chain_replication::Bug`] |
//! | [`abd_register`]: an atomic register of majorities | [`abd_register::Bug`] |
//! | [`swim`]: who is alive | [`swim::Bug`] |
//! | [`crdts`]: a counter, a set and a register that merge | [`crdts::Bug`] |
//! | [`lease_lock`]: a lock with leases and fencing tokens | [`lease_lock::Bug`] |

use std::fmt;

use distributed_data_consistency::cli::Systems;

/// Declares the known bugs of a protocol, each with its name on the command line and in plan files.
macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident = $name:literal,)+) => {
        /// The known bugs of this protocol: each is a switch.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $($(#[$doc])* $bug,)+ }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];
        }

        impl std::fmt::Display for Bug {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $(Self::$bug => $name,)+ })
            }
        }
    };
}

pub mod history;
pub mod raft;

/// All systems, right and with each of their bugs.
#[must_use]
pub fn systems() -> Systems {
    Systems::new()
        .with_bugs(raft::Bug::ALL.iter().copied(), raft::harness)
}

/// The name of a system in plan files: `raft`, or `raft/figure-8`.
fn system_name<B: fmt::Display>(system: &str, bug: Option<B>) -> String {
    bug.map_or_else(|| system.to_owned(), |bug| format!("{system}/{bug}"))
}

/// Where plans that fail are saved: bugs that are planted fail on purpose, and nobody keeps what they leave.
const SNAPSHOTS: &str = "target/gallery";
