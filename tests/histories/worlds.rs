//! Linearizability as a check: mistakes are found, right machines are clean.

use distributed_data_consistency::check::Linearizable;
use distributed_data_consistency::check::linearizability::{
    Counter, CounterAnswer, CounterOp, Lock, Map, Queue, Register, RegisterAnswer, RegisterOp, SearchLimits,
};
use distributed_data_consistency::sweep::{Seeds, Sweep, SweepOptions};

use crate::central::{Bug, central, unchecked};

fn options(worlds: u64) -> SweepOptions {
    SweepOptions { shrink_runs_max: 2_000, ..SweepOptions::new(Seeds::first(worlds)) }
}

/// What the first failure says.
fn told(sweep: &Sweep) -> String {
    let failure = sweep.failures.first().expect("expect: the mistake is found");
    let violation = &failure.shrunk.violation;
    assert_eq!((violation.check.as_str(), violation.breach.sort), ("linearizable", "unordered"));
    assert!(failure.shrunk.plan.requests.len() <= 4, "{:#?}", failure.shrunk.plan);
    format!("{}\n{}", violation.breach.summary, violation.breach.because.join("\n"))
}

#[test]
fn right_machines_are_clean() {
    central::<Register<u64>>(None).sweep(1_000).assert_clean();
    central::<Map<String, u64>>(None).sweep(1_000).assert_clean();
    central::<Counter>(None).sweep(1_000).assert_clean();
    central::<Queue<u64>>(None).sweep(1_000).assert_clean();
    central::<Lock<u64>>(None).sweep(1_000).assert_clean();
}

#[test]
fn a_stale_read_is_found() {
    let sweep = central::<Register<u64>>(Some(Bug::StaleRead)).sweep_with(&options(300), &|_| {});
    let told = told(&sweep);
    assert!(told.starts_with("no order explains read → "), "{told}");
    assert!(told.contains("write ") || told.contains("compare-and-set"), "{told}");
}

#[test]
fn a_lost_compare_and_set_is_found() {
    let sweep = central::<Register<u64>>(Some(Bug::Local)).sweep_with(&options(300), &|_| {});
    told(&sweep);
}

#[test]
fn what_is_about_a_key_keeps_to_it() {
    let sweep = central::<Map<String, u64>>(Some(Bug::StaleRead)).sweep_with(&options(300), &|_| {});
    let told = told(&sweep);
    let subject = &sweep.failures[0].shrunk.violation.breach.subject;
    assert!(["key \"a\"", "key \"b\""].contains(&subject.as_str()), "{subject}");
    assert!(told.starts_with(&format!("{subject}: no order explains read")), "{told}");
}

#[test]
fn a_doubled_dequeue_is_found() {
    let sweep = central::<Queue<u64>>(Some(Bug::Doubled)).sweep_with(&options(1_000), &|_| {});
    let told = told(&sweep);
    assert!(told.contains("queue"), "{told}");
}

#[test]
fn a_lock_held_by_two_is_found() {
    let sweep = central::<Lock<u64>>(Some(Bug::Local)).sweep_with(&options(300), &|_| {});
    let told = told(&sweep);
    assert!(told.contains("acquire by") || told.contains("release by"), "{told}");
}

#[test]
fn an_addition_that_a_crash_forgets_is_found() {
    let sweep = central::<Counter>(Some(Bug::Forgotten)).sweep_with(&options(2_000), &|_| {});
    told(&sweep);
}

#[test]
fn requests_can_be_read_as_operations_of_another_model() {
    let read = |input: &CounterOp, output: Option<&CounterAnswer>| match (input, output) {
        // A counter to which nothing is added is a register that is never written.
        (CounterOp::Read, Some(CounterAnswer::Value(value))) => {
            Some((RegisterOp::Read, Some(RegisterAnswer::Value(*value))))
        }
        (CounterOp::Read, _) => Some((RegisterOp::Read, None)),
        (CounterOp::Add(_), _) => None,
    };
    let check = Linearizable::new(Register::new(0)).reading(read).named("constant");
    let sweep = unchecked::<Counter>(None).check(check).sweep_with(&options(100), &|_| {});
    let failure = sweep.failures.first().expect("expect: somebody adds");
    assert_eq!(failure.shrunk.violation.check, "constant");
    assert_eq!(failure.shrunk.plan.requests.len(), 2, "{:#?}", failure.shrunk.plan);
}

#[test]
fn a_limit_answers_unknown_and_is_counted() {
    let nothing = SearchLimits { states_max: 0, ..SearchLimits::default() };
    let check = Linearizable::new(Register::<u64>::default()).limits(nothing);
    let swept = unchecked::<Register<u64>>(None).check(check).sweep(300);
    swept.assert_clean();
    assert!(swept.stats.marks["linearizable: unknown"] > 0, "{:?}", swept.stats.marks);
}
