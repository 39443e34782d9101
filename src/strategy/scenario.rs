//! Scenarios: faults that somebody has thought of, mixed with those that are drawn.

use crate::protocol::Rng;
use crate::sim::{ArmedFault, Plan};

/// The random stream that says which scenario a world has.
const SCENARIO_STREAM: u64 = 20;

/// So many worlds of a thousand have a scenario, if there are any.
const SCENARIO_PERMILLE: u32 = 500;

/// Faults that a person has thought of: "hold node 2 down until the second leader is elected". Half of the worlds have one of the
/// system's scenarios, beside what is drawn for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// As reports call it.
    pub(crate) name: &'static str,
    pub(crate) faults: Vec<ArmedFault>,
    pub(crate) must_strike: bool,
}

impl Scenario {
    /// A scenario without a fault yet.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, faults: Vec::new(), must_strike: false }
    }

    /// One fault more.
    #[must_use]
    pub fn fault(mut self, fault: ArmedFault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Each of its faults must strike in some world of a sweep that is long enough to judge
    /// ([`REACH_WORLDS_MIN`](crate::sweep::REACH_WORLDS_MIN) worlds): a scenario that never comes about tests nothing.
    #[must_use]
    pub const fn must_strike(mut self) -> Self {
        self.must_strike = true;
        self
    }
}

/// Adds the scenario of the world of its seed to a plan, if it has one. Its faults come first.
pub(crate) fn add_scenario(plan: &mut Plan, scenarios: &[Scenario]) {
    if scenarios.is_empty() {
        return;
    }
    let rng = &mut Rng::new(plan.seed, SCENARIO_STREAM);
    if rng.chance(SCENARIO_PERMILLE)
        && let Some(scenario) = rng.pick(scenarios)
    {
        plan.armed.splice(0..0, scenario.faults.iter().cloned());
    }
}
