//! What holds of every shrinking: the same on any number of threads, the best so far at any time, never another failure.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::textbook;
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::reference_store::{Bug, ReferenceStore};
use distributed_data_consistency::shrink::{ShrinkOptions, Shrunk, shrink};
use distributed_data_consistency::sim::{Action, Event, Nodes, Plan, PlannedRequest};

/// The plan of the first world that shows the bug.
fn failing(harness: &Harness<ReferenceStore>) -> Plan {
    let seed = (0..).find(|seed| !harness.run_seed(*seed).is_clean()).expect("some world fails");
    harness.record_seed(seed).plan
}

fn shrunk(harness: &Harness<ReferenceStore>, options: &ShrinkOptions) -> Shrunk {
    shrink(harness, &failing(harness), options).expect("the plan fails")
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for bug in [Bug::ZipCompare, Bug::DotReuse, Bug::EarlyForget, Bug::SeenTooEarly] {
        let harness = textbook(Some(bug));
        let on = |jobs| {
            let jobs = NonZeroUsize::new(jobs).unwrap();
            let Shrunk { plan, digest, runs, .. } =
                shrunk(&harness, &ShrinkOptions { jobs, ..ShrinkOptions::default() });
            (plan, digest, runs)
        };
        let one = on(1);
        assert_eq!(one, on(2), "{bug}");
        assert_eq!(one, on(7), "{bug}");
    }
}

#[test]
fn whatever_the_budget_the_result_fails_in_the_same_way() {
    for bug in Bug::CORE {
        let harness = textbook(Some(bug));
        let plan = failing(&harness);
        let original = harness.run(&plan).violation.unwrap();
        let mut decisions = usize::MAX;
        for runs_max in [1, 2, 10, 40, 200] {
            let options = ShrinkOptions { runs_max, ..ShrinkOptions::default() };
            let shrunk = shrink(&harness, &plan, &options).unwrap();
            assert!(shrunk.runs <= runs_max, "{bug}: {} runs of {runs_max}", shrunk.runs);
            assert!(shrunk.plan.decision_count() <= decisions, "{bug}: more decisions after more runs");
            decisions = shrunk.plan.decision_count();
            let outcome = harness.run(&shrunk.plan);
            let found = outcome.violation.unwrap();
            assert_eq!((&found.check, found.breach.sort), (&original.check, original.breach.sort), "{bug}");
            assert!(found.is_like(&shrunk.violation) && found.step == shrunk.violation.step, "{bug}");
            assert_eq!(outcome.digest, shrunk.digest, "{bug}");
        }
    }
}

#[test]
fn who_has_seen_enough_gets_the_best_so_far() {
    let stop = Arc::new(AtomicBool::new(false));
    let steps = Arc::new(AtomicU64::new(0));
    let (flag, count) = (Arc::clone(&stop), Arc::clone(&steps));
    // Looks on like a check, and pulls the brake in the middle.
    let harness = textbook(Some(Bug::SeenTooEarly)).always("brake", move |_| {
        flag.fetch_or(count.fetch_add(1, Ordering::Relaxed) == 2_000, Ordering::Relaxed);
        Ok(())
    });
    let plan = failing(&harness);
    stop.store(false, Ordering::Relaxed);
    steps.store(0, Ordering::Relaxed);
    let options = ShrinkOptions { stop: Arc::clone(&stop), ..ShrinkOptions::default() };
    let stopped = shrink(&harness, &plan, &options).unwrap();
    assert!(stop.load(Ordering::Relaxed) && stopped.runs > 1);
    assert!(stopped.plan.decision_count() < stopped.decisions_before);
    assert!(harness.run(&stopped.plan).violation.is_some());
    let at_once = shrink(&harness, &plan, &options).unwrap();
    assert_eq!((at_once.runs, at_once.plan), (1, plan));
}

/// Keeps what it is told.
#[derive(Default)]
struct Diary(Vec<u32>);

impl StateMachine for Diary {
    type Message = ();
    type Timer = ();
    type Request = u32;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, _id: RequestId, number: u32, _env: &mut Env<'_, Self>) {
        self.0.push(number);
    }
}

/// At rest no diary holds a number above ten; the breach is about the smallest.
#[derive(Clone)]
struct Small;

impl Check<Diary> for Small {
    fn name(&self) -> &'static str {
        "small"
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Diary>, nodes: Nodes<'_, Diary>) -> Result<(), Breach> {
        let Event::Rest { .. } = event else { return Ok(()) };
        let large = nodes.up().flat_map(|(_, diary)| diary.0.iter()).filter(|number| **number > 10);
        large
            .min()
            .map_or(Ok(()), |number| Err(Breach::new("large", "a large number").about(format!("number {number}"))))
    }
}

#[test]
fn a_failure_about_something_else_is_another_failure() {
    let harness = Harness::new("diary", |_| Diary::default()).requests(|rng| rng.bits()).check(Small);
    let request = |number: u32| PlannedRequest::new(Time::ZERO, NodeId::new(0), Action::new(number));
    let plan = Plan { requests: vec![request(12), request(3), request(11)], ..Plan::new(2) };
    let shrunk = shrink(&harness, &plan, &ShrinkOptions::default()).unwrap();
    assert_eq!(shrunk.violation.breach.subject, "number 11");
    assert_eq!(shrunk.plan.requests, [request(11)]);
}
