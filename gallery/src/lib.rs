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

pub mod abd_register;
pub mod chain_replication;
pub mod crdts;
pub mod history;
pub mod lease_lock;
pub mod paxos;
pub mod primary_backup;
pub mod raft;
pub mod swim;
pub mod two_phase_commit;
pub mod viewstamped_replication;

/// All systems, right and with each of their bugs.
#[must_use]
pub fn systems() -> Systems {
    Systems::new()
        .with_bugs(raft::Bug::ALL.iter().copied(), raft::harness)
        .with_bugs(paxos::Bug::ALL.iter().copied(), paxos::harness)
        .with_bugs(viewstamped_replication::Bug::ALL.iter().copied(), viewstamped_replication::harness)
        .with_bugs(two_phase_commit::Bug::ALL.iter().copied(), two_phase_commit::harness)
        .with_bugs(primary_backup::Bug::ALL.iter().copied(), primary_backup::harness)
        .with_bugs(chain_replication::Bug::ALL.iter().copied(), chain_replication::harness)
        .with_bugs(abd_register::Bug::ALL.iter().copied(), abd_register::harness)
        .with_bugs(swim::Bug::ALL.iter().copied(), swim::harness)
        .with_bugs(crdts::Bug::ALL.iter().copied(), crdts::harness)
        .with_bugs(lease_lock::Bug::ALL.iter().copied(), lease_lock::harness)
}

/// The name of a system in plan files: `raft`, or `raft/figure-8`.
fn system_name<B: fmt::Display>(system: &str, bug: Option<B>) -> String {
    bug.map_or_else(|| system.to_owned(), |bug| format!("{system}/{bug}"))
}

/// Where plans that fail are saved: bugs that are planted fail on purpose, and nobody keeps what they leave.
const SNAPSHOTS: &str = "target/gallery";
