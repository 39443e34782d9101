//! Loops in turn, and what they took side by side.

use crate::gossip::spread::spread;
use crate::gossip::{Outcome, Workload};

/// One that runs the gossip.
pub struct Loop {
    pub name: &'static str,
    /// It simulates as we do: a network, and a virtual clock.
    pub is_peer: bool,
    pub run: fn(&Workload) -> Outcome,
    /// It delivers so many times fewer messages a round.
    pub slower: [u64; 2],
}

/// Runs all loops in turn, round after round, and prints how they compare with the first.
pub fn compare(workload: &Workload, size: usize, loops: &[Loop]) {
    let Workload { name, node_count, in_flight, round_count, .. } = *workload;
    println!(
        "{name}: {node_count} nodes, {in_flight} messages in flight; ns per message, {round_count} rounds in turn"
    );
    println!("{:<36}{:>10}{:>10}{:>10}   it / ours in the same round", "", "min", "median", "max");
    let mut nanos: Vec<Vec<f64>> = loops.iter().map(|_| Vec::new()).collect();
    for _ in 0..round_count {
        for (it, nanos) in loops.iter().zip(&mut nanos) {
            let delivery_count = (workload.delivery_count / it.slower[size]).max(4);
            let outcome = (it.run)(&Workload { delivery_count, ..*workload });
            assert!(outcome.delivered >= delivery_count, "{} delivers what it should", it.name);
            nanos.push(outcome.nanos_each());
        }
    }
    for (it, nanos_of_it) in loops.iter().zip(&nanos) {
        let [min, median, max] = spread(nanos_of_it.clone());
        let ratios = nanos_of_it.iter().zip(&nanos[0]).map(|(it, ours)| it / ours);
        let [low, middle, high] = spread(ratios.collect());
        println!("{:<36}{min:>10.1}{median:>10.1}{max:>10.1}   {middle:.2} ({low:.2} .. {high:.2})", it.name);
    }
    let median = |of: &dyn Fn(&Loop) -> bool| {
        let medians = loops.iter().zip(&nanos).filter(|(it, _)| of(it)).map(|(_, nanos)| spread(nanos.clone())[1]);
        medians.min_by(f64::total_cmp).expect("there is one at least")
    };
    let ours = median(&|it| it.name == "ours");
    let best = median(&|it| it.name.starts_with("bare"));
    let peer = median(&|it| it.is_peer);
    println!("ours is {:.2} times the best bare loop, the fastest peer {:.1} times ours\n", ours / best, peer / ours);
}
