//! The search for an order: just-in-time linearization after Wing and Gong (1993), Lowe (2017), and Porcupine.
//!
//! Operations are put in order one by one; each must be possible in the state that those before it leave, and nothing that has
//! returned may be left behind. Where nothing goes on, the search goes back. It differs from Porcupine's in four ways, each of which
//! keeps the verdict:
//!
//! - What only reads is ordered as soon as it can be. It leaves the state as it is, so nothing is gained by waiting.
//! - An operation of unknown outcome happens only where one of known outcome follows that needs it.
//! - What is due first is tried first, and a state that somebody needs is not left for good: see [`Demand`].
//! - Of two ways to one place, the one that has used up fewer operations of unknown outcome does.

use indexmap::IndexMap;
use smallvec::{SmallVec, smallvec};

use super::Model;
use super::demand::Demand;
use super::entries::{Call, Cursor, Entries};
use super::memo::{Bits, Budget, LimitReached, Memo};

/// How a search ended.
pub(in crate::check) enum Found<St> {
    /// With an order that explains all.
    Order {
        /// The operations in that order; those of unknown outcome that are not there never happened.
        order: Vec<Step>,
        /// What the object holds then.
        state: St,
    },
    /// There is none.
    None(Best<St>),
    /// At a limit.
    Limit,
}

/// How far the search came at best.
pub(in crate::check) struct Best<St> {
    /// What could be ordered.
    pub(in crate::check) order: Vec<Step>,
    /// What the object holds then.
    pub(in crate::check) state: St,
    /// The operation of known outcome that does not fit: of those that are left, the one that returned first.
    pub(in crate::check) stuck: usize,
    reach: u64,
}

/// One operation in an order: its place among those of known, or of unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Step {
    Known(u32),
    Open(u32),
}

/// A node of the search tree.
struct Frame<St> {
    state: St,
    /// Its name in [`Demand`].
    state_id: u32,
    /// What was ordered to come here from the frame before.
    taken: SmallVec<[Step; 2]>,
    /// All operations from this place on are not ordered yet.
    end: usize,
    next: Next<St>,
}

/// What to try next.
enum Next<St> {
    /// These operations of known outcome, from the last.
    Known(SmallVec<[u32; 4]>),
    /// One after some of unknown outcome.
    Open(Box<Chains<St>>),
    Nothing,
}

/// Ways in which operations of unknown outcome may happen now, the shortest first.
struct Chains<St> {
    chains: Vec<(St, SmallVec<[u32; 2]>)>,
    /// Which chains lead to a state.
    by_state: IndexMap<St, SmallVec<[u32; 2]>, foldhash::fast::FixedState>,
    at: usize,
    cursor: Cursor,
    /// For each group, the time before which an operation must have been called.
    barriers: Vec<u64>,
}

pub(in crate::check) struct Search<'a, S: Model> {
    model: &'a S,
    known: Vec<Call<'a, S>>,
    open: Vec<Call<'a, S>>,
    /// Of each operation of unknown outcome, the one before it that is the same but for the time of its call.
    twins: Vec<Option<u32>>,
    reads: Vec<bool>,
    entries: Entries,
    groups: u32,
    ordered: Bits,
    /// All before this one are ordered.
    first: usize,
    left: usize,
    happened: Bits,
    demand: Demand<S::State>,
    memo: Memo<S::State>,
    best: Option<Best<S::State>>,
}

