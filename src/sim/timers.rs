//! The timers that a node has set.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use smallvec::SmallVec;

/// So many are looked through one by one; beyond that they are looked up.
const FEW_MAX: usize = 16;

/// The timers that are set, each with the token that its event in the queue carries. What an operation costs grows with the
/// logarithm of their number at most. The order in which they are kept is seen by nobody.
pub(crate) struct Timers<T> {
    few: SmallVec<[(T, u64); 2]>,
    /// All of them, once there are more than a few.
    many: Option<Box<Many<T>>>,
}

struct Many<T> {
    tokens: BTreeMap<T, u64>,
    timers: IndexMap<u64, T, foldhash::fast::FixedState>,
}

impl<T: Ord + Clone> Timers<T> {
    pub(crate) fn new() -> Self {
        Self { few: SmallVec::new(), many: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.many.as_ref().map_or(self.few.len(), |many| many.tokens.len())
    }

    /// Sets a timer; one that is set already has this token from now on.
    #[inline]
    pub(crate) fn set(&mut self, timer: T, token: u64) {
        if let Some(many) = &mut self.many {
            return many.set(timer, token);
        }
        if let Some(set) = self.few.iter_mut().find(|set| set.0 == timer) {
            set.1 = token;
        } else if self.few.len() < FEW_MAX {
            self.few.push((timer, token));
        } else {
            let mut many = Many { tokens: BTreeMap::new(), timers: IndexMap::default() };
            self.few.drain(..).for_each(|(timer, token)| many.set(timer, token));
            many.set(timer, token);
            self.many = Some(Box::new(many));
        }
    }

    pub(crate) fn cancel(&mut self, timer: &T) {
        match &mut self.many {
            Some(many) => many.cancel(timer),
            None => self.few.retain(|set| set.0 != *timer),
        }
    }

    /// The timer with this token; `None` if it was moved, cancelled or forgotten.
    #[inline]
    pub(crate) fn get(&self, token: u64) -> Option<&T> {
        match &self.many {
            Some(many) => many.timers.get(&token),
            None => self.few.iter().find(|set| set.1 == token).map(|set| &set.0),
        }
    }

    /// Takes out the timer with this token.
    #[inline]
    pub(crate) fn take(&mut self, token: u64) -> Option<T> {
        match &mut self.many {
            Some(many) => many.take(token),
            None => {
                let place = self.few.iter().position(|set| set.1 == token)?;
                Some(self.few.swap_remove(place).0)
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.few.clear();
        self.many = None;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let few = self.few.iter().map(|set| &set.0);
        few.chain(self.many.iter().flat_map(|many| many.tokens.keys()))
    }
}

impl<T: Ord + Clone> Many<T> {
    fn set(&mut self, timer: T, token: u64) {
        if let Some(moved) = self.tokens.insert(timer.clone(), token) {
            self.timers.swap_remove(&moved);
        }
        self.timers.insert(token, timer);
    }

    fn cancel(&mut self, timer: &T) {
        if let Some(token) = self.tokens.remove(timer) {
            self.timers.swap_remove(&token);
        }
    }

    fn take(&mut self, token: u64) -> Option<T> {
        let timer = self.timers.swap_remove(&token)?;
        self.tokens.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;
    use std::collections::BTreeMap;

    use super::Timers;
    use crate::protocol::Rng;

    #[test]
    fn few_or_many_they_are_what_was_set_and_not_cancelled() {
        for seed in 0..200 {
            let rng = &mut Rng::new(seed, 0);
            let (mut timers, mut known) = (Timers::new(), BTreeMap::new());
            let names = rng.between(1, 60);
            for token in 1..400 {
                let timer = rng.below(names);
                match rng.below(8) {
                    0..5 => {
                        timers.set(timer, token);
                        known.insert(timer, token);
                    }
                    5 => {
                        timers.cancel(&timer);
                        known.remove(&timer);
                    }
                    6 if rng.chance(50) => {
                        timers.clear();
                        known.clear();
                    }
                    _ => {
                        let token = rng.below(token);
                        let expected = known.iter().find(|(_, set)| **set == token).map(|(timer, _)| *timer);
                        assert_eq!(timers.get(token).copied(), expected);
                        assert_eq!(timers.take(token), expected);
                        known.retain(|_, set| *set != token);
                    }
                }
                assert_eq!(timers.len(), known.len());
            }
            let mut left: Vec<u64> = timers.iter().copied().collect();
            left.sort_unstable();
            assert_eq!(left, known.into_keys().collect::<Vec<_>>());
        }
    }

    thread_local! {
        static COMPARED: Cell<u64> = const { Cell::new(0) };
    }

    /// A timer that counts how often it is compared.
    #[derive(Clone)]
    struct Counted(u64);

    impl Ord for Counted {
        fn cmp(&self, other: &Self) -> Ordering {
            COMPARED.set(COMPARED.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl PartialEq for Counted {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other) == Ordering::Equal
        }
    }

    impl Eq for Counted {}

    #[test]
    fn forty_thousand_timers_are_not_compared_with_each_other() {
        let count = 40_000;
        let mut timers = Timers::new();
        (0..count).for_each(|token| timers.set(Counted(token), token));
        (0..count).for_each(|token| _ = timers.take(token));
        let each = COMPARED.get() / count;
        assert!(each < 100, "{each} comparisons a timer");
    }
}
