//! A plan that fails in a rare way does not shrink to one that fails in a common way.

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::Violation;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::shrink::{ShrinkOptions, shrink};
use distributed_data_consistency::sweep::{Seeds, SweepOptions};

/// Two bugs that break the same check.
struct Node {
    taken: u32,
    how: How,
    wrong: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum How {
    Panics,
    IsWrong,
}

const RARE: &str = "the third message is a nine";
const COMMON: &str = "an eight came";

impl StateMachine for Node {
    type Message = u8;
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, message: u8, _env: &mut Env<'_, Self>) {
        self.taken += 1;
        let wrong = match message {
            9 if self.taken >= 3 => RARE,
            8 => COMMON,
            _ => return,
        };
        match self.how {
            How::Panics => panic!("{wrong}: number {}", self.taken),
            How::IsWrong => _ = self.wrong.get_or_insert(wrong),
        }
    }

    fn on_request(&mut self, _id: RequestId, word: u8, env: &mut Env<'_, Self>) {
        env.broadcast(&word);
    }
}

fn harness(how: How) -> Harness<Node> {
    Harness::new("slips", move |_| Node { taken: 0, how, wrong: None }).requests(|rng| rng.between(1, 9) as u8).always(
        "right",
        |nodes| match nodes.up().find_map(|(node, machine)| Some((node, machine.wrong?))) {
            Some((node, wrong)) => Err(format!("node {node}: {wrong}")),
            None => Ok(()),
        },
    )
}

#[test]
fn a_rare_failure_stays_rare_and_a_sweep_tells_of_it() {
    for how in [How::Panics, How::IsWrong] {
        let harness = harness(how);
        let options = ShrinkOptions { draws_max: 500, ..ShrinkOptions::default() };
        let is_rare = |violation: &Violation| violation.to_string().contains(RARE);
        let mut kept = 0;
        for seed in 0..120 {
            let recorded = harness.record_seed(seed);
            if !recorded.outcome.violation.as_ref().is_some_and(is_rare) {
                continue;
            }
            let shrunk = shrink(&harness, &recorded.plan, &options).expect("it fails");
            assert!(is_rare(&shrunk.violation), "seed {seed:#x} slipped to {}", shrunk.violation);
            assert!(shrunk.met.iter().all(|(_, violation)| !is_rare(violation)), "{:?}", shrunk.met);
            kept += 1;
        }
        assert!(kept > 10, "{kept}");

        let sweep = harness.sweep_with(&SweepOptions::new(Seeds::first(300)), &|_| {});
        let told: Vec<String> = sweep.failures.iter().map(|failure| failure.shrunk.violation.to_string()).collect();
        assert!(
            told.iter().any(|told| told.contains(RARE)) && told.iter().any(|told| told.contains(COMMON)),
            "{told:?}"
        );
    }
}

/// What the shrinker runs into on its way is kept, the same on any number of threads.
#[test]
fn another_failure_on_the_way_is_kept() {
    let harness = harness(How::Panics);
    let rare = (0..500).map(|seed| harness.record_seed(seed)).find(|recorded| {
        let violation = recorded.outcome.violation.as_ref();
        violation.is_some_and(|violation| violation.to_string().contains(RARE))
    });
    let plan = rare.expect("some world fails so").plan;
    let met = |jobs: usize| {
        let jobs = std::num::NonZeroUsize::new(jobs).unwrap();
        shrink(&harness, &plan, &ShrinkOptions { jobs, ..ShrinkOptions::default() }).expect("it fails").met
    };
    let [one, four] = [1, 4].map(met);
    assert_eq!(one, four);
    for (plan, violation) in &one {
        assert!(harness.run(plan).violation.is_some_and(|again| again.is_kin(violation)), "{violation}");
    }
}
