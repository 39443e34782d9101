//! Clients of a key-value store: few keys, many writers.

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};

use super::{Request, Response};
use crate::machine::{RequestId, Rng, StateMachine, Workload};

/// The keys of small worlds. Two or more are needed to see a stamp that knows too much of the other key.
const KEYS: [&str; 4] = ["cart", "user", "page", "item"];

/// Clients that put and get at any node, over one to four keys.
///
/// The values are `a`, `b`, `c`, … in the order of the plan, so that a story can be told with them.
#[derive(Clone, Debug)]
pub struct StoreWorkload {
    key_count: usize,
    key_count_max: usize,
    get_permille: u32,
    drawn: usize,
    /// The keys and values written in this run: a value that a plan repeats is told apart.
    written: IndexSet<(String, String)>,
}

impl Default for StoreWorkload {
    fn default() -> Self {
        Self { key_count: 1, key_count_max: 3, get_permille: 120, drawn: 0, written: IndexSet::new() }
    }
}

impl StoreWorkload {
    /// Lets worlds have up to `key_count_max` keys, of the four there are.
    #[must_use]
    pub fn keys(mut self, key_count_max: usize) -> Self {
        self.key_count_max = key_count_max.clamp(1, KEYS.len());
        self
    }
}

impl StoreWorkload {
    /// `value`, or a variant of it that this run has not written to `key` yet.
    fn unused(&mut self, key: &str, value: &str) -> String {
        let mut unused = value.to_owned();
        let mut times = 1;
        while !self.written.insert((key.to_owned(), unused.clone())) {
            times += 1;
            unused = format!("{value}~{times}");
        }
        unused
    }
}

/// What stands in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum StoreAction {
    /// `put = { key = "cart", value = "b" }`
    Put {
        /// Where.
        key: String,
        /// What; when a plan writes the same value to a key again, `~2`, `~3`, … is added to it.
        value: String,
    },
    /// `get = { key = "cart" }`
    Get {
        /// Where.
        key: String,
    },
}

impl<M> Workload<M> for StoreWorkload
where
    M: StateMachine<Request = Request, Response = Response>,
{
    type Action = StoreAction;

    fn begin(&mut self, rng: &mut Rng) {
        self.drawn = 0;
        self.key_count = rng.between(1, self.key_count_max as u64) as usize;
    }

    fn draw(&mut self, rng: &mut Rng) -> StoreAction {
        let key = KEYS[rng.below(self.key_count as u64) as usize].to_owned();
        if rng.chance(self.get_permille) {
            return StoreAction::Get { key };
        }
        self.drawn += 1;
        StoreAction::Put { key, value: label(self.drawn - 1) }
    }

    fn request(&mut self, _id: RequestId, action: &StoreAction) -> Request {
        match action {
            StoreAction::Get { key } => Request::Get { key: key.as_str().into() },
            StoreAction::Put { key, value } => {
                let value = self.unused(key, value);
                Request::Put { key: key.as_str().into(), value: value.into_bytes().into() }
            }
        }
    }
}

/// `a` to `z`, then `aa`, `ab`, …
fn label(number: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = number + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(b'a' + (rest % 26) as u8);
        rest /= 26;
    }
    letters.iter().rev().map(|&letter| char::from(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn labels_count_in_letters() {
        let labels = [0, 1, 25, 26, 27, 701, 702].map(label);
        assert_eq!(labels, ["a", "b", "z", "aa", "ab", "zz", "aaa"]);
    }
}
