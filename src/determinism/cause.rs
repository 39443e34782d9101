//! What probably makes a system go different ways: told by how its texts differ from run to run.
//!
//! All of these are guesses, and are told as such. They rest on ten runs of one world: every second on a thread of its own, so
//! that what belongs to a thread shows.

use std::fmt;

/// What is probably to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The same things, in another order.
    IterationOrder,
    /// A number that looks like a place in memory.
    Address,
    /// The time of day.
    WallClock,
    /// A number that grows from run to run.
    Counter,
    /// A number that grows on one thread, and begins anew on another.
    ThreadLocal,
    /// The same on one thread, and something else on each other.
    ThreadIdentity,
    /// Large numbers without a pattern.
    Entropy,
    /// Small numbers, or words, without a pattern.
    Timing,
    /// Only the state differs, and a digest of it tells nothing.
    State,
    /// Some runs have more to tell than others.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IterationOrder => "iteration order (a HashMap or HashSet?): the same things come in another order",
            Self::Address => "an address: the number looks like a place in memory",
            Self::WallClock => "a wall clock: the number is the time of day, and grows from run to run",
            Self::Counter => "a static counter, or a clock: the number grows from run to run",
            Self::ThreadLocal => "a thread_local that outlives its world: another thread begins anew",
            Self::ThreadIdentity => "the thread's identity: the same on one thread, and different on each other",
            Self::Entropy => "entropy (a RandomState, or a random seed?): large numbers without a pattern",
            Self::Timing => {
                "thread timing, a stopwatch, or what comes first in a HashMap: it differs without a pattern"
            }
            Self::State => "something in the state that no message shows: an order, an address, a counter or a clock",
            Self::Unknown => "not to be told from the texts: some runs do more than others",
        })
    }
}

/// How one run went from the first difference on.
pub(crate) struct Sample {
    /// The texts of the step.
    pub(crate) step: Vec<String>,
    /// All that was sent and answered, in the step and after it; `None` if that is not known.
    pub(crate) deeds: Option<Deeds>,
}

/// What was sent and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deeds {
    /// A digest of it in any order.
    pub(crate) all: u64,
    /// A digest of it in its order.
    pub(crate) row: u64,
}

/// Of so many texts of a step it is looked at how they are ordered.
const ORDERED_MAX: usize = 256;

/// Numbers of at least so much are no counts and no spans of time in a run …
const LARGE: u64 = 1 << 52;
/// … unless they are the time of day, in any unit, between these years, in seconds.
const DAYS: [u64; 2] = [1_500_000_000, 4_000_000_000];

impl Cause {
    /// The likely cause, told by how the step went in runs in turn on one thread (even places) and on new ones (odd places).
    /// The first two differ.
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let words: Vec<Vec<&str>> = samples.iter().map(|sample| words(&sample.step)).collect();
        if words[0] != words[1] && sorted(&words[0]) == sorted(&words[1]) {
            return Self::IterationOrder;
        }
        let cause = if words.iter().any(|other| other.len() != words[0].len()) {
            thread_pattern(&words).unwrap_or(Self::Unknown)
        } else {
            let column = |place: usize| words.iter().map(|words| words[place]).collect::<Vec<_>>();
            let differing = (0..words[0].len()).map(column).find(|column| column[0] != column[1]);
            differing.map_or(Self::Unknown, |column| of_word(&column))
        };
        let is_open = matches!(cause, Self::Unknown | Self::Timing);
        if is_open && is_order(samples) { Self::IterationOrder } else { cause }
    }
}

/// True if some runs do more than others, or something else, because the same things come in another order.
fn is_order(samples: &[Sample]) -> bool {
    let first = |sample: &Sample| sample.step.first().cloned().into_iter().collect::<Vec<String>>();
    let firsts = [first(&samples[0]), first(&samples[1])];
    let [one, other] = [words(&firsts[0]), words(&firsts[1])];
    (one != other && sorted(&one) == sorted(&other))
        || is_one_collection(samples)
        || samples.windows(2).any(|pair| is_swapped(&pair[0], &pair[1]))
        || is_reordered(samples)
}

/// True if all runs send and answer the same in the end, but not in the same order.
fn is_reordered(samples: &[Sample]) -> bool {
    let (Some(one), Some(other)) = (samples[0].deeds, samples[1].deeds) else { return false };
    let same = |sample: &Sample| sample.deeds.is_some_and(|deeds| deeds.all == one.all);
    one.row != other.row && samples.iter().all(same)
}

