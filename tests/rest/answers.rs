//! Who answers whom.

use std::panic::{AssertUnwindSafe, catch_unwind};

use distributed_data_consistency::check::Convergence;
use distributed_data_consistency::sim::Plan;

use super::actor::{Order, crash, fault, harness, ms, plan};

fn told(plan: &Plan) -> Option<(String, Vec<String>)> {
    let outcome = harness().run(plan);
    outcome.violation.map(|violation| (violation.to_string(), violation.breach.because))
}

#[test]
fn a_request_is_answered_once_and_only_if_it_was_made() {
    let answer = |id| Order::Answer(id);
    assert_eq!(told(&plan(2, &[(1, 0, answer(0)), (2, 1, answer(1))])), None);

    let (twice, because) = told(&plan(2, &[(1, 1, Order::AnswerTwice)])).unwrap();
    assert_eq!(twice, "answers: node 1 answers request 0, which has been answered");
    assert_eq!(because[0], "node 1 answered it at 1ms");
    let (later, because) = told(&plan(2, &[(1, 0, answer(0)), (5, 1, answer(0))])).unwrap();
    assert_eq!(later, "answers: node 1 answers request 0, which has been answered");
    assert_eq!(because[0], "node 0 answered it at 1ms");

    let unasked = |id: u32| format!("answers: node 0 answers request {id}, which no node has heard");
    assert_eq!(told(&plan(1, &[(1, 0, answer(1)), (2, 0, answer(0))])).unwrap().0, unasked(1), "not yet");
    assert_eq!(told(&plan(1, &[(1, 0, answer(u32::MAX))])).unwrap().0, unasked(u32::MAX));
    let unheard = fault(plan(2, &[(5, 1, Order::Nothing), (6, 0, answer(0))]), 3, crash(1, None));
    assert_eq!(told(&unheard).unwrap().0, unasked(0), "its node was down");
}

/// Another node may answer, as where requests are handed on; so may a later incarnation that has the request on its disk. Both are
/// counted.
#[test]
fn who_answers_for_another_is_counted() {
    let forwarded = plan(3, &[(1, 0, Order::Forward(2))]);
    let outcome = harness().run(&forwarded);
    assert_eq!((outcome.violation, outcome.stats.marks["answered by another node"]), (None, 1));
    let later = fault(plan(2, &[(1, 0, Order::AnswerLater)]), 3, crash(0, Some(ms(2))));
    let outcome = harness().run(&later);
    assert_eq!((outcome.violation, outcome.stats.marks["answered after a crash"]), (None, 1));
    // Both nodes: that is one answer too many.
    let both = plan(3, &[(1, 0, Order::Forward(2)), (1, 1, Order::Answer(0))]);
    assert_eq!(told(&both).unwrap().0, "answers: node 2 answers request 0, which has been answered");
}

#[test]
fn two_checks_of_one_name_are_refused() {
    let refused = |harness: Box<dyn FnOnce() -> distributed_data_consistency::Harness<super::actor::Actor>>| {
        let panic = catch_unwind(AssertUnwindSafe(harness)).expect_err("expect: it is refused");
        panic.downcast_ref::<String>().unwrap().clone()
    };
    let told = refused(Box::new(|| harness().check(Convergence::new()).check(Convergence::new())));
    assert_eq!(told, "two checks of \"actor\" are named \"convergence\": expected a name of its own for each");
    let told = refused(Box::new(|| harness().always("sane", |_| Ok(())).at_rest("sane", |_| Ok(()))));
    assert!(told.contains("named \"sane\""), "{told}");
}
