//! Other people's simulators beside this crate's, on the same machine in the same minute: `cargo run --release` in this
//! directory, or `cargo run --release -- --quick` to see that it runs.
//!
//! First the gossip of `../gossip` at two sizes, each loop in turn, round after round; then the exhaustive search of one
//! small model.

#[path = "../../gossip/mod.rs"]
mod gossip;
#[path = "../../register/machine.rs"]
mod machine;
#[path = "../../register/mod.rs"]
mod register;

mod by_hand;
mod by_madsim;
mod by_stateright;
mod by_turmoil;
mod exhaustive;
mod table;

use gossip::{Workload, bare, ours};
use table::Loop;

const W1: Workload = Workload { name: "W1", node_count: 5, in_flight: 64, delivery_count: 200_000, round_count: 15 };
const W2: Workload =
    Workload { name: "W2", node_count: 64, in_flight: 100_000, delivery_count: 1_000_000, round_count: 7 };

/// What takes part. A slow loop delivers fewer messages a round, by as many times, in W1 and in W2.
const LOOPS: [Loop; 11] = [
    Loop { name: "ours", is_peer: false, run: ours::world, slower: [1, 1] },
    Loop { name: "bare loop, wheel", is_peer: false, run: bare::wheel, slower: [1, 1] },
    Loop { name: "bare loop, 4-ary heap", is_peer: false, run: bare::four_ary_heap, slower: [1, 1] },
    Loop { name: "bare loop, std heap of keys", is_peer: false, run: bare::heap_of_keys, slower: [1, 1] },
    Loop { name: "bare loop, std heap of events", is_peer: false, run: bare::heap_of_events, slower: [1, 1] },
    Loop { name: "same draws as ours, heap of events", is_peer: false, run: bare::same_run, slower: [1, 1] },
    Loop { name: "tokio by hand, paused clock", is_peer: true, run: by_hand::run, slower: [4, 2] },
    Loop { name: "turmoil 0.7, tick of 1 ms", is_peer: true, run: by_turmoil::tick_1ms, slower: [8, 2] },
    Loop { name: "turmoil 0.7, tick of 10 ms", is_peer: true, run: by_turmoil::tick_10ms, slower: [4, 2] },
    Loop { name: "madsim 0.2", is_peer: true, run: by_madsim::run, slower: [4, 2] },
    Loop {
        name: "stateright 0.31 simulation, no clock",
        is_peer: false,
        run: by_stateright::run,
        slower: [8, 100_000],
    },
];

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let size = |workload: Workload| match quick {
        true => Workload { round_count: 1, delivery_count: workload.delivery_count / 5, ..workload },
        false => workload,
    };
    table::compare(&size(W1), 0, &LOOPS);
    table::compare(&size(W2), 1, &LOOPS);
    exhaustive::compare();
}
