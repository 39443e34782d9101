//! The search says what somebody else's does, of histories that are too long to try all orders.

use distributed_data_consistency::check::Verdict;
use distributed_data_consistency::check::linearizability::{
    Counter, Lock, Map, Queue, Register, SearchLimits, check_history,
};
use distributed_data_consistency::history::{OperationId, Outcome};
use distributed_data_consistency::protocol::Rng;
use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History as Theirs};
use todc_utils::specifications::Specification;

use crate::brute::{HistoryOf, Shape, draw};
use crate::plain::Plain;

/// A model in their words.
struct As<S>(S);

impl<S: Plain> Specification for As<S> {
    type State = Vec<(Option<S::Key>, S::State)>;
    type Operation = (S::Input, Option<S::Output>);

    fn init() -> Self::State {
        Vec::new()
    }

    /// All parts at once, which is another way than ours.
    fn apply((input, output): &Self::Operation, state: &Self::State) -> (bool, Self::State) {
        let model = S::default();
        let key = model.partition(input);
        let mut after = state.clone();
        let place = after.iter().position(|(part, _)| *part == key).unwrap_or_else(|| {
            after.push((key, model.init()));
            after.len() - 1
        });
        match model.step(&after[place].1, input, output.as_ref()) {
            Some(part) => {
                after[place].1 = part;
                (true, after)
            }
            None => (false, state.clone()),
        }
    }
}

/// What is unknown returns at the end: to happen there is to happen never.
fn theirs<S: Plain>(history: &HistoryOf<S>) -> bool {
    let mut actions = Vec::new();
    let known = |id: OperationId| {
        let operation = history.get(id).expect("an event is of an operation");
        let output = match &operation.outcome {
            Outcome::Known(output) => Some(output.clone()),
            _ => None,
        };
        (operation.input.clone(), output)
    };
    for (id, is_return) in history.events() {
        let operation = known(id);
        if !is_return {
            actions.push((id.0 as usize, Action::Call(operation)));
        } else if operation.1.is_some() {
            actions.push((id.0 as usize, Action::Response(operation)));
        }
    }
    let open = (0..history.len() as u32).map(OperationId).filter(|id| known(*id).1.is_none());
    let open: Vec<OperationId> = open.collect();
    actions.extend(open.into_iter().map(|id| (id.0 as usize, Action::Response(known(id)))));
    WGLChecker::<As<S>>::is_linearizable(Theirs::from_actions(actions))
}

/// How many are right, and of how many nobody knows.
fn agree<S: Plain>(seed: u64, count: u64) -> [u64; 2] {
    let mut rng = Rng::new(seed, 0);
    let [mut right, mut unknown] = [0, 0];
    for number in 0..count {
        let shape = Shape {
            clients: 2 + rng.below(5),
            operations: 8 + rng.below(30),
            unknown: [0, 5, 10][rng.below(3) as usize],
            wrong: [0, 2, 10][rng.below(3) as usize],
        };
        let history = draw::<S>(&mut rng, shape);
        let limits = SearchLimits { states_max: 100_000, ..SearchLimits::default() };
        let verdict = check_history(&S::default(), &history, limits);
        if let Verdict::Unknown { .. } = verdict {
            unknown += 1;
            continue;
        }
        let expected = theirs::<S>(&history);
        assert_eq!(verdict.holds(), expected, "history {number} of seed {seed}: {history:#?}\n{verdict:#?}");
        right += u64::from(expected);
    }
    [right, unknown]
}

#[test]
fn the_search_agrees_with_somebody_elses() {
    let all = [
        agree::<Register<u64>>(31, 2_000),
        agree::<Map<String, u64>>(32, 2_000),
        agree::<Counter>(33, 2_000),
        agree::<Queue<u64>>(34, 2_000),
        agree::<Lock<u64>>(35, 2_000),
    ];
    let [right, unknown] = all.iter().fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    assert!(unknown <= 100, "of {unknown} of 10,000 nobody knows");
    assert!((2_000..8_000).contains(&right), "{right} of 10,000 are linearizable: too much of one kind");
}