/// True if whatever comes first in one run comes later in another.
fn is_one_collection(samples: &[Sample]) -> bool {
    let mut firsts: Vec<&str> = samples.iter().filter_map(|sample| Some(sample.step.first()?.as_str())).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let comes_later = |text: &&str| samples.iter().any(|sample| sample.step.iter().skip(1).any(|later| later == text));
    firsts.len() > 1 && firsts.iter().all(comes_later)
}

/// True if two texts of both runs come in one order in one of them, and in the other order in the other.
fn is_swapped(one: &Sample, other: &Sample) -> bool {
    let place = |text: &String| other.step.iter().take(ORDERED_MAX).position(|found| found == text);
    let texts = one.step.iter().take(ORDERED_MAX).enumerate();
    // Texts that come again have no place.
    let alone = texts.filter(|(at, text)| !one.step[..*at].contains(*text)).map(|(_, text)| text);
    let places: Vec<usize> = alone.filter_map(place).collect();
    places.windows(2).any(|pair| pair[0] > pair[1])
}

/// The likely cause of one word that differs.
fn of_word(column: &[&str]) -> Cause {
    let numbers: Option<Vec<u64>> = column.iter().map(|word| number(word)).collect();
    let Some(numbers) = numbers else { return thread_pattern(column).unwrap_or(Cause::Timing) };
    let is_hex = column.iter().all(|word| word.starts_with("0x"));
    let on_one_thread: Vec<u64> = numbers.iter().copied().step_by(2).collect();
    let on_new_threads: Vec<u64> = numbers.iter().copied().skip(1).step_by(2).collect();
    if numbers.iter().all(|&number| is_time_of_day(number)) && grows(&numbers) {
        Cause::WallClock
    } else if numbers.iter().all(|&number| looks_like_address(number, is_hex)) {
        Cause::Address
    } else if grows(&on_one_thread) && is_one(&on_new_threads) {
        Cause::ThreadLocal
    } else if grows(&numbers) {
        Cause::Counter
    } else if let Some(cause) = thread_pattern(column) {
        cause
    } else if numbers.iter().any(|&number| number >= LARGE) {
        Cause::Entropy
    } else {
        Cause::Timing
    }
}

/// What always is one thing on one thread, and something else on others.
fn thread_pattern<T: PartialEq>(samples: &[T]) -> Option<Cause> {
    let on_one_thread: Vec<&T> = samples.iter().step_by(2).collect();
    let on_new_threads: Vec<&T> = samples.iter().skip(1).step_by(2).collect();
    let differs = on_new_threads.iter().all(|other| *other != on_one_thread[0]);
    (is_one(&on_one_thread) && differs).then_some(Cause::ThreadIdentity)
}

/// The words and numbers of a text, in order. A point within a number is part of it.
fn words(texts: &[String]) -> Vec<&str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let parts = texts.iter().flat_map(|text| text.split(move |c| !is_part(c)));
    let words = parts.flat_map(|part| {
        let is_number = part.starts_with(|c: char| c.is_ascii_digit());
        let points: &[char] = if is_number { &[] } else { &['.'] };
        part.split(points)
    });
    words.map(|word| word.trim_matches('.')).filter(|word| !word.is_empty()).collect()
}

fn sorted<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut words = words.to_vec();
    words.sort_unstable();
    words
}

fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        // Units stick to numbers, and so do fractions: `1.7µs`.
        None => word.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok(),
    }
}

