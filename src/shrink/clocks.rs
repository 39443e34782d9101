//! Plainer clocks: only ahead, or only faster, and by round numbers.

use crate::harness::Recorded;
use crate::shrink::trial::{Edits, edit};
use crate::sim::{Clock, Plan};

/// What a clock's lead is made a multiple of, in nanoseconds, the plainest first.
const UNITS: [i64; 3] = [100_000_000, 10_000_000, 1_000_000];
/// Drifts that are as good as any, the plainest first.
const DRIFTS_PPM: [i32; 4] = [100, 1_000, 10_000, 100_000];

pub(crate) fn simpler(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    Box::new((0..plan.clocks.len()).flat_map(move |place| plainer(plan, place)))
}

fn plainer(plan: &Plan, place: usize) -> Edits<'_> {
    let clock = plan.clocks[place];
    let Clock { offset_nanos, drift_ppm } = clock;
    let mut simpler = vec![Clock { offset_nanos: 0, drift_ppm }, Clock { offset_nanos, drift_ppm: 0 }];
    simpler.extend(UNITS.map(|unit| Clock { offset_nanos: offset_nanos / unit * unit, drift_ppm }));
    let drifts = DRIFTS_PPM.into_iter().filter(|drift| *drift < drift_ppm.saturating_abs());
    simpler.extend(drifts.map(|drift| Clock { offset_nanos, drift_ppm: drift * drift_ppm.signum() }));
    Box::new(simpler.into_iter().filter(move |simpler| *simpler != clock).map(move |simpler| {
        edit(move || {
            let mut plan = plan.clone();
            plan.clocks[place] = simpler;
            plan
        })
    }))
}
