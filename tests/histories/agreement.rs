//! The search says what a checker says that tries all orders.

use distributed_data_consistency::check::Verdict;
use distributed_data_consistency::check::linearizability::{
    Counter, Lock, Map, Queue, Register, SearchLimits, check_history,
};
use distributed_data_consistency::history::History;
use distributed_data_consistency::protocol::Rng;

use crate::brute::{HistoryOf, Shape, draw, is_linearizable};
use crate::plain::Plain;

/// How many of `count` small histories are linearizable.
///
/// # Panics
/// If the two disagree on one.
pub(crate) fn agree<S: Plain>(seed: u64, count: u64) -> u64 {
    let mut rng = Rng::new(seed, 0);
    let mut right = 0;
    for number in 0..count {
        let shape = Shape::small(&mut rng);
        let history = draw::<S>(&mut rng, shape);
        let verdict = check_history(&S::default(), &history, SearchLimits::default());
        let expected = is_linearizable::<S>(&history);
        assert!(!matches!(verdict, Verdict::Unknown { .. }), "history {number} of seed {seed}: {history:#?}");
        assert_eq!(verdict.holds(), expected, "history {number} of seed {seed}: {history:#?}\n{verdict:#?}");
        if let Some(misfit) = verdict.misfit() {
            assert_misfit::<S>(&history, misfit);
        }
        right += u64::from(expected);
    }
    right
}

/// What does not fit is the first answer that nothing explains, and what is said to be ordered explains itself.
fn assert_misfit<S: Plain>(history: &HistoryOf<S>, misfit: &distributed_data_consistency::check::Misfit) {
    let model = S::default();
    let stuck = &history.operations()[misfit.stuck[0].0 as usize];
    let until = stuck.ended.expect("what is stuck has returned").place;
    let part = model.partition(&stuck.input);
    let cut = |with: bool| -> HistoryOf<S> {
        let mut cut = History::new();
        let mut ids = std::collections::BTreeMap::new();
        for (id, is_return) in history.events() {
            let operation = history.get(id).expect("an event is of an operation");
            if model.partition(&operation.input) != part {
                continue;
            }
            if !is_return {
                ids.insert(id, cut.call(operation.session, operation.called.at, operation.input.clone()));
            } else if let distributed_data_consistency::history::Outcome::Known(output) = &operation.outcome {
                let ended = operation.ended.expect("a return");
                if ended.place < until || with && ended.place == until {
                    cut.returns(ids[&id], ended.at, output.clone());
                }
            }
        }
        cut
    };
    assert!(is_linearizable::<S>(&cut(false)), "{history:#?}\n{misfit:#?}");
    assert!(!is_linearizable::<S>(&cut(true)), "{history:#?}\n{misfit:#?}");
}

/// The same for all models that come along; returns how many histories were right, and how many there were.
pub(crate) fn agree_all(seed: u64, count: u64) -> (u64, u64) {
    let each = count / 5;
    let right = agree::<Register<u64>>(seed, each)
        + agree::<Map<String, u64>>(seed + 1, each)
        + agree::<Counter>(seed + 2, each)
        + agree::<Queue<u64>>(seed + 3, each)
        + agree::<Lock<u64>>(seed + 4, each);
    (right, 5 * each)
}
