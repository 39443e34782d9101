//! Knobs: named limits of a machine that a plan may set otherwise than production does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::visible;

/// The greatest value of a knob: what every reader of plan files takes for an integer.
pub const KNOB_VALUE_MAX: u64 = i64::MAX as u64;

/// The most knobs that a plan file may set, …
pub const KNOB_COUNT_MAX: usize = 64;

/// … and the longest name of one.
pub const KNOB_NAME_BYTES_MAX: usize = 64;

/// Limits of a machine, by name: how much goes into a batch, how many hints are kept, how long a log grows.
///
/// A limit that is too large to be met in a small world hides what happens when it is met. So a machine asks for it at its boot
/// ([`Boot::knob`](super::Boot::knob)), and a plan may say another value. None is set by default, and that costs nothing; a copy
/// costs a counter.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Knobs(
    /// invariant: in the order of the names, none twice; `None` if there are none.
    Option<Arc<[(String, u64)]>>,
);

impl Knobs {
    /// The value of a knob that is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        let knobs = self.0.as_deref()?;
        let place = knobs.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        ASKED.with_borrow_mut(|asked| {
            if let Some(asked) = asked
                && !asked.contains(name)
            {
                asked.insert(name.to_owned());
            }
        });
        Some(knobs[place].1)
    }

    /// Sets a knob, to [`KNOB_VALUE_MAX`] at the most.
    pub fn set(&mut self, name: impl Into<String>, value: u64) {
        let others = self.iter().map(|(name, value)| (name.to_owned(), value));
        *self = others.chain([(name.into(), value)]).collect();
    }

    /// Leaves a knob as the machine has it.
    pub fn remove(&mut self, name: &str) {
        *self = self.iter().filter(|(other, _)| *other != name).map(|(name, value)| (name.to_owned(), value)).collect();
    }

    /// All that are set, in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, u64)> + Clone {
        self.0.as_deref().unwrap_or_default().iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// How many are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// True if none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

thread_local! {
    /// The knobs that were set and asked for on this thread, while somebody wants to know. It changes nothing that is answered.
    static ASKED: RefCell<Option<BTreeSet<String>>> = const { RefCell::new(None) };
}

/// Runs `world` on this thread, and tells which of the knobs that are set were [asked for](Knobs::get) there.
#[cfg(feature = "harness")]
pub(crate) fn watch_knobs<T>(world: impl FnOnce() -> T) -> (T, BTreeSet<String>) {
    let outside = ASKED.replace(Some(BTreeSet::new()));
    let came = world();
    (came, ASKED.replace(outside).unwrap_or_default())
}

/// Of those with the same name the last one counts.
impl FromIterator<(String, u64)> for Knobs {
    fn from_iter<I: IntoIterator<Item = (String, u64)>>(knobs: I) -> Self {
        let knobs: BTreeMap<String, u64> = knobs.into_iter().collect();
        if knobs.is_empty() {
            return Self(None);
        }
        Self(Some(knobs.into_iter().map(|(name, value)| (name, value.min(KNOB_VALUE_MAX))).collect()))
    }
}

/// `batch_max = 1, hints_max = 0`.
impl fmt::Display for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{} = {value}", visible(name))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{KNOB_VALUE_MAX, Knobs};

    #[test]
    fn what_is_set_is_there_and_what_is_removed_leaves_no_trace() {
        let mut knobs = Knobs::default();
        for (name, value) in [("hints", 2), ("batch", 1), ("hints", 0), ("all", u64::MAX)] {
            knobs.set(name, value);
        }
        assert_eq!(knobs.to_string(), format!("all = {KNOB_VALUE_MAX}, batch = 1, hints = 0"));
        assert_eq!((knobs.get("batch"), knobs.get("none"), knobs.len()), (Some(1), None, 3));
        ["batch", "none", "all", "hints"].iter().for_each(|name| knobs.remove(name));
        assert_eq!((&knobs, knobs.is_empty()), (&Knobs::default(), true));
    }
}