impl<'a, S: Model> Search<'a, S> {
    /// A search in these operations, in the order of their calls.
    pub(in crate::check) fn new(model: &'a S, calls: Vec<Call<'a, S>>, groups: u32) -> Self {
        let (known, mut open): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.output.is_some());
        open.retain(|call| !model.only_reads(call.input, None));
        if !open.is_empty() {
            let inputs: Vec<&S::Input> = open.iter().map(|call| call.input).collect();
            let outcomes: Vec<_> = known.iter().filter_map(|call| Some((call.input, call.output?))).collect();
            let mut may = model.may_be_seen(&inputs, &outcomes).into_iter();
            open.retain(|_| may.next().unwrap_or(true));
        }
        let is_twin = |one: &Call<'_, S>, other: &Call<'_, S>| one.group == other.group && one.input == other.input;
        let twin = |at: usize| open[..at].iter().rposition(|before| is_twin(before, &open[at])).map(|at| at as u32);
        let reads: Vec<bool> = known.iter().map(|call| model.only_reads(call.input, call.output)).collect();
        Self {
            twins: (0..open.len()).map(twin).collect(),
            demand: Demand::new(model, &known, &open, &reads),
            reads,
            entries: Entries::new(&known, groups),
            groups,
            ordered: Bits::new(known.len()),
            first: 0,
            left: known.len(),
            happened: Bits::new(open.len()),
            memo: Memo::new(),
            best: None,
            model,
            known,
            open,
        }
    }

    /// The operation that a step is of.
    pub(in crate::check) fn call(&self, step: Step) -> &Call<'a, S> {
        match step {
            Step::Known(at) => &self.known[at as usize],
            Step::Open(at) => &self.open[at as usize],
        }
    }

    /// All that may happen.
    pub(in crate::check) fn calls(&self) -> impl Iterator<Item = &Call<'a, S>> {
        self.known.iter().chain(&self.open)
    }

    /// When the operation returned beyond which a search did not come.
    pub(in crate::check) fn returned(&self, best: &Best<S::State>) -> u64 {
        self.known[best.stuck].returned
    }

    /// Looks for an order.
    pub(in crate::check) fn run(&mut self, budget: &mut Budget) -> Found<S::State> {
        let found = self.find(budget).unwrap_or(Found::Limit);
        budget.release_all();
        found
    }

    fn find(&mut self, budget: &mut Budget) -> Result<Found<S::State>, LimitReached> {
        let mut stack = vec![self.enter(self.model.init(), SmallVec::new(), 0)];
        while self.left > 0 {
            let Some(top) = stack.last_mut() else {
                let best = self.best.take().expect("expect: a search that fails was stuck somewhere");
                return Ok(Found::None(best));
            };
            let Some((taken, state)) = self.advance(top, budget)? else {
                self.note_best(&stack);
                if let Some(frame) = stack.pop() {
                    self.undo(&frame.taken);
                    budget.release(self.frame_bytes(&frame));
                }
                continue;
            };
            let end = top.end;
            for step in &taken {
                self.take(*step);
            }
            let frame = self.enter(state, taken, end);
            let state_bytes = self.model.state_bytes(&frame.state);
            let place = (&self.ordered, self.first, frame.end);
            if self.memo.is_new(place, &self.happened, &frame.state, state_bytes, budget)? {
                budget.keep(self.frame_bytes(&frame))?;
                stack.push(frame);
            } else {
                self.undo(&frame.taken);
            }
        }
        let order = stack.iter().flat_map(|frame| frame.taken.iter().copied()).collect();
        let state = stack.pop().expect("expect: the root is there as long as nothing failed").state;
        Ok(Found::Order { order, state })
    }

    /// A new frame, after `taken`: all that only reads, and can be ordered, is.
    fn enter(&mut self, state: S::State, mut taken: SmallVec<[Step; 2]>, end: usize) -> Frame<S::State> {
        let mut cursor = self.entries.start();
        while let Some(at) = self.entries.advance(&mut cursor) {
            if !self.reads[at] {
                continue;
            }
            let call = &self.known[at];
            if let Some(after) = self.model.step(&state, call.input, call.output) {
                assert!(after == state, "Model::only_reads: {:?} changes the state", call.input);
                self.entries.step_back(&mut cursor);
                self.take(Step::Known(at as u32));
                taken.push(Step::Known(at as u32));
            }
        }
        let last = |step: &Step| if let Step::Known(at) = step { *at as usize + 1 } else { 0 };
        let end = taken.iter().map(last).fold(end, usize::max);
        Frame { state_id: self.demand.id(&state), state, taken, end, next: Next::Known(self.candidates()) }
    }

    /// The next thing to try after a frame.
    #[expect(clippy::type_complexity, reason = "what is taken, and the state after it")]
    fn advance(
        &self,
        frame: &mut Frame<S::State>,
        budget: &mut Budget,
    ) -> Result<Option<(SmallVec<[Step; 2]>, S::State)>, LimitReached> {
        loop {
            match &mut frame.next {
                Next::Known(candidates) => {
                    while let Some(at) = candidates.pop() {
                        let call = &self.known[at as usize];
                        let Some(state) = self.model.step(&frame.state, call.input, call.output) else { continue };
                        if self.demand.must_stay(frame.state_id, self.demand.id(&state), at as usize) {
                            continue;
                        }
                        budget.spend()?;
                        let mut taken: SmallVec<[Step; 2]> = SmallVec::new();
                        if self.demand.overwrites(at as usize) {
                            // What nobody sees can happen unseen just before.
                            taken.extend(
                                candidates
                                    .iter()
                                    .filter(|other| self.is_idle(**other, &frame.state))
                                    .map(|other| Step::Known(*other)),
                            );
                        }
                        taken.push(Step::Known(at));
                        return Ok(Some((taken, state)));
                    }
                    frame.next = match self.open.is_empty() {
                        true => Next::Nothing,
                        false => Next::Open(Box::new(self.chains(&frame.state))),
                    };
                }
                Next::Open(chains) => return self.advance_chains(chains, budget),
                Next::Nothing => return Ok(None),
            }
        }
    }

    /// True if nobody sees whether an operation has happened, when another one overwrites the state.
    fn is_idle(&self, at: u32, state: &S::State) -> bool {
        let call = &self.known[at as usize];
        self.demand.is_idle(at as usize) && self.model.step(state, call.input, call.output).is_some()
    }

    /// What may come next, and does not only read, what is due first at the end.
    fn candidates(&self) -> SmallVec<[u32; 4]> {
        let mut candidates: SmallVec<[u32; 4]> = SmallVec::new();
        let mut cursor = self.entries.start();
        while let Some(at) = self.entries.advance(&mut cursor) {
            // A read that is possible is ordered already.
            if !self.reads[at] {
                candidates.push(at as u32);
            }
        }
        if candidates.len() > 1 {
            candidates.sort_unstable_by_key(|at| std::cmp::Reverse(self.demand.due[*at as usize]));
        }
        candidates
    }

    fn chains(&self, state: &S::State) -> Chains<S::State> {
        let barrier = |group| self.entries.first_return(group).map_or(u64::MAX, |at| self.known[at].returned);
        let mut by_state: IndexMap<S::State, SmallVec<[u32; 2]>, _> = IndexMap::default();
        by_state.insert(state.clone(), smallvec![0]);
        Chains {
            chains: vec![(state.clone(), SmallVec::new())],
            by_state,
            at: 0,
            cursor: self.entries.start(),
            barriers: (0..self.groups).map(barrier).collect(),
        }
    }

    #[expect(clippy::type_complexity, reason = "as `advance`")]
    fn advance_chains(
        &self,
        chains: &mut Chains<S::State>,
        budget: &mut Budget,
    ) -> Result<Option<(SmallVec<[Step; 2]>, S::State)>, LimitReached> {
        while let Some((state, chain)) = chains.chains.get(chains.at) {
            // After none of unknown outcome all has been tried.
            while !chain.is_empty() {
                let Some(at) = self.entries.advance(&mut chains.cursor) else { break };
                let call = &self.known[at];
                if let Some(state) = self.model.step(state, call.input, call.output) {
                    budget.spend()?;
                    let known = [Step::Known(at as u32)];
                    return Ok(Some((chain.iter().map(|open| Step::Open(*open)).chain(known).collect(), state)));
                }
            }
            self.lengthen(chains, budget)?;
            chains.at += 1;
            chains.cursor = self.entries.start();
        }
        Ok(None)
    }

    /// Adds the chains that are longer by one than the one that was tried.
    fn lengthen(&self, chains: &mut Chains<S::State>, budget: &mut Budget) -> Result<(), LimitReached> {
        let (state, chain) = chains.chains[chains.at].clone();
        for (at, call) in (0..).zip(&self.open) {
            let is_used = |open: u32| self.happened.has(open as usize) || chain.contains(&open);
            let may_come = call.called < chains.barriers[call.group as usize];
            // Of two that are the same the one that was called first.
            if !may_come
                || self.demand.is_idle_open(at as usize)
                || is_used(at)
                || self.twins[at as usize].is_some_and(|twin| !is_used(twin))
            {
                continue;
            }
            let Some(after) = self.model.step(&state, call.input, None) else { continue };
            budget.spend()?;
            let mut longer = chain.clone();
            longer.push(at);
            let those = chains.by_state.entry(after.clone()).or_default();
            let is_no_better = |known: &u32| chains.chains[*known as usize].1.iter().all(|open| longer.contains(open));
            if !those.iter().any(is_no_better) {
                those.push(chains.chains.len() as u32);
                chains.chains.push((after, longer));
            }
        }
        Ok(())
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Known(at) => {
                self.entries.take(at as usize);
                self.ordered.set(at as usize);
                self.demand.take(at as usize);
                self.left -= 1;
                while self.ordered.has(self.first) {
                    self.first += 1;
                }
            }
            Step::Open(at) => {
                self.happened.set(at as usize);
                self.demand.add_open(at as usize, -1);
            }
        }
    }

    fn undo(&mut self, taken: &[Step]) {
        for step in taken.iter().rev() {
            match *step {
                Step::Known(at) => {
                    self.entries.put_back(at as usize);
                    self.ordered.clear(at as usize);
                    self.demand.put_back(at as usize);
                    self.left += 1;
                    self.first = self.first.min(at as usize);
                }
                Step::Open(at) => {
                    self.happened.clear(at as usize);
                    self.demand.add_open(at as usize, 1);
                }
            }
        }
    }

    /// Nothing follows the top of the stack: is it the farthest that the search has come?
    fn note_best(&mut self, stack: &[Frame<S::State>]) {
        let Some(top) = stack.last() else { return };
        let stuck = (0..self.groups).filter_map(|group| self.entries.first_return(group));
        let Some(stuck) = stuck.min_by_key(|at| self.known[*at].returned) else { return };
        let reach = match self.groups {
            1 => self.known[stuck].returned,
            _ => (self.known.len() - self.left) as u64,
        };
        if self.best.as_ref().is_none_or(|best| best.reach < reach) {
            let order = stack.iter().flat_map(|frame| frame.taken.iter().copied()).collect();
            self.best = Some(Best { order, state: top.state.clone(), stuck, reach });
        }
    }

    fn frame_bytes(&self, frame: &Frame<S::State>) -> usize {
        size_of::<Frame<S::State>>() + self.model.state_bytes(&frame.state)
    }
}
