//! Simpler requests: the same plan, as the workload says its actions more simply.

use crate::harness::Harness;
use crate::protocol::{Simpler, StateMachine};
use crate::running::{Doing, Made, Running, catch_panic};
use crate::shrink::trial::{Candidate, Edits, edit};
use crate::sim::{Action, Plan};

/// For a plan of more requests than this the workload is not asked: it answers with all of them for each way to say them.
const REQUESTS_MAX: usize = 1_024;

pub(crate) fn requests<'a, M: StateMachine>(system: &Harness<M>, plan: &'a Plan) -> Edits<'a> {
    let simpler = simpler_actions(system, plan).into_iter();
    Box::new(simpler.map(move |simpler| edit(move || with_actions(plan, simpler))))
}

/// The actions of the plan, said more simply in all ways that the workload knows.
pub(crate) fn simpler_actions<M: StateMachine>(system: &Harness<M>, plan: &Plan) -> Vec<Simpler<Action>> {
    let Some(clients) = &system.clients else { return Vec::new() };
    if plan.requests.len() > REQUESTS_MAX {
        return Vec::new();
    }
    let actions: Vec<Action> = plan.requests.iter().map(|request| request.action.clone()).collect();
    let running = Running::current();
    let _here = running.enter(&system.name, Made::Plan, plan.seed);
    running.doing(Doing::Clients);
    // A workload that panics has nothing simpler to say.
    let simpler = catch_panic(|| clients.simpler(&actions)).unwrap_or_default();
    simpler.into_iter().filter(|simpler| simpler.actions.len() == actions.len()).collect()
}

pub(crate) fn with_actions(plan: &Plan, simpler: Simpler<Action>) -> Candidate {
    let mut plan = plan.clone();
    for (request, action) in plan.requests.iter_mut().zip(simpler.actions) {
        request.action = action;
    }
    Candidate { plan, renamed: simpler.renamed }
}
