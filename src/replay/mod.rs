//! Plan files: a [`Plan`](crate::sim::Plan) as text that is reviewed in a diff, edited by hand and run again for ever.
//!
//! A file holds the plan, which system it was made for, what must come of it ([`Expect`]), and optionally the digest
//! and the trace of the run as it went when the file was written. Everything that is not boring is listed, nothing else:
//!
//! ```toml
//! format = 1
//! system = "store"
//! seed = "0x9f2c41"
//! violates = "siblings"                   # or: expect = "clean"
//! digest = "0x5be1c0ffee15dead"           # optional
//! nodes = 3
//! latency = "1ms"                         # optional, like heal_at, settle and seed
//! heal_at = "60ms"
//! settle = "10s"
//! links = "stream"                        # if the system's links are: the default is "datagram"
//! closed_loop = "50ms"                    # if clients wait for answers, so long
//! spares = 1                              # if some of the nodes are no members at first: the last ones
//!
//! [knobs]                                 # limits of the machine that are other than in production
//! batch_max = 1
//!
//! [[request]]
//! at = "1ms"
//! node = 1
//! put = { key = "cart", value = "b" }     # or: action = <whatever the workload's action is in TOML>
//! retries = [{ after = "30ms", node = 2 }] # if the client asks again when it has no answer
//!
//! [[fault]]
//! at = "4ms"
//! crash = { node = 2, restart = "10ms" }  # restart and effects are optional
//!
//! [[fault]]
//! at = "4ms"
//! partition = { links = ["0↔1", "2→0"], heal = "20ms" } # or "0<->1", "2->0"; heal is optional
//!
//! [[fate]]
//! message = "1→2 update #1"
//! delay = "9ms"                           # or: drop = true; or: copies = ["2ms", "40ms"]
//!
//! [[disk]]                                # if the machine writes without a sync
//! node = 2
//! crash = 1                               # the node's first
//! lost = 2                                # the last two writes; or: lost = [1, 3], counted from the last
//!
//! [[disk]]                                # if the machine can be told that a write fails
//! node = 1
//! write = 3                               # the node's third
//! fails = true
//!
//! [[timer]]
//! timer = "1 election #3"                 # the third time that node 1 sets this timer
//! late = "40ms"
//!
//! [[clock]]
//! node = 1
//! offset = "-5ms"                         # optional, like drift_ppm
//! drift_ppm = 200
//!
//! [[fault]]                               # waits for what a node says, not for a time
//! when = { mark = "leader elected", count = 2 } # or sent = "append", or persisted = 3; by and after are optional
//! on = "that node"                        # or "its peers", or the number of a node
//! crash = { effects = 1, restart = "10ms" } # or isolate, deafen, mute, pause, hold
//!
//! [run]
//! trace = '''
//! one line per event of the run
//! '''
//! ```
//!
//! Writing is canonical: equal files give equal text. Reading is strict: what this version does not know is an error
//! that names the line, because a fault that is silently not understood makes a replay pass that should fail.

mod clients;
mod clocks;
mod depth;
mod disk;
mod duration;
mod entries;
mod error;
mod fields;
mod file;
mod moments;
mod quote;
mod read;
mod timers;
mod update;
mod values;
mod write;

pub(crate) use duration::parse as parse_duration;
pub use error::Error;
pub use file::{Expect, FILE_BYTES_MAX, FORMAT, PlanFile};
