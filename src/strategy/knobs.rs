//! Threshold shaking: limits that are too large to be met in a small world are tiny in some worlds.
//!
//! A batch of 64, a log of 1,000 entries, a queue of 10,000: what happens when they are full never happens in a world of twenty
//! requests. The same code with a batch of one meets its limit all the time.

use std::ops::RangeInclusive;

use crate::protocol::{Knobs, Rng};

/// The random stream of knobs: a system that has none draws the worlds it always drew.
const KNOB_STREAM: u64 = 16;

/// Of the knobs of a world that has any set, so many in a thousand are …
const SET_PERMILLE: u32 = 500;
/// … and so many of those have one of the smallest values …
const TINY_PERMILLE: u32 = 800;
/// … which are so many.
const TINY_COUNT: u64 = 3;

/// A limit of the machine that worlds may shake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knob {
    /// What the machine calls it as it boots.
    pub name: String,
    /// From the smallest value that makes sense to the largest.
    pub range: RangeInclusive<u64>,
}

impl Knob {
    /// The smallest values of its range.
    #[must_use]
    pub fn tiny(&self) -> RangeInclusive<u64> {
        let (low, high) = (*self.range.start(), *self.range.end());
        low..=low.saturating_add(TINY_COUNT - 1).min(high)
    }
}

/// The knobs of the world of `seed`: none, or in `permille` of a thousand worlds at least one of `knobs`.
pub(crate) fn draw_knobs(knobs: &[Knob], permille: u32, seed: u64) -> Knobs {
    let rng = &mut Rng::new(seed, KNOB_STREAM);
    if knobs.is_empty() || !rng.chance(permille) {
        return Knobs::default();
    }
    let certain = rng.below(knobs.len() as u64) as usize;
    let mut set = Vec::new();
    for (place, knob) in knobs.iter().enumerate() {
        // Drawn whether or not it counts, so that a knob's value does not depend on which others are set.
        let (is_set, value) = (rng.chance(SET_PERMILLE), draw_value(knob, rng));
        if is_set || place == certain {
            set.push((knob.name.clone(), value));
        }
    }
    set.into_iter().collect()
}

/// Mostly tiny, sometimes anything.
fn draw_value(knob: &Knob, rng: &mut Rng) -> u64 {
    let range = if rng.chance(TINY_PERMILLE) { knob.tiny() } else { knob.range.clone() };
    rng.between(*range.start(), *range.end())
}

#[cfg(test)]
mod tests {
    use super::{Knob, draw_knobs};

    #[test]
    fn some_worlds_have_some_knobs_and_mostly_tiny_ones() {
        let knobs = [("batch", 1..=64), ("hints", 0..=1_000), ("one", 7..=7)];
        let knobs = knobs.map(|(name, range)| Knob { name: name.to_owned(), range });
        let drawn = || (0..1_000).map(|seed| draw_knobs(&knobs, 300, seed));
        let worlds = drawn().filter(|drawn| !drawn.is_empty()).count();
        assert!((200..400).contains(&worlds), "{worlds}");
        for knob in &knobs {
            let values: Vec<u64> = drawn().filter_map(|drawn| drawn.get(&knob.name)).collect();
            assert!(values.iter().all(|value| knob.range.contains(value)), "{knob:?}");
            let tiny = values.iter().filter(|value| **value < knob.range.start() + 3).count();
            assert!(values.len() > worlds / 3 && tiny * 10 > values.len() * 7, "{knob:?}: {tiny} of {}", values.len());
        }
        assert!((0..100).all(|seed| draw_knobs(&[], 1_000, seed).is_empty()));
        assert!((0..100).all(|seed| !draw_knobs(&knobs, 1_000, seed).is_empty()));
    }
}
