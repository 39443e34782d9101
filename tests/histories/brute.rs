//! Small random histories, and a checker that tries all orders.

use distributed_data_consistency::history::{History, OperationId, Outcome, Why};
use distributed_data_consistency::protocol::{Rng, Time};

use crate::plain::Plain;

pub(crate) type HistoryOf<S> = History<
    <S as distributed_data_consistency::check::linearizability::Model>::Input,
    <S as distributed_data_consistency::check::linearizability::Model>::Output,
>;

/// What the histories are like.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub clients: u64,
    pub operations: u64,
    /// Of a hundred operations so many never return, or tell nothing.
    pub unknown: u64,
    /// Of a hundred answers so many are drawn without a look at the object.
    pub wrong: u64,
}

impl Shape {
    /// Up to three clients and six operations.
    pub(crate) fn small(rng: &mut Rng) -> Self {
        Self {
            clients: 1 + rng.below(3),
            operations: 1 + rng.below(6),
            unknown: [0, 20, 50][rng.below(3) as usize],
            wrong: [0, 20, 60][rng.below(3) as usize],
        }
    }
}

struct Going<S: Plain> {
    id: OperationId,
    input: S::Input,
    answer: Option<S::Output>,
}

/// Clients of one object, each of which asks one thing after the other.
pub(crate) fn draw<S: Plain>(rng: &mut Rng, shape: Shape) -> HistoryOf<S> {
    draw_with::<S>(rng, shape, S::draw)
}

/// The same, where clients ask what `ask` says.
pub(crate) fn draw_with<S: Plain>(
    rng: &mut Rng,
    shape: Shape,
    mut ask: impl FnMut(&mut Rng) -> S::Input,
) -> HistoryOf<S> {
    let mut history = History::new();
    let mut held = S::Held::default();
    let mut going: Vec<Option<Going<S>>> = (0..shape.clients).map(|_| None).collect();
    // A client that does not know its outcome goes on as another session, and the operation stays.
    let mut lost: Vec<S::Input> = Vec::new();
    let (mut asked, mut now) = (0, 0);
    while asked < shape.operations || going.iter().any(Option::is_some) {
        now += 1;
        let client = rng.below(shape.clients);
        let slot = &mut going[client as usize];
        if !lost.is_empty() && rng.below(8) == 0 {
            let place = rng.below(lost.len() as u64) as usize;
            S::run(&mut held, &lost.swap_remove(place));
        }
        match slot {
            None if asked < shape.operations => {
                asked += 1;
                let input = ask(rng);
                let id = history.call(client, Time::from_millis(now), input.clone());
                *slot = Some(Going { id, input, answer: None });
            }
            None => {}
            Some(Going { id, input, answer: None }) if rng.below(100) < shape.unknown => {
                let at = (rng.below(2) == 0).then(|| Time::from_millis(now));
                history.unknown(*id, at, Why::TimedOut);
                lost.push(input.clone());
                *slot = None;
            }
            Some(Going { input, answer: answer @ None, .. }) => {
                let right = S::run(&mut held, input);
                *answer = Some(if rng.below(100) < shape.wrong { S::draw_answer(input, rng) } else { right });
            }
            Some(Going { id, answer: Some(answer), .. }) => {
                history.returns(*id, Time::from_millis(now), answer.clone());
                *slot = None;
            }
        }
    }
    history
}

/// Whether any order of any of the operations explains the history: all subsets, all permutations.
pub(crate) fn is_linearizable<S: Plain>(history: &HistoryOf<S>) -> bool {
    any_order::<S>(history, &|before, after| {
        let (before, after) = (&history.operations()[before], &history.operations()[after]);
        let returned = matches!(before.outcome, Outcome::Known(_)).then(|| before.ended.expect("a return").place);
        returned.is_some_and(|returned| returned < after.called.place)
    })
}

/// The same where only the order within a session counts.
pub(crate) fn is_sequential<S: Plain>(history: &HistoryOf<S>) -> bool {
    any_order::<S>(history, &|before, after| {
        let (before, after) = (&history.operations()[before], &history.operations()[after]);
        let returned = matches!(before.outcome, Outcome::Known(_)).then(|| before.ended.expect("a return").place);
        before.session == after.session && returned.is_some_and(|returned| returned < after.called.place)
    })
}

fn any_order<S: Plain>(history: &HistoryOf<S>, must_precede: &dyn Fn(usize, usize) -> bool) -> bool {
    let operations = history.operations();
    let (known, open): (Vec<usize>, Vec<usize>) =
        (0..operations.len()).partition(|at| matches!(operations[*at].outcome, Outcome::Known(_)));
    (0_u32..1 << open.len()).any(|chosen| {
        let chosen = open.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1).map(|(_, at)| *at);
        let mut all: Vec<usize> = known.iter().copied().chain(chosen).collect();
        let count = all.len();
        any_permutation(&mut all, count, &mut |order| explains::<S>(history, order, must_precede))
    })
}

fn any_permutation(all: &mut [usize], count: usize, test: &mut dyn FnMut(&[usize]) -> bool) -> bool {
    if count <= 1 {
        return test(all);
    }
    for at in 0..count {
        all.swap(at, count - 1);
        if any_permutation(all, count - 1, test) {
            return true;
        }
        all.swap(at, count - 1);
    }
    false
}

fn explains<S: Plain>(history: &HistoryOf<S>, order: &[usize], must_precede: &dyn Fn(usize, usize) -> bool) -> bool {
    let mut held = S::Held::default();
    for (place, at) in order.iter().enumerate() {
        if order[place + 1..].iter().any(|later| must_precede(*later, *at)) {
            return false;
        }
        let operation = &history.operations()[*at];
        let expected = S::run(&mut held, &operation.input);
        if let Outcome::Known(given) = &operation.outcome
            && !S::is_like(given, &expected)
        {
            return false;
        }
    }
    true
}
