//! The stress run, small. `cargo bench --bench cluster_stress` makes a million operations.

use super::stress::{Faults, Stress, run};

#[test]
fn nothing_is_lost_nothing_comes_back_and_no_sibling_is_false() {
    for seed in 0..2 {
        let report = run(Stress { operations: 6_000, keys: 40, seed });
        assert!(report.at_rest, "seed {seed}:\n{report}");
        assert_eq!(report.faults, Faults::default(), "seed {seed}:\n{report}");
        assert_eq!((report.stats.crashes, report.stats.restarts), (2, 2));
        assert!(report.stats.dropped > 0 && report.stats.duplicated > 0 && report.stats.cut > 0, "{report}");
        assert!(report.writes > report.refused + report.unknown + report.died, "{report}");
    }
}
