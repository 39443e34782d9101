//! What drawn worlds are like, beside how many nodes and requests there are.

use std::sync::OnceLock;

use super::Harness;
use crate::protocol::{StateMachine, visible};
use crate::sim::{DRIFT_PPM_MAX, Plan, Stats};
use crate::strategy::{ClockBounds, Scenario, Worlds};

impl<M: StateMachine> Harness<M> {
    /// How far the clocks of nodes may be from each other: what the system promises to stand. Without it all nodes have the time of
    /// the world. A lease, or whatever else compares times, should say what it relies on.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use distributed_data_consistency::Harness;
    /// use distributed_data_consistency::strategy::ClockBounds;
    /// # use distributed_data_consistency::store::Node;
    ///
    /// let bounds = ClockBounds { offset_max: Duration::from_millis(10), drift_ppm_max: 200 };
    /// let harness = Harness::new("store", Node::boot).clocks(bounds);
    /// assert_eq!(harness.worlds().clocks, bounds);
    /// ```
    ///
    /// # Panics
    /// If clocks may go faster or slower than by [`DRIFT_PPM_MAX`] millionths.
    #[must_use]
    #[track_caller]
    pub fn clocks(mut self, bounds: ClockBounds) -> Self {
        let found = bounds.drift_ppm_max;
        assert!(found <= DRIFT_PPM_MAX, "clocks: expected a drift of at most {DRIFT_PPM_MAX} ppm, found {found}");
        self.worlds_mut().clocks = bounds;
        self
    }

    /// Faults that somebody has thought of. Half of the worlds have one of the system's scenarios, beside the faults that are drawn
    /// for them; and a plan file may hold the same faults.
    ///
    /// # Panics
    /// If there is a scenario of this name already.
    #[must_use]
    #[track_caller]
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        let name = scenario.name;
        let is_new = self.worlds.scenarios.iter().all(|other| other.name != name);
        assert!(is_new, "two scenarios of \"{}\" are named \"{name}\": expected a name of its own for each", self.name);
        self.worlds_mut().scenarios.push(scenario);
        self
    }

    /// Counts the faults of scenarios that struck in a run.
    pub(super) fn count_scenarios(&self, plan: &Plan, struck: &[u32], stats: &mut Stats) {
        for armed in struck.iter().filter_map(|place| plan.armed.get(*place as usize)) {
            for scenario in &self.worlds.scenarios {
                for (place, _) in scenario.faults.iter().enumerate().filter(|(_, fault)| *fault == armed) {
                    *stats.scenarios.entry((scenario.name, place as u32)).or_default() += 1;
                }
            }
        }
    }

    /// Which faults that must strike never did.
    pub(crate) fn unstruck(&self, stats: &Stats) -> Vec<String> {
        let musts = self.worlds.scenarios.iter().filter(|scenario| scenario.must_strike);
        let faults = musts.flat_map(|scenario| {
            let faults = scenario.faults.iter().enumerate();
            faults.map(move |(place, fault)| (scenario.name, place as u32, fault))
        });
        let missing = faults.filter(|(name, place, _)| !stats.scenarios.contains_key(&(*name, *place)));
        missing.map(|(name, _, fault)| format!("\"{fault}\" of scenario \"{}\"", visible(name))).collect()
    }

    /// What drawn worlds are like, to be changed: what was measured of them is measured again.
    pub(crate) fn worlds_mut(&mut self) -> &mut Worlds {
        self.fitted = OnceLock::new();
        &mut self.worlds
    }
}