fn grows(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

fn is_one<T: PartialEq>(all: &[T]) -> bool {
    all.iter().all(|one| *one == all[0])
}

fn is_time_of_day(number: u64) -> bool {
    [1, 1_000, 1_000_000, 1_000_000_000].iter().any(|unit| (DAYS[0]..DAYS[1]).contains(&(number / unit)))
}

/// Places in memory lie low in 64 bits, but not very low; written as a plain number they must also be aligned.
fn looks_like_address(number: u64, is_hex: bool) -> bool {
    (1 << 20..1 << 48).contains(&number) && (is_hex || (number >= 1 << 32 && number.is_multiple_of(4)))
}

#[cfg(test)]
mod tests {
    use super::{Cause, Deeds, Sample};

    /// The cause told by one line in ten runs.
    fn check(runs: [&str; 10], expected: Cause) {
        let sample = |text: &&str| Sample { step: text.split(" | ").map(str::to_owned).collect(), deeds: None };
        let samples: Vec<Sample> = runs.iter().map(sample).collect();
        assert_eq!(Cause::of(&samples), expected, "{runs:?}");
    }

    fn in_turn<'a>(one: &'a str, other: &'a str) -> [&'a str; 10] {
        [one, other, one, other, one, other, one, other, one, other]
    }

    #[test]
    fn patterns_tell_causes() {
        check(in_turn("to 1, to 2", "to 2, to 1"), Cause::IterationOrder);
        check(in_turn("at 0x7f12a4c03010", "at 0x55aa8810c2a0"), Cause::Address);
        check(in_turn("on ThreadId(1)", "on ThreadId(7)"), Cause::ThreadIdentity);
        check(in_turn("on main", "on another one"), Cause::ThreadIdentity);
        check(["n 1", "n 2", "n 3", "n 5", "n 6", "n 7", "n 8", "n 9", "n 10", "n 12"], Cause::Counter);
        check(["n 1", "n 0", "n 2", "n 0", "n 3", "n 0", "n 4", "n 0", "n 5", "n 0"], Cause::ThreadLocal);
        let seconds =
            "1700000001 1700000002 1700000003 1700000004 1700000005 1700000006 1700000007 1700000008 1700000009";
        let mut day: Vec<&str> = seconds.split(' ').collect();
        day.push("1700000010");
        check(day.try_into().unwrap(), Cause::WallClock);
        let took = ["1.2µs", "900ns", "1.5µs", "1µs", "2.1µs", "880ns", "1.2µs", "1.3µs", "1ms", "1.2µs"];
        check(took, Cause::Timing);
        check(["0", "1000", "0", "0", "0", "1000", "0", "0", "0", "0"], Cause::Timing);
        check(["a", "b", "b", "a", "a", "a", "b", "b", "a", "a"], Cause::Timing);
        check(["a b", "a", "a", "a b", "a", "a b", "a b", "a", "a", "a"], Cause::Unknown);
        let hash = ["17391231231231231231", "3213123123123123123", "9", "8", "7", "6", "5", "4", "3", "2"];
        check(hash, Cause::Entropy);
    }

    /// A node goes through its peers until it comes to a certain one: how many it meets depends on the order.
    #[test]
    fn an_order_that_makes_a_run_do_more_is_told() {
        let until_1 = ["to 2 | to 1", "to 1", "to 3 | to 2 | to 1", "to 3 | to 1", "to 2 | to 3 | to 1"];
        let until_1 = [until_1, ["to 1", "to 1", "to 2 | to 1", "to 3 | to 1", "to 1"]].concat();
        check(until_1.try_into().unwrap(), Cause::IterationOrder);
        // A coin decides whether there is one more: nothing ever comes in another order.
        check(["b | a", "a", "a", "b | a", "a", "b | a", "b | a", "a", "a", "a"], Cause::Unknown);
        check(["a | b", "a", "a", "a | b", "a", "a | b", "a | b", "a", "a", "a"], Cause::Unknown);
        // The state comes first, and what one run does more is because of it.
        let state = ["{1, 2} | more", "{2, 1}", "{2, 1}", "{1, 2} | more", "{2, 1}", "{2, 1}", "{1, 2} | more"];
        let state = [&state[..], &["{2, 1}", "{2, 1}", "{1, 2} | more"]].concat();
        check(state.try_into().unwrap(), Cause::IterationOrder);
    }

    /// Each step takes some of what there is to do, and in the end all of it is done.
    #[test]
    fn the_same_things_over_several_steps_are_an_order() {
        let runs = |deeds: fn(u64) -> Deeds| -> Vec<Sample> {
            let texts = ["to 1", "to 2 | to 3", "to 2", "to 3 | to 4", "to 4", "to 1", "to 3", "to 2", "to 1", "to 4"];
            let sample = |(place, text): (u64, &str)| Sample {
                step: text.split(" | ").map(str::to_owned).collect(),
                deeds: Some(deeds(place)),
            };
            (0..).zip(texts).map(sample).collect()
        };
        assert_eq!(Cause::of(&runs(|row| Deeds { all: 7, row })), Cause::IterationOrder);
        assert_eq!(Cause::of(&runs(|row| Deeds { all: row, row })), Cause::Unknown);
        // What was sent and answered is the same, and what differs is something else.
        assert_eq!(Cause::of(&runs(|_| Deeds { all: 7, row: 7 })), Cause::Unknown);
    }
}
